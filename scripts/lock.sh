#!/bin/sh
# Rewrite the lock files from pyproject.toml: hashes, no addresses, one set of versions for demo and dev.
set -eu
cd "$(dirname "$0")/.."
compile() {
    .uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --no-header pyproject.toml --group build "$@"
}
compile --extra demo --group lint --group test -o requirements/dev.txt
compile --extra demo -c requirements/dev.txt -o requirements/demo.txt
compile_jdk() {
    .uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --no-header --no-deps - -o requirements/jdk.txt
}
sed -n 's/^jdk = \["\(.*\)"\]/\1/p' pyproject.toml | compile_jdk
# What makes load has an environment of its own: gevent and its kind never meet the gateway.
.uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --no-header --group load -o requirements/load.txt
# Superset, a client of the tests, has an environment of its own, too.
.uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --no-header requirements/superset.in -o requirements/superset.txt
