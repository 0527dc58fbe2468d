"""Make the engines that the configuration names; each library is imported only where its engine is used."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from catalog.types import parse_type
from engines.base import Engine
from gateway.config import ClickHouseBackend, Config, ConfigError, LakeBackend, TrinoBackend
from gateway.config.model import Backend

_ANSWER_SECONDS = 5.0
"""What a ClickHouse server may be silent beyond the time that it gives a query, before it counts as gone."""
_STATEMENTS_A_THREAD = 2
"""Statements that run at once for each of the lake's threads: more only take one another's time, and the door's."""


def make_engines(config: Config) -> list[Engine]:
    """Return the configured engines, not yet started. Raises ConfigError naming a missing extra or a bad address."""
    return [make_engine(backend, f"engines[{position}]") for position, backend in enumerate(config.engines)]


def make_engine(backend: Backend, path: str) -> Engine:
    """Return one engine, not yet started; `path` names its place in the configuration. Raises ConfigError."""
    try:
        if isinstance(backend, TrinoBackend):
            return _trino(backend)
        if isinstance(backend, ClickHouseBackend):
            return _clickhouse(backend)
        return _lake(backend)
    except ImportError as error:
        extra = "embedded-clickhouse" if getattr(backend, "path", None) else backend.kind
        extra = "lake" if (error.name or "").startswith("pyiceberg") else extra
        needed = f"{path}: {backend.kind} needs the package {error.name}: install penstock[{extra}]"
        raise ConfigError([needed]) from None
    except (ValueError, OSError) as error:
        raise ConfigError([f"{path}: {error}"]) from None


def _trino(backend: TrinoBackend) -> Engine:
    from engines.trino.answers import Timeouts
    from engines.trino.credentials import Basic, Bearer, Credentials, NoCredentials
    from engines.trino.engine import TrinoEngine

    credentials: Credentials = NoCredentials()
    if backend.password is not None:
        credentials = Basic(backend.user, backend.password.get_secret_value())
    elif backend.token is not None:
        token = backend.token.get_secret_value()
        credentials = Bearer(lambda: token)
    tls = ssl.create_default_context(cafile=backend.ca_file) if backend.url.startswith("https:") else None
    return TrinoEngine(
        backend.name,
        backend.catalogs,
        backend.url,
        user=backend.user,
        credentials=credentials,
        timeouts=Timeouts(connect=backend.connect_seconds, first_byte=backend.answer_seconds),
        tls=tls,
        spooling=backend.spooling == "proxy",
        iceberg={
            catalog: {name: value.get_secret_value() for name, value in properties.items()}
            for catalog, properties in backend.iceberg.items()
        },
    )


def _clickhouse(backend: ClickHouseBackend) -> Engine:
    from engines.clickhouse.engine import ClickHouseEngine

    limits = {"max_execution_time": f"{backend.query_seconds:.0f}"}
    declared = {column: parse_type(text) for column, text in backend.declared.items()}
    if backend.path is not None:
        from engines.clickhouse.embedded import EmbeddedConnection

        return ClickHouseEngine(
            backend.name, backend.catalogs, EmbeddedConnection(backend.path), limits=limits, declared=declared
        )
    from engines.clickhouse.http import HttpConnection, HttpTarget

    address = urlsplit(backend.url or "")
    secure = address.scheme == "https"
    target = HttpTarget(
        host=address.hostname or "",
        port=address.port or (8443 if secure else 8123),
        username=backend.user,
        password=backend.password.get_secret_value() if backend.password else "",
        secure=secure,
        read_seconds=backend.query_seconds + _ANSWER_SECONDS,
    )
    return ClickHouseEngine(backend.name, backend.catalogs, HttpConnection(target), limits=limits, declared=declared)


def _lake(backend: LakeBackend) -> Engine:
    from engines.lake.database import Limits
    from engines.lake.engine import LakeEngine
    from engines.lake.runner import LakeSettings

    properties = {"uri": backend.uri.get_secret_value(), "warehouse": backend.warehouse}
    limits = Limits(memory=backend.memory_limit, threads=backend.threads)
    settings = LakeSettings(limits, workers=_STATEMENTS_A_THREAD * backend.threads)
    return LakeEngine(backend.name, {backend.catalog: properties}, settings)
