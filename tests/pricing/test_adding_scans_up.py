"""What single scans would read adds up to what a statement would."""

from __future__ import annotations

import pytest

from catalog.objects import TableName
from catalog.statistics import Basis, Interval, Scan, ScanEstimate
from gateway.pricing.raw import UNKNOWN_WIDEST, put_together

SIZES = Interval(10, 20, 100)


@pytest.mark.parametrize(
    ("times", "whole"),
    [((1,), SIZES), ((2,), Interval(20, 40, 200)), ((1, 0, 0), Interval(10, 20, 300))],
    ids=["once", "at each of two mentions", "once for three mentions, if the engine keeps it"],
)
def test_a_query_that_is_kept_for_its_mentions_counts_once_and_is_bounded_by_all(
    times: tuple[int, ...], whole: Interval
) -> None:
    table = TableName("lake", "s", "t")
    scans = [ScanEstimate(Scan(table, ("c",), times=n), SIZES, SIZES, Basis("manifest", "1")) for n in times]
    raw = put_together(scans, exact=False, bound=True, widest=lambda _: UNKNOWN_WIDEST)
    assert raw.bytes == whole
