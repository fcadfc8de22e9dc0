/*
 * postgres_library.h - libpq, loaded when the first PostgreSQL store is opened.
 *
 * Linked in the usual way it costs every start of the program 3 ms and 3 MB, see runtime/library.h. So
 * PQexec() is called pq.exec(), and so on.
 */
#ifndef RUNTIME_STORE_POSTGRES_LIBRARY_H
#define RUNTIME_STORE_POSTGRES_LIBRARY_H

#include <libpq-fe.h>

struct err;

struct postgres_library {
#define FUNCTION(name) __typeof__(&PQ##name) name;
#include "runtime/store/postgres_library.def"
};

extern struct postgres_library pq;

/* To be called before anything of it is used. ERR_UNSUPPORTED: it is not installed. */
int postgres_library_load(struct err *err);

#endif
