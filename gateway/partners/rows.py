"""The passage between the registry's rows and its records."""

from __future__ import annotations

import dataclasses
from typing import Any

from catalog.objects import TableName
from gateway.partners.model import EntitlementRecord, PartnerRecord, TokenRecord


def row_of(record: PartnerRecord | EntitlementRecord | TokenRecord) -> dict[str, Any]:
    """Return a record as the columns of its table."""
    row = {each.name: getattr(record, each.name) for each in dataclasses.fields(record)}
    if isinstance(record, EntitlementRecord):
        table = row.pop("table")
        row |= {"catalog_name": table.catalog, "schema_name": table.schema, "table_name": table.table}
    if isinstance(record, PartnerRecord):
        row["folded"] = record.partner_id.lower()
    return row


def partner_of(row: Any) -> PartnerRecord:
    """Return the partner of a row."""
    return PartnerRecord(**{name: value for name, value in row.items() if name != "folded"})


def entitlement_of(row: Any) -> EntitlementRecord:
    """Return the entitlement of a row."""
    values: dict[str, Any] = dict(row)
    table = TableName(values.pop("catalog_name"), values.pop("schema_name"), values.pop("table_name"))
    allowed, denied = values.pop("allowed_columns"), values.pop("denied_columns")
    return EntitlementRecord(
        table=table,
        allowed_columns=None if allowed is None else tuple(allowed),
        denied_columns=tuple(denied),
        **values,
    )


def token_of(row: Any) -> TokenRecord:
    """Return the token of a row."""
    return TokenRecord(**{**row, "scope": tuple(row["scope"])})
