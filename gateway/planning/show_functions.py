"""Plan SHOW FUNCTIONS: Trino's own list where Trino answers, else the functions that can be used here."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.functions import registry
from catalog.functions.signatures import LambdaShape, Template, Variable
from catalog.types import VARCHAR, TrinoType, type_text
from engines.base import OutputColumn
from gateway.metadata import show
from gateway.models import LocalAnswer, Plan
from gateway.planning.context import Planning
from gateway.planning.schemas import schema_name
from gateway.planning.session import local
from gateway.planning.shows import like
from gateway.planning.writing import text_literal

Row = tuple[object, ...]
_TEXTS = ("Function", "Return Type", "Argument Types", "Function Type")


async def plan_show_functions(statement: st.ShowFunctions, planning: Planning) -> Plan:
    """Plan SHOW FUNCTIONS; those that a schema holds are closed, whichever schema it is."""
    if statement.schema is not None:
        schema_name(statement.schema, planning)
        return local(statement.kind, answer=_answer((), [VARCHAR] * 5))
    home = planning.home
    pattern = like(statement.pattern)
    if planning.engines.kinds.get(home) == "trino":
        sql = "SHOW FUNCTIONS" + _pattern_text(statement.pattern)
        return Plan(statement.kind, "engine", home, sql, sql)
    rows = tuple(row for name in sorted(registry.names()) for row in _function_rows(name))
    widths = [show.as_long_as(str(row[i]) for row in rows) for i in (0, 1, 2, 3, 5)]
    return local(statement.kind, answer=_answer(tuple(row for row in rows if pattern.fullmatch(str(row[0]))), widths))


def _answer(rows: tuple[Row, ...], kinds: list[TrinoType]) -> LocalAnswer:
    columns = (
        *(OutputColumn(heading, kind) for heading, kind in zip(_TEXTS, kinds, strict=False)),
        OutputColumn("Deterministic", show.BOOLEAN),
        OutputColumn("Description", kinds[-1]),
    )
    return LocalAnswer(columns, rows)


def _pattern_text(pattern: st.Pattern | None) -> str:
    if pattern is None:
        return ""
    escape = f" ESCAPE {text_literal(pattern.escape)}" if pattern.escape is not None else ""
    return f" LIKE {text_literal(pattern.like)}{escape}"


def _function_rows(name: str) -> list[Row]:
    """Return a line for each way to call a function; special forms have one, without types."""
    function = registry.lookup(name)
    if function is None or function.kind == "table":
        return []
    kind = "scalar" if function.kind == "special" else function.kind
    ways = [(_shown(way.result), way.text) for way in function.overloads] or [("", "")]
    return [(name, result, arguments, kind, function.deterministic, "") for result, arguments in ways]


def _shown(template: Template) -> str:
    """Return a result type as listings show it: `array(T)`, `decimal(p,s)`."""
    if isinstance(template, Variable):
        return template.name
    if isinstance(template, LambdaShape):
        return "function"
    if template.fixed is not None:
        return type_text(template.fixed)
    parameters = ",".join(
        p if isinstance(p, str) else str(p) if isinstance(p, int) else _shown(p) for p in template.parameters
    )
    return f"{template.base}({parameters})" if parameters else template.base
