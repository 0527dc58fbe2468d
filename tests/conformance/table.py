"""The table for readers: `python -m tests.conformance.table` writes docs/conformance.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.scenarios import Scenario, read_scenarios

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
_HEAD = """\
# Conformance

What Trino's own tests (TestRowFilter: RF, TestColumnMask: CM, TestFilterInaccessibleColumns: IC, TestBranching) say of row filters and column masks, and how it ends behind
the gateway, on the real Trino 476 and on the embedded lake over the same files. Each row is executed by `tests/conformance`; this page is written from its scenarios by
`python -m tests.conformance.table`, and a test keeps it so. "stricter" means refused, or filtered where Trino does not filter.

"""


def counted(scenarios: Sequence[Scenario]) -> str:
    """Return the result in a line."""
    ends = Counter(scenario.ends for scenario in scenarios)
    return f"{len(scenarios)} scenarios, {ends['equal']} equal, {ends['stricter']} stricter"


def page(scenarios: Sequence[Scenario]) -> str:
    """Return the page."""
    lines = [
        _HEAD + counted(scenarios) + ".\n",
        "| # | source | scenario | statements | here |",
        "|---|---|---|---|---|",
    ]
    for each in scenarios:
        texts = sum(len(step.get("each") or [0]) * len(step.get("forms") or [0]) for step in each.steps) + len(each.bad)
        lines.append(f"| {each.n} | {each.source} | {each.what} | {texts} | {_here(each)} |")
    return "\n".join(lines) + "\n"


def _here(scenario: Scenario) -> str:
    refused = [bool(scenario.bad), *("refused" in step for step in scenario.steps)]
    how = scenario.ends
    if scenario.bad and not scenario.steps:
        how += ": refused when the policies are read"
    elif scenario.steps and all(refused[1:]):
        how += ": refused"
    return how + ("; the lake refuses" if scenario.lake is not None else "")


if __name__ == "__main__":
    PAGE.write_text(page(read_scenarios()), "utf-8")
    print(counted(read_scenarios()))
