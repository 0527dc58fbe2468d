"""Materialized views: none is made, refreshed or altered here, once Trino's own reasons are told.

One would store what its owner sees, for whoever reads it (policy-semantics section 5).
"""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from engines.base import OutputColumn
from gateway.metadata.show import check_catalog
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.query import read
from gateway.planning.shows import qualify
from gateway.planning.writing import known_table, refuse_missing

_START = Location(1, 1)
_OF_ICEBERG = frozenset(
    {
        *("data_location", "extra_properties", "format", "format_version", "location", "max_commit_retry"),
        *("object_store_layout_enabled", "orc_bloom_filter_columns", "orc_bloom_filter_fpp"),
        *("parquet_bloom_filter_columns", "partitioning", "sorted_by", "storage_schema"),
    }
)
"""Properties that Trino knows of materialized views in the lake: of others it says so before it looks for the view."""


async def plan_create_materialized_view(statement: st.CreateMaterializedView, planning: Planning) -> Plan:
    """Refuse CREATE MATERIALIZED VIEW, behind what is wrong with its query, its columns and its catalog."""
    name = qualify(statement.view, planning)
    reading = await read(statement.query.tree, planning)
    _check_names(reading.columns or ())
    check_catalog(planning.view, name.catalog, _START)
    _check_properties(statement.properties)
    raise _refused(statement.kind, statement.location)


def _check_names(columns: tuple[OutputColumn, ...]) -> None:
    """Refuse columns without a name, which the analysis calls by their place, and names that are there twice."""
    seen: set[str] = set()
    for position, column in enumerate(columns):
        if column.name == f"_col{position}":
            message = f"Column name not specified at position {position + 1}"
            raise Refusal(ErrorCode.MISSING_COLUMN_NAME, message, location=_START)
        folded = column.name.lower()
        if folded in seen:
            message = f"Column name '{folded}' specified more than once"
            raise Refusal(ErrorCode.DUPLICATE_COLUMN_NAME, message, location=_START)
        seen.add(folded)


def _check_properties(names: tuple[str, ...]) -> None:
    for name in names:
        if name.lower() not in _OF_ICEBERG:
            message = f"Materialized view property '{name}' does not exist"
            raise Refusal(ErrorCode.INVALID_MATERIALIZED_VIEW_PROPERTY, message, location=_START)


async def plan_refresh(statement: st.RefreshMaterializedView, planning: Planning) -> Plan:
    """Refuse REFRESH MATERIALIZED VIEW. Raises Refusal."""
    await _need(statement.view, planning)
    raise _refused(statement.kind, statement.location)


async def refuse_view_properties(statement: st.SetProperties, planning: Planning) -> Refusal:
    """Return the refusal of ALTER MATERIALIZED VIEW ... SET PROPERTIES."""
    check_catalog(planning.view, qualify(statement.name, planning).catalog, _START)
    _check_properties(tuple(name for name, _ in statement.properties))
    await _need(statement.name, planning)
    return _refused("ALTER MATERIALIZED VIEW SET PROPERTIES", _START)


async def _need(written: st.QualifiedName, planning: Planning) -> None:
    found = await known_table(written, planning)
    if found is None or found.kind != "materialized view":
        raise refuse_missing("Materialized view", written, planning)


def _refused(kind: str, location: Location) -> Refusal:
    return Refusal(ErrorCode.NOT_SUPPORTED, f"{kind} is not supported by this gateway.", location=location)
