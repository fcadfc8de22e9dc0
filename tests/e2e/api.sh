#!/usr/bin/env bash
# The HTTP API driven by its clients: boto3, the AWS CLI, the JavaScript SDK, and raw requests.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
export top_srcdir top_builddir
python=/usr/bin/python3
$python -c 'import boto3' 2>/dev/null || { echo "api: python3-boto3 is not installed"; exit 77; }
suites=(test_answers test_http test_security test_logs test_metrics test_support test_tested_state test_boto3)
suites+=(test_js_sdk)
if command -v aws >/dev/null; then suites+=(test_aws_cli); else echo "api: the AWS CLI is not installed"; fi
cd "$top_srcdir/tests/e2e" || exit 2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
PYTHONDONTWRITEBYTECODE=1 $python -W ignore::ResourceWarning -m unittest -v "${suites[@]}" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
# "Ran 57 tests in 20 s", then "OK (skipped=1)" or "FAILED (failures=1, errors=2, skipped=1)"
count() { sed -n "s/^\(OK\|FAILED\) (.*$1=\([0-9]*\).*/\2/p" "$log"; }
ran=$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\} in .*/\1/p' "$log")
failed=$(($(count failures) + $(count errors) + 0)) skipped=$(($(count skipped) + 0))
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
printf '%d passed, %d failed, %d skipped\n' $((${ran:-0} - failed - skipped)) "$failed" "$skipped"
exit "$status"
