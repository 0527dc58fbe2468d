"""Credentials that must not hold, made from the words that a case says of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt

from tests.attacks.process import ISSUER

_SECRET = ISSUER.secret.get_secret_value() if ISSUER.secret else ""
_EVERYTHING = {"roles": ["auditor"]}


def forged_token(words: str, user: str, claims: Mapping[str, Any]) -> str | None:
    """Return a token as a case describes it (`alg=none`, `expired`, `aud=other`, ...); None if its words say nothing."""
    now = int(time.time())
    good: dict[str, Any] = {
        "sub": user, "iss": ISSUER.issuer, "aud": ISSUER.audience, "iat": now, "exp": now + 600, **claims,
    }  # fmt: skip
    said = words.lower()
    if ("none" in said and "alg" in said) or "unsigned" in said:
        return jwt.encode({**good, **_EVERYTHING}, None, algorithm="none")
    if "expired" in said or "exp=" in said:
        return _signed({**good, "iat": now - 900, "exp": now - 600})
    if "audience" in said or "aud" in said:
        return _signed({**good, "aud": "somebody else"})
    if "issuer" in said or "iss=" in said:
        return _signed({**good, "iss": "somebody else"})
    if "not yet" in said or "nbf" in said or "future" in said:
        return _signed({**good, "nbf": now + 600})
    if "signature" in said or "tampered" in said or "secret" in said or "forged" in said:
        return _signed(good, "x" * 40)
    if "confus" in said or "algorithm" in said or "alg=" in said:
        return _signed(good, _SECRET * 2, "HS512")
    if "kid" in said:
        return jwt.encode(good, "", algorithm="HS256", headers={"kid": "../../../dev/null"})
    if "malformed" in said or "garbage" in said or "truncated" in said:
        return _signed(good)[:-3]
    return None


def unsigned_token(user: str) -> str:
    """Return a token that claims everything and is signed by nobody."""
    token = forged_token("alg=none", user, {})
    assert token is not None
    return token


def _signed(claims: Mapping[str, Any], secret: str = _SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(dict(claims), secret, algorithm=algorithm)
