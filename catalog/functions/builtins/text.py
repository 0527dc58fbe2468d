"""Text: strings, regular expressions, URLs, JSON."""

from __future__ import annotations

SCALARS = """\
char2hexint(varchar) -> varchar
chr(bigint) -> varchar(1)
codepoint(varchar(1)) -> integer
concat(E, array(E)) -> array(E)
concat(array(E), array(E)...) -> array(E)
concat(array(E), E) -> array(E)
concat(char(x), char(y)) -> char(u) where joined
concat(varbinary, varbinary, varbinary...) -> varbinary
concat(varchar, varchar, varchar...) -> varchar
concat_ws(varchar, array(varchar)) -> varchar
concat_ws(varchar, varchar...) -> varchar
hamming_distance, levenshtein_distance(varchar(x), varchar(y)) -> bigint
index(varchar, varchar) -> bigint
is_json_scalar($json) -> boolean
json_array_contains($json, $bd) -> boolean
json_array_contains($json, boolean) -> boolean
json_array_contains(json, varchar(x)) -> boolean
json_array_contains(varchar(x), varchar(y)) -> boolean
json_array_get(json, bigint) -> json
json_array_get(varchar(x), bigint) -> json
json_array_length($json) -> bigint
json_extract(json, JsonPath) -> json
json_extract(varchar(x), JsonPath) -> json
json_extract_scalar(json, JsonPath) -> varchar
json_extract_scalar(varchar(x), JsonPath) -> varchar(x)
json_format(json) -> varchar
json_parse(varchar(x)) -> json
json_size($json, JsonPath) -> bigint
length($str) -> bigint
length(varbinary) -> bigint
lower, upper($str) -> $str
lpad(varbinary, bigint, varbinary) -> varbinary
lpad($str, bigint, varchar(y)) -> varchar
ltrim, rtrim, trim($str) -> varchar(x)
ltrim, rtrim, trim($str, CodePoints) -> varchar(x)
luhn_check(varchar) -> boolean
normalize(varchar(x)) -> varchar
normalize(varchar(x), varchar(y)) -> varchar
regexp_count(varchar(x), JoniRegExp) -> bigint
regexp_extract(varchar(x), JoniRegExp) -> varchar(x)
regexp_extract(varchar(x), JoniRegExp, bigint) -> varchar(x)
regexp_extract_all(varchar(x), JoniRegExp) -> array(varchar(x))
regexp_extract_all(varchar(x), JoniRegExp, bigint) -> array(varchar(x))
regexp_like(varchar(x), JoniRegExp) -> boolean
regexp_position(varchar(x), JoniRegExp) -> integer
regexp_position(varchar(x), JoniRegExp, integer) -> integer
regexp_position(varchar(x), JoniRegExp, integer, integer) -> integer
regexp_replace(varchar, JoniRegExp, lambda(array(varchar),varchar(x))) -> varchar
regexp_replace(varchar(x), JoniRegExp) -> varchar(x)
regexp_replace(varchar(x), JoniRegExp, varchar(y)) -> varchar(z) where regexp_replaced
regexp_split(varchar(x), JoniRegExp) -> array(varchar(x))
replace(varchar(x), varchar(y), varchar(z)) -> varchar(u) where replaced
replace(varchar(x), varchar(y)) -> varchar(x)
reverse(array(E)) -> array(E)
reverse($str) -> $str
reverse(varbinary) -> varbinary
rpad(varbinary, bigint, varbinary) -> varbinary
rpad(varchar(x), bigint, varchar(y)) -> varchar
soundex(varchar) -> varchar(4)
split(varchar(x), varchar(y)) -> array(varchar(x))
split(varchar(x), varchar(y), bigint) -> array(varchar(x))
split_part(varchar(x), varchar(y), bigint) -> varchar(x)
split_to_map(varchar, varchar, varchar) -> map(varchar,varchar)
split_to_multimap(varchar, varchar, varchar) -> map(varchar,array(varchar))
starts_with(varchar(x), varchar(y)) -> boolean
strpos(varchar(x), varchar(y)) -> bigint
strpos(varchar(x), varchar(y), bigint) -> bigint
substr(varbinary, bigint) -> varbinary
substr(varbinary, bigint, bigint) -> varbinary
substr($str, bigint) -> varchar(x)
substr($str, bigint, bigint) -> varchar(x)
substring($str, bigint) -> varchar(x)
substring($str, bigint, bigint) -> varchar(x)
translate(varchar(x), varchar(y), varchar(z)) -> varchar
typeof(T) -> varchar
url_decode, url_extract_fragment, url_extract_host, url_extract_path, url_extract_protocol,
    url_extract_query(varchar(x)) -> varchar(x)
url_encode(varchar(x)) -> varchar(y) where url_encoded
url_extract_parameter(varchar(x), varchar(y)) -> varchar(x)
url_extract_port(varchar(x)) -> bigint
!uuid() -> uuid
word_stem(varchar(x)) -> varchar(x)
word_stem(varchar(x), varchar(2)) -> varchar(x)
"""
