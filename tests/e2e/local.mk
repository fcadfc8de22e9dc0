# End to end: the program from outside. Python is Debian's own, standard library only.
E2E_TESTS = \
    %D%/crossing_test.py \
    %D%/doctor.py \
    %D%/endpoint.py \
    %D%/frozen_test.py \
    %D%/kill_test.py \
    %D%/migrate.py \
    %D%/nodes_test.py \
    %D%/retention.py \
    %D%/robust.py \
    %D%/store_schema.py \
    %D%/test_connections.py \
    %D%/test_stop.py \
    %D%/transfer.py
TESTS += $(E2E_TESTS)
PY_LOG_COMPILER = /usr/bin/python3 -B
EXTRA_DIST += %D%/crossing.py %D%/engine.py %D%/postgres.py $(E2E_TESTS)

# What npm brought for the JavaScript client.
distclean-local:
	-rm -rf js-sdk
