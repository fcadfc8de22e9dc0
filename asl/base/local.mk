libasl_a_SOURCES += \
    %D%/arena.c \
    %D%/arena.h \
    %D%/buf.c \
    %D%/buf.h \
    %D%/err.c \
    %D%/err.h \
    %D%/json.c \
    %D%/json.h \
    %D%/json_parse.c \
    %D%/limits.h \
    %D%/mem.c \
    %D%/mem.h \
    %D%/suggest.c \
    %D%/suggest.h
