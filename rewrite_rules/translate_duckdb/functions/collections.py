"""Functions of arrays and maps, with those that take lambdas."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ErrorCode
from catalog.types import BOOLEAN, TrinoType
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.text import as_type, case, let, let_all, raising, refusing, unsupported

PLAIN_ELEMENTS = frozenset(
    {
        *("boolean", "tinyint", "smallint", "integer", "bigint", "decimal", "varchar", "date", "timestamp", "uuid"),
        "unknown",
    }
)


def _element(call: Call, place: int = 0) -> TrinoType:
    """Return the type of an array's elements, which must be plain: not floating-point, not nested."""
    element = call.types[place].arguments[0]
    if element.base not in PLAIN_ELEMENTS:
        raise unsupported(f"{call.name}() of {call.types[place]}")
    return element


def _cardinality(call: Call) -> str:
    function = "len" if call.types[0].base == "array" else "cardinality"
    return f"CAST({function}({call.args[0]}) AS BIGINT)"


def _element_at(call: Call) -> str:
    if call.types[0].base == "map":
        return f"map_extract_value({call.args[0]}, {call.args[1]})"
    zero = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "SQL array indices start at 1")
    return let_all(call.args[:2], "v", lambda v, w: case((f"{w} = 0", zero), otherwise=f"list_extract({v}, {w})"))


def _contains(call: Call) -> str:
    _element(call)

    def find(v: str, w: str) -> str:
        return case(
            (f"{v} IS NULL OR {w} IS NULL", "NULL"),
            (f"list_contains({v}, {w})", "true"),
            (has_null(v), "NULL"),
            otherwise="false",
        )

    return let_all(call.args[:2], "v", find)


def has_null(array: str) -> str:
    """Write whether an array holds NULL."""
    return f"len(list_filter({array}, lambda x: x IS NULL)) > 0"


def _extreme(name: str) -> Function:
    def write(call: Call) -> str:
        _element(call)
        return let(call.args[0], "v", lambda v: case((has_null(v), "NULL"), otherwise=f"{name}({v})"))

    return write


def _remove(call: Call) -> str:
    _element(call)
    inner = let_all(call.args[:2], "v", lambda v, w: f"list_filter({v}, lambda x: x IS NULL OR x <> {w})")
    return let(
        call.args[0],
        "v",
        lambda v: let(
            call.args[1],
            "w",
            lambda w: case(
                (f"{w} IS NULL", "NULL"), (has_null(v), inner), otherwise=f"list_filter({v}, lambda x: x <> {w})"
            ),
        ),
    )


def _position(call: Call) -> str:
    _element(call)
    found = "coalesce(list_position({0}, {1}), 0)"
    return let(
        call.args[0],
        "v",
        lambda v: let(
            call.args[1],
            "w",
            lambda w: case((f"{v} IS NULL OR {w} IS NULL", "NULL"), otherwise=f"CAST({found.format(v, w)} AS BIGINT)"),
        ),
    )


def _distinct(call: Call) -> str:
    """Keep each element's first place; DuckDB's own function loses NULL and the order."""
    _element(call)
    return let(call.args[0], "v", _first_places)


def _first_places(array: str) -> str:
    """Write the distinct elements of an array in order of first occurrence, NULL among them."""
    before = f"{array}[1:i - 1]"
    no_null = f"len(list_filter({before}, lambda y: y IS NULL)) = 0"
    first = case(("x IS NULL", no_null), otherwise=f"NOT list_contains({before}, x)")
    return f"list_filter({array}, lambda x, i: {first})"


def _intersect(call: Call) -> str:
    _element(call)
    first, second = call.args
    return let(
        first,
        "v",
        lambda v: let(
            second,
            "w",
            lambda w: case(
                (f"{v} IS NULL OR {w} IS NULL", "NULL"),
                (f"{has_null(v)} OR {has_null(w)}", refusing("array_intersect() with NULL elements")),
                otherwise=f"list_sort(list_distinct(list_filter({v}, lambda x: list_contains({w}, x))))",
            ),
        ),
    )


def _overlap(call: Call) -> str:
    _element(call)
    first, second = call.args
    common = "len(list_filter({0}, lambda x: list_contains({1}, x))) > 0"
    return let(
        first,
        "v",
        lambda v: let(
            second,
            "w",
            lambda w: case(
                (f"{v} IS NULL OR {w} IS NULL", "NULL"),
                (f"len({v}) = 0 OR len({w}) = 0", "false"),
                (common.format(v, w), "true"),
                (f"{has_null(v)} OR {has_null(w)}", "NULL"),
                otherwise="false",
            ),
        ),
    )


def _join(call: Call) -> str:
    element = _element(call)
    text = cast("x", element, TrinoType("varchar"), call.context.time_zone)
    null = call.args[2] if len(call.args) > 2 else None
    items = (
        f"list_transform({call.args[0]}, lambda x: coalesce({text}, {null}))"
        if null is not None
        else f"list_transform(list_filter({call.args[0]}, lambda x: x IS NOT NULL), lambda x: {text})"
    )
    return f"array_to_string({items}, {call.args[1]})"


def _sort(call: Call) -> str:
    if len(call.args) > 1:
        raise unsupported("array_sort() with a comparator")
    _element(call)
    return f"list_sort({call.args[0]}, 'ASC', 'NULLS LAST')"


def _slice(call: Call) -> str:
    array, start, length = call.args
    zero = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "SQL array indices start at 1")
    negative = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "length must be greater than or equal to 0")

    def cut(v: str, s: str, n: str) -> str:
        begin = f"CASE WHEN {s} > 0 THEN {s} ELSE len({v}) + {s} + 1 END"
        return case(
            (f"{v} IS NULL OR {s} IS NULL OR {n} IS NULL", "NULL"),
            (f"{s} = 0", zero),
            (f"{n} < 0", negative),
            (f"{begin} < 1 OR {begin} > len({v}) OR {n} = 0", as_type("[]", call.result)),
            otherwise=f"list_slice({v}, {begin}, {begin} + least({n}, 2147483647) - 1)",
        )

    return let_all((array, start, length), "v", cut)


def _flatten(call: Call) -> str:
    return f"flatten(list_filter({call.args[0]}, lambda x: x IS NOT NULL))"


def _ngrams(call: Call) -> str:
    size = call.integer(1)
    if size < 1:
        raise unsupported("ngrams() of this size")

    def grams(v: str) -> str:
        starts = f"range(CAST(1 AS BIGINT), len({v}) - {size} + 2)"
        return case(
            (f"{v} IS NULL", "NULL"),
            (f"len({v}) <= {size}", f"[{v}]"),
            otherwise=f"list_transform({starts}, lambda x: list_slice({v}, x, x + {size - 1}))",
        )

    return let(call.args[0], "v", grams)


def _transform(call: Call) -> str:
    (name,), body = call.body(1, call.types[0].arguments[0])
    return as_type(f"list_transform({call.args[0]}, lambda {name}: {body})", call.result)


def _filter(call: Call) -> str:
    (name,), body = call.body(1, call.types[0].arguments[0])
    return f"list_filter({call.args[0]}, lambda {name}: {body})"


def _match(name: str) -> Function:
    """any_match, all_match and none_match: the three-valued OR and AND of the conditions."""

    def write(call: Call) -> str:
        (parameter,), body = call.body(1, call.types[0].arguments[0])
        answers = f"list_transform({call.args[0]}, lambda {parameter}: {as_type(body, BOOLEAN)})"
        decisive, otherwise = {"any": ("true", "false"), "all": ("false", "true"), "none": ("true", "true")}[name]
        found = {"any": "true", "all": "false", "none": "false"}[name]
        return let(
            answers,
            "v",
            lambda v: case(
                (f"{v} IS NULL", "NULL"),
                (f"list_contains({v}, {decisive})", found),
                (has_null(v), "NULL"),
                otherwise=otherwise,
            ),
        )

    return write


def _reduce(call: Call) -> str:
    """Fold an array. DuckDB folds to the array's own element type only: other states travel as elements, in pairs."""
    state, element = call.body_type(2), call.types[0].arguments[0]
    if "unknown" in (state.base, call.types[1].base):
        raise unsupported("reduce() of NULL without a type")
    depth = len(call.context.parameters)
    s, x, last = f"p{depth}", f"p{depth + 1}", f"p{depth}"
    start = cast(call.args[1], call.types[1], state, call.context.time_zone)
    if state == element:
        step = call.body_of(2, (s, state), (x, element))
        folded = f"list_reduce({call.args[0]}, lambda {s}, {x}: {as_type(step, state)}, {start})"
    else:
        step = call.body_of(2, (f"struct_extract_at({s}, 1)", state), (f"struct_extract_at({x}, 2)", element))
        nothing = as_type("NULL", element)
        elements = f"list_transform({call.args[0]}, lambda {x}: row({as_type('NULL', state)}, {x}))"
        pair = f"row({as_type(step, state)}, {nothing})"
        folded = f"struct_extract_at(list_reduce({elements}, lambda {s}, {x}: {pair}, row({start}, {nothing})), 1)"
    finish = call.body_of(3, (last, state))
    finished = f"list_transform([{folded}], lambda {last}: {finish})[1]"
    return case((f"({call.args[0]}) IS NULL", "NULL"), otherwise=finished)


def _zip_with(call: Call) -> str:
    pair = "p98"
    first, second = f"struct_extract_at({pair}, 1)", f"struct_extract_at({pair}, 2)"
    body = call.body_of(2, (first, call.types[0].arguments[0]), (second, call.types[1].arguments[0]))
    zipped = f"list_zip({call.args[0]}, {call.args[1]})"
    return as_type(f"list_transform({zipped}, lambda {pair}: {body})", call.result)


SCALARS: Mapping[str, Function] = {
    "cardinality": _cardinality,
    "element_at": _element_at,
    "contains": _contains,
    "array_max": _extreme("list_max"),
    "array_min": _extreme("list_min"),
    "array_remove": _remove,
    "array_position": _position,
    "array_distinct": _distinct,
    "array_intersect": _intersect,
    "arrays_overlap": _overlap,
    "array_join": _join,
    "array_sort": _sort,
    "slice": _slice,
    "flatten": _flatten,
    "ngrams": _ngrams,
    "transform": _transform,
    "filter": _filter,
    "any_match": _match("any"),
    "all_match": _match("all"),
    "none_match": _match("none"),
    "reduce": _reduce,
    "zip_with": _zip_with,
}
