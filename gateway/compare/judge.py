"""Whether two answers to one statement are the same, and what tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.compare.client import Answer
from gateway.compare.order import sort_columns
from gateway.compare.rows import same_bag, same_order, tolerances

Kind = Literal["same", "wrong answer", "refused", "accepted", "other error"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Say how the gateway's answer compares with the direct one; `what` names the first difference."""

    kind: Kind
    what: str = ""


SAME = Verdict("same")


def judge(sql: str, direct: Answer, gateway: Answer, again: Sequence[Answer] = ()) -> Verdict:
    """Compare two answers. `again` are further direct answers to the same statement, asked when rows differ.

    Where Trino does not answer twice alike (random values, the clock, a LIMIT without an order), only the shape of
    the result is compared: names, types, and the number of rows if that at least is the same each time.
    """
    if direct.error is not None or gateway.error is not None:
        return _errors(direct, gateway)
    shape = _shape(direct, gateway)
    if shape:
        return Verdict("wrong answer", shape)
    rows = _rows(sql, direct, gateway)
    if not rows:
        return SAME
    if any(not _rows(sql, other, gateway) for other in again):
        return SAME
    if all(not _rows(sql, direct, other) for other in again):
        return Verdict("wrong answer", rows)
    steady = all(len(other.rows) == len(direct.rows) for other in again)
    if steady and len(gateway.rows) != len(direct.rows):
        return Verdict("wrong answer", "number of rows")
    return SAME


def _errors(direct: Answer, gateway: Answer) -> Verdict:
    if direct.error is None:
        return Verdict("refused", str(gateway.error_name))
    if gateway.error is None:
        return Verdict("accepted", f"must fail with {direct.error_name}")
    for member in ("errorName", "errorCode", "errorType"):
        if direct.error.get(member) != gateway.error.get(member):
            return Verdict("other error", f"{direct.error.get(member)} became {gateway.error.get(member)}")
    return SAME


def _shape(direct: Answer, gateway: Answer) -> str:
    """Return what differs besides the rows, nothing for no difference."""
    ours, theirs = direct.columns or [], gateway.columns or []
    for what, member in (("names", "name"), ("types", "type"), ("type signatures", "typeSignature")):
        if [column.get(member) for column in ours] != [column.get(member) for column in theirs]:
            return f"{what} of columns"
    if direct.update_type != gateway.update_type:
        return f"update type: {direct.update_type} became {gateway.update_type}"
    if direct.update_count != gateway.update_count:
        return f"update count: {direct.update_count} became {gateway.update_count}"
    ours_did, theirs_did = _effects(direct), _effects(gateway)
    if ours_did != theirs_did:
        return f"effects on the session: {ours_did} became {theirs_did}"
    return ""


def _effects(answer: Answer) -> list[tuple[str, str]]:
    """Return what an answer did to the session. Of a prepared statement only its name: Trino lays out its text anew."""
    return sorted(
        (name, value.partition("=")[0] if name == "Added-Prepare" else value) for name, value in answer.effects
    )


def _rows(sql: str, direct: Answer, gateway: Answer) -> str:
    columns = direct.columns or []
    allowed = tolerances(columns)
    if len(direct.rows) != len(gateway.rows):
        return "number of rows"
    if not same_bag(direct.rows, gateway.rows, allowed):
        return "rows"
    keys = sort_columns(sql, [str(column.get("name")) for column in columns])
    return "" if same_order(direct.rows, gateway.rows, keys, allowed) else "order of rows"
