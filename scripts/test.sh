#!/bin/sh
# Run the suites: scripts/test.sh [long]. Each prints its counts; a missing engine fails where CI=true.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE # hundreds of gateways are started, each of which would compile 2,000 modules anew

# One process for a group of suites: what they share is started once (the real Trino, Postgres, the demos), and gone
# when the group ends. A group that fails does not keep the others from being run.
beside_trino="analyst attacks attestation compare conformance fuzz protocol"
processes="operations faults bad_input"
governing="admin changesets lint partners policy_store replay simulation views"
suites() {
    case "$1" in
    rooms) echo tests $(printf -- '--ignore=tests/%s ' clients console $beside_trino $processes $governing) ;;
    clients | console) echo "tests/$1" ;; # a browser's driver keeps an event loop, which no other suite's may meet
    beside_trino) printf 'tests/%s ' $beside_trino ;;
    processes) printf 'tests/%s ' $processes ;;
    governing) printf 'tests/%s ' $governing ;;
    esac
}
run() {
    name="$1"
    shift
    code=0
    .venv/bin/python -m pytest -q -m "$CHOSEN" $PATIENCE --durations=12 --durations-min=8 -o cache_dir=".pytest_cache/$name" "$@" $(suites "$name") || code=$?
    [ "$code" = 5 ] && [ "$CHOSEN" = long ] && code=0 # nothing in this group takes long
    echo "$code" >"$LOGS/$name.code"
}

if [ "${1:-}" = group ]; then
    if [ "$2" = lint ]; then
        scripts/lint.sh >"$LOGS/lint" 2>&1 && echo 0 >"$LOGS/lint.code" || echo 2 >"$LOGS/lint.code"
    else
        run "$2" >"$LOGS/$2" 2>&1
    fi
    echo "== $2" | cat - "$LOGS/$2"
    exit
fi

# The longest first, two at a time: most of a suite's time is waiting for engines, and a machine has at least two cores.
groups="lint rooms beside_trino clients processes governing console"
CHOSEN="not long"
PATIENCE=""
if [ "${1:-}" = long ]; then
    groups="rooms beside_trino clients processes governing console"
    CHOSEN="long"
    PATIENCE="-o timeout=3600"
fi
LOGS=$(mktemp -d)
export CHOSEN PATIENCE LOGS
trap 'rm -rf "$LOGS"' EXIT
trap 'trap - TERM; rm -rf "$LOGS"; kill 0' INT TERM # what runs in the background does not hear of Ctrl-C
printf '%s\n' $groups | xargs -P 2 -n 1 "$PWD/scripts/test.sh" group &
wait $! || : # a group that did not end has left no code

# Whole processes, real engines and clients share the cores with what else runs there. What failed is tried once more,
# alone; both runs stay in the log, so that a test which needs the second often is found and mended.
failed=""
for name in $groups; do
    if [ "$(cat "$LOGS/$name.code")" = 1 ]; then
        echo "== $name, once more what failed"
        run "$name" --last-failed --last-failed-no-failures none
    fi
    [ "$(cat "$LOGS/$name.code")" = 0 ] || failed="$failed $name"
done
[ -z "$failed" ] || {
    echo "failed:$failed" >&2
    exit 1
}
