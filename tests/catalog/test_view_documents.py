"""The document beside a view's rows gives back what was written, and says when it cannot be read."""

from __future__ import annotations

import pytest

from catalog.materialized_views import INTEGRITIES, Bound, Definition, Integrity, State, Watermark
from catalog.objects import Column, Table, TableName
from catalog.types import array, parse_type, timestamp, varchar
from catalog.view_documents import Document, Unreadable, read_document, with_document_types, write_document

VIEW = TableName("ch", "marts", "lmp_hourly")
BASE = TableName("iceberg", "grid.odd", "lmp")
BOUND = Bound("t", "TIMESTAMP '2026-03-01 00:00:00.000 UTC'", "TIMESTAMP '2026-03-02 00:00:00.000 UTC'", nulls=True)


def document() -> Document:
    states = (State("u", "uniqExact", ("node",)), State("p", "quantileExact", ("lmp",), ("0.5",)))
    definition = Definition(
        VIEW, "SELECT 'é\"' AS k", "iceberg", "grid", states, ("eu_only",), "full", "stale_tolerated", 90.0
    )
    types = {"u": array(varchar(5)), "t": timestamp(6, zone=True), "k": parse_type("row(a bigint, b decimal(3,1))")}
    return Document(definition, Watermark({BASE: "9"}, 1.5), types, (BOUND,))


def test_a_document_is_read_as_it_was_written() -> None:
    assert read_document(VIEW, write_document(document())) == document()


@pytest.mark.parametrize("level", INTEGRITIES)
def test_a_view_that_says_nothing_of_its_terms_is_written_as_older_gateways_read_it(level: Integrity) -> None:
    written = write_document(Document(Definition(VIEW, "SELECT 1", integrity=level), None))
    assert ("integrity" in written) == (level != "stale_tolerated")
    assert "max_staleness" not in written


def test_a_document_without_a_watermark_is_read_as_one_that_was_never_filled() -> None:
    bare = Document(Definition(VIEW, "SELECT 1"), None)
    assert read_document(VIEW, write_document(bare)) == bare


@pytest.mark.parametrize("comment", [None, "", "hourly prices", '{"other": 1}'])
def test_other_comments_are_no_documents(comment: str | None) -> None:
    assert read_document(VIEW, comment) is None


@pytest.mark.parametrize(
    "comment",
    [
        '{"penstock": 2, "definition": {"sql": "SELECT 1"}}',
        '{"penstock": 1}',
        '{"penstock": 1, "definition": {"sql": "SELECT 1", "maintained": "sometimes"}}',
        '{"penstock": 1, "definition": {"sql": "SELECT 1"}, "types": {"a": "decimal("}}',
        '{"penstock":1,"definition":{"sql":"SELECT 1"},"also":1}',
    ],
)
def test_a_document_with_unknown_parts_is_not_half_understood(comment: str) -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        read_document(VIEW, comment)


def test_columns_get_the_types_of_the_definition() -> None:
    table = Table(VIEW, (Column("u", parse_type("unknown")), Column("other", varchar())), "ch")
    typed = with_document_types(table, document())
    assert [column.type for column in typed.columns] == [array(varchar(5)), varchar()]
