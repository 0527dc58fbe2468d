"""What has to be so before a case is asked: who asks with which credential, and what its note says was done before."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.attacks.arena import Arena, patiently, reducer
from tests.attacks.caller import Caller, Headers, Seen
from tests.attacks.cases import SESSION, Case
from tests.attacks.tokens import forged_token
from tests.attacks.world import REGIONS, TWINS, Twin


class NotActedOnError(Exception):
    """Say why the set-up of a case is only words to the harness."""


@dataclass(slots=True)
class Asking:
    """A statement as it is going to be asked."""

    arena: Arena
    caller: Caller
    sql: str
    headers: Headers

    def ask(self) -> Seen:
        """Ask it."""
        return patiently(lambda: self.caller.ask(self.sql, self.headers))


def asking_of(arena: Arena, case: Case) -> Asking:
    """Set a case up as its session says. Raises NotActedOnError."""
    session = case.session
    if unknown := set(session) - SESSION:
        raise NotActedOnError(f"the harness knows no session with {', '.join(sorted(unknown))}")
    caller = arena.caller(case.user, session.get("schema", "sales"), session.get("catalog", "lake"))
    claims = dict(session.get("jwt_claims") or {})
    if _is_stranger(case) and case.user != "eva" and case.expect != "refuse":
        claims.setdefault("roles", ["analyst"])  # nobody else's rights are described
    if claims:
        caller.token = arena.gateway.token(caller.user, **claims)
    if session.get("jwt"):
        caller.token = forged_token(str(session["jwt"]), caller.user, claims)
        if caller.token is None:
            raise NotActedOnError(f"no token can be made of {session['jwt']!r}")
    asking = Asking(arena, caller, arena.spelled(case.sql), arena.headers(case.headers, arena.spelled))
    if session.get("note"):
        _act_on(str(session["note"]), asking)
    return asking


def twin_of(case: Case) -> Twin:
    """Return who asks the copies in a case's place."""
    if case.user == "partner-x":
        region = (case.session.get("jwt_claims") or {}).get("region")
        return TWINS.get(region if isinstance(region, str) else "", TWINS[""])
    if _is_stranger(case):
        return TWINS["EU"] if case.expect != "refuse" else Twin("nobody", "", "sales", "sandbox")
    return TWINS[REGIONS[case.user]]


def _is_stranger(case: Case) -> bool:
    return case.user not in (*REGIONS, "partner-x")


def _act_on(note: str, asking: Asking) -> None:
    acted = False
    for pattern, act in _NOTES:
        for match in pattern.finditer(note):
            act(asking, match)
            acted = True
    if not acted:
        raise NotActedOnError(f"the harness cannot act on the note {note!r}")


def _as_another(asking: Asking, match: re.Match[str]) -> None:
    """Let somebody else run the same text first."""
    other = replace(asking.caller, user=match["user"], token=None)
    patiently(lambda: other.ask(asking.sql, asking.headers))


def _in_another_session(asking: Asking, match: re.Match[str]) -> None:
    """Run the same text first in a session that differs in one name."""
    other = replace(asking.caller, **{match["what"]: match["name"]})
    patiently(lambda: other.ask(asking.sql, asking.headers))


def _twice(asking: Asking, match: re.Match[str]) -> None:
    asking.ask()


def _with_token_of(asking: Asking, match: re.Match[str]) -> None:
    asking.caller.token = asking.arena.gateway.token(match["user"])


def _in_transaction_of(asking: Asking, match: re.Match[str]) -> None:
    """Send the id of a transaction that a user opened."""
    user = match["user"] or asking.caller.user
    opened = replace(asking.caller, user=user, token=None).ask(
        "START TRANSACTION", [("X-Trino-Transaction-Id", "NONE")]
    )
    ids = [value for name, value in opened.headers if name.lower() == "x-trino-started-transaction-id"]
    if not ids:
        raise NotActedOnError(f"no transaction begins here: {opened.message}")
    asking.headers.append(("X-Trino-Transaction-Id", ids[0]))


_SESSION_EFFECTS = {
    "x-trino-added-prepare": "X-Trino-Prepared-Statement",
    "x-trino-set-session": "X-Trino-Session",
    "x-trino-set-role": "X-Trino-Role",
    "x-trino-set-catalog": "X-Trino-Catalog",
    "x-trino-set-schema": "X-Trino-Schema",
    "x-trino-set-path": "X-Trino-Path",
    "x-trino-set-authorization-user": "X-Trino-User",
    "x-trino-started-transaction-id": "X-Trino-Transaction-Id",
}
"""What a client sends from then on for what it was told to remember."""


def _statements(asking: Asking, match: re.Match[str]) -> None:
    """Run the statements of a note: what changes tables as the steward, what changes a session as the caller."""
    for text in filter(None, (part.strip() for part in match[0].split(";"))):
        sql = asking.arena.spelled(text)
        if re.match(r"(?i)(CREATE|DROP|INSERT|UPDATE|DELETE|ALTER)\b", sql):
            for each in dict.fromkeys((sql, reducer(TWINS["EU"])(sql))):
                made = asking.arena.caller("eva").ask(each)
                if made.refused:
                    raise NotActedOnError(f"the steward cannot prepare it: {made.message}")
            continue
        told = asking.caller.ask(sql, asking.headers)
        for name, value in told.headers:
            if name.lower() in _SESSION_EFFECTS:
                asking.headers.append((_SESSION_EFFECTS[name.lower()], value))


_USER = r"(?P<user>[a-z][\w-]*)"
_NOTES: list[tuple[re.Pattern[str], Callable[[Asking, re.Match[str]], None]]] = [
    (re.compile(rf"{_USER} (?:ran|runs|asked|has run) (?:the|this) (?:very )?same (?:text|query|statement|sql)"), _as_another),
    (re.compile(r"previous (?:session|request|query|statement|run) (?:had|with|used) (?P<what>schema|catalog|user) ?[=:]? ?(?P<name>[\w-]+)"),
     _in_another_session),
    (re.compile(r"(?i)\b(?:second (?:time|run)|run(?:s)? twice|asked twice|repeated|warm (?:plan )?cache|(?:from|in) the (?:plan |rewrite )?cache)\b"), _twice),
    (re.compile(rf"(?:token|credential|bearer)s? (?:of|issued to) {_USER}"), _with_token_of),
    (re.compile(rf"transaction (?:id )?(?:of|opened by|started by) {_USER}"), _in_transaction_of),
    (re.compile(r"(?P<user>)(?:in|inside) (?:a|an open) transaction"), _in_transaction_of),
    (re.compile(r"(?is)\A\s*(?:CREATE|DROP|INSERT|UPDATE|DELETE|ALTER|PREPARE|SET|USE|START|RESET|DEALLOCATE)\s.*"), _statements),
]  # fmt: skip
"""What notes say, and what is done then."""
