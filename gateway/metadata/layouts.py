"""The tables that the gateway itself fills: information_schema, system.jdbc, system.metadata as in Trino 476; its own.

A column is `name` (varchar) or `name:type`. `view_definition` is left out on purpose: view text is metadata that
reveals base tables, and a withheld column and an unknown one look alike (policy-semantics section 5).
"""

from __future__ import annotations

from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from gateway.usage_tables.layouts import CATALOG as PENSTOCK
from gateway.usage_tables.layouts import SCHEMA, USAGE
from gateway.views.layouts import SCHEMA as CATALOG_SCHEMA
from gateway.views.layouts import VIEWS

ENGINE = "system"
"""The name of the engine that answers from the gateway's own catalog."""

_PROPERTIES = "catalog_name property_name default_value type description"

_INFORMATION_SCHEMA = {
    "applicable_roles": "grantee grantee_type role_name is_grantable",
    "columns": "table_catalog table_schema table_name column_name ordinal_position:bigint column_default is_nullable"
    " data_type",
    "enabled_roles": "role_name",
    "roles": "role_name",
    "schemata": "catalog_name schema_name",
    "table_privileges": "grantor grantor_type grantee grantee_type table_catalog table_schema table_name"
    " privilege_type is_grantable with_hierarchy",
    "tables": "table_catalog table_schema table_name table_type",
    "views": "table_catalog table_schema table_name",
}

_JDBC = {
    "attributes": "type_cat type_schem type_name attr_name data_type:bigint attr_type_name attr_size:bigint"
    " decimal_digits:bigint num_prec_radix:bigint nullable:bigint remarks attr_def sql_data_type:bigint"
    " sql_datetime_sub:bigint char_octet_length:bigint ordinal_position:bigint is_nullable scope_catalog"
    " scope_schema scope_table source_data_type:bigint",
    "catalogs": "table_cat",
    "columns": "table_cat table_schem table_name column_name data_type:bigint type_name column_size:bigint"
    " buffer_length:bigint decimal_digits:bigint num_prec_radix:bigint nullable:bigint remarks column_def"
    " sql_data_type:bigint sql_datetime_sub:bigint char_octet_length:bigint ordinal_position:bigint is_nullable"
    " scope_catalog scope_schema scope_table source_data_type:bigint is_autoincrement is_generatedcolumn",
    "procedure_columns": "procedure_cat procedure_schem procedure_name column_name column_type:bigint"
    " data_type:bigint type_name precision:bigint length:bigint scale:bigint radix:bigint nullable:bigint remarks"
    " column_def sql_data_type:bigint sql_datetime_sub:bigint char_octet_length:bigint ordinal_position:bigint"
    " is_nullable specific_name",
    "procedures": "procedure_cat procedure_schem procedure_name remarks procedure_type:bigint specific_name",
    "pseudo_columns": "table_cat table_schem table_name column_name data_type:bigint column_size:bigint"
    " decimal_digits:bigint num_prec_radix:bigint column_usage remarks char_octet_length:bigint is_nullable:bigint",
    "schemas": "table_schem table_catalog",
    "super_tables": "table_cat table_schem table_name supertable_name",
    "super_types": "type_cat type_schem type_name supertype_cat supertype_schem supertype_name",
    "table_types": "table_type",
    "tables": "table_cat table_schem table_name table_type remarks type_cat type_schem type_name"
    " self_referencing_col_name ref_generation",
    "types": "type_name data_type:bigint precision:bigint literal_prefix literal_suffix create_params"
    " nullable:bigint case_sensitive:boolean searchable:bigint unsigned_attribute:boolean fixed_prec_scale:boolean"
    " auto_increment:boolean local_type_name minimum_scale:bigint maximum_scale:bigint sql_data_type:bigint"
    " sql_datetime_sub:bigint num_prec_radix:bigint",
    "udts": "type_cat type_schem type_name class_name data_type remarks base_type",
}

_METADATA = {
    "analyze_properties": _PROPERTIES,
    "catalogs": "catalog_name connector_id connector_name",
    "column_properties": _PROPERTIES,
    "materialized_view_properties": _PROPERTIES,
    "materialized_views": "catalog_name schema_name name storage_catalog storage_schema storage_table freshness"
    " last_fresh_time:timestamp(9)_with_time_zone comment",
    "schema_properties": _PROPERTIES,
    "table_comments": "catalog_name schema_name table_name comment",
    "table_properties": _PROPERTIES,
}

_RUNTIME = {
    "queries": "query_id state user source query resource_group_id:array(varchar) queued_time_ms:bigint"
    " analysis_time_ms:bigint planning_time_ms:bigint created:timestamp(3)_with_time_zone"
    " started:timestamp(3)_with_time_zone last_heartbeat:timestamp(3)_with_time_zone end:timestamp(3)_with_time_zone"
    " error_type error_code",
}
"""What else Trino has there (tasks, nodes, transactions) tells of the engine and of what filters hide: it is closed."""

SYSTEM_SCHEMAS = {"jdbc": _JDBC, "metadata": _METADATA, "runtime": _RUNTIME}
"""Schemas of the catalog `system`, beside its information_schema."""

OWN_SCHEMAS = {"system": SYSTEM_SCHEMAS, PENSTOCK: {SCHEMA: USAGE, CATALOG_SCHEMA: VIEWS}}
"""All catalogs that the gateway itself answers, by their schemas."""

GRANTED_SCHEMAS = frozenset({"runtime"})
"""Those of them that only exist for who was granted something there."""


def _columns(layout: str) -> tuple[Column, ...]:
    columns = []
    for word in layout.split():
        name, _, kind = word.partition(":")
        columns.append(Column(name, parse_type(kind.replace("_", " ") if kind else "varchar")))
    return tuple(columns)


def _schema_of(name: TableName) -> dict[str, str]:
    if name.schema == "information_schema":
        return _INFORMATION_SCHEMA
    return OWN_SCHEMAS.get(name.catalog, {}).get(name.schema, {})


def is_system(name: TableName) -> bool:
    """Tell whether a name lies in a schema that the gateway itself answers."""
    return name.catalog in OWN_SCHEMAS or name.schema == "information_schema"


HIDDEN = frozenset({"comment", "extra_info"})
"""Columns of information_schema.columns that exist when they are named and that `*` does not show, as in Trino."""

_TABLES: dict[tuple[TableName, bool], Table] = {}


def system_table(name: TableName, *, hidden: bool = False) -> Table | None:
    """Return the description of a system table; the same object each time, so that plans made from it hold.

    With `hidden` the columns that only show when they are named are among the others.
    """
    layout = _schema_of(name).get(name.table)
    if layout is None:
        return None
    shown = hidden and (name.schema, name.table) == ("information_schema", "columns")
    key = (name, shown)
    if key not in _TABLES:
        _TABLES[key] = Table(name, _columns(layout + " comment extra_info" if shown else layout), ENGINE, "system")
    return _TABLES[key]


def system_tables(catalog: str) -> list[Table]:
    """Return all system tables of a catalog, for listings."""
    schemas = {"information_schema": _INFORMATION_SCHEMA, **OWN_SCHEMAS.get(catalog, {})}
    names = [TableName(catalog, schema, table) for schema, tables in schemas.items() for table in tables]
    return [table for name in names if (table := system_table(name)) is not None]
