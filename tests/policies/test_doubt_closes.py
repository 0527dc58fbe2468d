"""On random policies: to lack an attribute, or to see rules end, never shows more than before."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.decisions import Subject, TableDecision
from policies.faults import PolicyError
from policies.index import PolicySet
from tests.policies.asking import Hands, load, reading

END = "2027-01-02T00:00:00Z"
whom = st.sampled_from(
    ({"roles": ["reader"]}, {"roles": ["boss"]}, {"groups": ["risk"]}, {"users": ["u"]}, {"roles": "all"})
)
when = st.sampled_from(({}, {}, {"when": {"region": ["US"]}}, {"when": {"region": ["EU"], "purpose": ["audit"]}}))
ends = st.sampled_from(({}, {"valid_until": END}))
columns = st.sampled_from(("mail", "desk"))
parts = st.fixed_dictionaries(
    {
        "grants": st.lists(
            st.builds(
                lambda who, limits, until, effect: {
                    **who,
                    **limits,
                    **(until if effect == "allow" else {}),
                    "assets": ["c.s.t"],
                    effect: ["read"],
                },
                whom,
                when,
                ends,
                st.sampled_from(("allow", "allow", "deny")),
            ),
            min_size=1,
            max_size=4,
        ),
        "row_filters": st.lists(
            st.builds(
                lambda who, limits, until, text: {**who, **limits, **until, "table": "c.s.t", "filter": text},
                whom,
                when,
                ends,
                st.sampled_from(("none", "id > 1", "desk = 'A'")),
            ),
            max_size=3,
        ),
        "column_masks": st.lists(
            st.builds(
                lambda who, limits, until, what, mask: {**who, **limits, **until, **what, "mask": mask},
                whom,
                when,
                ends,
                columns.map(lambda column: {"table": "c.s.t", "column": column})
                | st.sampled_from(({"tag": "pii"}, {"tag": "pii.mail"})),
                st.sampled_from(("none", "redact", {"kind": "null"})),
            ),
            max_size=4,
        ),
        "tags": st.sampled_from(([], [{"table": "c.s.t", "columns": {"mail": "pii.mail"}}])),
    }
)
callers = st.builds(
    lambda roles, groups: Subject("u", roles, (("purpose", "audit"), ("region", "EU")), groups=groups),
    st.frozensets(st.sampled_from(("reader", "boss", "other")), max_size=2),
    st.frozensets(st.just("risk")),
)


def compiled(document: dict[str, object], hands: Hands) -> PolicySet | None:
    """Compile; masks that are sure to meet make some random policies faulty."""
    try:
        return load("".join(f"{key}: {json.dumps(value)}\n" for key, value in document.items()), hands)
    except PolicyError:
        return None


def shows_no_more(less: TableDecision, more: TableDecision) -> bool:
    """Tell whether one decision shows nothing that the other does not."""
    if not less.allowed:
        return True
    raw = set(less.columns) - set(less.masks)
    return (
        more.allowed
        and set(less.columns) <= set(more.columns)
        and raw <= set(more.columns) - set(more.masks)
        and less.row_filter == more.row_filter
    )


@settings(max_examples=150, deadline=None)
@given(document=parts, who=callers, region=st.sampled_from(("US", "EU", "ASIA")))
def test_who_lacks_an_attribute_sees_no_more_than_whoever_has_it(
    document: dict[str, object], who: Subject, region: str
) -> None:
    policies = compiled(document, Hands())
    if policies is None:
        return
    lacking = Subject(who.user, who.roles, (("purpose", "audit"),), groups=who.groups)
    having = Subject(who.user, who.roles, (("purpose", "audit"), ("region", region)), groups=who.groups)
    assert shows_no_more(reading(policies, lacking), reading(policies, having))


@settings(max_examples=150, deadline=None)
@given(document=parts, who=callers)
def test_the_end_of_rules_shows_no_more_than_they_did(document: dict[str, object], who: Subject) -> None:
    hands = Hands()
    policies = compiled(document, hands)
    if policies is None:
        return
    before = reading(policies, who)
    hands.set("2027-01-02T00:00:00+00:00")
    assert shows_no_more(reading(policies, who), before)
