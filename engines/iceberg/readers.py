"""What engines read of a Parquet file beyond the columns asked for: measured, see docs/pricing.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """How an engine reads the data files of an Iceberg table."""

    footer: int
    """Bytes read at the end of each file that is opened, or the whole file where it is smaller."""
    opens_all: bool = False
    """It looks into files that metadata rule out, too: their footers are read."""
    whole_below: int = 0
    """Files up to this size are read as one."""
    columns: bool = True
    """It reads only the columns asked for."""
    prunes: bool = True
    """It leaves out files and row groups by bounds."""


DUCKDB = Reader(footer=16_384, opens_all=True)
TRINO = Reader(footer=49_152, whole_below=3 * 10**6)
PYICEBERG = Reader(footer=0, columns=False, prunes=False)
