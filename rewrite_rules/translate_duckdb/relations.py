"""Relations: physical tables, subqueries, joins, UNNEST, LATERAL, table functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from catalog.type_coercions import common_super_type
from catalog.types import BIGINT, TrinoType
from rewrite_rules.from_items import Item, holds_relation, items_of
from rewrite_rules.translate_duckdb.bounds import MOST_DEPENDENT, MOST_JOINED, check_number
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.conditions import condition
from rewrite_rules.translate_duckdb.context import (
    Column,
    Context,
    Scope,
    bare,
    type_of,
    write,
    write_query,
)
from rewrite_rules.translate_duckdb.moments import instant_micros
from rewrite_rules.translate_duckdb.text import identifier, unsupported
from rewrite_rules.translate_duckdb.zones import has_zone, zone_of

LARGEST_INTEGER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation as it stands in FROM, and the columns it brings into sight."""

    sql: str
    columns: tuple[Column, ...]
    table: str | None = None
    """Alias of a physical table, whose columns are reached by their own names."""
    table_names: frozenset[str] = frozenset()
    joined: int = 1
    """How many relations it is made of."""
    laterals: int = 0
    """How many of them may name those before them."""


def from_clause(node: exp.Expr, context: Context) -> tuple[str, Scope]:
    """Write FROM with its joins; return it and the scope it makes."""
    from_ = node.args.get("from_")
    if from_ is None:
        return "", Scope((), context.scope)
    relation = _chain(from_.this, node.args.get("joins") or (), context)
    return f"FROM {relation.sql}", _scope(relation, context)


def _scope(relation: Relation, context: Context) -> Scope:
    return Scope(relation.columns, context.scope, relation.table, relation.table_names, relation.laterals)


def _chain(first: exp.Expr, joins: Sequence[exp.Expr], context: Context) -> Relation:
    """Join from left to right, item by item; what is an item by itself may name columns of those before."""
    start, *others = items_of(first, joins)
    so_far = _item(start, context)
    for item in others:
        if item.joins:
            found = _item(item, context)
            so_far = _crossed(so_far, replace(found, sql=f"({found.sql})"))
        else:
            so_far = _crossed(so_far, _relation(item.first, context, so_far))
    return so_far


def _item(item: Item, context: Context) -> Relation:
    found = _relation(item.first, context, None)
    for join in item.joins:
        found = _joined(found, join, context)
    return found


def _crossed(left: Relation, right: Relation) -> Relation:
    both = _beside_each_other(left, right)
    return replace(both, sql=f"{left.sql} CROSS JOIN {right.sql}")


def _beside_each_other(left: Relation, right: Relation) -> Relation:
    """Return what two relations bring into sight together, without a text yet."""
    if left.table is not None or right.table is not None:
        raise unsupported("joining a table outside a subquery")
    joined, laterals = left.joined + right.joined, left.laterals + right.laterals
    check_number(joined, MOST_JOINED, "relations in one FROM clause")
    check_number(laterals, MOST_DEPENDENT, "UNNESTs and LATERALs in one FROM clause")
    return Relation("", (*left.columns, *right.columns), joined=joined, laterals=laterals)


def _relation(node: exp.Expr, context: Context, left: Relation | None) -> Relation:
    """Write one relation; `left` is what UNNEST and LATERAL may refer to."""
    if node.args.get("sample") is not None:
        raise unsupported("TABLESAMPLE")
    brackets = isinstance(node, exp.Subquery) and holds_relation(node.this)
    context.tally.add(0 if brackets else 1)
    if isinstance(node, exp.Table):
        result = _table(node, context)
    elif brackets:
        result = _bracketed(node, context)
    elif isinstance(node, exp.Unnest):
        return _unnest(node, _beside(left, context))
    elif isinstance(node, exp.Lateral):
        result = _derived(node, node.this, _beside(left, context), lateral=True)
    elif isinstance(node, exp.TableFromRows):
        result = _table_function(node, context)
    elif isinstance(node, exp.Query | exp.Values):
        result = _derived(node, node, context)
    else:
        raise unsupported(f"{node.key} in FROM")
    own = node.args.get("joins") if isinstance(node, exp.Subquery | exp.Table) else None
    for join in own or ():
        result = _joined(result, join, context)
    return result


def _beside(left: Relation | None, context: Context) -> Context:
    return context if left is None else context.with_(scope=_scope(left, context))


def _table(node: exp.Table, context: Context) -> Relation:
    if isinstance(node.this, exp.Anonymous):
        raise unsupported("table functions")
    name = node.meta.get("table")
    alias = context.next_name("r")
    if isinstance(name, TableName):
        written = node.alias.lower() if node.alias else name.table
        leaf = identifier(f"{name}{_version(node, context)}")
        return Relation(f"{leaf} AS {alias}", (), alias, frozenset({written}))
    named = context.named.get(node.name.lower()) if not node.args.get("db") else None
    if named is None:
        raise unsupported("a table that is not in the plan")
    context.tally.add(named.relations)
    columns = _aliased(named.columns, node, alias, node.name.lower())
    return Relation(f"{named.sql} AS {alias}", columns)


def _table_function(node: exp.TableFromRows, context: Context) -> Relation:
    """Write TABLE(sequence(start, stop, step)), the one table function there is."""
    call = node.this
    if not isinstance(call, exp.Anonymous) or call.name.lower() != "sequence":
        raise unsupported("this table function")
    given = {"start": 0, "step": 1}
    for name, argument in zip(("start", "stop", "step"), call.expressions, strict=False):
        if isinstance(argument, exp.Kwarg):
            given[argument.this.name.lower()] = _integer(argument.expression)
        else:
            given[name] = _integer(argument)
    start, stop, step = (given.get(name) for name in ("start", "stop", "step"))
    if start is None or stop is None or step is None or len(given) > 3:
        raise Refusal(ErrorCode.INVALID_ARGUMENTS, "Missing argument: STOP")
    if step == 0 or (stop - start) * step < 0:
        message = f"Step must {'be positive' if stop >= start else 'be negative'} for sequence [{start}, {stop}]"
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, message)
    alias = context.next_name("r")
    numbers = ", ".join(f"CAST({number} AS BIGINT)" for number in (start, stop, step))
    columns = (Column("sequential_number", "c0", BIGINT),)
    return Relation(f"generate_series({numbers}) AS {alias}(c0)", _aliased(columns, node, alias, None))


def _integer(node: exp.Expr) -> int:
    inner, sign = bare(node), 1
    if isinstance(inner, exp.Neg):
        inner, sign = bare(inner.this), -1
    if not isinstance(inner, exp.Literal) or not inner.name.isdigit():
        raise unsupported("a table function with arguments that are not literals")
    return sign * int(inner.name)


def _version(node: exp.Table, context: Context) -> str:
    """Write the snapshot a table is read at, as part of its name: a literal version, branch or time."""
    version = node.args.get("version")
    if version is None:
        return ""
    kind, value = str(version.this or "").upper(), version.args.get("expression")
    if value is None or str(version.args.get("kind") or "").upper() != "AS OF":
        raise unsupported("this form of time travel")
    inner = bare(value)
    if kind == "VERSION" and isinstance(inner, exp.Literal) and inner.name.isdigit():
        if int(inner.name) <= LARGEST_INTEGER:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "Unsupported type for table version: integer")
        return f"@snapshot:{inner.name}"
    if kind == "VERSION" and isinstance(inner, exp.Literal) and inner.is_string:
        return f"@ref:{inner.name.encode().hex()}"
    if kind == "TIMESTAMP" and isinstance(inner, exp.Cast) and isinstance(inner.this, exp.Literal):
        return f"@millis:{instant_micros(inner.this.name, context.time_zone) // 1000}"
    raise unsupported("time travel to what is not a literal")


def _aliased(columns: Sequence[Column], node: exp.Expr, alias: str, qualifier: str | None) -> tuple[Column, ...]:
    """Give columns the alias of their relation, in DuckDB and for the user."""
    written = node.args.get("alias")
    names: Sequence[exp.Expr] = ()
    if written is not None and written.args.get("this") is not None:
        qualifier, names = written.name.lower(), written.args.get("columns") or ()
    shown: list[str | None] = [n.name.lower() for n in names] or [c.name for c in columns]
    return tuple(
        replace(c, name=name, sql=f"{alias}.c{i}", qualifier=qualifier)
        for i, (c, name) in enumerate(zip(columns, shown, strict=True))
    )


def _derived(node: exp.Expr, inner: exp.Expr, context: Context, *, lateral: bool = False) -> Relation:
    written = write_query(inner, context)
    alias = context.next_name("r")
    columns = _aliased(written.columns, node, alias, None)
    return Relation(f"{'LATERAL ' if lateral else ''}({written.sql}) AS {alias}", columns, laterals=int(lateral))


def _bracketed(node: exp.Expr, context: Context) -> Relation:
    """Write a relation or joins in brackets."""
    inner = node.this
    relation = _relation(inner, context, None)
    written = node.args.get("alias")
    if written is None or written.args.get("this") is None:
        return replace(relation, sql=f"({relation.sql})" if inner.args.get("joins") else relation.sql)
    if relation.table is not None:
        return replace(relation, table_names=frozenset({written.name.lower()}))
    alias = context.next_name("r")
    shown = ", ".join(f"{c.sql} AS c{i}" for i, c in enumerate(relation.columns))
    columns = _aliased(relation.columns, node, alias, None)
    return Relation(f"(SELECT {shown} FROM {relation.sql}) AS {alias}", columns)  # noqa: S608  (our own text and quoted names)


def _joined(left: Relation, join: exp.Expr, context: Context) -> Relation:
    right = _relation(join.this, context, left)
    both = _beside_each_other(left, right)
    kind, side = str(join.args.get("kind") or "").upper(), str(join.args.get("side") or "").upper()
    if join.args.get("method") or kind not in ("", "INNER", "CROSS", "OUTER"):
        raise unsupported("this kind of join")
    using, on = join.args.get("using"), join.args.get("on")
    if using:
        using_both = _using(left, right, using, side, context)
        return replace(using_both, joined=both.joined, laterals=both.laterals)
    if on is None:
        return _crossed(left, right)
    inside = context.with_(scope=_scope(both, context), outputs={})
    word = f"{side} JOIN" if side else "JOIN"
    return replace(both, sql=f"{left.sql} {word} {right.sql} ON {condition(on, inside, outer=bool(side))}")


def _using(left: Relation, right: Relation, names: Sequence[exp.Expr], side: str, context: Context) -> Relation:
    """Join by columns of one name: each appears once, in front, from whichever side has it."""
    merged, terms, used = [], [], set()
    for identifier_ in names:
        name = identifier_.name.lower()
        a, b = (next(c for c in r.columns if c.name == name) for r in (left, right))
        type_ = common_super_type(a.type, b.type)
        if type_ is None or type_.base in ("double", "real", "array", "map", "row") or has_zone(type_):
            raise unsupported(f"USING a column of type {type_}")
        first, second = (cast(c.sql, c.type, type_, context.time_zone) for c in (a, b))
        terms.append(f"{first} = {second}")
        value = {"": first, "LEFT": first, "RIGHT": second}.get(side, f"coalesce({first}, {second})")
        merged.append(Column(name, value, type_))
        used |= {a.sql, b.sql}
    rest = tuple(c for c in (*left.columns, *right.columns) if c.sql not in used)
    word = f"{side} JOIN" if side else "JOIN"
    return Relation(f"{left.sql} {word} {right.sql} ON ({' AND '.join(terms)})", (*merged, *rest))


def _unnest(node: exp.Unnest, context: Context) -> Relation:
    """Expand arrays and maps side by side; the shorter ones are filled up with NULL."""
    items: list[str] = []
    lengths: list[str] = []
    columns: list[Column] = []
    parts: list[tuple[str, TrinoType, str | None]]
    for argument in node.expressions:
        type_, sql = type_of(argument), write(argument, context)
        zone = zone_of(argument, context)
        if type_.base == "map":
            parts = [(f"map_keys({sql})", type_.arguments[0], None), (f"map_values({sql})", type_.arguments[1], None)]
        elif type_.base == "array" and type_.arguments[0].base == "row":
            parts = _row_lists(sql, type_.arguments[0])
        elif type_.base == "array":
            parts = [(sql, type_.arguments[0], None)]
        else:
            raise unsupported(f"UNNEST of {type_}")
        items += [f"unnest({text})" for text, _, _ in parts]
        lengths.append(f"coalesce(len({parts[0][0]}), 0)")
        columns += [Column(name, "", kind, None, zone) for _, kind, name in parts]
    names = _names(node)
    if node.args.get("offset"):
        items.append(f"unnest(range(CAST(1 AS BIGINT), greatest({', '.join(lengths)}) + 1))")
        columns.append(Column(None, "", BIGINT))
        if isinstance(node.args["offset"], exp.Identifier):
            names = [*names, node.args["offset"].name.lower()] if names else names
    alias = context.next_name("r")
    written = node.args.get("alias")
    qualifier = written.name.lower() if written is not None else None
    shown = names or [c.name for c in columns]
    named = tuple(
        replace(c, name=name, sql=f"{alias}.c{i}", qualifier=qualifier)
        for i, (c, name) in enumerate(zip(columns, shown, strict=True))
    )
    selected = ", ".join(f"{item} AS c{i}" for i, item in enumerate(items))
    return Relation(f"LATERAL (SELECT {selected}) AS {alias}", named, laterals=1)


def _names(node: exp.Unnest) -> list[str | None]:
    alias = node.args.get("alias")
    return [n.name.lower() for n in alias.args.get("columns") or ()] if alias is not None else []


def _row_lists(sql: str, row: TrinoType) -> list[tuple[str, TrinoType, str | None]]:
    return [
        (f"list_transform({sql}, lambda x: struct_extract_at(x, {i}))", kind, name)
        for i, (kind, name) in enumerate(zip(row.arguments, row.fields, strict=True), start=1)
    ]
