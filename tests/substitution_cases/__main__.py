"""Ask a file of cases with views and without, and say how they compare: `python -m tests.substitution_cases FILE`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import yaml

from loadtests.mv_cases.cases import read_cases
from loadtests.mv_cases.grounds import lake_ground, own_trino
from loadtests.mv_cases.running import run
from tests.substitution_cases.judging import judge


def main() -> int:
    """Return 0 where no answer differs and nothing forbidden was done."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--engine", choices=["lake", "trino"], default="lake")
    parser.add_argument("-v", action="store_true", help="show the answers that differ, and why views were not used")
    asked = parser.parse_args()
    file = read_cases(asked.file)
    only = set(filter(None, asked.only.split(",")))
    cases = [case for case in file.cases if not only or case.id in only]
    with tempfile.TemporaryDirectory(prefix="penstock-cases-") as name:
        folder = Path(name)
        opened = lake_ground if asked.engine == "lake" else own_trino
        with opened(folder / "base", folder / "clickhouse") as ground:
            told = list(run(file, cases, ground, lambda text: print(text, file=sys.stderr), plain=True))
    verdict = judge(yaml.safe_load(asked.file.read_text("utf-8")), told)
    for each in told if asked.v else ():
        if each.case.id in {*verdict.wrong, *verdict.forbidden, *verdict.schema, *verdict.missed}:
            print(each.case.id, each.case.query)
            print(
                "  with   ",
                {key: each.line[key] for key in ("views", "base_tables", "columns", "rows", "error", "reason")},
            )
            print("  without", each.plain and {key: each.plain[key] for key in ("columns", "rows", "error")})
    print(verdict)
    return 1 if verdict.wrong or verdict.forbidden or verdict.schema else 0


if __name__ == "__main__":
    sys.exit(main())
