"""A temporary PostgreSQL that keeps its promises: fsync and synchronous commit are on, everything else is as shipped."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import psycopg

from chassis.testing.postgres import running_server


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


@contextmanager
def postgresql() -> Iterator[Cluster]:
    """Runs a server for the length of the block; its files are gone afterwards."""
    # The defaults of fsync and synchronous_commit, named so that nobody has to look them up.
    with running_server("fsync=on", "synchronous_commit=on") as server:
        with psycopg.connect(f"{server.url}/postgres") as connection:
            row = connection.execute("SHOW server_version").fetchone()
        yield Cluster(server.url, server.pid, row[0] if row else "")
