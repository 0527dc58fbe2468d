"""What a caller asks of the vault."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.objects import TableName


@dataclass(frozen=True, slots=True)
class Reveal:
    """Turn a column's token back into its value, for a reason."""

    table: TableName
    column: str
    token: str
    reason: str
