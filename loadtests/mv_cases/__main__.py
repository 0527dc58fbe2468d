"""`make mv-cases FILE=cases.yaml OUT=results.jsonl`: how a file's cases are answered, a line of JSON for each.

Base tables are Iceberg tables of the embedded lake (or read by the real Trino), views lie in the real ClickHouse;
questions go through the gateway's door, as a user with the case's session and policies.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from gateway.demo.downloads import DemoError
from loadtests.mv_cases.cases import BadCaseError, Case, CaseFile, read_cases
from loadtests.mv_cases.grounds import lake_ground, own_trino
from loadtests.mv_cases.running import Told, run


def main() -> int:
    """Run the cases; return 0 where each has a line."""
    parser = argparse.ArgumentParser(prog="make mv-cases", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where the lines go")
    parser.add_argument("--only", default="", help="ids of cases, with commas between")
    parser.add_argument(
        "--engine",
        choices=["auto", "lake", "trino"],
        default="auto",
        help="what reads the base tables; auto: the lake, and the real Trino for what the lake does not know",
    )
    asked = parser.parse_args()
    try:
        file = read_cases(asked.file)
    except (BadCaseError, OSError, yaml.YAMLError) as error:
        print(f"cannot read the cases: {error}", file=sys.stderr)
        return 2
    only = {each for each in asked.only.split(",") if each}
    cases = [case for case in file.cases if not only or case.id in only]
    with tempfile.TemporaryDirectory(prefix="penstock-cases-") as folder, asked.out.open("w", encoding="utf-8") as out:
        told = []
        for each in _answers(file, cases, asked.engine, Path(folder)):
            print(json.dumps(each.line), file=out, flush=True)
            told.append(each)
    rewritten = sum(each.line["rewritten"] for each in told)
    failed = sum(each.line["error"] is not None for each in told)
    print(f"{len(told)} cases: {rewritten} answered from views, {failed} with an error")
    return 0


def _answers(file: CaseFile, cases: Sequence[Case], engine: str, folder: Path) -> Iterator[Told]:
    """Ask all cases; what is beyond the embedded lake is asked once more over the real Trino, where there is one."""
    beyond: dict[Case, Told | None] = dict.fromkeys(cases)
    if engine != "trino":
        with lake_ground(folder / "lake", folder / "clickhouse") as ground:
            for each in run(file, cases, ground, _say):
                if each.beyond and engine == "auto":
                    beyond[each.case] = each
                else:
                    del beyond[each.case]
                    yield each
    if not beyond:
        return
    _say(f"{len(beyond)} of {len(cases)} cases over the real Trino")
    try:
        with own_trino(folder / "trino", folder / "clickhouse") as ground:
            yield from run(file, beyond, ground, _say)
    except DemoError as error:
        _say(f"no Trino: {error}")
        yield from (each for each in beyond.values() if each is not None)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
