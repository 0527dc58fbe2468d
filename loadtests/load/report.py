"""Figures after a run: by kind of user, by stage of the gateway, and the last line for machines."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ENGINE_STAGES = ("execute", "stream")
"""Stages in which the engine works or the client is waited for; all others are the gateway's own time."""
_LAG = re.compile(r'penstock_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)')


def quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99; zeros where there is nothing."""
    ordered = sorted(values)
    if not ordered:
        return 0.0, 0.0, 0.0
    return tuple(ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.95, 0.99))  # type: ignore[return-value]  # three of them


def tables(tally: Mapping[str, Any], usage: Path, metrics: str) -> Iterable[str]:
    """Yield the lines of every table."""
    seconds = tally["seconds"]
    yield f"{'statements of':<22}{'count':>8}{'per s':>9}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}"
    for kind, times in sorted(tally["statements"].items()):
        yield _line(kind, times, seconds)
    yield f"{'HTTP exchanges':<22}"
    for method, times in sorted(tally["exchanges"].items()):
        yield _line(method, times, seconds)
    yield f"{tally['rows']:,} rows in {tally['bytes'] / 1e6:,.0f} MB"
    yield f"told to come later, and asked again: {tally['later']}"
    yield from _stages(usage, tally["begun"])
    yield f"event loop late: {_lag(metrics)}"
    for failure, count in tally["failures"]:
        yield f"failed {count} times: {failure}"


def last_line(tally: Mapping[str, Any]) -> str:
    """Return the line for machines; a request is a statement from its POST to its last page."""
    times = [took for kind in tally["statements"].values() for took in kind]
    p50, p95, p99 = quantiles(times)
    rate = len(times) / tally["seconds"]
    return (
        f"requests={len(times)} failed={tally['failed']} rps={rate:.1f} "
        f"p50_ms={p50:.0f} p95_ms={p95:.0f} p99_ms={p99:.0f}"
    )


def _line(name: str, times: Sequence[float], seconds: float) -> str:
    p50, p95, p99 = quantiles(times)
    return f"  {name:<20}{len(times):>8}{len(times) / seconds:>9.1f}{p50:>10.1f}{p95:>10.1f}{p99:>10.1f}"


def _stages(usage: Path, begun: float) -> Iterable[str]:
    """Read the usage rows of the run; what the gateway adds stands apart from what the engine takes."""
    stages: defaultdict[str, list[float]] = defaultdict(list)
    own: list[float] = []
    with sqlite3.connect(f"file:{usage}?mode=ro", uri=True) as store:
        rows = store.execute("SELECT stage_ms FROM penstock_usage WHERE received_at >= ?", (int(begun * 1000),))
        for (text,) in rows:
            spent: dict[str, float] = json.loads(text)
            own.append(sum(took for stage, took in spent.items() if stage not in ENGINE_STAGES))
            for stage, took in spent.items():
                stages[stage].append(took)
    yield f"{'stages, usage rows':<22}{'count':>8}{'':>9}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}"
    for stage, times in stages.items():
        p50, p95, p99 = quantiles(times)
        yield f"  {stage:<20}{len(times):>8}{'':>9}{p50:>10.2f}{p95:>10.2f}{p99:>10.2f}"
    p50, p95, p99 = quantiles(own)
    yield f"  {'= gateway, all own':<20}{len(own):>8}{'':>9}{p50:>10.2f}{p95:>10.2f}{p99:>10.2f}"


def _lag(metrics: str) -> str:
    """Say within which bounds the event loop woke, from the histogram's buckets."""
    buckets = [(float(bound), float(count)) for bound, count in _LAG.findall(metrics)]
    total = buckets[-1][1] if buckets else 0.0
    if not total:
        return "not measured"
    bounds = (next(bound for bound, count in buckets if count >= total * part) for part in (0.5, 0.95, 0.99))
    return ", ".join(f"p{part} within {bound * 1000:g} ms" for part, bound in zip((50, 95, 99), bounds, strict=True))
