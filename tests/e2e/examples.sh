#!/usr/bin/env bash
# Runs every example with a store of its own and compares what it prints with its file `expected`.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
PATH=$top_builddir:$PATH

for tool in cc convert python3 sqlite3 awk; do
    command -v "$tool" >/dev/null || { echo "examples: $tool is not installed"; exit 77; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for example in "$top_srcdir"/examples/*/run; do
    folder=$(dirname "$example")
    name=$(basename "$folder")
    if ORCHESTRATOR_STORE=$("$top_srcdir/tests/new_store" "$work/$name.db") timeout 120 "$example" >"$work/out" 2>"$work/err" &&
        diff -u "$folder/expected" "$work/out"; then
        echo "ok $name"
    else
        echo "not ok $name"
        cat "$work/out" "$work/err"
        failed=1
    fi
done
exit $failed
