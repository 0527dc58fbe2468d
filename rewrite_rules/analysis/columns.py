"""References: columns, row fields, lambda parameters, subscripts, whole-row dereferences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import can_coerce, common_super_type
from catalog.types import BIGINT, INTEGER, TrinoType
from rewrite_rules.analysis.env import Env, Handler, Walk
from rewrite_rules.analysis.failures import mismatch, refuse, unsupported
from rewrite_rules.analysis.lineage import note
from rewrite_rules.analysis.model import ResolvedColumn
from rewrite_rules.analysis.scopes import Field, Scope
from rewrite_rules.analysis.shown import text_of

_PARTS = ("catalog", "db", "table", "this")
_NO_FIELD = Field(None, None)


def column(node: exp.Expr, env: Env) -> TrinoType | None:
    """Resolve a column reference as Trino does: the whole name first, then a shorter one with row fields."""
    identifiers = _identifiers(node)
    parts = [identifier.name.lower() for identifier in identifiers]
    walk = env.walk
    if env.parameters and parts[0] in env.parameters:
        if walk.context.lineage:
            note(node, ())  # what the function is called on stands in the same expression
        return _into_fields(env.parameters[parts[0]], identifiers, 1, node)
    found, used, outer = find(parts, env.scope, node)
    if found is None:
        raise refuse(ErrorCode.COLUMN_NOT_FOUND, f"Column '{'.'.join(parts)}' cannot be resolved", node)
    if found is _NO_FIELD:
        node.meta.pop("resolved", None)
        if walk.context.lineage:
            note(node, None)
        return None
    if walk.context.lineage:
        note(node, found.origins)
    record_read(found, walk)
    walk.correlated = walk.correlated or outer
    whole = used == len(parts)
    fields = () if whole else tuple(i.name for i in identifiers[used:])
    node.meta["resolved"] = ResolvedColumn(found.relation, found.table, found.name or "", outer, fields, found.output)
    return found.type if whole else _into_fields(found.type, identifiers, used, node)


def _identifiers(node: exp.Expr) -> list[exp.Expr]:
    args = node.args
    name, table = args["this"], args.get("table")
    if not table:
        return [name]
    return [table, name] if not args.get("db") else [part for part in map(args.get, _PARTS) if part]


def find(parts: Sequence[str], scope: Scope, node: exp.Expr) -> tuple[Field | None, int, bool]:
    """Find the field that a folded name means: the field, how many parts name it, whether it is an outer one.

    The innermost scope wins in which the whole name, or else a leading part of it, is a column. Raises Refusal
    AMBIGUOUS_NAME.
    """
    current: Scope | None = scope
    outer = False
    opened = False
    while current is not None:
        used = len(parts)
        matches = current.matches(parts)
        if not matches and used > 1:
            used = current.prefix_length(parts)
            matches = current.matches(parts[:used]) if used else []
        if len(matches) > 1:
            raise refuse(ErrorCode.AMBIGUOUS_NAME, f"Column '{_shown(node)}' is ambiguous", node)
        if matches:
            return matches[0], used, outer
        opened = opened or current.open
        outer = outer or current.boundary
        current = current.parent
    return (_NO_FIELD if opened and not _hidden(parts) else None), len(parts), outer


def _hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith("$") for part in parts)


def _shown(node: exp.Expr) -> str:
    return ".".join(identifier.name.lower() for identifier in _identifiers(node))


def record_read(field: Field, walk: Walk) -> None:
    """Note the table columns that a reference to a field reads."""
    for table, name in field.sources:
        walk.read.setdefault(table, set()).add(name)


def _into_fields(
    kind: TrinoType | None, identifiers: Sequence[exp.Expr], used: int, node: exp.Expr
) -> TrinoType | None:
    for position in range(used, len(identifiers)):
        if kind is None:
            return None
        shown = ".".join(i.name for i in identifiers[:position])
        kind = field_of(kind, identifiers[position].name, shown, node)
    return kind


def field_of(kind: TrinoType, name: str, shown: str, node: exp.Expr) -> TrinoType:
    """Return the type of a row's field. Raises Refusal TYPE_MISMATCH, AMBIGUOUS_NAME, INVALID_COLUMN_REFERENCE."""
    if kind.base != "row":
        raise mismatch(f"Expression {shown} is not of type ROW", node)
    key = name.lower()
    found = [t for f, t in zip(kind.fields, kind.arguments, strict=True) if f is not None and f.lower() == key]
    if len(found) > 1:
        raise refuse(ErrorCode.AMBIGUOUS_NAME, f"Ambiguous row field reference: {name}", node)
    if not found:
        full = f"{shown}.{name}" if shown else name
        raise refuse(ErrorCode.INVALID_COLUMN_REFERENCE, f"Column reference '{full}' is invalid", node)
    return found[0]


def dereference(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type `expression.field`; a function with a path before its name is none of Trino's own."""
    field = node.expression
    if not isinstance(field, exp.Identifier):
        raise refuse(ErrorCode.FUNCTION_NOT_FOUND, f"Function '{text_of(node)}' not registered", node)
    base = env.type_of(node.this)
    return field_of(base, field.name, text_of(node.this), node) if base is not None else None


def identifier(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type a lambda's parameter; the parser leaves those as bare identifiers."""
    name = node.name.lower()
    if name in env.parameters:
        return env.parameters[name]
    raise refuse(ErrorCode.COLUMN_NOT_FOUND, f"Column '{name}' cannot be resolved", node)


def subscript(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type `base[index]` of arrays, maps and rows; of NULL it is NULL, whatever the index."""
    base = env.type_of(node.this)
    indexes = node.expressions
    if base is not None and base.base == "row" and len(indexes) == 1:
        return _row_item(base, node, env)
    kinds = [env.type_of(index) for index in indexes]
    if base is None or len(kinds) != 1 or kinds[0] is None:
        return None
    index = kinds[0]
    if base.base == "unknown":
        return base
    if base.base == "array" and can_coerce(index, BIGINT):
        return base.arguments[0]
    if base.base == "map" and _finds(index, base.arguments[0], node, env):
        return base.arguments[1]
    raise mismatch(f"Cannot use {index} for subscript of {base}", node)


def _finds(index: TrinoType, key: TrinoType, node: exp.Expr, env: Env) -> bool:
    """Tell whether a map can be asked for a key of a type: the wider of both types is compared in.

    Engines that are written to type by type look a key up in the map's own type, where texts alone may be longer.
    Raises Refusal NOT_SUPPORTED for the others there.
    """
    if can_coerce(index, key):
        return True
    if common_super_type(index, key) is None:
        return False
    if env.walk.context.strict and not index.base == key.base == "varchar":
        raise unsupported(f"A subscript of {index} for keys of {key} is not supported by this engine", node)
    return True


def _row_item(base: TrinoType, node: exp.Expr, env: Env) -> TrinoType:
    index = node.expressions[0]
    digits = index.this if isinstance(index, exp.Neg) else index
    if not isinstance(digits, exp.Literal) or not digits.is_int or digits.is_string:
        what = "Subscript expression on ROW requires a constant index"
        raise refuse(ErrorCode.EXPRESSION_NOT_CONSTANT, what, index)
    kind = env.type_of(index)
    if kind != INTEGER:
        raise mismatch(f"Subscript expression on ROW requires integer index, found {kind}", index)
    position = int(digits.name) * (1 if digits is index else -1)
    if position < 1:
        what = f"Invalid subscript index: {position}. ROW indices start at 1"
        raise refuse(ErrorCode.INVALID_FUNCTION_ARGUMENT, what, index)
    if position > len(base.arguments):
        what = f"ROW index out of bounds: {position} > {len(base.arguments)}"
        raise refuse(ErrorCode.INVALID_FUNCTION_ARGUMENT, what, node)
    return base.arguments[position - 1]


HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.Column: column,
    exp.Dot: dereference,
    exp.Identifier: identifier,
    exp.Bracket: subscript,
}
