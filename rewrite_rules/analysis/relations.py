"""Relations: tables, joins, UNNEST, LATERAL, VALUES, subqueries and table functions, and the fields each gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.functions.builtins import TABLE_FUNCTIONS
from catalog.objects import Table
from catalog.types import BIGINT, BOOLEAN, UNKNOWN, TrinoType, parse_type
from rewrite_rules.analysis.env import Env, Named, Relation, Walk
from rewrite_rules.analysis.failures import mismatch, refuse, unsupported
from rewrite_rules.analysis.joins import check_lateral, check_own, using
from rewrite_rules.analysis.json_tables import json_table
from rewrite_rules.analysis.lineage import origins_of, united
from rewrite_rules.analysis.operators import common_or_refuse
from rewrite_rules.analysis.patterns import matched
from rewrite_rules.analysis.scalars import no_aggregates, scalar_type
from rewrite_rules.analysis.scopes import Field, Scope
from rewrite_rules.from_items import holds_relation, items_of


def from_clause(node: exp.Expr, parent: Scope | None, named: Mapping[str, Named], walk: Walk) -> Scope:
    """Return the scope of a query's FROM clause, inside the scope of the query around it."""
    from_ = node.args.get("from_")
    if from_ is None:
        return Scope((), parent, boundary=True)
    if node.args.get("laterals"):
        raise unsupported("LATERAL VIEW is not supported", node)
    result = chain(from_.this, node.args.get("joins") or (), _Place(parent, named, walk))
    return Scope(result.fields, parent, boundary=True, is_open=result.is_open)


class _Place:
    """Where a relation stands: the query around it and the common table expressions in sight."""

    __slots__ = ("named", "parent", "walk")

    def __init__(self, parent: Scope | None, named: Mapping[str, Named], walk: Walk) -> None:
        self.parent = parent
        self.named = named
        self.walk = walk

    def env(self, sides: Sequence[Relation] = ()) -> Env:
        """Stand among the given relations, inside the query around them."""
        both = _side_by_side(sides)
        return Env(self.walk, Scope(both.fields, self.parent, boundary=True, is_open=both.is_open), self.named)


def _side_by_side(sides: Sequence[Relation]) -> Relation:
    fields = tuple(field for side in sides for field in side.fields)
    return Relation(fields, any(side.is_open for side in sides))


def chain(first: exp.Expr, joins: Sequence[exp.Expr], place: _Place) -> Relation:
    """Join relations from left to right, item by item; UNNEST sees the items before it if it is an item by itself."""
    groups: list[Relation] = []
    for item in items_of(first, joins):
        start = relation(item.first, place, () if item.joins else groups)
        groups.append(chain_on(start, item.joins, place))
    return _side_by_side(groups)


def _joined(left: Relation, right: Relation, join: exp.Expr, place: _Place) -> Relation:
    if join.args.get("method"):
        raise unsupported("Natural join not supported", join)
    if str(join.args.get("kind") or "").upper() in ("SEMI", "ANTI"):
        raise unsupported("SEMI and ANTI joins are not supported", join)
    names = join.args.get("using")
    check_lateral(join, strict=place.walk.context.strict)
    if names:
        return using(left, right, names, join, place.walk)
    on = join.args.get("on")
    if on is not None:
        env = place.env((left, right))
        kind = scalar_type(env, on, "JOIN")
        if kind not in (None, BOOLEAN, UNKNOWN):
            raise mismatch(f"JOIN ON clause must evaluate to a boolean: actual type {kind}", on)
        if join.args.get("side"):
            check_own(on)
    return _side_by_side((left, right))


def relation(node: exp.Expr, place: _Place, left: Sequence[Relation]) -> Relation:
    """Return the fields of one relation; `left` is what UNNEST and LATERAL may refer to."""
    number = place.walk.next_relation()
    node.meta["relation_id"] = number
    result = _own_fields(node, place, left, number)
    node.meta["shows"] = tuple((field.name, field.type) for field in result.fields)
    own_joins = node.args.get("joins") if isinstance(node, exp.Subquery) else None
    return chain_on(result, own_joins, place) if own_joins else result


def _own_fields(node: exp.Expr, place: _Place, left: Sequence[Relation], number: int) -> Relation:
    if isinstance(node, exp.Table):
        result = _table(node, place, number)
    elif isinstance(node, exp.TableFromRows) and isinstance(node.this, exp.JSONTable):
        given = json_table(node.this, place.env(left), number)
        result = _aliased(given, node, number, keep=True)
    elif isinstance(node, exp.TableFromRows):
        result = _table_function(node.this, node, place, number)
    elif isinstance(node, exp.Unnest):
        return _unnest(node, place.env(left), number)
    elif isinstance(node, exp.Lateral):
        scope = place.env(left).scope
        result = _aliased(place.walk.query(node.this, scope, place.named, place.walk), node, number)
    elif isinstance(node, exp.Subquery) and holds_relation(node.this):
        inner = node.this
        if isinstance(inner, exp.Subquery):
            held = relation(inner, place, ())  # with the joins behind it
        else:
            held = chain(inner, inner.args.get("joins") or (), place)
        result = _aliased(held, node, number, keep=True)
    elif isinstance(node, exp.Query | exp.Values):
        result = _aliased(_granted(_queried(node, place), node, place), node, number)
    else:
        raise unsupported(f"{node.key} is not supported as a relation", node)
    match = node.args.get("match")
    if match is not None:
        result = matched(match, result, place.env((result,)), number)
    _sample(node, place)
    return result


def _queried(node: exp.Expr, place: _Place) -> Relation:
    """Return the fields of a query; of a view that was written out, not a word of what its text names is told."""
    try:
        return place.walk.query(node, place.parent, place.named, place.walk)
    except Refusal as refusal:
        view = node.meta.get("table")
        if view is None or refusal.code not in (ErrorCode.COLUMN_NOT_FOUND, ErrorCode.INVALID_VIEW):
            raise
        raise Refusal(
            ErrorCode.INVALID_VIEW,
            f"Failed analyzing stored view '{view}': it reads a column that is not there for you",
            hint="Ask an administrator for the columns that the view reads, or query the tables below it.",
        ) from None


def _granted(given: Relation, node: exp.Expr, place: _Place) -> Relation:
    """Return what is granted of a view that was written out; of any other query all."""
    name = node.meta.get("table")
    described = place.walk.context.tables.get(name) if name is not None else None
    if described is None:
        return given
    fields = tuple(field for field in given.fields if (field.name or "").lower() in described.by_name)
    return Relation(fields, given.is_open)


def chain_on(first: Relation, joins: Sequence[exp.Expr], place: _Place) -> Relation:
    """Join further relations to one that is known already."""
    current = first
    for join in joins:
        current = _joined(current, relation(join.this, place, (current,)), join, place)
    return current


def _sample(node: exp.Expr, place: _Place) -> None:
    sample = node.args.get("sample")
    if sample is not None:
        place.walk.volatile = True
        percent = sample.args.get("percent")
        column = percent.find(exp.Column) if percent is not None else None
        if column is not None:
            what = "Sample percentage cannot contain column references"
            raise refuse(ErrorCode.EXPRESSION_NOT_CONSTANT, what, column)
        if percent is not None:
            place.env().type_of(percent)


def _table(node: exp.Expr, place: _Place, number: int) -> Relation:
    name = node.meta.get("table")
    if name is not None:
        described = place.walk.context.tables.get(name)
        if described is None:
            raise refuse(ErrorCode.TABLE_NOT_FOUND, f"Table '{name}' does not exist", node)
        version = node.args.get("version")
        if version is not None and version.args.get("expression") is not None:
            place.env().type_of(version.args["expression"])
        place.walk.read.setdefault(name, set())
        return _aliased(_physical(described, node, number), node, number, keep=True)
    plain = not node.args.get("db") and not node.args.get("catalog")
    query = place.named.get(node.name.lower()) if plain else None
    if query is None:
        raise refuse(ErrorCode.TABLE_NOT_FOUND, f"Table '{node.name}' does not exist", node)
    qualifier = (node.name.lower(),)
    fields = tuple(Field(f.name, f.type, qualifier, number, origins=f.origins) for f in query.fields)
    return _aliased(Relation(fields, query.is_open), node, number, keep=True)


def _physical(table: Table, node: exp.Expr, number: int) -> Relation:
    written = node.meta.get("written")
    if written is None:
        written = 1 + sum(1 for key in ("db", "catalog") if node.args.get(key))
    qualifier = tuple(table.name)[-written:]
    name = table.name
    sources = [((name, column.name),) for column in table.columns]
    fields = zip(table.columns, sources, strict=True)
    return Relation(tuple(Field(c.name, c.type, qualifier, number, name, s, origins=s) for c, s in fields))


def _table_function(call: exp.Expr, node: exp.Expr, place: _Place, number: int) -> Relation:
    name = call.name.lower() if isinstance(call, exp.Anonymous) else call.key
    if name == "exclude_columns":
        return _aliased(_excluding(call, place, number), node, number, keep=True)
    columns = TABLE_FUNCTIONS.get(name)
    if columns is None:
        raise refuse(ErrorCode.FUNCTION_NOT_FOUND, f"Table function '{name}' not registered", node)
    for argument in call.expressions:
        place.env().type_of(argument.expression if isinstance(argument, exp.Kwarg) else argument)
    fields = tuple(Field(column, parse_type(kind), (), number, origins=()) for column, kind in columns)
    result = _aliased(Relation(fields), node, number, keep=True)
    alias = node.args.get("alias")
    for field, identifier in zip(result.fields, alias.args.get("columns") or () if alias else (), strict=False):
        # Trino shows these, and only these, in upper case unless they are quoted.
        field.name = identifier.name if identifier.args.get("quoted") else identifier.name.upper()
    return result


def _excluding(call: exp.Expr, place: _Place, number: int) -> Relation:
    """Return what exclude_columns gives; a call that is not as it should be is left to the engine to refuse."""
    if place.walk.context.strict:
        raise unsupported("exclude_columns is not supported by this engine", call)
    values = [item.expression if isinstance(item, exp.Kwarg) else item for item in call.expressions]
    tables = [value for value in values if isinstance(value, exp.InputModelProperty)]
    given = [place.walk.query(table.this, place.parent, place.named, place.walk) for table in tables]
    descriptors = [value for value in values if isinstance(value, exp.Tags)]
    if len(given) != 1 or len(descriptors) != 1:
        return Relation((), is_open=True)
    left_out = {field.name.lower() for field in descriptors[0].expressions}
    kept = [field for field in given[0].fields if (field.name or "").lower() not in left_out]
    fields = tuple(Field(f.name, f.type, (), number, origins=f.origins) for f in kept)
    return Relation(fields, given[0].is_open or not kept)


def _aliased(inner: Relation, node: exp.Expr, number: int, *, keep: bool = False) -> Relation:
    """Give a relation its alias. Without one, fields of a query lose their qualifier, others keep it."""
    alias = node.args.get("alias")
    names = alias.args.get("columns") if alias is not None else None
    if alias is None or alias.args.get("this") is None:
        if keep:
            return inner
        bare = tuple(Field(f.name, f.type, (), number, origins=f.origins) for f in inner.fields)
        return Relation(bare, inner.is_open)
    qualifier = (alias.name.lower(),)
    shown = _column_names(inner, names, alias)
    fields = tuple(
        Field(name, f.type, qualifier, number, f.table, f.sources, origins=f.origins)
        if keep and f.sources
        else Field(name, f.type, qualifier, number, origins=f.origins)
        for name, f in zip(shown, inner.fields, strict=True)
    )
    return Relation(fields, inner.is_open and not names)


def _column_names(inner: Relation, names: Sequence[exp.Expr] | None, alias: exp.Expr) -> Sequence[str | None]:
    if not names:
        return [f.name for f in inner.fields]
    if len(names) != len(inner.fields):
        raise refuse(
            ErrorCode.MISMATCHED_COLUMN_ALIASES,
            f"Column alias list has {len(names)} entries but '{alias.name}' has {len(inner.fields)} columns available",
            alias,
        )
    return [identifier.name for identifier in names]


def _unnest(node: exp.Expr, env: Env, number: int) -> Relation:
    """Expand arrays, arrays of rows and maps into columns; WITH ORDINALITY adds one."""
    fields: list[Field] = []
    is_open = False
    for argument in node.expressions:
        kind = env.type_of(argument)
        origins = origins_of(argument) if env.walk.context.lineage else None
        if kind is None:
            is_open = True
            fields.append(Field(None, None, (), number, origins=origins))
        else:
            parts = _unnested(kind, argument)
            fields.extend(Field(name, part, (), number, origins=origins) for name, part in parts)
    no_aggregates(env, node, "UNNEST")
    ordinality = node.args.get("offset")
    alias = node.args.get("alias")
    names = list(alias.args.get("columns") or ()) if alias is not None else []
    if ordinality:
        fields.append(Field(None, BIGINT, (), number, origins=()))
        if isinstance(ordinality, exp.Identifier):
            names.append(ordinality)
    if alias is None:
        return Relation(tuple(fields), is_open)
    if is_open and names and len(names) != len(fields):
        known = [Field(None, None, (), number) for _ in names]
        fields = known
    inner = Relation(tuple(fields), is_open)
    shown = _column_names(inner, names, alias)
    qualifier = (alias.name.lower(),)
    return Relation(
        tuple(Field(name, f.type, qualifier, number, origins=f.origins) for name, f in zip(shown, fields, strict=True)),
        is_open and not names,
    )


def _unnested(kind: TrinoType, node: exp.Expr) -> list[tuple[str | None, TrinoType]]:
    if kind.base == "array":
        element = kind.arguments[0]
        if element.base == "row":
            return list(zip(element.fields, element.arguments, strict=True))
        return [(None, element)]
    if kind.base == "map":
        return [(None, kind.arguments[0]), (None, kind.arguments[1])]
    raise refuse(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"Cannot unnest type: {kind}", node)


def values(node: exp.Expr, env: Env) -> Relation:
    """Type the rows of VALUES."""
    rows = [_row_types(item, env) for item in node.expressions]
    width = len(rows[0])
    for item in rows:
        if len(item) != width:
            raise mismatch(f"Values rows have mismatched sizes: {width} vs {len(item)}", node)
    kinds = [
        common_or_refuse([item[i] for item in rows], "Values rows have mismatched types", node.expressions)
        for i in range(width)
    ]
    no_aggregates(env, node, "VALUES")
    origins = united(map(origins_of, node.expressions)) if env.walk.context.lineage else None
    return Relation(tuple(Field(None, kind, origins=origins) for kind in kinds))


def _row_types(item: exp.Expr, env: Env) -> Sequence[TrinoType | None]:
    if isinstance(item, exp.Tuple):
        if len(item.expressions) > 1:
            return [env.type_of(value) for value in item.expressions]
        item = item.expressions[0]
    kind = env.type_of(item)
    return kind.arguments if kind is not None and kind.base == "row" else [kind]
