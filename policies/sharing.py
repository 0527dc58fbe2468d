"""Intersect what a registered partner is entitled to, and what his token carries, with what policies say of a table.

An entitlement stands in the place of a grant: no grant adds to it, and every denial, filter, mask and term holds on
top. It also is a row filter statement that names him, so that his rows are those of all such statements together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from catalog.dialect.parse import parse_expression
from catalog.objects import Table, TableName
from policies.clock import Moment
from policies.decisions import Action, Subject
from policies.entitlements import PartnerAccess, Share
from policies.expressions import PolicyExpression, read_expression
from policies.faults import Origin, Unfit
from policies.grants import Standing
from policies.row_filters import FilterRule

_READS = frozenset({Action.SELECT, Action.EXPLAIN})
"""What `read_only` lets a partner do to a table."""


@dataclass(frozen=True, slots=True)
class Given:
    """One thing that says what a partner sees of a table: an entitlement or a token's claim."""

    id: str
    share: Share


def given(access: PartnerAccess, subject: Subject, table: TableName, moment: Moment) -> tuple[Given, ...]:
    """Return all that must hold together for a partner on a table; nothing where he has no access to it."""
    entitled = access.live(subject.user, table, moment)
    found = tuple(Given(f"entitlement {each.id}", each.share) for each in entitled)
    if not found or subject.scope is None:
        return found
    carried, standing = subject.scope.of(table), {each.id for each in entitled}
    # What was revoked and granted anew is another thing: the tokens of before do not come back to life.
    if not carried or any(share.entitlement not in {None, *standing} for share in carried):
        return ()
    return (*found, *(Given(f"token {subject.scope.token}", share) for share in carried))


def sees_something(access: PartnerAccess, subject: Subject, above: tuple[str, ...], moment: Moment) -> bool:
    """Tell whether a partner has access to anything in a catalog or schema."""
    tables = access.entitlements.get(subject.user, {})
    return any(tuple(table)[: len(above)] == above and bool(given(access, subject, table, moment)) for table in tables)


def narrowed(found: Standing, shares: Sequence[Given]) -> Standing:
    """Return what grants leave a partner: reading what he was given, without what they deny.

    Grants that name columns limit him to these; those of whole tables add nothing.
    """
    limits = [each.share.allowed_columns for each in shares if each.share.allowed_columns is not None]
    if Action.SELECT in found.allowed and found.columns is not None:
        limits.append(found.columns)
    return replace(
        found,
        allowed=_READS if shares else frozenset(),
        columns=frozenset.intersection(*limits) if limits else None,
        denied_columns=found.denied_columns.union(*(each.share.denied_columns for each in shares)),
        rules=(*found.rules, *(each.id for each in shares)),
    )


def share_filters(shares: Sequence[Given], table: Table) -> tuple[FilterRule, ...]:
    """Return the row filter statements that entitlements and claims stand for.

    Raises Unfit where one cannot be read, or denies a column that the table does not have: it may have been renamed.
    """
    for each in shares:
        for name in sorted(each.share.denied_columns - set(table.by_name)):
            raise Unfit(f"the {each.id} denies a column `{name}` that {table.name} does not have")
    return tuple(
        FilterRule(
            f"{each.id} rows {number}",
            read_condition(each.share.row_filter) if each.share.row_filter is not None else None,
            None,
            Origin(each.id, "row_filter", 0),
        )
        for number, each in enumerate(shares)
    )


@lru_cache(maxsize=65_536)
def read_condition(sql: str) -> PolicyExpression:
    """Parse and check the row filter of an entitlement or claim, without its table. Raises Unfit."""
    found = read_expression(sql, parse_expression)
    if found.personal:
        raise Unfit("currentUser() and attr() cannot stand in what is granted to one partner", "Write the value.")
    return found
