#include "config.h"

#include "orchestrator/curl_library.h"

#include "asl/base/err.h"
#include "runtime/library.h"

#include <stdbool.h>
#include <stddef.h>

struct curl_library curl;

static const struct library_function functions[] = {
#define FUNCTION(name) {"curl_" #name, offsetof(struct curl_library, name)},
#include "orchestrator/curl_library.def"
#undef FUNCTION
};

int curl_library_load(struct err *err)
{
    static bool loaded;

    if (loaded)
        return 0;
    int result = library_load("libcurl.so.4", "the library libcurl", functions, sizeof(functions) / sizeof(*functions),
                              &curl, err);
    if (!result && curl.global_init(CURL_GLOBAL_DEFAULT))
        result = err_set(err, ERR_IO, "libcurl could not be used");
    loaded = !result;
    return result;
}
