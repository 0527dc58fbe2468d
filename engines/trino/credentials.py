"""The gateway's own credentials at a Trino cluster, under which it acts for the session's user."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NoCredentials:
    """Sign in with the user header alone: for clusters that only the gateway can reach."""


@dataclass(frozen=True, slots=True)
class Basic:
    """Sign in by password."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Sign in by a token; `token` is called for every request, so that a renewed one is used at once."""

    token: Callable[[], str] = field(repr=False)


Credentials = NoCredentials | Basic | Bearer


def authorization(credentials: Credentials) -> tuple[tuple[str, str], ...]:
    """Return the Authorization header, if the credentials need one."""
    match credentials:
        case Basic(user, password):
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            return (("Authorization", f"Basic {pair}"),)
        case Bearer(token):
            return (("Authorization", f"Bearer {token()}"),)
        case _:
            return ()
