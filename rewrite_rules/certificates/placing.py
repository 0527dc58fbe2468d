"""FROM, read: what is joined becomes occurrences, their columns, and the conditions that join them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from rewrite_rules.certificates import using
from rewrite_rules.certificates.expressions import Sight, Source, term
from rewrite_rules.certificates.laws import column
from rewrite_rules.certificates.relations import Join, Occ, Rel, Relation, conjuncts
from rewrite_rules.certificates.scopes import Scope, alias_of
from rewrite_rules.certificates.terms import TRUE, Term, Unclear

if TYPE_CHECKING:
    from rewrite_rules.certificates.reading import Reader


@dataclass(slots=True)
class Placing:
    """Gathers what one SELECT reads."""

    reader: Reader
    scope: Scope
    sight: Callable[[], Sight]
    """What an expression sees of what was placed so far."""
    occs: list[Occ] = field(default_factory=list)
    conds: set[Term] = field(default_factory=set)
    sources: list[Source] = field(default_factory=list)
    merges: bool = False
    """Columns of two relations are one, by JOIN ... USING."""

    def read(self, node: exp.Expr) -> None:
        """Place all that a SELECT reads. Raises Unclear."""
        source = node.args.get("from_")
        if source is None:
            return
        self._item(source.this, "inner", None)
        for join in node.args.get("joins") or ():
            self._join(join)

    def _join(self, join: exp.Expr) -> None:
        side = (join.args.get("side") or "").upper()
        if join.args.get("method") or side not in ("", "LEFT", "RIGHT", "FULL"):
            raise Unclear("a NATURAL join")
        if side == "RIGHT":
            self._right(join)
            return
        kind: Join = {"": "inner", "LEFT": "left", "FULL": "full"}[side]  # type: ignore[assignment]  # one of the three words
        merged = [each.name.lower() for each in join.args.get("using") or ()]
        if merged and kind == "full":
            raise Unclear("a full join USING columns")
        alias = alias_of(join.this)[0] or join.this.name.lower()
        on = using.condition(merged, self.sources, alias) if merged else join.args.get("on")
        self._item(join.this, kind, on)
        if merged:
            self.sources[-1] = using.without(self.sources[-1], merged, self.sources[:-1])
            self.merges = True

    def _right(self, join: exp.Expr) -> None:
        """Read `A RIGHT JOIN B` as `B LEFT JOIN A`; of A the columns are shown as they are, and come first."""
        plain = len(self.occs) == len(self.sources) == 1 and self.occs[0].join == "inner"
        if not plain or join.args.get("using"):
            raise Unclear("a right join of several relations, or USING columns")
        occ, source, own = self.occs.pop(), self.sources.pop(), frozenset(self.conds)
        self.conds.clear()
        self._item(join.this, "inner", None)
        self.sources.insert(0, source)
        on = join.args.get("on")
        condition = conjuncts(term(on, self.sight())) if on is not None else frozenset()
        self.occs.append(replace(occ, join="left", on=(own | condition) - {TRUE}))
        self.sources[0] = _extended(source, occ)

    def _item(self, node: exp.Expr, join: Join, on: exp.Expr | None) -> None:
        """Place one item of FROM; an outer join's condition goes with the occurrence."""
        if any(node.args.get(key) for key in ("joins", "sample", "match", "pivots")):
            raise Unclear("joins within parentheses, or a sample of a query")
        alias, names = alias_of(node)
        if isinstance(node, exp.Table):
            occ, relation, columns = self.reader.table(node, self.scope)
            alias = alias or node.name.lower()
        elif isinstance(node, exp.Subquery):
            occ, relation, columns = None, self.reader.query(node.this, self.scope), ()
        elif isinstance(node, exp.Values | exp.Unnest):
            occ, shown = literal_rows(node, self.reader.numbers, self.sight())
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
            simple = len(relation.occs) == 1
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
        condition = conjuncts(term(on, self.sight())) if on is not None else frozenset()
        self.occs.append(replace(occ, on=(occ.on | condition) - {TRUE}))
        if occ.join == "full":
            self.sources[:-1] = [_extended(each, occ, "before") for each in self.sources[:-1]]
        self.sources[-1] = _extended(self.sources[-1], occ)

    def _on(self, on: exp.Expr | None) -> None:
        if on is not None:
            self.conds |= conjuncts(term(on, self.sight()))

    def _show(self, alias: str, names: tuple[str, ...], columns: tuple[tuple[str, Term], ...]) -> None:
        if names and len(names) != len(columns):
            raise Unclear("a list of column names of another length")
        shown = tuple((new, value) for new, (_, value) in zip(names, columns, strict=True)) if names else columns
        self.sources.append(Source(alias, shown))


def _extended(source: Source, occ: Occ, side: str = "after") -> Source:
    """Return a source whose columns may be NULL, for rows that found no partner in an occurrence's join.

    What is computed is then NULL whatever it is computed from: only the very same in the same place equals it.
    """
    partner: Term = ("col", occ.id, f" {side}", None, False)

    def extended(value: Term) -> Term:
        return (*value[:4], False) if value[0] == "col" else ("x", "Extended", partner, value)

    return Source(source.alias, tuple((name, extended(value)) for name, value in source.columns))


def literal_rows(node: exp.Expr, numbers: Iterator[int], inner: Sight) -> tuple[Occ, tuple[str, ...]]:
    """Read VALUES and UNNEST as an occurrence that is compared as it stands. Raises Unclear."""
    _, names = alias_of(node)
    if isinstance(node, exp.Unnest):
        if not names:
            raise Unclear("UNNEST without names")
        content: Term = ("x", "Unnest", str(node.args.get("offset")), *(term(e, inner) for e in node.expressions))
    else:
        rows = [[term(each, inner) for each in (row.expressions or [row])] for row in node.expressions]
        names = names or tuple(f"_col{i}" for i in range(len(rows[0])))
        content = ("x", "Values", *(tuple(row) for row in rows))
    return Occ(next(numbers), content), names
