"""Check a certificate without the matcher.

Put the definition in the place of the view, and the scan in that of its name: what results must be the governed query,
by laws that this package knows itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.errors import Refusal
from catalog.materialized_views import GRADES, Bound, Definition, Facts, Freshness, stricter
from catalog.objects import Table, TableName
from rewrite_rules.certificates.document import Dossier
from rewrite_rules.certificates.facts import Reliable
from rewrite_rules.certificates.grading import exactly, grades_of, laxest
from rewrite_rules.certificates.matching import reliable, same
from rewrite_rules.certificates.moments import EARLIEST, since
from rewrite_rules.certificates.reading import Reader
from rewrite_rules.certificates.regions import moment_of, stale
from rewrite_rules.certificates.relations import Rel, Relation, Union
from rewrite_rules.certificates.terms import Unclear, type_of, walk
from rewrite_rules.substitution.certificate import Certificate, ViewUse, snapshot_label


@dataclass(frozen=True, slots=True)
class Rejection:
    """Say what of a certificate is not believed, and why."""

    what: str
    """`text`, `equality`, `names`, `freshness`, `grade`, `policy`, `integrity`, `volatile`, `zone`."""
    text: str


def check(
    certificate: Certificate,
    tables: Mapping[TableName, Table],
    *,
    facts: Facts | None = None,
    freshness: Mapping[TableName, Freshness] | None = None,
    bounds: Mapping[TableName, tuple[Bound, ...]] | None = None,
) -> tuple[Rejection, ...]:
    """Return what of a certificate is not believed; nothing where it is accepted.

    `tables` are the base tables; `facts` what was found of them, `freshness` what happened to them since each view was
    made, and `bounds` between which values each view's columns lie, as its catalog has it.
    """
    given = Reliable.of(facts or Facts(), certificate.versions, certificate.integrity)
    tokens = reliable.set(given), since.set(_since(certificate, bounds or {}))
    try:
        return tuple(_Checking(certificate, tables, freshness or {}).rejections())
    except Unclear as unclear:
        return (Rejection("text", str(unclear)),)
    except Refusal as refusal:
        return (Rejection("text", refusal.text),)
    except RecursionError:
        return (Rejection("text", "it is nested too deeply"),)
    finally:
        reliable.reset(tokens[0])
        since.reset(tokens[1])


def check_dossier(dossier: Dossier) -> tuple[Rejection, ...]:
    """Return what of a dossier's certificate is not believed, by what the dossier itself holds."""
    return check(
        dossier.certificate,
        dossier.tables,
        facts=dossier.facts,
        freshness=dossier.freshness,
        bounds=dossier.bounds,
    )


@dataclass(frozen=True, slots=True)
class _Checking:
    certificate: Certificate
    tables: Mapping[TableName, Table]
    freshness: Mapping[TableName, Freshness]
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def rejections(self) -> Iterator[Rejection]:
        certificate = self.certificate
        yield from self._terms()
        scans = {use.scan_name: self._scan(use) for use in certificate.uses}
        for use in certificate.uses:
            yield from self._use(use, scans[use.scan_name])
        yield from self._travelled()
        query = self._reader(self._base).query(_parsed(certificate.query))
        unread = dict(scans)

        def known(name: TableName) -> Table | Relation | None:
            """Return the scan that was read already, and another for each further mention."""
            use = next((use for use in certificate.uses if use.scan_name == name), None)
            return self.tables.get(name) if use is None else unread.pop(name, None) or self._scan(use)

        rewritten = self._reader(known).query(_parsed(certificate.rewritten))
        if query.names != rewritten.names:
            yield Rejection("names", f"columns {', '.join(rewritten.names)} in the place of {', '.join(query.names)}")
        if not same(query, rewritten) and not same(exactly(query), rewritten):
            yield Rejection("equality", "by no law known here does the rewritten query give the rows of the original")
        yield from self._grades(rewritten, scans.values())

    def _terms(self) -> Iterator[Rejection]:
        names = [use.scan_name for use in self.certificate.uses]
        if not names or len(set(names)) < len(names):
            yield Rejection("text", "scans without a name of their own, or no scan at all")
        level = self.certificate.integrity
        meant: dict[TableName, Definition] = {}
        for use in self.certificate.uses:
            definition = use.definition
            if meant.setdefault(definition.name, definition) != definition:
                yield Rejection("text", f"{definition.name} is defined in two ways")
            if definition.built_under:
                yield Rejection("policy", f"{definition.name} was filled under policies")
            if stricter(definition.integrity, level) != level:
                yield Rejection("integrity", f"{definition.name} allows only {definition.integrity}, not {level}")

    def _travelled(self) -> Iterator[Rejection]:
        """Doubt what is said of tables that are read as they were: one snapshot each, that of the views."""
        certificate = self.certificate
        labels = {each.table: snapshot_label(each.snapshot) for each in certificate.travelled}
        for each in certificate.travelled:
            if certificate.versions.get(each.table) != snapshot_label(each.snapshot) or not each.present:
                yield Rejection("freshness", f"{each.table} is read at another snapshot than is asked for")
        for name, version in certificate.versions.items():
            if version.startswith(snapshot_label(0)[:-1]) and labels.get(name) != version:
                yield Rejection("freshness", f"nobody asked for {name} at {version}")
        for use in certificate.uses:
            made = {e.table for e in certificate.travelled if any(view == use.definition.name for view, _ in e.views)}
            if not {name for name in use.watermark if name in labels} <= made:
                yield Rejection("freshness", f"{use.definition.name} was made from another snapshot")

    def _use(self, use: ViewUse, scan: Relation) -> Iterator[Rejection]:
        if scan.volatile:
            yield Rejection("volatile", f"{use.definition.name} depends on when, or by whom, it is asked")
        if self.certificate.time_zone != "UTC" and _depends_on_zone(scan):
            yield Rejection("zone", f"{use.definition.name} was made in another session's time zone")
        if self.certificate.integrity == "stale_tolerated" and not self.certificate.versions:
            return
        base = _base_of(use.definition)
        view = use.definition.name
        known = self.freshness.get(view)
        for text in stale(scan, base, use.watermark, self.certificate.versions, known, self.tables):
            yield Rejection("freshness", text)

    def _grades(self, rewritten: Relation, scans: Iterable[Relation]) -> Iterator[Rejection]:
        certificate = self.certificate
        claimed = [grade for _, grade in certificate.grades]
        best = grades_of(rewritten)
        most = laxest(grade for scan in scans for grade in grades_of(scan))
        if len(claimed) != len(best) or tuple(name.lower() for name, _ in certificate.grades) != rewritten.names:
            yield Rejection("grade", "grades of other columns")
            return
        for (name, claim), found in zip(certificate.grades, best, strict=True):
            if GRADES.index(claim) < min(GRADES.index(found), GRADES.index(most)):
                yield Rejection("grade", f"{name} is {found}, not {claim}")
        if GRADES.index(certificate.grade) < GRADES.index(laxest(claimed)):
            yield Rejection("grade", "the whole is graded better than its columns")

    # --- What names stand for ---

    def _reader(self, known: object, definition: Definition | None = None) -> Reader:
        if definition is None:
            return Reader(known, self.numbers, past=self._past())  # type: ignore[arg-type]  # tables by either kind of name
        states = {each.column.lower(): each for each in definition.states}
        return Reader(known, self.numbers, definition.catalog, definition.schema, states)  # type: ignore[arg-type]  # tables by either kind of name

    def _past(self) -> dict[TableName, frozenset[str]]:
        """Return the texts by which tables are read as they were: as asked for, and by their snapshots."""
        found: dict[TableName, set[str]] = {}
        for each in self.certificate.travelled:
            found.setdefault(each.table, set()).update((each.asked, f"FOR VERSION AS OF {each.snapshot:d}"))
        return {name: frozenset(texts) for name, texts in found.items()}

    def _base(self, name: TableName) -> Table | None:
        return self.tables.get(name)

    def _scan(self, use: ViewUse) -> Relation:
        def known(name: TableName) -> Relation | None:
            return self._definition(use.definition) if name == use.definition.name else None

        return self._reader(known).query(_parsed(use.scan))

    def _definition(self, definition: Definition) -> Relation:
        return self._reader(self._base, definition).query(_parsed(definition.sql))


@lru_cache(maxsize=4096)
def _parsed(sql: str) -> exp.Expr:
    """Parse a text; reading it changes nothing in the tree."""
    return parse_query(sql)


@lru_cache(maxsize=4096)
def _base_of(definition: Definition) -> frozenset[TableName]:
    """Return the tables that a definition names, other than those that it makes itself."""
    tree = _parsed(definition.sql)
    own = {each.alias.lower() for each in tree.find_all(exp.CTE)}
    found = set()
    for node in tree.find_all(exp.Table):
        parts = [node.args[key].name.lower() for key in ("catalog", "db", "this") if node.args.get(key)]
        if len(parts) == 1 and parts[0] in own:
            continue
        found.add(TableName(*(str(e) for e in (definition.catalog, definition.schema)[: 3 - len(parts)]), *parts))
    return frozenset(found)


def _depends_on_zone(relation: Relation) -> bool:
    """Tell whether a query turns times without a zone into instants, which it does in the session's."""
    if isinstance(relation, Union):
        return any(map(_depends_on_zone, relation.parts))
    inner = (occ.source for occ in relation.occs if isinstance(occ.source, Rel | Union))
    return any(map(_depends_on_zone, inner)) or any(
        each[0] == "f" and each[1].startswith("cast:timestamp") and each[1].endswith("zone") and _without_zone(each[2])
        for term in relation.terms()
        for each in walk(term)
    )


def _without_zone(term: tuple[object, ...]) -> bool:
    kind = type_of(term)
    return kind is None or kind.base != "timestamp with time zone"


def _since(certificate: Certificate, bounds: Mapping[TableName, tuple[Bound, ...]]) -> datetime:
    """Return before when no instant lies in any of the views used."""
    earliest = [_earliest(bounds.get(use.definition.name, ())) for use in certificate.uses]
    return min(earliest, default=EARLIEST)


def _earliest(bounds: tuple[Bound, ...]) -> datetime:
    """Return the earliest of the lower bounds that are moments; all there is, where there is none."""
    found = [moment for bound in bounds if bound.low is not None and (moment := moment_of(bound.low)) is not None]
    if not found:
        return EARLIEST
    return max(EARLIEST, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(min(found))))
