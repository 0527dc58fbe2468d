"""The rules that tie the sections of a configuration to one another."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from gateway.config.materialized_views import table_named

if TYPE_CHECKING:
    from gateway.config.model import Config

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  (recognised here, not bound)


def check(config: Config) -> None:
    """Refuse sections that do not fit together. Raises ValueError, which begins with the path in the file."""
    _check_listeners(config)
    _check_engines(config)
    _check_views(config)
    _check_identity(config)
    if config.workers > 1 and any(engine.kind == "clickhouse" and engine.path for engine in config.engines):
        raise ValueError("workers: the in-process ClickHouse serves one worker only; set workers: 1 or give a url")


def _check_listeners(config: Config) -> None:
    listeners = [("door", config.door), ("admin", config.admin), ("metrics", config.metrics)]
    for (one, first), (other, second) in itertools.combinations(listeners, 2):
        hosts = {first.host, second.host}
        meet = len(hosts) == 1 or hosts & _EVERYWHERE or (first.loopback and second.loopback)
        if first.port and first.port == second.port and meet:
            raise ValueError(f"{other}.port: {second.port} is also {one}.port; give each listener a port of its own")


def _check_engines(config: Config) -> None:
    names = [engine.name for engine in config.engines]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"engines: two engines are named {name!r}")
    catalogs = [catalog for engine in config.engines for catalog in engine.catalogs]
    for catalog in catalogs:
        if catalogs.count(catalog) > 1:
            raise ValueError(f"engines: catalog {catalog!r} is served by two engines")
        if catalog.startswith("$"):
            raise ValueError(f"engines: catalog {catalog!r} begins with `$`, as names of the gateway's own do")
        if catalog != catalog.lower() or catalog in ("system", "penstock"):
            raise ValueError(f"engines: catalog {catalog!r} must be lower case, and neither `system` nor `penstock`")
    for number, price in enumerate(config.prices.entries):
        if price.engine is not None and price.engine not in names:
            raise ValueError(
                f"prices.entries[{number}].engine: no engine is named {price.engine!r}; there are: {', '.join(names)}"
            )
    for name in config.attestation.engines:
        if name not in names:
            raise ValueError(f"attestation: no engine is named {name!r}; there are: {', '.join(names)}")
    if config.default_engine is not None and config.default_engine not in names:
        raise ValueError(f"default_engine: no engine is named {config.default_engine!r}; there are: {', '.join(names)}")


def _check_views(config: Config) -> None:
    kinds = {catalog: engine.kind for engine in config.engines for catalog in engine.catalogs}
    for number, view in enumerate(config.materialized_views.definitions):
        if kinds.get(table_named(view.name).catalog) != "clickhouse":
            raise ValueError(
                f"materialized_views.definitions[{number}].name: `{view.name}` must lie in a catalog of an engine of "
                "kind clickhouse, which keeps its rows"
            )


def _check_identity(config: Config) -> None:
    identity = config.identity
    ways = (
        identity.insecure,
        identity.password_file,
        identity.api_key_file,
        identity.jwt,
        identity.client_certificate,
    )
    if config.partners.keys and config.partners.issuer in {each.issuer for each in identity.jwt}:
        raise ValueError(
            f"partners.issuer: {config.partners.issuer!r} also stands in identity.jwt, "
            "so that nobody could tell whose token one is; give partners an issuer of their own"
        )
    if not any(ways):
        raise ValueError("identity: no way to authenticate is configured, so nobody could connect")
    if identity.insecure and not config.door.loopback:
        raise ValueError(
            f"identity.insecure: trusts any user header and door.host is {config.door.host}, not loopback; "
            "bind to 127.0.0.1 or configure jwt, password_file or api_key_file"
        )
    if identity.client_certificate and not config.door.trusted_proxies:
        raise ValueError("identity.client_certificate: needs door.trusted_proxies, else anybody could send the header")
    if (
        identity.password_file
        and config.door.tls is None
        and not config.door.loopback
        and not config.door.trusted_proxies
    ):
        raise ValueError(
            "identity.password_file: passwords need door.tls (make a certificate by `penstock token --help`)"
        )
