/*
 * sqlite_schema.h - the tables of an SQLite store: made, brought up to date, or refused.
 *
 * The file carries an application_id, so that another program's database is not mistaken for a
 * store, and counts its migrations in user_version. Each migration runs in a transaction of its own;
 * whoever opens first does it, the others find it done.
 *
 * Errors    ERR_CORRUPT the file is no store or damaged, ERR_VERSION it is of a newer program.
 */
#ifndef RUNTIME_STORE_SQLITE_SCHEMA_H
#define RUNTIME_STORE_SQLITE_SCHEMA_H

struct err;
struct sqlite3;

/* The version that this program writes. */
int sqlite_schema_version(void);
/* Looks at what is there without changing it; a file that is still empty is welcome. */
int sqlite_schema_check(struct sqlite3 *db, const char *path, struct err *err);
/* Runs the migrations up to `version` (tests stop earlier than sqlite_schema_version()). */
int sqlite_schema_migrate(struct sqlite3 *db, const char *path, int version, struct err *err);

#endif
