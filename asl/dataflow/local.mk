libasl_a_SOURCES += \
    %D%/choice.h \
    %D%/dataflow.h \
    %D%/template.h \
    %D%/timestamp.c \
    %D%/timestamp.h
