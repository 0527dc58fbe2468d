"""Run a private Postgres server on loopback, in a folder of its own, for the demo and the tests."""

from __future__ import annotations

import getpass
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.children import Child, start_child
from gateway.demo.downloads import DemoError, Report
from gateway.demo.ports import HOST, free_port

USER = "penstock"
START_SECONDS = 60.0
FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/local/pgsql/bin",
    "opt/homebrew/opt/postgresql*/bin",
    "usr/local/opt/postgresql*/bin",
)
"""Where packages put the server's programs, which are seldom on the PATH."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Say how to reach a running Postgres; `create_database` makes databases in it."""

    host: str
    port: int
    user: str
    password: str
    programs: Path
    """The folder of `psql` and its like."""
    child: Child

    def url(self, database: str, driver: str = "postgresql") -> str:
        """Return an SQLAlchemy-style URL, password included: never log it."""
        return f"{driver}://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def jdbc_url(self, database: str) -> str:
        """Return the JDBC URL, without credentials."""
        return f"jdbc:postgresql://{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Create a database unless it exists. Raises DemoError when the server refuses or the name is odd."""
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
            raise DemoError(f"{name!r} is no plain name for a database")
        if not self._psql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'").strip():  # noqa: S608  (our own text and quoted names)
            self._psql(f'CREATE DATABASE "{name}"')

    def _psql(self, sql: str) -> str:
        address = ["-h", self.host, "-p", str(self.port), "-U", self.user, "-d", "postgres"]
        done = subprocess.run(  # noqa: S603  (our own command)
            [str(self.programs / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *address, "-c", sql],
            env={"PGPASSWORD": self.password, "PATH": os.environ.get("PATH", "")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"Postgres refused: {done.stderr.strip()}")
        return done.stdout


@contextmanager
def start_postgres(data_dir: Path, report: Report, port: int = 0) -> Iterator[PostgresServer]:
    """Run a Postgres whose files and password live in `data_dir`, until the block ends or we die.

    The folder is kept: started again, the server has the same databases. Port 0 takes a free one.
    Raises DemoError when Postgres is not installed or does not come up.
    """
    programs = find_programs()
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir = data_dir.resolve()
    cluster = data_dir / "cluster"
    secret = _password(data_dir / "password")
    if not (cluster / "PG_VERSION").exists():
        report("creating a private Postgres ...")
        _initialise(programs, cluster, data_dir / "password")
    _forget_dead_server(cluster)
    port = port or free_port()
    settings = {
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",  # a demo: losing the last second of it in a power cut is fine
        "max_connections": "60",
        "shared_buffers": "32MB",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    child = start_child(
        [*_unprivileged(), str(programs / "postgres"), "-D", str(cluster), *options],
        log=data_dir / "postgres.log",
        cwd=Path("/"),
        stop_signal=signal.SIGINT,
    )
    server = PostgresServer(HOST, port, USER, secret, programs, child)
    try:
        _wait(server)
        yield server
    finally:
        child.stop()


def find_programs() -> Path:
    """Return the newest installed Postgres's folder of programs. Raises DemoError naming the package to install."""
    folders = [folder for pattern in FOLDERS for folder in Path("/").glob(pattern)]
    folders.sort(key=_version, reverse=True)
    if postgres := shutil.which("postgres"):
        folders.append(Path(postgres).parent)
    for folder in folders:
        if all((folder / program).exists() for program in ("initdb", "postgres", "psql")):
            return folder
    raise DemoError(
        "Postgres is not installed here: install it "
        "(Debian, Ubuntu: `apt-get install postgresql`; macOS: `brew install postgresql@17`)"
    )


def _version(folder: Path) -> float:
    """Read the version out of `/usr/lib/postgresql/15/bin` and its like; 0 where none stands."""
    match = re.search(r"(\d+(?:\.\d+)?)", folder.parent.name)
    return float(match[1]) if match else 0.0


def _password(path: Path) -> str:
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text("utf-8").strip()


def _initialise(programs: Path, cluster: Path, password_file: Path) -> None:
    shutil.rmtree(cluster, ignore_errors=True)  # what an interrupted first start left
    cluster.mkdir(mode=0o700)
    if os.geteuid() == 0:
        account = _account()
        os.chown(cluster, account.pw_uid, account.pw_gid)
    options = ["--username", USER, "--pwfile", str(password_file), "--auth", "scram-sha-256", "--no-sync"]
    done = subprocess.run(  # noqa: S603  (our own command)
        [*_unprivileged(), str(programs / "initdb"), "-D", str(cluster), "-E", "UTF8", "--locale", "C", *options],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(cluster, ignore_errors=True)
        raise DemoError(f"initdb failed: {done.stderr.strip()[-1000:]}")


def _unprivileged() -> list[str]:
    """Return the command prefix that leaves root, which Postgres refuses to run as.

    The right to pass folders is kept, so that the data may lie in a checkout below a home folder closed to others.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise DemoError(f"Postgres refuses to run as {getpass.getuser()}, and `setpriv` (util-linux) is not here")
    account = _account()
    rights = "+dac_override,+dac_read_search"
    identity = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return [setpriv, *identity, f"--inh-caps={rights}", f"--ambient-caps={rights}"]


def _account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DemoError("Postgres refuses to run as root, and there is no user `postgres` or `nobody` here")


def _forget_dead_server(cluster: Path) -> None:
    """Wait for a server of an earlier run that is still stopping; it removes its own lock file."""
    lock = cluster / "postmaster.pid"
    deadline = time.monotonic() + 15
    while lock.exists() and time.monotonic() < deadline:
        try:
            os.kill(int(lock.read_text("utf-8").split()[0]), 0)
        except (ValueError, IndexError, ProcessLookupError, FileNotFoundError):
            return  # dead or gone: Postgres itself clears a stale lock
        except PermissionError:
            pass
        time.sleep(0.1)


def _wait(server: PostgresServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    probe = [str(server.programs / "psql"), "-X", "-q", "-c", "SELECT 1", "-d", "postgres"]
    probe += ["-h", server.host, "-p", str(server.port), "-U", server.user]
    while time.monotonic() < deadline:
        if not server.child.running:
            break
        environment = {"PGPASSWORD": server.password, "PGCONNECT_TIMEOUT": "5"}
        if subprocess.run(probe, env=environment, capture_output=True, check=False).returncode == 0:  # noqa: S603  (our own command)
            return
        time.sleep(0.05)
    raise DemoError(f"Postgres did not come up:\n{server.child.last_words()}")
