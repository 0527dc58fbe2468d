"""Numbers: mathematics, bits, comparisons, number bases."""

from __future__ import annotations

SCALARS = """\
abs(decimal(p,s)) -> decimal(p,s)
abs($num) -> $num
acos, asin, atan, cbrt, cos, cosh, degrees, exp, ln, log10, log2, radians, sin, sinh, sqrt, tan,
    tanh(double) -> double
atan2, log, pow, power, t_cdf, t_pdf(double, double) -> double
bar(double, bigint) -> varchar
bar(double, bigint, color, color) -> varchar
beta_cdf, inverse_beta_cdf, inverse_normal_cdf, normal_cdf(double, double, double) -> double
bit_count, bitwise_and, bitwise_or, bitwise_xor(bigint, bigint) -> bigint
bitwise_left_shift, bitwise_right_shift, bitwise_right_shift_arithmetic($int, integer) -> $int
bitwise_not(bigint) -> bigint
ceil, ceiling, floor(decimal(p,s)) -> decimal(rp,0) where whole
ceil, ceiling, floor($num) -> $num
cosine_distance, dot_product, euclidean_distance(array(double), array(double)) -> double
cosine_similarity(array(double), array(double)) -> double
cosine_similarity(map(varchar,double), map(varchar,double)) -> double
e, infinity, nan, pi() -> double
format_number($bd) -> varchar
from_base(varchar(x), bigint) -> bigint
greatest, least(E<, E<...) -> E
human_readable_seconds(double) -> varchar
is_finite, is_infinite(double) -> boolean
is_nan($fp) -> boolean
mod(decimal(p,s), decimal(q,t)) -> decimal(rp,rs) where remainder
mod($num, $num) -> $num
parse_data_size, parse_presto_data_size(varchar(x)) -> decimal(38,0)
!rand, random() -> double
!rand, random($int) -> $int
!rand, random($int, $int) -> $int
round(decimal(p,s)) -> decimal(rp,0) where whole
round(decimal(p,s), integer) -> decimal(rp,s) where one_more_digit
round($num) -> $num
round($num, integer) -> $num
sign(decimal(p,s)) -> decimal(1,0)
sign($num) -> $num
to_base(bigint, bigint) -> varchar(64)
truncate(decimal(p,s), integer) -> decimal(p,s)
truncate(decimal(p,s)) -> decimal(rp,0) where truncated
truncate($fp) -> $fp
width_bucket(double, array(double)) -> bigint
width_bucket(double, double, double, bigint) -> bigint
wilson_interval_lower, wilson_interval_upper(bigint, bigint, double) -> double
"""
