"""Read queries as relations: names resolved, stars and ordinals written out, what is nested made flat by the laws."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from catalog.dialect.parse import parse_expression
from catalog.materialized_views import State
from catalog.objects import Table, TableName
from rewrite_rules.certificates import using
from rewrite_rules.certificates.expressions import Sight, Source, term
from rewrite_rules.certificates.functions import number
from rewrite_rules.certificates.laws import apply, column
from rewrite_rules.certificates.rebuilding import map_term
from rewrite_rules.certificates.relations import Join, Occ, Rel, Relation, Top, Union, conjuncts
from rewrite_rules.certificates.terms import TRUE, Term, Unclear, columns_of, has_aggregate, has_window

Known = Callable[[TableName], "Table | Relation | None"]
"""Says what a table's full name stands for; a relation is made anew for each use."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the texts of one certificate; occurrences of all of them have numbers of their own."""

    known: Known
    numbers: itertools.count[int]
    catalog: str | None = None
    schema: str | None = None
    """Where bare names are looked up."""
    states: Mapping[str, State] = field(default_factory=dict)
    """Of the outermost query: outputs that are kept as states."""

    def query(self, node: exp.Expr, scope: Scope | None = None) -> Relation:
        """Return what a query means. Raises Unclear."""
        scope = scope or Scope()
        scope = self._with(node, scope)
        if isinstance(node, exp.Subquery):
            inner = self.query(node.this, scope)
            return inner if not _top_of(node) else self._topped(inner, node, scope)
        if isinstance(node, exp.Select):
            return _Select(self, node, scope).read()
        if isinstance(node, exp.SetOperation):
            return self._topped(self._set(node, scope), node, scope)
        if isinstance(node, exp.Values):
            occ, names = _values(node, self, scope)
            values = tuple(column(occ.id, name) for name in names)
            return Rel(names, values, (occ,))
        raise Unclear(f"a query of the kind {type(node).__name__}")

    def _with(self, node: exp.Expr, scope: Scope) -> Scope:
        with_ = node.args.get("with_")
        if with_ is None:
            return scope
        if with_.args.get("recursive"):
            raise Unclear("WITH RECURSIVE")
        for each in with_.expressions:
            names = tuple(part.name.lower() for part in each.args["alias"].columns)
            scope = replace(scope, common={**scope.common, each.alias.lower(): (each.this, names, scope)})
        return scope

    def _set(self, node: exp.Expr, scope: Scope) -> Union:
        distinct = node.args.get("distinct", True)
        op = f"{type(node).__name__.upper()}{'' if distinct else ' ALL'}"
        inner = replace(self, states={})
        parts: list[Relation] = []
        for side in (node.this, node.expression):
            read = inner.query(side, scope)
            same = isinstance(read, Union) and read.op == op and not read.top and op.startswith("UNION")
            parts.extend(read.parts if same and isinstance(read, Union) else [read])
        names = parts[0].names
        if any(len(part.names) != len(names) for part in parts):
            raise Unclear("a union of unequal widths")
        return Union(op, names, tuple(parts))

    def _topped(self, inner: Relation, node: exp.Expr, scope: Scope) -> Relation:
        if not _top_of(node):
            return inner
        if inner.top:
            raise Unclear("ORDER BY or LIMIT on top of another")
        names: dict[str, Term] = {name: ("x", "output", i) for i, name in enumerate(inner.names)}
        sight = Sight((), scope.sight, None, names)
        outputs = tuple(names.values()) if isinstance(inner, Union) else inner.outputs
        if isinstance(inner, Rel):
            sight = replace(sight, outputs=dict(zip(inner.names, inner.outputs, strict=True)))
        return replace(inner, top=_top(node, sight, outputs))

    def table(self, node: exp.Table, scope: Scope) -> tuple[Occ | None, Relation | None, tuple[tuple[str, Term], ...]]:
        """Return what a table in FROM is: an occurrence, or a query to be placed; and its columns."""
        if any(node.args.get(key) for key in ("sample", "match", "joins", "pivots")):
            raise Unclear("a sample, or a pattern, of a table")
        version = node.args.get("version")
        bare = not node.args.get("db") and not node.args.get("catalog")
        if bare and node.name.lower() in scope.common:
            tree, names, inner_scope = scope.common[node.name.lower()]
            return None, _renamed(replace(self, states={}).query(tree, inner_scope), names), ()
        name = self._name(node)
        known = self.known(name)
        if known is None:
            raise Unclear(f"the table {name} is not one of those that the certificate rests on")
        if isinstance(known, Rel | Union):
            if version is not None:
                raise Unclear("a version of a view")
            return None, known, ()
        number_ = next(self.numbers)
        columns = tuple(
            (each.name, ("col", number_, each.name, each.type, not each.nullable)) for each in known.columns
        )
        stamp = None if version is None else _version(version)
        strict = frozenset(each.name for each in known.columns if not each.nullable)
        return Occ(number_, known.name, version=stamp, strict=strict), None, columns

    def _name(self, node: exp.Table) -> TableName:
        parts = [node.args[key].name.lower() for key in ("catalog", "db", "this") if node.args.get(key)]
        missing = [self.catalog, self.schema][: 3 - len(parts)]
        if any(each is None for each in missing) or not node.args.get("this"):
            raise Unclear(f"the table {node.name} is not named in full")
        return TableName(*(str(each) for each in missing), *parts)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a query finds around it."""

    common: Mapping[str, tuple[exp.Expr, tuple[str, ...], Scope]] = field(default_factory=dict)
    sight: Sight | None = None


class _Select:
    """Reads one SELECT; its parts are gathered as FROM is read."""

    def __init__(self, reader: Reader, node: exp.Expr, scope: Scope) -> None:
        self.reader, self.node, self.scope = reader, node, scope
        self.inner = replace(reader, states={})
        self.occs: list[Occ] = []
        self.conds: set[Term] = set()
        self.sources: list[Source] = []
        self.merges = False
        """Columns of two relations are one, by JOIN ... USING."""

    def read(self) -> Relation:
        node = self.node
        if any(node.args.get(key) for key in ("laterals", "windows", "qualify", "hint", "into", "pivots")):
            raise Unclear("a clause that is not read")
        self._from()
        sight = self._sight()
        where = node.args.get("where")
        if where is not None:
            self.conds |= conjuncts(term(where.this, sight))
        items = self._items(sight)
        names = tuple(name or f"_col{i}" for i, (name, _) in enumerate(items))
        outputs = tuple(self._state(name, value, sight) for (name, value) in items)
        keys, odd = self._keys(sight, outputs)
        group = node.args.get("group")
        having = node.args.get("having")
        terms = conjuncts(term(having.this, sight)) if having is not None else frozenset()
        top = _top(node, replace(sight, outputs=dict(zip(names, outputs, strict=True))), outputs)
        grouped = keys is not None or terms or any(map(has_aggregate, outputs))
        grouped = bool(grouped) or any(has_aggregate(value) for value, _, _ in top.order)
        rel = Rel(
            names,
            outputs,
            tuple(self.occs),
            frozenset(self.conds) - {TRUE},
            (keys or frozenset()) if grouped else None,
            keyed=group is not None and bool(group.expressions),
            having=terms,
            top=top,
            odd=odd,
        )
        if rel.keys is not None and not odd:
            self._check_groups(rel)
        return self._distinct(rel) if node.args.get("distinct") else apply(rel)

    def _check_groups(self, rel: Rel) -> None:
        """Refuse what shows a column that the groups do not have: no engine would answer it."""
        own = {occ.id for occ in self.occs}
        keys = rel.keys or frozenset()
        grouped = columns_of(keys)
        hidden: Term = ("const", None, None)
        for value in (*rel.outputs, *rel.having, *(each for each, _, _ in rel.top.order)):
            bare = columns_of([map_term(value, lambda each: hidden if each[0] == "agg" else None)])
            loose = {each for each in bare if each[1] in own} - grouped
            if loose or (value[0] == "col" and value[1] in own and value not in keys):
                raise Unclear("a column that is neither grouped by nor inside an aggregate")

    def _distinct(self, rel: Rel) -> Relation:
        """SELECT DISTINCT is a group by all that is shown."""
        if self.node.args["distinct"].args.get("on"):
            raise Unclear("DISTINCT ON")
        if rel.keys is None and not any(map(has_window, rel.outputs)):
            return apply(replace(rel, keys=frozenset(rel.outputs), keyed=True))
        inner = apply(replace(rel, top=Top()))
        if rel.top or not isinstance(inner, Rel):
            raise Unclear("DISTINCT over groups, ordered")
        occ = Occ(next(self.reader.numbers), inner)
        outputs = tuple(column(occ.id, name, value) for name, value in zip(inner.names, inner.outputs, strict=True))
        return apply(Rel(rel.names, outputs, (occ,), keys=frozenset(outputs), keyed=True))

    def _sight(self) -> Sight:
        return Sight(tuple(self.sources), self.scope.sight, self._subquery)

    def _subquery(self, node: exp.Expr, sight: Sight) -> Term:
        from rewrite_rules.certificates.nested import as_term

        tree = node.this if isinstance(node, exp.Subquery) and not node.alias else node
        return as_term(self.inner.query(tree, replace(self.scope, sight=sight)))

    # --- FROM ---

    def _from(self) -> None:
        source = self.node.args.get("from_")
        if source is None:
            return
        self._item(source.this, "inner", None)
        for join in self.node.args.get("joins") or ():
            self._join(join)

    def _join(self, join: exp.Expr) -> None:
        side = (join.args.get("side") or "").upper()
        if join.args.get("method") or side not in ("", "LEFT", "RIGHT", "FULL"):
            raise Unclear("a NATURAL join")
        if side == "RIGHT":
            raise Unclear("a right join")  # the gateway's own texts are written with left ones
        kind: Join = {"": "inner", "LEFT": "left", "FULL": "full"}[side]  # type: ignore[assignment]  # one of the three words
        merged = [each.name.lower() for each in join.args.get("using") or ()]
        if merged and kind == "full":
            raise Unclear("a full join USING columns")
        alias = _alias(join.this)[0] or join.this.name.lower()
        on = using.condition(merged, self.sources, alias) if merged else join.args.get("on")
        self._item(join.this, kind, on)
        if merged:
            self.sources[-1] = using.without(self.sources[-1], merged, self.sources[:-1])
            self.merges = True

    def _item(self, node: exp.Expr, join: Join, on: exp.Expr | None) -> None:
        """Place one item of FROM; an outer join's condition goes with the occurrence."""
        if any(node.args.get(key) for key in ("joins", "sample", "match", "pivots")):
            raise Unclear("joins within parentheses, or a sample of a query")
        alias, names = _alias(node)
        if isinstance(node, exp.Table):
            occ, relation, columns = self.reader.table(node, self.scope)
            alias = alias or node.name.lower()
        elif isinstance(node, exp.Subquery):
            occ, relation, columns = None, self.inner.query(node.this, self.scope), ()
        elif isinstance(node, exp.Values | exp.Unnest):
            occ, shown = _values(node, self.reader, self.scope, self._sight())
            relation, columns = None, tuple((name, column(occ.id, name)) for name in shown)
        else:
            raise Unclear(f"a {type(node).__name__} in FROM")
        if relation is not None:
            self._query(alias, names, relation, join, on)
            return
        assert occ is not None  # noqa: S101  (for mypy: one of both is there)
        self._place(alias, names, replace(occ, join=join), columns, on)

    def _query(self, alias: str, names: tuple[str, ...], relation: Relation, join: Join, on: exp.Expr | None) -> None:
        """Write out a plain query where its rows come as they are; keep others whole."""
        if isinstance(relation, Rel) and relation.plain and not relation.volatile:
            simple = len(relation.occs) == 1 and all(each[0] == "col" for each in relation.outputs)
            if join == "inner":
                self.occs.extend(relation.occs)
                self.conds |= relation.conds
                self._show(alias, names, tuple(zip(relation.names, relation.outputs, strict=True)))
                self._on(on)
                return
            if simple and (join == "left" or not relation.conds):
                columns = tuple(zip(relation.names, relation.outputs, strict=True))
                occ = replace(relation.occs[0], join=join, on=relation.conds)
                self._place(alias, names, occ, columns, on)
                return
        number_ = next(self.reader.numbers)
        values = relation.outputs if isinstance(relation, Rel) else (None,) * len(relation.names)
        columns = tuple((n, column(number_, n, v)) for n, v in zip(relation.names, values, strict=True))
        self._place(alias, names, Occ(number_, relation, join), columns, on)

    def _place(
        self,
        alias: str,
        names: tuple[str, ...],
        occ: Occ,
        columns: tuple[tuple[str, Term], ...],
        on: exp.Expr | None,
    ) -> None:
        if occ.join == "inner":
            self.occs.append(occ)
            self._show(alias, names, columns)
            self._on(on)
            return
        # The condition of an outer join sees the columns as they are; what is above it sees them extended by NULLs.
        self._show(alias, names, columns)
        condition = conjuncts(term(on, self._sight())) if on is not None else frozenset()
        self.occs.append(replace(occ, on=(occ.on | condition) - {TRUE}))
        self.sources[-1] = _extended(self.sources[-1])
        if occ.join == "full":
            self.sources[:] = [_extended(each) for each in self.sources]

    def _on(self, on: exp.Expr | None) -> None:
        if on is not None:
            self.conds |= conjuncts(term(on, self._sight()))

    def _show(self, alias: str, names: tuple[str, ...], columns: tuple[tuple[str, Term], ...]) -> None:
        if names and len(names) != len(columns):
            raise Unclear("a list of column names of another length")
        shown = tuple((new, value) for new, (_, value) in zip(names, columns, strict=True)) if names else columns
        self.sources.append(Source(alias, shown))

    # --- SELECT and GROUP BY ---

    def _items(self, sight: Sight) -> list[tuple[str, Term]]:
        items: list[tuple[str, Term]] = []
        for item in self.node.expressions:
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
                if item.args.get("except_") or item.args.get("replace") or self.merges:
                    raise Unclear("a star with exceptions, or over a join USING columns")
                wanted = item.args["table"].name.lower() if item.args.get("table") else ""
                chosen = [each for each in sight.sources if not wanted or each.alias == wanted]
                items.extend(pair for each in chosen for pair in each.columns)
                continue
            value = item.this if isinstance(item, exp.Alias) else item
            name = item.alias if isinstance(item, exp.Alias) else value.name if isinstance(value, exp.Column) else ""
            items.append((name.lower(), term(value, sight)))
        return items

    def _state(self, name: str, value: Term, sight: Sight) -> Term:
        state = self.reader.states.get(name)
        if state is None:
            return value
        arguments = (term(parse_expression(each), sight) for each in state.arguments)
        parameters = tuple(number(each) for each in state.parameters)
        return ("agg", "state", state.function, parameters, *arguments)

    def _keys(self, sight: Sight, outputs: tuple[Term, ...]) -> tuple[frozenset[Term] | None, bool]:
        group = self.node.args.get("group")
        if group is None:
            return None, False
        keys: list[Term] = []
        odd = False
        for item in group.expressions:
            if isinstance(item, exp.Literal) and not item.is_string:
                keys.append(outputs[int(str(item.this)) - 1])
            elif isinstance(item, exp.GroupingSets | exp.Rollup | exp.Cube):
                odd = True
                keys.append(_sets(item, sight))
            else:
                keys.append(term(item, sight))
        if any(group.args.get(key) for key in ("all", "rollup", "cube", "grouping_sets", "totals")):
            raise Unclear("a grouping that is not read")
        return frozenset(each for each in keys if each[0] != "const"), odd


def _sets(node: exp.Expr, sight: Sight) -> Term:
    def part(each: exp.Expr) -> Any:
        if isinstance(each, exp.Tuple | exp.Paren | exp.GroupingSets | exp.Rollup | exp.Cube):
            inner = each.expressions or [each.this]
            return (type(each).__name__, *(part(one) for one in inner if one is not None))
        return term(each, sight)

    return ("x", "Grouping", part(node))


def _extended(source: Source) -> Source:
    """Return a source whose columns may be NULL, for rows that found no partner."""
    return Source(
        source.alias,
        tuple((name, (*value[:4], False) if value[0] == "col" else value) for name, value in source.columns),
    )


def _alias(node: exp.Expr) -> tuple[str, tuple[str, ...]]:
    alias = node.args.get("alias")
    if alias is None:
        return "", ()
    if isinstance(alias, exp.TableAlias):
        return alias.name.lower(), tuple(each.name.lower() for each in alias.columns)
    return alias.name.lower(), ()


def _renamed(relation: Relation, names: tuple[str, ...]) -> Relation:
    if not names:
        return relation
    if len(names) != len(relation.names):
        raise Unclear("a list of column names of another length")
    return replace(relation, names=names)


def _values(node: exp.Expr, reader: Reader, scope: Scope, sight: Sight | None = None) -> tuple[Occ, tuple[str, ...]]:
    """Read VALUES and UNNEST as an occurrence that is compared as it stands."""
    _, names = _alias(node)
    inner = sight or Sight((), scope.sight)
    if isinstance(node, exp.Unnest):
        if not names:
            raise Unclear("UNNEST without names")
        content: Term = ("x", "Unnest", str(node.args.get("offset")), *(term(e, inner) for e in node.expressions))
    else:
        rows = [[term(each, inner) for each in (row.expressions or [row])] for row in node.expressions]
        names = names or tuple(f"_col{i}" for i in range(len(rows[0])))
        content = ("x", "Values", *(tuple(row) for row in rows))
    return Occ(next(reader.numbers), content), names


def _version(node: exp.Expr) -> Any:
    return (str(node.args.get("this")), str(node.args.get("kind")), node.args["expression"].sql())


def _top_of(node: exp.Expr) -> bool:
    return any(node.args.get(key) is not None for key in ("order", "limit", "offset"))


def _top(node: exp.Expr, sight: Sight, outputs: tuple[Term, ...]) -> Top:
    if not _top_of(node):
        return Top()
    order: list[tuple[Term, bool, bool]] = []
    for each in node.args["order"].expressions if node.args.get("order") else ():
        value = each.this
        ordinal = isinstance(value, exp.Literal) and not value.is_string
        meant = outputs[int(str(value.this)) - 1] if ordinal else term(value, sight)
        order.append((meant, bool(each.args.get("desc")), bool(each.args.get("nulls_first"))))
    return Top(tuple(order), *(_count(node.args.get(key)) for key in ("limit", "offset")))


def _count(node: exp.Expr | None) -> Any:
    if node is None:
        return None
    if isinstance(node, exp.Fetch):
        raise Unclear("FETCH FIRST")
    return str(node.expression.this) if isinstance(node.expression, exp.Literal) else _unknown_count()


def _unknown_count() -> Any:
    raise Unclear("a LIMIT that is no number")
