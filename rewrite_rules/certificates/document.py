"""A certificate with all that it rests on, as one JSON document whose hash is its name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from catalog.materialized_views import (
    Bound,
    Change,
    Definition,
    Facts,
    ForeignKey,
    Freshness,
    Grade,
    Integrity,
    Key,
    Region,
)
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from rewrite_rules.substitution.certificate import Certificate, MatchedCondition, Proof, Travelled, ViewUse

FORMAT = 1
_ID_LENGTH = 32
Versions = tuple[tuple[TableName, str], ...]


@dataclass(frozen=True, slots=True)
class Dossier:
    """A certificate, and what was known when it was made: with this alone it can be checked again anywhere."""

    certificate: Certificate
    tables: Mapping[TableName, Table]
    """The base tables: of them only names, types and NOT NULL are kept."""
    facts: Facts = field(default_factory=Facts)
    freshness: Mapping[TableName, Freshness] = field(default_factory=dict)
    """By the view's table: what had happened to the base since its watermark."""
    bounds: Mapping[TableName, tuple[Bound, ...]] = field(default_factory=dict)
    """By the view's table: between which values its columns lie."""


class _Column(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    type: str
    nullable: bool = True


class _Table(msgspec.Struct, frozen=True):
    name: TableName
    engine: str
    columns: tuple[_Column, ...]


class _Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    keys: tuple[Key, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    versions: Versions = ()


class _Freshness(msgspec.Struct, frozen=True, omit_defaults=True):
    view: TableName
    versions: Versions
    changes: tuple[Change, ...] = ()
    lost: str | None = None
    behind_since: float | None = None


class _Use(msgspec.Struct, frozen=True):
    definition: Definition
    scan: str
    scan_name: TableName
    mapping: tuple[tuple[str, str], ...]
    conditions: tuple[MatchedCondition, ...]
    outputs: tuple[tuple[str, str], ...]
    watermark: Versions
    excluded: tuple[tuple[TableName, Region], ...]
    proofs: tuple[Proof, ...]


class _Document(msgspec.Struct, frozen=True):
    format: int
    query: str
    rewritten: str
    uses: tuple[_Use, ...]
    grade: Grade
    grades: tuple[tuple[str, Grade], ...]
    versions: Versions
    integrity: Integrity
    time_zone: str
    tables: tuple[_Table, ...]
    facts: _Facts
    freshness: tuple[_Freshness, ...]
    bounds: tuple[tuple[TableName, tuple[Bound, ...]], ...] = ()
    travelled: tuple[Travelled, ...] = ()


def to_json(dossier: Dossier) -> bytes:
    """Write a dossier in its one form: the same content is the same bytes."""
    certificate = dossier.certificate
    document = _Document(
        FORMAT,
        certificate.query,
        certificate.rewritten,
        tuple(_written(use) for use in certificate.uses),
        certificate.grade,
        certificate.grades,
        _pairs(certificate.versions),
        certificate.integrity,
        certificate.time_zone,
        tuple(_table(dossier.tables[name]) for name in sorted(dossier.tables)),
        _Facts(dossier.facts.keys, dossier.facts.foreign_keys, _pairs(dossier.facts.versions)),
        tuple(
            _Freshness(view, _pairs(each.versions), each.changes, each.lost, each.behind_since)
            for view, each in sorted(dossier.freshness.items())
        ),
        tuple(sorted((view, each) for view, each in dossier.bounds.items() if each)),
        certificate.travelled,
    )
    return msgspec.json.encode(document)


def from_json(text: bytes | str) -> Dossier:
    """Read a dossier. Raises ValueError for what is none."""
    document = msgspec.json.decode(text, type=_Document)
    if document.format != FORMAT:
        raise ValueError(f"a certificate of format {document.format}: this gateway reads format {FORMAT}")
    certificate = Certificate(
        document.query,
        document.rewritten,
        tuple(_read(use) for use in document.uses),
        document.grade,
        document.grades,
        dict(document.versions),
        document.integrity,
        document.time_zone,
        document.travelled,
    )
    facts = Facts(document.facts.keys, document.facts.foreign_keys, dict(document.facts.versions))
    freshness = {
        each.view: Freshness(dict(each.versions), each.changes, each.lost, each.behind_since)
        for each in document.freshness
    }
    tables = {each.name: _described(each) for each in document.tables}
    return Dossier(certificate, tables, facts, freshness, dict(document.bounds))


def id_of(document: bytes) -> str:
    """Return the name of a written dossier."""
    return hashlib.sha256(document).hexdigest()[:_ID_LENGTH]


def concise(dossier: Dossier) -> Dossier:
    """Leave out tables, columns' comments and facts that the certificate does not touch."""
    touched = {name for name in dossier.tables if _mentions(dossier.certificate, name)}
    facts = Facts(
        tuple(key for key in dossier.facts.keys if key.table in touched),
        tuple(key for key in dossier.facts.foreign_keys if {key.table, key.references} <= touched),
        {name: version for name, version in dossier.facts.versions.items() if name in touched},
    )
    views = {use.definition.name for use in dossier.certificate.uses}
    return Dossier(
        dossier.certificate,
        {name: dossier.tables[name] for name in touched},
        facts,
        {view: each for view, each in dossier.freshness.items() if view in views},
        {view: each for view, each in dossier.bounds.items() if view in views},
    )


def _mentions(certificate: Certificate, name: TableName) -> bool:
    """Tell whether any text of a certificate may speak of a table; too many is no harm."""
    texts = [certificate.query, certificate.rewritten, *(use.definition.sql for use in certificate.uses)]
    return any(name.table in text.lower() for text in texts)


def _written(use: ViewUse) -> _Use:
    return _Use(
        use.definition,
        use.scan,
        use.scan_name,
        use.mapping,
        use.conditions,
        use.outputs,
        _pairs(use.watermark),
        use.excluded,
        use.proofs,
    )


def _read(use: _Use) -> ViewUse:
    fields: dict[str, Any] = {name: getattr(use, name) for name in _Use.__struct_fields__}
    return ViewUse(**{**fields, "watermark": dict(use.watermark)})


def _table(table: Table) -> _Table:
    return _Table(table.name, table.engine, tuple(_Column(c.name, str(c.type), c.nullable) for c in table.columns))


def _described(table: _Table) -> Table:
    columns = tuple(Column(each.name, parse_type(each.type), nullable=each.nullable) for each in table.columns)
    return Table(table.name, columns, table.engine)


def _pairs(versions: Mapping[TableName, str]) -> Versions:
    return tuple(sorted((TableName(*name), version) for name, version in versions.items()))
