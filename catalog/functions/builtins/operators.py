"""Arithmetic operators as overloads, under names of their own that no statement can call."""

from __future__ import annotations

OPERATORS = """\
operator_add($num, $num) -> $num
operator_add(decimal(p,s), decimal(q,t)) -> decimal(rp,rs) where sum
operator_add(interval day to second, interval day to second) -> interval day to second
operator_add(interval year to month, interval year to month) -> interval year to month
operator_add(date, interval day to second) -> date
operator_add(interval day to second, date) -> date
operator_add(date, interval year to month) -> date
operator_add(interval year to month, date) -> date
operator_add($kind(p), interval day to second) -> $kind(u) where at_least_millis
operator_add(interval day to second, $kind(p)) -> $kind(u) where at_least_millis
operator_add($kind(p) with time zone, interval day to second) -> $kind(u) with time zone where at_least_millis
operator_add(interval day to second, $kind(p) with time zone) -> $kind(u) with time zone where at_least_millis
operator_add($moment, interval year to month) -> $moment
operator_add(interval year to month, $moment) -> $moment
operator_subtract($num, $num) -> $num
operator_subtract(decimal(p,s), decimal(q,t)) -> decimal(rp,rs) where sum
operator_subtract(interval day to second, interval day to second) -> interval day to second
operator_subtract(interval year to month, interval year to month) -> interval year to month
operator_subtract(date, interval day to second) -> date
operator_subtract(date, interval year to month) -> date
operator_subtract($kind(p), interval day to second) -> $kind(u) where at_least_millis
operator_subtract($kind(p) with time zone, interval day to second) -> $kind(u) with time zone where at_least_millis
operator_subtract($moment, interval year to month) -> $moment
operator_subtract(date, date) -> interval day to second
operator_subtract($clock, $clock) -> interval day to second
operator_subtract($moment, $moment) -> interval day to second
operator_multiply($num, $num) -> $num
operator_multiply(decimal(p,s), decimal(q,t)) -> decimal(rp,rs) where product
operator_multiply($bd, interval day to second) -> interval day to second
operator_multiply(interval day to second, $bd) -> interval day to second
operator_multiply($bd, interval year to month) -> interval year to month
operator_multiply(interval year to month, $bd) -> interval year to month
operator_divide($num, $num) -> $num
operator_divide(decimal(p,s), decimal(q,t)) -> decimal(rp,rs) where quotient
operator_divide(interval day to second, $bd) -> interval day to second
operator_divide(interval year to month, $bd) -> interval year to month
operator_modulus($num, $num) -> $num
operator_modulus(decimal(p,s), decimal(q,t)) -> decimal(rp,rs) where remainder
operator_negate($num) -> $num
operator_negate(decimal(p,s)) -> decimal(p,s)
operator_negate(interval day to second) -> interval day to second
operator_negate(interval year to month) -> interval year to month
"""
