"""Password and API-key files: one `user:hash` a line, read at start and at reload."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path

import argon2
import bcrypt

from gateway.auth.credentials import Unauthorized
from gateway.config.errors import ConfigError

_CACHE_ENTRIES = 1024
_HASHER = argon2.PasswordHasher()
API_KEY_PREFIX = "psk_"


def read_entries(path: Path) -> dict[str, str]:
    """Return user -> hash. Raises ConfigError with the line of each fault."""
    entries: dict[str, str] = {}
    faults = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, separator, hashed = line.strip().partition(":")
        if not separator or not user or not hashed:
            faults.append(f"{path}:{number}: must be user:hash")
        elif user in entries:
            faults.append(f"{path}:{number}: a second entry for {user}")
        entries[user] = hashed
    if faults:
        raise ConfigError(faults)
    return entries


class Passwords:
    """Check passwords against argon2 or bcrypt hashes, off the loop, remembering the last good ones."""

    def __init__(self, entries: Mapping[str, str], source: Path) -> None:
        """Refuse hashes of other kinds. Raises ConfigError."""
        wrong = [user for user, value in entries.items() if not value.startswith(("$argon2", "$2a$", "$2b$", "$2y$"))]
        if wrong:
            raise ConfigError([f"{source}: the hash of {user} is neither argon2 nor bcrypt" for user in wrong])
        self._entries = dict(entries)
        self._good: dict[bytes, None] = {}
        self._cache_key = secrets.token_bytes(32)
        # Checked for unknown users, so that the answer takes as long as for a known one.
        self._decoy = _HASHER.hash(secrets.token_hex(16))

    async def verify(self, user: str, password: str) -> None:
        """Return if the password is right. Raises Unauthorized."""
        stored = self._entries.get(user)
        known = hmac.digest(self._cache_key, f"{user}\0{stored}\0{password}".encode(), "sha256")
        if known in self._good:
            return
        good = await asyncio.to_thread(_matches, stored or self._decoy, password)
        if stored is None or not good:
            raise Unauthorized("Invalid credentials", reason=f"wrong password for {user!r}")
        while len(self._good) >= _CACHE_ENTRIES:
            self._good.pop(next(iter(self._good)))
        self._good[known] = None


def _matches(stored: str, password: str) -> bool:
    try:
        if stored.startswith("$argon2"):
            return _HASHER.verify(stored, password)
        return bcrypt.checkpw(password.encode()[:72], stored.encode())
    except (argon2.exceptions.Argon2Error, argon2.exceptions.InvalidHashError, ValueError):
        return False


def hash_password(password: str) -> str:
    """Return the argon2 hash to put into a password file."""
    return _HASHER.hash(password)


class ApiKeys:
    """Check API keys against SHA-256 hashes: the keys are random, so a fast hash is enough."""

    def __init__(self, entries: Mapping[str, str], source: Path) -> None:
        """Index the hashes. Raises ConfigError when one is not 64 hexadecimal digits."""
        wrong = [u for u, v in entries.items() if len(v) != 64 or not all(c in "0123456789abcdef" for c in v)]
        if wrong:
            raise ConfigError([f"{source}: the key hash of {user} is not 64 hexadecimal digits" for user in wrong])
        self._users = {value: user for user, value in entries.items()}

    def verify(self, key: str) -> str:
        """Return the user a key belongs to. Raises Unauthorized."""
        user = self._users.get(hash_api_key(key))
        if user is None:
            raise Unauthorized("Invalid credentials", reason="unknown API key")
        return user


def make_api_key() -> str:
    """Return a new random API key (256 bits)."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def hash_api_key(key: str) -> str:
    """Return the hash to put into an API-key file."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
