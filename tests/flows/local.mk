# Flows: what an execution does, as text (tests/flow/flow.h); each file is a test.
check_PROGRAMS += tests/run_flow
tests_run_flow_SOURCES = \
    tests/flow/expect.c \
    tests/flow/flow.h \
    tests/flow/parse.c \
    tests/flow/play.c \
    tests/flow/play_priv.h \
    tests/run_flow.c
tests_run_flow_LDADD = $(RUNTIME_LIBS)
FLOW_LOG_COMPILER = tests/run_flow

flow_files = \
    %D%/callback.flow \
    %D%/catch.flow \
    %D%/choice.flow \
    %D%/dataflow.flow \
    %D%/limits.flow \
    %D%/map.flow \
    %D%/parallel.flow \
    %D%/retry.flow \
    %D%/stop.flow \
    %D%/timeout.flow \
    %D%/variables.flow \
    %D%/wait.flow
TESTS += $(flow_files)
EXTRA_DIST += $(flow_files)
