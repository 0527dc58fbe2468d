"""The compiled index decides exactly as casbin's enforce() does over the same rules."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.dialect.parse import parse_expression
from catalog.objects import TableName
from catalog.types import BIGINT
from policies.casbin_oracle import GrantOracle
from policies.clock import Clock
from policies.compile import compile_policies
from policies.decisions import Action, Subject
from policies.document import Document
from policies.index import PolicySet
from policies.sources import Source
from tests.policies.sales import POLICIES, TABLES, subject, table

ROLES = ("r1", "r2", "r3", "r4")
GROUPS = ("g1", "g2")
TABLE_NAMES = ("a.s.t", "a.s.u", "a.q.t", "b.s.t")
COLUMNS = ("x", "y")
ASSETS = ("*", "a.*", "b.*", "a.s.*", "b.s.*", *TABLE_NAMES)
WORDS = ("select", "insert", "drop_table", "read", "write", "all")
TAGS = ("p", "p.a", "p.a.b", "q")
REGIONS = ("US", "EU")
DAYS = tuple(f"2027-01-0{day}" for day in range(1, 5))
FIRST = 1_798_761_600.0
"""The first of the days, in Unix seconds."""

bounds = st.fixed_dictionaries(
    {},
    optional={
        "when": st.dictionaries(
            st.sampled_from(("region", "purpose")),
            st.lists(st.sampled_from(REGIONS), min_size=1, max_size=2),
            min_size=1,
            max_size=2,
        ),
        "valid_from": st.sampled_from(DAYS[:2]),
        "valid_until": st.sampled_from(DAYS[2:]),
    },
)
whom = st.fixed_dictionaries(
    {
        "roles": st.lists(st.sampled_from(ROLES), max_size=2).map(tuple) | st.just("all"),
        "users": st.lists(st.sampled_from(("u1", "u2")), min_size=1, max_size=1),
        "groups": st.lists(st.sampled_from(GROUPS), max_size=1),
    }
)
what = st.one_of(
    st.builds(
        lambda assets, words: {"assets": assets, "words": words},
        st.lists(st.sampled_from(ASSETS), min_size=1, max_size=2),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=2),
    ),
    st.builds(
        lambda names, columns: {"assets": names, "words": ["select"], "columns": columns},
        st.lists(st.sampled_from(TABLE_NAMES), min_size=1, max_size=2),
        st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=1),
    ),
    st.builds(
        lambda assets, tag, words: {"assets": assets, "tag": tag, "words": words},
        st.lists(st.sampled_from(ASSETS), max_size=1),
        st.sampled_from(TAGS),
        st.lists(st.sampled_from(("select", "read")), min_size=1, max_size=1),
    ),
)
grants = st.builds(
    lambda who, about, limits, effect: {
        **who,
        **limits,
        **{key: value for key, value in about.items() if key != "words"},
        effect: about["words"],
    },
    whom,
    what,
    bounds | st.just({}),
    st.sampled_from(("allow", "allow", "deny")),
)
tagged = st.builds(
    lambda name, on_table, on_column, column: {
        "table": name,
        "tags": on_table or ["q"] * (not on_column),
        "columns": {column: on_column} if on_column else {},
    },
    st.sampled_from(TABLE_NAMES),
    st.lists(st.sampled_from(TAGS), max_size=1),
    st.lists(st.sampled_from(TAGS), max_size=2),
    st.sampled_from(COLUMNS),
)
documents = st.builds(
    lambda r2, r3, rules, tags: Document.model_validate(
        {
            "version": 1,
            "roles": {"r1": None, "r2": {"inherits": r2}, "r3": {"inherits": r3}, "r4": None},
            "groups": dict.fromkeys(GROUPS),
            "grants": rules,
            "tags": tags,
        }
    ),
    st.lists(st.just("r1"), max_size=1),
    st.lists(st.sampled_from(("r1", "r2", "r4")), max_size=2, unique=True),
    st.lists(grants, max_size=8),
    st.lists(tagged, max_size=4),
)
subjects = st.builds(
    lambda user, roles, attributes, groups: Subject(user, roles, tuple(sorted(attributes)), groups=groups),
    st.sampled_from(("u1", "u2", "u3")),
    st.frozensets(st.sampled_from((*ROLES, "ghost")), max_size=2),
    st.sets(st.tuples(st.sampled_from(("region", "purpose")), st.sampled_from((*REGIONS, "ASIA"))), max_size=3),
    st.frozensets(st.sampled_from((*GROUPS, "ghost")), max_size=2),
)
moments = st.lists(st.sampled_from([FIRST + day * 43_200 for day in range(-1, 8)]), min_size=1, max_size=2)
"""Readings of the clock, half a day apart: on the days' first moments and between, also backwards."""


@settings(max_examples=60, deadline=None)
@given(document=documents, who=subjects, readings=moments)
def test_the_index_agrees_with_casbin_on_random_policies(
    document: Document, who: Subject, readings: list[float]
) -> None:
    agree(document, who, readings)


@pytest.mark.long
@settings(max_examples=2_000, deadline=None)
@given(document=documents, who=subjects, readings=moments)
def test_the_index_agrees_with_casbin_on_very_many_random_policies(
    document: Document, who: Subject, readings: list[float]
) -> None:
    agree(document, who, readings)


def agree(document: Document, who: Subject, readings: list[float]) -> None:
    shown = [readings[0]]
    policies = compile_policies(
        [Source("generated", document)],
        parse_expression,
        version="1",
        secrets=lambda name: None,
        clock=Clock(lambda: shown[-1]),
    )
    oracle = GrantOracle(policies)
    for reading in readings:
        shown.append(reading)
        for name in TABLE_NAMES:
            compare(policies, oracle, who, name)


def compare(policies: PolicySet, oracle: GrantOracle, who: Subject, name: str) -> None:
    target = table(name, *((column, BIGINT) for column in COLUMNS))
    columns = tuple(c for c in COLUMNS if oracle.allows(who, Action.SELECT, target.name, c))
    decision = policies.decide(who, Action.SELECT, target)
    assert decision.allowed is bool(columns)
    assert decision.columns == columns
    for action in (Action.CREATE_VIEW, Action.EXPLAIN):
        if action is Action.CREATE_VIEW and len(columns) == len(COLUMNS):
            assert policies.decide(who, action, target).allowed is oracle.allows(who, action, target.name)
        if not columns:
            assert not policies.decide(who, Action.EXPLAIN, target).allowed


def test_the_index_agrees_with_casbin_on_the_attack_world() -> None:
    oracle = GrantOracle(POLICIES)
    for user in ("ana", "bob", "eva"):
        who = subject(user)
        for target in TABLES.values():
            expected = tuple(c.name for c in target.columns if oracle.allows(who, Action.SELECT, target.name, c.name))
            assert policies_columns(who, target.name) == expected


def policies_columns(who: Subject, name: TableName) -> tuple[str, ...]:
    return next(POLICIES.visible_columns(who, t) for t in TABLES.values() if t.name == name)
