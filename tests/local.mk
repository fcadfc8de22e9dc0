# Tests. Unit tests are C; what can be written as text is under cases/ (language) and flows/ (executions);
# e2e/ drives the program from outside.
TEST_EXTENSIONS = .flow .pg .py .sh .test
EXTRA_DIST += %D%/count %D%/cppcheck.suppressions %D%/lint %D%/new_store %D%/on_postgres %D%/postgres.sh

# The program's tests once more on PostgreSQL: postgres/NAME.pg stands for NAME.sh or NAME.py, run by on_postgres.
ON_POSTGRES = \
    %D%/e2e/postgres/api.pg \
    %D%/e2e/postgres/cli.pg \
    %D%/e2e/postgres/doctor.pg \
    %D%/e2e/postgres/endpoint.pg \
    %D%/e2e/postgres/examples.pg \
    %D%/e2e/postgres/kill_test.pg \
    %D%/e2e/postgres/robust.pg \
    %D%/shared/postgres/conformance.pg
TESTS += $(ON_POSTGRES)
PG_LOG_COMPILER = $(srcdir)/%D%/on_postgres
CLEANFILES += $(ON_POSTGRES)
$(ON_POSTGRES):
	@$(MKDIR_P) $(@D)
	@: >$@

dist_check_SCRIPTS = %D%/docs/limits.sh %D%/docs/man.sh
TESTS += %D%/docs/limits.sh %D%/docs/man.sh

# Definitions as text, and what is said about them.
check_PROGRAMS += %D%/run_definitions
TESTS += %D%/run_definitions
tests_run_definitions_SOURCES = %D%/run_definitions.c
tests_run_definitions_LDADD = $(ASL_LIBS)
EXTRA_DIST += \
    %D%/cases/definition/blocks.test \
    %D%/cases/definition/choice.test \
    %D%/cases/definition/fields.test \
    %D%/cases/definition/handlers.test \
    %D%/cases/definition/structure.test \
    %D%/cases/definition/text.test \
    %D%/cases/definition/variables.test \
    %D%/cases/definition/warnings.test

# JSONata as JSON Lines, for suites of cases that stand outside of the tree.
noinst_PROGRAMS += %D%/jsonata_batch
tests_jsonata_batch_SOURCES = %D%/jsonata_batch.c
tests_jsonata_batch_LDADD = program/command/eval_jsonata.o $(ASL_LIBS)

# JSONata as text.
check_PROGRAMS += %D%/run_jsonata
TESTS += %D%/run_jsonata
tests_run_jsonata_SOURCES = %D%/run_jsonata.c
tests_run_jsonata_LDADD = $(ASL_LIBS)
EXTRA_DIST += \
    %D%/cases/jsonata/collections.test \
    %D%/cases/jsonata/datetime.test \
    %D%/cases/jsonata/functions.test \
    %D%/cases/jsonata/numbers.test \
    %D%/cases/jsonata/operators.test \
    %D%/cases/jsonata/paths.test \
    %D%/cases/jsonata/pictures.test \
    %D%/cases/jsonata/regex.test \
    %D%/cases/jsonata/states.test \
    %D%/cases/jsonata/states_check.test \
    %D%/cases/jsonata/states_limits.test \
    %D%/cases/jsonata/strings.test \
    %D%/cases/jsonata/tuples.test

# The program, driven from a shell.
dist_check_SCRIPTS += %D%/e2e/cli.sh
TESTS += %D%/e2e/cli.sh

# The API over HTTP, driven by its clients.
dist_check_SCRIPTS += %D%/e2e/api.sh
TESTS += %D%/e2e/api.sh
EXTRA_DIST += \
    %D%/e2e/js_sdk.mjs \
    %D%/e2e/server.py \
    %D%/e2e/test_answers.py \
    %D%/e2e/test_aws_cli.py \
    %D%/e2e/test_boto3.py \
    %D%/e2e/test_http.py \
    %D%/e2e/test_js_sdk.py \
    %D%/e2e/test_logs.py \
    %D%/e2e/test_metrics.py \
    %D%/e2e/test_security.py \
    %D%/e2e/test_support.py \
    %D%/e2e/test_tested_state.py

include tests/cluster/local.mk
include tests/e2e/local.mk
include tests/flows/local.mk
include tests/shared/local.mk
include tests/unit/local.mk
include tests/cases/local.mk
include tests/fuzz/local.mk

# Everything that takes no server and no real time.
check-fast:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(filter-out tests/cluster/% tests/e2e/% tests/shared/% examples/%,$(TESTS))'
.PHONY: check-fast
