libasl_a_SOURCES += \
    %D%/eval.c \
    %D%/filter.c \
    %D%/filter_parse.c \
    %D%/function.c \
    %D%/jsonpath.h \
    %D%/jsonpath_priv.h \
    %D%/parse.c
