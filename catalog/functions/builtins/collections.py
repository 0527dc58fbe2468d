"""Arrays and maps, with the functions that take lambdas."""

from __future__ import annotations

SCALARS = """\
all_match, any_match, none_match(array(T), lambda(T,boolean)) -> boolean
array_distinct(array(E=)) -> array(E)
array_except, array_intersect, array_union(array(E=), array(E=)) -> array(E)
array_histogram(array(T=)) -> map(T,bigint)
array_join(array(E), varchar) -> varchar
array_join(array(E), varchar, varchar) -> varchar
array_max, array_min(array(T<)) -> T
array_position(array(T=), T) -> bigint
array_remove(array(E=), E) -> array(E)
array_sort(array(E<)) -> array(E)
array_sort(array(T), lambda(T,T,integer)) -> array(T)
arrays_overlap(array(E=), array(E=)) -> boolean
cardinality(array(E)) -> bigint
cardinality(HyperLogLog) -> bigint
cardinality(map(K,V)) -> bigint
cardinality(SetDigest) -> bigint
combinations, ngrams(array(T), integer) -> array(array(T))
contains(array(T=), T) -> boolean
contains(varchar, ipaddress) -> boolean
contains_sequence(array(T=), array(T=)) -> boolean
element_at(map(K,V), K) -> V
element_at(array(E), bigint) -> E
filter(array(T), lambda(T,boolean)) -> array(T)
flatten(array(array(E))) -> array(E)
map(array(K=), array(V)) -> map(K,V)
map() -> map(unknown,unknown)
map_concat(map(K,V), map(K,V), map(K,V)...) -> map(K,V)
map_entries(map(K,V)) -> array(row(K,V))
map_filter(map(K,V), lambda(K,V,boolean)) -> map(K,V)
map_from_entries(array(row(K=,V))) -> map(K,V)
map_keys(map(K,V)) -> array(K)
map_values(map(K,V)) -> array(V)
map_zip_with(map(K,V1), map(K,V2), lambda(K,V1,V2,V3)) -> map(K,V3)
multimap_from_entries(array(row(K=,V))) -> map(K,array(V))
reduce(array(T), S, lambda(S,T,S), lambda(S,R)) -> R
repeat(T, bigint) -> array(T)
sequence(bigint, bigint) -> array(bigint)
sequence(bigint, bigint, bigint) -> array(bigint)
sequence(date, date) -> array(date)
sequence(date, date, interval day to second) -> array(date)
sequence(date, date, interval year to month) -> array(date)
sequence(timestamp(p), timestamp(p), interval day to second) -> array(timestamp(p))
sequence(timestamp(p), timestamp(p), interval year to month) -> array(timestamp(p))
!shuffle(array(E)) -> array(E)
slice(array(E), bigint, bigint) -> array(E)
transform(array(T), lambda(T,U)) -> array(U)
transform_keys(map(K1,V), lambda(K1,V,K2)) -> map(K2,V)
transform_values(map(K,V1), lambda(K,V1,V2)) -> map(K,V2)
trim_array(array(E), bigint) -> array(E)
zip(array(T1), array(T2)) -> array(row(T1,T2))
zip(array(T1), array(T2), array(T3)) -> array(row(T1,T2,T3))
zip(array(T1), array(T2), array(T3), array(T4)) -> array(row(T1,T2,T3,T4))
zip(array(T1), array(T2), array(T3), array(T4), array(T5)) -> array(row(T1,T2,T3,T4,T5))
zip_with(array(T), array(U), lambda(T,U,R)) -> array(R)
"""
