"""The sections of the file, frozen: what an operator can say about a gateway."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from catalog.types import parse_type
from gateway.config.attestation import Attestation
from gateway.config.audit import Audit
from gateway.config.breaker import Breaker
from gateway.config.budgets import Budgets
from gateway.config.coaching import Coaching
from gateway.config.consistency import check
from gateway.config.governing import Governing
from gateway.config.materialized_views import Constraints, MaterializedViews
from gateway.config.partners import Partners
from gateway.config.prices import Prices
from gateway.config.pricing import Pricing
from gateway.config.section import NamedKey, Section
from gateway.config.vault import Vault

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Tls(Section):
    """Serve TLS with this certificate chain and key (PEM files)."""

    certificate: Path
    key: Path


class Listen(Section):
    """Say where a listener binds."""

    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach the listener."""
        return self.host in _LOOPBACK


class Door(Listen):
    """The Trino endpoint."""

    port: int = Field(default=8080, ge=0, le=65535)
    tls: Tls | None = None
    public_url: str | None = None
    """Base of the URIs handed out; by default the request's own Host."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose X-Forwarded-* headers (and certificate header) are believed."""
    max_header_bytes: int = Field(default=131_072, ge=65_536)
    idle_seconds: float = Field(default=75.0, gt=0)
    read_seconds: float = Field(default=30.0, gt=0)


class JwtIssuer(Section):
    """Accept bearer tokens of one issuer; exactly one source of keys."""

    issuer: str
    audience: str
    algorithms: tuple[Literal["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"], ...] = (
        Field(min_length=1)
    )
    secret: SecretStr | None = None
    public_key: Path | None = None
    jwks_url: str | None = None
    jwks_refresh_seconds: float = Field(default=300.0, ge=5)
    leeway_seconds: float = Field(default=10.0, ge=0, le=30)
    max_lifetime_seconds: float = Field(default=86_400.0, gt=0)
    user_claim: str = "sub"
    roles_claim: str = "roles"
    groups_claim: str = "groups"
    attribute_claims: tuple[str, ...] = ("desk", "region")

    @model_validator(mode="after")
    def _one_key_source(self) -> JwtIssuer:
        given = [name for name in ("secret", "public_key", "jwks_url") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of secret, public_key, jwks_url (found {len(given)})")
        symmetric = [a.startswith("HS") for a in self.algorithms]
        if any(symmetric) != (self.secret is not None) or (any(symmetric) and not all(symmetric)):
            raise ValueError("HS algorithms need `secret` and nothing else may use it; RS and ES need public keys")
        if self.secret is not None and len(self.secret.get_secret_value()) < 32:
            raise ValueError("the secret must have at least 32 characters")
        return self


class ClientCertificate(Section):
    """Believe a client certificate's subject that a trusted proxy passes in a header."""

    header: str = "X-Forwarded-Client-Cert-Subject"
    user_pattern: str = r"CN=([^,]+)"

    @field_validator("user_pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            if re.compile(value).groups != 1:
                raise ValueError("the pattern needs exactly one group, the user")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value


class Identity(Section):
    """Say who is believed. `insecure` trusts X-Trino-User alone and is for loopback only."""

    insecure: bool = False
    password_file: Path | None = None
    api_key_file: Path | None = None
    jwt: tuple[JwtIssuer, ...] = ()
    client_certificate: ClientCertificate | None = None


class TrinoBackend(Section):
    """A Trino cluster."""

    kind: Literal["trino"]
    name: str
    url: str
    catalogs: tuple[str, ...] = Field(min_length=1)
    user: str = "penstock"
    """The gateway's own identity at the cluster: reads metadata and impersonates."""
    password: SecretStr | None = None
    token: SecretStr | None = None
    ca_file: Path | None = None
    connect_seconds: float = Field(default=5.0, gt=0)
    answer_seconds: float = Field(default=60.0, gt=0)
    spooling: Literal["off", "proxy"] = "off"
    """Whether results may come in segments, which the gateway then streams through."""
    iceberg: dict[str, dict[str, SecretStr]] = Field(default_factory=dict)
    """pyiceberg's properties (`type`, `uri`, ...) of those catalogs whose manifests the gateway may read itself."""

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        if not re.match(r"https?://[^/?#]+(/[^?#]*)?$", value):
            raise ValueError("must be http://host:port or https://host:port")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _known_lakes(self) -> TrinoBackend:
        for catalog, properties in self.iceberg.items():
            if catalog not in self.catalogs:
                raise ValueError(f"iceberg.{catalog}: no catalog of this engine; there are: {', '.join(self.catalogs)}")
            if not properties.keys() & {"uri", "type"}:
                raise ValueError(f"iceberg.{catalog}: give pyiceberg's `uri` or `type` of the catalog")
        return self


class ClickHouseBackend(Section):
    """A ClickHouse server (url) or the in-process engine (path)."""

    kind: Literal["clickhouse"]
    name: str
    catalog: str = "clickhouse"
    url: str | None = None
    path: Path | None = None
    user: str = "default"
    password: SecretStr | None = None
    query_seconds: float = Field(default=300.0, gt=0)
    declared: dict[str, str] = Field(default_factory=dict)
    """Trino types of String columns that hold something narrower: schema.table.column to char(n) or varbinary."""

    @field_validator("declared")
    @classmethod
    def _types(cls, value: dict[str, str]) -> dict[str, str]:
        for column, text in value.items():
            if column.count(".") != 2:
                raise ValueError(f"`{column}` must be schema.table.column")
            if parse_type(text).base not in ("char", "varchar", "varbinary"):
                raise ValueError(f"`{column}`: a String column can be declared as char(n), varchar(n) or varbinary")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> ClickHouseBackend:
        if (self.url is None) == (self.path is None):
            raise ValueError("give exactly one of url, path")
        return self

    @property
    def catalogs(self) -> tuple[str, ...]:
        """Return the catalogs served."""
        return (self.catalog,)


class LakeBackend(Section):
    """The embedded lake: DuckDB over Iceberg tables of an SQL catalog."""

    kind: Literal["lake"]
    name: str
    catalog: str = "iceberg"
    uri: SecretStr
    warehouse: str
    memory_limit: str = "2GB"
    threads: int = Field(default=2, ge=1)

    @property
    def catalogs(self) -> tuple[str, ...]:
        """Return the catalogs served."""
        return (self.catalog,)


Backend = Annotated[TrinoBackend | ClickHouseBackend | LakeBackend, Field(discriminator="kind")]


class Limits(Section):
    """Bound what one statement may ask of the gateway."""

    max_sql_bytes: int = Field(default=1_048_576, ge=1024)
    max_depth: int = Field(default=100, ge=10)
    max_nodes: int = Field(default=20_000, ge=500)
    parse_seconds: float = Field(default=2.0, gt=0)
    inline_parse_bytes: int = Field(default=16_384, ge=0)
    """Texts larger than this are parsed in a supervised process."""
    plan_cache_entries: int = Field(default=4096, ge=0)
    abandon_seconds: float = Field(default=300.0, ge=5)
    page_token_seconds: float = Field(default=86_400.0, ge=60)
    segment_token_seconds: float = Field(default=43_200.0, ge=60)
    """How long the addresses of spooled segments open; Trino itself keeps segments for 12 hours by default."""


class Store(Section):
    """Where usage is kept: sqlite:///file or postgresql://user:password@host/database."""

    url: SecretStr
    on_full: Literal["refuse", "drop_oldest"] = "refuse"
    """When the journal is full because the store is down: refuse new statements, or lose the oldest records."""
    policies: bool = True
    """Keep policies made by statements, and tags that follow copies. False: policies come from files alone."""
    journal_bytes: int = Field(default=268_435_456, ge=65_536)

    @field_validator("url")
    @classmethod
    def _known_store(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("sqlite:///", "postgresql://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value


class SigningKey(NamedKey):
    """A key that seals page tokens; the first seals, all open."""


class Catalogs(Section):
    """How the catalog is kept fresh."""

    refresh_seconds: float = Field(default=60.0, ge=1)
    describe_seconds: float = Field(default=10.0, gt=0)


class Config(Section):
    """The whole file."""

    door: Door = Door()
    admin: Listen = Listen(port=8081)
    metrics: Listen = Listen(port=9090)
    data_dir: Path
    workers: int = Field(default=1, ge=1, le=64)
    cluster_host: str = "127.0.0.1"
    """Where this host's workers listen for those of other hosts; loopback while there is one host."""
    identity: Identity
    keys: tuple[SigningKey, ...] = Field(min_length=1, max_length=2)
    engines: tuple[Backend, ...] = Field(min_length=1)
    default_engine: str | None = None
    """Runs statements without tables; by default the first engine."""
    policies: tuple[Path, ...] = Field(min_length=1)
    store: Store
    audit: Audit = Audit()
    attestation: Attestation = Attestation()
    breaker: Breaker = Breaker()
    governing: Governing = Governing()
    vault: Vault = Vault()
    partners: Partners = Partners()
    prices: Prices = Prices()
    pricing: Pricing = Pricing()
    budgets: Budgets = Budgets()
    coaching: Coaching = Coaching()
    materialized_views: MaterializedViews = MaterializedViews()
    constraints: Constraints = Constraints()
    catalogs: Catalogs = Catalogs()
    limits: Limits = Limits()
    log_format: Literal["json", "console"] = "json"
    drain_seconds: float = Field(default=30.0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        check(self)
        return self
