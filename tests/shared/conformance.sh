#!/usr/bin/env bash
# Holds the server against the recorded answers of AWS, where they lie beside the source tree: as many as the number
# below must be met word by word. Which are not, and why: docs/conformance.md.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
strict_min=628

suite=$top_srcdir/../shared/conformance
[ -x "$suite/run" ] || { echo "skipped: $suite is not there"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
store=$("$top_srcdir/tests/new_store" "$work/store.db") || exit 1

# One case waits for something that is 68 years away: each gets 30 s. It exits 1 as long as one of them fails.
"$suite/run" --case-timeout 30 -v \
    --start "$top_builddir/orchestrator serve --listen 127.0.0.1:{port} --store $store --buckets {s3}" >"$work/out" 2>&1
strict=$(sed -n 's/^passed strict \([0-9]*\),.*/\1/p' "$work/out")
if [ -z "$strict" ]; then
    cat "$work/out"
    exit 1
fi
all=$(awk '/^total / { print $3 + $4 }' "$work/out")
[ "$strict" -ge "$strict_min" ] || cat "$work/out"
echo "$strict of $all recorded cases are met word by word; $strict_min have to be"
[ "$strict" -le "$strict_min" ] || echo "more than before: raise strict_min"
failed=$((strict < strict_min ? strict_min - strict : 0))
echo "$strict passed, $failed failed"
[ $failed = 0 ]
