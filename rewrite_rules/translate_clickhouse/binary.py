"""Bytes: encodings and hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, renamed
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call, guard, string, unsupported_value


def _hash(function: str) -> Function:
    """Return what writes a hash; ClickHouse's has a fixed length, whose last zero bytes a plain cast would cut."""

    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        return call("unhex", call("hex", call(function, scope.value(arguments[0]))))

    return write


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
}
