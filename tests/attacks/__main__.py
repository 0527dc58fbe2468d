"""Run a file of attack cases: `python -m tests.attacks FILE [--engine trino|lake|clickhouse] [--out OUT]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from gateway.demo.downloads import DemoError
from tests.attacks import sandbox
from tests.attacks.arena import Arena
from tests.attacks.cases import BadCaseError, Case, read_cases
from tests.attacks.judge import Verdict, judge
from tests.attacks.stages import own_stage


def main() -> int:
    """Run the cases and say how each ended; return 0 where all ended as the file says."""
    parser = argparse.ArgumentParser(prog="make attacks")
    parser.add_argument("file", type=Path)
    parser.add_argument("--engine", choices=("trino", "lake", "clickhouse"), default="trino")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    try:
        cases = read_cases(options.file)
    except (BadCaseError, OSError, yaml.YAMLError) as error:
        print(f"cannot read the cases: {error}", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        out = stack.enter_context(options.out.open("w", encoding="utf-8")) if options.out else None
        try:
            arena = stack.enter_context(own_stage(options.engine, folder))
        except DemoError as error:
            print(f"cannot start {options.engine}: {error}", file=sys.stderr)
            return 2
        ends: Counter[str] = Counter()
        for case in cases:
            begun = time.monotonic()
            verdict = _judged(arena, case)
            ends[verdict.result] += 1
            if out is not None:
                print(json.dumps(_line(case, verdict, arena, time.monotonic() - begun)), file=out, flush=True)
            if verdict.result != "passed":
                print(f"{verdict.result} {case.id}: {verdict.reason}", flush=True)
        changed = sandbox.untouched(arena)
        for change in changed:
            print(f"failed: {change}")
        ends["failed"] += len(changed)
    if ends["skipped"]:
        print(f"{ends['skipped']} skipped")
    print(f"{ends['passed']} passed, {ends['failed']} failed")
    return 1 if ends["failed"] else 0


def _judged(arena: Arena, case: Case) -> Verdict:
    """Judge a case; what breaks the harness itself is a failure of this case and of no other."""
    try:
        return judge(arena, case)
    except Exception as error:
        return Verdict("failed", reason=f"{type(error).__name__}: {error}")


def _line(case: Case, verdict: Verdict, arena: Arena, seconds: float) -> dict[str, object]:
    return {
        "id": case.id,
        "class": case.kind,
        "engine": arena.engine,
        "expect": case.ends,
        "result": verdict.result,
        "outcome": verdict.outcome,
        "error": verdict.error,
        "reason": verdict.reason,
        "rows": len(verdict.seen.rows) if verdict.seen is not None else None,
        "seconds": round(seconds, 3),
    }


if __name__ == "__main__":
    sys.exit(main())
