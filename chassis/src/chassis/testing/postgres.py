"""A real PostgreSQL for tests: one temporary cluster per session, one fresh database per test.

Nothing is tested as a superuser, whom row-level security does not hold.

Loaded with `pytest_plugins = ["chassis.testing.postgres"]` in the root conftest.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
import pytest

_DEBIAN: Final = Path("/usr/lib/postgresql")
_OWNER: Final = "owner"
_SERVICE: Final = "service"


def programs() -> Path | None:
    """Returns where the newest PostgreSQL of the machine has its programs, None without one."""
    versions = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    found = shutil.which("pg_ctl")
    return Path(found).resolve().parent if found is not None else None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _run(*command: str) -> None:
    """Runs one of PostgreSQL's programs, as a user it accepts: it refuses to be root."""
    owner = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    # The server that pg_ctl leaves behind would keep a pipe open, and whoever reads it waiting.
    subprocess.run(  # noqa: S603 - programs of the system
        [*owner, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
    )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A superuser's url of a cluster that lives as long as the session; skips where PostgreSQL is not installed."""
    directory = programs()
    if directory is None:
        pytest.skip("PostgreSQL is not installed: neither /usr/lib/postgresql/*/bin nor pg_ctl on PATH")
    root = os.geteuid() == 0
    if root:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL refuses to run as root, and there is no user `postgres`")
    with served(directory) as url:
        yield url


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """Runs a new cluster for the length of the block; gives a superuser's url.

    Args:
        directory: With PostgreSQL's programs.
    """
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        if root:
            shutil.chown(name, "postgres")
        data, port = Path(name, "data"), _free_port()
        _run(str(directory / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        # Tests kill services, never this server: it may leave out what only a power cut needs.
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={name} -c fsync=off"
        control = str(directory / "pg_ctl")
        _run(control, "-D", str(data), "-w", "-l", str(Path(name, "log")), "-o", options, "start")
        url = f"postgresql://postgres@127.0.0.1:{port}"
        try:
            with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
                connection.execute(f"CREATE ROLE {_OWNER} LOGIN")
                connection.execute(f"CREATE ROLE {_SERVICE} LOGIN")
            yield url
        finally:
            _run(control, "-D", str(data), "-m", "immediate", "-w", "stop")


@dataclass(frozen=True)
class EmptyDatabase:
    """A new database.

    Attributes:
        owner_url: Of an ordinary role that may make tables, and owns those it makes.
        url: Of a role that owns nothing, as a service's.
        superuser_url: Of whom no policy holds.
    """

    owner_url: str
    url: str
    superuser_url: str


@contextmanager
def empty_database(server: str) -> Iterator[EmptyDatabase]:
    """Makes a database that is dropped at the end of the block.

    Args:
        server: As `postgres_server` gives it.
    """
    name = f"test_{uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" OWNER {_OWNER}')
        try:
            place = f"{server.partition('@')[2]}/{name}"
            yield EmptyDatabase(f"postgresql://{_OWNER}@{place}", f"postgresql://{_SERVICE}@{place}", f"{server}/{name}")
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_database(postgres_server: str) -> Iterator[EmptyDatabase]:
    """An empty database that is dropped after the test."""
    with empty_database(postgres_server) as made:
        yield made


@pytest.fixture
def postgres_url(postgres_database: EmptyDatabase) -> str:
    """The url of an empty database, for the role that owns it."""
    return postgres_database.owner_url
