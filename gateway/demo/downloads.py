"""Bring the real Trino's files to this machine through Maven, check them, and keep them in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

Report = Callable[[str], None]
"""Takes one line of progress for a person."""


class DemoError(Exception):
    """Say to a person what is missing and how to bring it."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """Name one file of the Maven repository and the digest it must have."""

    name: str
    version: str
    packaging: str
    sha256: str
    classifier: str = ""
    group: str = "io.trino"

    @property
    def coordinates(self) -> str:
        """Return the coordinates as Maven's own command line takes them."""
        parts = (self.group, self.name, self.version, self.packaging, self.classifier)
        return ":".join(part for part in parts if part)

    @property
    def filename(self) -> str:
        """Return the file's name in the repository."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.version}{suffix}.{self.packaging}"


TRINO_SERVER = Artifact(
    "trino-server", "476", "tar.gz", "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f"
)
TRINO_CLI = Artifact(
    "trino-cli", "476", "jar", "fe4e9c7fb569cd67673afa1622945f6308e1e59bdb825419352b80887661757b", "executable"
)
TRINO_JDBC = Artifact("trino-jdbc", "476", "jar", "a3736d21609a5a317d2ce88b3835e312e9b6f41393c1d4b09f2ad6e7aeb3bb90")
PLUGINS = ("blackhole", "geospatial", "iceberg", "memory", "ml", "teradata-functions", "tpcds", "tpch")
"""The connectors and functions unpacked; the whole distribution has 60 plugins and three times the size."""


def cache_folder() -> Path:
    """Return the folder for downloads kept between runs: `penstock` under the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "penstock"


def trino_home(report: Report) -> Path:
    """Return the folder of an unpacked Trino server, fetching it if this is the first time.

    Raises DemoError when Maven is missing or the download fails or differs from what was pinned.
    """
    home = cache_folder() / f"trino-{TRINO_SERVER.version}"
    if home.is_dir():
        missing = [name for name in PLUGINS if not (home / "plugin" / name).is_dir()]
        if missing:
            _add_plugins(home, fetch(TRINO_SERVER, report), missing)
        return home
    archive = fetch(TRINO_SERVER, report)
    report(f"unpacking Trino {TRINO_SERVER.version} ...")
    with _staging(home) as staging:
        unpack(archive, staging, ("bin", "lib", "secrets-plugin", *(f"plugin/{name}" for name in PLUGINS)))
    _forget(archive)
    return home


def _add_plugins(home: Path, archive: Path, names: list[str]) -> None:
    """Unpack plugins into a home that an earlier version made without them; servers that run from it go on."""
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f".{home.name}-") as staging:
        unpack(archive, Path(staging), [f"plugin/{name}" for name in names])
        for name in names:
            try:
                (Path(staging) / "plugin" / name).rename(home / "plugin" / name)
            except OSError:
                if not (home / "plugin" / name).is_dir():  # somebody else was quicker: theirs is as good
                    raise
    _forget(archive)


def trino_cli(report: Report) -> Path:
    """Return the Trino command-line client's jar; run it with `java -jar`. Raises DemoError."""
    return keep(TRINO_CLI, report)


def trino_jdbc(report: Report) -> Path:
    """Return the Trino JDBC driver's jar, for a class path. Raises DemoError."""
    return keep(TRINO_JDBC, report)


def keep(artifact: Artifact, report: Report) -> Path:
    """Return an artifact's file in the cache folder, bringing it the first time. Raises DemoError."""
    kept = cache_folder() / artifact.filename
    if not kept.is_file():
        fetched = fetch(artifact, report)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_name(f".{kept.name}.{os.getpid()}")
        shutil.copyfile(fetched, partial)
        partial.replace(kept)
        _forget(fetched)
    return kept


def fetch(artifact: Artifact, report: Report) -> Path:
    """Return the artifact's file from Maven's local repository, asking Maven for it if it is not there yet."""
    folder = Path.home().joinpath(".m2", "repository", *artifact.group.split("."), artifact.name, artifact.version)
    path = folder / artifact.filename
    if not path.is_file():
        path = _ask_maven(artifact, report)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != artifact.sha256:
        raise DemoError(f"{path} is not the file it should be: its SHA-256 is {found}. Remove it and try again.")
    return path


def _downloads() -> Path:
    return cache_folder() / "downloads"


def _forget(fetched: Path) -> None:
    """Remove our own copy of a file that has been unpacked; Maven's stays."""
    if fetched.parent == _downloads():
        fetched.unlink(missing_ok=True)  # somebody else may have unpacked it at the same time


def _ask_maven(artifact: Artifact, report: Report) -> Path:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise DemoError(
            "the real Trino comes through Maven, and there is no `mvn` here: "
            "install it (Debian, Ubuntu: `apt-get install maven`; macOS: `brew install maven`)"
        )
    report(f"bringing {artifact.filename} through Maven (once; the server has 821 MB) ...")
    # `copy` rather than `get`: it works wherever the user's settings keep the local repository.
    folder = _downloads()
    folder.mkdir(parents=True, exist_ok=True)
    options = [f"-Dartifact={artifact.coordinates}", f"-DoutputDirectory={folder}", "-Dmdep.useBaseVersion=true"]
    command = [mvn, "-q", "-B", "--strict-checksums", "dependency:copy", *options]
    with tempfile.TemporaryDirectory() as nowhere:  # so that no project file of the user's is picked up
        done = subprocess.run(command, cwd=nowhere, capture_output=True, text=True, check=False)  # noqa: S603  (our own command)
    path = folder / artifact.filename
    if done.returncode or not path.is_file():
        raise DemoError(f"Maven could not bring {artifact.coordinates}:\n{(done.stdout + done.stderr)[-2000:]}")
    return path


class _staging:  # noqa: N801  (used like a function)
    """Fill a folder beside its final place and rename it at the end, so that a half-made one is never used."""

    def __init__(self, final: Path) -> None:
        self._final = final

    def __enter__(self) -> Path:
        self._final.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f".{self._final.name}-", dir=self._final.parent))
        return self._folder

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None and not self._final.exists():
                self._folder.chmod(0o755)
                self._folder.rename(self._final)
        except OSError:
            if not self._final.is_dir():  # somebody else was quicker: theirs is as good
                raise
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def unpack(archive: Path, target: Path, wanted: Iterable[str]) -> None:
    """Unpack the wanted folders of a tar archive, without its top folder.

    Files stored once and linked from several plugins are found first, since a wanted link may point into an
    unwanted folder.
    """
    prefixes = tuple(f"{folder}/" for folder in wanted)

    def inside(member: tarfile.TarInfo) -> bool:
        return _below_top(member.name).startswith(prefixes)

    with tarfile.open(archive, "r|gz") as tar:
        sources = {member.linkname for member in tar if inside(member) and member.islnk()}
    shared: dict[str, Path] = {}
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            if not (inside(member) or member.name in sources) or member.isdir():
                continue
            place = target / (_below_top(member.name) if inside(member) else f".shared/{len(shared)}")
            place.parent.mkdir(parents=True, exist_ok=True)
            if member.islnk():
                place.hardlink_to(shared[member.linkname])
            elif (content := tar.extractfile(member)) is not None:
                with content, place.open("wb") as file:
                    shutil.copyfileobj(content, file, 1 << 20)
                place.chmod(member.mode & 0o755)
            if member.name in sources:
                shared[member.name] = place
    shutil.rmtree(target / ".shared", ignore_errors=True)


def _below_top(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise DemoError(f"the archive holds the suspicious name {name!r}")
    return "/".join(path.parts[1:])
