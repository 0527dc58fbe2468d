"""A bent certificate is rejected by the checker, or shown to be wrong by replaying it, or says the same as before."""

from __future__ import annotations

from functools import lru_cache

import pytest

from gateway.rewriting.certificates.replay import NotReplayable, replay
from gateway.rewriting.certificates.verifying import verify
from rewrite_rules.certificates import Dossier, check_dossier, from_json, id_of, to_json
from tests.certificates.ground import BOUNDS, FACTS, TABLES, certificate
from tests.certificates.mutations import BENDS, CLAIMS, bent_texts
from tests.certificates.test_check_pairs import GROUPS

_REPLAYED = 1
"""Bent certificates of a kind that are replayed in every run, of those that the checker accepts."""


@lru_cache(maxsize=1)
def dossiers() -> tuple[Dossier, ...]:
    """Return the right certificates of the fixture."""
    made = (
        Dossier(certificate(case["query"], text, group["views"], group.get("states")), TABLES, FACTS, {}, BOUNDS)
        for group in GROUPS
        for case in group["cases"]
        for text in case.get("right", ())
    )
    return tuple(each for each in made if check_dossier(each) == ())


def looked_at(kind: str, every: int) -> tuple[list[Dossier], int]:
    """Return the bent certificates of a kind that the checker still accepts, and how many it rejects."""
    accepted: list[Dossier] = []
    rejected = 0
    for dossier in dossiers()[::every]:
        for bent in bent_texts(dossier, BENDS[kind]):
            if check_dossier(bent):
                rejected += 1
            else:
                accepted.append(bent)
    return accepted, rejected


@pytest.mark.parametrize("kind", BENDS)
def test_bent_texts_are_rejected_unless_they_say_the_same(kind: str) -> None:
    accepted, rejected = looked_at(kind, every=8)
    if not rejected:
        accepted, rejected = looked_at(kind, every=1)
    assert rejected
    for bent in accepted[:_REPLAYED]:
        _says_the_same(bent, kind, databases=3)


@pytest.mark.long
@pytest.mark.parametrize("kind", BENDS)
def test_no_bent_text_that_the_checker_accepts_can_be_told_from_the_right_one(kind: str) -> None:
    for bent in looked_at(kind, every=1)[0]:
        _says_the_same(bent, kind, databases=60)


def _says_the_same(bent: Dossier, kind: str, *, databases: int) -> None:
    try:
        found = replay(bent, count=databases)
    except NotReplayable:
        return
    texts = (bent.certificate.query, bent.certificate.rewritten, [u.scan for u in bent.certificate.uses])
    assert found.counterexample is None, f"{kind}: {texts} {found.counterexample}"


@pytest.mark.long
def test_replaying_alone_tells_bent_texts_of_most_kinds_from_right_ones() -> None:
    """Not most texts: many say the same, as `max` for `sum` where a group is one row of the view."""
    told: dict[str, bool] = {}
    for kind, bend in BENDS.items():
        for dossier in dossiers()[::4]:
            for bent in list(bent_texts(dossier, bend))[:2]:
                try:
                    told[kind] = replay(bent, count=60).counterexample is not None or told.get(kind, False)
                except NotReplayable:
                    continue
                if told[kind]:
                    break
    assert sum(told.values()) > 0.5 * len(told), told


@pytest.mark.parametrize("kind", CLAIMS)
def test_claims_that_make_a_certificate_wrong_are_rejected(kind: str) -> None:
    for dossier in dossiers():
        for bent in CLAIMS[kind](dossier):
            assert check_dossier(bent), f"{kind}: {bent.certificate.query}"


def test_right_certificates_stand_every_replay() -> None:
    for dossier in dossiers()[::9]:
        try:
            found = replay(dossier, count=15)
        except NotReplayable:
            continue
        assert found.compared
        assert found.counterexample is None


def test_a_document_is_read_back_as_it_was_and_has_its_hash_for_a_name() -> None:
    for dossier in dossiers():
        document = to_json(dossier)
        again = from_json(document)
        assert again.certificate == dossier.certificate
        assert to_json(again) == document
        assert not check_dossier(again)
        altered = document.replace(b'"7"', b'"8"')
        verdict = verify(altered, id_of(document), databases=0)
        assert [each.what for each in verdict.rejections] == ["hash"]
