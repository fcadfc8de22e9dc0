libruntime_a_SOURCES += \
    %D%/events.def
