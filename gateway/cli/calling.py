"""Speak to the admin API from the command line: where it is, who calls, and what its refusals look like to people.

Exit codes of every command that calls: 0 done; 1 refused, or found wanting; 2 it could not be asked.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from gateway.cli.options import ConfigOption, fail, read_config
from gateway.cli.tables import plain

if TYPE_CHECKING:
    from gateway.config import Config

API = "/api/v1"
_SECONDS = 300.0
_MINTED_SECONDS = 300.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (where to call who listens everywhere)
_UNASKED = frozenset({401, 502, 503, 504})

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="PENSTOCK_ADMIN_URL",
        help="The admin API: http://host:port. Default: the configuration's `admin`.",
        show_default=False,
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="PENSTOCK_TOKEN",
        help="Your bearer token. The variable is the better place: others can see a command's line.",
        show_default=False,
    ),
]
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        envvar="PENSTOCK_USER",
        help="Without a token: as this user, by a token made for the purpose with the configuration's own secret.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered, other than a problem."""

    status: int
    body: Any
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admin:
    """One caller's way to one admin API."""

    url: str
    token: str = field(repr=False)
    as_json: bool = False
    """Whether a problem is printed as the JSON that it is."""

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, object] | None = None,
        etag: str | None = None,
        text: tuple[str, str] | None = None,
    ) -> Answer:
        """Return the answer to a request below `/`; ends the command on a problem.

        `body` is sent as JSON; `text` (media type, content) instead as it is. `etag` becomes If-Match.
        """
        import asyncio

        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json, application/problem+json"}
        if etag is not None:
            headers["If-Match"] = etag
        data: bytes | None = None
        if text is not None:
            headers["Content-Type"], data = text[0], text[1].encode()
        elif body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        answer = asyncio.run(_send(self.url, method, path, _query(params or {}), headers, data))
        if answer.status >= 400:
            self._refused(answer)
        return answer

    def items(self, path: str, params: Mapping[str, object] | None = None, most: int | None = None) -> Iterator[Any]:
        """Yield a list's items, page by page; `most` of them at most."""
        after: str | None = None
        left = most
        while left is None or left > 0:
            page = self.call(
                "GET", path, params={**(params or {}), "limit": min(left or 1000, 1000), "after": after}
            ).body
            yield from page["items"]
            left = None if left is None else left - len(page["items"])
            after = page["next"]
            if after is None:
                return

    def _refused(self, answer: Answer) -> NoReturn:
        code = 2 if answer.status in _UNASKED else 1
        problem = answer.body if isinstance(answer.body, dict) else {}
        if self.as_json and problem:
            print(json.dumps(problem, indent=2))
            raise typer.Exit(code)
        fail(*map(plain, lines_of(problem, answer.status)), code=code)


def reach(config: Path | None, url: str | None, token: str | None, user: str | None, *, as_json: bool = False) -> Admin:
    """Return the way to the admin API; ends the command where the place or the caller is not known."""
    loaded = read_config(config) if url is None or token is None else None
    if url is None:
        assert loaded is not None  # noqa: S101  (for mypy: it was read above)
        url = _address(loaded)
    elif not url.startswith(("http://", "https://")):
        fail(f"--url {url}: write http://host:port or https://host:port", code=2)
    if token is None:
        if user is None:
            fail("who are you? Give --token or $PENSTOCK_TOKEN, or else --as USER or $PENSTOCK_USER", code=2)
        assert loaded is not None  # noqa: S101  (for mypy: it was read above)
        token = _minted(loaded, user)
    return Admin(url.rstrip("/"), token, as_json)


_REACHING = {"config": ConfigOption, "url": UrlOption, "token": TokenOption, "as_user": AsOption}
"""The options that say where the admin API is and who calls, by the parameter of `reach` they become."""


def at_gateway(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose first parameter, the way to the admin API, is given by options instead.

    Its other parameters are typer's, as ever; `--json` is told by `Admin.as_json`.
    """
    declared = inspect.signature(command, eval_str=True)
    own = list(declared.parameters.values())[1:]
    options = {**_REACHING, "as_json": JsonOption}
    kinds = {**{each.name: each.annotation for each in own}, **options}

    @functools.wraps(command)
    def called(**given: Any) -> None:
        as_json = given.pop("as_json")
        admin = reach(*(given.pop(name) for name in _REACHING), as_json=as_json)
        command(admin, **given)

    defaults = {**dict.fromkeys(_REACHING), "as_json": False}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=kind)
        for name, kind in options.items()
    ]
    signed: Any = called
    signed.__signature__ = inspect.Signature([*own, *added])
    signed.__annotations__ = kinds
    return called


def lines_of(problem: Mapping[str, Any], status: int) -> list[str]:
    """Write a problem for people: what, then each field with its reason and fix."""
    code = problem.get("code", status)
    lines = [f"refused ({code}): {problem.get('detail') or f'the answer was {status}, and no problem'}"]
    for fault in problem.get("errors", ()):
        where = f"{fault.get('field')}: " if fault.get("field") else ""
        told = f"{where}{fault.get('reason', '')}"
        if told != problem.get("detail"):
            lines.append(f"  {told}")
        if fault.get("fix"):
            lines.append(f"    fix: {fault['fix']}")
    return lines


def _address(config: Config) -> str:
    host = _EVERYWHERE.get(config.admin.host, config.admin.host)
    if config.admin.port == 0:
        fail("the configuration lets the system choose the admin port: say --url", code=2)
    return f"http://{f'[{host}]' if ':' in host else host}:{config.admin.port}"


def _minted(config: Config, user: str) -> str:
    from gateway.cli.token import mint

    longest = min((issuer.max_lifetime_seconds for issuer in config.identity.jwt if issuer.secret), default=0.0)
    return mint(config, user, min(_MINTED_SECONDS, longest or _MINTED_SECONDS))


def _query(params: Mapping[str, object]) -> list[tuple[str, str]]:
    """Leave out what is None, repeat what is a list, and write booleans as JSON does."""
    return [
        (name, json.dumps(each) if isinstance(each, bool) else str(each))
        for name, value in params.items()
        for each in (value if isinstance(value, list | tuple) else (value,))
        if each is not None
    ]


async def _send(
    url: str, method: str, path: str, params: list[tuple[str, str]], headers: Mapping[str, str], data: bytes | None
) -> Answer:
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as http,
            http.request(method, url + path, params=params, headers=headers, data=data, allow_redirects=False) as found,
        ):
            raw = await found.read()
            return Answer(found.status, _decoded(raw), found.headers.get("ETag"), dict(found.headers))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        fail(f"no answer from the admin API at {url}: {error or type(error).__name__}", code=2)


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None
