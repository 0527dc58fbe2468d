#!/bin/sh
# Make .venv from a lock file: scripts/bootstrap.sh demo|dev. Needs python3 (3.11 or newer) and nothing else.
# PYTHON=/path/to/python3 chooses another than the first that is found.
# `scripts/bootstrap.sh load` makes .venv-load, in which locust lives and none of our own packages.
set -eu
cd "$(dirname "$0")/.."
lock="requirements/$1.txt"
environment=".venv"
[ "$1" != load ] || environment=".venv-load"
stamp="$environment/.installed-$1"

fit() { "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
# The system's own first: distributions build it with profile-guided optimisation, which version managers leave out. It
# plans a statement in nine tenths of their time.
python="${PYTHON:-}"
for candidate in /usr/bin/python3 python3; do
    [ -n "$python" ] || ! fit "$candidate" || python="$candidate"
done
fit "${python:=python3}" || {
    echo "Penstock needs Python 3.11 or newer; $("$python" --version) was found. Set PYTHON=/path/to/python3.11." >&2
    exit 1
}
# A stamp newer than the lock and the project file means that nothing changed since the last install.
if [ -f "$stamp" ] && [ ! "$lock" -nt "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ]; then
    exit 0
fi
if [ ! -x .uv/bin/uv ]; then
    echo "bringing uv ..."
    rm -rf .uv
    bring="pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt"
    if "$python" -m venv .uv 2>/dev/null || python3 -m venv .uv 2>/dev/null; then
        .uv/bin/python -m $bring
    else # Debian splits ensurepip off: fall back to pip, wherever it is.
        "$python" -m $bring --target .uv 2>/dev/null || python3 -m $bring --target .uv
    fi
fi
[ -x "$environment/bin/python" ] || .uv/bin/uv venv --quiet --python "$python" "$environment"
echo "installing locked dependencies ($1) ..."
# A plain install, never a sync: the demo must not remove what the tests brought, nor the other way round.
.uv/bin/uv pip install --quiet --python "$environment/bin/python" --require-hashes -r "$lock"
[ "$1" = load ] || .uv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
touch "$stamp"
