# postgres.sh - a PostgreSQL of one's own, for tests; to be sourced by a script that runs under `set -eu`.
#
#   postgres_start [SETTING]...   starts one in a new folder and sets postgres_home; further server settings are as
#                                 "fsync=off". Exits 77, saying so, where PostgreSQL's server is not installed.
#
# It listens on a socket in its folder alone, anybody may connect as `orchestrator`, and it is gone when the script ends.
# shellcheck shell=sh

# The server refuses to run as root.
postgres_as_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid="$postgres_user" --regid="$(id -g "$postgres_user")" --clear-groups "$@"
    else
        "$@"
    fi
}

postgres_stop() {
    (cd / && postgres_as_user "$postgres_bin/pg_ctl" -D "$postgres_home/data" -m immediate stop >/dev/null 2>&1) || true
    rm -rf "$postgres_home"
}

postgres_start() {
    postgres_bin=
    for postgres_folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/bin /usr/bin; do
        if [ -x "$postgres_folder/initdb" ] && [ -x "$postgres_folder/pg_ctl" ]; then
            postgres_bin=$postgres_folder
        fi
    done
    if [ -z "$postgres_bin" ]; then
        echo "skipped: PostgreSQL's server is not installed"
        exit 77
    fi
    postgres_user=postgres
    id "$postgres_user" >/dev/null 2>&1 || postgres_user=nobody
    postgres_home=$(mktemp -d /tmp/test_postgres.XXXXXX)
    trap postgres_stop EXIT
    trap 'exit 1' HUP INT TERM
    if [ "$(id -u)" = 0 ]; then
        chown "$postgres_user" "$postgres_home"
    fi
    chmod 755 "$postgres_home" # tests drop their privileges too
    postgres_settings="-k $postgres_home -c listen_addresses='' -c logging_collector=off"
    for postgres_setting in "$@"; do
        postgres_settings="$postgres_settings -c $postgres_setting"
    done
    (
        cd "$postgres_home" || exit 1
        postgres_as_user "$postgres_bin/initdb" -N -D data -U orchestrator -A trust -E UTF8 --locale=C \
            >initdb.log 2>&1 || {
            cat initdb.log
            exit 1
        }
        postgres_as_user "$postgres_bin/pg_ctl" -D data -l data/log -w start -o "$postgres_settings" >/dev/null
    )
}
