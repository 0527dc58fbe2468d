"""SELECT, read: what it shows, by which groups, of which rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from catalog.dialect.parse import parse_expression
from rewrite_rules.certificates.expressions import Sight, term
from rewrite_rules.certificates.functions import number
from rewrite_rules.certificates.laws import apply, column
from rewrite_rules.certificates.placing import Placing
from rewrite_rules.certificates.rebuilding import map_term
from rewrite_rules.certificates.relations import Occ, Rel, Relation, Top, conjuncts
from rewrite_rules.certificates.scopes import Scope
from rewrite_rules.certificates.terms import TRUE, Term, Unclear, columns_of, has_aggregate, has_window
from rewrite_rules.certificates.tops import numbered, top_of

if TYPE_CHECKING:
    from rewrite_rules.certificates.reading import Reader


class Select:
    """Reads one SELECT; what it reads is gathered by `placed`."""

    def __init__(self, reader: Reader, node: exp.Expr, scope: Scope) -> None:
        """Read nothing yet."""
        self.reader, self.node, self.scope = reader, node, scope
        self.inner = replace(reader, states={})
        self.placed = Placing(self.inner, scope, self._sight)

    def read(self) -> Relation:
        """Return what it means. Raises Unclear."""
        node = self.node
        if any(node.args.get(key) for key in ("laterals", "windows", "qualify", "hint", "into", "pivots")):
            raise Unclear("a clause that is not read")
        self.placed.read(node)
        sight = self._sight()
        where = node.args.get("where")
        if where is not None:
            self.placed.conds |= conjuncts(term(where.this, sight))
        items = self._items(sight)
        names = tuple(name or f"_col{i}" for i, (name, _) in enumerate(items))
        outputs = tuple(self._state(name, value, sight) for (name, value) in items)
        keys, odd = self._keys(sight, outputs)
        group = node.args.get("group")
        having = node.args.get("having")
        terms = conjuncts(term(having.this, sight)) if having is not None else frozenset()
        top = top_of(node, replace(sight, outputs=dict(zip(names, outputs, strict=True))), outputs)
        grouped = keys is not None or terms or any(map(has_aggregate, outputs))
        grouped = bool(grouped) or any(has_aggregate(value) for value, _, _ in top.order)
        rel = Rel(
            names,
            outputs,
            tuple(self.placed.occs),
            frozenset(self.placed.conds) - {TRUE},
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
        own = {occ.id for occ in self.placed.occs}
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
        if rel.keys is not None and not rel.odd and rel.keys <= set(rel.outputs):
            return apply(rel)  # it shows all keys: no two groups look alike
        inner = apply(replace(rel, top=Top()))
        if rel.top or not isinstance(inner, Rel):
            raise Unclear("DISTINCT over groups, ordered")
        occ = Occ(next(self.reader.numbers), inner)
        outputs = tuple(column(occ.id, name, value) for name, value in zip(inner.names, inner.outputs, strict=True))
        return apply(Rel(rel.names, outputs, (occ,), keys=frozenset(outputs), keyed=True))

    def _sight(self) -> Sight:
        return Sight(tuple(self.placed.sources), self.scope.sight, self._subquery)

    def _subquery(self, node: exp.Expr, sight: Sight) -> Term:
        from rewrite_rules.certificates.nested import as_term

        tree = node.this if isinstance(node, exp.Subquery) and not node.alias else node
        return as_term(self.inner.query(tree, replace(self.scope, sight=sight)))

    # --- What is shown, and what by ---

    def _items(self, sight: Sight) -> list[tuple[str, Term]]:
        items: list[tuple[str, Term]] = []
        for item in self.node.expressions:
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
                if item.args.get("except_") or item.args.get("replace") or self.placed.merges:
                    raise Unclear("a star with exceptions, or over a join USING columns")
                wanted = item.args["table"].name.lower() if item.args.get("table") else ""
                chosen = [each for each in sight.sources if not wanted or each.alias == wanted]
                items.extend(pair for each in chosen for pair in each.columns)
                continue
            value = item.this if isinstance(item, exp.Alias) else item
            shown = value.unnest()
            name = item.alias if isinstance(item, exp.Alias) else shown.name if isinstance(shown, exp.Column) else ""
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
                keys.append(numbered(item, outputs))
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
