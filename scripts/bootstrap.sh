#!/bin/sh
# Make .venv from a lock file: scripts/bootstrap.sh demo|dev. Needs python3 (3.11 or newer) and nothing else.
# `scripts/bootstrap.sh load` makes .venv-load, in which locust lives and none of our own packages.
set -eu
cd "$(dirname "$0")/.."
lock="requirements/$1.txt"
environment=".venv"
[ "$1" != load ] || environment=".venv-load"
stamp="$environment/.installed-$1"
python="${PYTHON:-python3}"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
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
    if "$python" -m venv .uv 2>/dev/null; then
        .uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
    else # Debian splits ensurepip off: fall back to pip, wherever it is.
        "$python" -m pip install --quiet --disable-pip-version-check --require-hashes --target .uv -r requirements/uv.txt
    fi
fi
[ -x "$environment/bin/python" ] || .uv/bin/uv venv --quiet --python "$python" "$environment"
echo "installing locked dependencies ($1) ..."
# A plain install, never a sync: the demo must not remove what the tests brought, nor the other way round.
.uv/bin/uv pip install --quiet --python "$environment/bin/python" --require-hashes -r "$lock"
[ "$1" = load ] || .uv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
touch "$stamp"
