"""Rows that functions make: UNNEST, JSON_TABLE, table functions, MATCH_RECOGNIZE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from rewrite_rules.outline.constants import Constant, constant
from rewrite_rules.outline.drafts import Cluster, Expanded, Rel
from rewrite_rules.outline.expressions import look_into, need_all
from rewrite_rules.outline.reading import Place
from rewrite_rules.outline.values import Col, Scope, Value, mixed, refs_of

_LONGEST_SEQUENCE = 10**12


def unnested(left: Rel, node: exp.Unnest, place: Place, *, least: int) -> Rel:
    """Make rows of arrays beside what is on the left; the shorter ones are filled up."""
    scope = Scope(left.columns, place.scope, left.otherwise)
    values: list[Value] = []
    sizes: list[int | None] = []
    for argument in node.expressions:
        found = look_into(argument, replace(place, scope=scope))
        values.append(mixed(found.values, held=True))
        sizes.append(_length(argument, place))
    need_all(values, place)
    known = [size for size in sizes if size is not None]
    most = max(known) if len(known) == len(sizes) and known else None
    columns = (*left.columns, *_unnest_columns(node, values))
    if most is not None and not least and not any(refs_of(value) for value in values):
        given = place.reader.given(most, "UNNEST")
        left.rows.absorb(Cluster([given]))
        listed = _unnest_columns(node, [given.value])
        return Rel(left.rows, (*left.columns, *listed), left.otherwise or given.value)
    rows = Cluster([Expanded(left.rows, max([least, *known]), most)])
    return Rel(rows, columns, left.otherwise or mixed(values))


def _unnest_columns(node: exp.Unnest, values: Sequence[Value]) -> list[Col]:
    alias = node.args.get("alias")
    names = [name.name.lower() for name in alias.args.get("columns") or ()] if alias is not None else []
    qualifier = (alias.name.lower(),) if alias is not None else ()
    offset = node.args.get("offset")
    if isinstance(offset, exp.Identifier):
        names.append(offset.name.lower())
    every = mixed(values, held=True)
    return [Col(name, qualifier, every) for name in names]


def _length(node: exp.Expr, place: Place) -> int | None:
    """Return how many rows an array or map gives that is written out, or is a sequence of numbers."""
    if isinstance(node, exp.Array):
        return len(node.expressions)
    if isinstance(node, exp.Anonymous) and node.name.lower() in ("sequence", "repeat"):
        given = [constant(argument, place.reader.clock) for argument in node.expressions]
        return _counted(node.name.lower(), given)
    return None


def _counted(name: str, given: Sequence[Constant | None]) -> int | None:
    values = [each.value for each in given if each is not None]
    numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if name == "repeat":
        last = values[-1] if len(values) == len(given) == 2 else None
        return max(0, last) if isinstance(last, int) else None
    if len(numbers) != len(given) or not 2 <= len(numbers) <= 3:
        return None
    step = numbers[2] if len(numbers) == 3 else 1 if numbers[1] >= numbers[0] else -1
    if step == 0:
        return None
    return min(max(0, (numbers[1] - numbers[0]) // step + 1), _LONGEST_SEQUENCE)


def json_table(left: Rel, node: exp.TableFromRows, place: Place) -> Rel:
    """Make rows of the JSON that an expression gives: nothing bounds how many."""
    scope = Scope(left.columns, place.scope, left.otherwise)
    value = mixed(look_into(node.this, replace(place, scope=scope)).values, held=True)
    need_all([value], place)
    return Rel(Cluster([Expanded(left.rows, 0, None)]), left.columns, left.otherwise or value)


def table_function(node: exp.TableFromRows, place: Place) -> Rel:
    """Read a function that stands for a table; its alias is not applied yet."""
    call = node.this
    if isinstance(call, exp.JSONTable):
        return json_table(Rel(Cluster([place.reader.given(1)]), ()), node, place)
    arguments = [item.expression if isinstance(item, exp.Kwarg) else item for item in call.expressions]
    tables = [item.this for item in arguments if isinstance(item, exp.InputModelProperty)]
    if tables:
        return place.reader.query(tables[0], place)
    given = {"start": 0, "step": 1, **_numbers(call, place)}
    rows = _counted("sequence", [Constant(given.get(key), "bigint") for key in ("start", "stop", "step")])
    made = place.reader.given(rows, "sequence")
    columns = (Col("sequential_number", (), made.value),)
    return Rel(Cluster([made]), columns)


def _numbers(call: exp.Expr, place: Place) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, item in zip(("start", "stop", "step"), call.expressions, strict=False):
        named = isinstance(item, exp.Kwarg)
        given = constant(item.expression if named else item, place.reader.clock)
        found[item.this.name.lower() if named else name] = given.value if given is not None else None
    return found


def matched(node: exp.Expr, inner: Rel, place: Place) -> Rel:
    """Read MATCH_RECOGNIZE: which of the columns it looks at is told by their names alone."""
    names = {column.name.lower() for column in node.args["match"].find_all(exp.Column)}
    values = [column.value for column in inner.columns if column.name in names]
    need_all(values, place)
    every = mixed([column.value for column in inner.columns], held=True)
    return Rel(Cluster([Expanded(inner.rows, 0, None)]), (), every)
