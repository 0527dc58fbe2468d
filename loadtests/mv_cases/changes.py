"""Let happen to base tables what a case says: rows are appended by pyiceberg, deleted and updated by the gateway."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from pyiceberg.catalog import Catalog

from loadtests.mv_cases.asking import Asker
from loadtests.mv_cases.cases import MAIN, Change
from loadtests.mv_cases.documents import WRITER
from loadtests.mv_cases.places import LAKE, Place
from loadtests.mv_cases.snapshots import relabel
from loadtests.mv_cases.tables import Files, append, make_tables

Branch = tuple[str, str]
"""A table, and one of its branches."""


class Writing:
    """Change the tables of places."""

    def __init__(self, catalog: Catalog, asker: Asker) -> None:
        """Take the catalog that the engine reads, and who asks it."""
        self._catalog = catalog
        self._asker = asker
        self._files = Files(catalog, asker)

    def fill(self, place: Place, schema: str) -> None:
        """Make a place's tables in a schema, with the rows of its fixture."""
        make_tables(self._catalog, schema, place.tables.values())
        for table in place.tables.values():
            if table.rows:
                append(self._catalog, (schema, table.name), self._files.of(table, table.rows))

    def seen_by_inserts(self, place: Place) -> None:
        """Make tables as an incremental view saw them: with what was appended, not without what was deleted."""
        self.fill(place, place.scratch)
        for each in place.setting.changes:
            if each.op == "append" and each.branch == MAIN:
                files = self._files.of(place.tables[each.table], each.rows)
                append(self._catalog, (place.scratch, each.table), files)

    def change(self, place: Place, changes: Iterable[Change], made: set[Branch]) -> None:
        """Apply changes in order; a branch begins where main is when it is first written to. `made` are those."""
        for each in changes:
            if each.branch == MAIN:
                self._on_main(place, each)
            else:
                self.branch(place, each.table, each.branch, made)
                self._on_branch(place, each, each.branch)
            for table, branch in sorted(made):  # a branch sees what happens on main, too
                if each.branch == MAIN and table == each.table:
                    self._on_branch(place, each, branch)

    def branch_all(self, place: Place, made: set[Branch]) -> None:
        """Give every table the branches that anybody speaks of."""
        for branch in sorted(place.branches):
            for table in place.tables:
                self.branch(place, table, branch, made)

    def branch(self, place: Place, table: str, branch: str, made: set[Branch]) -> None:
        """Make a branch of a table from its main branch as it is now, once; a table without rows has none."""
        loaded = self._catalog.load_table((place.name, table))
        snapshot = loaded.current_snapshot()
        if (table, branch) not in made and snapshot is not None:
            loaded.manage_snapshots().create_branch(snapshot.snapshot_id, branch).commit()
            made.add((table, branch))

    def _on_main(self, place: Place, each: Change) -> None:
        identifier = (place.name, each.table)
        if each.op == "append":
            append(self._catalog, identifier, self._files.of(place.tables[each.table], each.rows))
        else:
            self._asker.must(_statement(place, each), WRITER, place.name)
        if each.as_operation:
            relabel(self._catalog, identifier, each.as_operation)

    def _on_branch(self, place: Place, each: Change, branch: str) -> None:
        identifier = (place.name, each.table)
        if each.op == "append":
            append(self._catalog, identifier, self._files.of(place.tables[each.table], each.rows), branch)
        else:
            rows = self._after(place, each, branch)
            self._catalog.load_table(identifier).overwrite(rows, branch=branch)

    def _after(self, place: Place, each: Change, branch: str) -> pa.Table:
        """Return all that a branch holds after a change, by way of a table beside it."""
        table, schema = place.tables[each.table], f"{place.name}_rows"
        make_tables(self._catalog, schema, [table])
        kept = f" WHERE NOT coalesce({each.where}, false)" if each.op == "delete" else ""
        text = (
            f"INSERT INTO {LAKE}.{schema}.{table.name} SELECT {', '.join(_values(each, table.columns))} "
            f"FROM {LAKE}.{place.name}.{table.name} FOR VERSION AS OF '{branch}'{kept}"
        )
        self._asker.must(text, WRITER, place.name)
        found = self._catalog.load_table((schema, table.name)).scan().to_arrow()
        self._catalog.purge_table((schema, table.name))
        return found


def _statement(place: Place, each: Change) -> str:
    name = f"{LAKE}.{place.name}.{each.table}"
    if each.op == "delete":
        return f"DELETE FROM {name} WHERE {each.where}"
    values = ", ".join(f"{column} = {value}" for column, value in each.assignments)
    return f"UPDATE {name} SET {values} WHERE {each.where}"


def _values(each: Change, columns: Iterable[tuple[str, str]]) -> list[str]:
    """Return each column as it is after a change."""
    values = dict(each.assignments)
    return [
        f"CASE WHEN {each.where} THEN CAST({values[name]} AS {kind}) ELSE {name} END" if name in values else name
        for name, kind in columns
    ]
