"""Give an account of a decision: each rule's part in it, in words for those who keep the policies.

The decision itself is taken by `policies.index`; this asks the same functions again, a rule at a time, and decides
nothing. What it says quotes policies: it is never for users.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from catalog.dialect.generate import generate
from catalog.objects import Table
from policies.bounds import Asking, Force, attributes_of
from policies.columns import ColumnRules
from policies.decisions import Action, Subject
from policies.expressions import bind
from policies.faults import Fault, Unfit
from policies.first_sight import table_faults
from policies.grants import in_force
from policies.index import PolicySet
from policies.joining import MUST_BE_CLEAR, READS
from policies.licences import LicenceRule, embargo_column, embargoes, forbids
from policies.mask_choice import MaskOutcome
from policies.row_filters import FilterRule, assemble_filter, force_of
from policies.rules import EVERYBODY, Rule, user_key
from policies.sharing import Given, given, share_filters
from policies.tags import TableTags, covering

PartKind = Literal["grant", "entitlement", "deny", "licence", "row_filter", "aggregate_only", "column_mask", "withheld"]
Effect = Literal["allows", "restricts", "bars", "lacks"]
"""What a part does: it lets through, it narrows what is seen, it stands in the way, or it is what is missing."""


@dataclass(frozen=True, slots=True)
class Part:
    """One rule's part in a decision, or the gap where there is no rule."""

    kind: PartKind
    effect: Effect
    text: str
    rule: str = ""
    columns: tuple[str, ...] = ()
    """Empty where it is about the whole table."""
    sql: str = ""
    attributes: tuple[str, ...] = ()
    """The caller's attributes that it waits for."""


def account(policies: PolicySet, subject: Subject, action: Action, table: Table) -> tuple[Part, ...]:
    """Return every part in what policies decide of one action on one table."""
    if table.kind == "system" and table.name.schema in ("information_schema", "jdbc"):
        return ()
    parts: dict[Part, None] = {}
    for side in subject.sides:
        if side.user in policies.partners:
            side = replace(side, roles=side.roles | policies.roles_of(side.user))
        moment, principals = policies.clock.moment(), policies.roles.principals(side)
        asking = Asking(side, principals, attributes_of(side), moment)
        parts.update(dict.fromkeys(_parts(policies, asking, action, table)))
    return tuple(parts)


def _parts(policies: PolicySet, asking: Asking, action: Action, table: Table) -> Iterator[Part]:
    columns = ColumnRules(
        policies.masks,
        policies.tag_masks,
        policies.tags,
        policies.protections,
        policies.unclassified,
        policies.keys,
        policies.roles,
    )
    faults = _faults(policies, table)
    partner = asking.subject.user in policies.partners
    shares = given(policies.partners, asking.subject, table.name, asking.moment) if partner else ()
    yield from _of_grants(policies, asking, action, table, partner=partner)
    if partner:
        yield from _of_shares(shares, action, table)
    yield from _of_licences(policies, asking, action, table)
    yield from _of_filters(policies, asking, table, faults, shares, required=columns.protection(table) is not None)
    yield from _of_groups(policies, asking, table)
    outcomes = columns.outcomes(table, asking, faults, named=action in MUST_BE_CLEAR)
    yield from (part for name, found in outcomes.items() for part in _of_column(name, found))


def _faults(policies: PolicySet, table: Table) -> Mapping[str, Fault]:
    filters = {rule.id: rule for rules in policies.filters.get(table.name, {}).values() for rule in rules}
    by_column = policies.masks.get(table.name, {}).values()
    masks = {rule.id: rule for by_principal in by_column for rules in by_principal.values() for rule in rules}
    if not filters and not masks:
        return {}
    return table_faults(table, filters.values(), masks.values(), policies.keys, policies.type_of)


def _of_grants(policies: PolicySet, asking: Asking, action: Action, table: Table, *, partner: bool) -> Iterator[Part]:
    """Yield what grants say; to a partner they give nothing, his entitlements do."""
    allowed: set[str] = set()
    whole = False
    for rule, columns in _grants(policies, asking, table):
        of_columns = bool(columns) and Action.SELECT in rule.actions  # a denied column stands in the way of writes, too
        if action not in rule.actions and not (of_columns and (action in READS or rule.effect == "deny")):
            continue
        if rule.effect == "deny":
            doing = _doing(Action.SELECT if of_columns else action, columns)
            what = f"does not let {_whom(rule.principal)} {doing}"
            yield Part("deny", "bars", f"The rule {rule.id} {what}.", rule.id, columns)
            continue
        if partner and not columns:
            continue
        whole, allowed = whole or not columns, allowed | set(columns)
        text = f"The grant {rule.id} lets {_whom(rule.principal)} {_doing(action, columns)}."
        yield Part("grant", "allows", text, rule.id, columns)
    if not whole and not allowed:
        if not partner:
            yield Part("grant", "lacks", f"No grant lets the caller {_doing(action)}.")
    elif not whole and action in READS:
        left = tuple(column.name for column in table.columns if column.name not in allowed)
        if left:
            yield Part("grant", "lacks", f"No grant gives {', '.join(left)} to the caller.", columns=left)


def _of_shares(shares: tuple[Given, ...], action: Action, table: Table) -> Iterator[Part]:
    """Yield what a partner's entitlements and his token's claims say: all of them together hold."""
    if not shares or action not in (Action.SELECT, Action.EXPLAIN):
        yield Part("entitlement", "lacks", f"No entitlement in force lets the partner {_doing(action)}.")
        return
    for each in shares:
        share = each.share
        yield Part("entitlement", "allows", f"The {each.id} gives it to the partner.", each.id)
        left = tuple(
            c.name
            for c in table.columns
            if c.name in share.denied_columns
            or (share.allowed_columns is not None and c.name not in share.allowed_columns)
        )
        if left:
            yield Part("entitlement", "bars", f"The {each.id} leaves out {', '.join(left)}.", each.id, left)


def _grants(policies: PolicySet, asking: Asking, table: Table) -> Iterator[tuple[Rule, tuple[str, ...]]]:
    """Yield the rules in force for a caller on a table, each with the columns that it is limited to."""
    tags, name = policies.tags_of(table.name), tuple(table.name)
    for rule in policies.rules:
        if rule.principal not in asking.principals or name[: len(rule.asset)] != rule.asset:
            continue
        if not in_force(rule, asking):
            continue
        columns = tuple(sorted(rule.columns or ()))
        if rule.tag is not None and rule.tag not in covering(tags.table):
            columns = _tagged(rule.tag, tags)
            if not columns:
                continue
        yield rule, columns


def _tagged(tag: str, tags: TableTags) -> tuple[str, ...]:
    return tuple(sorted(column for column, carried in tags.columns.items() if tag in covering(carried)))


_DOING: Mapping[Action, str] = {
    Action.SELECT: "read it",
    Action.INSERT: "insert into it",
    Action.UPDATE: "update it",
    Action.DELETE: "delete from it",
    Action.CREATE_TABLE: "create it",
    Action.DROP_TABLE: "drop it",
    Action.CREATE_VIEW: "create it as a view",
    Action.DROP_VIEW: "drop it as a view",
    Action.SHOW_CREATE: "see how it was made",
    Action.SHOW_STATS: "see its statistics",
    Action.EXPLAIN: "explain statements over it",
    Action.MANAGE_POLICIES: "manage its policies",
    Action.REVEAL: "turn its tokens back",
}


def _doing(action: Action, columns: tuple[str, ...] = ()) -> str:
    """Say what somebody does to a table, or to columns of it."""
    text = _DOING.get(action, f"{action.value.replace('_', ' ')} it")
    return f"{text}: {', '.join(columns)}" if columns else text


def _whom(principal: str) -> str:
    kind, _, name = principal.partition(":")
    return "everybody" if principal == EVERYBODY else f"the {kind} {name}"


def _of_licences(policies: PolicySet, asking: Asking, action: Action, table: Table) -> Iterator[Part]:
    for rule in policies.licences.of(tuple(table.name), policies.tags_of(table.name)):
        barred = forbids(policies.licences, (rule,), asking, action, table.engine)
        if barred:
            yield Part("licence", "bars", f"{barred[0].upper()}{barred[1:]}.", rule.id)
            continue
        yield from _of_terms(rule, asking, table)


def _of_terms(rule: LicenceRule, asking: Asking, table: Table) -> Iterator[Part]:
    if rule.terms.no_export or rule.terms.display_only is not None:
        text = f"The licence {rule.id} keeps the data from being copied or handed out in files."
        yield Part("licence", "restricts", text, rule.id)
    if rule.terms.embargo is not None:
        try:
            name = embargo_column(rule, table)
            (condition, *_), _ = embargoes((rule,), table, asking)
        except Unfit as unfit:
            yield Part("licence", "bars", f"{unfit.message}.", rule.id)
            return
        text = f"The licence {rule.id} shows a row only once its {name} lies {rule.terms.embargo.delay} back."
        yield Part("licence", "restricts", text, rule.id, sql=generate(condition))


def _of_filters(
    policies: PolicySet,
    asking: Asking,
    table: Table,
    faults: Mapping[str, Fault],
    shares: tuple[Given, ...],
    *,
    required: bool,
) -> Iterator[Part]:
    by_principal = policies.filters.get(table.name, {})
    try:
        if shares:
            own, key = share_filters(shares, table), user_key(asking.subject.user)
            faults = {**faults, **table_faults(table, own, (), policies.keys, policies.type_of)}
            by_principal = {**by_principal, key: (*by_principal.get(key, ()), *own)}
        assemble_filter(by_principal, asking, faults, required=required)
    except Unfit as unfit:
        yield from _not_shown(by_principal, asking, unfit)
        return
    named = [(rule, p) for p in sorted(asking.principals) for rule in by_principal.get(p, ())]
    for rule, principal in named:
        if force_of(rule, asking) is not Force.HOLDS:
            continue
        if rule.expression is None:
            text = f"The filter statement {rule.id} shows all rows to {_whom(principal)}."
            yield Part("row_filter", "allows", text, rule.id)
            continue
        condition = generate(bind(rule.expression, asking.subject))
        among = f", or another of the group {rule.group}," if rule.group else ""
        text = f"The row filter {rule.id} shows {_whom(principal)} only rows for which this{among} holds."
        yield Part("row_filter", "restricts", text, rule.id, sql=condition)


def _not_shown(by_principal: Mapping[str, tuple[FilterRule, ...]], asking: Asking, unfit: Unfit) -> Iterator[Part]:
    """Say why the filters let the caller see no row: nothing names him, an attribute is missing, or another doubt."""
    named = {rule.id: rule for p in asking.principals for rule in by_principal.get(p, ())}
    holding = [rule for rule in named.values() if force_of(rule, asking) is not Force.ABSENT]
    if not holding:
        yield Part("row_filter", "lacks", "No row filter statement names the caller, and the table has or needs some.")
        return
    for rule in holding:
        needed = {name for name, _ in rule.bounds.when} | (rule.expression.attributes if rule.expression else set())
        lacking = tuple(sorted(needed - set(asking.attributes)))
        if lacking:
            text = f"The row filter {rule.id} needs the caller's {', '.join(lacking)}, which nobody gave him."
            yield Part("row_filter", "bars", text, rule.id, attributes=lacking)
            return
    culprit = next((rule.id for rule in holding if rule.id in unfit.message), holding[0].id)
    yield Part("row_filter", "bars", f"{unfit.message[0].upper()}{unfit.message[1:]}.", culprit)


def _of_groups(policies: PolicySet, asking: Asking, table: Table) -> Iterator[Part]:
    by_principal = policies.groups.get(table.name, {})
    for rule, size in sorted({found for p in asking.principals for found in by_principal.get(p, ())}):
        text = f"The rule {rule} gives aggregates over at least {size} rows, and never a row."
        yield Part("aggregate_only", "restricts", text, rule)


def _of_column(name: str, outcome: MaskOutcome) -> Iterator[Part]:
    if outcome.withheld:
        yield Part("withheld", "lacks", f"{name} is withheld: {outcome.withheld}.", outcome.rule, (name,))
    elif outcome.mask is not None:
        by = f"the mask {outcome.rule}" if outcome.rule else "NULL, as nobody classified it"
        text = f"{name} is shown through {by}."
        yield Part("column_mask", "restricts", text, outcome.rule, (name,), secretless(generate(outcome.mask)))
    elif outcome.rule:
        yield Part(
            "column_mask", "allows", f"The mask statement {outcome.rule} shows {name} as it is.", outcome.rule, (name,)
        )


_KEY = re.compile(r"(from_hex\()'[0-9a-f]{32,}'", re.IGNORECASE)


def secretless(sql: str) -> str:
    """Return governed SQL without the keys of its masks, as `policies.masks.keyed` writes them."""
    return _KEY.sub(r"\1'<key>'", sql)
