#!/usr/bin/env bash
# The manual pages in docs/man are those that the program makes of its tables, and every option is in one.
set -u
program=${top_builddir:?}/orchestrator
pages=${top_srcdir:?}/docs/man
passed=0 failed=0
check() {
    local name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}
same() { "$program" help --man ${1:+$1} | cmp -s - "$pages/$2.1"; }

check 'docs/man/orchestrator.1 is up to date (make man)' same '' orchestrator
count=1
while read -r command; do
    page=orchestrator-${command// /-}
    check "docs/man/$page.1 is up to date (make man)" same "$command" "$page"
    check "orchestrator.1 names $page" grep -q "$page" "$pages/orchestrator.1"
    check "$page is installed" grep -q "/$page\.1\b" "$top_srcdir/docs/local.mk"
    count=$((count + 1))
done < <("$program" completion commands)
check 'no page is left of a command that is gone' [ "$(find "$pages" -name '*.1' | wc -l)" = "$count" ]
# Independent of the generator: what options.def defines must stand in some page.
while read -r option; do
    check "--$option is documented" grep -rqF -e "\\-\\-${option//-/\\-}" "$pages"
done < <(sed -n 's/^OPTION([A-Z_]*, "\([a-z-]*\)".*/\1/p' "$top_srcdir/orchestrator/options.def" | sort -u)
if command -v groff >/dev/null; then
    check 'the pages are clean for groff' [ -z "$(groff -man -Tutf8 -ww -z "$pages"/*.1 2>&1)" ]
fi
printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
