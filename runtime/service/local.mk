libruntime_a_SOURCES += \
    %D%/service.h
