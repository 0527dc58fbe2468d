"""Usage of a period, added up by the store: by user, dataset, day, engine, source or team.

A bill counts when its statement ended, an adjusting entry when it was made, so that a period that is over stays as it
is. Amounts are whole nanodollars: the groups of any question add up to the total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.bounded import BoundedStore
from gateway.usage_tables.queries import WORDS, Words
from policies.cost.money import CENT, TERABYTE, dollars

By = Literal["user", "dataset", "team", "day", "engine", "source"]
_DAY_MS = 86_400_000


@dataclass(slots=True)
class Amounts:
    """What some statements came to."""

    statements: int = 0
    bytes: int = 0
    nano: int = 0

    def add(self, other: Amounts) -> None:
        """Add what others came to."""
        self.statements += other.statements
        self.bytes += other.bytes
        self.nano += other.nano

    @property
    def usd_per_tb(self) -> Decimal | None:
        """Return what a terabyte cost on the average; None where nothing was read."""
        return _exact(dollars(self.nano) * TERABYTE / self.bytes) if self.bytes > 0 else None

    @property
    def usd_per_statement(self) -> Decimal | None:
        """Return what a statement cost on the average; None where there was none."""
        return _exact(dollars(self.nano) / self.statements) if self.statements else None


@dataclass(frozen=True, slots=True)
class Report:
    """The groups of a period, the dearest first, and what all statements came to, those without cost among them."""

    groups: tuple[tuple[str | None, Amounts], ...]
    total: Amounts

    def first(self, count: int) -> tuple[tuple[tuple[str | None, Amounts], ...], Amounts | None]:
        """Return the dearest groups, and what all the others came to; None where there are no others.

        Statements and bytes of `others` may count twice where groups are datasets; money never does.
        """
        rest = self.groups[count:]
        if not rest:
            return self.groups, None
        others = Amounts()
        for _, each in rest:
            others.add(each)
        return self.groups[:count], others


async def report(
    store: BoundedStore,
    by: By,
    begin: float,
    end: float,
    *,
    user: str | None = None,
    team_of: Callable[[str], str | None] = lambda _: None,
) -> Report:
    """Add up a period, from `begin` to before `end` (Unix seconds); of one user where that is given.

    Raises StoreAway.
    """
    words = WORDS[store.dialect]
    values = {"first": begin * 1000, "last": end * 1000, **({"me": user.replace("\x00", "\ufffd")} if user else {})}

    async def work(connection: AsyncConnection) -> tuple[list[Any], list[Any]]:
        grouped = await connection.execute(text(_query(words, by, own=user is not None)), values)
        whole = await connection.execute(text(_query(words, None, own=user is not None)), values)
        return list(grouped), list(whole)

    rows, whole = await store.read(work)
    name = _NAMES.get(by, lambda key: key) if by != "team" else (lambda key: team_of(str(key)))
    groups: dict[str | None, Amounts] = {}
    for row in rows:
        groups.setdefault(name(row[0]), Amounts()).add(_amounts(row))
    total = Amounts()
    for row in whole:
        total.add(_amounts(row))
    ordered = sorted(groups.items(), key=lambda each: (-each[1].nano, -each[1].statements, each[0] or ""))
    return Report(tuple(ordered), total)


def in_cents(nanos: Sequence[int]) -> tuple[int, ...]:
    """Round amounts to cents so that they add up to their rounded sum: the largest remainders are rounded up first."""
    whole = int((Decimal(sum(nanos)) / CENT).to_integral_value(ROUND_HALF_EVEN))
    floors = [nano // CENT for nano in nanos]
    order = sorted(range(len(nanos)), key=lambda number: (-(nanos[number] % CENT), number))
    for number in order[: whole - sum(floors)]:
        floors[number] += 1
    return tuple(floors)


def _amounts(row: Any) -> Amounts:
    return Amounts(*(int(value or 0) for value in row[1:]))


def _exact(value: Decimal) -> Decimal:
    return value.quantize(Decimal("1e-9"), ROUND_HALF_EVEN)


def _day(number: Any) -> str:
    return datetime.fromtimestamp(int(number) * _DAY_MS // 1000, UTC).strftime("%Y-%m-%d")


_NAMES: Mapping[str, Callable[[Any], str | None]] = {"day": _day}


def _query(words: Words, by: By | None, *, own: bool) -> str:
    """Return the question for groups, or for everything in one; its first column is the group's key."""
    parts = [*_bills(words, by, own=own), *_entries(words, by, own=own)]
    inner = " UNION ALL ".join(parts)
    return f"SELECT k, sum(n), sum(b), sum(m) FROM ({inner}) AS parts GROUP BY k"  # noqa: S608  (all words are ours)


def _bills(words: Words, by: By | None, *, own: bool) -> Iterable[str]:
    size = f"coalesce({words.whole('u.bill', 'bytes')}, 0)"
    where = _within(words, "u.finished_at", own=own)
    if by == "dataset":
        frame = f"penstock_usage u CROSS JOIN {words.shares('u.bill', 'shares')}"
        cost = words.share(1)
        yield _part(f"nullif({words.share(0)}, '')", "1", "0", cost, frame, where)
        return
    key = {
        "user": "u.user_name",
        "team": "u.user_name",
        "engine": "u.engine",
        "source": "u.source",
        "day": _day_of(words, "u.finished_at"),
        None: "0",
    }[by]
    yield _part(key, "1", size, "coalesce(u.cost_nano, 0)", "penstock_usage u", where)


def _entries(words: Words, by: By | None, *, own: bool) -> Iterable[str]:
    where = _within(words, "u.at", own=own)
    if by == "dataset":
        frame = f"penstock_adjustments u CROSS JOIN {words.shares('u.shares', '')}"
        yield _part(f"nullif({words.share(0)}, '')", "0", "0", words.share(1), frame, where)
        return
    frame, key = "penstock_adjustments u", "u.user_name"
    if by == "source":
        frame, key = f"{frame} LEFT JOIN penstock_usage s ON s.query_id = u.query_id", "s.source"
    elif by in ("engine", "day", None):
        key = {"engine": "u.engine", "day": _day_of(words, "u.at"), None: "0"}[by]
    yield _part(key, "0", "u.bytes", "u.nano", frame, where)


def _part(key: str, count: str, size: str, cost: str, frame: str, where: str) -> str:
    return f"SELECT {key} AS k, {count} AS n, {size} AS b, {cost} AS m FROM {frame} WHERE {where}"  # noqa: S608  (our own text and quoted names)


def _within(words: Words, column: str, *, own: bool) -> str:
    bounds = f"{column} >= {words.moment('first')} AND {column} < {words.moment('last')}"
    return f"{bounds} AND u.user_name = :me" if own else bounds


def _day_of(words: Words, column: str) -> str:
    return f"({words.millis(column)} / {_DAY_MS})"
