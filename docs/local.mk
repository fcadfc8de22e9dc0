EXTRA_DIST += %D%/architecture.md %D%/citus.sql %D%/definitions.md %D%/handlers.md %D%/limits.md %D%/security.md %D%/store.md
