EXTRA_DIST += %D%/architecture.md %D%/handlers.md %D%/limits.md %D%/security.md
