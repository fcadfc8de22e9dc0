/* postgres_library.c - see postgres_library.h. */
#include "config.h"

#include "runtime/store/postgres_library.h"

#include "runtime/library.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct postgres_library pq;

static const struct library_function functions[] = {
#define FUNCTION(name) {"PQ" #name, offsetof(struct postgres_library, name)},
#include "runtime/store/postgres_library.def"
};

int postgres_library_load(struct err *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool loaded;
    int result = 0;

    pthread_mutex_lock(&lock);
    if (!loaded)
        result = library_load("libpq.so.5", "the client library of PostgreSQL, version 14 or later,", functions,
                              sizeof(functions) / sizeof(*functions), &pq, err);
    loaded = !result;
    pthread_mutex_unlock(&lock);
    return result;
}
