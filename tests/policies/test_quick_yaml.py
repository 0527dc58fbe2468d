"""The fast reader of YAML tells the same as the slow one, or leaves the text to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.faults import Fault
from policies.quick_yaml import read_quickly
from policies.reload import _read_slowly, read_document

ROOT = Path(__file__).parents[2]
FILES = sorted(
    {*ROOT.glob("tests/fixtures/**/*.yaml"), *ROOT.glob("gateway/**/*.yaml"), *ROOT.glob("deploy/**/*.yaml")}
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.dates() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_both_readers_agree_on_files_data_and_lines(path: Path) -> None:
    text = path.read_text("utf-8")
    quick, faults = read_quickly(text), list[Fault]()
    if quick is not None:
        assert quick == _read_slowly(text, "f", faults)
        assert not faults


@settings(max_examples=100, deadline=None)
@given(data=st.dictionaries(st.text(max_size=6), plain, max_size=4), flow=st.booleans())
def test_both_readers_agree_on_what_yaml_writes(data: dict[str, object], flow: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow)
    quick = read_quickly(text)
    assert quick is None or quick == _read_slowly(text, "f", [])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a: 1\na: 2\n",
            "a: &x 1\nb: *x\n",
            "a: !!str 1\n",
            "<<: {a: 1}\n",
            "? [a]\n: 1\n",
            "a: [1\n",
            "",
            "---\na\n---\nb\n",
        ),
        *("a: 2026-13-45\n", "=: 1\n", "[" * 100 + "]" * 100),
    ],
)
def test_what_is_unusual_is_left_to_the_slow_reader(text: str) -> None:
    assert read_quickly(text) is None


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 20_000 + "]" * 20_000, "- " * 20_000 + "a", "{a: " * 20_000])
def test_nesting_without_end_is_a_fault(text: str) -> None:
    faults: list[Fault] = []
    assert read_document(text, "f", faults) is None
    assert faults
