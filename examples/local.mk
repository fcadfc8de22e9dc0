# examples
EXTRA_DIST += \
    %D%/lib/handler.h
