"""What the embedded lake would read: estimates from manifests, for the way in which a table is read."""

from __future__ import annotations

from pyiceberg.table import Table as IcebergTable

from engines.iceberg.estimates import ManifestEstimates
from engines.iceberg.readers import DUCKDB, PYICEBERG, Reader
from engines.lake.reading import read_directly
from engines.lake.sources import Sources


def lake_estimates(sources: Sources) -> ManifestEstimates:
    """Return the estimates of a lake's tables."""
    return ManifestEstimates(sources, reader_of)


def reader_of(table: IcebergTable) -> Reader:
    """Say who reads a table: DuckDB its columns, or pyiceberg whole files."""
    return DUCKDB if read_directly(table) else PYICEBERG
