"""Ways to bend a certificate: each yields certificates that claim something else than the one given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression, parse_query
from catalog.errors import Refusal
from catalog.materialized_views import Bound, Change, Facts, Freshness, Region
from rewrite_rules.certificates import Dossier
from rewrite_rules.substitution.certificate import ViewUse
from tests.certificates.ground import base

Bend = Callable[[exp.Expr], Iterator[exp.Expr]]
"""Yields copies of a query's tree, each bent in one place."""


def _places(tree: exp.Expr, *kinds: type[exp.Expr]) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    """Yield copies of a tree, with one node in each that is to be bent."""
    for position, node in enumerate(tree.find_all(*kinds)):
        twin = tree.copy()
        yield twin, list(twin.find_all(*kinds))[position]
        del node


def _replaced(*kinds: type[exp.Expr]) -> Callable[[Callable[[exp.Expr], exp.Expr | None]], Bend]:
    def made(change: Callable[[exp.Expr], exp.Expr | None]) -> Bend:
        def bend(tree: exp.Expr) -> Iterator[exp.Expr]:
            for twin, node in _places(tree, *kinds):
                new = change(node)
                if new is not None and node.parent is not None:
                    node.replace(new)
                    yield twin

        return bend

    return made


def _removed(argument: str) -> Bend:
    def bend(tree: exp.Expr) -> Iterator[exp.Expr]:
        for twin, node in _places(tree, exp.Select):
            if node.args.get(argument):
                node.set(argument, None)
                yield twin

    return bend


def _flag_turned(kind: type[exp.Expr], flag: str) -> Bend:
    def bend(tree: exp.Expr) -> Iterator[exp.Expr]:
        for twin, node in _places(tree, kind):
            node.set(flag, not node.args.get(flag))
            yield twin

    return bend


def _first_left_out(kind: type[exp.Expr]) -> Bend:
    def bend(tree: exp.Expr) -> Iterator[exp.Expr]:
        for twin, node in _places(tree, kind):
            if len(node.expressions) > 1:
                node.set("expressions", node.expressions[1:])
                yield twin

    return bend


def _call(names: Mapping[str, str]) -> Bend:
    @_replaced(exp.Anonymous)
    def bend(node: exp.Expr) -> exp.Expr | None:
        name = names.get(node.name.lower())
        return None if name is None else exp.Anonymous(this=name, expressions=[e.copy() for e in node.expressions])

    return bend


def _turned(old: type[exp.Expr], new: type[exp.Expr]) -> Bend:
    @_replaced(old)
    def bend(node: exp.Expr) -> exp.Expr | None:
        return new(this=node.this.copy(), expression=node.expression.copy()) if type(node) is old else None

    return bend


@_replaced(exp.And)
def _one_side(node: exp.Expr) -> exp.Expr | None:
    return node.this.copy()


@_replaced(exp.And)
def _other_side(node: exp.Expr) -> exp.Expr | None:
    return node.expression.copy()


@_replaced(exp.Literal)
def _larger(node: exp.Expr) -> exp.Expr | None:
    text = str(node.this)
    whole = not node.is_string and text.isdigit() and not isinstance(node.parent, exp.DataTypeParam | exp.Interval)
    return exp.Literal.number(str(int(text) + 1)) if whole else None


@_replaced(exp.Literal)
def _other_text(node: exp.Expr) -> exp.Expr | None:
    text = str(node.this)
    return exp.Literal.string(text.swapcase()) if node.is_string and text.isalpha() and len(text) == 1 else None


@_replaced(exp.Literal)
def _longer_text(node: exp.Expr) -> exp.Expr | None:
    compared = isinstance(node.parent, exp.EQ | exp.NEQ | exp.In | exp.Like | exp.NullSafeEQ)
    return exp.Literal.string(f"{node.this}x") if node.is_string and compared else None


def _another_column(tree: exp.Expr) -> Iterator[exp.Expr]:
    names = sorted(
        {(each.table, each.name) for each in tree.find_all(exp.Column) if not isinstance(each.this, exp.Star)}
    )
    for twin, node in _places(tree, exp.Column):
        others = [name for table, name in names if table == node.table and name > node.name]
        if others and not isinstance(node.this, exp.Star):
            node.set("this", exp.to_identifier(others[0], quoted=True))
            yield twin


@_replaced(exp.Literal)
def _an_hour_later(node: exp.Expr) -> exp.Expr | None:
    text = str(node.this)
    moment = node.is_string and len(text) > 13 and text[4:5] == "-" and text[13:14] == ":"
    return exp.Literal.string(f"{text[:11]}{(int(text[11:13]) + 1) % 24:02d}{text[13:]}") if moment else None


@_replaced(exp.Literal)
def _other_unit(node: exp.Expr) -> exp.Expr | None:
    units = {"hour": "day", "minute": "hour", "day": "month", "month": "day", "week": "day"}
    new = units.get(str(node.this)) if node.is_string else None
    return None if new is None else exp.Literal.string(new)


@_replaced(exp.Literal)
def _other_zone(node: exp.Expr) -> exp.Expr | None:
    zones = {"America/Los_Angeles": "America/New_York", "Asia/Kolkata": "Asia/Dhaka"}
    new = zones.get(str(node.this)) if node.is_string else None
    return None if new is None else exp.Literal.string(new)


@_replaced(exp.Filter)
def _unfiltered(node: exp.Expr) -> exp.Expr | None:
    return node.this.copy()


@_replaced(exp.Anonymous)
def _uncoalesced(node: exp.Expr) -> exp.Expr | None:
    return node.expressions[0].copy() if node.name.lower() == "coalesce" else None


@_replaced(exp.Distinct)
def _all_values(node: exp.Expr) -> exp.Expr | None:
    return node.expressions[0].copy() if isinstance(node.parent, exp.Anonymous) and node.expressions else None


@_replaced(exp.Not)
def _turned_round(node: exp.Expr) -> exp.Expr | None:
    return node.this.copy()


@_replaced(exp.Union)
def _one_part(node: exp.Expr) -> exp.Expr | None:
    return node.this.copy()


@_replaced(exp.Union)
def _part_twice(node: exp.Expr) -> exp.Expr | None:
    again = exp.Subquery(this=node.expression.copy())
    return exp.Union(this=node.copy(), expression=again, distinct=False)


def _swapped_outputs(tree: exp.Expr) -> Iterator[exp.Expr]:
    for twin, node in _places(tree, exp.Select):
        if len(node.expressions) > 1 and node.parent is None:
            first, second, *rest = node.expressions
            names = [first.alias_or_name, second.alias_or_name]
            values = [each.this if isinstance(each, exp.Alias) else each for each in (second, first)]
            swapped = [
                exp.Alias(this=value.copy(), alias=exp.to_identifier(name, quoted=True))
                for value, name in zip(values, names, strict=True)
            ]
            node.set("expressions", [*swapped, *rest])
            yield twin


def _renamed_output(tree: exp.Expr) -> Iterator[exp.Expr]:
    for twin, node in _places(tree, exp.Select):
        if node.parent is None:
            first, *rest = node.expressions
            value = first.this if isinstance(first, exp.Alias) else first
            node.set(
                "expressions", [exp.Alias(this=value.copy(), alias=exp.to_identifier("other", quoted=True)), *rest]
            )
            yield twin


def _distinct_rows(tree: exp.Expr) -> Iterator[exp.Expr]:
    for twin, node in _places(tree, exp.Select):
        if not node.args.get("distinct"):
            node.set("distinct", exp.Distinct())
            yield twin


def _outer_join(tree: exp.Expr) -> Iterator[exp.Expr]:
    for twin, node in _places(tree, exp.Join):
        if node.args.get("on"):
            node.set("side", None if node.args.get("side") else "LEFT")
            yield twin


def _more_condition(tree: exp.Expr) -> Iterator[exp.Expr]:
    for twin, node in _places(tree, exp.Select):
        columns = [each for each in node.find_all(exp.Column) if each.find_ancestor(exp.Select) is node]
        named = [each for each in columns if not isinstance(each.this, exp.Star) and each.name != "iso"]
        if named:
            condition: exp.Expr = exp.Not(this=exp.Is(this=named[0].copy(), expression=exp.Null()))
            where = node.args.get("where")
            whole = (
                condition if where is None else exp.And(this=exp.Paren(this=where.this.copy()), expression=condition)
            )
            node.set("where", exp.Where(this=whole))
            yield twin


@_replaced(exp.Case)
def _other_default(node: exp.Expr) -> exp.Expr | None:
    return exp.Case(ifs=[e.copy() for e in node.args["ifs"]], default=parse_expression("7"))


@_replaced(exp.Div)
def _undivided(node: exp.Expr) -> exp.Expr | None:
    return node.this.copy()


BENDS: Mapping[str, Bend] = {
    "drop one side of AND": _one_side,
    "drop the other side of AND": _other_side,
    "drop WHERE": _removed("where"),
    "drop HAVING": _removed("having"),
    "drop LIMIT": _removed("limit"),
    "drop ORDER BY": _removed("order"),
    "drop GROUP BY": _removed("group"),
    "one key less": _first_left_out(exp.Group),
    "number larger by one": _larger,
    "text in the other case": _other_text,
    "moment an hour later": _an_hour_later,
    "another unit of time": _other_unit,
    "another zone": _other_zone,
    "a longer text": _longer_text,
    "NOT LIKE for LIKE": _flag_turned(exp.Like, "negate"),
    "one member of IN less": _first_left_out(exp.In),
    "another column": _another_column,
    "= for <>": _turned(exp.NEQ, exp.EQ),
    "< for <=": _turned(exp.LTE, exp.LT),
    "<= for <": _turned(exp.LT, exp.LTE),
    "> for >=": _turned(exp.GTE, exp.GT),
    "< for >": _turned(exp.GT, exp.LT),
    "<> for =": _turned(exp.EQ, exp.NEQ),
    "OR for AND": _turned(exp.And, exp.Or),
    "AND for OR": _turned(exp.Or, exp.And),
    "max for sum": _call({"sum": "max"}),
    "count for sum": _call({"sum": "count"}),
    "sum for count": _call({"count": "sum"}),
    "min for max": _call({"max": "min", "min": "max"}),
    "no FILTER": _unfiltered,
    "no coalesce": _uncoalesced,
    "no DISTINCT inside": _all_values,
    "no NOT": _turned_round,
    "UNION for UNION ALL": _flag_turned(exp.Union, "distinct"),
    "a part of a union left out": _one_part,
    "a part of a union twice": _part_twice,
    "outputs swapped": _swapped_outputs,
    "output renamed": _renamed_output,
    "order turned round": _flag_turned(exp.Ordered, "desc"),
    "DISTINCT rows": _distinct_rows,
    "outer for inner join": _outer_join,
    "a condition more": _more_condition,
    "another ELSE": _other_default,
    "no division": _undivided,
}


def bent_texts(dossier: Dossier, bend: Bend) -> Iterator[Dossier]:
    """Yield dossiers with one text bent: the rewritten query, a scan, or a definition."""
    certificate = dossier.certificate
    for text in _bent(certificate.rewritten, bend):
        yield replace(dossier, certificate=replace(certificate, rewritten=text))
    for position, use in enumerate(certificate.uses):
        for text in _bent(use.scan, bend):
            yield _with_use(dossier, position, replace(use, scan=text))
        for text in _bent(use.definition.sql, bend):
            yield _with_use(dossier, position, replace(use, definition=replace(use.definition, sql=text)))


def _bent(sql: str, bend: Bend) -> Iterator[str]:
    for tree in bend(parse_query(sql)):
        try:
            text = generate(tree)
            parse_query(text)
        except Refusal:
            continue
        if text != generate(parse_query(sql)):
            yield text


def _with_use(dossier: Dossier, position: int, use: ViewUse) -> Dossier:
    uses = list(dossier.certificate.uses)
    uses[position] = use
    return replace(dossier, certificate=replace(dossier.certificate, uses=tuple(uses)))


# --- What a certificate claims besides its texts -------------------------------------------------------------------

Claim = Callable[[Dossier], Iterator[Dossier]]


def _each_use(change: Callable[[ViewUse], ViewUse]) -> Claim:
    def bend(dossier: Dossier) -> Iterator[Dossier]:
        for position, use in enumerate(dossier.certificate.uses):
            yield _with_use(dossier, position, change(use))

    return bend


def _other_version(dossier: Dossier) -> Iterator[Dossier]:
    versions = dict.fromkeys(dossier.certificate.versions, "8")
    yield replace(dossier, certificate=replace(dossier.certificate, versions=versions))


def _no_version(dossier: Dossier) -> Iterator[Dossier]:
    yield replace(dossier, certificate=replace(dossier.certificate, versions={}))


def _rows_lost(dossier: Dossier) -> Iterator[Dossier]:
    lost = {u.definition.name: Freshness(dossier.certificate.versions, lost="TTL") for u in dossier.certificate.uses}
    yield replace(dossier, freshness=lost)


def _moved(*regions: Region, unknown: str | None = None) -> Claim:
    """Have the base moved since the view was made, within regions that the certificate leaves to the view."""

    def bend(dossier: Dossier) -> Iterator[Dossier]:
        table = base("feed") if "feed" in dossier.certificate.query else base("prices")
        versions = {**dossier.certificate.versions, table: "8"}
        change = Change(table, regions, unknown=unknown)
        freshness = {use.definition.name: Freshness(versions, (change,)) for use in dossier.certificate.uses}
        facts = replace(dossier.facts, versions=versions)
        certificate = replace(dossier.certificate, versions=versions)
        yield replace(dossier, certificate=certificate, freshness=freshness, facts=facts)

    return bend


def _no_grades(dossier: Dossier) -> Iterator[Dossier]:
    yield replace(dossier, certificate=replace(dossier.certificate, grades=()))


def _better_whole(dossier: Dossier) -> Iterator[Dossier]:
    yield replace(dossier, certificate=replace(dossier.certificate, grade="exact"))


def _no_scan(dossier: Dossier) -> Iterator[Dossier]:
    yield replace(dossier, certificate=replace(dossier.certificate, uses=()))


def _no_tables(dossier: Dossier) -> Iterator[Dossier]:
    yield replace(dossier, tables={})


def _no_facts(dossier: Dossier) -> Iterator[Dossier]:
    yield replace(dossier, facts=Facts())


CLAIMS: Mapping[str, Claim] = {
    "filled under policies": _each_use(
        lambda use: replace(use, definition=replace(use.definition, built_under=("p",)))
    ),
    "another watermark": _each_use(lambda use: replace(use, watermark=dict.fromkeys(use.watermark, "6"))),
    "no watermark": _each_use(lambda use: replace(use, watermark={})),
    "another scan's name": _each_use(lambda use: replace(use, scan_name=use.scan_name._replace(table="other"))),
    "another view's table": _each_use(
        lambda use: replace(use, definition=replace(use.definition, name=use.definition.name._replace(table="other")))
    ),
    "other versions": _other_version,
    "no versions": _no_version,
    "rows lost": _rows_lost,
    "the base moved anywhere": _moved(Region()),
    "the base moved in a region": _moved(Region((Bound("mw", "-100", "100", nulls=True),))),
    "nobody knows how the base moved": _moved(unknown="history was cut"),
    "grades of nothing": _no_grades,
    "the whole graded better than its parts": _better_whole,
    "no scan": _no_scan,
    "tables that are not described": _no_tables,
}
"""Each makes every certificate wrong."""
