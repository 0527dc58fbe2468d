"""What the manifests of one snapshot say of its files, in Arrow columns: some 25 bytes for each file and field.

Bounds are kept in the order that Iceberg compares by: whole numbers for dates and times, UTF-8 for text. What a
manifest does not say, or says in a form that cannot be trusted (a bound that is NaN), is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.typedef import Record


class Partition(NamedTuple):
    """One partition: a spec, and the values of its fields."""

    spec: int
    values: tuple[Any, ...]

    @property
    def record(self) -> Record:
        """Return it as pyiceberg evaluates it."""
        return Record(*self.values)


@dataclass(frozen=True, slots=True)
class FieldFigures:
    """What is said of one field in each file; all arrays have one element a file, null where nothing is said."""

    sizes: pa.Array
    nulls: pa.Array
    nans: pa.Array
    lower: pa.Array | None = None
    upper: pa.Array | None = None
    """None for types that have no order to prune by."""

    @property
    def held(self) -> int:
        """Return the bytes of memory it takes."""
        bounds = [bound for bound in (self.lower, self.upper) if bound is not None]
        return sum(int(array.nbytes) for array in (self.sizes, self.nulls, self.nans, *bounds))


@dataclass(frozen=True, slots=True)
class DeleteFigures:
    """What is said of delete files, together."""

    files: int = 0
    bytes: int = 0
    positions: int = 0
    """Rows that they say are deleted, by position."""
    equality: bool = False
    """Some delete by values: how many rows cannot be told."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All live files of one snapshot."""

    snapshot: int | None
    sizes: pa.Array
    rows: pa.Array
    groups: pa.Array
    """How many row groups a file has, 1 where it is not said."""
    partition: pa.Array
    """Which of `partitions` a file is in."""
    partitions: tuple[Partition, ...]
    fields: Mapping[int, FieldFigures]
    deletes: DeleteFigures = DeleteFigures()

    def __len__(self) -> int:
        """Return how many data files there are."""
        return len(self.sizes)

    @property
    def held(self) -> int:
        """Return the bytes of memory it takes, near enough."""
        files = sum(int(array.nbytes) for array in (self.sizes, self.rows, self.groups, self.partition))
        return files + 200 * len(self.partitions) + sum(field.held for field in self.fields.values())


def total(numbers: pa.Array) -> int:
    """Return the sum of an array of whole numbers; of none it is 0."""
    return int(pc.sum(numbers).as_py() or 0)
