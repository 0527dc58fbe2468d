"""Cases of clocks and conditions, end to end: zones with hard clocks, instants on every edge, NULL and NaN."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from loadtests.mv_cases.cases import read_cases
from loadtests.mv_cases.grounds import lake_ground
from loadtests.mv_cases.running import run
from tests.real import clickhouse
from tests.substitution_cases.judging import judge

CLOCKS = Path(__file__).parents[1] / "fixtures" / "substitution" / "cases" / "clocks.yaml"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_views_change_no_answer_about_clocks_and_conditions(tmp_path: Path) -> None:
    file = read_cases(CLOCKS)
    with lake_ground(tmp_path, clickhouse.folder(), "clocks") as ground:
        told = [each for each in run(file, file.cases, ground, print, plain=True) if not each.beyond]
    verdict = judge(yaml.load(CLOCKS.read_text("utf-8"), Loader=yaml.CSafeLoader), told)
    assert len(told) > 70
    assert not verdict.wrong, verdict
    assert not verdict.forbidden, verdict
    assert not verdict.schema, verdict
    assert verdict.covered >= 0.95 * verdict.must, verdict
