"""Bring the clients that are not Python packages of this project, each once, into the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.demo.downloads import DemoError, cache_folder, trino_jdbc
from gateway.demo.java import java_home

ROOT = Path(__file__).parents[2]


def need(tool: str) -> str:
    """Return the path of a tool. Raises DemoError when it is not installed."""
    found = shutil.which(tool)
    if found is None:
        raise DemoError(f"there is no `{tool}` here")
    return found


def call(command: Sequence[str | Path], folder: Path) -> None:
    """Run a command to its end. Raises DemoError with what it said when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        raise DemoError(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def go_program(source: Path, target: Path) -> Path:
    """Compile a Go program with the modules that its go.sum pins. Raises DemoError."""
    call([need("go"), "build", "-mod=readonly", "-o", target, "."], source)
    return target


def quick_java() -> list[str | Path]:
    """Return a command that runs Java for a short life on a busy machine. Raises DemoError."""
    return [java_home(print) / "bin" / "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]


def java_command(source: Path, target: Path) -> list[str | Path]:
    """Compile the programs over the JDBC driver and return a command that only lacks a program's name. Raises DemoError."""
    quick, driver = quick_java(), trino_jdbc(print)
    compiler = ["-m", "jdk.compiler/com.sun.tools.javac.Main", "-d", target, "-cp", driver]
    call([*quick, *compiler, *sorted(source.glob("*.java"))], source)
    return [*quick, "-cp", f"{driver}{os.pathsep}{target}"]


def node_modules(source: Path) -> Path:
    """Install what a package-lock.json pins and return the folder of modules. Raises DemoError."""
    npm = need("npm")
    need("node")
    kept = _kept("javascript", source / "package-lock.json")
    if not (kept / "complete").exists():
        kept.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(source / name, kept / name)
        call([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], kept)
        (kept / "complete").touch()
    return kept / "node_modules"


def python_environment(name: str, lock: Path) -> Path:
    """Make a virtual environment of a lock file and return its folder of programs. Raises DemoError."""
    kept = _kept(name, lock)
    if not (kept / "complete").exists():
        uv = ROOT / ".uv" / "bin" / "uv"
        installer = str(uv) if uv.exists() else need("uv")
        shutil.rmtree(kept, ignore_errors=True)
        call([installer, "venv", "--quiet", "--python", sys.executable, kept], ROOT)
        options = ["--quiet", "--python", str(kept / "bin" / "python"), "--require-hashes", "-r", str(lock)]
        call([installer, "pip", "install", *options], ROOT)
        (kept / "complete").touch()
    return kept / "bin"


def _kept(name: str, lock: Path) -> Path:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    return cache_folder() / f"client-{name}-{digest}"
