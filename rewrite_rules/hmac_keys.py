"""HMAC as two plain hashes (RFC 2104), for engines that have no function of that name: its key must be a constant."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlglot import exp

HASHES: Mapping[str, str] = {
    "hmac_md5": "md5",
    "hmac_sha1": "sha1",
    "hmac_sha256": "sha256",
    "hmac_sha512": "sha512",
}
"""Trino's functions and the hashes they are made of."""


def constant_bytes(node: exp.Expr) -> bytes | None:
    """Return the bytes that an expression surely is: X'..', from_hex('..') or to_utf8('..'); None for any other."""
    node = node.unnest()
    if isinstance(node, exp.HexString):
        return _from_hex(str(node.this))
    if not isinstance(node, exp.Anonymous) or len(node.expressions) != 1:
        return None
    argument = node.expressions[0].unnest()
    if not isinstance(argument, exp.Literal) or not argument.args.get("is_string"):
        return None
    name = node.name.lower()
    if name == "to_utf8":
        return str(argument.name).encode()
    return _from_hex(str(argument.name)) if name == "from_hex" else None


def key_blocks(key: bytes, function: str) -> tuple[str, str]:
    """Return, in hexadecimal, what goes before the message and before its hash: `H(outer || H(inner || message))`."""
    hashed = hashlib.new(HASHES[function])
    if len(key) > hashed.block_size:
        hashed.update(key)
        key = hashed.digest()
    block = key.ljust(hashed.block_size, b"\0")
    inner, outer = (bytes(byte ^ mask for byte in block).hex() for mask in (0x36, 0x5C))
    return inner, outer


def _from_hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if text.isalnum() or not text else None
    except ValueError:
        return None
