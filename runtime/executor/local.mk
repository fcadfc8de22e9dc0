libruntime_a_SOURCES += \
    %D%/activity.c \
    %D%/child_name.c \
    %D%/commit.c \
    %D%/definition_cache.c \
    %D%/engine.c \
    %D%/engine.h \
    %D%/engine_priv.h \
    %D%/figures.c \
    %D%/figures.h \
    %D%/history.c \
    %D%/history_marks.c \
    %D%/history_marks.h \
    %D%/item_reader.c \
    %D%/item_reader.h \
    %D%/log_files.c \
    %D%/log_files.h \
    %D%/logging.c \
    %D%/map_run.c \
    %D%/owner.c \
    %D%/peer.h \
    %D%/result_writer.c \
    %D%/result_writer.h \
    %D%/run.c \
    %D%/tasks.c \
    %D%/timers.c \
    %D%/token.c
