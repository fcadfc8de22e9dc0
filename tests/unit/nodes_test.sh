#!/bin/sh
# Runs nodes_test and nodes_fence_test on a PostgreSQL of its own, which is gone afterwards; exit 77 where PostgreSQL is not installed.
# TEST_POSTGRES names a database to be used instead: its schema `orchestrator` is dropped!
set -eu

tests=${top_builddir:-.}/tests/unit
. "${top_srcdir:-.}/tests/postgres.sh"

url=${TEST_POSTGRES:-}
if [ -z "$url" ]; then
    postgres_start fsync=off # nothing here loses its power
    url="postgres://orchestrator@/postgres?host=$postgres_home"
fi
TEST_STORE=$url
export TEST_STORE
for suite in nodes_test nodes_fence_test; do
    "$tests/$suite"
done
