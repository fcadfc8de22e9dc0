#!/usr/bin/env bash
# docs/limits.md names every limit of asl/base/limits.h with its value, and no other.
set -eu
code=$(sed -nE 's/^ *(LIMIT_[A-Z_]+) = ([0-9]+),.*/\1 \2/p' "$top_srcdir/asl/base/limits.h" | sort)
text=$(sed -nE 's/^\| `(LIMIT_[A-Z_]+)` \| ([0-9]+) \|.*/\1 \2/p' "$top_srcdir/docs/limits.md" | sort)
[ -n "$code" ]
if ! diff <(echo "$code") <(echo "$text"); then
    echo "asl/base/limits.h (<) and docs/limits.md (>) differ"
    exit 1
fi
echo "$(echo "$code" | wc -l) limits agree"
