"""A client of the Trino protocol that keeps answers as they came: raw numbers, types, errors, session effects."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, unquote

import aiohttp

_CAPABILITIES = "PATH,PARAMETRIC_DATETIME,SESSION_AUTHORIZATION"
_EFFECTS = (
    "Set-Catalog",
    "Set-Schema",
    "Set-Path",
    "Set-Session",
    "Clear-Session",
    "Set-Role",
    "Added-Prepare",
    "Deallocated-Prepare",
    "Started-Transaction-Id",
    "Clear-Transaction-Id",
    "Set-Authorization-User",
    "Reset-Authorization-User",
)
_RETRIED = frozenset({429, 502, 503, 504})
_RETRIES = 20


class Number(str):
    """A number with a fraction or an exponent, as the server wrote it."""

    __slots__ = ()


@dataclass(slots=True)
class Answer:
    """What a server said to one statement."""

    columns: list[dict[str, Any]] | None = None
    rows: list[list[Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    update_type: str | None = None
    update_count: int | None = None
    effects: list[tuple[str, str]] = field(default_factory=list)
    """What the answer's headers did to the session."""

    @property
    def error_name(self) -> str | None:
        """Return the name of the error, None for a success."""
        return str(self.error.get("errorName")) if self.error is not None else None


class Side:
    """One server and the session that a client keeps with it."""

    def __init__(
        self,
        url: str,
        user: str,
        catalog: str | None,
        schema: str | None,
        *,
        seconds: float = 300.0,
        time_zone: str = "UTC",
    ) -> None:
        """Name the server and the session's defaults; `seconds` bound one statement."""
        self._url = url.rstrip("/")
        self._headers = {
            "X-Trino-User": user,
            "X-Trino-Source": "penstock-compare",
            "X-Trino-Time-Zone": time_zone,
            "X-Trino-Language": "en-US",
            "X-Trino-Client-Capabilities": _CAPABILITIES,
        }
        self._defaults = {"Catalog": catalog, "Schema": schema}
        self._seconds = seconds
        self.reset()

    async def __aenter__(self) -> Self:
        """Open the connection."""
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=10))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self._http.close()

    def reset(self) -> None:
        """Begin a new session, as a client that connects anew."""
        self._names = {name: value for name, value in self._defaults.items() if value}
        self._properties: dict[str, str] = {}
        self._prepared: dict[str, str] = {}
        self._roles: dict[str, str] = {}
        self._transaction = "NONE"

    async def run(self, sql: str) -> Answer:
        """Run a statement to its end; what goes wrong on the way becomes an error of the answer."""
        answer = Answer()
        try:
            async with asyncio.timeout(self._seconds):
                await self._run(sql, answer)
        except TimeoutError:
            answer.error = {"errorName": "TIMED_OUT", "message": f"no answer within {self._seconds:.0f} s"}
        except (aiohttp.ClientError, OSError, ValueError) as error:
            answer.error = {"errorName": "BROKEN_ANSWER", "message": repr(error)}
        return answer

    async def _run(self, sql: str, answer: Answer) -> None:
        page, headers = await self._fetch("POST", f"{self._url}/v1/statement", sql)
        following: str | None = None
        try:
            while True:
                following = page.get("nextUri")
                self._read(page, headers, answer)
                if following is None:
                    return
                page, headers = await self._fetch("GET", following, None)
        except (TimeoutError, asyncio.CancelledError):
            if following is not None:
                await self._http.delete(following)
            raise

    async def _fetch(self, method: str, url: str, body: str | None) -> tuple[dict[str, Any], Any]:
        """Return a page and its headers; a server that is busy for a moment is asked again."""
        for attempt in range(_RETRIES):
            headers = self._session_headers() if body is not None else self._headers
            data = body.encode() if body is not None else None
            async with self._http.request(method, url, data=data, headers=headers) as response:
                if response.status in _RETRIED and attempt + 1 < _RETRIES:
                    await asyncio.sleep(0.1)
                    continue
                text = await response.text()
                if response.status != 200:
                    error = {"errorName": f"HTTP_{response.status}", "message": text[:500]}
                    return {"error": error}, response.headers
                page: dict[str, Any] = json.loads(text, parse_float=Number)
                return page, response.headers
        raise AssertionError  # the last attempt returns

    def _session_headers(self) -> dict[str, str]:
        headers = {**self._headers, **{f"X-Trino-{name}": value for name, value in self._names.items()}}
        headers["X-Trino-Transaction-Id"] = self._transaction
        for name, values in (("Session", self._properties), ("Prepared-Statement", self._prepared)):
            if values:
                headers[f"X-Trino-{name}"] = ",".join(f"{quote(k)}={quote(v, safe='')}" for k, v in values.items())
        if self._roles:
            headers["X-Trino-Role"] = ",".join(f"{k}={quote(v, safe='')}" for k, v in self._roles.items())
        return headers

    def _read(self, page: dict[str, Any], headers: Any, answer: Answer) -> None:
        answer.columns = page.get("columns", answer.columns)
        answer.rows += page.get("data") or []
        answer.error = page.get("error", answer.error)
        answer.update_type = page.get("updateType", answer.update_type)
        answer.update_count = page.get("updateCount", answer.update_count)
        for name in _EFFECTS:
            for value in headers.getall(f"X-Trino-{name}", ()):
                shown = "" if "Transaction" in name else value
                if (name, shown) not in answer.effects:
                    answer.effects.append((name, shown))
                    self._apply(name, value)

    def _apply(self, name: str, value: str) -> None:
        key, _, text = value.partition("=")
        match name:
            case "Set-Catalog" | "Set-Schema" | "Set-Path":
                self._names[name.removeprefix("Set-")] = value
            case "Set-Session":
                self._properties[unquote(key)] = unquote(text)
            case "Clear-Session":
                self._properties.pop(unquote(value), None)
            case "Set-Role":
                self._roles[key] = unquote(text)
            case "Added-Prepare":
                self._prepared[unquote(key)] = unquote(text.replace("+", " "))
            case "Deallocated-Prepare":
                self._prepared.pop(unquote(value), None)
            case "Started-Transaction-Id":
                self._transaction = value
            case "Clear-Transaction-Id":
                self._transaction = "NONE"
