"""Rules that speak against each other are reported, each by its own rule; none of them opens anything."""

from __future__ import annotations

import pytest

from policies.faults import PolicyError
from tests.policies.asking import READ, Hands, load

WARNED = {
    "an allow of which a deny leaves nothing": (
        "grants: [{id: a, roles: [reader], assets: c.s.t, allow: [select]}, "
        "{id: d, roles: [reader], assets: c.*, deny: [read]}]",
        "all that a allows to role:reader is denied to it",
    ),
    "a grant that has ended": (
        "grants: [{id: a, roles: [reader], assets: c.s.t, allow: [select], valid_until: 2026-01-01}]",
        "the grant a has ended",
    ),
    "a filter that has ended": (
        "row_filters: [{id: f, roles: [reader], table: c.s.t, filter: id > 1, valid_until: 2026-01-01}]",
        "the row filter f has ended",
    ),
    "a mask that has ended": (
        "column_masks: [{id: m, roles: [reader], table: c.s.t, column: mail, mask: redact, valid_until: 2026-01-01}]",
        "the mask m has ended",
    ),
    "no filter beside a filter": (
        "row_filters: [{id: n, roles: [reader], table: c.s.t, filter: none}, "
        "{id: f, roles: [reader], table: c.s.t, filter: id > 1}]",
        "`filter: none` has no effect for role:reader on c.s.t: f filters as well",
    ),
    "filters that no row satisfies": (
        "row_filters: [{id: f, roles: [reader], table: c.s.t, filter: desk = 'A'}, "
        "{id: g, roles: [reader], table: c.s.t, filter: desk = 'B' AND id > 1}]",
        "f and g ask for two values of `desk`: role:reader sees no row of c.s.t",
    ),
    "masks that may meet": (
        "column_masks: [{id: m, roles: [reader], table: c.s.t, column: mail, mask: redact, when: {region: US}}, "
        "{id: n, roles: [reader], table: c.s.t, column: mail, mask: 'null', when: {purpose: audit}}]",
        "m and n may both hold for role:reader: then mail of c.s.t is withheld",
    ),
    "masks of two roles that one person has": (
        "users: {ann: {roles: [reader, other]}}\n"
        "column_masks: [{id: m, roles: [reader], table: c.s.t, column: mail, mask: redact}, "
        "{id: n, roles: [other], table: c.s.t, column: mail, mask: none}]",
        "ann has both: mail of c.s.t is withheld from ann",
    ),
    "masks for two tags of one column": (
        "tags: [{table: c.s.t, columns: {mail: [pii, mkt]}}]\n"
        "column_masks: [{id: m, roles: [reader], tag: pii, mask: redact}, {id: n, roles: [reader], tag: mkt, mask: 'null'}]",
        "the masks n (mkt) and m (pii) differ: mail of c.s.t is withheld",
    ),
    "a tag that nothing carries": (
        "grants: [{id: a, roles: [reader], tag: pi, deny: [select]}]\ntags: [{table: c.s.t, tags: [pii]}]",
        "nothing carries the tag pi",
    ),
    "licences without a common region": (
        "licences: [{id: l, table: c.s.t, allowed_regions: [US]}, {id: k, table: c.s.t, allowed_regions: [EU]}]",
        "the licences l and k have no region in common",
    ),
}


@pytest.mark.parametrize(("text", "message"), WARNED.values(), ids=WARNED.keys())
def test_a_contradiction_is_reported_with_its_place(text: str, message: str) -> None:
    found = load(text).warnings
    assert [w for w in found if message in w.message], [str(w) for w in found]
    assert all(w.origin.file == "policies.yaml" and w.origin.line > 4 for w in found)


QUIET = {
    "a deny that leaves something": READ.rstrip("]\n") + ", {roles: [reader], assets: c.s.t, deny: [explain]}]",
    "a deny for some": READ.rstrip("]\n") + ", {roles: [reader], assets: c.s.t, deny: [read], when: {region: EU}}]",
    "filters of a group": "row_filters: [{roles: [reader], table: c.s.t, filter: desk = 'A', group: g}, "
    "{roles: [reader], table: c.s.t, filter: desk = 'B', group: g}]",
    "filters after each other": "row_filters: [{roles: [reader], table: c.s.t, filter: desk = 'A', valid_until: 2028-01-01}, "
    "{roles: [reader], table: c.s.t, filter: desk = 'B', valid_from: 2028-01-01}]",
    "a mask for an heir": "users: {ann: {roles: [boss]}}\n"
    "column_masks: [{roles: [reader], table: c.s.t, column: mail, mask: redact}, "
    "{roles: [boss], table: c.s.t, column: mail, mask: none}]",
    "masks whose conditions exclude each other": "column_masks: [{roles: [reader], table: c.s.t, column: mail, "
    "mask: redact, when: {region: US}}, {roles: [reader], table: c.s.t, column: mail, mask: none, when: {region: EU}}]",
}


@pytest.mark.parametrize("text", QUIET.values(), ids=QUIET.keys())
def test_what_does_not_contradict_itself_is_not_reported(text: str) -> None:
    assert load(text).warnings == ()


def test_two_masks_that_are_sure_to_meet_are_a_fault() -> None:
    text = "column_masks: [{{roles: [reader], table: c.s.t, column: mail, mask: redact{}}}, {{roles: [reader], table: c.s.t, column: mail, mask: none{}}}]"
    assert load(text.format(", valid_until: 2028-01-01", ", valid_from: 2028-01-01"))
    for one, other in (("", ""), (", valid_until: 2028-01-01", ""), (", when: {region: US}", ", when: {region: US}")):
        with pytest.raises(PolicyError, match="two masks"):
            load(text.format(one, other))


def test_a_rule_that_ends_later_is_not_reported_before_it_has() -> None:
    text = "grants: [{roles: [reader], assets: c.s.t, allow: [select], valid_until: 2027-06-01}]"
    assert load(text).warnings == ()
    assert load(text, Hands("2027-06-01T00:00:00+00:00")).warnings
