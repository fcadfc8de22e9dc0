#!/usr/bin/env bash
# Holds `orchestrator validate` against the definitions of other validators, where they lie beside the source tree.
# Those on which we differ, and why: docs/definitions.md.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
passed_min=203

suite=$top_srcdir/../shared/definitions
[ -x "$suite/run" ] || { echo "skipped: $suite is not there"; exit 77; }
told=$("$suite/run" -v -- "$top_builddir/orchestrator" validate --allow-placeholders 2>&1)
passed=$(printf '%s\n' "$told" | sed -n '$s/^\([0-9]*\) passed, [0-9]* failed$/\1/p')
if [ "${passed:-0}" -lt $passed_min ]; then
    printf '%s\n' "$told"
    echo "$passed_min have to pass"
    exit 1
fi
echo "$passed passed, 0 failed"
