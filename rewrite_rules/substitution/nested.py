"""Subqueries over other rows: they keep their text; what they take from the query around is written over those rows.

An engine that reads a view alone runs none of them: they stand where base tables may be read, above a scan.
"""

from __future__ import annotations

from sqlglot import exp

from rewrite_rules.substitution.express import Reader
from rewrite_rules.substitution.keys import CANONICAL, HOLE, is_volatile
from rewrite_rules.substitution.making import atom
from rewrite_rules.substitution.spelling import copied

QUERIES = (exp.Query, exp.Values)
_HOLDERS = (exp.Exists, exp.Any, exp.All)
"""What a subquery stands in, besides the nodes of one row."""


class Nested(Reader):
    """Writes values over what a relation shows, subqueries too."""

    __slots__ = ()

    def _rebuilt(self, value: exp.Expr) -> exp.Expr | None:
        if isinstance(value, QUERIES):
            return self._of_query(value)
        if isinstance(value, _HOLDERS):
            return self._of_parts(value)
        return super()._rebuilt(value)

    def _of_query(self, value: exp.Expr) -> exp.Expr | None:
        """Write the columns that a subquery takes from outside; None where it names a query there, or is odd."""
        if CANONICAL not in value.meta or _names_outside(value) or any(map(is_volatile, value.walk())):
            return None
        twin = copied(value)
        twin.meta.pop(CANONICAL)
        for taken in [each for each in twin.find_all(exp.Column) if HOLE in each.meta]:
            found = self.write(taken)
            if found is None:
                return None
            made = atom(found)
            for node in [made] if isinstance(made, exp.Column) else made.find_all(exp.Column):
                node.meta[HOLE] = taken.meta[HOLE]
            taken.replace(made)
        return twin


def holds_query(value: exp.Expr) -> bool:
    """Tell whether a subquery stands in a value."""
    return value.find(*QUERIES) is not None


def _names_outside(query: exp.Expr) -> bool:
    """Tell whether a subquery reads a common table expression of a query around it."""
    own = {each.alias.lower() for each in query.find_all(exp.CTE)}
    return any("table" not in each.meta and each.name.lower() not in own for each in query.find_all(exp.Table))
