"""A view in the words of a query: what each of its columns stands for, over the query's own occurrences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.materialized_views import MaterializedView
from catalog.objects import Column
from rewrite_rules.substitution.blocks import Block
from rewrite_rules.substitution.bucket_keys import Bucket, bucket_of
from rewrite_rules.substitution.calls import Call, is_aggregate, take_apart
from rewrite_rules.substitution.embeddings import Embedding
from rewrite_rules.substitution.express import Shown
from rewrite_rules.substitution.group_rows import Kept
from rewrite_rules.substitution.keys import Key, key
from rewrite_rules.substitution.making import cast, column, type_of
from rewrite_rules.substitution.misses import Lack, Unmatched
from rewrite_rules.substitution.prepare import Kept as PreparedState
from rewrite_rules.substitution.prepare import Prepared
from rewrite_rules.substitution.scans import VIEW
from rewrite_rules.substitution.spelling import copied

_ZONED = "timestamp with time zone"
_SAME_ZONE = frozenset({"date_trunc", "min", "max"})


@dataclass(frozen=True, slots=True)
class Viewed:
    """One view over the occurrences of a query."""

    prepared: Prepared
    keys: tuple[exp.Expr, ...] | None
    """What its rows are groups by; None where they are single rows."""
    shown: tuple[Shown, ...]
    """Columns that show what is the same in all base rows of a row of the view."""
    aggregates: tuple[tuple[Call, exp.Expr], ...]
    """Columns that keep aggregates of groups."""
    others: tuple[Shown, ...]
    """Columns that show what is computed from aggregates."""
    states: tuple[Kept, ...]
    buckets: tuple[Bucket, ...]
    """Columns that show in which stretch of time a moment of the base lies, whenever that is."""
    names: tuple[Key, ...] = ()
    """The keys of `keys`."""
    having: tuple[exp.Expr, ...] = ()
    """What is true of each of its groups; groups of which it is not are left out."""

    @property
    def view(self) -> MaterializedView:
        """Return the view itself."""
        return self.prepared.view


def viewed(prepared: Prepared, embedding: Embedding) -> Viewed:
    """Read a view over the query's occurrences; columns of joins that were dropped are left out.

    Where both call their occurrences the same, that is read once.
    """
    if not embedding.alike:
        return _viewed(prepared, embedding)
    known = prepared.read.get("viewed")
    if not isinstance(known, Viewed):
        known = prepared.read["viewed"] = _viewed(prepared, embedding)
    return known


def _viewed(prepared: Prepared, embedding: Embedding) -> Viewed:
    block, table = prepared.block, prepared.view.table
    shown: list[Shown] = []
    others: list[Shown] = []
    aggregates: list[tuple[Call, exp.Expr]] = []
    for each in prepared.shown:
        value = embedding.over_query(each.output.value)
        written = _written(table.by_name[each.column], value) if value is not None else None
        if value is None or written is None:
            continue
        found = take_apart(value) if is_aggregate(value) else None
        if found is not None:
            aggregates.append((found, written))
        elif block.keys is not None and any(map(is_aggregate, value.walk())):
            others.append(Shown(value, written))
        else:
            shown.append(Shown(value, written, key(value)))
    keys = _over_query(_groups(block), embedding)
    return Viewed(
        prepared,
        keys,
        tuple(shown),
        tuple(aggregates),
        tuple(others),
        tuple(_kept(each, table.by_name[each.column], embedding) for each in prepared.kept),
        tuple(_buckets(shown)),
        tuple(map(key, keys or ())),
        tuple(embedding.over_query(each) or _foreign(each) for each in block.having),
    )


def _buckets(shown: Sequence[Shown]) -> Iterator[Bucket]:
    for each in shown:
        found = bucket_of(each.value, each.column) if not isinstance(each.value, exp.Column) else None
        if found is not None:
            yield found


def _groups(block: Block) -> tuple[exp.Expr, ...] | None:
    """Return what a view's rows are groups by; None where they are single rows. Raises Unmatched."""
    if not block.distinct:
        return block.keys
    outputs = tuple(output.value for output in block.outputs)
    if block.keys is not None and not {key(each) for each in block.keys} <= {key(each) for each in outputs}:
        raise Unmatched(Lack(1, "shape", "the view's DISTINCT leaves out groups that look alike"))
    return outputs if block.keys is None else block.keys


def _over_query(keys: Sequence[exp.Expr] | None, embedding: Embedding) -> tuple[exp.Expr, ...] | None:
    """Write keys over the query's occurrences; those of dropped joins get names that equal nothing."""
    if keys is None:
        return None
    return tuple(embedding.over_query(each) or _foreign(each) for each in keys)


def _foreign(key: exp.Expr) -> exp.Expr:
    twin = copied(key)
    for node in [twin] if isinstance(twin, exp.Column) else list(twin.find_all(exp.Column)):
        node.set("table", exp.Identifier(this=f"view {node.table}", quoted=True))
    return twin


def _kept(kept: PreparedState, described: Column, embedding: Embedding) -> Kept:
    found = [embedding.over_query(each) for each in kept.arguments]
    arguments = tuple(each for each in found if each is not None)
    return Kept(kept.state, arguments if len(arguments) == len(found) else (), _column(described))


def _column(described: Column) -> exp.Column:
    return column(VIEW, described.name, described.type)


def _written(described: Column, value: exp.Expr) -> exp.Expr | None:
    """Return how a value is read from the view's column; None where the column does not keep all of it."""
    kind = type_of(value)
    if kind is None or (kind.base == _ZONED and not _keeps_zone(value)):
        return None
    if kind == described.type:
        return _column(described)
    return cast(_column(described), kind) if kind.base == described.type.base else None


def _keeps_zone(value: exp.Expr) -> bool:
    """Tell whether a moment still has the zone of the base column: a view keeps the instant alone."""
    value = value.unnest()
    if isinstance(value, exp.Anonymous) and value.name.lower() in _SAME_ZONE and value.expressions:
        return _keeps_zone(value.expressions[-1])
    return isinstance(value, exp.Column)
