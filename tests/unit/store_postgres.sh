#!/bin/sh
# Runs the suites of the store on a PostgreSQL of its own, in a folder that is gone afterwards; exit 77 where
# PostgreSQL is not installed. TEST_POSTGRES names a database to be used instead: its schema `orchestrator` is dropped!
set -eu

tests=${top_builddir:-.}/tests/unit
. "${top_srcdir:-.}/tests/postgres.sh"

url=${TEST_POSTGRES:-}
if [ -z "$url" ]; then
    postgres_start
    url="postgres://orchestrator@/postgres?host=$postgres_home"
fi
TEST_STORE=$url
export TEST_STORE
for suite in store_test store_nodes_test store_prefetch_test store_crash_test store_postgres_test upkeep_test; do
    "$tests/$suite"
done
