libasl_a_SOURCES += \
    %D%/jsonpath.h
