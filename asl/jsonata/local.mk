libasl_a_SOURCES += \
    %D%/jsonata.h
