"""Engines that say what they read say so of views, too: what was authorised of them, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewriting.conftest import HOURLY
from tests.rewriting.gateway import SOUTH, World, world
from tests.rewriting.test_staging import JOINED

_SUMS = "SELECT hub, sum(lmp) AS s, count(*) AS n FROM lmp WHERE node <> 'n1' GROUP BY hub"


@pytest.mark.long
def test_answers_from_views_stand_the_strictest_attestation(tmp_path: Path) -> None:
    always = {"clickhouse": "always", "lake": "always"}
    with world(tmp_path, attestation=always) as made:
        made.build("by_day", HOURLY)
        for sql in (_SUMS, JOINED):
            _same(made, sql)


def _same(made: World, sql: str) -> None:
    for user in ("ann", SOUTH):
        from_view, from_base = made.both(sql, user)
        assert from_view.rows == from_base.rows
        assert from_view.views, from_view.record.rewritten
