"""Bring what is compared with: nginx and wrk from the distribution's packages, trino-gateway through Maven."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.downloads import Artifact, cache_folder, keep

TRINO_GATEWAY = Artifact(
    "gateway-ha",
    "20",
    "jar",
    "fbdd59a5a45aa258ed0181843cf6c71825b520ffb59b61f3c2e5d55e9100b519",
    "jar-with-dependencies",
    group="io.trino.gateway",
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, and the environment that it needs."""

    path: Path
    environment: dict[str, str]


def trino_gateway() -> Path:
    """Return trino-gateway's jar. Raises DemoError."""
    return keep(TRINO_GATEWAY, print)


def program(name: str, *libraries: str) -> Tool:
    """Return a program of a Debian package of its own name, installed or unpacked into the user's cache folder.

    Unpacked, so that no server of the system's is started by its package, and nothing needs root.
    """
    installed = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if installed is not None:
        return Tool(Path(installed), dict(os.environ))
    folder = cache_folder() / f"debian-{name}"
    if not folder.is_dir():
        _unpack((name, *libraries), folder)
    found = next((path for path in folder.glob(f"usr/*bin/{name}")), None)
    if found is None:
        raise SystemExit(f"the package {name} holds no program of this name")
    places = {str(path.parent) for path in folder.rglob("*.so*")}
    return Tool(found, {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(places))})


def _unpack(packages: tuple[str, ...], folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise SystemExit(f"install {packages[0]} first: there is no apt-get here to bring it")
    print(f"bringing {' and '.join(packages)} by apt ...")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        for command in (["apt-get", "-q", "update"], ["apt-get", "-q", "download", *packages]):
            done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{packages[0]} could not be brought:\n{done.stderr[-2000:]}")
        target = Path(work) / "root"
        for archive in Path(work).glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
        target.rename(folder)
