"""Judge how an attack ended: nothing hidden was seen, and what was seen is what the reduced copy shows."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import jwt

from tests.attacks.caller import Caller, Headers, Seen
from tests.attacks.cases import ANSWERED, EMPTY, NOT_OFFERED, ORACLES, UNKNOWN_SENDER, UNTRACED, Case
from tests.attacks.process import ISSUER, Gateway
from tests.attacks.world import CANARIES, ROWS

COPIES = {"bob": "sales_american"}
"""The reduced copies of those who see other rows than ana."""
BEFORE = {
    "H01": ("DROP TABLE IF EXISTS lake.sandbox.x",),
    "H10": ("DROP TABLE IF EXISTS lake.sandbox.x", "CREATE TABLE lake.sandbox.x AS SELECT CAST('old' AS varchar) AS v"),
}
"""What the steward does before a case that writes."""
WRITTEN = {
    "H01": ("SELECT * FROM lake.sandbox.x", "SELECT * FROM orders"),
    "H10": ("SELECT v FROM lake.sandbox.x", "SELECT max(customer_email) AS v FROM orders"),
}
"""What was written must be what the copy would have given."""
INTERNAL = ("GENERIC_INTERNAL_ERROR", "HTTP 500", "HTTP 502")
TOO_BUSY = ("could not be parsed within", "did not describe a table in time")
"""How refusals begin that a slower machine gets."""
BY_ENGINE = "The engine could not finish the query"
"""How a failure begins that came while rows were read: no refusal, and maybe one that tells of them."""


@dataclass(slots=True)
class Arena:
    """One gateway over one engine, and how the cases are spelled there."""

    engine: str
    gateway: Gateway
    catalog: str = "lake"
    snapshot: int = 0
    writes: bool = True
    asked: dict[str, Case] = field(default_factory=dict)
    """Query ids by the cases that made them."""
    answered: dict[str, bool] = field(default_factory=dict)
    """Whether a query was answered, by its id."""
    turned_away: list[tuple[str, str, str]] = field(default_factory=list)
    """User, text and answer of cases that got no query id although their sender was known."""

    def caller(self, user: str, schema: str | None = "sales", catalog: str | None = "lake") -> Caller:
        return Caller(self.gateway, user, self.spelled(catalog) if catalog else None, schema)

    def spelled(self, text: str) -> str:
        """Write a text with the catalog's and snapshot's real names."""
        if self.snapshot:
            text = text.replace("8954597067493422955", str(self.snapshot))
        if self.catalog == "lake":
            return text
        return re.sub(r"\b(lake|LAKE)\b", self.catalog, text)

    def attack(self, case: Case) -> Seen:
        """Run a case as its file says."""
        return patiently(lambda: self._attack(case))

    def _attack(self, case: Case) -> Seen:
        session = case.session
        caller = self.caller(session.get("user", "ana"), session.get("schema", "sales"), session.get("catalog", "lake"))
        if session.get("jwt") == "alg=none":
            caller.token = unsigned_token(caller.user)
        if "jwt_claims" in session:
            caller.token = self.gateway.token(caller.user, **session["jwt_claims"])
        seen = caller.ask(self.spelled(case.sql), [(n, self.spelled(v)) for n, v in case.headers])
        if seen.query_id:
            self.asked[seen.query_id] = case
            self.answered[seen.query_id] = not seen.refused
        elif seen.status in (400, 403) and case.id not in UNKNOWN_SENDER:
            self.turned_away.append((caller.user, self.spelled(case.sql), seen.raw.partition("\n")[0]))
        return seen

    def oracle(self, sql: str, headers: Headers | None = None, *, schema: str = "sales_reduced") -> Seen:
        """Run the same text over the reduced copy, as one who sees everything."""
        over = reducer(schema)
        caller = self.caller("eva", schema)
        spelled = [(n, over(self.spelled(v))) for n, v in headers or []]
        return patiently(lambda: caller.ask(over(self.spelled(sql)), spelled))

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


def unsigned_token(user: str) -> str:
    """Return a token that claims everything and is signed by nobody."""
    now = int(time.time())
    payload = {"sub": user, "iss": ISSUER.issuer, "aud": ISSUER.audience, "iat": now, "exp": now + 600}
    return jwt.encode({**payload, "roles": ["auditor"]}, None, algorithm="none")


def reducer(schema: str) -> Callable[[str], str]:
    """Return the change from a text about `sales` to the same text about its reduced copy."""

    def over(text: str) -> str:
        text = re.sub(r"(?i)\bsales\b", schema, text)
        return re.sub(r"(?i)\bcurrent_user\b", "'ana'", text)

    return over


def assert_no_canary(where: str, text: str) -> None:
    """Fail where a text holds something of the hidden world."""
    for canary in CANARIES:
        at = text.find(canary)
        assert at < 0, f"{where} shows {canary}: ...{text[max(0, at - 120) : at + 80]}..."


def judge(arena: Arena, case: Case) -> Seen:
    """Run a case and hold it to its file."""
    if arena.writes:
        for sql in BEFORE.get(case.id, ()):
            arena.steward(sql)
    seen = arena.attack(case)
    assert_no_canary("the answer", seen.raw)
    assert_no_canary("the log", arena.gateway.new_log())
    if "card_number" not in f"{case.sql} {case.headers}".lower():
        assert "card_number" not in seen.raw, "a denied column is named"
    assert seen.says not in INTERNAL, seen.message
    if case.id in NOT_OFFERED[arena.engine]:
        assert seen.refused, f"{case.id} now runs on {arena.engine}: take it off the list"
    elif seen.refused and "refuse" in case.ends and (case.expect == "refuse" or BY_ENGINE not in seen.message):
        assert not seen.rows, "rows came before the refusal"
    elif case.id in WRITTEN:
        written, meant = WRITTEN[case.id]
        assert not seen.refused, seen.message
        assert plain(arena.steward(written)) == plain(arena.oracle(meant))
    elif case.id in EMPTY:
        assert (seen.refused, seen.rows) == (False, []), seen.message
    elif case.letter == "H":
        assert "ok" in case.ends, "a write was made"  # assert_left_alone sees whether it did anything
        assert not seen.refused, seen.message
    elif case.id == "F04":
        assert_explained_without_policy(seen)
    else:
        assert seen.says != "NOT_SUPPORTED" or "refuse" in case.ends, f"not offered here: {seen.message}"
        assert case.expect != "refuse" or case.also_ok or case.id in ANSWERED, f"answered: {seen.rows[:5]}"
        schema = COPIES.get(case.session.get("user", "ana"), "sales_reduced")
        copy = arena.oracle(ORACLES.get(case.id, case.sql), case.headers, schema=schema)
        # Over raw columns an engine may not offer what it does over masked ones: then there is nothing to compare with.
        if case.id in UNTRACED:
            assert [(row[0], *row[4:]) for row in seen.rows] == [(row[0], *row[4:]) for row in copy.rows]
            assert seen.rows
        elif copy.says != "NOT_SUPPORTED" or "refuse" not in case.ends:
            same_as_copy(seen, copy)
    return seen


def same_as_copy(seen: Seen, expected: Seen) -> None:
    """Fail where an answer is not the one that the reduced copy gives: rows, columns, or the error."""
    assert (seen.says if seen.refused else "") == (expected.says if expected.refused else ""), (
        f"{seen.message}\n  while the reduced copy: {expected.message if expected.refused else expected.rows[:5]}"
    )
    assert plain(seen) == plain(expected)


def assert_explained_without_policy(seen: Seen) -> None:
    """EXPLAIN may answer in the caller's own words: nothing of the filter, the masks or the withheld."""
    assert not seen.refused, seen.message
    for secret in ("EU", "user-", "****", "ssn_", "WHERE", "CASE"):
        assert secret not in seen.rows[0][0]


def plain(seen: Seen) -> tuple[list[tuple[str, str]], list[str]]:
    """Return what a result says, without the order of rows and of maps, and the name of the copy."""
    columns = [(column["name"], column["type"]) for column in seen.columns or []]
    return columns, sorted(json.dumps(row, sort_keys=True).replace("sales_reduced", "sales") for row in seen.rows)


def assert_left_alone(arena: Arena) -> None:
    """Fail where an attack changed the data, or left a table where none may be made."""
    orders = arena.steward("SELECT count(*), count(DISTINCT region), sum(amount) FROM orders").rows
    assert orders == [[6, 2, str(sum(row["amount"] for row in ROWS))]]
    assert arena.steward("SELECT count(*) FROM lake.hr.salaries").rows == [[1]]
    assert arena.steward("SELECT count(*) FROM lake.sandbox.t").rows == [[2]]
    made = {name for (name,) in arena.steward("SHOW TABLES FROM lake.sales").rows}
    assert made - {"v_orders", "twin"} == {"orders", "customers"}
    sandbox = {name for (name,) in arena.steward("SHOW TABLES FROM lake.sandbox").rows}
    assert sandbox - {"x"} == {"t", "guess"}


def assert_told_nothing_later(arena: Arena) -> None:
    """Fail where the record of a query, as its owner may read it, shows more than the answer did."""
    for query_id, case in arena.asked.items():
        if not any(canary in f"{case.sql} {case.headers}" for canary in CANARIES):
            told = arena.caller(case.session.get("user", "ana")).get(f"/v1/query/{query_id}")
            assert_no_canary(f"the record of {case.id}", told.raw)


def assert_recorded(arena: Arena) -> None:
    """Fail where a statement left no usage row, or two, or one with the wrong end."""
    assert arena.asked, "the cases run first"
    last = list(arena.asked)[-1]
    arena.gateway.usage_of(last)
    rows = arena.gateway.usage()
    for query_id, case in arena.asked.items():
        own = [row for row in rows if query_id in (row["query_id"], row["engine_query_id"])]
        assert len(own) == 1, f"{case.id}: {len(own)} rows"
        ends = ("FINISHED",) if arena.answered[query_id] else ("REFUSED", "FAILED")
        assert own[0]["outcome"] in ends, case.id
        assert own[0]["user_name"] == case.session.get("user", "ana")
        assert own[0]["sql_text"][:1000] == _recorded(arena.spelled(case.sql)), case.id
    left = Counter(
        (r["user_name"], r["sql_text"][:1000], r["error_message"]) for r in rows if r["outcome"] == "REFUSED"
    )
    for (user, sql, answer), times in Counter(arena.turned_away).items():
        assert left[user, _recorded(sql), answer] == times, (sql, answer)


def _recorded(sql: str) -> str:
    return sql.replace("\0", "\ufffd")[:1000]
