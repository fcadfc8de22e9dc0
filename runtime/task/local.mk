libruntime_a_SOURCES += \
    %D%/answer.c \
    %D%/answer.h \
    %D%/callback.c \
    %D%/callback.h \
    %D%/connector.h \
    %D%/deferred.c \
    %D%/deferred.h \
    %D%/function_call.c \
    %D%/function_command.c \
    %D%/function_lines.c \
    %D%/function_names.c \
    %D%/function_settings.c \
    %D%/function_settings.h \
    %D%/functions.c \
    %D%/functions.h \
    %D%/functions_priv.h \
    %D%/mock.c \
    %D%/mock.h \
    %D%/process.c \
    %D%/process.h \
    %D%/service_answer.c \
    %D%/service_answer.h \
    %D%/text_file.c \
    %D%/text_file.h
