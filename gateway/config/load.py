"""Read the file: interpolate the environment, check it whole, anchor relative paths."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gateway.config.audit import JsonLines
from gateway.config.errors import ConfigError, explain
from gateway.config.model import ClickHouseBackend, Config, Tls

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _StrictLoader(yaml.SafeLoader):
    """Load plain YAML, refusing a key given twice: which of the two was meant?"""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.YAMLError(f"the key `{key.value}` stands twice, line {key.start_mark.line + 1}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read, interpolate and check one file; relative paths stand for ones beside the file.

    Raises ConfigError, which lists every fault with its path in the file and the mend.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None
    try:
        raw = yaml.load(text, Loader=_StrictLoader)  # noqa: S506  (a SafeLoader that refuses a key given twice)
    except yaml.YAMLError as error:
        raise ConfigError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(raw, dict):
        raise ConfigError([f"{path}: must be a mapping of sections"])
    faults: list[str] = []
    raw = _interpolate(raw, os.environ if environment is None else environment, "", faults)
    if faults:
        raise ConfigError(faults)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(explain(error, Config)) from None
    return _anchored(config, path.parent)


def _interpolate(value: Any, environment: Mapping[str, str], path: str, faults: list[str]) -> Any:
    if isinstance(value, dict):
        return {k: _interpolate(v, environment, f"{path}.{k}" if path else str(k), faults) for k, v in value.items()}
    if isinstance(value, list):
        return [_interpolate(v, environment, f"{path}[{i}]", faults) for i, v in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value

    def replace(match: re.Match[str]) -> str:
        name: str = match.group(1)
        default: str | None = match.group(2)
        found = environment.get(name, default)
        if found is None:
            faults.append(
                f"{path}: the environment variable {name} is not set (write ${{{name}:-default}} for a default)"
            )
            return ""
        return found

    return _REFERENCE.sub(replace, value)


def _anchored(config: Config, base: Path) -> Config:
    """Resolve relative paths against the file's folder."""

    def at(path: Path | None) -> Path | None:
        return path if path is None else (base / path).resolve()

    identity = config.identity.model_copy(
        update={
            "password_file": at(config.identity.password_file),
            "api_key_file": at(config.identity.api_key_file),
            "jwt": tuple(j.model_copy(update={"public_key": at(j.public_key)}) for j in config.identity.jwt),
        }
    )
    tls = config.door.tls
    if tls is not None:
        tls = Tls(certificate=(base / tls.certificate).resolve(), key=(base / tls.key).resolve())
    engines = tuple(
        e.model_copy(update={"path": at(e.path)}) if isinstance(e, ClickHouseBackend) else e for e in config.engines
    )
    sinks = tuple(
        s.model_copy(update={"path": at(s.path)}) if isinstance(s, JsonLines) else s for s in config.audit.sinks
    )
    return config.model_copy(
        update={
            "audit": config.audit.model_copy(update={"sinks": sinks}),
            "data_dir": at(config.data_dir),
            "policies": tuple((base / p).resolve() for p in config.policies),
            "identity": identity,
            "door": config.door.model_copy(update={"tls": tls}),
            "engines": engines,
        }
    )
