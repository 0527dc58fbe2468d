"""The section that says how the audit is kept, and where it goes besides the store; see `gateway.audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from gateway.config.section import NamedKey, Section


class AuditKey(NamedKey):
    """A key that the chain's hashes are made with."""


class _Sink(Section):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    spool_bytes: int = Field(default=268_435_456, ge=1_048_576)
    """How much may wait on this host's disk while the sink takes nothing; beyond it the oldest is lost, and counted."""


class JsonLines(_Sink):
    """A file of JSON lines, rotated by size, that something else reads."""

    kind: Literal["jsonl"]
    path: Path
    max_bytes: int = Field(default=104_857_600, ge=65_536)
    keep: int = Field(default=10, ge=1, le=1000)
    """How many rotated files stay."""


class Syslog(_Sink):
    """A collector that takes RFC 5424 over UDP, TCP (RFC 6587, octet counting) or a Unix socket."""

    kind: Literal["syslog"]
    url: str

    @field_validator("url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError:
            raise ValueError("must be udp://host:port, tcp://host:port or unix:///path") from None
        network = parts.scheme in ("udp", "tcp") and parts.hostname and port and parts.path in ("", "/")
        local = parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")
        if not (network or local) or parts.query or parts.fragment or parts.username:
            raise ValueError("must be udp://host:port, tcp://host:port or unix:///path")
        return value


Sink = Annotated[JsonLines | Syslog, Field(discriminator="kind")]


class Audit(Section):
    """How the chain is made, and who else is told."""

    keys: tuple[AuditKey, ...] = ()
    """The first makes new hashes, all check old ones. Without one, who keeps the database could write a chain anew."""
    unkeyed_until: int = Field(default=0, ge=0)
    """The number of the last link from before there was a key."""
    reads: Literal["unmasked", "sensitive", "all"] = "sensitive"
    """Which statements leave an entry for what they read."""
    anchor_seconds: float = Field(default=60.0, ge=1)
    """How often the chain's head is told to the log, the sinks and this host's disk, while it moves."""
    sinks: tuple[Sink, ...] = ()

    @property
    def secrets(self) -> tuple[tuple[str, str], ...]:
        """Return the keys as (id, secret) pairs, the first of them the one in use."""
        return tuple((key.id, key.secret.get_secret_value()) for key in self.keys)

    @model_validator(mode="after")
    def _each_once(self) -> Audit:
        for what, names in (("keys", [k.id for k in self.keys]), ("sinks", [s.name for s in self.sinks])):
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise ValueError(f"{what}: {twice[0]!r} stands twice")
        if self.unkeyed_until and not self.keys:
            raise ValueError("unkeyed_until: needs `keys`; without one no link has a key")
        return self
