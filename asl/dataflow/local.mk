libasl_a_SOURCES += \
    %D%/dataflow.h \
    %D%/template.h
