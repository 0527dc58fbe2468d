"""Aggregate and window functions."""

from __future__ import annotations

AGGREGATES = """\
any_value, arbitrary(T) -> T
approx_distinct(boolean) -> bigint
approx_distinct(boolean, double) -> bigint
approx_distinct(T=) -> bigint
approx_distinct(T=, double) -> bigint
approx_distinct(unknown) -> bigint
approx_distinct(unknown, double) -> bigint
approx_most_frequent(bigint, bigint, bigint) -> map(bigint,bigint)
approx_most_frequent(bigint, varchar, bigint) -> map(varchar,bigint)
approx_percentile(bigint, array(double)) -> array(bigint)
approx_percentile(bigint, double, array(double)) -> array(bigint)
approx_percentile($fp, array(double)) -> array($fp)
approx_percentile($fp, double, array(double)) -> array($fp)
approx_percentile(bigint, double) -> bigint
approx_percentile(bigint, double, double) -> bigint
approx_percentile(bigint, double, double, double) -> bigint
approx_percentile($fp, double) -> $fp
approx_percentile($fp, double, double) -> $fp
approx_percentile($fp, double, double, double) -> $fp
approx_set($bd) -> HyperLogLog
approx_set(varchar(x)) -> HyperLogLog
array_agg(T) -> array(T)
avg(decimal(p,s)) -> decimal(p,s)
avg(bigint) -> double
avg(interval day to second) -> interval day to second
avg(interval year to month) -> interval year to month
avg($fp) -> $fp
bitwise_and_agg, bitwise_or_agg, bitwise_xor_agg(bigint) -> bigint
bool_and, bool_or, every(boolean) -> boolean
checksum(T=) -> varbinary
corr, covar_pop, covar_samp, regr_intercept, regr_slope($fp, $fp) -> $fp
count() -> bigint
count(T) -> bigint
count_if(boolean) -> bigint
geometric_mean(bigint) -> double
geometric_mean($fp) -> $fp
histogram(T=) -> map(T,bigint)
kurtosis, skewness, stddev, stddev_pop, stddev_samp, var_pop, var_samp, variance($bd) -> double
listagg(varchar, varchar, boolean, varchar, boolean) -> varchar
make_set_digest(T) -> SetDigest
map_agg(K=, V) -> map(K,V)
map_union(map(K=,V)) -> map(K,V)
max, min(E<, bigint) -> array(E)
max, min(T<) -> T
max_by, min_by(V, K<, bigint) -> array(V)
max_by, min_by(V, K<) -> V
merge(HyperLogLog) -> HyperLogLog
merge(qdigest(V)) -> qdigest(V)
merge(tdigest) -> tdigest
merge_set_digest(SetDigest) -> SetDigest
multimap_agg(K=, V) -> map(K,array(V))
numeric_histogram(bigint, $fp) -> map($fp,$fp)
numeric_histogram(bigint, $fp, double) -> map($fp,$fp)
qdigest_agg(bigint) -> qdigest(bigint)
qdigest_agg(bigint, bigint) -> qdigest(bigint)
qdigest_agg(bigint, bigint, double) -> qdigest(bigint)
qdigest_agg($fp) -> qdigest($fp)
qdigest_agg($fp, bigint) -> qdigest($fp)
qdigest_agg($fp, bigint, double) -> qdigest($fp)
reduce_agg(T, S, lambda(S,T,S), lambda(S,S,S)) -> S
sum(bigint) -> bigint
sum(decimal(p,s)) -> decimal(38,s)
sum(interval day to second) -> interval day to second
sum(interval year to month) -> interval year to month
sum($fp) -> $fp
tdigest_agg(double) -> tdigest
tdigest_agg(double, double) -> tdigest
"""

WINDOWS = """\
cume_dist, percent_rank() -> double
dense_rank, rank, row_number() -> bigint
first_value, last_value(T) -> T
lag, lead(T) -> T
lag, lead(T, bigint) -> T
lag, lead(T, bigint, T) -> T
nth_value(T, bigint) -> T
ntile(bigint) -> bigint
"""
