libruntime_a_SOURCES += \
    %D%/activity.c \
    %D%/alias.c \
    %D%/arn.c \
    %D%/arn.h \
    %D%/execution.c \
    %D%/execution.h \
    %D%/history.c \
    %D%/inbox.c \
    %D%/inbox.h \
    %D%/machine.c \
    %D%/machine.h \
    %D%/map_run.c \
    %D%/model.c \
    %D%/model.h \
    %D%/mock_data.c \
    %D%/model_data.c \
    %D%/nested.c \
    %D%/nested.h \
    %D%/operations.def \
    %D%/page.c \
    %D%/records.c \
    %D%/redrive.c \
    %D%/service.c \
    %D%/service.h \
    %D%/service_priv.h \
    %D%/start.c \
    %D%/state_machine.c \
    %D%/tag.c \
    %D%/test_context.c \
    %D%/test_mock.c \
    %D%/test_run.c \
    %D%/test_state.c \
    %D%/test_state.h \
    %D%/token.c \
    %D%/validate.c \
    %D%/version.c
EXTRA_DIST += %D%/mock_models.json %D%/model_gen.py
