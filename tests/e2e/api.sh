#!/usr/bin/env bash
# The HTTP API driven by its clients: boto3, the AWS CLI, the JavaScript SDK, and raw requests.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
export top_srcdir top_builddir
python=/usr/bin/python3
$python -c 'import boto3' 2>/dev/null || { echo "api: python3-boto3 is not installed"; exit 77; }
suites=(test_http test_security test_logs test_metrics test_support test_boto3 test_js_sdk)
if command -v aws >/dev/null; then suites+=(test_aws_cli); else echo "api: the AWS CLI is not installed"; fi
cd "$top_srcdir/tests/e2e" && PYTHONDONTWRITEBYTECODE=1 exec $python -m unittest -v "${suites[@]}"
