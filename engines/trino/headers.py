"""What may travel to a Trino engine in headers, and what may come back.

Both ways an allow-list: identity, roles, extra credentials and encodings are the gateway's business. Source:
policy-semantics section 2 steps 14 and 16, trino-protocol sections 3, 5 and 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote_plus

from engines.base import STARTED_TRANSACTION, EngineStatement
from engines.limits import SCAN_PROPERTY, scan_limit

Headers = tuple[tuple[str, str], ...]

TO_ENGINE = {
    name.lower(): name
    for name in (
        "X-Trino-Source",
        "X-Trino-Client-Tags",
        "X-Trino-Client-Info",
        "X-Trino-Client-Capabilities",
        "X-Trino-Language",
        "X-Trino-Resource-Estimate",
        "X-Trino-Trace-Token",
    )
}
"""Client headers passed on as they are. Never User, Original-User, Role, Path, Extra-Credential, Query-Data-Encoding,
Prepared-Statement or Session: the gateway writes those itself, or not at all."""

FROM_ENGINE = {
    name.lower(): name
    for name in (
        "X-Trino-Set-Catalog",
        "X-Trino-Set-Schema",
        "X-Trino-Set-Path",
        "X-Trino-Set-Session",
        "X-Trino-Clear-Session",
        "X-Trino-Deallocated-Prepare",
        STARTED_TRANSACTION,
        "X-Trino-Clear-Transaction-Id",
    )
}
"""Session effects that reach the client. Not roles and users, which the gateway decides; not Added-Prepare, which
would carry governed text and with it the policy."""


DATA_ENCODING = "X-Trino-Query-Data-Encoding"
"""Passed on and back only where results may come in segments."""
_TO_SPOOLING = {**TO_ENGINE, DATA_ENCODING.lower(): DATA_ENCODING}
_FROM_SPOOLING = {**FROM_ENGINE, DATA_ENCODING.lower(): DATA_ENCODING}


def request_headers(statement: EngineStatement, *, spooling: bool = False) -> Headers:
    """Return the session headers with which a statement is submitted as its user."""
    pairs = [("X-Trino-User", statement.user), ("X-Trino-Time-Zone", statement.time_zone)]
    if statement.catalog is not None:
        pairs.append(("X-Trino-Catalog", statement.catalog))
        if statement.schema is not None:
            pairs.append(("X-Trino-Schema", statement.schema))
    settings = _session_properties(statement)
    if settings:
        properties = (f"{name}={quote_plus(value)}" for name, value in settings.items())
        pairs.append(("X-Trino-Session", ",".join(properties)))
    if statement.prepared is not None:
        pairs.append(("X-Trino-Prepared-Statement", "=".join(map(quote_plus, statement.prepared))))
    allowed = _TO_SPOOLING if spooling else TO_ENGINE
    passed = {canonical: _as_sent(value) for canonical, value in _allowed(statement.headers, allowed) if value}
    if statement.capabilities:
        passed.setdefault("X-Trino-Client-Capabilities", ",".join(sorted(statement.capabilities)))
    if statement.trace:
        passed.setdefault("X-Trino-Trace-Token", statement.trace)
    if statement.transaction is not None:
        passed["X-Trino-Transaction-Id"] = statement.transaction
    elif any(name.lower() == "x-trino-transaction-id" and value == "NONE" for name, value in statement.headers):
        passed["X-Trino-Transaction-Id"] = "NONE"
    return (*pairs, *passed.items())


def _session_properties(statement: EngineStatement) -> Mapping[str, str]:
    """Return the session's properties, with the gateway's own bound on what may be read where it is the lower one.

    Trino compares once a second what a query has read, so a short query may pass the bound, and a long one by what
    the cluster reads in a second.
    """
    if statement.max_scan_bytes is None:
        return statement.session_properties
    most = scan_limit(statement.session_properties, max(statement.max_scan_bytes, 0))
    return {**statement.session_properties, SCAN_PROPERTY: f"{most}B"}


def _as_sent(value: str) -> str:
    """Return a client's own words in the bytes that it sent, UTF-8, which the wire's writer takes as Latin-1."""
    return value if value.isascii() else value.encode().decode("latin-1")


def response_headers(headers: Iterable[tuple[str, str]], *, spooling: bool = False) -> Headers:
    """Return the session effects among an answer's headers, whose names are lower case; repeated ones kept apart."""
    allowed = _FROM_SPOOLING if spooling else FROM_ENGINE
    return tuple([(allowed[name], value) for name, value in headers if name in allowed])


def _allowed(headers: Iterable[tuple[str, str]], allowed: dict[str, str]) -> list[tuple[str, str]]:
    return [(canonical, value) for name, value in headers if (canonical := allowed.get(name.lower())) is not None]
