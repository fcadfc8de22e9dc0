libruntime_a_SOURCES += \
    %D%/export.c \
    %D%/import.c \
    %D%/import_fold.c \
    %D%/import_write.c \
    %D%/migrate.c \
    %D%/migrate.h \
    %D%/retention.c \
    %D%/retention.h \
    %D%/retention_worker.c \
    %D%/retention_worker.h \
    %D%/store_claim.c \
    %D%/store_claim.h \
    %D%/sweep.c \
    %D%/sweep.h \
    %D%/sweep_definitions.c \
    %D%/transfer.h \
    %D%/transfer_priv.h
