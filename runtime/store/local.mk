libruntime_a_SOURCES +=
