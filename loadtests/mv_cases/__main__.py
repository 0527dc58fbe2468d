"""`make mv-cases FILE=cases.yaml OUT=results.jsonl`: how a file's cases are answered, a line of JSON for each.

Base tables are Iceberg tables of the embedded lake (ENGINE=trino: read by the real Trino), views lie in the real
ClickHouse; questions go through the gateway's door, as a user with the case's session and policies.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from loadtests.mv_cases.cases import BadCaseError, read_cases
from loadtests.mv_cases.running import Ground, lake_ground, run


def main() -> int:
    """Run the cases; return 0 where each has a line."""
    parser = argparse.ArgumentParser(prog="make mv-cases", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where the lines go")
    parser.add_argument("--only", default="", help="ids of cases, with commas between")
    parser.add_argument("--engine", choices=["lake"], default="lake", help="what reads the base tables")
    asked = parser.parse_args()
    try:
        file = read_cases(asked.file)
    except (BadCaseError, OSError, yaml.YAMLError) as error:
        print(f"cannot read the cases: {error}", file=sys.stderr)
        return 2
    only = {each for each in asked.only.split(",") if each}
    cases = [case for case in file.cases if not only or case.id in only]
    with _ground(asked.engine) as ground, asked.out.open("w", encoding="utf-8") as out:
        told = {}
        for line in run(file, cases, ground, lambda text: print(text, file=sys.stderr, flush=True)):
            told[line["id"]] = line
        for case in cases:  # in the file's order
            print(json.dumps(told[case.id]), file=out)
    rewritten = sum(line["rewritten"] for line in told.values())
    failed = sum(line["error"] is not None for line in told.values())
    print(f"{len(told)} cases: {rewritten} answered from views, {failed} with an error")
    return 0


@contextmanager
def _ground(engine: str) -> Iterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="penstock-cases-") as folder:
        yield lake_ground(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
