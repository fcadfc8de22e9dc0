#include "config.h"

#include "runtime/library.h"

#include "asl/base/err.h"

#include <dlfcn.h>

int library_load(const char *file, const char *what, const struct library_function *functions, size_t count,
                 void *table, struct err *err)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return err_set(err, ERR_UNSUPPORTED, "%s is not installed: %s", what, dlerror());
    for (size_t i = 0; i < count; i++) {
        void *function = dlsym(library, functions[i].name);

        if (!function)
            return err_set(err, ERR_UNSUPPORTED, "%s (%s) is too old: it has no %s", what, file, functions[i].name);
        /* POSIX: a pointer of dlsym() may be that of a function. */
        *(void **)((char *)table + functions[i].offset) = function;
    }
    return 0;
}
