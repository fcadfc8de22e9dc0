# Unit tests of the pure parts: one program a module, linked with the library it tests alone.
check_PROGRAMS += %D%/base_test
TESTS += %D%/base_test
tests_unit_base_test_SOURCES = %D%/base_test.c
tests_unit_base_test_LDADD = $(ASL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/definition_test
TESTS += %D%/definition_test
tests_unit_definition_test_SOURCES = %D%/definition_test.c
tests_unit_definition_test_LDADD = $(ASL_LIBS) $(CMOCKA_LIBS)

# Several nodes on one PostgreSQL, which the script starts.
nodes_test_helpers = %D%/nodes_calls.c %D%/nodes_calls.h %D%/nodes_fixture.c %D%/nodes_fixture.h \
    %D%/store_fixture.c %D%/store_fixture.h
check_PROGRAMS += %D%/nodes_test %D%/nodes_fence_test
TESTS += %D%/nodes_test.sh
EXTRA_DIST += %D%/nodes_test.sh
tests_unit_nodes_test_SOURCES = %D%/nodes_test.c $(nodes_test_helpers)
tests_unit_nodes_test_LDADD = $(RUNTIME_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)
tests_unit_nodes_fence_test_SOURCES = %D%/nodes_fence_test.c $(nodes_test_helpers)
tests_unit_nodes_fence_test_LDADD = $(RUNTIME_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/replay_test
TESTS += %D%/replay_test
tests_unit_replay_test_SOURCES = %D%/replay_test.c
tests_unit_replay_test_LDADD = program/http/replay.o $(ASL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/request_test
TESTS += %D%/request_test
tests_unit_request_test_SOURCES = %D%/request_test.c
tests_unit_request_test_LDADD = program/http/request.o $(ASL_LIBS) $(CMOCKA_LIBS)

store_test_helpers = %D%/store_fixture.c %D%/store_fixture.h %D%/store_helpers.c %D%/store_helpers.h
check_PROGRAMS += %D%/store_test
TESTS += %D%/store_test
tests_unit_store_test_SOURCES = %D%/store_test.c $(store_test_helpers)
tests_unit_store_test_LDADD = $(RUNTIME_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/store_nodes_test
TESTS += %D%/store_nodes_test
tests_unit_store_nodes_test_SOURCES = %D%/store_nodes_test.c $(store_test_helpers)
tests_unit_store_nodes_test_LDADD = $(RUNTIME_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/store_prefetch_test
TESTS += %D%/store_prefetch_test
tests_unit_store_prefetch_test_SOURCES = %D%/store_prefetch_test.c $(store_test_helpers)
tests_unit_store_prefetch_test_LDADD = $(RUNTIME_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/store_crash_test
TESTS += %D%/store_crash_test
tests_unit_store_crash_test_SOURCES = %D%/store_crash_test.c %D%/store_fixture.c %D%/store_fixture.h
tests_unit_store_crash_test_LDADD = $(RUNTIME_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/store_sqlite_test
TESTS += %D%/store_sqlite_test
tests_unit_store_sqlite_test_SOURCES = %D%/store_sqlite_test.c %D%/store_fixture.c %D%/store_fixture.h
tests_unit_store_sqlite_test_LDADD = $(RUNTIME_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)

# The suites above on PostgreSQL, and what only that can meet: the script starts a server.
check_PROGRAMS += %D%/store_postgres_test
TESTS += %D%/store_postgres.sh
EXTRA_DIST += %D%/store_postgres.sh
tests_unit_store_postgres_test_SOURCES = %D%/store_postgres_test.c %D%/cut_proxy.c %D%/cut_proxy.h \
    %D%/store_fixture.c %D%/store_fixture.h
tests_unit_store_postgres_test_LDADD = $(RUNTIME_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/functions_test
TESTS += %D%/functions_test
tests_unit_functions_test_SOURCES = %D%/functions_test.c %D%/task_bench.c %D%/task_bench.h
tests_unit_functions_test_LDADD = $(RUNTIME_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/task_test
TESTS += %D%/task_test
tests_unit_task_test_SOURCES = %D%/task_test.c %D%/task_bench.c %D%/task_bench.h
tests_unit_task_test_LDADD = $(RUNTIME_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/engine_test
TESTS += %D%/engine_test
tests_unit_engine_test_SOURCES = %D%/engine_test.c %D%/engine_fixture.c %D%/engine_fixture.h
tests_unit_engine_test_LDADD = $(RUNTIME_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/engine_loss_test
TESTS += %D%/engine_loss_test
tests_unit_engine_loss_test_SOURCES = %D%/engine_loss_test.c %D%/engine_fixture.c %D%/engine_fixture.h
tests_unit_engine_loss_test_LDADD = $(RUNTIME_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/stored_event_test
TESTS += %D%/stored_event_test
tests_unit_stored_event_test_SOURCES = %D%/stored_event_test.c
tests_unit_stored_event_test_LDADD = $(RUNTIME_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/timestamp_test
TESTS += %D%/timestamp_test
tests_unit_timestamp_test_SOURCES = %D%/timestamp_test.c
tests_unit_timestamp_test_LDADD = $(ASL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/service_test
TESTS += %D%/service_test
tests_unit_service_test_SOURCES = %D%/service_test.c
tests_unit_service_test_LDADD = $(RUNTIME_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/upkeep_test
TESTS += %D%/upkeep_test
tests_unit_upkeep_test_SOURCES = %D%/upkeep_test.c $(store_test_helpers)
tests_unit_upkeep_test_LDADD = $(RUNTIME_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)
