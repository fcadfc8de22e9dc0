# Cases of the language as text: run_cases.c says what the files look like.
check_PROGRAMS += tests/run_cases
tests_run_cases_SOURCES = tests/run_cases.c
tests_run_cases_LDADD = $(ASL_LIBS)
TEST_LOG_COMPILER = tests/run_cases

case_files = \
    tests/cases/choice/compare.test \
    tests/cases/choice/condition.test \
    tests/cases/choice/rules.test \
    tests/cases/dataflow/jsonata.test \
    tests/cases/dataflow/jsonpath.test \
    tests/cases/intrinsics/array.test \
    tests/cases/intrinsics/math.test \
    tests/cases/intrinsics/text.test \
    tests/cases/jsonpath/filters.test \
    tests/cases/jsonpath/many.test \
    tests/cases/jsonpath/roots.test \
    tests/cases/jsonpath/steps.test \
    tests/cases/template/jsonata.test \
    tests/cases/template/jsonpath.test
TESTS += $(case_files)
EXTRA_DIST += $(case_files)
