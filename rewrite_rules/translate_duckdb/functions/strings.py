"""Functions of text, counted in code points as Trino does."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ErrorCode
from rewrite_rules.translate_duckdb.functions.call import Call, Function, plain
from rewrite_rules.translate_duckdb.text import as_type, case, let, let_all, raising, refusing, string, unsupported

WHITE_SPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2008\u2009\u200a\u2028\u2029\u205f\u3000"
)
"""What trim() removes: Java's white space, which excludes the no-break spaces."""
MANY = 1_000_000


def _padded(call: Call, place: int) -> str:
    """Return a text argument; a char with its padding."""
    kind = call.types[place]
    return f"rpad({call.args[place]}, {kind.numbers[0]}, ' ')" if kind.base == "char" else call.args[place]


def _length(call: Call) -> str:
    if call.types[0].base == "char":
        return f"CASE WHEN {call.args[0]} IS NULL THEN NULL ELSE CAST({call.types[0].numbers[0]} AS BIGINT) END"
    if call.types[0].base == "varbinary":
        return f"octet_length({call.args[0]})"
    return f"length({call.args[0]})"


def _concat(call: Call) -> str:
    kind = call.types[0].base
    if call.result.base == "array":
        return _concat_lists(call)
    if kind == "char":
        raise unsupported("concat() of char")
    return f"({' || '.join(call.args)})"


def _concat_lists(call: Call) -> str:
    """Join arrays, or an array and an element in front of or behind it; NULL arrays give NULL."""
    element = call.result.arguments[0]
    lists = [
        (arg, f"({arg}) IS NULL") if type_ == call.result else (as_type(f"[{arg}]", call.result), None)
        for arg, type_ in zip(call.args, call.types, strict=True)
    ]
    if any(null is None for _, null in lists) and any(t not in (call.result, element) for t in call.types):
        raise unsupported("this call of concat")
    null = " OR ".join(null for _, null in lists if null is not None)
    joined = f"flatten([{', '.join(text for text, _ in lists)}])"
    return case((null, "NULL"), otherwise=joined) if null else joined


def _concat_ws(call: Call) -> str:
    separator = call.args[0]
    if len(call.args) == 1:
        raise unsupported("concat_ws() of nothing")
    if call.types[1].base == "array":
        items = f"list_filter({call.args[1]}, lambda x: x IS NOT NULL)"
        return case(
            (f"{separator} IS NULL OR {call.args[1]} IS NULL", "NULL"),
            otherwise=f"array_to_string({items}, {separator})",
        )
    return f"concat_ws({', '.join(call.args)})"


def _substr(call: Call) -> str:
    """A start of 0, or one before the text, gives the empty text; a negative start counts from the end."""
    if call.types[0].base == "varbinary":
        raise unsupported("substr() of varbinary")
    start = call.args[1]
    length = call.args[2] if len(call.args) > 2 else None
    if call.types[0].base == "char":
        raise unsupported("substr() of char")

    def cut(v: str, s: str) -> str:
        begin = f"CASE WHEN {s} > 0 THEN {s} ELSE length({v}) + {s} + 1 END"
        rest = f", least({length}, {MANY * 10})" if length is not None else ""
        bad = f"{s} = 0 OR {s} > length({v}) OR {begin} < 1" + (f" OR {length} <= 0" if length is not None else "")
        null = f"{v} IS NULL OR {s} IS NULL" + (f" OR {length} IS NULL" if length is not None else "")
        return case((null, "NULL"), (bad, "''"), otherwise=f"substr({v}, {begin}{rest})")

    return let_all((call.args[0], start), "v", cut)


def _pad(name: str) -> Function:
    def write(call: Call) -> str:
        if call.types[0].base != "varchar":
            raise unsupported(f"{name}() of {call.types[0]}")
        text, size, fill = call.args
        bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"{name}() with a negative size or an empty filling")
        return case(
            (f"{size} < 0 OR {size} > {MANY} OR {fill} = ''", bad),
            otherwise=f"{name}({text}, CAST({size} AS INTEGER), {fill})",
        )

    return write


def _trim(name: str) -> Function:
    def write(call: Call) -> str:
        if call.types[0].base == "char":
            raise unsupported(f"{name}() of char")
        characters = string(WHITE_SPACE)
        if len(call.args) > 1:
            characters = call.args[1]
        return f"{name}({call.args[0]}, {characters})"

    return write


def _position(call: Call) -> str:
    if len(call.args) == 2:
        return f"CAST(strpos({call.args[0]}, {call.args[1]}) AS BIGINT)"
    return _nth_position(call, call.integer(2))


def _nth_position(call: Call, number: int) -> str:
    """Find the n-th of the places where the text is found, overlapping ones included."""
    text, part = call.args[:2]
    if number == 0:
        raise unsupported("strpos() with instance 0")

    def find(v: str, w: str) -> str:
        starts = f"range(CAST(1 AS BIGINT), length({v}) - length({w}) + 2)"
        places = f"list_filter({starts}, lambda x: substr({v}, x, length({w})) = {w})"
        return case(
            (f"{v} IS NULL OR {w} IS NULL", "NULL"),
            (f"{w} = ''", refusing("strpos() of the empty text")),
            otherwise=f"coalesce(list_extract({places}, {number}), 0)",
        )

    return let_all((text, part), "v", find)


def _replace(call: Call) -> str:
    new = call.args[2] if len(call.args) > 2 else "''"
    return let(
        call.args[1],
        "w",
        lambda w: case(
            (f"{w} = ''", _between_all(call.args[0], new) if len(call.args) > 2 else call.args[0]),
            otherwise=f"replace({call.args[0]}, {w}, {new})",
        ),
    )


def _between_all(text: str, new: str) -> str:
    """Replacing nothing puts the new text around and between all characters."""
    characters = f"list_transform(range(CAST(1 AS BIGINT), length({text}) + 1), lambda x: substr({text}, x, 1))"
    return f"({new} || array_to_string({characters}, {new}) || CASE WHEN {text} = '' THEN '' ELSE {new} END)"


def _reverse(call: Call) -> str:
    kind = call.types[0].base
    if kind == "array":
        return f"list_reverse({call.args[0]})"
    if kind != "varchar":
        raise unsupported(f"reverse() of {kind}")

    def turned(v: str) -> str:
        backwards = f"range(length({v}), CAST(0 AS BIGINT), -1)"
        return f"array_to_string(list_transform({backwards}, lambda x: substr({v}, x, 1)), '')"

    return let(call.args[0], "v", turned)


def _split(call: Call) -> str:
    text, separator = call.args[:2]
    empty = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "The delimiter may not be the empty string")
    if len(call.args) == 2:
        return let(
            separator,
            "w",
            lambda w: case((f"{w} = ''", empty), (f"{w} IS NULL", "NULL"), otherwise=f"string_split({text}, {w})"),
        )
    limit = call.integer(2)
    if limit < 1:
        raise unsupported("split() with this limit")

    def cut(w: str) -> str:
        parts = f"string_split({text}, {w})"
        rest = f"array_to_string(list_slice({parts}, {limit}, len({parts})), {w})"
        return case(
            (f"{w} = ''", empty),
            (f"{parts} IS NULL", "NULL"),
            (f"len({parts}) <= {limit}", parts),
            otherwise=f"list_append(list_slice({parts}, 1, {limit - 1}), {rest})",
        )

    return let(separator, "w", cut)


def _split_part(call: Call) -> str:
    text, separator, index = call.args
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Index must be greater than zero")

    # Nothing is refused where a literal says that there is something to split by: TRY may then stand around it.
    known = call.is_text(1) and call.literal(1) != ""
    empty = [] if known else [("{0} = ''", refusing("split_part() by the empty text"))]

    def pick(w: str, i: str) -> str:
        return case(
            (f"{i} <= 0", bad),
            *((condition.format(w), refusal) for condition, refusal in empty),
            (f"{w} IS NULL OR {i} IS NULL", "NULL"),
            otherwise=f"list_extract(string_split({text}, {w}), {i})",
        )

    return let_all((separator, index), "w", pick)


def _split_to_map(call: Call) -> str:
    text, entries, values = call.args
    bad = raising(
        ErrorCode.INVALID_FUNCTION_ARGUMENT,
        "Key-value delimiter must appear exactly once in each entry, and no key twice",
    )
    written = f"list_filter(string_split({text}, {entries}), lambda x: x <> '')"

    def build(v: str) -> str:
        keys = f"list_transform({v}, lambda x: x[1])"
        twice = f"len(list_distinct({keys})) <> len({v})"
        return case(
            (f"{v} IS NULL", "NULL"),
            (f"len(list_filter({v}, lambda x: len(x) <> 2)) > 0 OR {twice}", bad),
            otherwise=f"map_from_entries(list_transform({v}, lambda x: row(x[1], x[2])))",
        )

    return let(f"list_transform({written}, lambda x: string_split(x, {values}))", "v", build)


def _chr(call: Call) -> str:
    point = call.args[0]
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Not a valid Unicode code point")
    return let(
        point,
        "v",
        lambda v: case(
            (f"{v} < 0 OR {v} > 1114111 OR {v} BETWEEN 55296 AND 57343", bad),
            (f"{v} = 0", refusing("text with a NUL character")),
            otherwise=f"chr(CAST({v} AS INTEGER))",
        ),
    )


def _normalize(call: Call) -> str:
    if len(call.args) > 1:
        raise unsupported("normalize() to this form")
    return f"nfc_normalize({call.args[0]})"


def _upper(call: Call) -> str:
    """DuckDB has a capital for the sharp s, which Trino leaves as it is."""
    if call.types[0].base == "char":
        raise unsupported("upper() of char")

    def raised(v: str) -> str:
        parts = f"list_transform(string_split({v}, 'ß'), lambda x: upper(x))"
        return case((f"contains({v}, 'ß')", f"array_to_string({parts}, 'ß')"), otherwise=f"upper({v})")

    return let(call.args[0], "v", raised)


def _lower(call: Call) -> str:
    if call.types[0].base == "char":
        raise unsupported("lower() of char")
    return f"lower({call.args[0]})"


def _codepoint(call: Call) -> str:
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Input string must be a single character string")
    return let(
        call.args[0], "v", lambda v: case((f"length({v}) <> 1", bad), otherwise=f"CAST(unicode({v}) AS INTEGER)")
    )


def _repeat(call: Call) -> str:
    item, count = call.args
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "count argument of repeat function must be between 0 and 10000")
    return let(
        count,
        "w",
        lambda w: case(
            (f"{w} < 0 OR {w} > 10000", bad),
            (f"{w} IS NULL", "NULL"),
            otherwise=as_type(f"list_transform(range(CAST({w} AS BIGINT)), lambda x: {item})", call.result),
        ),
    )


def _levenshtein(call: Call) -> str:
    """Write the distance of two texts; DuckDB counts bytes."""

    def distance(first: str, second: str) -> str:
        ascii_only = f"strlen({first}) = length({first}) AND strlen({second}) = length({second})"
        return case(
            (f"{first} IS NULL OR {second} IS NULL", "NULL"),
            (ascii_only, f"CAST(levenshtein({first}, {second}) AS BIGINT)"),
            otherwise=refusing("levenshtein_distance() beyond ASCII"),
        )

    return let_all(call.args[:2], "v", distance)


SCALARS: Mapping[str, Function] = {
    "length": _length,
    "concat": _concat,
    "concat_ws": _concat_ws,
    "substr": _substr,
    "substring": _substr,
    "lpad": _pad("lpad"),
    "rpad": _pad("rpad"),
    "trim": _trim("trim"),
    "ltrim": _trim("ltrim"),
    "rtrim": _trim("rtrim"),
    "strpos": _position,
    "starts_with": plain("starts_with"),
    "replace": _replace,
    "reverse": _reverse,
    "split": _split,
    "split_part": _split_part,
    "split_to_map": _split_to_map,
    "translate": plain("translate"),
    "chr": _chr,
    "codepoint": _codepoint,
    "normalize": _normalize,
    "upper": _upper,
    "lower": _lower,
    "levenshtein_distance": _levenshtein,
    "repeat": _repeat,
}
