#!/bin/sh
# Runs the suites of the store on a PostgreSQL of its own, in a folder that is gone afterwards; exit 77 where
# PostgreSQL is not installed. TEST_POSTGRES names a database to be used instead: its schema `orchestrator` is dropped!
set -eu

tests=${top_builddir:-.}/tests/unit

run_suites() {
    TEST_STORE=$1
    export TEST_STORE
    for suite in store_test store_nodes_test store_crash_test store_postgres_test; do
        "$tests/$suite"
    done
}

if [ -n "${TEST_POSTGRES:-}" ]; then
    run_suites "$TEST_POSTGRES"
    exit 0
fi

bin=
for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/bin /usr/bin; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then
        bin=$folder
    fi
done
if [ -z "$bin" ]; then
    echo "skipped: PostgreSQL's server is not installed"
    exit 77
fi

# The server refuses to run as root.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
    else
        "$@"
    fi
}
user=postgres
id "$user" >/dev/null 2>&1 || user=nobody

home=$(mktemp -d /tmp/store_postgres.XXXXXX)
stop() {
    as_user "$bin/pg_ctl" -D "$home/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$home"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
if [ "$(id -u)" = 0 ]; then
    chown "$user" "$home"
fi
cd "$home"
as_user "$bin/initdb" -D "$home/data" -U orchestrator -A trust -E UTF8 --locale=C >"$home/initdb.log" 2>&1 || {
    cat "$home/initdb.log"
    exit 1
}
as_user "$bin/pg_ctl" -D "$home/data" -l "$home/data/log" -w start \
    -o "-k $home -c listen_addresses='' -c logging_collector=off" >/dev/null
run_suites "postgres://orchestrator@/postgres?host=$home"
