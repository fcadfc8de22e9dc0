libasl_a_SOURCES += \
    %D%/choice.c \
    %D%/choice.h \
    %D%/choice_compile.c \
    %D%/choice_priv.h \
    %D%/comparators.def \
    %D%/dataflow.c \
    %D%/dataflow.h \
    %D%/dataflow_fields.c \
    %D%/dataflow_map.c \
    %D%/dataflow_priv.h \
    %D%/dataflow_retry.c \
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
