"""Have a table's history say what a case says of it: another name of an operation, a beginning cut off, another time.

A metadata file is never altered: a new one is written beside it, and the catalog is pointed at that.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pyiceberg.catalog import Catalog

Identifier = tuple[str, str]


def relabel(catalog: Catalog, table: Identifier, operation: str) -> None:
    """Give the newest snapshot's operation another name."""

    def edit(metadata: dict[str, Any]) -> None:
        current = metadata["current-snapshot-id"]
        for snapshot in metadata["snapshots"]:
            if snapshot["snapshot-id"] == current:
                snapshot["summary"]["operation"] = operation

    _edited(catalog, table, edit)


def forget_history(catalog: Catalog, table: Identifier) -> None:
    """Expire all snapshots that no branch shows."""

    def edit(metadata: dict[str, Any]) -> None:
        shown = {reference["snapshot-id"] for reference in metadata.get("refs", {}).values()}
        shown.add(metadata.get("current-snapshot-id"))
        for name in ("snapshots", "snapshot-log"):
            metadata[name] = [each for each in metadata.get(name, ()) if each["snapshot-id"] in shown]
        metadata["metadata-log"] = []

    _edited(catalog, table, edit)


def make_older(catalog: Catalog, table: Identifier, seconds: float) -> None:
    """Let all of a table's snapshots have been made so much earlier."""
    by = round(seconds * 1000)

    def edit(metadata: dict[str, Any]) -> None:
        metadata["last-updated-ms"] -= by
        for name in ("snapshots", "snapshot-log", "metadata-log"):
            for each in metadata.get(name, ()):
                each["timestamp-ms"] -= by

    _edited(catalog, table, edit)


def _edited(catalog: Catalog, table: Identifier, edit: Callable[[dict[str, Any]], None]) -> None:
    """Point a table at an edited copy of its metadata."""
    here = Path(unquote(urlsplit(catalog.load_table(table).metadata_location).path))
    metadata = json.loads(here.read_text())
    edit(metadata)
    number = int(here.name.partition("-")[0]) + 1
    there = here.with_name(f"{number:05d}-{uuid.uuid4()}.metadata.json")
    there.write_text(json.dumps(metadata))
    catalog.drop_table(table)
    catalog.register_table(table, there.as_uri())
