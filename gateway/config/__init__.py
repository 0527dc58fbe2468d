"""One YAML file, read once, checked whole, frozen."""

from gateway.config.errors import ConfigError
from gateway.config.load import load_config
from gateway.config.model import (
    ClickHouseBackend,
    Config,
    JwtIssuer,
    LakeBackend,
    SigningKey,
    TrinoBackend,
)

__all__ = [
    "ClickHouseBackend",
    "Config",
    "ConfigError",
    "JwtIssuer",
    "LakeBackend",
    "SigningKey",
    "TrinoBackend",
    "load_config",
]
