"""Queries: WITH, set operations, VALUES, brackets, and queries that stand where a value is wanted."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import can_coerce, common_super_type, comparable
from catalog.types import BOOLEAN, TrinoType
from rewrite_rules.analysis.elsewhere import check_told_apart
from rewrite_rules.analysis.env import Env, Handler, Named, Relation, Walk
from rewrite_rules.analysis.failures import mismatch, refuse, unsupported
from rewrite_rules.analysis.lineage import note, origins_of_fields
from rewrite_rules.analysis.relations import values
from rewrite_rules.analysis.scopes import Field, Scope
from rewrite_rules.analysis.select import select, sort_items


def query(node: exp.Expr, parent: Scope | None, named: Mapping[str, Named], walk: Walk) -> Relation:
    """Analyze a query of any form; `parent` is the scope around a subquery."""
    result = _query(node, parent, named, walk)
    if walk.context.lineage:
        note(node, origins_of_fields(result.fields) if not result.is_open else None)
    return result


def _query(node: exp.Expr, parent: Scope | None, named: Mapping[str, Named], walk: Walk) -> Relation:
    with_ = node.args.get("with_")
    if with_ is not None:
        named = _with(with_, parent, named, walk)
    if isinstance(node, exp.Select):
        return select(node, parent, named, walk)
    if isinstance(node, exp.SetOperation):
        result = _set_operation(node, parent, named, walk)
    elif isinstance(node, exp.Subquery):
        result = query(node.this, parent, named, walk)
    elif isinstance(node, exp.Values):
        result = values(node, Env(walk, Scope((), parent, boundary=True), named))
    else:
        raise unsupported(f"{node.key} is not supported as a query", node)
    order = node.args.get("order")
    if order is not None:
        outputs = tuple(Field(f.name, f.type, (), f.relation, output=True) for f in result.fields)
        scope = Scope(outputs, parent, boundary=True, is_open=result.is_open)
        sort_items(order, len(outputs), result.is_open, Env(walk, scope, named))
    return result


def _with(node: exp.Expr, parent: Scope | None, named: Mapping[str, Named], walk: Walk) -> Mapping[str, Named]:
    """Return the common table expressions in sight below a WITH; each sees those before it."""
    visible = dict(named)
    own: set[str] = set()
    for cte in node.expressions:
        alias = cte.args["alias"]
        name = alias.name.lower()
        if name in own:
            raise refuse(ErrorCode.DUPLICATE_NAMED_QUERY, f"WITH query name '{name}' specified more than once", alias)
        own.add(name)
        if node.args.get("recursive") and _refers_to_itself(cte.this, name):
            visible[name] = _recursive(cte, name, parent, visible, walk)
        else:
            visible[name] = _named(query(cte.this, parent, visible, walk), alias)
    return visible


def _named(result: Relation, alias: exp.Expr) -> Named:
    names = alias.args.get("columns")
    if not names:
        return Named(result.fields, result.is_open)
    if len(names) != len(result.fields):
        raise refuse(
            ErrorCode.MISMATCHED_COLUMN_ALIASES,
            f"Column alias list has {len(names)} entries but relation has {len(result.fields)} columns",
            alias,
        )
    return Named(tuple(Field(n.name, f.type, origins=f.origins) for n, f in zip(names, result.fields, strict=True)))


def _refers_to_itself(node: exp.Expr, name: str) -> bool:
    return any(
        table.name.lower() == name and not table.args.get("db") and "table" not in table.meta
        for table in node.find_all(exp.Table)
    )


def _recursive(cte: exp.Expr, name: str, parent: Scope | None, visible: Mapping[str, Named], walk: Walk) -> Named:
    body, alias = cte.this.unnest(), cte.args["alias"]
    if not alias.args.get("columns"):
        raise refuse(ErrorCode.MISSING_COLUMN_ALIASES, "missing column aliases in recursive WITH query", alias)
    if not isinstance(body, exp.Union):
        raise refuse(
            ErrorCode.INVALID_RECURSIVE_REFERENCE, "recursive reference outside of a UNION in WITH RECURSIVE", alias
        )
    anchor = _named(query(body.this, parent, visible, walk), alias)
    step = query(body.expression, parent, {**visible, name: anchor}, walk)
    _check_step(anchor, step, body.expression)
    # Rows pass through the step again and again: a value may end up in any column.
    origins = origins_of_fields((*anchor.fields, *step.fields))
    return Named(tuple(Field(f.name, f.type, origins=origins) for f in anchor.fields), anchor.is_open)


def _check_step(anchor: Named, step: Relation, node: exp.Expr) -> None:
    if len(anchor.fields) != len(step.fields):
        raise mismatch(
            f"base and step relations of recursion have different number of fields: {len(anchor.fields)}, "
            f"{len(step.fields)}",
            node,
        )
    for position, (base, own) in enumerate(zip(anchor.fields, step.fields, strict=True), 1):
        if base.type is not None and own.type is not None and not can_coerce(own.type, base.type):
            raise mismatch(
                f"recursion step relation output type ({own.type}) is not coercible to recursion base relation "
                f"output type ({base.type}) at column {position}",
                node,
            )


def _set_operation(node: exp.Expr, parent: Scope | None, named: Mapping[str, Named], walk: Walk) -> Relation:
    """Combine the two sides. A long chain nests to the left, one level a query, and is walked flat."""
    spine = [node]
    while _plain(spine[-1].this):
        spine.append(spine[-1].this)
    result = query(spine[-1].this, parent, named, walk)
    for operation in reversed(spine):
        right = query(operation.expression, parent, named, walk)
        result = _combined(result, right, operation, walk)
        if walk.context.lineage:
            note(operation, origins_of_fields(result.fields) if not result.is_open else None)
    return result


def _plain(node: exp.Expr) -> bool:
    return isinstance(node, exp.SetOperation) and not any(
        node.args.get(key) for key in ("with_", "order", "limit", "offset")
    )


def _combined(left: Relation, right: Relation, node: exp.Expr, walk: Walk) -> Relation:
    name = node.key.upper()
    if node.args.get("by_name"):
        left, right = _corresponding(left, right, node)
    if left.is_open or right.is_open:
        return Relation(tuple(Field(f.name, None) for f in left.fields), is_open=True)
    if len(left.fields) != len(right.fields):
        raise mismatch(f"{name} query has different number of fields: {len(left.fields)}, {len(right.fields)}", node)
    number = walk.next_relation()
    fields = []
    for position, (a, b) in enumerate(zip(left.fields, right.fields, strict=True), 1):
        kind = _common(a.type, b.type, position, name, node)
        if name != "UNION" or node.args.get("distinct"):
            if kind is not None and not comparable(kind):
                raise mismatch(f"Type {kind} is not comparable and therefore cannot be used in {name} DISTINCT", node)
            check_told_apart(kind, node, walk)
        fields.append(Field(a.name, kind, (), number, origins=origins_of_fields((a, b))))
    return Relation(tuple(fields))


def _corresponding(left: Relation, right: Relation, node: exp.Expr) -> tuple[Relation, Relation]:
    """Keep the columns that both sides have by name, in the order of the left side."""
    if left.is_open or right.is_open:
        return left, right
    ours, theirs = (_by_name(side, node) for side in (left, right))
    shared = [name for name in ours if name in theirs]
    if not shared:
        raise refuse(ErrorCode.MISMATCHED_COLUMN_ALIASES, "No corresponding columns", node)
    return Relation(tuple(ours[name] for name in shared)), Relation(tuple(theirs[name] for name in shared))


def _by_name(side: Relation, node: exp.Expr) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for field in side.fields:
        if field.name is None:
            what = "Anonymous columns are not allowed in set operations with CORRESPONDING"
            raise refuse(ErrorCode.MISSING_COLUMN_NAME, what, node)
        name = field.name.lower()
        if name in found:
            what = f"Duplicate columns found when using CORRESPONDING in set operations: {name}"
            raise refuse(ErrorCode.AMBIGUOUS_NAME, what, node)
        found[name] = field
    return found


def _common(
    first: TrinoType | None, second: TrinoType | None, position: int, name: str, node: exp.Expr
) -> TrinoType | None:
    if first is None or second is None:
        return None
    common = common_super_type(first, second)
    if common is None:
        raise mismatch(f"column {position} in {name} query has incompatible types: {first}, {second}", node)
    return common


def value_of_query(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type a query used as a value: its column, or a row of its columns."""
    result = _inner(node, env)
    node.meta["columns"] = len(result.fields)
    if result.is_open:
        return None
    if len(result.fields) == 1:
        return result.fields[0].type
    kinds = tuple(f.type for f in result.fields if f.type is not None)
    names = tuple(f.name for f in result.fields)
    return TrinoType("row", kinds, names) if len(kinds) == len(names) else None


def exists(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type EXISTS."""
    _inner(node.this, env)
    return BOOLEAN


def _inner(node: exp.Expr, env: Env) -> Relation:
    if not env.walk.subqueries:
        raise unsupported("Subqueries are not allowed here", node)
    if env.parameters:
        raise unsupported("Lambda expression cannot contain subqueries", node)
    return query(node, env.scope, env.named, env.walk)


HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.Subquery: value_of_query,
    exp.Select: value_of_query,
    exp.Union: value_of_query,
    exp.Except: value_of_query,
    exp.Intersect: value_of_query,
    exp.Values: value_of_query,
    exp.Exists: exists,
}
