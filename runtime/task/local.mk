libruntime_a_SOURCES += \
    %D%/connector.h \
    %D%/functions.h \
    %D%/mock.h
