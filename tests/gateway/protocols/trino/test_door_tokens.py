"""Page tokens: sealed, bound, expiring, the same for the same page, and unlike for any other."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.trino.tokens import PagePlace, PageTokens, TokenExpired, TokenForged, TokenKey

KEY, OTHER = TokenKey("k1", "0123456789abcdef" * 2), TokenKey("k2", "fedcba9876543210" * 2)
TOKENS = PageTokens([KEY])
PLACE = PagePlace("aaaaa", "trino", "/v1/statement/executing/q/yslug/1", "q", "alice", "svc", 3, 1_000, True, "own")


def test_what_was_sealed_is_opened_by_any_worker() -> None:
    token = TOKENS.seal(PLACE)
    assert TOKENS.open(token, 999) == PLACE
    assert PageTokens([KEY]).open(token, 999) == PLACE


def test_a_token_opens_however_many_were_given_out_after_it() -> None:
    tokens = PageTokens([KEY])
    first = tokens.seal(PLACE)
    for page in range(2_000):
        tokens.seal(msgspec.structs.replace(PLACE, page=page))
    assert tokens.open(first, 999) == PLACE


def test_a_token_is_safe_in_a_path_and_shows_nothing() -> None:
    token = TOKENS.seal(PLACE)
    assert all(char.isalnum() or char in "-_." for char in token)
    assert not any(word in token for word in ("alice", "yslug", "trino"))


def test_the_same_page_has_the_same_token_on_any_worker_and_any_other_page_has_another() -> None:
    again = PageTokens([TokenKey("k1", KEY.secret)])
    assert TOKENS.seal(PLACE) == again.seal(PLACE)
    changes = {"cursor": "x", "user": "bob", "page": 4, "expires": 1_001, "policed": False, "home": "bbbbb"}
    others = [TOKENS.seal(msgspec.structs.replace(PLACE, **{name: value})) for name, value in changes.items()]
    assert len({TOKENS.seal(PLACE), *others}) == len(changes) + 1


def test_a_token_expires() -> None:
    with pytest.raises(TokenExpired) as gone:
        TOKENS.open(TOKENS.seal(PLACE), 1_000)
    assert gone.value.status == 410
    with pytest.raises(TokenExpired):
        PageTokens([KEY]).open(TOKENS.seal(PLACE), 1_000)


def test_another_secret_under_the_same_name_opens_nothing() -> None:
    with pytest.raises(TokenForged) as unknown:
        PageTokens([TokenKey("k1", OTHER.secret)]).open(TOKENS.seal(PLACE), 0)
    assert unknown.value.status == 404


def test_the_first_key_seals_and_both_open() -> None:
    rotated = PageTokens([OTHER, KEY])
    assert rotated.open(TOKENS.seal(PLACE), 0) == PLACE
    assert rotated.seal(PLACE).startswith("k2.")
    with pytest.raises(TokenForged):
        TOKENS.open(rotated.seal(PLACE), 0)


def test_a_key_cannot_pass_for_another() -> None:
    sealed = PageTokens([KEY]).seal(PLACE)
    with pytest.raises(TokenForged):
        PageTokens([TokenKey("k9", KEY.secret)]).open("k9" + sealed[2:], 0)


@pytest.mark.parametrize("keys", [[], [KEY, TokenKey("k1", OTHER.secret)]])
def test_keys_are_needed_and_named_apart(keys: list[TokenKey]) -> None:
    with pytest.raises(ValueError, match="key"):
        PageTokens(keys)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_letter_goes_unnoticed(place: int, change: int) -> None:
    token = TOKENS.seal(PLACE)
    at = place % len(token)
    letter = chr((ord(token[at]) + change) % 128)
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        with pytest.raises(TokenForged):
            TOKENS.open(changed, 0)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_rubbish_is_forged_whatever_it_is(text: str) -> None:
    for token in (text, f"k1.{text}"):
        with pytest.raises(TokenForged):
            TOKENS.open(token, 0)
