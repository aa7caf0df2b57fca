"""Stored rows as they are, read past the services: one moment of a SQLite file or of a PostgreSQL database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any, Protocol

import psycopg

_FETCHED_AT_ONCE = 5_000
_OWN_WORK = "SELECT set_config('parkcarbon.platform', 'fsck', false)"

UNREADABLE = (sqlite3.Error, psycopg.Error, OSError)
"""What reading raises when a database is not there, is none, or is of a version that this command does not know."""


class Rows(Protocol):
    """A database at one moment."""

    dialect: str

    def read(self, statement: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a SELECT, whose parameters stand as `?`, without holding all of them."""
        ...


class _SqliteRows:
    dialect = "sqlite"

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def read(self, statement: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
        with closing(self._file.execute(statement, parameters)) as cursor:
            yield from cursor


class _PostgresqlRows:
    dialect = "postgresql"

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection
        self._numbers = count(1)

    def read(self, statement: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
        # a cursor of the server: the client would hold every row of a park otherwise
        with self._connection.cursor(f"fsck_{next(self._numbers)}") as cursor:
            cursor.itersize = _FETCHED_AT_ONCE
            cursor.execute(statement.replace("?", "%s").encode(), parameters)
            yield from cursor


@contextmanager
def opened(url: str) -> Iterator[Rows]:
    """Opens a database for reading; nothing is written to it.

    Args:
        url: `sqlite:///path` or `postgresql://…`; there a role that may read every table.

    Raises:
        sqlite3.Error, psycopg.Error: It is not there or cannot be read.
    """
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None)) as file:
            # bytes that are no UTF-8 are found to be other bytes, and do not stop the search
            file.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")
            file.execute("PRAGMA query_only = ON")
            file.execute("BEGIN")
            yield _SqliteRows(file)
        return
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute(_OWN_WORK)
        yield _PostgresqlRows(connection)
