"""Cases that are a bare HTTP request: what they name is put in, somebody else's page or query by default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.attacks.arena import Arena
from tests.attacks.caller import Caller, Seen
from tests.attacks.cases import Case

_LINE = re.compile(r"(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) (/\S*)(?: HTTP/1\.[01])?")
_OWNER = re.compile(r"(?:issued to|of|by|from|for) (ana|bob|eva)\b")
ORDERS = "SELECT * FROM orders"
SECRET = "CANARY of an all-seeing text"
SECRET_TEXT = f"SELECT '{SECRET}' AS c, customer_email FROM orders"
"""What somebody runs whose texts and rows nobody else may see."""


@dataclass(slots=True)
class Line:
    """A request as it was sent, and how it went for whose query it was about."""

    seen: Seen
    method: str
    undisturbed: bool
    own: bool
    """The request was about a query of who sent it."""
    owns_only: bool
    """Somebody else's query is not in the answer, and who asks for the first time is given nothing."""

    @property
    def refused(self) -> bool:
        """Tell whether nothing was given: no success, or an empty answer to an order that had no effect."""
        return self.seen.status >= 400 or (self.method == "DELETE" and self.seen.status == 204 and not self.own)


def is_line(case: Case) -> bool:
    """Tell whether a case is a request instead of a statement."""
    return _LINE.fullmatch(case.sql.strip()) is not None


def send(arena: Arena, case: Case) -> Line:
    """Send the request of a case, with an open query in place of what it names in braces."""
    match = _LINE.fullmatch(case.sql.strip())
    assert match is not None
    method, path = match[1], match[2]
    named = _OWNER.search(str(case.session.get("note") or ""))
    owner = arena.caller(named[1] if named else case.user if case.expect != "refuse" else "eva")
    sql = SECRET_TEXT if owner.user == "eva" else ORDERS
    opened = owner.ask(sql, case.headers, pages=1)
    whole = len(owner.ask(sql).rows)
    asking = arena.caller(case.user)
    body = ORDERS.encode() if method in ("POST", "PUT") else None
    path = _filled(path, opened)
    seen = asking.get(path, method, case.headers, body)
    own = case.user == owner.user
    undisturbed = own or _is_undisturbed(owner, opened, whole)
    return Line(seen, method, undisturbed, own, method == "GET" and _owns_only(arena, path, case, seen, opened))


def _owns_only(arena: Arena, path: str, case: Case, seen: Seen, opened: Seen) -> bool:
    stranger = arena.caller("who-never-asked").get(path, "GET", case.headers)
    body = stranger.raw.partition("\n")[0]
    return body in ("[]", "{}") and SECRET not in seen.raw and (opened.query_id or "") not in seen.raw


def _filled(path: str, opened: Seen) -> str:
    """Put the parts of an open query's page address in."""
    *_, query, token, page = urlsplit(opened.pages[-1]).path.split("/")
    parts = {"id": query, "query_id": query, "queryId": query, "slug": token, "token": page, "page": page}
    return re.sub(r"\{(\w+)\}", lambda name: parts.get(name[1], query), path)


def _is_undisturbed(owner: Caller, opened: Seen, whole: int) -> bool:
    """Tell whether an owner still gets what he asked for."""
    rows, page = list(opened.rows), opened.pages[-1]
    while page:
        seen = owner.get(urlsplit(page).path)
        if seen.refused:
            return False
        rows += seen.rows
        page = seen.pages[-1] if seen.pages else ""
    return len(rows) == whole
