"""Trino's built-in functions: which exist, of what kind, and which type a call has."""

from __future__ import annotations

from catalog.functions.binding import AmbiguousCall, Argument, Bound
from catalog.functions.registry import Function, Kind, lookup, lookup_table_function, names, operator_type

__all__ = [
    "AmbiguousCall",
    "Argument",
    "Bound",
    "Function",
    "Kind",
    "lookup",
    "lookup_table_function",
    "names",
    "operator_type",
]
