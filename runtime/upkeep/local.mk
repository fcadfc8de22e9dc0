libruntime_a_SOURCES += \
    %D%/retention.c \
    %D%/retention.h \
    %D%/retention_worker.c \
    %D%/retention_worker.h \
    %D%/store_claim.c \
    %D%/store_claim.h \
    %D%/sweep.c \
    %D%/sweep.h \
    %D%/sweep_definitions.c
