#!/bin/sh
# Everything that reads the code without running it. Prints one line per check; the first that fails ends it.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
"$bin/ruff" format --check --quiet .
echo "format: ok"
"$bin/ruff" check --quiet --output-format concise .
echo "lint: ok"
"$bin/python" -m mypy
echo "types: ok"
