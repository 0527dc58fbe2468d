"""Outlines as text, a line a scan and one for how rows are put together: what fixtures hold."""

from __future__ import annotations

from catalog.statistics import ALL_ROWS, AllOf, Comparison, Condition, Opaque, Scan
from rewrite_rules.outline.nodes import (
    Filter,
    Group,
    Join,
    Limit,
    Node,
    Origin,
    Outline,
    ScanOf,
    Union,
    Unnest,
    Values,
)


def shown(outline: Outline) -> list[str]:
    """Return the lines of an outline."""
    lines = [_scan(number, scan) for number, scan in enumerate(outline.scans)]
    return [*lines, ("counts only: " if outline.metadata_only else "") + node(outline.root)]


def _scan(number: int, scan: Scan) -> str:
    text = f"{number}: {scan.table.table}({', '.join(scan.columns)})"
    text += f" by {scan.via.table}" if scan.via is not None else ""
    text += f" at {scan.snapshot or scan.as_of_millis}" if scan.snapshot or scan.as_of_millis else ""
    text += f" x{scan.times}" if scan.times != 1 else ""
    return text + (f" where {condition(scan.condition)}" if scan.condition != ALL_ROWS else "")


def condition(given: Condition) -> str:
    """Return a condition as text."""
    if isinstance(given, Comparison):
        return " ".join([given.column, given.operator, *(str(value) for value in given.values)])
    if isinstance(given, Opaque):
        return f"{'subquery' if given.subquery else 'some'}({', '.join(given.columns)})"
    if not given.parts:
        return "always" if isinstance(given, AllOf) else "never"
    return "(" + (" and " if isinstance(given, AllOf) else " or ").join(map(condition, given.parts)) + ")"


def _origin(given: Origin | None) -> str:
    return "?" if given is None else f"{given.scan}.{given.column}"


def node(given: Node) -> str:
    """Return a node and all below it as text."""
    match given:
        case ScanOf():
            return str(given.scan)
        case Values():
            return f"values {'?' if given.rows is None else given.rows}"
        case Filter():
            return f"filter {condition(given.condition)} of [{node(given.input)}]"
        case Join():
            on = [f"{_origin(a)} = {_origin(b)}" for a, b in given.pairs] + ["other"] * given.other_conditions
            marks = ("single " if given.single else "") + ("correlated " if given.correlated else "")
            tail = f" on {', '.join(on)}" if on else ""
            return f"{marks}{given.kind} join '{given.text}' of [{node(given.left)}] and [{node(given.right)}]{tail}"
        case Group():
            sets = f" in {given.sets} sets" if given.sets > 1 else ""
            copies = f" in {given.copies} copies" if given.copies > 1 else ""
            return f"group by ({', '.join(map(_origin, given.keys))}){sets}{copies} of [{node(given.input)}]"
        case Union():
            return "union of " + " and ".join(f"[{node(each)}]" for each in given.inputs)
        case Unnest():
            return f"unnest {given.least} to {'?' if given.most is None else given.most} of [{node(given.input)}]"
        case Limit():
            return f"{'' if given.written else 'implied '}limit {given.rows} of [{node(given.input)}]"
