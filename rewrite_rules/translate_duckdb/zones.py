"""Which time zone the values of an expression show.

DuckDB holds instants without a zone; Trino's values carry one. Here it is known before the query runs, since it
comes from the session, a literal or the expression's operands; what would mix zones is refused.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.types import TrinoType
from rewrite_rules.translate_duckdb.context import UTC, ZONED, Context, bare, find_column, type_of
from rewrite_rules.translate_duckdb.moments import iso_instant, zone_of_text
from rewrite_rules.translate_duckdb.text import unsupported

_NAMES_OF_UTC = frozenset({"utc", "z", "ut", "uct", "gmt", "gmt0", "greenwich", "universal", "zulu"})
_OF_SESSION = frozenset({"now", "parse_datetime"})
_ZONE_ARGUMENT = {"at_timezone": 1, "with_timezone": 1, "from_unixtime": 1}


def canonical(zone: str) -> str:
    """Check a zone's name and return the one Trino shows. Raises Refusal INVALID_FUNCTION_ARGUMENT."""
    bare = zone.lower().removeprefix("etc/")
    if bare in _NAMES_OF_UTC or zone in ("+00:00", "-00:00"):
        return UTC
    if zone[:1] in "+-" and len(zone) == 6 and zone[3] == ":" and (zone[1:3] + zone[4:]).isdigit():
        return zone
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError, ImportError) as error:
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"Time zone not supported: {zone}") from error
    return zone


def has_zone(type_: TrinoType) -> bool:
    """Tell whether values of a type show a time zone, at the top or inside."""
    return type_.base == ZONED or any(has_zone(inner) for inner in type_.arguments)


def zone_of(node: exp.Expr, context: Context) -> str:
    """Return the zone an expression's values show; UTC for those that show none.

    Raises Refusal NOT_SUPPORTED where operands show different ones.
    """
    if isinstance(node, exp.Paren | exp.Alias):
        return zone_of(node.this, context)
    if not has_zone(type_of(node)):
        return UTC
    if isinstance(node, exp.Column):
        parts = [p.name.lower() for p in (node.args.get(k) for k in ("catalog", "db", "table", "this")) if p]
        return UTC if parts[0] in context.parameters else find_column(parts, context)[0].zone
    if isinstance(node, exp.Cast):
        return _zone_of_cast(node, context)
    if isinstance(node, exp.AtTimeZone):
        return literal_zone(node.args["zone"])
    if isinstance(node, exp.CurrentTimestamp):
        return context.time_zone
    if isinstance(node, exp.Anonymous):
        named = _zone_of_call(node, context)
        if named is not None:
            return named
    return _common_zone(node, context)


def _zone_of_cast(node: exp.Cast, context: Context) -> str:
    source = type_of(node.this)
    if has_zone(source):
        return zone_of(node.this, context)
    if isinstance(node.this, exp.Literal):
        return canonical(zone_of_text(node.this.name) or context.time_zone)
    return context.time_zone


def _zone_of_call(node: exp.Anonymous, context: Context) -> str | None:
    name = node.name.lower()
    if name in _OF_SESSION:
        return context.time_zone
    if name == "from_iso8601_timestamp":
        text = bare(node.expressions[0])
        is_text = isinstance(text, exp.Literal) and text.args.get("is_string")
        return iso_instant(text.name, context.time_zone)[1] if is_text else context.time_zone
    place = _ZONE_ARGUMENT.get(name)
    if place is None:
        return None
    if len(node.expressions) > place:
        return literal_zone(node.expressions[place])
    return context.time_zone


def literal_zone(node: exp.Expr) -> str:
    """Read a time zone that must be a literal."""
    node = bare(node)
    if isinstance(node, exp.Cast):
        node = node.this
    if not isinstance(node, exp.Literal) or not node.args.get("is_string"):
        raise unsupported("a time zone that is not a literal")
    return canonical(node.name)


def _common_zone(node: exp.Expr, context: Context) -> str:
    """Return the one zone that all zoned operands show."""
    found = {
        zone_of(child, context)
        for child in _operands(node)
        if has_zone(type_of(child)) and not isinstance(bare(child), exp.Null)
    }
    if len(found) > 1:
        raise unsupported("mixing values that show different time zones")
    return found.pop() if found else UTC


def _operands(node: exp.Expr) -> list[exp.Expr]:
    """Return the expressions whose values a node's value may be made of."""
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        return [*(branch.args["true"] for branch in node.args["ifs"]), *([default] if default is not None else [])]
    if isinstance(node, exp.If):
        return [n for n in (node.args["true"], node.args.get("false")) if n is not None]
    if isinstance(node, exp.Query):
        raise unsupported("a subquery whose value shows a time zone")
    return [
        child
        for child in node.iter_expressions()
        if child._meta is not None and isinstance(child.meta.get("type"), TrinoType)  # noqa: SLF001  (`meta` would make an empty one)
    ]
