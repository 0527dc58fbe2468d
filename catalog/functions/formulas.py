"""Number variables that only a function's result has: lengths, precisions and scales, as Trino computes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.types import MAX_DECIMAL_PRECISION, UNBOUNDED_LENGTH

Numbers = Mapping[str, int]


def _length(value: int) -> int:
    return min(UNBOUNDED_LENGTH, value)


def _whole(n: Numbers) -> dict[str, int]:
    return {"rp": min(MAX_DECIMAL_PRECISION, n["p"] - n["s"] + min(n["s"], 1))}


def _sum(n: Numbers) -> dict[str, int]:
    scale = max(n["s"], n["t"])
    return {"rp": min(MAX_DECIMAL_PRECISION, max(n["p"] - n["s"], n["q"] - n["t"]) + scale + 1), "rs": scale}


def _product(n: Numbers) -> dict[str, int]:
    return {"rp": min(MAX_DECIMAL_PRECISION, n["p"] + n["q"]), "rs": n["s"] + n["t"]}


def _quotient(n: Numbers) -> dict[str, int]:
    precision = n["p"] + n["t"] + max(n["t"] - n["s"], 0)
    return {"rp": min(MAX_DECIMAL_PRECISION, precision), "rs": max(n["s"], n["t"])}


def _remainder(n: Numbers) -> dict[str, int]:
    scale = max(n["s"], n["t"])
    return {"rp": min(n["q"] - n["t"], n["p"] - n["s"]) + scale, "rs": scale}


def _regexp_replaced(n: Numbers) -> dict[str, int]:
    x, y = n["x"], n["y"]
    return {"z": _length(x + max(x * y // 2, y) * (x + 1))}


FORMULAS: dict[str, Callable[[Numbers], dict[str, int]]] = {
    "joined": lambda n: {"u": n["x"] + n["y"]},
    "whole": _whole,
    "truncated": lambda n: {"rp": max(n["p"] - n["s"], 1)},
    "one_more_digit": lambda n: {"rp": min(MAX_DECIMAL_PRECISION, n["p"] + 1)},
    "sum": _sum,
    "product": _product,
    "quotient": _quotient,
    "remainder": _remainder,
    "at_least_millis": lambda n: {"u": max(n["p"], 3)},
    "replaced": lambda n: {"u": _length(n["x"] + n["z"] * (n["x"] + 1))},
    "regexp_replaced": _regexp_replaced,
    "url_encoded": lambda n: {"y": _length(n["x"] * 12)},
    "rendered": lambda n: {"y": _length(n["x"] + 15)},
    "iso_text": lambda n: {"n": 22 + (n["p"] + 1 if n["p"] else 0)},
    "iso_text_with_zone": lambda n: {"n": 28 + (n["p"] + 1 if n["p"] else 0)},
}
"""Formulas by the name that signatures use; each is given the bound variables and returns the new ones."""
