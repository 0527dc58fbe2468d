"""Links: entries with their place in the chain, and the one form of bytes that their hashes are taken of.

A link's hash is the HMAC-SHA256 (without a key: the SHA-256) of its fields, the hash of the link before among them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from gateway.audit.entries import Entry

_FORM = "penstock-audit-1"
NO_HASH = "0" * 64
"""What the first link names as the hash before it."""


class Head(NamedTuple):
    """The end of the chain: the last link's number and hash."""

    seq: int
    hash: str


START = Head(0, NO_HASH)


class Link(msgspec.Struct, frozen=True):
    """An entry in the chain, in the order of the store's columns."""

    seq: int
    id: str
    at: int
    kind: str
    actor: str
    user_name: str
    subject: str
    outcome: str
    detail: str
    key_id: str
    """Which key its hash was made with; empty for none."""
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChainKeys:
    """The keys that hashes are made with, by id. They belong to the gateway, not to who keeps the database."""

    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    current: str = ""
    """The id of the key that new links are made with; empty for none."""

    @classmethod
    def of(cls, keys: Sequence[tuple[str, str]]) -> ChainKeys:
        """Return keys from (id, secret) pairs: the first makes new hashes, all check old ones."""
        return cls({name: secret.encode() for name, secret in keys}, keys[0][0] if keys else "")

    def knows(self, key_id: str) -> bool:
        """Tell whether a link made with this key can be checked."""
        return key_id == "" or key_id in self.secrets

    def hash(self, link: Link) -> str:
        """Return the hash that a link's fields make, whatever it carries. Raises KeyError for an unknown key."""
        text = canonical(link)
        if link.key_id == "":
            return hashlib.sha256(text).hexdigest()
        return hmac.digest(self.secrets[link.key_id], text, "sha256").hex()

    def link(self, entry: Entry, head: Head) -> Link:
        """Return the link that puts an entry behind the chain's head."""
        unsigned = Link(
            head.seq + 1,
            entry.id,
            entry.at,
            entry.kind,
            entry.actor,
            entry.user,
            entry.subject,
            entry.outcome,
            entry.detail,
            self.current,
            head.hash,
            "",
        )
        return msgspec.structs.replace(unsigned, hash=self.hash(unsigned))


def canonical(link: Link) -> bytes:
    """Return the bytes that a link's hash is of: every field but the hash, each behind its length."""
    fields = (
        _FORM,
        link.prev,
        str(link.seq),
        link.key_id,
        link.id,
        str(link.at),
        link.kind,
        link.actor,
        link.user_name,
        link.subject,
        link.outcome,
        link.detail,
    )
    whole = "".join([f"{len(text)}:{text}" for text in fields])
    if whole.isascii():  # as nearly all are: characters are bytes then
        return whole.encode()
    encoded = [text.encode("utf-8", "surrogateescape") for text in fields]
    return b"".join([b"%d:%b" % (len(text), text) for text in encoded])
