#!/bin/sh
# Puts a question into somebody's inbox; a command. The file's name says who is asked, its text is the request and the
# token that answers it.
set -eu
payload=$(mktemp)
trap 'rm -f "$payload"' EXIT
cat >"$payload"
member() { sqlite3 :memory: "SELECT CAST(readfile('$payload') AS TEXT) ->> '$1'"; }

who=$(basename "$(member who)")
member taskToken >"$INBOX/$who.new"
mv "$INBOX/$who.new" "$INBOX/$who" # seen only when it is complete
echo "{\"asked\":\"$who\"}"
