"""One gateway over one engine and the world that it holds: who asks what there, and in what spelling."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

from tests.attacks.caller import Caller, Headers, Seen
from tests.attacks.cases import Case
from tests.attacks.process import Gateway
from tests.attacks.world import NAMES, REGIONS, TWINS, Twin

TOO_BUSY = ("could not be parsed within", "did not describe a table in time")
"""How refusals begin that a slower machine gets."""
_SNAPSHOT = re.compile(r"(?i)(\bVERSION\s+AS\s+OF\s+)\d{12,}")
_OWN = frozenset({"x-trino-user", "authorization", "x-trino-transaction-id"})
"""Headers that a twin does not send."""
_ENCODED = "x-trino-prepared-statement"


@dataclass(slots=True)
class Arena:
    """One gateway over one engine, and how the cases are spelled there."""

    engine: str
    gateway: Gateway
    policies: str
    engines: list[dict[str, object]]
    """The configuration of its engines, for gateways of their own that a fault needs."""
    catalog: str = "lake"
    snapshots: Mapping[str, int] = field(default_factory=dict)
    writes: bool = True
    itself: Callable[[str, str], Seen] | None = None
    """Ask the engine directly, a text in a schema; None where the engine does not speak the language of the cases."""
    asked: dict[str, Case] = field(default_factory=dict)
    """Query ids by the cases that made them."""
    answered: dict[str, bool] = field(default_factory=dict)
    """Whether a query was answered, by its id."""
    turned_away: list[tuple[str, str, str]] = field(default_factory=list)
    """User, text and answer of cases that got no query id although their sender was known."""

    def behind(self, gateway: Gateway) -> Arena:
        """Return the same arena behind another gateway, without a memory of what was asked."""
        return replace(self, gateway=gateway, asked={}, answered={}, turned_away=[])

    def caller(self, user: str, schema: str | None = "sales", catalog: str | None = "lake") -> Caller:
        """Return a user in a session."""
        return Caller(self.gateway, user, self.spelled(catalog) if catalog else None, schema)

    def spelled(self, text: str, schema: str = "sales") -> str:
        """Write a text with the catalog's real name, and with a snapshot that a schema's orders have."""
        if schema in self.snapshots:
            text = _SNAPSHOT.sub(rf"\g<1>{self.snapshots[schema]}", text)
        return text if self.catalog == "lake" else _word("lake").sub(self.catalog, text)

    def headers(self, headers: Headers, change: Callable[[str], str]) -> Headers:
        """Change the texts in headers; those of prepared statements under their encoding, where they have just one."""
        return [
            (name, _within(value, change) if name.lower() == _ENCODED else change(value)) for name, value in headers
        ]

    def twin_asks(self, twin: Twin, sql: str, headers: Headers | None = None, *, session: Caller | None = None) -> Seen:
        """Run the same text over a copy, as the one who sees all of it."""
        over = reducer(twin, session.user if session is not None else "ana")
        caller = self.caller(twin.user, twin.schema)
        if session is not None:
            caller.catalog, caller.schema = session.catalog, session.schema and over(session.schema)
        given = self.headers(headers or [], lambda value: over(self.spelled(value, twin.schema)))
        given = [(name, value) for name, value in given if name.lower() not in _OWN]
        return patiently(lambda: caller.ask(over(self.spelled(sql, twin.schema)), given))

    def oracle(self, sql: str, *, user: str = "ana") -> Seen:
        """Run a text as the twin of a user of the world."""
        return self.twin_asks(TWINS[REGIONS[user]], sql)

    def steward(self, sql: str) -> Seen:
        """Run a statement that prepares or checks a case; it must not fail."""
        seen = patiently(lambda: self.caller("eva").ask(self.spelled(sql)))
        assert not seen.refused, (sql, seen.message)
        return seen


def patiently(ask: Callable[[], Seen]) -> Seen:
    """Ask again what met a wall clock on a busy machine: that refusal says nothing about the statement."""
    for _ in range(10):
        seen = ask()
        if not seen.refused or not any(words in seen.message for words in TOO_BUSY):
            break
        time.sleep(0.5)
    return seen


def reducer(twin: Twin, user: str = "ana") -> Callable[[str], str]:
    """Return the change from a user's text about `sales` to the same text about a copy of it, by his twin."""

    def over(text: str) -> str:
        text = text.replace(f"'{user}'", f"'{twin.user}'")
        return _word("sandbox").sub(twin.sandbox, _word("sales").sub(twin.schema, text))

    return over


def restored(text: str) -> str:
    """Write a text of the copies with the names of the originals."""
    for name, copies in NAMES.items():
        for copy in copies:
            text = _word(copy).sub(name, text)
    return text


def _word(name: str) -> re.Pattern[str]:
    """Match a name as a whole word; what is encoded before it (`%20`) does not belong to it."""
    return re.compile(rf"(?i)(?:(?<=%[0-9a-f]{{2}})|(?<![0-9a-z_])){name}(?![0-9a-z_])")


def _within(value: str, change: Callable[[str], str]) -> str:
    """Change a text that is encoded for a URL; what decodes to something encoded again stays as it is."""
    plain = unquote(value.replace("+", " "))
    if "%" in plain:
        return change(value)
    return quote(change(plain), safe="=,*")
