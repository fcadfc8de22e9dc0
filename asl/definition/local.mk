libasl_a_SOURCES +=
