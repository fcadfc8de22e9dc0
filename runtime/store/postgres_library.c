/* postgres_library.c - see postgres_library.h. */
#include "config.h"

#include "runtime/store/postgres_library.h"

#include "asl/base/err.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define LIBRARY "libpq.so.5"

struct postgres_library pq;

static const struct {
    const char *name;
    size_t offset; /* in struct postgres_library */
} functions[] = {
#define FUNCTION(name) {"PQ" #name, offsetof(struct postgres_library, name)},
#include "runtime/store/postgres_library.def"
};

static int load(struct err *err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return err_set(err, ERR_UNSUPPORTED, "the client library of PostgreSQL is not installed: %s", dlerror());
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        void *function = dlsym(library, functions[i].name);

        if (!function)
            return err_set(err, ERR_UNSUPPORTED, "%s has no %s: version 14 or later is needed", LIBRARY,
                           functions[i].name);
        /* POSIX: a pointer of dlsym() may be that of a function. */
        *(void **)((char *)&pq + functions[i].offset) = function;
    }
    return 0;
}

int postgres_library_load(struct err *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool loaded;
    int result = 0;

    pthread_mutex_lock(&lock);
    if (!loaded)
        result = load(err);
    loaded = !result;
    pthread_mutex_unlock(&lock);
    return result;
}
