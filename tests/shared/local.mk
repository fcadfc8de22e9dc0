# What was recorded or collected outside of this project, where it lies in ../shared beside the source tree.
SHARED_TESTS = \
    %D%/conformance.sh \
    %D%/definitions.sh \
    %D%/jsonata.sh
dist_check_SCRIPTS += $(SHARED_TESTS)
TESTS += $(SHARED_TESTS)
