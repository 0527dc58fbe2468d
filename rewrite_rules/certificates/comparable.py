"""Which queries have one right answer, so that two ways to it can be compared; and how closely."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.errors import Refusal
from catalog.objects import Table, TableName
from rewrite_rules.certificates.reading import Reader
from rewrite_rules.certificates.relations import Rel, Relation, Union
from rewrite_rules.certificates.terms import Unclear, has_aggregate, walk

_ARBITRARY = frozenset({"arbitrary", "any_value", "max_by", "min_by", "array_agg", "listagg", "map_agg"})
"""Which value they give, or in which order, may depend on how rows come."""


def incomparable(query: str, tables: Mapping[TableName, Table]) -> str | None:
    """Return why a governed query may rightly give another answer when it runs again; None where it may not."""
    try:
        relation = Reader(tables.get, itertools.count(1)).query(parse_query(query))
    except (Unclear, Refusal, RecursionError):
        return "shape"
    return _why(relation)


def is_counted_apart(query: str) -> bool:
    """Tell whether the only sketches of a query are approximate counts, whose error is known."""
    tree = parse_query(query)
    names = {call.name.lower() for call in tree.find_all(exp.Anonymous) if call.name.lower().startswith("approx_")}
    return names == {"approx_distinct"}


def _why(relation: Relation) -> str | None:
    if relation.volatile:
        return "volatile"
    if isinstance(relation, Union):
        if relation.top.limit is not None or relation.top.offset is not None:
            return "order"
        return next((why for part in relation.parts if (why := _why(part))), None)
    if any(each[0] == "agg" and each[1] in _ARBITRARY for term in relation.terms() for each in walk(term)):
        return "arbitrary"
    if (relation.top.limit is not None or relation.top.offset is not None) and not _is_total(relation):
        return "order"
    inner = (occ.source for occ in relation.occs if isinstance(occ.source, Rel | Union))
    return next((why for source in inner if (why := _why(source))), None)


def _is_total(rel: Rel) -> bool:
    """Tell whether no two rows are equal in what they are sorted by: all keys of the groups are among it."""
    if rel.keys is None or rel.odd:
        return False
    sorted_by = {value for value, _, _ in rel.top.order}
    return all(key in sorted_by for key in rel.keys) and not any(has_aggregate(key) for key in rel.keys)
