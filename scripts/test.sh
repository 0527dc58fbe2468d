#!/bin/sh
# Run the suites: scripts/test.sh [long]. Each prints its counts; a missing engine fails where CI=true.
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" = long ]; then
    chosen="long"
else
    chosen="not long"
    scripts/lint.sh
fi
failed=""
# One process for a group of suites: what they share is started once (the real Trino, Postgres, the demos), and gone
# before the next group begins. A group that fails does not keep the others from being run.
group() {
    name="$1"
    shift
    echo "== $name"
    code=0
    .venv/bin/python -m pytest -q -m "$chosen" "$@" || code=$?
    [ "$code" = 5 ] && [ "$chosen" = long ] && code=0 # nothing in this group takes long
    # Whole processes, real engines and clients share two cores with what else runs there. What failed is tried once
    # more, alone; both runs stay in the log, so that a test which needs the second often is found and mended.
    if [ "$code" = 1 ]; then
        echo "== $name, once more what failed"
        code=0
        .venv/bin/python -m pytest -q -m "$chosen" --last-failed --last-failed-no-failures none "$@" || code=$?
    fi
    [ "$code" = 0 ] || failed="$failed $name"
}
apart="tests/clients tests/operations tests/faults tests/bad_input"
group rooms tests $(printf -- '--ignore=%s ' $apart)
group clients tests/clients
group processes tests/operations tests/faults tests/bad_input
[ -z "$failed" ] || {
    echo "failed:$failed" >&2
    exit 1
}
