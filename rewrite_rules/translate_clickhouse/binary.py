"""Bytes: encodings and hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from rewrite_rules.hmac_keys import constant_bytes, key_blocks
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, literal_integer, renamed
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call, guard, string, unsupported_value


def _hash(function: str) -> Function:
    """Return what writes a hash; ClickHouse's has a fixed length, whose last zero bytes a plain cast would cut."""

    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        return call("unhex", call("hex", call(function, scope.value(arguments[0]))))

    return write


def _hmac(name: str, function: str) -> Function:
    """Return what writes an HMAC as two hashes, which every ClickHouse has."""

    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        key = constant_bytes(arguments[1])
        if key is None:
            raise unsupported(f"{name} with a key that is not constant", node)
        inner, outer = (call("unhex", string(block)) for block in key_blocks(key, name))
        digest = call("unhex", call("hex", call(function, call("concat", inner, scope.value(arguments[0])))))
        return call("unhex", call("hex", call(function, call("concat", outer, digest))))

    return write


def _from_base(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Read hexadecimal digits as a number; 15 of them always fit a bigint."""
    if literal_integer(arguments[1], "A radix") != 16:
        raise unsupported("from_base of a radix other than 16", node)
    value = scope.value(arguments[0])
    number = call("reinterpretAsInt64", call("reverse", call("unhex", call("leftPad", value, "16", string("0")))))
    odd = f"NOT {call('match', value, string('^[0-9A-Fa-f]{1,15}$'))}"
    return unsupported_value(odd, "from_base of other texts", number)


def _same(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    if scope.type_of(arguments[0]).base != "varchar":
        raise unsupported(f"to_utf8 of {scope.type_of(arguments[0])}", node)
    return scope.value(arguments[0])


def _from_utf8(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    if len(arguments) > 1:
        raise unsupported("from_utf8 with a replacement", node)
    value = scope.value(arguments[0])
    return unsupported_value(f"NOT isValidUTF8({value})", "from_utf8 of other bytes", value)


def _from_hex(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value = scope.value(arguments[0])
    bad = f"NOT {call('match', value, string('^([0-9A-Fa-f]{2})*$'))}"
    return guard(bad, ErrorCode.INVALID_FUNCTION_ARGUMENT, "String is not hexadecimal", call("unhex", value))


FUNCTIONS: Mapping[str, Function] = {
    "to_utf8": _same,
    "from_utf8": _from_utf8,
    "to_hex": renamed("hex"),
    "from_hex": _from_hex,
    "to_base64": renamed("base64Encode"),
    "from_base64": renamed("base64Decode"),
    "md5": _hash("MD5"),
    "sha1": _hash("SHA1"),
    "sha256": _hash("SHA256"),
    "sha512": _hash("SHA512"),
    "murmur3": _hash("murmurHash3_128"),
    "hmac_md5": _hmac("hmac_md5", "MD5"),
    "hmac_sha1": _hmac("hmac_sha1", "SHA1"),
    "hmac_sha256": _hmac("hmac_sha256", "SHA256"),
    "hmac_sha512": _hmac("hmac_sha512", "SHA512"),
    "from_base": _from_base,
}
