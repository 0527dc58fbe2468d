"""The configuration: the annotated example loads, and each rule has one bad file that it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gateway.config import Config, LakeBackend, load_config
from gateway.config.errors import ConfigError

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "examples" / "penstock.yaml"
BAD = sorted((ROOT / "tests" / "fixtures" / "config").glob("bad.*.yaml"))
SECRETS = dict.fromkeys(
    (
        "PENSTOCK_KEY",
        "PENSTOCK_OLD_KEY",
        "PENSTOCK_AUDIT_KEY",
        "PENSTOCK_PARTNER_KEY",
        "PENSTOCK_TOKEN_SECRET",
        "TRINO_PASSWORD",
        "CLICKHOUSE_PASSWORD",
        "ICEBERG_CREDENTIAL",
        "STORE_PASSWORD",
    ),
    "a secret of more than thirty-two characters",
)


def test_the_annotated_example_loads() -> None:
    config = load_config(EXAMPLE, SECRETS)
    assert [engine.name for engine in config.engines] == ["trino", "clickhouse", "lake"]
    assert config.policies == (EXAMPLE.parent / "policies.yaml",)


def _keys(model: type[BaseModel]) -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        for inner in _inner(field.annotation):
            found |= _keys(inner)
    return found


def _inner(annotation: Any) -> list[type[BaseModel]]:
    from gateway.config.errors import _models

    return list(_models(annotation))


def test_the_annotated_example_shows_every_key() -> None:
    text = EXAMPLE.read_text()
    missing = {key for key in _keys(Config) if f"{key}:" not in text}
    assert not missing, f"the example does not show: {sorted(missing)}"


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name.split(".")[1])
def test_a_bad_file_is_refused_with_the_path_and_the_mend(path: Path) -> None:
    expected = path.read_text().splitlines()[0].removeprefix("# expect: ")
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert expected in str(caught.value)


def test_a_fault_never_shows_a_secret(tmp_path: Path) -> None:
    bad = next(path for path in BAD if "key_short" in path.name).read_text()
    (tmp_path / "c.yaml").write_text(bad)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "c.yaml", {})
    assert "short" not in str(caught.value).replace("key_short", "")


def test_defaults_in_references_and_relative_paths(tmp_path: Path) -> None:
    good = (ROOT / "tests" / "fixtures" / "config" / "bad.unset_variable.yaml").read_text()
    text = good.replace("${PENSTOCK_NO_SUCH_VARIABLE}", "${PENSTOCK_STORE:-sqlite:///other.db}")
    (tmp_path / "c.yaml").write_text(text)
    config = load_config(tmp_path / "c.yaml", {})
    assert config.store.url.get_secret_value() == "sqlite:///other.db"
    assert config.data_dir == tmp_path / "data"
    assert isinstance(config.engines[0], LakeBackend)
