TEST_EXTENSIONS = .sh
include tests/unit/local.mk
