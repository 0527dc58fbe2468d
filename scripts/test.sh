#!/bin/sh
# Run the suites: scripts/test.sh [long]. A suite prints its counts; a missing engine fails where CI=true.
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" = long ]; then
    exec .venv/bin/python -m pytest -q -m long tests
fi
scripts/lint.sh
exec .venv/bin/python -m pytest -q -m "not long" tests
