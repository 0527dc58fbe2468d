"""The compiled index decides exactly as casbin's enforce() does over the same rules."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.dialect.parse import parse_expression
from catalog.types import BIGINT
from policies.casbin_oracle import GrantOracle
from policies.compile import compile_policies
from policies.decisions import Action, Subject
from policies.document import Document
from policies.sources import Source
from tests.policies.sales import POLICIES, TABLES, subject, table

ROLES = ("r1", "r2", "r3", "r4")
TABLE_NAMES = ("a.s.t", "a.s.u", "a.q.t", "b.s.t")
COLUMNS = ("x", "y")
ASSETS = ("*", "a.*", "b.*", "a.s.*", "b.s.*", *TABLE_NAMES)
WORDS = ("select", "insert", "drop_table", "read", "write", "all")

grants = st.builds(
    lambda roles, user, assets, effect, words, columns: (
        {"roles": roles, "users": user, "assets": [a for a in assets if not a.endswith("*")] or ["a.s.t"]}
        | {effect: ["select"], "columns": columns}
        if columns
        else {"roles": roles, "users": user, "assets": assets, effect: words}
    ),
    st.lists(st.sampled_from(ROLES), max_size=2).map(tuple) | st.just("all"),
    st.lists(st.sampled_from(("u1", "u2")), min_size=1, max_size=1),
    st.lists(st.sampled_from(ASSETS), min_size=1, max_size=2),
    st.sampled_from(("allow", "allow", "deny")),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=2),
    st.lists(st.sampled_from(COLUMNS), max_size=1),
)
documents = st.builds(
    lambda r2, r3, rules: Document.model_validate(
        {
            "version": 1,
            "roles": {"r1": None, "r2": {"inherits": r2}, "r3": {"inherits": r3}, "r4": None},
            "grants": rules,
        }
    ),
    st.lists(st.just("r1"), max_size=1),
    st.lists(st.sampled_from(("r1", "r2", "r4")), max_size=2, unique=True),
    st.lists(grants, max_size=8),
)
subjects = st.builds(
    Subject, st.sampled_from(("u1", "u2", "u3")), st.frozensets(st.sampled_from((*ROLES, "ghost")), max_size=2)
)


@settings(max_examples=150, deadline=None)
@given(document=documents, who=subjects)
def test_the_index_agrees_with_casbin_on_random_policies(document: Document, who: Subject) -> None:
    policies = compile_policies(
        [Source("generated", document)], parse_expression, version="1", secrets=lambda name: None
    )
    oracle = GrantOracle(policies)
    for name in TABLE_NAMES:
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


def policies_columns(who: Subject, name: tuple[str, str, str]) -> tuple[str, ...]:
    return next(POLICIES.visible_columns(who, t) for t in TABLES.values() if t.name == name)
