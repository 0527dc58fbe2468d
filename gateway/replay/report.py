"""The report of a comparison: differences in groups, with who and what they touch, and an example of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from gateway.replay.compare import Compared
from gateway.replay.differences import Difference, Kind
from gateway.replay.statements import Statement

_USERS = 20
_GROUPS = 1_000
_TEXT = 4_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Example(_Part):
    """One of a group's statements."""

    query_id: str
    user: str
    tables: list[str] = Field(description="All tables of the statement, as far as they are known.")
    sql: str | None = Field(description="The text; null for who may not read it.")


class RowCount(_Part):
    """How many rows one statement gives before and after; null where that side refuses it or could not answer."""

    query_id: str
    before: int | None
    after: int | None
    error: str = Field("", description="Why an engine could not answer.")


class Group(_Part):
    """Statements that differ in the same way."""

    kind: Kind
    table: str = Field(description="The table that is shown otherwise; empty where it is the statement as a whole.")
    columns: list[str]
    reason: str
    before: str = Field(
        description="The filter or mask before; empty where there is none, or the caller may not read it."
    )
    after: str
    statements: int = Field(description="How often such statements were asked.")
    distinct: int = Field(description="How many different ones, each text, user and session counted once.")
    user_count: int
    users: list[str] = Field(description=f"The first {_USERS} of them.")
    example: Example
    rows: list[RowCount] = Field(description="Of the statements of the sample.")


class Report(_Part):
    """What policies would have made of recorded statements, had they been others."""

    before: str = Field(description="The version of the policies in force.")
    after: str = Field(description="The version that the draft would be.")
    since: datetime
    until: datetime
    statements: int = Field(description="Recorded statements that were looked at.")
    distinct: int
    left_out: int = Field(description="Recorded statements beyond what one comparison takes.")
    planned: int = Field(description="Plans that were made: what surely stays the same is not planned.")
    approximate: int = Field(description="Distinct statements of which it is not known how they were asked.")
    not_compared: dict[str, int] = Field(description="Distinct statements that could not be compared, by why.")
    kinds: dict[str, int] = Field(description="How often statements were asked that differ so.")
    groups: list[Group]
    groups_left_out: int
    sampled: int = Field(description="Statements whose rows were counted both ways.")
    rows_changed: int = Field(description="Those of them with another number of rows.")
    seconds: float

    @property
    def differs(self) -> bool:
        """Tell whether there is any difference."""
        return bool(self.kinds)


class Key(NamedTuple):
    """What a group has in common."""

    kind: Kind
    table: str
    columns: tuple[str, ...]
    reason: str
    before: str
    after: str


def key_of(difference: Difference) -> Key:
    """Return the group of a difference."""
    texts = (difference.before[:_TEXT], difference.after[:_TEXT])
    return Key(difference.kind, difference.table, difference.columns, difference.reason, *texts)


@dataclass(slots=True)
class _Gathered:
    example: Example
    statements: int = 0
    distinct: int = 0
    users: set[str] = field(default_factory=set)
    queries: set[str] = field(default_factory=set)

    def add(self, other: _Gathered) -> None:
        """Add what another process gathered for the same group."""
        self.statements += other.statements
        self.distinct += other.distinct
        self.users |= other.users
        self.queries |= other.queries


@dataclass(slots=True)
class Tally:
    """Count what is found, in bounded space."""

    statements: int = 0
    distinct: int = 0
    planned: int = 0
    approximate: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    left_out: set[Key] = field(default_factory=set)
    _groups: dict[Key, _Gathered] = field(default_factory=dict)

    def add(self, statement: Statement, found: Compared) -> bool:
        """Count one statement; tell whether it is the first of a group."""
        self.statements += statement.times
        self.distinct += 1
        self.planned += found.planned
        self.approximate += statement.approximate
        if found.error:
            self.errors[found.error] += 1
        for kind in {each.kind for each in found.differences}:
            self.kinds[kind] += statement.times
        first = False
        for key in dict.fromkeys(map(key_of, found.differences)):
            first = self._group(statement, key) or first
        return first

    def _group(self, statement: Statement, key: Key) -> bool:
        known = self._groups.get(key)
        if known is None:
            if len(self._groups) >= _GROUPS:
                self.left_out.add(key)
                return False
            known = self._groups[key] = _Gathered(_example(statement, key))
        known.statements += statement.times
        known.distinct += 1
        known.users.add(statement.user)
        if len(known.queries) < _GROUPS:
            known.queries.add(statement.query_id)
        return known.distinct == 1

    def merge(self, other: Tally) -> None:
        """Add what another process counted, of other statements."""
        for name in ("statements", "distinct", "planned", "approximate"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.errors += other.errors
        self.kinds += other.kinds
        self.left_out |= other.left_out
        for key, gathered in other._groups.items():
            known = self._groups.get(key)
            if known is None and len(self._groups) >= _GROUPS:
                self.left_out.add(key)
            elif known is None:
                self._groups[key] = gathered
            else:
                known.add(gathered)

    def groups(self, rows: list[RowCount]) -> list[Group]:
        """Return the groups, those of most statements first."""
        found = sorted(self._groups.items(), key=lambda each: (-each[1].statements, each[0]))
        return [_group(key, gathered, rows) for key, gathered in found]


def _example(statement: Statement, key: Key) -> Example:
    tables = {name for name, _, _ in statement.tables} | ({key.table} if key.table else set())
    return Example(query_id=statement.query_id, user=statement.user, tables=sorted(tables), sql=statement.sql[:_TEXT])


def _group(key: Key, gathered: _Gathered, rows: list[RowCount]) -> Group:
    return Group(
        kind=key.kind,
        table=key.table,
        columns=list(key.columns),
        reason=key.reason,
        before=key.before,
        after=key.after,
        statements=gathered.statements,
        distinct=gathered.distinct,
        user_count=len(gathered.users),
        users=sorted(gathered.users)[:_USERS],
        example=gathered.example,
        rows=[each for each in rows if each.query_id in gathered.queries],
    )
