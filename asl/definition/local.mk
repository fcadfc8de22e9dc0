libasl_a_SOURCES += \
    %D%/definition.h \
    %D%/diagnostic.h \
    %D%/graph.h \
    %D%/resource.h \
    %D%/state_types.def
