"""Judge a test: what was expected of a simulation, against what was found."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression
from catalog.errors import Refusal
from gateway.simulation.cases import Expect, ExpectedError, ExpectedFilter
from gateway.simulation.simulate import Seen, Simulated

Row = Sequence[object]
Comparable = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that was not met."""

    expectation: str
    """Its key."""
    expected: str
    found: str


def judge(expect: Expect, simulated: Simulated) -> tuple[Failure, ...]:
    """Return every expectation that a simulation does not meet; rows are judged by `judge_rows`."""
    return tuple(_judged(expect, simulated))


def _judged(expect: Expect, found: Simulated) -> Iterator[Failure]:
    wanted = expect.decision or ("refuse" if expect.error is not None else "allow")
    if found.decision != wanted:
        told = "allow" if found.decision == "allow" else f"refuse: {found.code}: {found.message}"
        yield Failure("decision", wanted, told)
        return
    if found.decision == "refuse":
        if expect.error is not None:
            yield from _error(expect.error, found)
        return
    if expect.columns is not None:
        columns = [c.name for c in (found.plan.columns or () if found.plan is not None else ())]
        if columns != expect.columns:
            yield Failure("columns", _listed(expect.columns), _listed(columns))
    if expect.masked is not None:
        yield from _masked(expect.masked, found.seen)
    if expect.withheld is not None:
        yield from _withheld(expect.withheld, found.seen)
    if expect.filter is not None:
        yield from _filter(expect.filter, found.seen)


def _error(expected: ExpectedError | str, found: Simulated) -> Iterator[Failure]:
    wanted = ExpectedError(code=expected, contains=None) if isinstance(expected, str) else expected
    if wanted.code is not None and wanted.code != found.code:
        yield Failure("error", wanted.code, f"{found.code}: {found.message}")
    if wanted.contains is not None and wanted.contains not in found.message:
        yield Failure("error", f"contains {wanted.contains!r}", found.message)


def _masked(expected: Sequence[str], seen: Sequence[Seen]) -> Iterator[Failure]:
    full = [(each, column) for each in seen for column in each.read if column in each.decision.masks]
    names = sorted(_name(each, column, expected) for each, column in full)
    if names != sorted(expected):
        yield Failure("masked", _listed(sorted(expected)), _listed(names))


def _name(seen: Seen, column: str, written: Sequence[str]) -> str:
    """Return a column as the test writes it: by its name alone, or with its table's."""
    whole = f"{seen.table.name}.{column}"
    return whole if whole in written else column


def _withheld(expected: Sequence[str], seen: Sequence[Seen]) -> Iterator[Failure]:
    hidden = {
        name
        for each in seen
        for column in each.table.columns
        if column.name not in each.decision.columns
        for name in (column.name, f"{each.table.name}.{column.name}")
    }
    short = sorted(name for name in hidden if "." not in name)
    if (not expected and hidden) or not set(expected) <= hidden:
        yield Failure("withheld", _listed(expected), _listed(short))


def _filter(expected: ExpectedFilter | str, seen: Sequence[Seen]) -> Iterator[Failure]:
    conditions = {
        str(each.table.name): generate(each.decision.row_filter)
        for each in seen
        if each.decision.row_filter is not None
    }
    if isinstance(expected, str):
        if conditions:
            yield Failure("filter", "none", "; ".join(conditions.values()))
        return
    looked_at = [c for name, c in conditions.items() if expected.table in (None, name, name.rpartition(".")[2])]
    if not any(_bare(expected.contains) in _bare(condition) for condition in looked_at):
        yield Failure("filter", f"contains {expected.contains}", "; ".join(looked_at) or "none")


def _bare(condition: str) -> str:
    """Return a condition in one spelling: as it is generated, without the quotes of names."""
    try:
        condition = generate(parse_expression(condition))
    except Refusal:
        condition = re.sub(r"\s+", " ", condition.strip())  # a part of a condition that is none by itself
    return condition.replace('"', "")


def judge_rows(expect: Expect, rows: Sequence[Row], *, show: bool) -> tuple[Failure, ...]:
    """Return what is wrong with a result; `show` says that its values may be told."""
    failures = []
    if expect.row_count is not None and len(rows) != expect.row_count:
        failures.append(Failure("row_count", str(expect.row_count), str(len(rows))))
    if expect.rows is not None:
        wanted, found = Counter(map(_comparable, expect.rows)), Counter(map(_comparable, rows))
        written = {_comparable(row): json.dumps(row) for row in (*expect.rows, *rows)}
        if wanted != found:
            missing, more = list((wanted - found).elements()), list((found - wanted).elements())
            told = f"{len(rows)} rows: {len(missing)} missing, {len(more)} not expected"
            if show:
                told += f"; missing {_few(missing, written)}; not expected {_few(more, written)}"
            failures.append(Failure("rows", f"{len(expect.rows)} rows", told))
    return tuple(failures)


def _few(rows: Sequence[Comparable], written: Mapping[Comparable, str]) -> str:
    return ", ".join(written[row] for row in rows[:3]) + (" ..." if len(rows) > 3 else "") if rows else "nothing"


def _comparable(row: Row) -> Comparable:
    return tuple(_value(each) for each in row)


def _value(value: object) -> object:
    """Return a value so that numbers are equal however they are written; a text of digits is a number, too."""
    if isinstance(value, list):
        return tuple(_value(each) for each in value)
    if isinstance(value, dict):
        return tuple(sorted((str(key), _value(each)) for key, each in value.items()))
    if value is None or isinstance(value, bool):
        return (value,)
    try:
        return Decimal(str(value)).normalize() + 0
    except InvalidOperation:
        return str(value)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
