"""What changed since a view was made must come from the base: its regions as conditions, which a scan must not meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from catalog.dialect.parse import parse_expression
from catalog.errors import Refusal
from catalog.materialized_views import Bound, Freshness, Region
from catalog.objects import Table, TableName
from rewrite_rules.certificates.conditions import compare, conjunction, disjunction, is_null, negation
from rewrite_rules.certificates.expressions import Sight, term
from rewrite_rules.certificates.logic import disjoint
from rewrite_rules.certificates.relations import Occ, Rel, Relation, conjuncts
from rewrite_rules.certificates.terms import TRUE, Term, Unclear


def stale(
    scan: Relation,
    base: Iterable[TableName],
    watermark: Mapping[TableName, str],
    versions: Mapping[TableName, str],
    freshness: Freshness | None,
    tables: Mapping[TableName, Table],
) -> Iterator[str]:
    """Yield why rows of a view that a scan reads are not, for sure, those of its base tables."""
    if freshness is not None and freshness.lost is not None:
        yield f"the view lost rows: {freshness.lost}"
    for name in sorted(set(base)):
        if name not in versions:
            yield f"no version of {name} is named"
        elif watermark.get(name) != versions[name]:
            yield from _behind(scan, name, versions, freshness, tables)


def _behind(
    scan: Relation,
    name: TableName,
    versions: Mapping[TableName, str],
    freshness: Freshness | None,
    tables: Mapping[TableName, Table],
) -> Iterator[str]:
    if freshness is None or freshness.versions.get(name) != versions[name]:
        yield f"nothing is known of what happened to {name} since the view was made"
        return
    for change in freshness.changes:
        if change.table != name:
            continue
        if change.unknown is not None:
            yield f"what happened to {name} is not known: {change.unknown}"
        for region in change.regions:
            if not _avoids(scan, name, region, tables):
                yield f"rows of {name} that changed may be read from the view"


def _avoids(scan: Relation, name: TableName, region: Region, tables: Mapping[TableName, Table]) -> bool:
    """Tell whether no row of a scan comes from a row of a table in a region."""
    if not isinstance(scan, Rel):
        return False
    if any(isinstance(occ.source, Rel) or not isinstance(occ.source, TableName | tuple) for occ in scan.occs):
        return False
    found = [occ for occ in scan.occs if occ.source == name]
    return bool(found) and all(
        occ.join == "inner" and disjoint(scan.conds, region_of(region, occ, tables[name])) for occ in found
    )


def region_of(region: Region, occ: Occ, table: Table) -> frozenset[Term]:
    """Return the conditions that a row of an occurrence lies in a region. Raises Unclear."""
    return frozenset(part for bound in region.bounds for part in conjuncts(_bound(bound, occ, table)))


def _bound(bound: Bound, occ: Occ, table: Table) -> Term:
    known = table.by_name.get(bound.column)
    if known is None:
        raise Unclear(f"a region of a column that {table.name} has not")
    column: Term = ("col", occ.id, known.name, known.type, known.name in occ.strict)
    parts = []
    for text, low in ((bound.low, True), (bound.high, False)):
        if text is not None:
            value = term(parse_expression(text), Sight(()))
            parts.append(compare("<=", *((value, column) if low else (column, value))))
    if known.type.base in ("double", "real"):
        return TRUE  # NaN lies between no bounds, and may have changed all the same
    within = conjunction(parts) if parts else negation(is_null(column))
    return disjunction([within, is_null(column)]) if bound.nulls else within


def moment_of(literal: str) -> int | None:
    """Return the moment that a literal names, in microseconds since 1970; None for other values."""
    try:
        value = term(parse_expression(literal), Sight(()))
    except (Unclear, Refusal):
        return None
    moment = value[0] == "const" and value[1].base in ("date", "timestamp", "timestamp with time zone")
    return int(value[2] // 1) if moment and value[2] is not None else None


def encloses(region: Region, row: Mapping[str, object]) -> bool:
    """Tell whether a row lies in a region; its values are texts, and numbers and moments as fractions."""
    return all(_within(bound, row.get(bound.column)) for bound in region.bounds)


def _within(bound: Bound, value: object) -> bool:
    if value is None:
        return bound.nulls
    low, high = (_value(text) for text in (bound.low, bound.high))
    if isinstance(value, str):
        return (low is None or str(low) <= value) and (high is None or value <= str(high))
    number = value if isinstance(value, Fraction) else None
    if number is None:
        return True  # NaN and infinities: who knows
    return (low is None or _fraction(low) <= number) and (high is None or number <= _fraction(high))


def _value(text: str | None) -> object:
    return None if text is None else term(parse_expression(text), Sight(()))[2]


def _fraction(value: object) -> Fraction:
    if not isinstance(value, Fraction):
        raise Unclear("a bound of another type than its column")
    return value
