"""Trino's types: one frozen value for each, its text and its wire signature.  (ANALYSIS replaces this first sketch.)"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrinoType:
    """Describe a Trino type: `base` as in `rawType` (`decimal`, `timestamp with time zone`, `row`).

    `parameters` are ints (precision, scale, length) and nested types; `fields` names the fields of a row
    (None for an anonymous field), parallel to `parameters`.
    """

    base: str
    parameters: tuple[TrinoType | int, ...] = ()
    fields: tuple[str | None, ...] = ()
