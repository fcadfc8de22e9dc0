libasl_a_SOURCES += \
    %D%/choice.c \
    %D%/choice.h \
    %D%/choice_compile.c \
    %D%/choice_priv.h \
    %D%/comparators.def \
    %D%/dataflow.h \
    %D%/intrinsics.c \
    %D%/intrinsics.def \
    %D%/intrinsics.h \
    %D%/intrinsics_array.c \
    %D%/intrinsics_math.c \
    %D%/intrinsics_priv.h \
    %D%/intrinsics_text.c \
    %D%/template.c \
    %D%/template.h \
    %D%/template_jsonata.c \
    %D%/template_priv.h \
    %D%/timestamp.c \
    %D%/timestamp.h
