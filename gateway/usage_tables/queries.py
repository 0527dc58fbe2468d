"""What the store is asked for a table of usage, in SQLite's words or Postgres'.

All figures come as whole numbers (milliseconds, nanodollars), lists as JSON: both databases then give the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ALWAYS = (float("-inf"), float("inf"))


class Asked(NamedTuple):
    """One question to the store."""

    sql: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Words:
    """How a database says what the two say differently."""

    millis: Callable[[str], str]
    """A moment, in milliseconds since 1970."""
    moment: Callable[[str], str]
    """A parameter in such milliseconds, as the column that it is compared with."""
    text: Callable[[str, str], str]
    """A member of a JSON column, as text."""
    whole: Callable[[str, str], str]
    """A member of a JSON column, as a whole number; `bytes.0` names an item of a list."""
    shares: Callable[[str, str], str]
    """A FROM item with an `s.value` for each share in a JSON column, or in a member of it."""
    share: Callable[[int], str]
    """One of the two things that a share says: the table's name, and nanodollars."""


def _postgres_member(column: str, path: str) -> str:
    steps = [each if each.isdecimal() else f"'{each}'" for each in path.split(".")]
    return column + "".join(f"->{each}" for each in steps[:-1]) + f"->>{steps[-1]}"


def _postgres_shares(column: str, member: str) -> str:
    found = f"{column}->'{member}'" if member else column
    return f"LATERAL jsonb_array_elements(coalesce({found}, '[]')) AS s(value)"


def _sqlite_member(column: str, path: str) -> str:
    steps = "".join(f"[{each}]" if each.isdecimal() else f".{each}" for each in path.split("."))
    return f"json_extract({column}, '${steps}')"


WORDS = {
    "sqlite": Words(
        millis=lambda column: column,
        moment=lambda name: f":{name}",
        text=_sqlite_member,
        whole=_sqlite_member,
        shares=lambda column, member: f"json_each({column}, '$.{member}') s" if member else f"json_each({column}) s",
        share=lambda number: f"json_extract(s.value, '$[{number}]')",
    ),
    "postgresql": Words(
        millis=lambda column: f"CAST(round(extract(epoch FROM {column}) * 1000) AS bigint)",
        moment=lambda name: f"to_timestamp(CAST(:{name} AS double precision) / 1000)",
        text=lambda column, path: f"({_postgres_member(column, path)})",
        whole=lambda column, path: f"CAST({_postgres_member(column, path)} AS bigint)",
        shares=_postgres_shares,
        share=lambda number: f"CAST(s.value->>{number} AS {'bigint' if number else 'text'})",
    ),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows of a table of usage come from."""

    columns: dict[str, str]
    """What gives each column."""
    frame: str
    """All that stands behind FROM."""
    moment: str
    """The store's column by which a range of time is asked for."""
    user: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What the texts above name with a colon, besides `:me`, who asks."""


def question(
    sources: Sequence[Source], words: Words, columns: Sequence[str], user: str, own: bool, within: tuple[float, float]
) -> Asked:
    """Return the question for some columns of a table: of one's own rows only, or of everybody's.

    `within` bounds the moments of rows, in milliseconds, the second itself left out. `user` is who asks.
    """
    first, last = within
    conditions = {
        "{user} = :me": own,
        f"{{moment}} >= {words.moment('first')}": first > ALWAYS[0],
        f"{{moment}} < {words.moment('last')}": last < ALWAYS[1],
    }
    kept = " AND ".join(text for text, wanted in conditions.items() if wanted) or "1 = 1"
    parts = []
    for source in sources:
        shown = ", ".join(f"{source.columns[name]} AS c{n}" for n, name in enumerate(columns)) or "1 AS c0"
        where = kept.format(user=source.user, moment=source.moment)
        parts.append(f"SELECT {shown} FROM {source.frame} WHERE {where}")  # noqa: S608  (names are ours)
    sql = " UNION ALL ".join(parts)
    named: dict[str, Any] = {"me": user.replace("\x00", "\ufffd"), "first": first, "last": last}
    named |= {name: value for source in sources for name, value in source.parameters.items()}
    return Asked(sql, {name: value for name, value in named.items() if re.search(rf":{name}\b", sql)})
