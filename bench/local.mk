# Benchmarks: built and run by `./bootstrap bench` alone, never part of the tests.
# The handler is a part of `all`: the tests of the tasks use it too. Its name says that it speaks lines.
noinst_PROGRAMS += %D%/echo_handler.lines
bench_echo_handler_lines_SOURCES = %D%/echo_handler.c

bench_programs = \
    bench/append_bench \
    bench/engine_bench \
    bench/http_load \
    bench/jsonata_bench \
    bench/spawn_bench \
    bench/store_bench \
    bench/task_bench
EXTRA_PROGRAMS += $(bench_programs)

bench_append_bench_SOURCES = %D%/append_bench.c
bench_append_bench_LDADD = $(SQLITE_LIBS)

bench_engine_bench_SOURCES = \
    %D%/engine_bench.c \
    %D%/workload.c \
    %D%/workload.h
bench_engine_bench_LDADD = $(RUNTIME_LIBS)

bench_http_load_SOURCES = %D%/http_load.c
bench_http_load_LDADD = $(ASL_LIBS)

bench_jsonata_bench_SOURCES = %D%/jsonata/jsonata_bench.c
bench_jsonata_bench_LDADD = $(ASL_LIBS)

bench_spawn_bench_SOURCES = %D%/spawn_bench.c
bench_spawn_bench_LDADD = $(ASL_LIBS)

bench_store_bench_SOURCES = %D%/store_bench.c
bench_store_bench_LDADD = $(RUNTIME_LIBS)

bench_task_bench_SOURCES = %D%/task_bench.c
bench_task_bench_LDADD = $(RUNTIME_LIBS)

# A library to preload, which automake makes without libtool only by a rule of our own.
bench/slowsync.so: bench/slowsync.c
	@$(MKDIR_P) $(@D)
	$(AM_V_CCLD)$(CC) $(AM_CPPFLAGS) $(CFLAGS) -shared -fPIC -o $@ $< -ldl

bench-programs: all $(bench_programs) bench/slowsync.so
.PHONY: bench-programs

# JSONata beside the reference implementation.
bench-jsonata: bench/jsonata_bench
	@top_builddir='$(abs_top_builddir)' $(top_srcdir)/bench/jsonata/run
.PHONY: bench-jsonata

EXTRA_DIST += \
    %D%/dbos/run \
    %D%/dbos/steps.mjs \
    %D%/idle_database \
    %D%/jsonata/orders.mjs \
    %D%/jsonata/reference.mjs \
    %D%/jsonata/run \
    %D%/jsonata/table.mjs \
    %D%/jsonata/workload.json \
    %D%/run \
    %D%/slowsync.c \
    %D%/workloads/callback.asl.json \
    %D%/workloads/count.asl.json \
    %D%/workloads/map.asl.json \
    %D%/workloads/pass10.asl.json \
    %D%/workloads/task10.asl.json \
    %D%/workloads/wait.asl.json
CLEANFILES += $(bench_programs) bench/slowsync.so
