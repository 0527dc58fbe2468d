"""Column masks: total, type-preserving expressions over raw columns, a module for each kind.

Each is made of functions that all engines share (substr, length, concat, CASE, CAST), works on code points, never
fails, hides lengths, and keeps NULL unless told otherwise. What does not fit a column's type is refused here, when
policies meet the table, and not when a query runs. Source: policy-semantics section 8.
"""

from __future__ import annotations

from policies.masks.build import build_mask
from policies.masks.fit import fits
from policies.masks.keyed import HashKey

__all__ = ["HashKey", "build_mask", "fits"]
