"""`make load USERS=100`: the demo under that many users, for some seconds after all of them have come.

A request in the last line is a statement as its user feels it: from the POST to the last page, whatever lies between.
It fails when an exchange does, when its answer is an error, or not the rows that this user must get. "Later" (503 or
429) is asked again as real clients do, and shown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from loadtests.load.demo import Demo, demo
from loadtests.load.report import last_line, tables

ROOT = Path(__file__).resolve().parents[2]
LOCUST = ROOT / ".venv-load" / "bin" / "locust"
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
LAST_ONES_SECONDS = 150
"""How long users may take to finish what they are at."""


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--engine", choices=("lake", "trino"), default="lake")
    parser.add_argument("--data", type=Path, help="the demo's folder; by default below .demo")
    parser.add_argument("--html", type=Path, help="where the HTML report goes; by default the demo's folder")
    options = parser.parse_args()
    data: Path = (options.data or ROOT / ".demo" / f"load-{options.engine}").resolve()
    report: Path = (options.html or data / f"load-{options.users}.html").resolve()
    with demo(options.engine, data) as running:
        tally = _attack(running, options.users, options.seconds, report)
        metrics = running.metrics()
    print(f"{options.users} users on the demo ({options.engine}) for {tally['seconds']:.0f} s; report: {report}")
    for line in tables(tally, data / "usage.db", metrics):
        print(line)
    print(last_line(tally))


def _attack(running: Demo, users: int, seconds: float, report: Path) -> dict[str, object]:
    """Let locust run, headless; return what its users counted."""
    ramp = max(1.0, users / 10)
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "tally.json"
        command = [LOCUST, "-f", LOCUSTFILE, "--headless", "--host", running.url, "--html", report, "--skip-log-setup"]
        command += ["-u", str(users), "-r", str(ramp), "-t", f"{users / ramp + seconds:.0f}s", "--only-summary"]
        command += ["-s", str(LAST_ONES_SECONDS), "--reset-stats", "--exit-code-on-error", "0"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PENSTOCK_LOAD_TALLY": str(figures)}
        environment["PENSTOCK_LOAD_SPREAD"] = str(seconds / 2)
        log = running.data / "locust.log"
        with log.open("wb") as output:
            done = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False)
        if done.returncode or not figures.exists():
            raise SystemExit(f"locust failed with {done.returncode}:\n{log.read_text()[-4000:]}")
        tally: dict[str, object] = json.loads(figures.read_text())
        return tally


if __name__ == "__main__":
    main()
