libruntime_a_SOURCES += \
    %D%/store.h
