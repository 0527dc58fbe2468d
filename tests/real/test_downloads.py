"""Bringing the real Trino: checked by digest, unpacked whole or not at all, and clear about what is missing."""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
from pathlib import Path

import pytest

from gateway.demo import downloads
from gateway.demo.downloads import Artifact, DemoError, cache_folder, fetch, trino_home, unpack


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Live in an empty home folder, on a machine without Maven."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    return tmp_path


def archive(path: Path, **members: bytes | str) -> Path:
    """Write a tar archive: bytes are files, text names the file that a hard link points to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.LNKTYPE, content
                tar.addfile(info)
            else:
                info.size, info.mode = len(content), 0o755 if "launcher" in name else 0o644
                tar.addfile(info, io.BytesIO(content))
    return path


def place(home: Path, content: bytes, digest: str | None = None) -> Artifact:
    artifact = Artifact("trino-server", "1", "tar.gz", digest or hashlib.sha256(content).hexdigest())
    path = home / ".m2/repository/io/trino/trino-server/1" / artifact.filename
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return artifact


def test_what_maven_already_brought_is_used(home: Path) -> None:
    artifact = place(home, b"the server")
    assert fetch(artifact, print).read_bytes() == b"the server"


def test_a_file_that_is_not_the_pinned_one_is_refused(home: Path) -> None:
    with pytest.raises(DemoError, match="not the file it should be"):
        fetch(place(home, b"tampered", "0" * 64), print)


def test_without_maven_the_error_names_what_to_install(home: Path) -> None:
    with pytest.raises(DemoError, match="apt-get install maven"):
        trino_home(print)


def test_when_maven_fails_its_words_are_passed_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mvn = home / "bin" / "mvn"
    mvn.parent.mkdir()
    mvn.write_text("#!/bin/sh\necho 'no route to host'\nexit 1\n")
    mvn.chmod(0o755)
    monkeypatch.setenv("PATH", f"{mvn.parent}:/usr/bin:/bin")
    with pytest.raises(DemoError, match="no route to host"):
        trino_home(print)


def test_only_the_wanted_folders_are_unpacked_with_links_resolved(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "a.tar.gz",
        **{
            "top/plugin/big/shared.jar": b"shared",
            "top/plugin/big/own.jar": b"own",
            "top/plugin/tpch/shared.jar": "top/plugin/big/shared.jar",
            "top/plugin/tpch-other/x.jar": b"x",
            "top/bin/launcher": b"#!",
            "top/README": b"r",
        },
    )
    unpack(path, tmp_path / "out", ("bin", "plugin/tpch"))
    found = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {"bin/launcher", "plugin/tpch/shared.jar"}
    assert (tmp_path / "out/plugin/tpch/shared.jar").read_bytes() == b"shared"
    assert (tmp_path / "out/bin/launcher").stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize("name", ["top/../../escape", "/etc/passwd"])
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DemoError, match="suspicious"):
        unpack(archive(tmp_path / "a.tar.gz", **{name: b"x"}), tmp_path / "out", ("bin",))


def test_an_interrupted_unpacking_leaves_nothing_that_looks_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = place(home, b"no archive at all")
    monkeypatch.setattr(downloads, "TRINO_SERVER", artifact)
    with pytest.raises(tarfile.ReadError):
        trino_home(print)
    assert list(cache_folder().iterdir()) == []


def test_a_server_unpacked_once_is_used_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins: dict[str, bytes | str] = {f"top/plugin/{name}/a.jar": name.encode() for name in downloads.PLUGINS}
    packed = archive(home / "a.tar.gz", **{"top/bin/launcher": b"#!", "top/lib/a.jar": b"a", **plugins})
    artifact = place(home, packed.read_bytes())
    monkeypatch.setattr(downloads, "TRINO_SERVER", artifact)
    reports: list[str] = []
    first = trino_home(reports.append)
    assert first == trino_home(reports.append) == home / ".cache" / "penstock" / "trino-1"
    assert reports == ["unpacking Trino 1 ..."]


def test_a_copy_that_somebody_else_unpacked_and_removed_meanwhile_is_no_fault(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins: dict[str, bytes | str] = {f"top/plugin/{name}/a.jar": name.encode() for name in downloads.PLUGINS}
    copy = cache_folder() / "downloads" / "a.tar.gz"
    copy.parent.mkdir(parents=True)
    archive(copy, **{"top/bin/launcher": b"#!", "top/lib/a.jar": b"a", **plugins})

    def unpack_beside_another(path: Path, target: Path, folders: tuple[str, ...]) -> None:
        unpack(path, target, folders)
        path.unlink()

    monkeypatch.setattr(downloads, "fetch", lambda artifact, report: copy)
    monkeypatch.setattr(downloads, "unpack", unpack_beside_another)
    assert (trino_home(print) / "bin" / "launcher").is_file()


def test_a_server_unpacked_by_an_earlier_version_gets_the_plugins_it_lacks(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = archive(home / "a.tar.gz", **{"top/plugin/old/a.jar": b"a", "top/plugin/new/b.jar": b"b"})
    monkeypatch.setattr(downloads, "TRINO_SERVER", place(home, packed.read_bytes()))
    monkeypatch.setattr(downloads, "PLUGINS", ("old",))
    unpacked = trino_home(print)
    monkeypatch.setattr(downloads, "PLUGINS", ("old", "new"))
    assert trino_home(print) == unpacked
    assert (unpacked / "plugin" / "new" / "b.jar").read_bytes() == b"b"
    assert [path.name for path in unpacked.parent.iterdir()] == [unpacked.name]


def test_the_cache_folder_follows_the_desktop_convention(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert cache_folder() == Path("/var/cache/me/penstock")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == home / ".cache" / "penstock"
