"""Bytes: hashes, checksums, encodings."""

from __future__ import annotations

SCALARS = """\
crc32, from_big_endian_64(varbinary) -> bigint
from_base32, from_base64, from_base64url, from_hex(varbinary) -> varbinary
from_base32, from_base64, from_base64url, from_hex(varchar(x)) -> varbinary
from_big_endian_32(varbinary) -> integer
from_ieee754_32(varbinary) -> real
from_ieee754_64(varbinary) -> double
from_utf8(varbinary) -> varchar
from_utf8(varbinary, bigint) -> varchar
from_utf8(varbinary, varchar(x)) -> varchar
hmac_md5, hmac_sha1, hmac_sha256, hmac_sha512(varbinary, varbinary) -> varbinary
md5, murmur3, sha1, sha256, sha512, spooky_hash_v2_32, spooky_hash_v2_64, xxhash64(varbinary) -> varbinary
to_base32, to_base64, to_base64url, to_hex(varbinary) -> varchar
to_big_endian_32(integer) -> varbinary
to_big_endian_64(bigint) -> varbinary
to_ieee754_32(real) -> varbinary
to_ieee754_64(double) -> varbinary
to_utf8($str) -> varbinary
"""
