"""SELECT, flattened: its clauses written over the columns of base tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.analysis.grouping import ordinal
from rewrite_rules.analysis.select import output_name
from rewrite_rules.substitution.blocks import Block, Condition, Output
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.relations import Sources
from rewrite_rules.substitution.sight import Aliases, Field, Flat, Named, OddError, Place, Rows, Sight
from rewrite_rules.substitution.spelling import conjuncts, copied, value_of, written

_CLAUSES = frozenset(
    {"with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "windows", "order"}
    | {"limit", "offset"}
)
_SETS = (exp.GroupingSets, exp.Rollup, exp.Cube, exp.CurrentRole)
"""Grouping in more than one way, and AUTO."""


def spelled(query: exp.Expr, place: Place, aliases: Aliases, *, merged: bool = False) -> Flat:
    """Flatten one SELECT, brackets around it aside. Raises OddError for what has no canonical form.

    `merged` says that only a query around it will read the outputs, and copy what it takes.
    """
    place = replace(place, names=names_below(query, place.names))
    if isinstance(query, exp.Subquery) and not _is_bare(query):
        raise OddError("ORDER BY or LIMIT behind brackets")
    if isinstance(query, exp.Subquery):
        return spelled(query.this, place, aliases, merged=merged)
    if not isinstance(query, exp.Select):
        raise OddError("a set operation" if isinstance(query, exp.SetOperation) else f"{query.key.upper()} as a query")
    strange = [name for name, value in query.args.items() if value and name not in _CLAUSES]
    if strange:
        raise OddError(f"{strange[0]} in SELECT")
    closed: dict[str, tuple[exp.Expr, Place]] = {}
    rows = Sources(place, aliases, closed).of(query)
    return _Clauses(query, rows, place, merged=merged).flat(closed)


def names_below(query: exp.Expr, names: Mapping[str, Named]) -> Mapping[str, Named]:
    """Return the common table expressions in sight below a query's WITH; each sees those before it."""
    with_ = query.args.get("with_")
    return named_queries(with_, names) if with_ is not None else names


def named_queries(with_: exp.Expr, names: Mapping[str, Named]) -> dict[str, Named]:
    """Return the common table expressions in sight below a WITH, `names` being those around it."""
    visible = dict(names)
    for cte in with_.expressions:
        alias = cte.args["alias"]
        name = alias.name.lower()
        columns = tuple(each.name.lower() for each in alias.args.get("columns") or ())
        recursive = bool(with_.args.get("recursive")) and _names_itself(cte.this, name)
        visible[name] = Named(cte.this, columns, dict(visible), recursive)
    return visible


def _names_itself(query: exp.Expr, name: str) -> bool:
    return any("table" not in node.meta and node.name.lower() == name for node in query.find_all(exp.Table))


def _is_bare(query: exp.Subquery) -> bool:
    return not any(value for name, value in query.args.items() if name not in ("this", "alias", "joins", "with_"))


class _Clauses:
    """Write the clauses of one SELECT, in the order in which they mean something."""

    __slots__ = ("merged", "place", "query", "rows", "sight")

    def __init__(self, query: exp.Select, rows: Rows, place: Place, *, merged: bool) -> None:
        self.merged = merged
        self.query = query
        self.rows = rows
        self.place = place
        self.sight = Sight(rows.fields, place.around)

    def flat(self, closed: Mapping[str, tuple[exp.Expr, Place]]) -> Flat:
        args = self.query.args
        where = args["where"].this if args.get("where") is not None else None
        found = [Condition(self.written(part)) for part in (conjuncts(where) if where is not None else ())]
        outputs, named = self._outputs()
        keys, sets = self._keys(outputs)
        having = conjuncts(args["having"].this) if args.get("having") is not None else []
        order = self._order(outputs)
        cut = [node for name in ("limit", "offset") if (node := args.get(name)) is not None and not _is_all(node)]
        windows = [self.written(each) for each in args.get("windows") or ()]
        block = Block(
            self.rows.occurrences,
            (*self.rows.conditions, *found),
            outputs,
            keys,
            distinct=args.get("distinct") is not None,
            having=tuple(self.written(part) for part in having),
            select=self.query,
            fields={
                (f.relation, f.name): f.value for f in self.rows.fields if f.name is not None and f.value is not None
            },
            top=_top((*(o.value for o in outputs), *order), cut),
            odd="more than one grouping" if sets else None,
        )
        return Flat(block, named, closed, len(found), order, (*sets, *windows, *cut))

    def written(self, node: exp.Expr) -> exp.Expr:
        return written(node, self.sight, self.place)

    def _outputs(self) -> tuple[tuple[Output, ...], tuple[bool, ...]]:
        outputs: list[Output] = []
        named: list[bool] = []
        for item in self.query.expressions:
            for name, value in self._item(item):
                kind = value.meta.get("type")
                if not isinstance(kind, TrinoType):
                    raise OddError("a column whose type is not known")
                outputs.append(Output(name if name is not None else f"_col{len(outputs)}", value, kind))
                named.append(name is not None)
        return tuple(outputs), tuple(named)

    def _item(self, item: exp.Expr) -> list[tuple[str | None, exp.Expr]]:
        """Return the result columns of one item: several for a star."""
        star = item.this if isinstance(item, exp.Aliases) else item
        fields = self._starred(star)
        if fields is None:
            value = item.this if isinstance(item, exp.Alias) else item
            return [(output_name(item), self._shown(value))]
        names = [each.name for each in item.expressions] if star is not item else [f.name for f in fields]
        return [(name, value_of(f, name or "")) for name, f in zip(names, fields, strict=True)]

    def _shown(self, value: exp.Expr) -> exp.Expr:
        """Write one result column; most of a barrier are plain columns, and few of them are asked for."""
        resolved = value.meta.get("resolved") if self.merged and isinstance(value, exp.Column) else None
        if resolved is not None and not resolved.fields:
            found = self.sight.find(resolved.relation_id, resolved.column)
            if found is not None and isinstance(found.value, exp.Column):
                return found.value
        return self.written(value)

    def _starred(self, item: exp.Expr) -> Sequence[Field] | None:
        if isinstance(item, exp.Star):
            return self.rows.fields
        if isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star):
            raise OddError("a star behind a row")
        if not isinstance(item, exp.Column) or not isinstance(item.this, exp.Star):
            return None
        parts = tuple(part.name.lower() for key in ("catalog", "db", "table") if (part := item.args.get(key)))
        found = [f for f in self.rows.fields if f.qualifier[-len(parts) :] == parts]
        if not found:
            raise OddError("a star of another query or of a row")
        return found

    def _keys(self, outputs: Sequence[Output]) -> tuple[tuple[exp.Expr, ...] | None, list[exp.Expr]]:
        """Return what is grouped by, and groupings of more than one kind."""
        group = self.query.args.get("group")
        if group is None:
            return (() if self.query.meta["aggregating"] else None), []
        keys: dict[object, exp.Expr] = {}
        sets: list[exp.Expr] = []
        for element in group.expressions:
            if isinstance(element, _SETS):
                sets.append(self.written(element))
                continue
            for member in _members(element):
                position = ordinal(member)
                value = copied(outputs[position - 1].value) if position is not None else self.written(member)
                keys.setdefault(key(value), value)
        return tuple(keys.values()), sets

    def _order(self, outputs: Sequence[Output]) -> tuple[exp.Expr, ...]:
        order = self.query.args.get("order")
        if order is None:
            return ()
        number = int(self.query.meta["relation_id"])
        shown = [Field(output.name.lower(), output.value, (), number) for output in outputs]
        sight = Sight(shown, self.sight)
        found = []
        for item in order.expressions:
            position = ordinal(item.this)
            twin = copied(item) if position is not None else written(item, sight, self.place)
            if position is not None:
                twin.set("this", copied(outputs[position - 1].value))
            found.append(twin)
        return tuple(found)


def _members(element: exp.Expr) -> list[exp.Expr]:
    """Return the keys of an element: brackets hold any number of them."""
    if isinstance(element, exp.Tuple):
        return [member for each in element.expressions for member in _members(each)]
    return [element.unnest()]


def _is_all(node: exp.Expr) -> bool:
    """Tell whether a LIMIT is none: LIMIT ALL."""
    limit = node.args.get("expression")
    return isinstance(node, exp.Limit) and isinstance(limit, exp.Var) and limit.name.upper() == "ALL"


def _top(values: Sequence[exp.Expr], cut: Sequence[exp.Expr]) -> str | None:
    if cut:
        return "LIMIT"
    return "a window function" if any(_has_window(value) for value in values) else None


def _has_window(node: exp.Expr) -> bool:
    """Tell whether a value holds a window function of its own query."""
    if isinstance(node, exp.Column | exp.Literal):
        return False
    if isinstance(node, exp.Window):
        return True
    return any(_has_window(each) for each in node.iter_expressions() if not isinstance(each, exp.Query))
