"""Taking pages apart: only the page's own members count, whatever the data looks like."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.trino.pages import NotAPageError, is_cursor, read_page
from tests.engines.trino.upstream import QUERY, SLUG, page, page_path

COLUMNS = [{"name": "a", "type": "bigint", "typeSignature": {"rawType": "bigint", "arguments": []}}]

RESULT = {"columns", "data", "stats", "warnings", "error", "updateType", "updateCount"}


def test_members_come_out_byte_for_byte_without_id_and_addresses() -> None:
    body = page(3, columns=COLUMNS, data=[[1, "é"], [2.0, None]], updateType="X", updateCount=7)
    read = read_page(body)
    assert read.query_id == QUERY
    assert read.next == page_path(3)
    assert set(read.members) == {"columns", "data", "stats", "updateType", "updateCount", "warnings"}
    assert all(value in body for value in read.members.values())
    assert read.members["data"] == b'[[1,"\\u00e9"],[2.0,null]]'
    assert (read.rows, read.state, read.failed) == (2, "RUNNING", None)


def test_a_page_without_next_is_the_last_whatever_its_state() -> None:
    assert read_page(page(None)).next is None


def test_an_error_is_named() -> None:
    read = read_page(page(None, error={"errorName": "DIVISION_BY_ZERO", "message": "x"}))
    assert read.failed == "DIVISION_BY_ZERO"


@pytest.mark.parametrize(
    ("told", "scanned"), [({"physicalInputBytes": 379072}, 379072), ({"physicalInputBytes": 0}, 0), ({}, None)]
)
def test_a_page_says_what_the_query_has_read_so_far(told: dict[str, int], scanned: int | None) -> None:
    body = page(3).replace(b'"nodes":1', b'"nodes":1' + "".join(f',"{k}":{v}' for k, v in told.items()).encode())
    assert read_page(body).scanned == scanned


@pytest.mark.parametrize("nonsense", ["-1", '"many"', "1.5", "1e999"])
def test_a_figure_that_no_engine_gives_makes_no_page(nonsense: str) -> None:
    body = page(3).replace(b'"nodes":1', f'"nodes":1,"physicalInputBytes":{nonsense}'.encode())
    with pytest.raises(NotAPageError):
        read_page(body)


def test_members_that_only_a_newer_engine_knows_stay_here() -> None:
    assert "secret" not in read_page(page(None, secret={"host": "10.0.0.1"})).members


DECEPTIVE_ROWS = {
    "a map with a key nextUri": [[{"nextUri": "http://evil/v1/statement/executing/q/s/1"}]],
    "a map with a key data": [[{"data": [["x"]], "stats": {"state": "x"}}]],
    "text that looks like the end of the data": [['x"]],"stats":{"state":"y"}']],
    "text that looks like data": [['"data":[[1]],"stats":{']],
    "a map whose keys end the data": [[{"a": [["x"]], "stats": {"b": [[1]], "stats": {}}}]],
    "backslashes before quotes": [['\\"data\\":[', "\\\\", '\\\\"']],
    "nested lists": [[[[[1]]]], [[[[]]]]],
    "brackets in text": [["],[", "[[", "]]"]] * 5,
    "no rows": [],
}


@pytest.mark.parametrize("rows", DECEPTIVE_ROWS.values(), ids=DECEPTIVE_ROWS.keys())
@pytest.mark.parametrize("token", [2, None], ids=["in the middle", "on the last page"])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["dense", "spaced"])
def test_data_is_never_mistaken_for_structure(
    rows: list[object], token: int | None, separators: tuple[str, str]
) -> None:
    body = json.dumps(json.loads(page(token, data=rows)), separators=separators).encode()
    read = read_page(body)
    assert json.loads(read.members["data"]) == rows
    assert read.rows == len(rows)
    assert read.next == (page_path(token) if token else None)
    assert json.loads(read.members["stats"])["nodes"] == 1


@pytest.mark.parametrize("order", [-1, 1], ids=["reversed", "as sent"])
def test_the_order_of_members_does_not_matter(order: int) -> None:
    document = dict(list(json.loads(page(1, columns=COLUMNS, data=[[1], [2]])).items())[::order])
    read = read_page(json.dumps(document, separators=(",", ":")).encode())
    assert (read.next, read.rows, read.members["data"]) == (page_path(1), 2, b"[[1],[2]]")


def test_a_column_named_like_a_member_changes_nothing() -> None:
    columns = [{"name": '"data":[[1]],"stats":{', "type": "x", "data": [[0]], "stats": {"state": "FAKE"}}]
    read = read_page(page(1, columns=columns, data=[[1], [2]]))
    assert json.loads(read.members["columns"]) == columns
    assert (read.rows, read.state) == (2, "RUNNING")


@pytest.mark.parametrize("value", ["null", None])
def test_data_that_is_null_or_missing_is_no_data(value: str | None) -> None:
    body = page(1) if value is None else page(1).replace(b'"stats"', b'"data":null,"stats"', 1)
    read = read_page(body)
    assert "data" not in read.members
    assert read.rows == 0


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(string.printable)
    | st.sampled_from(['"data":[', ']],"stats":{']),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["data", "stats", "nextUri", "x"]) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.lists(st.lists(json_values, max_size=4), max_size=6),
    st.dictionaries(st.sampled_from(["columns", "warnings", "error", "stray"]), json_values, max_size=3),
    st.permutations(["id", "infoUri", "nextUri", "data", "stats"]),
)
def test_any_page_is_read_as_a_json_parser_reads_it(
    rows: list[list[object]], others: dict[str, object], order: list[str]
) -> None:
    known = json.loads(page(1, data=rows))
    document = {**{name: known[name] for name in order}, **others}
    if not isinstance(document.get("error", {}), dict):
        del document["error"]
    read = read_page(json.dumps(document, separators=(",", ":")).encode())
    assert {name: json.loads(value) for name, value in read.members.items()} == {
        name: value for name, value in document.items() if name in RESULT
    }
    assert read.rows == len(rows)
    assert read.next == page_path(1)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nonsense_is_never_taken_for_a_page(body: bytes) -> None:
    with pytest.raises(NotAPageError):
        read_page(body)


GOOD = page(1, data=[[1], [2]])
BROKEN = {
    "empty": b"",
    "an HTML page": b"<html>502 Bad Gateway</html>",
    "a list": b"[]",
    "cut in the data": GOOD[: GOOD.index(b"[2]")],
    "cut at the end": GOOD[:-1],
    "followed by more": GOOD + b"{}",
    "unbalanced data": GOOD.replace(b"[1],[2]", b"[1],[2"),
    "data with a stray bracket": GOOD.replace(b"[1],[2]", b"[1]],[[2]"),
    "data that is no list": GOOD.replace(b"[[1],[2]]", b'{"encoding":"json+zstd","segments":[]}'),
    "no id": GOOD.replace(b'"id"', b'"di"'),
    "an id that is no text": GOOD.replace(f'"{QUERY}"'.encode(), b"1", 1),
    "no stats": GOOD.replace(b'"stats"', b'"stat"'),
    "an error that is no object": GOOD.replace(b'"warnings"', b'"error":"x","warnings"'),
    "nesting without end": GOOD.replace(b"[1]", b"[" * 100_000 + b"]" * 100_000),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_page_is_refused(body: bytes) -> None:
    with pytest.raises(NotAPageError):
        read_page(body)


ELSEWHERE = [
    "file:///etc/passwd",
    "/v1/statement/executing/q/s/1",
    "http://h/v1/query/20260101_000000_00001_abcde",
    "http://h/ui/api/query",
    "http://h/v1/statement",
    "http://h/v1/statement/executing/../../../v1/node",
    f"http://h/v1/statement/executing/{QUERY}/{SLUG}/1/x",
    f"http://h/v1/statement/executing/{QUERY}/{SLUG}/x",
    f"http://h/v1/statement/executing/{QUERY}/{SLUG}%0d%0a/1",
    f"http://h/v1/statement/executing/{QUERY}/{SLUG}/1?a=\\u0020b",
    f"http://[h/v1/statement/executing/{QUERY}/{SLUG}/1",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_an_address_that_leads_elsewhere_is_refused(address: str) -> None:
    body = page(1).replace(json.dumps("http://engine.internal:8080" + page_path(1)).encode(), f'"{address}"'.encode())
    with pytest.raises(NotAPageError, match=r"address|page"):
        read_page(body)


OTHERS = "20260101_000000_00002_fghij"


@pytest.mark.parametrize("member", ["nextUri", "partialCancelUri"])
def test_an_address_of_another_query_is_refused(member: str) -> None:
    """Who follows it would read another caller's rows."""
    path = page_path(1) if member == "nextUri" else f"/v1/statement/executing/partialCancel/{QUERY}/0/{SLUG}/1"
    own = page(1, partialCancelUri=f"http://h{path}") if member == "partialCancelUri" else page(1)
    assert read_page(own).query_id == QUERY
    with pytest.raises(NotAPageError, match="another query's"):
        read_page(own.replace(path.encode(), path.replace(QUERY, OTHERS).encode()))


def test_only_the_path_of_an_address_is_kept() -> None:
    assert read_page(page(1, host="https://attacker.example:1")).next == page_path(1)


def test_an_engine_below_a_path_keeps_it_to_itself() -> None:
    read = read_page(page(1, host="https://edge/trino-a"), "/trino-a")
    assert read.next == page_path(1)
    with pytest.raises(NotAPageError):
        read_page(page(1, host="https://edge/trino-b"), "/trino-a")


def test_a_partial_cancel_is_a_cursor_of_its_own() -> None:
    path = f"/v1/statement/executing/partialCancel/{QUERY}/3/{SLUG}/4"
    read = read_page(page(4, partialCancelUri=f"http://h{path}"))
    assert read.partial_cancel == path
    assert is_cursor(path)


@pytest.mark.parametrize("path", ["/v1/info", "/v1/query/x", page_path(1) + "\n", page_path(1) + "#x", ""])
def test_nothing_else_is_a_cursor(path: str) -> None:
    assert not is_cursor(path)
