"""Compile what rules say about tables: tags, filters, masks, licences, groups; faults are noted with their places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import TableName
from policies.decisions import Guard
from policies.document import Defaults
from policies.faults import Origin, Unfit
from policies.index import GroupRule
from policies.licences import LicenceRule, Licences
from policies.mask_choice import ColumnRule, MasksByColumn, RowCondition
from policies.mask_entries import ColumnMask, Transformation
from policies.mask_specs import MaskSpec, SqlMask
from policies.platform_form import full_name, plain_spec
from policies.row_filters import FilterRule
from policies.rules import Asset, asset_of, keys_of
from policies.sources import Compiling, Source, each
from policies.tags import TableTags, Tag, join_tags
from policies.whom import bounds_of, check_table

PARTNER = "partner"
"""The role that `no_partner` means where no file says otherwise."""
_GUARDS: Mapping[bool | str, Guard] = {True: "always", False: "never", "auto": "auto"}
_ByColumn = dict[str, dict[str, tuple[ColumnRule, ...]]]


def compile_tags(sources: Sequence[Source], work: Compiling) -> dict[TableName, TableTags]:
    """Join the tags of all documents by table."""
    entries = []
    for _, origin, entry in each(sources, "tags", lambda d: d.tags):
        try:
            columns: dict[str, tuple[Tag, ...]] = {}
            for name, tags in entry.columns.items():
                columns[fold_trino(name)] = (*columns.get(fold_trino(name), ()), *tags)
            entries.append((TableName(*asset_of(entry.table)), entry.tags, columns))
        except Refusal as refusal:
            work.fault(origin, refusal.text)
    return join_tags(entries)


def compile_filters(sources: Sequence[Source], work: Compiling) -> dict[TableName, dict[str, tuple[FilterRule, ...]]]:
    """Note each row filter under every principal that it names."""
    filters: dict[TableName, dict[str, tuple[FilterRule, ...]]] = defaultdict(dict)
    for _, origin, entry in each(sources, "row_filters", lambda d: d.row_filters):
        work.known(entry, origin)
        table = TableName(*asset_of(entry.table))
        identifier = work.identify(entry.id, origin, entry.table)
        expression = None
        if entry.filter.strip().lower() != "none":
            expression = work.expression(entry.filter, origin)
        rule = FilterRule(
            identifier, expression, entry.group, origin, bounds_of(entry, entry.when), _GUARDS[entry.guard]
        )
        for principal in keys_of(entry.roles, entry.users, entry.groups):
            filters[table][principal] = (*filters[table].get(principal, ()), rule)
    return dict(filters)


def compile_masks(sources: Sequence[Source], work: Compiling) -> tuple[dict[TableName, MasksByColumn], MasksByColumn]:
    """Note each column mask under every principal that it names: those for columns, and those for tags."""
    masks: dict[TableName, _ByColumn] = defaultdict(lambda: defaultdict(dict))
    tagged: _ByColumn = defaultdict(dict)
    for source in sources:
        document = source.document
        here = {t.name: t for t in document.transformations}
        for number, entry in enumerate(document.column_masks):
            _mask(entry, source.origin("column_masks", number), here, document.defaults, masks, tagged, work)
        part = document.clickhouse
        there = here | {t.name: t for t in part.transformations}
        defaults = Defaults(catalog=part.catalog, schema=document.defaults.schema_)
        for number, entry in enumerate(part.column_masks):
            _mask(entry, source.origin("clickhouse", "column_masks", number), there, defaults, masks, tagged, work)
    return {table: {c: dict(rules) for c, rules in by_column.items()} for table, by_column in masks.items()}, {
        tag: dict(rules) for tag, rules in tagged.items()
    }


def _mask(
    entry: ColumnMask,
    origin: Origin,
    transformations: Mapping[str, Transformation],
    defaults: Defaults,
    masks: dict[TableName, _ByColumn],
    tagged: _ByColumn,
    work: Compiling,
) -> None:
    """Note one mask; of one principal, two that are sure to meet and differ are a fault."""
    work.known(entry, origin)
    work.known_roles(entry.apply_to_roles, origin)
    try:
        spec = plain_spec(entry, transformations)
        column = fold_trino(entry.column or "")
        written = "" if entry.tag is not None else full_name(entry.table or "", defaults)
        table = TableName(*asset_of(check_table(written))) if written else None
    except (Unfit, ValueError, Refusal) as error:
        work.fault(origin, str(error), getattr(error, "hint", ""))
        return
    what = f"{written}.{column}" if written else f"the tag {entry.tag}"
    rule = _mask_rule(entry, work.identify(entry.id, origin, what), column, spec, origin, work)
    place = tagged[entry.tag or ""] if table is None else masks[table][column]
    for principal in keys_of(entry.roles or entry.apply_to_roles, entry.users, entry.groups):
        before = place.get(principal, ())
        if any(_surely_meet(rule, other) for other in before):
            work.fault(origin, f"{principal} has two masks on {what}", "One column has one mask.")
        place[principal] = (*before, rule)


def _mask_rule(
    entry: ColumnMask, identifier: str, column: str, spec: MaskSpec | None, origin: Origin, work: Compiling
) -> ColumnRule:
    expression = work.expression(spec.expression, origin) if isinstance(spec, SqlMask) else None
    written = entry.when if isinstance(entry.when, str) else entry.unless
    found = work.expression(written, origin) if written is not None else None
    condition = RowCondition(found, entry.unless is not None) if found is not None else None
    bounds = bounds_of(entry, entry.conditions)
    return ColumnRule(identifier, column, spec, expression, origin, bounds, condition, entry.tag or "")


def _surely_meet(one: ColumnRule, other: ColumnRule) -> bool:
    """Tell whether there is a time when every caller that one is for has the other as well."""
    return one.bounds.when == other.bounds.when and one.bounds.may_meet(other.bounds)


def compile_licences(sources: Sequence[Source], work: Compiling) -> Licences:
    """Index licence terms by asset and tag, with who is a partner and where engines run."""
    by_asset: dict[Asset, tuple[LicenceRule, ...]] = {}
    by_tag: dict[Tag, tuple[LicenceRule, ...]] = {}
    partners = _partners(sources, work)
    for _, origin, entry in each(sources, "licences", lambda d: d.licences):
        rule = LicenceRule(work.identify(entry.id, origin, entry.table or entry.tag or ""), entry, origin)
        if entry.no_partner and not partners:
            work.fault(origin, "nobody is known as a partner", f"Write `partners: {{...}}` or a role `{PARTNER}`.")
        if entry.tag is not None:
            by_tag[entry.tag] = (*by_tag.get(entry.tag, ()), rule)
        else:
            asset = asset_of(entry.table or "")
            by_asset[asset] = (*by_asset.get(asset, ()), rule)
    return Licences(by_asset, by_tag, partners, _engine_regions(sources, work))


def _partners(sources: Sequence[Source], work: Compiling) -> frozenset[str]:
    found: set[str] = set()
    for source in sources:
        whom = source.document.partners
        if whom is not None:
            work.known(whom, source.origin("partners"))
            found.update(keys_of(whom.roles, whom.users, whom.groups))
    return frozenset(found or (keys_of((PARTNER,), ()) if PARTNER in work.roles.closure else ()))


def _engine_regions(sources: Sequence[Source], work: Compiling) -> dict[str, str]:
    regions: dict[str, str] = {}
    for source in sources:
        for engine, region in source.document.engine_regions.items():
            if regions.setdefault(engine, region) != region:
                work.fault(source.origin("engine_regions", engine), f"the engine `{engine}` is in two regions")
    return regions


def compile_groups(sources: Sequence[Source], work: Compiling) -> dict[TableName, dict[str, tuple[GroupRule, ...]]]:
    """Note each least size of groups under every principal that it names."""
    groups: dict[TableName, dict[str, tuple[GroupRule, ...]]] = defaultdict(dict)
    for _, origin, entry in each(sources, "aggregate_only", lambda d: d.aggregate_only):
        work.known(entry, origin)
        table = TableName(*asset_of(entry.table))
        rule = (work.identify(entry.id, origin, entry.table), entry.min_group_size)
        for principal in keys_of(entry.roles, entry.users, entry.groups):
            groups[table][principal] = (*groups[table].get(principal, ()), rule)
    return dict(groups)
