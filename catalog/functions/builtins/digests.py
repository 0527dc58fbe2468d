"""Sketches: HyperLogLog, quantile digests, set digests."""

from __future__ import annotations

SCALARS = """\
empty_approx_set() -> HyperLogLog
hash_counts(SetDigest) -> map(bigint,smallint)
intersection_cardinality(SetDigest, SetDigest) -> bigint
jaccard_index(SetDigest, SetDigest) -> double
quantile_at_value(qdigest(bigint), bigint) -> double
quantile_at_value(qdigest($fp), $fp) -> double
value_at_quantile(qdigest(bigint), double) -> bigint
value_at_quantile(tdigest, double) -> double
value_at_quantile(qdigest($fp), double) -> $fp
values_at_quantiles(qdigest(bigint), array(double)) -> array(bigint)
values_at_quantiles(tdigest, array(double)) -> array(double)
values_at_quantiles(qdigest($fp), array(double)) -> array($fp)
"""
