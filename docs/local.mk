EXTRA_DIST += %D%/architecture.md %D%/limits.md %D%/security.md
