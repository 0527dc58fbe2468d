"""Values of settings that are computed: the gateway says what they may call, and Trino computes, whose rule it is."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.allowed import location_of
from catalog.dialect.node_kinds import QUERIES
from catalog.errors import ErrorCode, Refusal
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.query import read

_SELECT = "SELECT "


async def written(value: exp.Expr, planning: Planning, *, otherwise: str) -> str:
    """Return a constant expression as the text that a Trino computes it from.

    Raises Refusal NOT_SUPPORTED with the words of `otherwise` where no Trino is at hand, EXPRESSION_NOT_CONSTANT for a
    query, and as a SELECT of the expression would be refused.
    """
    query = next(iter(value.find_all(*QUERIES)), None)
    if query is not None:
        what = "Constant expression cannot contain a subquery"
        raise Refusal(ErrorCode.EXPRESSION_NOT_CONSTANT, what, location=location_of(query))
    if planning.engines.kinds.get(planning.home) != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, otherwise)
    reading = await read(exp.Select(expressions=[value.copy()]), planning)
    return reading.governed_sql.removeprefix(_SELECT)


def by_engine(kind: str, sql: str, planning: Planning) -> Plan:
    """Plan a statement that changes the session as Trino says, in whose headers the change comes back."""
    return Plan(kind, "engine", planning.home, sql, sql)
