"""The tables of `penstock.catalog`, in the form of `gateway.metadata.layouts`: a column is `name` or `name:type`."""

from __future__ import annotations

from catalog.objects import TableName

CATALOG, SCHEMA = "penstock", "catalog"
_TIME = "timestamp(3)_with_time_zone"
_NAME = "catalog_name schema_name table_name"

VIEWS = {
    "constraints": "kind table_name columns:array(varchar) referenced_table referenced_columns:array(varchar) status"
    f" reason tested:{_TIME}",
    "materialized_views": f"{_NAME} state reason base_tables:array(varchar) definition definition_catalog"
    f" definition_schema maintained integrity max_staleness built:{_TIME} behind_since:{_TIME} rows:bigint"
    " bytes:bigint",
    "view_columns": f"{_NAME} column_name ordinal_position:bigint data_type kind expression",
}


def is_view_table(name: TableName) -> bool:
    """Tell whether a name lies where views are told of."""
    return (name.catalog, name.schema) == (CATALOG, SCHEMA)
