"""The frame of one attempt: a query's block, a view in its words, and all that is known of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from sqlglot import exp

from catalog.materialized_views import Change, Grade, Integrity
from catalog.objects import TableName
from rewrite_rules.substitution.bases import shown_by
from rewrite_rules.substitution.blocks import Block, Condition, Occurrence
from rewrite_rules.substitution.bucket_keys import bucket_of, during
from rewrite_rules.substitution.buckets import Bucket, on_bucket
from rewrite_rules.substitution.certificate import ViewUse
from rewrite_rules.substitution.embeddings import Embedding
from rewrite_rules.substitution.express import Bucketed, Reader, Shown
from rewrite_rules.substitution.group_rows import GroupRows
from rewrite_rules.substitution.implication import Premises, assume, present
from rewrite_rules.substitution.making import every_one
from rewrite_rules.substitution.model import Ground, Scan, Terms
from rewrite_rules.substitution.nested import Nested
from rewrite_rules.substitution.nullability import knows_not_null
from rewrite_rules.substitution.sameness import Sameness, same_by, same_under
from rewrite_rules.substitution.viewing import Viewed


@dataclass(frozen=True, slots=True)
class Asked:
    """One block of a query, on which terms it is to be answered, and what is known of its rows."""

    block: Block
    ground: Ground
    terms: Terms
    scan: TableName
    """What a scan for it is called."""
    not_null: Callable[[exp.Expr], bool]
    premises: Premises
    """The block's conditions, read once."""

    @property
    def conditions(self) -> tuple[exp.Expr, ...]:
        """Return what all rows of the block meet."""
        return tuple(each.value for each in self.block.conditions)

    def is_there(self, value: exp.Expr) -> bool:
        """Tell whether a value is never NULL in rows that meet the block's conditions."""
        return self.not_null(value) or present(self.premises, value)


def asked(block: Block, ground: Ground, terms: Terms, scan: TableName) -> Asked:
    """Read a block's conditions."""
    not_null = knows_not_null(block, ground)
    conditions = [each.value for each in block.conditions]
    premises = assume(conditions, not_null=not_null, zone=terms.time_zone)
    return Asked(block, ground, terms, scan, not_null, premises)


@dataclass(frozen=True, slots=True)
class Answer:
    """One block answered from a view."""

    select: exp.Select
    """It stands in the block's place."""
    scan: Scan
    view: TableName
    use: Callable[[], ViewUse]
    """Write down how the view is used, for the certificate."""
    grades: tuple[Grade, ...]
    """Of each output."""
    grade: Grade
    """Of the rows that there are, which conditions on groups and LIMIT choose."""
    versions: Mapping[TableName, str]
    rest: bool
    """Base tables are read too."""
    bytes: int | None
    rows: int | None
    integrity: Integrity = "enforced"
    """What it relies on."""


@dataclass(slots=True)
class Frame:
    """One attempt. Conditions are expressed with what holds for all rows of the view, values with all that is asked."""

    asked: Asked
    viewed: Viewed
    embedding: Embedding
    changes: tuple[Change, ...] = ()
    """Of base tables, that the view has not seen."""
    of_view: Premises = field(init=False)
    """What all rows of the view meet."""
    conditions: Reader = field(init=False)
    """Writes conditions over the view's columns."""
    values: Reader = field(init=False)
    """Writes values over the view's columns, for rows that meet the query's conditions."""
    some: tuple[exp.Expr, ...] = field(init=False, default=())
    """Conditions of the query that not all rows of a group meet: the view keeps measures of those that do."""
    buckets: list[Bucket] = field(init=False)
    """The view's columns that show in which stretch of time a moment of the base lies."""

    def __post_init__(self) -> None:
        """Read what is known once."""
        asked, zone = self.asked, self.asked.terms.time_zone
        of_rows = self.embedding.required
        self.buckets = self._during(self.viewed.buckets)
        self.of_view = assume(of_rows, not_null=asked.not_null, zone=zone)
        self.conditions = self.reader(self.viewed.shown, same_under(of_rows, zone))
        same = same_under((*of_rows, *asked.conditions), zone) if of_rows else same_by(asked.premises)
        self.values = self.reader(self.viewed.shown, same)

    @property
    def asked_of_rows(self) -> list[Condition]:
        """Return the query's conditions, without those of its joins that go."""
        gone = self.embedding.spared
        return [each for place, each in enumerate(self.asked.block.conditions) if place not in gone]

    @property
    def rest(self) -> tuple[Occurrence, ...]:
        """Return the relations that are joined to the view."""
        return (*self.embedding.remaining, *(each.occurrence for each in self.embedding.back))

    def reader(self, shown: Iterable[Shown], same: Sameness) -> Reader:
        """Return what writes values over columns that show the view's values, or others."""
        given = tuple(shown)
        return Reader(given, same, cache(partial(self._on_buckets, given)))

    def nesting(self, shown: Iterable[Shown], same: Sameness) -> Nested:
        """Return what writes subqueries, too: where base tables may be read."""
        plain = self.reader(shown, same)
        return Nested(plain.shown, plain.equal, plain.buckets)

    def _on_buckets(self, shown: tuple[Shown, ...]) -> list[Bucketed]:
        found = self.buckets
        if shown is not self.viewed.shown:
            made = (bucket_of(each.value, each.column) for each in shown if not isinstance(each.value, exp.Column))
            found = self._during(each for each in made if each is not None)
        return [partial(on_bucket, found=each, zone=self.zone) for each in found]

    def _during(self, buckets: Iterable[Bucket]) -> list[Bucket]:
        """Say for how long the clocks of each bucket's zone have to be watched."""
        bounds = {each.column: each for each in self.viewed.view.bounds}
        conditions = self.asked.conditions
        return [during(each, conditions, bounds.get(each.shown.name), self.zone) for each in buckets]

    @property
    def zone(self) -> str:
        """Return the session's time zone."""
        return self.asked.terms.time_zone

    def group_rows(self) -> GroupRows:
        """Return the view's rows read as groups of base rows."""
        reader = self.values if not self.some else self.reader(self.viewed.shown, self._of_all_rows())
        same, some = reader.equal, every_one(self.some)
        told = same.key(some) if some is not None else None
        counts = [
            (call.arguments[0], column)
            for call, column in self.viewed.aggregates
            if call.name == "count" and len(call.arguments) == 1 and not call.distinct
            if (same.key(call.condition) if call.condition is not None else None) == told
        ]
        measures = {call.key(same): column for call, column in self.viewed.aggregates}
        states = self.viewed.states if some is None else ()
        return GroupRows(reader, measures, counts, states, self.viewed.keys != (), self.asked.is_there, some)

    def _of_all_rows(self) -> Sameness:
        """Return what is the same in all rows of the groups, and not in some of them only."""
        told = [each for each in self.asked.conditions if all(each is not one for one in self.some)]
        return same_under((*self.embedding.required, *told), self.zone)

    def same(self, gaps: Sequence[exp.Expr]) -> Sameness:
        """Return what is the same in all rows; of those that the base adds only the query's conditions tell."""
        return same_by(self.asked.premises) if gaps else self.values.equal

    def beside(self) -> tuple[Shown, ...]:
        """Return what the relations beside the view show."""
        return tuple(shown for each in self.rest for shown in shown_by(each, self.asked.ground))
