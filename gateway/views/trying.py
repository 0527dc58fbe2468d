"""Try a definition: read it, and say what a view of it would answer, without building anything."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.cache import CatalogCache
from catalog.materialized_views import Definition, Freshness, MaterializedView
from catalog.objects import Column, Table
from gateway.views.definitions import understand
from gateway.views.describing import Described, State
from gateway.views.source import source_of
from rewrite_rules.substitution.model import Ground
from rewrite_rules.substitution.prepare import prepare


@dataclass(frozen=True, slots=True)
class Tried:
    """What would become of a definition."""

    described: Described
    """As if it had just been built; `reason` says why it would answer nobody."""
    source: str
    """What would be asked of the base."""


async def try_definition(definition: Definition, catalog: CatalogCache) -> Tried:
    """Read a definition. Raises Refusal where it cannot be read, or holds what a view cannot hold."""
    understood = await understand(definition, catalog.fetch)
    source = source_of(understood)
    columns = tuple(Column(name, kind) for name, kind in understood.columns)
    table = Table(definition.name, columns, catalog.source_of(definition.name.catalog) or "")
    view = MaterializedView(definition, table, freshness=Freshness({}))
    prepared = prepare(view, Ground(understood.named))
    why = prepared.why or ("it gives something else each time it is run" if understood.volatile else None)
    bases = tuple(sorted(understood.tables))
    state: State = "unusable" if why is not None else "current"
    return Tried(Described(view, state, why, bases, prepared), source.sql)
