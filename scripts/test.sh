#!/bin/sh
# Run the suites: scripts/test.sh [long]. Each prints its counts; a missing engine fails where CI=true.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE # hundreds of gateways are started, each of which would compile 2,000 modules anew
if [ "${1:-}" = long ]; then
    chosen="long"
    patience="-o timeout=3600"
else
    chosen="not long"
    patience=""
    scripts/lint.sh
fi
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'trap - TERM; rm -rf "$logs"; kill 0' INT TERM # what runs in the background does not hear of Ctrl-C

# One process for a group of suites: what they share is started once (the real Trino, Postgres, the demos), and gone
# when the group ends. A group that fails does not keep the others from being run.
processes="operations faults bad_input"
governing="admin changesets lint partners policy_store replay simulation views"
suites() {
    case "$1" in
    rooms) echo tests $(printf -- '--ignore=tests/%s ' clients console $processes $governing) ;;
    clients | console) echo "tests/$1" ;; # a browser's driver keeps an event loop, which no other suite's may meet
    processes) printf 'tests/%s ' $processes ;;
    governing) printf 'tests/%s ' $governing ;;
    esac
}
run() {
    name="$1"
    shift
    code=0
    .venv/bin/python -m pytest -q -m "$chosen" $patience --durations=12 --durations-min=8 -o cache_dir=".pytest_cache/$name" "$@" $(suites "$name") || code=$?
    [ "$code" = 5 ] && [ "$chosen" = long ] && code=0 # nothing in this group takes long
    echo "$code" >"$logs/$name.code"
}

# Two at a time: most of a suite's time is waiting for engines, and a machine has at least two cores.
run rooms >"$logs/rooms" 2>&1 &
for name in clients processes governing console; do
    echo "== $name"
    run "$name"
done
wait
echo "== rooms"
cat "$logs/rooms"

# Whole processes, real engines and clients share the cores with what else runs there. What failed is tried once more,
# alone; both runs stay in the log, so that a test which needs the second often is found and mended.
failed=""
for name in rooms console clients processes governing; do
    if [ "$(cat "$logs/$name.code")" = 1 ]; then
        echo "== $name, once more what failed"
        run "$name" --last-failed --last-failed-no-failures none
    fi
    [ "$(cat "$logs/$name.code")" = 0 ] || failed="$failed $name"
done
[ -z "$failed" ] || {
    echo "failed:$failed" >&2
    exit 1
}
