libruntime_a_SOURCES += \
    %D%/batch.c \
    %D%/fault.c \
    %D%/fault.h \
    %D%/postgres.c \
    %D%/postgres_library.c \
    %D%/postgres_library.def \
    %D%/postgres_library.h \
    %D%/postgres_params.c \
    %D%/postgres_params.h \
    %D%/postgres_priv.h \
    %D%/postgres_read.c \
    %D%/postgres_schema.c \
    %D%/postgres_schema.h \
    %D%/postgres_statements.def \
    %D%/postgres_write.c \
    %D%/sqlite.c \
    %D%/sqlite_alive.c \
    %D%/sqlite_priv.h \
    %D%/sqlite_read.c \
    %D%/sqlite_schema.c \
    %D%/sqlite_schema.h \
    %D%/sqlite_statements.def \
    %D%/sqlite_write.c \
    %D%/store.c \
    %D%/store.h \
    %D%/store_priv.h
