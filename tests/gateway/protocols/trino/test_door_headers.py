"""Headers to sessions and back: decoded once, refused where there are two readings, bounded."""

from __future__ import annotations

import base64
import contextlib
from urllib.parse import quote_plus

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols.http import Headers
from gateway.protocols.trino import headers as h
from gateway.protocols.trino.errors import BadRequest
from gateway.protocols.trino.header_values import encode_prepared
from gateway.received import Session


def session(*lines: tuple[str, str], **limits: int) -> Session:
    return h.session_of(Headers(lines), limits=h.HeaderLimits(**limits))


def zstd(data: bytes) -> str:
    return "$zstd:" + base64.urlsafe_b64encode(data).decode()


def test_a_session_is_read_from_every_header() -> None:
    got = session(
        ("X-Trino-Catalog", "lake"),
        ("x-trino-schema", "sales"),
        ("X-TRINO-PATH", "a.b"),
        ("X-Trino-Time-Zone", "Europe/Berlin"),
        ("X-Trino-Language", "de-DE"),
        ("X-Trino-Source", "Apache Superset"),
        ("X-Trino-Client-Info", "info, with comma"),
        ("X-Trino-Client-Tags", "a,b"),
        ("X-Trino-Client-Tags", "c,,a"),
        ("X-Trino-Trace-Token", "t"),
        ("X-Trino-Session", "query_max_run_time=5m,lake.x=a%2Cb%3Dc"),
        ("X-Trino-Session", "other=1"),
        ("X-Trino-Role", "system=ROLE%7Badmin%7D,lake=ALL"),
        ("X-Trino-Prepared-Statement", "st%201=select%20%3F+%2B+1"),
        ("X-Trino-Transaction-Id", "NONE"),
        ("X-Trino-Client-Capabilities", "NUMBER,PARAMETRIC_DATETIME"),
        ("X-Trino-Resource-Estimate", "CPU_TIME=1.5h,peak_memory=2GB"),
        ("X-Trino-Extra-Credential", "token=abc"),
        ("X-Trino-Query-Data-Encoding", "json+zstd,json"),
        ("User-Agent", "trino-python"),
    )
    assert (got.catalog, got.schema, got.path, got.time_zone) == ("lake", "sales", "a.b", "Europe/Berlin")
    assert (got.language, got.source, got.client_info) == ("de-DE", "Apache Superset", "info, with comma")
    assert got.client_tags == ("a", "b", "c")
    assert got.properties == {"query_max_run_time": "5m", "lake.x": "a,b=c", "other": "1"}
    assert got.roles == {"system": "ROLE{admin}", "lake": "ALL"}
    assert got.prepared == {"st 1": "select ? + 1"}
    assert (got.transaction, got.user_agent, got.trace_token) == ("NONE", "trino-python", "t")
    assert got.capabilities == {"NUMBER", "PARAMETRIC_DATETIME"}
    assert got.resource_estimates == {"CPU_TIME": "1.5h", "PEAK_MEMORY": "2GB"}


def test_the_zone_of_set_time_zone_wins_over_the_one_the_client_came_with() -> None:
    both = (("X-Trino-Time-Zone", "Europe/Berlin"), ("X-Trino-Session", "time_zone_id=Asia%2FTokyo"))
    assert session(*both).time_zone == "Asia/Tokyo"


def test_supersets_empty_headers_are_as_good_as_none() -> None:
    names = ("Session", "Catalog", "Schema", "Role", "Client-Tags", "Prepared-Statement", "Extra-Credential", "User")
    assert session(*((f"X-Trino-{name}", "") for name in names)) == Session()


def test_values_are_decoded_exactly_once() -> None:
    got = session(("X-Trino-Session", "a=%2525"), ("X-Trino-Prepared-Statement", "p=select+%27%252C%27"))
    assert (got.properties["a"], got.prepared["p"]) == ("%25", "select '%2C'")


SINGLE = ["Catalog", "Schema", "Path", "Time-Zone", "Language", "Source", "Client-Info", "Trace-Token"]


@pytest.mark.parametrize("name", [*SINGLE, "Transaction-Id", "Original-User"])
def test_a_header_that_may_come_once_is_refused_twice_even_if_equal(name: str) -> None:
    """Attack I21: two catalog headers, first or last?"""
    with pytest.raises(BadRequest, match="must not be repeated"):
        session(("X-Trino-Catalog", "c") if name == "Schema" else ("X-A", ""), *[(f"X-Trino-{name}", "UTC")] * 2)


def test_two_users_are_refused() -> None:
    with pytest.raises(BadRequest, match="must not be repeated"):
        h.user_of(Headers([("X-Trino-User", "ana"), ("x-trino-user", "bob")]))


BAD = {
    "schema without catalog": ("Schema", "s"),
    "session without value": ("Session", "a"),
    "session without key": ("Session", "=a"),
    "session with a bare equals sign": ("Session", "a=b=c"),
    "prepared with a bare equals sign": ("Prepared-Statement", "p=SELECT+1=1"),
    "session with broken escape": ("Session", "a=%zz"),
    "session with cut escape": ("Session", "a=%2"),
    "session not utf-8": ("Session", "a=%ff"),
    "session with nul": ("Session", "a=%00"),
    "session twice": ("Session", "a=1,a=2"),
    "session with dot at the end": ("Session", "a.=1"),
    "role without form": ("Role", "system=admin"),
    "role of nothing": ("Role", "system=ROLE{}"),
    "prepared without name": ("Prepared-Statement", "=select"),
    "prepared without text": ("Prepared-Statement", "p="),
    "prepared twice": ("Prepared-Statement", "p=select+1,p=select+2"),
    "prepared twice by escapes": ("Prepared-Statement", "p=select+1,%70=select+2"),
    "reserved credential": ("Extra-Credential", "internal$x=1"),
    "reserved credential in capitals": ("Extra-Credential", "INTERNAL$x=1"),
    "unknown estimate": ("Resource-Estimate", "LUCK=1s"),
    "estimate without unit": ("Resource-Estimate", "CPU_TIME=1"),
    "not utf-8": ("Source", "\xff\xfe"),
    "too long": ("Catalog", "c" * 1_000),
}


@pytest.mark.parametrize(("name", "value"), BAD.values(), ids=BAD.keys())
def test_malformed_headers_are_refused_and_not_echoed(name: str, value: str) -> None:
    with pytest.raises(BadRequest) as refused:
        session((f"X-Trino-{name}", value))
    assert refused.value.answer("POST").status == 400
    assert len(refused.value.message) < 200


@pytest.mark.parametrize(
    ("name", "value", "zone"),
    [
        ("Time-Zone", "Mars/Olympus", "Mars/Olympus"),
        ("Session", "time_zone_id=Mars%2FOlympus", "Mars/Olympus"),
        ("Time-Zone", "../../etc/passwd", "../../etc/passwd"),
        ("Time-Zone", "+15:00", "+15:00"),
    ],
)
def test_a_zone_that_is_none_is_left_to_the_statement(name: str, value: str, zone: str) -> None:
    assert session((f"X-Trino-{name}", value)).time_zone == zone


ZONES = {
    "UTC": "UTC",
    "Etc/UTC": "UTC",
    "utc": "UTC",
    "Z": "UTC",
    "GMT": "UTC",
    "europe/berlin": "Europe/Berlin",
    "America/Los_Angeles": "America/Los_Angeles",
    "+05:30": "+05:30",
    "-08:00": "-08:00",
    "UTC+2": "+02:00",
    "GMT-0330": "-03:30",
    "+00:00": "UTC",
    "Etc/GMT-5": "Etc/GMT-5",
}


@pytest.mark.parametrize(("sent", "zone"), ZONES.items())
def test_time_zones_are_trinos(sent: str, zone: str) -> None:
    assert session(("X-Trino-Time-Zone", sent)).time_zone == zone


# --- prepared statements ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["select 1", "select '" + "ü" * 5_000 + "'", "select " + "1, " * 9_000 + "1"])
def test_a_prepared_statement_comes_back_as_it_was_given(sql: str) -> None:
    name, value = h.added_prepare("my stmt", sql)
    assert name == "X-Trino-Added-Prepare"
    assert session(("X-Trino-Prepared-Statement", value)).prepared == {"my stmt": sql}


def test_long_statements_are_compressed_and_short_ones_are_not() -> None:
    assert encode_prepared("select 1") == "select 1"
    assert encode_prepared("select " + "1, " * 9_000).startswith("$zstd:")


FRAME = zstandard.compress(b"select 1")
BOMBS = {
    "larger than the limit": zstd(zstandard.compress(b"x" * 3_000_000)),
    "ratio": zstd(zstandard.compress(b"x" * 900_000)),
    "declares more than it holds": zstd(FRAME[:4] + bytes([0xA4, 0xFF, 0xFF, 0xFF, 0xFF]) + FRAME[6:]),
    "size not declared": zstd(zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 3_000_000)),
    "two frames": zstd(FRAME + FRAME),
    "trailing bytes": zstd(FRAME + b"x"),
    "skippable frame first": zstd(b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd" + FRAME),
    "cut": zstd(FRAME[:-2]),
    "nothing": "$zstd:",
    "not zstd": zstd(b"select 1"),
    "not base64": "$zstd:!!!",
    "standard alphabet": "$zstd:" + "+/+/",
    "not utf-8": zstd(zstandard.compress(b"\xff\xfe")),
    "nul": zstd(zstandard.compress(b"select '\x00'")),
}


@pytest.mark.parametrize("value", BOMBS.values(), ids=BOMBS.keys())
def test_compressed_statements_are_bounded_and_one_sound_frame(value: str) -> None:
    with pytest.raises(BadRequest):
        session(("X-Trino-Prepared-Statement", f"p={quote_plus(value)}"))


def test_a_frame_without_padding_or_declared_size_is_fine() -> None:
    for frame in (FRAME, zstandard.ZstdCompressor(write_content_size=False).compress(b"select 1")):
        for text in (zstd(frame), zstd(frame).rstrip("=")):
            assert session(("X-Trino-Prepared-Statement", f"p={quote_plus(text)}")).prepared == {"p": "select 1"}


def test_prepared_statements_are_bounded_together() -> None:
    lines = [("X-Trino-Prepared-Statement", f"p{n}={'x' * 900}") for n in range(10)]
    assert len(session(*lines, all_prepared_bytes=9_000).prepared) == 10
    with pytest.raises(BadRequest, match="too large"):
        session(*lines, all_prepared_bytes=8_000)
    with pytest.raises(BadRequest, match="too large"):
        session(*lines, items=9)


def test_many_prepared_statements_are_fine() -> None:
    """trino-gateway #571: large headers."""
    lines = [("X-Trino-Prepared-Statement", f"p{n}=select+{n}") for n in range(500)]
    assert len(session(*lines).prepared) == 500


# --- the way back -----------------------------------------------------------------------------------------------


def test_session_effects_are_encoded_as_trino_does() -> None:
    assert h.set_session("a", "x y,z=ü~*") == ("X-Trino-Set-Session", "a=x+y%2Cz%3D%C3%BC%7E*")
    assert h.clear_session("a") == ("X-Trino-Clear-Session", "a")
    assert h.set_catalog("lake") == ("X-Trino-Set-Catalog", "lake")
    assert h.set_schema("s") == ("X-Trino-Set-Schema", "s")
    assert h.set_role("system", "ROLE{admin}") == ("X-Trino-Set-Role", "system=ROLE%7Badmin%7D")
    assert h.added_prepare("p", "select ?") == ("X-Trino-Added-Prepare", "p=select+%3F")
    assert h.deallocated_prepare("a b") == ("X-Trino-Deallocated-Prepare", "a+b")


@given(
    st.dictionaries(st.text("abc._", min_size=1).filter(lambda k: k.strip(".") == k), st.text(max_size=50), max_size=5)
)
def test_any_session_value_survives_the_round_trip(properties: dict[str, str]) -> None:
    usable = {key: value for key, value in properties.items() if "\x00" not in value}
    encodable = {k: v for k, v in usable.items() if not any(0xD800 <= ord(c) < 0xE000 for c in v)}
    lines = [("X-Trino-Session", h.set_session(key, value)[1]) for key, value in encodable.items()]
    assert session(*lines).properties == encodable


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*h._LENGTHS, "Session", "Role", "Prepared-Statement"]),
            st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60),
        ),
        max_size=6,
    )
)
def test_whatever_headers_say_the_answer_is_a_session_or_a_refusal(lines: list[tuple[str, str]]) -> None:
    with contextlib.suppress(BadRequest):
        assert isinstance(session(*((f"X-Trino-{name}", value) for name, value in lines)), Session)


def test_sessions_in_the_same_words_are_one_and_never_anothers() -> None:
    lines = [("X-Trino-User", "ana"), ("X-Trino-Session", "a=1"), ("X-Trino-Client-Tags", "x")]
    first = h.known_session(Headers([*lines, ("Content-Length", "8")]), "127.0.0.1")
    assert h.known_session(Headers([*lines, ("Content-Length", "9")]), "127.0.0.1") is first
    assert h.known_session(Headers(lines), "10.0.0.1").remote_address == "10.0.0.1"
    changed = h.known_session(Headers([*lines[:1], ("X-Trino-Session", "a=2")]), "127.0.0.1")
    assert (changed.properties, changed.client_tags) == ({"a": "2"}, ())
    for _ in range(2):
        with pytest.raises(BadRequest):
            h.known_session(Headers([*lines, ("X-Trino-Source", "a"), ("X-Trino-Source", "b")]), "127.0.0.1")
