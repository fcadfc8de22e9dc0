#!/usr/bin/env bash
# Holds the JSONata engine against the test suite of the language, where it lies beside the source tree.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"

suite=$top_srcdir/../shared/jsonata
[ -x "$suite/run" ] || { echo "skipped: $suite is not there"; exit 77; }
"$suite/run" -v -- "$top_builddir/tests/jsonata_batch"
