"""HashiCorp Vault's Transform secrets engine by hvac: tokens forth and back. Needs Vault Enterprise; see docs/masks.md.

For data that is tokenised before it is stored (`penstock vault encode`); no mask uses it, since an engine cannot ask
Vault for each row. Calls block: run them in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.config.vault import VaultTransform

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MOUNT = re.compile(r"[A-Za-z0-9_-]{1,128}(/[A-Za-z0-9_-]{1,128}){0,8}")
_AT_ONCE = 500
_NO_TRANSFORM = (
    "Vault has no Transform engine, role or transformation of these names. Transform is part of Vault Enterprise with "
    "Advanced Data Protection."
)


class TransformError(Exception):
    """Vault did not do what was asked; the text has no values, tokens or credentials."""


@dataclass(frozen=True, slots=True)
class TransformPlace:
    """Where Vault keeps a transformation. Raises ValueError for names that could lead elsewhere."""

    url: str
    role: str
    transformation: str
    token: str = field(repr=False)
    """The credential; renewing it is up to whoever gives it."""
    mount: str = "transform"
    namespace: str | None = None
    timeout: float = 10.0

    def __post_init__(self) -> None:
        """Check the names that become part of a path."""
        if not (_MOUNT.fullmatch(self.mount) and _NAME.fullmatch(self.role) and _NAME.fullmatch(self.transformation)):
            raise ValueError("mount, role and transformation are names of letters, digits, - and _")


def configured(settings: VaultTransform) -> TransformPlace:
    """Return the place that a configuration names."""
    return TransformPlace(
        url=str(settings.url).rstrip("/"),
        role=settings.role,
        transformation=settings.transformation,
        token=settings.token.get_secret_value(),
        mount=settings.mount,
        namespace=settings.namespace,
        timeout=settings.timeout_seconds,
    )


class Transform:
    """One transformation of one role."""

    def __init__(self, place: TransformPlace) -> None:
        """Prepare a client; nothing is sent yet. Raises ValueError without the extra `hashicorp-vault`."""
        try:
            import hvac
        except ModuleNotFoundError:
            raise ValueError("HashiCorp Vault needs the extra `hashicorp-vault`: penstock[hashicorp-vault]") from None
        self._place = place
        self._client = hvac.Client(
            url=place.url,
            token=place.token,
            namespace=place.namespace,
            timeout=place.timeout,
            allow_redirects=False,  # or the credential would travel to wherever an answer points
        )

    def encode(self, values: Sequence[str]) -> list[str]:
        """Return the tokens of values, in their order. Raises TransformError."""
        return self._all(values, "encode", "encoded_value")

    def decode(self, tokens: Sequence[str]) -> list[str]:
        """Return the values of tokens, in their order. Raises TransformError."""
        return self._all(tokens, "decode", "decoded_value")

    def _all(self, texts: Sequence[str], way: str, member: str) -> list[str]:
        found: list[str] = []
        for start in range(0, len(texts), _AT_ONCE):
            batch = [{"value": text, "transformation": self._place.transformation} for text in texts[start:][:_AT_ONCE]]
            found += _results(self._ask(way, batch), member, len(batch))
        return found

    def _ask(self, way: str, batch: list[dict[str, str]]) -> object:
        from hvac import exceptions
        from requests.exceptions import RequestException

        call = getattr(self._client.secrets.transform, way)
        try:
            return call(role_name=self._place.role, batch_input=batch, mount_point=self._place.mount)
        except exceptions.InvalidPath:
            raise TransformError(_NO_TRANSFORM) from None
        except exceptions.Forbidden:
            raise TransformError("Vault does not let this credential use the transformation") from None
        except (exceptions.VaultError, RequestException, ValueError) as error:
            raise TransformError(f"Vault did not {way}: {type(error).__name__}") from None


def _results(answer: Any, member: str, count: int) -> list[str]:
    """Read an answer's results. Raises TransformError where one is missing: a short answer would shift the others."""
    data = answer.get("data") if isinstance(answer, Mapping) else None
    results = data.get("batch_results") if isinstance(data, Mapping) else None
    if not isinstance(results, list) or len(results) != count:
        raise TransformError("Vault answered for another number of values than it was asked for")
    texts = [each.get(member) if isinstance(each, Mapping) else None for each in results]
    if not all(isinstance(text, str) for text in texts):
        raise TransformError("Vault could not transform every value")
    return [str(text) for text in texts]
