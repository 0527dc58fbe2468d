"""Text functions, by code points and by Trino's idea of white space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.types import BIGINT, VARCHAR
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, literal_integer, literal_text
from rewrite_rules.translate_clickhouse.like import like
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, either, operator, string, unsupported_value

_TEXT = ("varchar", "char")
_WHITE = " \t\n\v\f\r\x1c\x1d\x1e\x1f"
_OTHER_WHITE = "[\u0085\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]"
"""Characters that one side or the other may take for white space."""


def _text(node: exp.Expr, scope: Scope) -> str:
    kind = scope.type_of(node)
    if kind.base not in ("varchar", "unknown"):
        raise unsupported(f"A text function of {kind}", node)
    return scope.value(node)


def non_ascii(text: str) -> str:
    """Write the condition that a text holds more than ASCII."""
    return operator("!=", (call("length", text), call("lengthUTF8", text)))


def _length(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, kind = scope.value(arguments[0]), scope.type_of(arguments[0])
    return call("toInt64", call("length" if kind.base == "varbinary" else "lengthUTF8", value))


def _case(function: str) -> Function:
    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        value = scope.value(arguments[0]) if scope.type_of(arguments[0]).base in _TEXT else _text(arguments[0], scope)
        return unsupported_value(non_ascii(value), f"{function} of text beyond ASCII", call(function, value))

    return write


def _concat(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    kind = scope.type_of(node)
    if kind.base == "array":
        return _concat_arrays(arguments, node, scope)
    if kind.base not in ("varchar", "varbinary") or any(scope.type_of(a).base == "char" for a in arguments):
        raise unsupported(f"concat to {kind}", node)
    return call("concat", *(scope.value(a) for a in arguments))


def _concat_arrays(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    kind = scope.type_of(node)
    parts = []
    for argument in arguments:
        if scope.type_of(argument).base == "array":
            parts.append(coerced(argument, kind, scope))
        else:
            parts.append(f"[{coerced(argument, kind.arguments[0], scope)}]")
    return call("arrayConcat", *parts)


def double_pipe(node: exp.Expr, scope: Scope) -> str:
    """Translate `||`, a chain of which is one call."""
    parts: list[exp.Expr] = []
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, exp.DPipe):
            stack.extend((part.expression, part.this))
        else:
            parts.append(part)
    return _concat(parts, node, scope)


def _concat_ws(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    separator, *rest = arguments
    if len(rest) == 1 and scope.type_of(rest[0]).base == "array":
        array = scope.value(rest[0])
    else:
        array = f"[{', '.join(coerced(a, VARCHAR, scope) for a in rest)}]"
    return call(
        "arrayStringConcat", f"arrayFilter(e0 -> isNotNull(e0), {array})", literal_or_not_null(separator, scope)
    )


def literal_or_not_null(node: exp.Expr, scope: Scope) -> str:
    """Write a separator, which has to be a literal for ClickHouse."""
    return string(literal_text(node, "A separator"))


def _trim(function: str) -> Function:
    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        value = _text(arguments[0], scope)
        if len(arguments) > 1:
            return _trim_characters(function, value, arguments[1])
        odd = call("match", value, string(_OTHER_WHITE))
        return unsupported_value(odd, "Trimming this white space", call(function, value, string(_WHITE)))

    return write


def _trim_characters(function: str, value: str, characters: exp.Expr) -> str:
    text = literal_text(characters, "Characters to trim")
    if not text or not text.isascii():
        raise unsupported("Trimming these characters", characters)
    return call(function, value, string(text))


_TRIMS = {"LEADING": "trimLeft", "TRAILING": "trimRight", "": "trimBoth", "BOTH": "trimBoth"}


def trim(node: exp.Expr, scope: Scope) -> str:
    """Translate TRIM(LEADING x FROM y) and its like."""
    characters = node.args.get("expression")
    arguments = [node.this] if characters is None else [node.this, characters]
    return _trim(_TRIMS[str(node.args.get("position") or "").upper()])(arguments, node, scope)


def _substring(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Cut by code points; a start of 0 or before the text gives the empty text, as does a length below 1."""
    value = scope.value(arguments[0])
    if scope.type_of(arguments[0]).base != "varchar":
        raise unsupported(f"substring of {scope.type_of(arguments[0])}", node)
    start, *length = (coerced(a, BIGINT, scope) for a in arguments[1:])
    size = call("toInt64", call("lengthUTF8", value))
    outside = [f"{start} = 0", f"{start} > {size}", f"{start} < -{size}", *(f"{n} <= 0" for n in length)]
    # A constant start of 0 is an error even where it is not chosen.
    cut = call("substringUTF8", value, either(f"{start} = 0", "toInt64(1)", start), *length)
    anything_null = operator("OR", (call("isNull", part) for part in (value, start, *length)))
    return call("multiIf", anything_null, "NULL", operator("OR", outside), "''", cut)


def substring(node: exp.Expr, scope: Scope) -> str:
    """Translate SUBSTRING(x FROM y FOR z)."""
    parts = [node.this, node.args.get("start"), node.args.get("length")]
    return _substring([part for part in parts if part is not None], node, scope)


def _replace(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    search = literal_text(arguments[1], "A text to search for")
    if not search:
        raise unsupported("Replacing the empty text", node)
    new = scope.value(arguments[2]) if len(arguments) > 2 else "''"
    return call("replaceAll", _text(arguments[0], scope), string(search), new)


def _reverse(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    base = scope.type_of(arguments[0]).base
    if base not in ("varchar", "array"):
        raise unsupported(f"reverse of {base}", node)
    return call("reverse" if base == "array" else "reverseUTF8", scope.value(arguments[0]))


def _strpos(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    if len(arguments) > 2:
        raise unsupported("strpos with an instance", node)
    return call("toInt64", call("positionUTF8", _text(arguments[0], scope), _text(arguments[1], scope)))


def position(node: exp.Expr, scope: Scope) -> str:
    """Translate POSITION(x IN y)."""
    return _strpos([node.this, node.args["substr"]], node, scope)


def _starts_with(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    return call("startsWith", *(_text(a, scope) for a in arguments))


def parts_of(arguments: Sequence[exp.Expr], scope: Scope, *limit: str) -> tuple[str, str]:
    """Write a text split at a literal, and the text."""
    value, delimiter = _text(arguments[0], scope), literal_text(arguments[1], "A delimiter")
    if not delimiter:
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, "The delimiter may not be the empty string")
    return call("splitByString", string(delimiter), call("assumeNotNull", value), *limit), value


def _split(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    limit = [literal_integer(a, "A limit") for a in arguments[2:]]
    if any(n < 1 for n in limit):
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Limit must be positive")
    parts, value = parts_of(arguments, scope, *(str(n) for n in limit))
    return unsupported_value(call("isNull", value), "Splitting NULL to an array", parts, "[]")


def _split_part(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    index = literal_integer(arguments[2], "An index")
    if index < 1:
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Index must be greater than zero")
    parts, value = parts_of(arguments, scope)
    missing = operator("OR", (call("isNull", value), f"length({parts}) < {index}"))
    return either(missing, "NULL", f"{parts}[{index}]")


def _pad(function: str) -> Function:
    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        size, pad = literal_integer(arguments[1], "A length"), literal_text(arguments[2], "A padding")
        if size < 0 or not pad:
            message = (
                "Target length must be in the range [0..2147483647]" if pad else "Padding string must not be empty"
            )
            raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, message)
        if not pad.isascii() or size > 10_000:
            raise unsupported("This padding", node)
        return call(function, _text(arguments[0], scope), str(size), string(pad))

    return write


def _levenshtein(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    return call("toInt64", call("editDistanceUTF8", *(_text(a, scope) for a in arguments)))


def _chr(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Write the character of a literal code point."""
    code = literal_integer(arguments[0], "A code point")
    if not 0 < code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise unsupported("This code point", node)
    return string(chr(code))


def normalize(node: exp.Expr, scope: Scope) -> str:
    """Translate NORMALIZE(x, form)."""
    form = node.args.get("form")
    name = form.name if isinstance(form, exp.Expr) else "NFC"  # Trino takes none in lower case
    if name not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise unsupported(f"The normal form {name}", node)
    return call(f"normalizeUTF8{name}", _text(node.this, scope))


def _translate(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    source, target = (literal_text(a, "Characters to translate") for a in arguments[1:])
    if len(source) != len(target) or len(set(source)) != len(source) or not (source + target).isascii():
        raise unsupported("translate of these characters", node)
    return call("translateUTF8", _text(arguments[0], scope), string(source), string(target))


FUNCTIONS: Mapping[str, Function] = {
    "length": _length,
    "lower": _case("lower"),
    "upper": _case("upper"),
    "concat": _concat,
    "concat_ws": _concat_ws,
    "trim": _trim("trimBoth"),
    "ltrim": _trim("trimLeft"),
    "rtrim": _trim("trimRight"),
    "substr": _substring,
    "substring": _substring,
    "replace": _replace,
    "reverse": _reverse,
    "strpos": _strpos,
    "starts_with": _starts_with,
    "split": _split,
    "split_part": _split_part,
    "lpad": _pad("leftPadUTF8"),
    "rpad": _pad("rightPadUTF8"),
    "levenshtein_distance": _levenshtein,
    "chr": _chr,
    "translate": _translate,
}
HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.DPipe: double_pipe,
    exp.Trim: trim,
    exp.Substring: substring,
    exp.StrPosition: position,
    exp.Normalize: normalize,
    exp.Like: like,
    exp.Escape: like,
}
