# libruntime: everything that remembers, waits or talks. Knows libasl, never the program.
noinst_LIBRARIES += libruntime.a
libruntime_a_SOURCES = \
    %D%/clock.h \
    %D%/histogram.h \
    %D%/library.c \
    %D%/library.h \
    %D%/uuid.c \
    %D%/uuid.h
RUNTIME_LIBS = libruntime.a $(ASL_LIBS) $(SQLITE_LIBS) $(EVENT_LIBS)

include runtime/execution/local.mk
include runtime/store/local.mk
include runtime/executor/local.mk
include runtime/task/local.mk
include runtime/service/local.mk
include runtime/upkeep/local.mk
