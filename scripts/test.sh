#!/bin/sh
# Run the suites: scripts/test.sh [long]. A suite prints its counts; a missing engine fails where CI=true.
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" = long ]; then
    exec .venv/bin/python -m pytest -q -m long tests
fi
scripts/lint.sh
if .venv/bin/python -m pytest -q -m "not long" tests; then
    exit 0
fi
# Suites of real processes share two cores with what else runs there. What failed gets one more chance, alone; the log
# above keeps the first failure, so that a test which needs the chance often can be found and mended.
echo "once more, only what failed:"
exec .venv/bin/python -m pytest -q -m "not long" --last-failed --last-failed-no-failures none tests
