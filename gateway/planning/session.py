"""Plan what changes the session: USE, SET and RESET. The state lives with the client, in response headers."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.allowed import location_of
from catalog.dialect.generate import generate
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from catalog.types import varchar
from engines.base import OutputColumn
from gateway.metadata.show import check_catalog, like
from gateway.models import LocalAnswer, Plan
from gateway.planning.context import Planning
from gateway.planning.property_values import wrong_value
from gateway.planning.session_expressions import by_engine, written
from gateway.planning.session_properties import OWN, PROPERTIES, TIME_ZONE, WIDTHS, ZONE_PROPERTY, SessionProperty
from gateway.protocols.trino import headers
from gateway.protocols.trino.time_zones import canonical_zone

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")


def local(kind: str, *announced: tuple[str, str], answer: LocalAnswer | None = None) -> Plan:
    """Return the plan of a statement that the gateway answers itself."""
    given = answer or LocalAnswer(headers=tuple(announced), update_type=kind)
    return Plan(kind=kind, route="local", answer=given)


async def plan_use(statement: st.Use, planning: Planning) -> Plan:
    """Plan USE: the schema must exist for this caller."""
    catalog = check_catalog(planning.view, statement.catalog or planning.received.session.catalog)
    schema = fold_trino(statement.schema)
    if schema not in planning.view.schemas(catalog):
        raise Refusal(ErrorCode.NOT_FOUND, f"Schema does not exist: {catalog}.{schema}")
    own = [headers.set_catalog(catalog)] if statement.catalog is not None else []
    return local("USE", *own, headers.set_schema(schema))


def _property(name: st.QualifiedName, location: Location | None, planning: Planning) -> SessionProperty:
    """Return a property that exists and that this caller may set. Raises Refusal."""
    text = ".".join(fold_trino(part) for part in name.parts)
    if len(name.parts) > 2:
        raise Refusal(ErrorCode.INVALID_SESSION_PROPERTY, f"Invalid session property '{text[:100]}'")
    if len(name.parts) > 1:
        check_catalog(planning.view, name.parts[0], location)
        raise Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: Cannot set catalog session property {text}")
    if text == TIME_ZONE:
        return ZONE_PROPERTY
    if text not in PROPERTIES:
        raise _unknown(text, location)
    check_session_property(text, planning)
    return PROPERTIES[text]


def _unknown(name: str, location: Location | None = None) -> Refusal:
    return Refusal(
        ErrorCode.INVALID_SESSION_PROPERTY, f"Session property '{name[:100]}' does not exist", location=location
    )


def check_session_property(name: str, planning: Planning) -> None:
    """Refuse a property that policy does not let this caller set, by SET SESSION or by header alike."""
    if name == TIME_ZONE:
        return
    if name not in PROPERTIES and "." not in name:
        raise _unknown(name)
    if name not in PROPERTIES or not planning.policies.session_property_allowed(planning.subject, name):
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            f"Access Denied: Cannot set system session property {name}",
            hint="SHOW SESSION lists the properties you may set.",
        )


def check_session_properties(planning: Planning) -> None:
    """Hold what headers set to the same rules as SET SESSION. Raises Refusal."""
    for name, value in planning.received.session.properties.items():
        check_session_property(name, planning)
        known = PROPERTIES.get(name)
        wrong = wrong_value(name, known.type, value) if known is not None else None
        if wrong is not None:
            told = f"Session property '{name}' is invalid: {wrong.reason}" if wrong.named else wrong.reason
            raise Refusal(ErrorCode.INVALID_SESSION_PROPERTY, told)


def check_time_zone(planning: Planning) -> None:
    """Refuse a zone that is none, chosen by header or by SET TIME ZONE alike. Raises Refusal NOT_SUPPORTED."""
    name = planning.received.session.time_zone
    if canonical_zone(name) is None:
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Time zone not supported: {name[:100]}")


async def plan_set_session(statement: st.SetSession, planning: Planning) -> Plan:
    """Plan SET SESSION: a literal of the property's type is kept as it is, anything else is computed by Trino."""
    if is_plain(statement.value):
        setting = checked_setting(statement, planning, location_of(statement.value))
        return local("SET SESSION", headers.set_session(*setting))
    name, text = await computed_setting(statement, planning)
    return by_engine("SET SESSION", f"SET SESSION {quoted(name)} = {text}", planning)


async def computed_setting(statement: st.SetSession, planning: Planning) -> tuple[str, str]:
    """Return a property's name and the text of a value that is no plain literal. Raises Refusal."""
    name = _property(statement.name, location_of(statement.value), planning).name
    otherwise = "a session property's value must be a literal"
    if name in OWN:
        raise Refusal(ErrorCode.NOT_SUPPORTED, otherwise, location=location_of(statement.value))
    given = generate(statement.value)
    try:
        return name, await written(statement.value, planning, otherwise=otherwise)
    except Refusal as refusal:
        if refusal.code is ErrorCode.NOT_SUPPORTED:
            raise
        what = f"Unable to set session property '{name}' to '{given}': {refusal.message}"
        raise Refusal(ErrorCode.INVALID_SESSION_PROPERTY, what) from refusal


def checked_setting(statement: st.SetSession, planning: Planning, location: Location | None) -> tuple[str, str]:
    """Return the name and literal of a property, known, allowed and good; `location` is where faults are told."""
    found = _property(statement.name, location, planning)
    value, kind = _constant(statement.value)
    if kind != found.type:
        what = f"'{found.name}' to '{generate(statement.value)}': Cannot cast type {kind} to {found.type}"
        raise Refusal(ErrorCode.INVALID_SESSION_PROPERTY, f"Unable to set session property {what}")
    wrong = wrong_value(found.name, found.type, value)
    if wrong is not None:
        raise Refusal(ErrorCode.INVALID_SESSION_PROPERTY, wrong.reason, location=location)
    return found.name, value


def is_plain(node: exp.Expr) -> bool:
    """Tell whether a value is a literal that needs no computing: a string, a whole number, a truth value."""
    literal = node.this if isinstance(node, exp.Neg) else node
    whole = isinstance(literal, exp.Literal) and literal.is_int
    return whole or isinstance(node, exp.Boolean) or (isinstance(node, exp.Literal) and node.is_string)


def _constant(node: exp.Expr) -> tuple[str, str]:
    """Return a literal's text and the name of its type."""
    if isinstance(node, exp.Boolean):
        return ("true" if node.this else "false"), "boolean"
    negative = isinstance(node, exp.Neg)
    literal = node.this if negative else node
    if isinstance(literal, exp.Literal):
        if literal.is_string and not negative:
            return literal.this, "varchar"
        if literal.is_int:
            number = int(literal.this) * (-1 if negative else 1)
            return str(number), "integer" if -(2**31) <= number < 2**31 else "bigint"
    raise AssertionError(f"not plain: {node!r}")


async def plan_reset_session(statement: st.ResetSession, planning: Planning) -> Plan:
    """Plan RESET SESSION."""
    return local("RESET SESSION", headers.clear_session(_property(statement.name, Location(1, 1), planning).name))


async def plan_set_time_zone(statement: st.SetTimeZone, planning: Planning) -> Plan:
    """Plan SET TIME ZONE with a zone's name, an offset, an interval, or on Trino what gives one of these."""
    if statement.value is None:
        return local("SET TIME ZONE", headers.clear_session(TIME_ZONE))
    zone = _zone(statement.value)
    if zone is not None:
        return local("SET TIME ZONE", headers.set_session(TIME_ZONE, zone))
    otherwise = "SET TIME ZONE takes a literal: 'Europe/Berlin', '+02:00' or an interval of hours or of minutes"
    text = await written(statement.value, planning, otherwise=otherwise)
    return by_engine("SET TIME ZONE", f"SET TIME ZONE {text}", planning)


def _zone(node: exp.Expr) -> str | None:
    """Return the zone that a literal names; None for what is to be computed."""
    if isinstance(node, exp.Interval):
        return _interval_zone(node)
    if not isinstance(node, exp.Literal) or not node.is_string:
        return None
    if not valid_zone(node.this):
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Time zone not supported: {node.this}")
    return str(node.this)


def _interval_zone(node: exp.Interval) -> str | None:
    unit = node.text("unit").upper()
    amount = node.this.name
    if unit not in ("HOUR", "MINUTE") or not re.fullmatch(r"-?\d{1,3}", amount):
        return None
    minutes = int(amount) * (60 if unit == "HOUR" else 1)
    if abs(minutes) > 14 * 60:
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"Invalid offset minutes {minutes}")
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def valid_zone(name: str) -> bool:
    """Tell whether a time zone is an offset or a zone of the tz database."""
    if _OFFSET.fullmatch(name):
        return True
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


async def plan_show_session(statement: st.ShowSession, planning: Planning) -> Plan:
    """Plan SHOW SESSION: the properties this caller may set. Trino itself is asked about a single one."""
    pattern = like(statement.pattern.like, statement.pattern.escape) if statement.pattern else like(None)
    given = planning.received.session.properties
    found = [
        each
        for each in PROPERTIES.values()
        if pattern.fullmatch(each.name) and planning.policies.session_property_allowed(planning.subject, each.name)
    ]
    named = statement.pattern is not None and "%" not in statement.pattern.like and len(found) == 1
    if named and found[0].name not in OWN and planning.engines.kinds.get(planning.home) == "trino":
        exact = found[0].name.replace("_", "\\_")
        sql = f"SHOW SESSION LIKE '{exact}' ESCAPE '\\'"
        return Plan("SHOW SESSION", "engine", planning.home, sql, sql)
    rows = [(p.name, given.get(p.name, p.default), p.default, p.type, p.description) for p in found]
    kinds = [varchar(max(width, *(len(row[i]) for row in rows), 0)) for i, width in enumerate(WIDTHS)]
    headings = ("Name", "Value", "Default", "Type", "Description")
    columns = tuple(OutputColumn(name, kind) for name, kind in zip(headings, kinds, strict=True))
    return local("SHOW SESSION", answer=LocalAnswer(columns, tuple(rows)))


async def plan_set_path(statement: st.SetPath, planning: Planning) -> Plan:
    """Plan SET PATH: functions are found without it, so it changes only what `current_path` says."""
    need_capability(planning, "PATH", statement.kind)
    session = planning.received.session
    for element in statement.elements:
        if len(element.parts) > 1:
            check_catalog(planning.view, element.parts[0], Location(1, 1))
        elif session.catalog is None:
            message = "Catalog must be specified for each path element when session catalog is not set"
            raise Refusal(ErrorCode.MISSING_CATALOG_NAME, message, location=Location(1, 1))
    return local("SET PATH", headers.set_path(", ".join(_path_text(e) for e in statement.elements)))


def _path_text(element: st.QualifiedName) -> str:
    """Write an element as Trino does: quoted only where it must be."""
    return ".".join(part if _PLAIN.fullmatch(part) else quoted(part) for part in element.parts)


def need_capability(planning: Planning, capability: str, kind: str) -> None:
    """Refuse a statement whose effect the client said nothing of knowing. Raises Refusal NOT_SUPPORTED."""
    if capability not in planning.received.session.capabilities:
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"{kind} not supported by client")


async def plan_refused(statement: st.Statement, planning: Planning) -> Plan:
    """Refuse by name what the gateway does not offer. Always raises Refusal."""
    location: Location | None = getattr(statement, "location", None)
    raise Refusal(ErrorCode.NOT_SUPPORTED, f"{statement.kind} is not supported by this gateway.", location=location)
