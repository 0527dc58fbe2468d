"""Names of datasets as people write them: `lmp_prices`, `curated.lmp_prices` or `iceberg.curated.lmp_prices`."""

from __future__ import annotations

import re

from catalog.cache import CatalogCache
from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import Table, TableName

_PART = r'[^\x00-\x1f\x7f."]{1,255}'
DATASET_NAME = rf"^{_PART}(\.{_PART}){{0,2}}$"
"""The form of a name, in one to three parts."""
_NAME = re.compile(DATASET_NAME)
_INTERNAL = "information_schema"


class Unresolved(Exception):  # noqa: N818  (an answer to a caller, not a crash)
    """A name does not mean one table."""

    def __init__(self, text: str, fix: str) -> None:
        """Say why, and what to write instead."""
        super().__init__(text)
        self.text = text
        self.fix = fix


class Unread(Exception):  # noqa: N818  (an answer to a caller, not a crash)
    """Not all tables are known yet among which a name may mean one."""


def parts_of(name: str) -> tuple[str, ...]:
    """Return a name's parts, folded. Raises Unresolved."""
    if not _NAME.fullmatch(name):
        raise Unresolved(
            f"{name!r} is no table's name", "Write table, schema.table or catalog.schema.table, without quotes."
        )
    try:
        return tuple(fold_trino(part) for part in name.split("."))
    except Refusal as refusal:
        raise Unresolved(refusal.message, refusal.hint or "Use ASCII letters.") from None


def matches(table: TableName, parts: tuple[str, ...]) -> bool:
    """Tell whether a name may mean a table."""
    return tuple(table)[-len(parts) :] == parts


async def resolve(name: str, catalog: CatalogCache) -> Table:
    """Return the one table that a name means. Raises Unresolved, Unread, and what the engines raise."""
    parts = parts_of(name)
    if len(parts) == 3:
        found = await catalog.fetch(TableName(*parts))
        meant = [found] if found is not None and _shareable(found) else []
    else:
        known = (table for each in catalog.catalogs for table in catalog.tables(each))
        meant = [table for table in known if matches(table.name, parts) and _shareable(table)]
    if len(meant) > 1:
        names = ", ".join(str(table.name) for table in meant[:10])
        raise Unresolved(f"`{name}` may be any of {len(meant)} tables: {names}", "Write the full name.")
    if len(parts) < 3 and not catalog.complete:
        raise Unread("not every catalog was read yet: write catalog.schema.table, or try again in a moment")
    if not meant:
        raise Unresolved(f"there is no table `{name}`", "Look for it with SHOW TABLES, or write the full name.")
    return meant[0]


def _shareable(table: Table) -> bool:
    return table.kind != "system" and table.name.schema != _INTERNAL and table.name.catalog != "system"
