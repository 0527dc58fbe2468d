"""Cases of substitution, end to end: the gateway's door, the real ClickHouse, Iceberg tables that real writers change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import TrinoServer
from loadtests.mv_cases.cases import Case, CaseFile, read_cases
from loadtests.mv_cases.grounds import Ground, lake_ground, trino_ground
from loadtests.mv_cases.running import Told, run
from tests.real import clickhouse
from tests.substitution_cases.drawn.settings import drawn_cases
from tests.substitution_cases.judging import Verdict, judge, same

ROOT = Path(__file__).parents[2]
RIVERS = ROOT / "tests" / "fixtures" / "substitution" / "cases" / "rivers.yaml"
GIVEN = ROOT.parent / "shared" / "cases" / "mv" / "cases.yaml"
LEAST_COVERAGE = 0.85
CHOSEN = (
    ("rollup-a01", "rollup-a09", "predicate-a43", "time-a02", "time-a12", "predicate-a39"),  # one view by the hour
    ("aggregate-a01", "aggregate-a07", "aggregate-a13", "shape-a02", "names-a01", "rollup-a14"),  # one of sales
    ("join-a01", "join-a03", "join-a12"),
    ("predicate-a12",),
    ("time-a18",),
    ("freshness-a01",),
    ("freshness-a03",),
    ("policy-a01",),
    ("policy-a03",),
    ("sketch-a02",),
)
"""Those of every run; each line is a setting of its own."""


@contextmanager
def lake(folder: Path, prefix: str) -> Iterator[Ground]:
    with lake_ground(folder, clickhouse.folder(), prefix) as ground:
        yield ground


def ask(file: CaseFile, cases: Iterable[Case], ground: Ground) -> list[Told]:
    return list(run(file, cases, ground, print, plain=True))


def chosen(file: CaseFile, ids: Sequence[str]) -> list[Case]:
    known = {case.id: case for case in file.cases}
    return [known[each] for each in ids]


def check(verdict: Verdict) -> None:
    assert not verdict.wrong, verdict
    assert not verdict.forbidden, verdict
    assert not verdict.schema, verdict
    assert verdict.covered >= LEAST_COVERAGE * verdict.must, verdict


def document(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)


def test_views_change_no_answer_and_answer_what_they_can(tmp_path: Path) -> None:
    file = read_cases(RIVERS)
    cases = chosen(file, [each for line in CHOSEN for each in line])
    with lake(tmp_path, "chosen") as ground:
        check(judge(document(RIVERS), ask(file, cases, ground)))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_views_change_none_of_our_cases(tmp_path: Path) -> None:
    file = read_cases(RIVERS)
    with lake(tmp_path, "rivers") as ground:
        told = [each for each in ask(file, file.cases, ground) if not each.beyond]
    assert len(told) > 240
    check(judge(document(RIVERS), told))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_given_cases_are_answered_as_trino_answered_them(tmp_path: Path) -> None:
    if not GIVEN.exists():
        pytest.skip("the cases are not beside the checkout")
    file, raw = read_cases(GIVEN), document(GIVEN)
    with lake(tmp_path, "given") as ground:
        told = [each for each in ask(file, file.cases, ground) if not each.beyond]
    assert len(told) > 150
    check(judge(raw, told))
    answers = json.loads(GIVEN.with_suffix(".answers.json").read_text("utf-8"))
    assert differing(raw, told, answers) == []


def differing(raw: Any, told: Iterable[Told], answers: dict[str, Any]) -> list[str]:
    """Return the cases whose rows or columns are not those that Trino gave, of old data too where that is allowed."""
    cases = {case["id"]: case for case in raw["cases"]}
    found = []
    for each in told:
        case, answer = cases[each.case.id], answers[each.case.id]
        if "columns" not in answer or case.get("compare") in ("count", "skip", "band"):
            continue
        kinds = [kind for _, kind in answer["columns"]]
        shown = [[column["name"], column["type"].replace(" ", "")] for column in each.line["columns"]]
        wanted = [[name, kind.replace(" ", "")] for name, kind in answer["columns"]]
        right = [answer["rows"], *([answer["also"]] if case.get("accept_watermark") else [])]
        rows = any(same(each.line["rows"], one, kinds, ordered=case.get("compare") == "ordered") for one in right)
        if not rows or shown != wanted:
            found.append(each.case.id)
    return found


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_our_cases_are_answered_as_the_real_trino_answers_them(
    tmp_path: Path, trino_server: TrinoServer, postgres_server: PostgresServer, trino_warehouse: Path
) -> None:
    file = read_cases(RIVERS)
    with ExitStack() as stack:
        ground = stack.enter_context(
            trino_ground(tmp_path, clickhouse.folder(), trino_server, postgres_server, trino_warehouse, "overtrino")
        )
        told = ask(file, file.cases, ground)
    check(judge(document(RIVERS), told))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(4))
def test_no_view_changes_the_answer_of_a_drawn_query(seed: int, tmp_path: Path) -> None:
    file = read_cases(RIVERS)
    cases = drawn_cases(seed, file.fixtures, settings=40, queries=20)
    with lake(tmp_path, f"drawn{seed}x") as ground:
        told = ask(file, cases, ground)
    failing = [
        each.case.id for each in told if each.plain and (each.line["error"] is None) != (each.plain["error"] is None)
    ]
    assert not failing, "what is refused, or fails, does so with views and without"
    answered = [each for each in told if each.plain is not None and each.plain["error"] is None]
    verdict = judge({"cases": [{"id": case.id, "expect": "may"} for case in cases]}, answered)
    assert len(answered) > len(cases) * 0.9
    assert not verdict.wrong, [(each.case, each.line, each.plain) for each in told if each.case.id in verdict.wrong][:3]
    assert not verdict.schema, verdict
    assert verdict.rewritten > len(cases) * 0.2
