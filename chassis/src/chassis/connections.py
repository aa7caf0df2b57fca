"""Connections of the two databases: how they are opened, what is set on each, and when one is given up."""

import asyncio
import select
import sqlite3
from contextlib import suppress
from enum import StrEnum
from typing import Any, Final

import aiosqlite
import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection


class Access(StrEnum):
    """What a connection may do."""

    READ = "read"
    WRITE = "write"
    MIGRATE = "migrate"


_CACHE_KIB: Final = 32 * 1024
_CHECKPOINT_PAGES: Final = 8_000


async def open_sqlite(*arguments: Any, **more: Any) -> aiosqlite.Connection:
    """Opens a connection of SQLite; one that cannot be opened leaves no thread behind.

    The driver asks the thread of such a connection to end and does not wait: it would answer to a loop that may be closed by then.
    """
    connection = aiosqlite.connect(*arguments, **more)
    thread = connection._thread
    # as SQLAlchemy does where it makes the connection: the end of a process waits for no thread
    thread.daemon = True
    try:
        return await connection
    except BaseException:
        await asyncio.to_thread(thread.join)
        raise


def prepare_sqlite(engine: Engine, lock_seconds: float, access: Access) -> None:
    """Sets what SQLite leaves off by default, and takes BEGIN out of the driver's hands.

    The driver begins late and deferred: a transaction that reads before it writes then fails at once with "database is
    locked" when another has written in between, whatever the timeout.
    """

    def connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        driver: Any = connection
        driver.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(lock_seconds * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        # The 2 MiB that SQLite takes by default hold neither the index pages of a busy table nor a stage of rows, and a checkpoint
        # every 4 MiB writes the same pages again and again.
        cursor.execute(f"PRAGMA cache_size = {-_CACHE_KIB}")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        # REPLACE deletes without it what triggers keep.
        cursor.execute("PRAGMA recursive_triggers = ON")
        cursor.execute(f"PRAGMA foreign_keys = {'OFF' if access is Access.MIGRATE else 'ON'}")
        if access is Access.READ:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if access is Access.READ else "BEGIN IMMEDIATE")

    def invalidated(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _error: BaseException | None) -> None:
        # A closed connection keeps its transaction, and with it the file's only lock, for as long as anything refers to one of its
        # statements; the traceback of the task whose end closes it does. A second cancellation finds the rollback on its way.
        with suppress(sqlite3.Error, asyncio.CancelledError):
            connection.rollback()

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    event.listen(engine, "invalidate", invalidated)


async def open_postgresql(*arguments: Any, **more: Any) -> psycopg.AsyncConnection[Any]:
    """Opens a connection of PostgreSQL; one that is ready when its caller was cancelled is closed.

    The driver would drop it, open, and the server would keep a place for it until a collection of garbage.
    """
    connecting = asyncio.ensure_future(psycopg.AsyncConnection.connect(*arguments, **more))
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        connecting.add_done_callback(_abandoned)
        raise


def _abandoned(connecting: "asyncio.Future[psycopg.AsyncConnection[Any]]") -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().pgconn.finish()


def prepare_postgresql(engine: Engine, statement_seconds: float, lock_seconds: float) -> None:
    """Sets the limits of time, and keeps to the pool only connections on which nothing is under way."""

    def connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {int(statement_seconds * 1000)}")
        cursor.execute(f"SET lock_timeout = {int(lock_seconds * 1000)}")
        cursor.close()
        connection.commit()

    def checked_out(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        # A server that went away has closed the socket or has said so on it, and says nothing to a connection that rests. To look
        # at the socket finds what a ping finds, without a round trip in each transaction.
        driver: Any = connection
        looked = select.poll()
        looked.register(driver.driver_connection.fileno(), select.POLLIN | select.POLLPRI)
        if looked.poll(0):
            raise InvalidatePoolError

    def checked_in(connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        # Whoever takes a connection that still waits for an answer gets the answers of others, and commits nothing.
        driver: Any = connection
        if driver is not None and not _at_rest(driver.driver_connection.pgconn):
            entry.invalidate()

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", checked_out)
    event.listen(engine, "checkin", checked_in)
    event.listen(engine, "handle_error", _interrupted)


def _at_rest(connection: PGconn) -> bool:
    """Whether nothing is under way on a connection: no transaction, no statement, no answer to come."""
    return connection.transaction_status == TransactionStatus.IDLE and connection.pipeline_status == PipelineStatus.OFF


def _interrupted(context: ExceptionContext) -> BaseException | None:
    """Gives up the connection of a statement that ended by anything but an answer, and lets a cancellation be one.

    The driver may raise something else when it is cancelled: psycopg 3.3 does where a batch of statements begins, and leaves its
    connection in the middle of it. SQLAlchemy gives up a connection for a cancellation, and not for an error that is nobody's.
    """
    if context.sqlalchemy_exception is not None:  # the driver's answer, or a statement that was never sent
        return None
    context.is_disconnect = True
    context.invalidate_pool_on_disconnect = False
    error: BaseException | None = context.original_exception
    while error is not None and not isinstance(error, asyncio.CancelledError):
        error = error.__context__
    return error
