"""Look into the audit of a gateway whose store is SQLite."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from tests.operations.gateway_process import Gateway, eventually


def audited(gateway: Gateway, kind: str, subject: str) -> dict[str, Any]:
    """Return an entry once it is there, its detail read."""

    def found() -> dict[str, Any] | None:
        with closing(sqlite3.connect(gateway.folder / "usage.db", timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            query = "SELECT * FROM penstock_audit WHERE kind = ? AND subject = ?"
            rows = connection.execute(query, (kind, subject)).fetchall()
        return {**dict(rows[0]), "detail": json.loads(rows[0]["detail"])} if rows else None

    return eventually(found, seconds=20) or {}
