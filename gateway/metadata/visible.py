"""What one caller may know to exist. Everything that lists or names objects asks here, so all lists agree."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from catalog.cache import CatalogCache
from catalog.objects import Column, Table
from gateway.metadata.layouts import GRANTED_SCHEMAS, OWN_SCHEMAS, system_tables
from gateway.usage_tables.layouts import is_usage
from policies.budgets.model import Budget
from policies.decisions import Subject


class Sight(Protocol):
    """The part of a policy set that says who may know what; see `policies.index`."""

    @property
    def version(self) -> str:
        """Return a name for this state of the policies."""
        ...

    def cache_key(self, subject: Subject) -> Hashable:
        """Return what a caller's sight depends on besides who he is: it changes when a rule begins or ends."""
        ...

    def may_see_catalog(self, subject: Subject, catalog: str) -> bool:
        """Tell whether a caller may know a catalog."""
        ...

    def may_see_schema(self, subject: Subject, catalog: str, schema: str) -> bool:
        """Tell whether a caller may know a schema."""
        ...

    def visible_columns(self, subject: Subject, table: Table) -> tuple[str, ...]:
        """Return the columns of a table that a caller may know; none means that the table does not exist for it."""
        ...

    def budgets_for(self, subject: Subject) -> tuple[Budget, ...]:
        """Return the budgets that a caller spends from now."""
        ...


@dataclass(frozen=True, slots=True)
class VisibleTable:
    """A table as one caller may know it."""

    table: Table
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class View:
    """One caller's sight of the catalog; the sets are computed when asked for."""

    cache: CatalogCache
    sight: Sight
    subject: Subject
    statements: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    """The statements that the caller may know of, as `/v1/query` lists them; asked for when they are read."""

    def catalogs(self) -> list[str]:
        """List the catalogs, `system` among them as in Trino, sorted."""
        own = [c for c in self.cache.catalogs if self.sight.may_see_catalog(self.subject, c)]
        return sorted([*own, *OWN_SCHEMAS])

    def knows_catalog(self, catalog: str) -> bool:
        """Tell whether a catalog is one of those that are listed."""
        if catalog in OWN_SCHEMAS:
            return True
        return catalog in self.cache.catalogs and self.sight.may_see_catalog(self.subject, catalog)

    def schemas(self, catalog: str) -> list[str]:
        """List the schemas of a catalog, sorted; an unknown and a hidden catalog have none."""
        if catalog in OWN_SCHEMAS:
            return sorted(["information_schema", *(s for s in OWN_SCHEMAS[catalog] if self._may_know(s))])
        if not self.knows_catalog(catalog):
            return []
        known = self.cache.schemas(catalog)
        return sorted(
            {s for s in known if self.sight.may_see_schema(self.subject, catalog, s)} | {"information_schema"}
        )

    def tables(self, catalog: str, schema: str | None = None) -> list[VisibleTable]:
        """List the tables of a catalog or schema with their visible columns, sorted by name."""
        if catalog not in self.catalogs():
            return []
        own = [] if catalog in OWN_SCHEMAS else _visible(self, catalog)
        system = [VisibleTable(t, self._shown(t)) for t in system_tables(catalog) if self._may_know(t.name.schema)]
        found = [v for v in (*own, *system) if schema in (None, v.table.name.schema)]
        return sorted(found, key=lambda visible: visible.table.name)

    def _shown(self, table: Table) -> tuple[Column, ...]:
        """Return the columns of what the gateway tells: all, but those of usage that a grant leaves out."""
        granted = self.sight.visible_columns(self.subject, table) if is_usage(table.name) else ()
        return tuple(column for column in table.columns if not granted or column.name in granted)

    def _may_know(self, schema: str) -> bool:
        """Tell whether a schema of metadata exists for this caller."""
        return schema not in GRANTED_SCHEMAS or self.sight.may_see_schema(self.subject, "system", schema)

    def table(self, catalog: str, schema: str, table: str) -> VisibleTable | None:
        """Return one table that is already known, as this caller sees it."""
        return next((v for v in self.tables(catalog, schema) if v.table.name.table == table), None)


def _visible(view: View, catalog: str) -> tuple[VisibleTable, ...]:
    key = (catalog, view.subject, view.sight.cache_key(view.subject), view.cache.generation)
    return _visible_at(key, _Hidden(view))


class _Hidden:
    """Carry a view into the cached function without being part of its key."""

    def __init__(self, view: View) -> None:
        self.view = view

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden) and other.view.cache is self.view.cache

    def __hash__(self) -> int:
        return id(self.view.cache)


@lru_cache(maxsize=64)
def _visible_at(key: tuple[str, Subject, Hashable, int], hidden: _Hidden) -> tuple[VisibleTable, ...]:
    """List the visible tables of a catalog; cached, since BI tools ask for 10,000 tables again and again."""
    view = hidden.view
    found = []
    for table in view.cache.tables(key[0]):
        names = set(view.sight.visible_columns(view.subject, table))
        columns = tuple(column for column in table.columns if column.name in names)
        if columns:
            found.append(VisibleTable(table, columns))
    return tuple(found)
