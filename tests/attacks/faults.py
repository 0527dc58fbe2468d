"""Failures to inject, by the words that a case has for them."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gateway.demo.ports import free_port
from tests.attacks.arena import Arena
from tests.attacks.process import Gateway, NotStartedError, reload, run_gateway
from tests.attacks.setting import NotActedOnError

Injected = AbstractContextManager[list[Arena]]
"""The gateways that live under the fault; none where a gateway does not come up under it."""


def under(fault: str, arena: Arena) -> Injected:
    """Inject a fault, named like `policy_store_down` or in words. Raises NotActedOnError."""
    words = set(re.split(r"[^a-z0-9]+", fault.lower()))
    for these, all_of, inject in _FAULTS:
        if words & these and words & all_of:
            return inject(arena)
    raise NotActedOnError(f"no fault {fault!r} is known")


@contextmanager
def _policies_gone(arena: Arena) -> Iterator[list[Arena]]:
    """Take away the files of policies, and for another gateway the store that holds what statements made of them."""
    with ExitStack() as stack:
        found = stack.enter_context(_other_policies(arena, None))
        if arena.engine != "clickhouse":
            found = [*stack.enter_context(_usage_store_down(arena)), *found]
        yield found


@contextmanager
def _policies_broken(arena: Arena) -> Iterator[list[Arena]]:
    with _other_policies(arena, arena.policies.replace("region = 'EU'", "region = = 'EU'")) as found:
        yield found


@contextmanager
def _other_policies(arena: Arena, text: str | None) -> Iterator[list[Arena]]:
    """Let the running gateway lose its policies, and let another try to come up without them."""
    path = arena.gateway.folder / "policies.yaml"
    try:
        if text is None:
            path.unlink()
        else:
            path.write_text(text, "utf-8")
        reload(arena.gateway, "configuration not loaded")
        with _fresh(arena, policies=text) as fresh:
            yield [*fresh, arena]
    finally:
        path.write_text(arena.policies, "utf-8")
        reload(arena.gateway, "configuration loaded")


@contextmanager
def _engine_down(arena: Arena) -> Iterator[list[Arena]]:
    engine = {
        "kind": "trino", "name": "away", "url": f"http://127.0.0.1:{free_port()}", "catalogs": [arena.catalog],
    }  # fmt: skip
    with _fresh(arena, engines=[engine]) as fresh:
        yield fresh


@contextmanager
def _usage_store_down(arena: Arena) -> Iterator[list[Arena]]:
    if arena.engine == "clickhouse":
        raise NotActedOnError(
            "one process at a time opens this ClickHouse, so that no second gateway can stand beside it"
        )
    with _fresh(arena, store={"url": f"postgresql://nobody:none@127.0.0.1:{free_port()}/away"}) as fresh:
        yield fresh


@contextmanager
def _keys_down(arena: Arena) -> Iterator[list[Arena]]:
    issuer = {
        "issuer": "attack-tests", "audience": "penstock", "algorithms": ["RS256"],
        "jwks_url": f"http://127.0.0.1:{free_port()}/keys",
    }  # fmt: skip
    if arena.engine == "clickhouse":
        raise NotActedOnError(
            "one process at a time opens this ClickHouse, so that no second gateway can stand beside it"
        )
    with _fresh(arena, identity={"jwt": [issuer]}) as fresh:
        yield fresh


@contextmanager
def _workers_killed(arena: Arena) -> Iterator[list[Arena]]:
    """Kill what the gateway runs beside itself, such as its parsers."""
    for child in _children(arena.gateway.process.pid):
        os.kill(child, signal.SIGKILL)
    yield [arena]


@contextmanager
def _fresh(arena: Arena, *, policies: str | None = "", engines: list[Any] | None = None, **sections: Any) -> Injected:  # type: ignore[misc]  # it names an iterator
    """Start a gateway of its own under the fault; there is none where it does not come up."""
    with TemporaryDirectory() as folder:
        text = arena.policies if policies == "" else policies
        try:
            running = run_gateway(Path(folder), engines or arena.engines, text, **sections)
            gateway: Gateway = running.__enter__()
        except NotStartedError:
            yield []
            return
        try:
            yield [arena.behind(gateway)]
        finally:
            running.__exit__(None, None, None)


def _children(parent: int) -> list[int]:
    """Return the processes below another, those of its workers too."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, new = set[int](), {parent}
    while new:
        new = {child for child, above in parents.items() if above in new} - found
        found |= new
    return sorted(found)


_DOWN = frozenset(
    {"down", "unreachable", "unavailable", "missing", "gone", "lost", "timeout", "away", "outage", "dead", "offline"}
)
_BROKEN = frozenset(
    {
        "parse",
        "parses",
        "invalid",
        "broken",
        "corrupt",
        "corrupted",
        "malformed",
        "syntax",
        "compile",
        "compiles",
        "bad",
        "error",
    }
)
_FAULTS: list[tuple[frozenset[str], frozenset[str], Callable[[Arena], Injected]]] = [
    (frozenset({"policy", "policies", "opa", "entitlement", "entitlements"}), _DOWN, _policies_gone),
    (frozenset({"policy", "policies", "filter", "mask"}), _BROKEN, _policies_broken),
    (frozenset({"usage", "ledger", "audit", "recording", "journal"}), _DOWN, _usage_store_down),
    (frozenset({"jwks", "idp", "keys", "issuer", "identity"}), _DOWN, _keys_down),
    (frozenset({"worker", "workers", "parser", "parsers"}),
     _DOWN | {"crash", "crashed", "killed", "kill", "dies", "died"}, _workers_killed),
    (frozenset({"engine", "trino", "clickhouse", "coordinator", "backend", "catalog", "schema", "metadata"}), _DOWN, _engine_down),
]  # fmt: skip
"""What faults are called, and what is done."""
