"""Row filters that ask another table: this product's filters speak of the table's own columns only.

An operator writes the list of values instead, so that is what the harness does: `x IN (SELECT ...)` becomes the
list that the query gives when the policy is written.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from loadtests.mv_cases.asking import Answer, Asker
from loadtests.mv_cases.documents import WRITER


class InexpressibleError(Exception):
    """A filter cannot be written as one of this product's."""


def has_subquery(text: str) -> bool:
    """Tell whether a filter asks another table."""
    return bool(text) and sqlglot.parse_one(text, read="trino").find(exp.Query) is not None


def listed(text: str, asker: Asker, schema: str) -> str:
    """Return a filter with lists of values in the place of queries. Raises InexpressibleError."""
    tree = exp.Paren(this=sqlglot.parse_one(text, read="trino"))
    for found in list(tree.find_all(exp.In)):
        query = found.args.get("query")
        if query is not None:
            sql = query.unnest().sql(dialect="trino")
            found.replace(_list(found.this, asker.must(sql, WRITER, schema)))
    if tree.find(exp.Query) is not None:
        raise InexpressibleError(f"a filter that asks another table: {text}")
    return tree.this.sql(dialect="trino")


def _list(value: exp.Expr, answer: Answer) -> exp.Expr:
    if not answer.rows:
        return exp.false()
    kind = exp.DataType.build(answer.columns[0][1], dialect="trino")
    values = [
        exp.Null() if each is None else exp.Cast(this=exp.Literal.string(str(each)), to=kind.copy())
        for (each,) in answer.rows
    ]
    return exp.In(this=value.copy(), expressions=values)
