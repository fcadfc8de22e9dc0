libasl_a_SOURCES += \
    %D%/catch.c \
    %D%/compile.c \
    %D%/compile.h \
    %D%/definition.c \
    %D%/definition.h \
    %D%/diagnostic.c \
    %D%/diagnostic.h \
    %D%/document.c \
    %D%/document.h \
    %D%/fields.c \
    %D%/fields.def \
    %D%/flow.c \
    %D%/graph.h \
    %D%/integrations.c \
    %D%/integrations.def \
    %D%/jackson.c \
    %D%/jackson.h \
    %D%/kinds.c \
    %D%/locate.c \
    %D%/map.c \
    %D%/references.c \
    %D%/resource.c \
    %D%/resource.h \
    %D%/rules.def \
    %D%/state_types.def \
    %D%/variables.c \
    %D%/yaml.c
