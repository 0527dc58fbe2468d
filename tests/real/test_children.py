"""A server we start never outlives us, and leaves no process behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.demo.children import start_child

SERVER = """
import subprocess, sys, time, signal
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(helper.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def told(log: Path) -> int:
    wait_for(lambda: log.exists() and log.read_text().endswith("\n"))
    return int(log.read_text().split()[0])


def test_stopping_ends_the_server_and_its_helpers(tmp_path: Path) -> None:
    child = start_child([sys.executable, "-c", SERVER], log=tmp_path / "log")
    helper = told(tmp_path / "log")
    assert child.running
    child.stop()
    assert not child.running
    wait_for(lambda: not alive(helper))
    child.stop()


def test_a_server_that_will_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (Path(__file__).parents[2] / "gateway" / "demo" / "children.py").read_text()
    impatient = tmp_path / "children.py"
    impatient.write_text(source.replace("GRACE_SECONDS = 10.0", "GRACE_SECONDS = 0.3"))
    monkeypatch.setattr("gateway.demo.children.__file__", str(impatient))
    child = start_child([sys.executable, "-c", SERVER, "stubborn"], log=tmp_path / "log")
    helper = told(tmp_path / "log")
    child.stop()
    wait_for(lambda: not alive(helper))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_we_end_the_server_ends(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from gateway.demo.children import start_child\n"
            f"child = start_child([sys.executable, '-c', {SERVER!r}], log=Path({str(log)!r}))\n"
            "time.sleep(60)",
        ],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
        # Where the tests themselves run in the background, an interrupt is ignored by all that they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    helper = told(log)
    assert alive(helper)
    os.kill(parent.pid, number)
    parent.wait(10)
    wait_for(lambda: not alive(helper))


def test_a_server_that_ends_by_itself_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    child = start_child([sys.executable, "-c", "raise SystemExit('no room here')"], log=tmp_path / "log")
    wait_for(lambda: not child.running)
    assert "no room here" in child.last_words()
    assert child.watcher.returncode == 1
    child.stop()


def test_a_process_with_thousands_of_open_files_can_start_a_server(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    opened = []
    try:
        opened = [Path(os.devnull).open("rb") for _ in range(1_200)]  # noqa: SIM115  (closed below, all at once)
        child = start_child([sys.executable, "-c", SERVER], log=tmp_path / "log")
        helper = told(tmp_path / "log")
        child.stop()
        assert not alive(helper)
    finally:
        for each in opened:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
