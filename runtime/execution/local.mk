libruntime_a_SOURCES += \
    %D%/advance.c \
    %D%/apply.c \
    %D%/context.c \
    %D%/emit.c \
    %D%/event.c \
    %D%/event.h \
    %D%/event_codec.c \
    %D%/event_codec.h \
    %D%/events.def \
    %D%/execution.h \
    %D%/execution_priv.h \
    %D%/failure.c \
    %D%/history_view.c \
    %D%/history_view.h \
    %D%/query.c \
    %D%/state_map.c \
    %D%/state_parallel.c \
    %D%/state_simple.c \
    %D%/state_task.c \
    %D%/status.c \
    %D%/status.h \
    %D%/statuses.def \
    %D%/stored_event.c \
    %D%/stored_event.h \
    %D%/tally.c \
    %D%/tally.h \
    %D%/timers.c
