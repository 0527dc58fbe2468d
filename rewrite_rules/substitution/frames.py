"""The frame of one attempt: a query's block, a view in its words, and all that is known of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.materialized_views import Grade
from catalog.objects import TableName
from rewrite_rules.substitution.bases import shown_by
from rewrite_rules.substitution.blocks import Block, Occurrence
from rewrite_rules.substitution.certificate import ViewUse
from rewrite_rules.substitution.express import Bucketed, Reader, Shown
from rewrite_rules.substitution.group_rows import GroupRows
from rewrite_rules.substitution.implication import Premises, assume, present
from rewrite_rules.substitution.model import Ground, Scan, Terms
from rewrite_rules.substitution.nullability import knows_not_null
from rewrite_rules.substitution.sameness import Sameness, same_under
from rewrite_rules.substitution.viewing import Viewed


@dataclass(frozen=True, slots=True)
class Asked:
    """One block of a query, and on which terms it is to be answered."""

    block: Block
    ground: Ground
    terms: Terms
    scan: TableName
    """What a scan for it is called."""

    @property
    def conditions(self) -> tuple[exp.Expr, ...]:
        """Return what all rows of the block meet."""
        return tuple(each.value for each in self.block.conditions)


@dataclass(frozen=True, slots=True)
class Answer:
    """One block answered from a view."""

    select: exp.Select
    """It stands in the block's place."""
    scan: Scan
    use: ViewUse
    grades: tuple[Grade, ...]
    """Of each output."""
    versions: Mapping[TableName, str]
    rest: bool
    """Base tables are read too."""
    bytes: int | None
    rows: int | None


@dataclass(slots=True)
class Frame:
    """One attempt. Conditions are expressed with what holds for all rows of the view, values with all that is asked."""

    asked: Asked
    viewed: Viewed
    rest: tuple[Occurrence, ...]
    pairs: tuple[exp.Expr, ...]
    """Equalities that the view's own joins give."""
    bucketed: Bucketed | None
    not_null: Callable[[exp.Expr], bool] = field(init=False)
    of_view: Premises = field(init=False)
    of_query: Premises = field(init=False)
    conditions: Reader = field(init=False)
    """Writes conditions over the view's columns."""
    values: Reader = field(init=False)
    """Writes values over the view's columns, for rows that meet the query's conditions."""

    def __post_init__(self) -> None:
        """Read what is known once."""
        asked, viewed = self.asked, self.viewed
        self.not_null = knows_not_null(asked.block, asked.ground)
        of_rows = (*viewed.conditions, *self.pairs)
        zone = asked.terms.time_zone
        self.of_view = assume(of_rows, not_null=self.not_null, zone=zone)
        self.of_query = assume((*asked.conditions, *self.pairs), not_null=self.not_null, zone=zone)
        self.conditions = self.reader(viewed.shown, same_under(of_rows, zone))
        self.values = self.reader(viewed.shown, same_under((*of_rows, *asked.conditions), zone))

    def reader(self, shown: Iterable[Shown], same: Sameness) -> Reader:
        """Return what writes values over columns that show the view's values, or others."""
        given = tuple(shown)
        buckets = [each for each in given if not isinstance(each.value, exp.Column) and each.value.find(exp.Column)]
        return Reader(given, same, self.bucketed, buckets)

    def group_rows(self, *, single: bool) -> GroupRows:
        """Return the view's rows read as groups of base rows."""
        same = self.values.equal
        counts = [
            (call.arguments[0], column)
            for call, column in self.viewed.aggregates
            if call.name == "count" and len(call.arguments) == 1 and not call.distinct and call.condition is None
        ]
        measures = {call.key(same): column for call, column in self.viewed.aggregates}
        return GroupRows(self.values, measures, counts, self.viewed.states, self.is_there, single)

    def is_there(self, value: exp.Expr) -> bool:
        """Tell whether a value is never NULL in rows that meet the query's conditions."""
        return self.not_null(value) or present(self.of_query, value)

    def beside(self) -> tuple[Shown, ...]:
        """Return what the relations beside the view show."""
        return tuple(shown for each in self.rest for shown in shown_by(each, self.asked.ground))
