#!/usr/bin/env bash
# The program from outside: every command on a store, formats, exit codes, two processes on one store.
set -u
program=${top_builddir:?}/orchestrator
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 2
new_store=$(cd "${top_srcdir:?}/tests" && pwd)/new_store
export HOME=$work XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config
ORCHESTRATOR_STORE=$("$new_store" "$work/store.db") || exit 1
export ORCHESTRATOR_STORE
unset ORCHESTRATOR_ENDPOINT ORCHESTRATOR_FUNCTIONS ORCHESTRATOR_CONFIG SFN_MOCK_CONFIG NO_COLOR

passed=0 failed=0
fail() {
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$1"
    sed 's/^/    /' out err | head -20
}
# expect CODE WORD...: runs the program; its output is in the files out and err.
expect() {
    local wanted=$1 code
    shift
    timeout 30 "$program" "$@" >out 2>err </dev/null
    code=$?
    if [ $code = "$wanted" ]; then passed=$((passed + 1)); else fail "$* (exit $code instead of $wanted)"; fi
}
# holds NAME COMMAND...: the command must succeed.
holds() {
    local name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else fail "$name"; fi
}
not() { ! "$@"; }
output_is() { holds "output is $1, not $(cat out)" [ "$(cat out)" = "$1" ]; }
output_has() { holds "output has $1" grep -q -- "$1" out; }
error_has() { holds "error has $1" grep -q -- "$1" err; }
until_true() { # for at most 10 s
    for ((i = 0; i < 200; i++)); do
        "$@" && return
        sleep 0.05
    done
    return 1
}
json() { python3 -c "import json, sys; v = json.load(open('out')); print($1)"; }

mkdir functions
cat >functions/double <<'SH'
#!/bin/sh
read -r line || true
echo $((line * 2))
SH
printf '#!/bin/sh\nexit 1\n' >functions/broken
chmod +x functions/*
echo '{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"done":true},"End":true}}}' >pass.asl.json
cat >wait.yaml <<'YAML'
StartAt: W
States:
  W: {Type: Wait, Seconds: 3600, Next: P}
  P: {Type: Pass, End: true}
YAML
cat >double.json <<'JSON'
{"StartAt": "D", "States": {"D": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:double", "End": true}}}
JSON
cat >token.json <<'JSON'
{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:work",
  "TimeoutSeconds": 3600, "End": true}}}
JSON
cat >all.json <<'JSON'
{"StartAt": "Choose", "States": {
  "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Both"}], "Default": "Bad"},
  "Both": {"Type": "Parallel", "Next": "Each", "ResultPath": null, "Branches": [
    {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": true}}},
    {"StartAt": "Right", "States": {"Right": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:broken",
      "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true}, "Caught": {"Type": "Pass", "End": true}}}]},
  "Each": {"Type": "Map", "ItemsPath": "$.items", "End": true,
    "ItemProcessor": {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": true}}}},
  "Bad": {"Type": "Fail", "Error": "Bad.Luck", "Cause": "n is small"}}}
JSON
echo '{"TimeoutSeconds":1,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":30,"End":true}}}' >late.json
echo '{"StartAt":"No","States":{"A":{"Type":"Pass","End":true}}}' >wrong.json

# --- nothing is made before it is needed -------------------------------------------------------------------
expect 0 info
output_has "${ORCHESTRATOR_STORE#*:}"
holds 'info makes no store' not "$new_store" --made "$ORCHESTRATOR_STORE"
expect 0 doctor
output_has 'will be made'
holds 'nor does doctor' not "$new_store" --made "$ORCHESTRATOR_STORE"

# --- usage ---------------------------------------------------------------------------------------------
expect 2
expect 0 --help
for command in $("$program" --help | sed -n 's/^  \([a-z][a-z]*\( [a-z]*\)\?\)  .*/\1/p' | tr ' ' '+'); do
    expect 0 ${command//+/ } --help
    holds "help of $command is a usage text" grep -q "^Usage: orchestrator ${command//+/ }" out
done
expect 0 --version
expect 2 frobnicate
error_has 'unknown command'
expect 2 valdate
error_has 'orchestrator validate'
expect 2 task
expect 2 run
expect 2 run a b
expect 2 run --inptu 1 pass.asl.json
error_has 'did you mean "--input"'
expect 2 run --input
expect 2 run --input '{' pass.asl.json
expect 2 run --clock moon pass.asl.json
expect 2 run nowhere.json
expect 2 list -o xml
expect 2 list --limit 0
expect 2 history x --since yesterday

# --- run -----------------------------------------------------------------------------------------------
expect 0 run pass.asl.json
output_is '{"done":true}'
error_has 'A entered (Pass)'
expect 0 run pass --quiet
holds 'quiet says nothing' [ ! -s err ]
expect 0 run double.json --input 21
output_is 42
printf 4 >four
expect 0 run double.json --input @four --quiet
output_is 8
echo 5 | "$program" run double.json --input - --quiet >out 2>err
output_is 10
expect 1 run all.json --input '{"n":1}'
error_has 'Bad.Luck: n is small'
expect 0 run all.json --input '{"n":2,"items":[1,2,3]}' --store "$("$new_store" virtual.db)" --clock virtual
output_is '[1,2,3]'
error_has 'Right tried again (retry 2)'
error_has 'Each done, 3 of 3 items'
cat >inner.yaml <<'YAML'
StartAt: R
States:
  R:
    Type: Task
    Resource: arn:aws:lambda:us-east-1:123456789012:function:broken
    Retry: [{ErrorEquals: [States.ALL], IntervalSeconds: 3600, MaxAttempts: 1}]
    Catch: [{ErrorEquals: [States.ALL], Next: S}]
    End: true
  S: {Type: Succeed}
YAML
cat >outer.yaml <<'YAML'
StartAt: N
States:
  N:
    Type: Task
    Resource: arn:aws:states:::states:startExecution.sync:2
    Parameters: {StateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:inner"}
    TimeoutSeconds: 90000
    OutputPath: $.Output.Error
    End: true
YAML
nested=$("$new_store" nested.db)
expect 0 create inner.yaml --store "$nested"
# Who waits for a nested execution neither stops the virtual clock nor takes the one place among tasks.
expect 0 run outer.yaml --store "$nested" --clock virtual --tasks-max 1 -q
output_is '"Lambda.Unknown"'
expect 0 history inner:@latest --store "$nested" -o json
holds 'the retry came after an hour' [ "$(json 'round(v[-1]["timestamp"] - v[0]["timestamp"])')" = 3600 ]
expect 3 run late.json --clock virtual
expect 0 run wait.yaml --clock virtual --quiet
expect 0 history wait:@latest -o json
holds 'simulated time' [ "$(json 'round(v[-1]["timestamp"] - v[0]["timestamp"])')" = 3600 ]
expect 5 run nothing
expect 1 run wrong.json
expect 0 run pass.asl.json --type STANDARD --name one -q
expect 1 run pass.asl.json --name one -q
error_has ExecutionAlreadyExists
echo '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}' >quick.json
expect 0 run quick.json --type EXPRESS --input '[1]'
output_is '[1]'
expect 0 run pass.asl.json --name lines -q --input $'{\n  "a": [1,\n 2]\n}'
expect 0 history lines
output_has 'input={"a":\[1,2\]}$'
expect 0 history lines -o json
holds 'the input is as it was given' [ "$(json 'v[0]["executionStartedEventDetails"]["input"].count("\n")')" = 3 ]
expect 1 run pass.asl.json --payload-limit 5
error_has States.DataLimitExceeded
expect 2 run pass.asl.json --payload-limit many

# --- the API's nouns -----------------------------------------------------------------------------------
expect 0 create pass.asl.json --name made
output_is arn:aws:states:us-east-1:123456789012:stateMachine:made
expect 1 create all.json --name made
error_has StateMachineAlreadyExists
expect 0 update made all.json --publish
expect 0 list versions --machine made -o ids
output_is arn:aws:states:us-east-1:123456789012:stateMachine:made:1
expect 2 list versions
expect 0 describe made -o json
holds 'definition was updated' [ "$(json '"Choose" in v["definition"]')" = True ]
expect 0 delete made:1
expect 0 delete made
expect 5 delete made
expect 0 list machines -o ids
holds 'made is gone' [ "$(grep -c ':made$' out)" = 0 ]
expect 0 list executions --status FAILED -o json
holds 'one failed of all' [ "$(json 'len([e for e in v if e["stateMachineArn"].endswith(":all")])')" = 1 ]
expect 0 list --limit 1 -o jsonl
holds 'one line' [ "$(wc -l <out)" = 1 ]
expect 0 describe one
output_has 'status .*SUCCEEDED'
expect 0 describe pass:one -o json
expect 5 describe pass:two
expect 0 history pass:one -o jsonl --type PassStateEntered
holds 'one event' [ "$(wc -l <out)" = 1 ]
expect 0 history one -o ids --reverse --limit 2
output_is $'4\n3'
expect 0 history one --since 1h -o ids
holds 'all events' [ "$(wc -l <out)" = 4 ]
expect 0 history one --since 2100-01-01T00:00:00Z -o ids
output_is ''
expect 0 activity create work
expect 0 activity list -o ids
output_is arn:aws:states:us-east-1:123456789012:activity:work
expect 0 call ListActivities
expect 1 call NoSuchOperation

# --- without an owner: what is acknowledged is kept -------------------------------------------------------
expect 0 start wait.yaml --name early
expect 0 describe early -o json
holds 'it runs' [ "$(json 'v["status"]')" = RUNNING ]
expect 0 stop early --error Enough --cause 'of it'
expect 0 describe early -o json
holds 'aborted with its error' [ "$(json 'v["status"], v["error"]')" = 'ABORTED Enough' ]
expect 5 stop nowhere
expect 1 run wait.yaml --clock virtual --name early -q

"$program" run wait.yaml --name long >out 2>err &
runner=$!
until_true grep -q entered err
kill -TERM $runner
wait $runner
holds 'interrupted: 130' [ $? = 130 ]
expect 0 stop long

# --- on a terminal ------------------------------------------------------------------------------------------
cat >terminal.py <<'PY'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown = b""
while True:
    try:
        some = os.read(fd, 65536)
    except OSError:
        break
    if not some:
        break
    shown += some
os.waitpid(pid, 0)
sys.stdout.write(shown.decode())
PY
LC_ALL=C.UTF-8 TERM=xterm NO_COLOR=1 python3 terminal.py "$program" run all.json --input '{"n":2,"items":[1,2,3]}' >out 2>err
output_has '├─ ✔ Choose'
output_has '│  ├─ ✔ Right .* 2 retries  caught Lambda.Unknown'
output_has '└─ ✔ Each .* 3/3 items'
holds 'the tree is drawn again in place' grep -q $'\033\\[[0-9]*A' out
holds 'no colours with NO_COLOR' [ "$(grep -c $'\033\\[[0-9]*m' out)" = 0 ]
LC_ALL=C.UTF-8 TERM=xterm python3 terminal.py "$program" run pass.asl.json >out 2>err
holds 'colours on a terminal' grep -q $'\033\\[32m' out
TERM=dumb python3 terminal.py "$program" run pass.asl.json >out 2>err
output_has 'A entered (Pass)'

# --- two processes on one store --------------------------------------------------------------------------
"$program" serve --listen 127.0.0.1:0 --functions functions >serve.out 2>&1 &
pids+=($!)
holds 'serve listens' until_true grep -q 'listening on' serve.out
endpoint=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' serve.out)
expect 0 start double.json --input 4 --wait --quiet
output_is 8
expect 0 run double.json --input 5
output_is 10
error_has 'D done'
expect 0 start token.json --name called
expect 0 info -o json
holds 'the owner is shown' [ -n "$(json 'v["owner"]')" ]
expect 0 activity poll work --worker me -o ids
token=$(cat out)
expect 0 task tokens -o json
holds 'its token is listed' [ "$(json 'v[0]["state"], v[0]["taskToken"] == "'"$token"'"')" = 'T True' ]
expect 0 task heartbeat "$token"
expect 2 task success "$token" --output '{'
expect 0 task success "$token" --output '{"ok":1}'
expect 0 history called --follow -o ids
expect 0 describe called -o json
holds 'it has the output' [ "$(json 'v["status"], v["output"]')" = 'SUCCEEDED {"ok":1}' ]
expect 5 task success "$token"
expect 1 task failure not-a-token --error E
expect 0 start token.json --name failing
expect 0 activity poll work -o ids
expect 0 task failure "$(cat out)" --error My.Error --cause why
until_true sh -c "'$program' describe failing -o json | grep -q FAILED"
expect 0 describe failing -o json
holds 'failed as it was told' [ "$(json 'v["error"], v["cause"]')" = 'My.Error why' ]

# --- over HTTP: the same commands ------------------------------------------------------------------------
expect 0 list machines --endpoint "$endpoint" -o ids
output_has ':double'
expect 0 run double.json --input 6 --endpoint "$endpoint" -q
output_is 12
expect 0 history @latest --endpoint "$endpoint" -o json
expect 5 describe pass:two --endpoint "$endpoint"
expect 6 list --endpoint http://127.0.0.1:9
expect 2 list --endpoint ftp://x

# --- the process that waits takes over from one that dies ---------------------------------------------------
echo '{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":2,"End":true}}}' >soon.json
"$program" run soon.json --input '"here"' -q >waited 2>&1 &
waiter=$!
sleep 0.5
kill -9 "${pids[0]}"
wait $waiter
holds 'the waiter finished it' [ "$?,$(cat waited)" = '0,"here"' ]

# --- graphs, evaluation -------------------------------------------------------------------------------------
for format in svg dot mermaid; do
    expect 0 graph all.json -o $format
    output_has Choose
    expect 0 graph all:@latest -o $format
    holds "$format is coloured" grep -Eq 'state caught|fillcolor="#fde5c3"|:::caught' out
done
expect 0 graph all.json
holds 'the SVG is well-formed' python3 -c 'import xml.dom.minidom as m; m.parse("out")'
expect 2 graph all.json -o png
expect 1 graph wrong.json
expect 0 eval '$.a[1]' --input '{"a":[1,2]}'
output_is 2
expect 0 eval "States.Format('{}-{}', \$.a, \$\$.b)" --input '{"a":1}' --context '{"b":2}'
output_is '"1-2"'
expect 0 eval '$x.y' --bind 'x={"y":7}'
output_is 7
expect 1 eval '$.nothing' --input '{}'
expect 1 eval '$..['
expect 0 eval --jsonata '$sum(items.n) + $k' --input '{"items":[{"n":1},{"n":2}]}' --bind k=4
output_is 7
expect 1 eval --jsonata '1 +'
printf '{"expr":"1+1"}\n' | "$program" eval --jsonata --batch >out 2>err
output_is '{"result":2}'
expect 2 eval
expect 2 eval --batch x

# --- settings ---------------------------------------------------------------------------------------------
mkdir -p config/orchestrator
other=$("$new_store" "$work/other.db")
printf 'region: eu-north-1\noutput: ids\nstore: %s\n' "$other" >config/orchestrator/config.yaml
expect 0 create pass.asl.json
output_is arn:aws:states:eu-north-1:123456789012:stateMachine:pass
holds 'the environment wins over the file' not "$new_store" --made "$other"
ORCHESTRATOR_REGION=eu-west-1 expect 0 create pass.asl.json
output_is arn:aws:states:eu-west-1:123456789012:stateMachine:pass
ORCHESTRATOR_REGION=eu-west-1 expect 0 create pass.asl.json --region us-west-2
output_is arn:aws:states:us-west-2:123456789012:stateMachine:pass
ORCHESTRATOR_STORE='' expect 0 create pass.asl.json
holds 'the file names the store' "$new_store" --made "$other"
echo 'stroe: x' >config/orchestrator/config.yaml
expect 2 list
error_has 'did you mean "store"'
expect 2 list --config nowhere.yaml
rm config/orchestrator/config.yaml
ORCHESTRATOR_STORE='' expect 0 list
holds 'the store of the user' [ -e data/orchestrator/store.db ]

# --- what it says when the store is no good -------------------------------------------------------------------
head -c 100000 /dev/urandom >noise.db
expect 6 list --store sqlite:noise.db
error_has noise.db
expect 6 list --store "sqlite:$work/four/store.db"
expect 2 list --store ftp:x

# --- colours, completion --------------------------------------------------------------------------------------
expect 1 validate wrong.json
holds 'no colours in a file' [ "$(grep -c $'\033' out)" = 0 ]
expect 1 validate wrong.json --color always
output_has $'\033'
NO_COLOR=1 expect 1 validate wrong.json --color always
holds 'no colours with NO_COLOR' [ "$(grep -c $'\033' out)" = 0 ]
expect 0 completion bash
holds 'the completion is bash' bash -n out
holds 'it completes commands' [ "$(bash -c '. ./out; COMP_WORDS=(orchestrator hist); COMP_CWORD=1; _orchestrator; echo "${COMPREPLY[*]}"')" = history ]
holds 'it completes options' [ "$(bash -c '. ./out; COMP_WORDS=(orchestrator task success --outp); COMP_CWORD=3; _orchestrator; echo "${COMPREPLY[*]}"')" = --output ]
holds 'it completes values' [ "$(bash -c '. ./out; COMP_WORDS=(orchestrator list -o js); COMP_CWORD=3; _orchestrator; echo "${COMPREPLY[*]}"')" = 'json jsonl' ]

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
