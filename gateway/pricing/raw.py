"""What a statement would read and make by what engines say, before calibration and without a price."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from catalog.objects import TableName
from catalog.statistics import Basis, Interval, ScanEstimate
from gateway.pricing.sound import UNBOUNDED, known, sound, sound_scan, sound_size
from policies.cost.estimate import EstimateKind, Widest

UNKNOWN_WIDEST = Widest(UNBOUNDED)
NOTHING_MADE = Widest(Interval.exactly(0.0))
_LOOSE = 1.2
"""How many times the high end may be the low one in an estimate that is called tight."""


@dataclass(frozen=True, slots=True)
class Raw:
    """An estimate as it comes from an engine's figures, and how far they carry."""

    kind: EstimateKind
    bytes: Interval
    widest: Widest
    scans: tuple[ScanEstimate, ...] = ()
    basis: str = ""
    why: str = ""
    versions: Mapping[TableName, str] | None = None
    """The tables' versions that it was made at; None where it does not rest on them."""
    until: float = math.inf
    """Seconds of the pricing's clock from which on it has to be asked for again."""

    @property
    def table(self) -> str:
        """Return the table that most is read of: by which calibration goes."""
        heaviest = max(self.scans, key=lambda each: each.bytes.likely * each.scan.times, default=None)
        return "" if heaviest is None else str(heaviest.scan.table)

    @property
    def loose(self) -> bool:
        """Tell whether the engine itself leaves much open."""
        return is_loose(self.bytes)


def is_loose(figure: Interval) -> bool:
    """Tell whether an interval is so wide that what lies in it is a guess."""
    return figure.high > figure.low * _LOOSE


def unknown(why: str, size: int | None = None, until: float = math.inf) -> Raw:
    """Return what is said where no engine answers: bounded by the tables' size where that is known."""
    if size is None:
        return Raw("unknown", UNBOUNDED, UNKNOWN_WIDEST, why=why, until=until)
    bound = Interval(0.0, float(size), float(size))
    return Raw("bounded by table size", bound, UNKNOWN_WIDEST, basis="table size", why=why, until=until)


def nothing() -> Raw:
    """Return the estimate of a statement that reads nothing."""
    return Raw("exact", Interval.exactly(0.0), NOTHING_MADE, basis="it reads no table")


def put_together(
    scans: Sequence[ScanEstimate],
    *,
    exact: bool,
    bound: bool,
    widest: Callable[[Sequence[ScanEstimate]], Widest],
    size_of: Callable[[TableName], int | None] = lambda _: None,
) -> Raw:
    """Add up what single scans would read.

    `exact` says that the statement is answered from counts alone; `bound` that a table's size stands in for what is
    not known of a scan, by the engine's figures or by `size_of`, what was known of the table before.
    """
    told = [sound_scan(each) for each in scans]
    if bound:
        told = [each if known(each.bytes) else _bounded(each, size_of) for each in told]
    whole = _sum(told)
    why = "; ".join(dict.fromkeys(f"{each.scan.table}: {each.why}" for each in told if each.why))
    return Raw(_kind(told, whole, exact), whole, _sound_widest(widest(told)), tuple(told), _basis_of(told), why)


def _bounded(scan: ScanEstimate, size_of: Callable[[TableName], int | None]) -> ScanEstimate:
    """Return a scan that is taken to read at most its table; as it was where no size is known."""
    size = sound_size(scan.statistics.bytes) if scan.statistics is not None else None
    size = size_of(scan.scan.table) if size is None else size
    if size is None:
        return scan
    basis = replace(scan.basis, kind="table size") if scan.basis.version else Basis("table size")
    return replace(
        scan, bytes=Interval(0.0, float(size), float(size)), basis=basis, why=scan.why or "only its size is known"
    )


def _kind(scans: Sequence[ScanEstimate], whole: Interval, exact: bool) -> EstimateKind:
    if not known(whole):
        return "unknown"
    if any(each.basis.kind in ("table size", "none") for each in scans):
        return "bounded by table size"
    return "exact" if exact and whole.exact else "upper bound"


def _sum(scans: Sequence[ScanEstimate]) -> Interval:
    """Add up; what is read once for several mentions counts once, but an engine may choose to read it at each."""
    low, likely = (sum(each.bytes[end] * each.scan.times for each in scans) for end in range(2))
    high = sum(each.bytes.high * max(1, each.scan.times) for each in scans)
    whole = Interval(low, likely, max(likely, high))
    return whole if sound(whole) else UNBOUNDED


def _sound_widest(widest: Widest) -> Widest:
    return widest if sound(widest.rows) else replace(widest, rows=UNBOUNDED)


def _basis_of(scans: Sequence[ScanEstimate]) -> str:
    """Say what the estimate rests on: each kind of source once, with the newest version and when it was read."""
    newest: dict[str, Basis] = {}
    for each in scans:
        kept = newest.setdefault(each.basis.kind, each.basis)
        if each.basis.taken_at > kept.taken_at:
            newest[each.basis.kind] = each.basis
    return "; ".join(map(_basis_text, newest.values()))


def _basis_text(basis: Basis) -> str:
    parts: list[str] = [basis.kind]
    if basis.version:
        parts.append(f"snapshot {basis.version}" if basis.kind == "manifest" else f"version {basis.version}")
    if 0 < basis.taken_at < 253_402_300_799:
        parts.append(f"read {datetime.fromtimestamp(basis.taken_at, UTC):%Y-%m-%d %H:%M:%S} UTC")
    return ", ".join(parts)
