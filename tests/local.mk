# Tests. Unit tests are C; what can be written as text is under cases/ (language) and flows/ (executions);
# e2e/ drives the program from outside.
TEST_EXTENSIONS = .flow .sh
EXTRA_DIST += %D%/count %D%/lint

dist_check_SCRIPTS = %D%/docs/limits.sh
TESTS += %D%/docs/limits.sh

include tests/unit/local.mk
include tests/fuzz/local.mk

# Everything that takes no server and no real time.
check-fast:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(filter-out tests/e2e/% examples/%,$(TESTS))'
.PHONY: check-fast
