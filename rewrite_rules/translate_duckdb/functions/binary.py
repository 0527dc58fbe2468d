"""Functions of bytes: hashes and encodings."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ErrorCode
from rewrite_rules.hmac_keys import constant_bytes, key_blocks
from rewrite_rules.translate_duckdb.functions.call import Call, Function, template
from rewrite_rules.translate_duckdb.text import case, let, raising, refusing, unsupported

_BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_BAD_BASE64 = "^[A-Za-z0-9+/=]*$"


def _to_utf8(call: Call) -> str:
    if call.types[0].base == "char":
        raise unsupported("to_utf8() of char")
    return f"encode({call.args[0]})"


def _text(call: Call) -> None:
    if call.types[0].base != "varchar":
        raise unsupported(f"{call.name}() of {call.types[0]}")


def _from_hex(call: Call) -> str:
    _text(call)
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "String is not an even number of hexadecimal digits")
    return let(
        call.args[0],
        "v",
        lambda v: case((f"NOT regexp_matches({v}, '^([0-9a-fA-F]{{2}})*$')", bad), otherwise=f"unhex({v})"),
    )


def _from_base64(call: Call) -> str:
    _text(call)
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Illegal base64 character")
    return let(
        call.args[0],
        "v",
        lambda v: case(
            (f"regexp_matches({v}, '{_BASE64}')", f"from_base64({v})"),
            (f"{v} IS NULL", "NULL"),
            (f"regexp_matches({v}, '{_BAD_BASE64}')", refusing("from_base64() of text without its padding")),
            otherwise=bad,
        ),
    )


def _from_utf8(call: Call) -> str:
    if len(call.args) > 1:
        raise unsupported("from_utf8() with a replacement")
    return let(
        call.args[0],
        "v",
        lambda v: case(
            (f"TRY(decode({v})) IS NOT NULL OR {v} IS NULL", f"decode({v})"),
            otherwise=refusing("from_utf8() of bytes that are not UTF-8"),
        ),
    )


def _to_big_endian(call: Call) -> str:
    """Write the bytes of a bigint's two's complement."""

    def written(v: str) -> str:
        unsigned = f"CASE WHEN {v} < 0 THEN CAST({v} AS HUGEINT) + {1 << 64}::HUGEINT ELSE {v} END"
        return f"unhex(printf('%016X', CAST({unsigned} AS UBIGINT)))"

    return let(call.args[0], "v", written)


def _hmac(hash_function: str) -> Function:
    """Write an HMAC as two hashes, since DuckDB has none."""

    def write(call: Call) -> str:
        key = constant_bytes(call.nodes[1])
        if key is None:
            raise unsupported(f"{call.name}() with a key that is not constant")
        inner, outer = (f"unhex('{block}')" for block in key_blocks(key, call.name))
        digest = f"unhex({hash_function}({inner} || {call.args[0]}))"
        return f"unhex({hash_function}({outer} || {digest}))"

    return write


def _from_base(call: Call) -> str:
    """Read hexadecimal digits as a number; 15 of them always fit a bigint."""
    if call.integer(1) != 16:
        raise unsupported("from_base() of a radix other than 16")
    return let(
        call.args[0],
        "v",
        lambda v: case(
            (f"NOT regexp_matches({v}, '^[0-9a-fA-F]{{1,15}}$')", refusing("from_base() of other texts")),
            otherwise=f"CAST('0x' || {v} AS BIGINT)",
        ),
    )


SCALARS: Mapping[str, Function] = {
    "to_utf8": _to_utf8,
    "from_utf8": _from_utf8,
    "to_hex": template("hex({0})"),
    "from_hex": _from_hex,
    "to_base64": template("base64({0})"),
    "to_base64url": template("replace(replace(base64({0}), '+', '-'), '/', '_')"),
    "from_base64": _from_base64,
    "md5": template("unhex(md5({0}))"),
    "sha256": template("unhex(sha256({0}))"),
    "hmac_md5": _hmac("md5"),
    "hmac_sha256": _hmac("sha256"),
    "from_base": _from_base,
    "to_big_endian_64": _to_big_endian,
}
