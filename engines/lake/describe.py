"""Describe Iceberg tables to the catalog: names, columns and types as Trino's connector shows them."""

from __future__ import annotations

from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.metadata import TableMetadata

from catalog.objects import Column, Table, TableName
from engines.lake.iceberg_types import folded_columns, trino_type


def describe_table(name: TableName, table: IcebergTable, engine: str) -> Table:
    """Describe one table. Raises Refusal NOT_SUPPORTED where Trino could not show it either."""
    return describe_metadata(name, table.metadata, engine)


def describe_metadata(name: TableName, metadata: TableMetadata, engine: str) -> Table:
    """Describe a table from its metadata; `version` changes with its identity and its schema, not with its data."""
    columns = tuple(
        Column(
            name=folded,
            type=trino_type(field.field_type),
            comment=field.doc,
            nullable=not field.required,
            native_name=field.name if field.name != folded else None,
        )
        for folded, field in folded_columns(metadata.schema()).items()
    )
    return Table(
        name=name,
        columns=columns,
        engine=engine,
        version=f"{metadata.table_uuid}:{metadata.current_schema_id}",
        comment=metadata.properties.get("comment"),
    )
