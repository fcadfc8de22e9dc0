/*
 * postgres_schema.h - the tables of a PostgreSQL store: made, brought up to date, or refused.
 *
 * Everything lives in the schema `orchestrator`. Migrations run under an advisory lock, each in a
 * transaction of its own: whoever comes first does them, the others wait and find them done.
 *
 * Errors    ERR_CORRUPT the schema is another program's, ERR_VERSION it is of a newer program.
 */
#ifndef RUNTIME_STORE_POSTGRES_SCHEMA_H
#define RUNTIME_STORE_POSTGRES_SCHEMA_H

#include <libpq-fe.h>
#include <stdint.h>

struct err;

/* The version that this program writes. */
int postgres_schema_version(void);
/* The version that is there; 0 when there is no schema yet. */
int postgres_schema_find(PGconn *connection, int64_t *ret_version, struct err *err);
/* Brings the schema to `version` (tests stop earlier than postgres_schema_version()); a new one gets `shards`
 * shards. */
int postgres_schema_migrate(PGconn *connection, int version, int shards, struct err *err);

#endif
