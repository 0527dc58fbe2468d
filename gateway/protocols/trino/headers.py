"""Request headers to a session, and session effects to response headers. Source: trino-protocol sections 3, 5, 18.

Whatever can be read in two ways is refused with 400: a header that may come once and comes twice, an escape that is
broken, a prepared statement or property named twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from gateway.protocols.http import Headers
from gateway.protocols.trino.errors import BadRequest
from gateway.protocols.trino.header_values import (
    decode_prepared,
    encode_prepared,
    pairs,
    several,
    single,
    url_decode,
    url_encode,
)
from gateway.protocols.trino.time_zones import canonical_zone
from gateway.received import Session

PREFIX = "X-Trino-"
_ROLE = re.compile(r"ALL|NONE|ROLE\{[^{}]+\}")
_ENCODINGS = frozenset({"json", "json+lz4", "json+zstd"})
_DURATION = re.compile(r"\d{1,15}(?:\.\d{1,15})?\s*(?:ns|us|ms|s|m|h|d)")
_SIZE = re.compile(r"\d{1,15}(?:\.\d{1,15})?\s*(?:B|kB|MB|GB|TB|PB)")
_ESTIMATES: Mapping[str, re.Pattern[str]] = {
    "EXECUTION_TIME": _DURATION,
    "CPU_TIME": _DURATION,
    "PEAK_MEMORY": _SIZE,
}
_KNOWN_CHARACTERS = 4_096
"""Sessions that carry more, prepared statements for the most part, are not kept in memory."""
_LENGTHS = {
    "Catalog": 256,
    "Schema": 256,
    "Path": 4_096,
    "Time-Zone": 128,
    "Language": 64,
    "Source": 1_024,
    "Client-Info": 4_096,
    "Trace-Token": 1_024,
    "Transaction-Id": 2_048,
    "User": 512,
    "Original-User": 512,
}


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """Bound what a session may carry; sizes in bytes of decoded text."""

    items: int = 1_000
    """Of each multi-valued header."""
    item_length: int = 8_192
    prepared_bytes: int = 1_048_576
    """One prepared statement."""
    all_prepared_bytes: int = 4_194_304


def user_of(headers: Headers, prefix: str = PREFIX) -> str | None:
    """Return the user header: a wish, not a proof. Raises BadRequest."""
    return single(headers, f"{prefix}User", _LENGTHS["User"])


def original_user_of(headers: Headers, prefix: str = PREFIX) -> str | None:
    """Return the session's user before SET SESSION AUTHORIZATION: a wish, too. Raises BadRequest."""
    return single(headers, f"{prefix}Original-User", _LENGTHS["Original-User"])


def session_of(
    headers: Headers,
    *,
    remote_address: str | None = None,
    limits: HeaderLimits | None = None,
    prefix: str = PREFIX,
) -> Session:
    """Return the session that a statement's headers describe. Raises BadRequest (HTTP 400, in words)."""
    limits = limits or HeaderLimits()
    if len(headers.all(f"{prefix}original-user".lower())) > 1:
        raise BadRequest(f"{prefix}Original-User header must not be repeated")
    catalog, schema = _one(headers, prefix, "Catalog"), _one(headers, prefix, "Schema")
    if schema is not None and catalog is None:
        raise BadRequest("Schema is set but catalog is not")
    _check_extra_credentials(headers, prefix)
    properties = _properties(headers, prefix, limits)
    return Session(
        catalog=catalog,
        schema=schema,
        path=_one(headers, prefix, "Path"),
        time_zone=_time_zone(headers, prefix, properties),
        language=_one(headers, prefix, "Language"),
        source=_one(headers, prefix, "Source"),
        client_info=_one(headers, prefix, "Client-Info"),
        client_tags=tuple(dict.fromkeys(_items(headers, prefix, "Client-Tags", limits))),
        trace_token=_one(headers, prefix, "Trace-Token"),
        properties=properties,
        prepared=_prepared(headers, prefix, limits),
        roles=_roles(headers, prefix, limits),
        transaction=_transaction(headers, prefix),
        capabilities=frozenset(_items(headers, prefix, "Client-Capabilities", limits)),
        resource_estimates=_estimates(headers, prefix, limits),
        data_encodings=tuple(e for e in _items(headers, prefix, "Query-Data-Encoding", limits) if e in _ENCODINGS),
        remote_address=remote_address,
        user_agent=headers.get("user-agent"),
    )


def known_session(headers: Headers, remote_address: str | None) -> Session:
    """Return the session of a statement's headers; what a client says in the same words again is read once.

    Raises BadRequest, as `session_of`.
    """
    lines = tuple(line for line in headers if line[0].startswith("x-trino-") or line[0] == "user-agent")
    if sum(len(value) for _, value in lines) > _KNOWN_CHARACTERS:
        return session_of(headers, remote_address=remote_address)
    return _known_session(lines, remote_address)


@lru_cache(maxsize=512)
def _known_session(lines: tuple[tuple[str, str], ...], remote_address: str | None) -> Session:
    return session_of(Headers(lines), remote_address=remote_address)


def _one(headers: Headers, prefix: str, name: str) -> str | None:
    return single(headers, prefix + name, _LENGTHS[name])


def _transaction(headers: Headers, prefix: str) -> str | None:
    """Return the transaction's id; one that is sent empty says, as `NONE` does, that the client knows transactions."""
    given = _one(headers, prefix, "Transaction-Id")
    return given if given is not None or f"{prefix}Transaction-Id" not in headers else "NONE"


def _items(headers: Headers, prefix: str, name: str, limits: HeaderLimits) -> list[str]:
    items = several(headers, prefix + name)
    if len(items) > limits.items or any(len(item) > limits.item_length for item in items):
        raise BadRequest(f"{prefix}{name} header is too large")
    return items


def _unique(headers: Headers, prefix: str, name: str, limits: HeaderLimits) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs(headers, prefix + name):
        if key in found:
            raise BadRequest(f"Invalid {prefix}{name} header: {key[:100]} is given twice")
        found[key] = value
    if len(found) > limits.items:
        raise BadRequest(f"{prefix}{name} header is too large: at most {limits.items} entries")
    return found


def _time_zone(headers: Headers, prefix: str, properties: Mapping[str, str]) -> str:
    """Return the zone that SET TIME ZONE left with the client, else the zone it came with.

    A zone that is none is kept as it came: as on Trino, the statement fails over it, not the request.
    """
    name = properties.get("time_zone_id") or _one(headers, prefix, "Time-Zone")
    return "UTC" if name is None else canonical_zone(name) or name


def _properties(headers: Headers, prefix: str, limits: HeaderLimits) -> Mapping[str, str]:
    found = _unique(headers, prefix, "Session", limits)
    for key, value in found.items():
        if key.startswith(".") or key.endswith(".") or len(value) > limits.item_length:
            raise BadRequest(f"Invalid {prefix}Session header")
    return found


def _roles(headers: Headers, prefix: str, limits: HeaderLimits) -> Mapping[str, str]:
    found = _unique(headers, prefix, "Role", limits)
    if not all(_ROLE.fullmatch(value) for value in found.values()):
        raise BadRequest(f"Invalid {prefix}Role header")
    return found


def _prepared(headers: Headers, prefix: str, limits: HeaderLimits) -> Mapping[str, str]:
    name = f"{prefix}Prepared-Statement"
    found: dict[str, str] = {}
    size = 0
    for encoded_key, value in pairs(headers, name):
        key = url_decode(encoded_key, name)
        text = decode_prepared(value, limits.prepared_bytes, name)
        size += len(text)
        if key in found:
            raise BadRequest(f"Invalid {name} header: {key[:100]} is given twice")
        if not text or len(key) > 256:
            raise BadRequest(f"Invalid {name} header")
        if size > limits.all_prepared_bytes or len(found) >= limits.items:
            raise BadRequest(f"{name} headers are too large: at most {limits.all_prepared_bytes} bytes in all")
        found[key] = text
    return found


def _estimates(headers: Headers, prefix: str, limits: HeaderLimits) -> Mapping[str, str]:
    found = {key.upper(): value.strip() for key, value in _unique(headers, prefix, "Resource-Estimate", limits).items()}
    for key, value in found.items():
        if key not in _ESTIMATES:
            raise BadRequest(f"Unsupported resource name {key[:100]}")
        if not _ESTIMATES[key].fullmatch(value):
            raise BadRequest(f"Unsupported format for resource estimate '{value[:100]}'")
    return found


def _check_extra_credentials(headers: Headers, prefix: str) -> None:
    """Check the form only: a client's credentials for the engine never travel through the gateway."""
    for key, _ in pairs(headers, f"{prefix}Extra-Credential"):
        if key.lower().startswith("internal$"):
            raise BadRequest(f"Invalid extra credential name: {key[:100]}")


# --- the way back -------------------------------------------------------------------------------------------

Header = tuple[str, str]


def set_catalog(catalog: str) -> Header:
    """Announce the session's new catalog."""
    return (f"{PREFIX}Set-Catalog", catalog)


def set_schema(schema: str) -> Header:
    """Announce the session's new schema."""
    return (f"{PREFIX}Set-Schema", schema)


def set_session(name: str, value: str) -> Header:
    """Announce a session property."""
    return (f"{PREFIX}Set-Session", f"{name}={url_encode(value)}")


def clear_session(name: str) -> Header:
    """Announce that a session property is back at its default."""
    return (f"{PREFIX}Clear-Session", name)


def set_role(catalog: str, role: str) -> Header:
    """Announce a role: `role` is `ALL`, `NONE` or `ROLE{name}`."""
    return (f"{PREFIX}Set-Role", f"{catalog}={url_encode(role)}")


def set_path(path: str) -> Header:
    """Announce the session's path of functions."""
    return (f"{PREFIX}Set-Path", path)


def set_authorization_user(user: str) -> tuple[Header, Header]:
    """Announce the user for whom the session goes on; the original roles are given by policy, not by the client."""
    return (f"{PREFIX}Set-Authorization-User", user), (f"{PREFIX}Set-Original-Roles", "NONE")


def reset_authorization_user() -> Header:
    """Announce that the session is its original user's again."""
    return (f"{PREFIX}Reset-Authorization-User", "true")


def added_prepare(name: str, sql: str) -> Header:
    """Hand the client a prepared statement: its own text, never a governed one."""
    return (f"{PREFIX}Added-Prepare", f"{url_encode(name)}={url_encode(encode_prepared(sql))}")


def deallocated_prepare(name: str) -> Header:
    """Tell the client to forget a prepared statement."""
    return (f"{PREFIX}Deallocated-Prepare", url_encode(name))
