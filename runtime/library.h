/*
 * library.h - shared libraries that are loaded when they are first needed.
 *
 * Linked in the usual way, libpq and libcurl bring some twenty others along (Kerberos, LDAP, HTTP/2 ...), which
 * cost every start of the program milliseconds and megabytes, also where nobody asks for them. So a table of
 * function pointers stands for the library: PQexec() is called pq.exec().
 */
#ifndef RUNTIME_LIBRARY_H
#define RUNTIME_LIBRARY_H

#include <stddef.h>

struct err;

struct library_function {
    const char *name; /* in the library */
    size_t offset;    /* of its pointer in the table */
};

/*
 * Fills the table with the functions of the library, which stays loaded. ERR_UNSUPPORTED: it is not installed, or
 * too old to have them all; `what` names it for people. Not for several threads at once.
 */
int library_load(const char *file, const char *what, const struct library_function *functions, size_t count,
                 void *table, struct err *err);

#endif
