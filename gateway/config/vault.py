"""The section about tokens that can be turned back: the gateway's own vault, and HashiCorp's; see docs/masks.md."""

from __future__ import annotations

from pydantic import AnyHttpUrl, Field, SecretStr

from gateway.config.section import Section

_NAME = r"^[A-Za-z0-9_-]{1,128}$"


class VaultTransform(Section):
    """Where HashiCorp Vault keeps a tokenization of its Transform engine, for `penstock vault encode`."""

    url: AnyHttpUrl
    role: str = Field(pattern=_NAME)
    transformation: str = Field(pattern=_NAME)
    token: SecretStr
    """The credential; renewing it is up to whoever gives it."""
    mount: str = Field(default="transform", pattern=r"^[A-Za-z0-9_-]{1,128}(/[A-Za-z0-9_-]{1,128}){0,8}$")
    namespace: str | None = None
    timeout_seconds: float = Field(default=10.0, gt=0)


class Vault(Section):
    """Keep the values of tokenised columns up to date."""

    fill_seconds: float = Field(default=0.0, ge=0)
    """How often the columns are read for new values; 0 for never."""
    transform: VaultTransform | None = None
    """HashiCorp Vault's Transform; None where there is none."""
