"""A temporary PostgreSQL that keeps its promises: fsync and synchronous commit are on, everything else is as shipped."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server.

    Attributes:
        url: Of its databases, without a name.
        pid: Of its first process; the others are children of that one.
        version: As the server says it.
    """

    url: str
    pid: int
    version: str

    def database(self) -> str:
        """Returns the url of a new, empty database, for an ordinary role: row-level security holds for it as in production."""
        name = f"bench_{uuid4().hex}"
        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE ROLE "{name}" LOGIN')
            connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
        return f"{self.url.replace('postgres@', f'{name}@')}/{name}"


def _programs() -> Path:
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    found = shutil.which("pg_ctl")
    if found is None:
        raise SystemExit("PostgreSQL is not installed: neither /usr/lib/postgresql/*/bin nor pg_ctl on PATH")
    return Path(found).resolve().parent


def _run(*command: str) -> None:
    """Runs one of PostgreSQL's programs, as a user it accepts: it refuses to be root."""
    owner = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    subprocess.run([*owner, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


@contextmanager
def postgresql() -> Iterator[Cluster]:
    """Runs a server for the length of the block; its files are gone afterwards."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="bench-postgres-", ignore_cleanup_errors=True) as name:
        if os.geteuid() == 0:
            shutil.chown(name, "postgres")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port: int = listener.getsockname()[1]
        data = Path(name, "data")
        _run(str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        # The defaults of fsync and synchronous_commit, named so that nobody has to look them up.
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={name} -c fsync=on -c synchronous_commit=on"
        control = str(programs / "pg_ctl")
        _run(control, "-D", str(data), "-w", "-l", str(Path(name, "log")), "-o", options, "start")
        try:
            url = f"postgresql://postgres@127.0.0.1:{port}"
            with psycopg.connect(f"{url}/postgres") as connection:
                row = connection.execute("SHOW server_version").fetchone()
            pid = int((data / "postmaster.pid").read_text().split("\n", maxsplit=1)[0])
            yield Cluster(url, pid, row[0] if row else "")
        finally:
            _run(control, "-D", str(data), "-m", "fast", "-w", "stop")
