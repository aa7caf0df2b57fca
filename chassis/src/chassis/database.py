"""One service's database: SQLite in an embedded run, PostgreSQL otherwise, with the same promises.

A commit that was answered is on disk; a block that is left without a commit leaves nothing behind; reading sees one moment.
"""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from importlib import resources
from itertools import repeat
from typing import Any, Final, Literal

import psycopg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import NullPool

from chassis.bulk_rows import copy_text, plain_column
from chassis.connections import Access, open_postgresql, open_sqlite, prepare_postgresql, prepare_sqlite
from chassis.telemetry import Telemetry
from chassis.tenancy import Scope, enter
from kernel.refusals import Kind, Refusal

Dialect = Literal["sqlite", "postgresql"]


class Timeouts(BaseModel):
    """How long the database may take before it gives up.

    Attributes:
        statement_seconds: For one statement, PostgreSQL only.
        lock_seconds: For a lock that another transaction holds; in SQLite, another process.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement_seconds: float = Field(default=60.0, gt=0.0)
    lock_seconds: float = Field(default=10.0, gt=0.0)


# Alembic keeps the migration that runs in a module, `alembic.op`: two at a time in one process would mix.
_ONE_MIGRATION: Final = threading.Lock()


class DatabaseUnavailable(Refusal):
    """The database is away, restarts, or gave up on a lock or a statement; the same work may succeed later.

    Whether a commit that ended like this was kept is not known: whoever asks again needs work that may be done twice.
    """

    kind = Kind.UNAVAILABLE
    reason = "DATABASE_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("the database does not answer at present; send the same again later")


# SQLite raises the same error for what passes and for a statement that is wrong.
_PASSING_IN_SQLITE: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")


@contextmanager
def _outages() -> Iterator[None]:
    """Turns what the driver says of an outage into `DatabaseUnavailable`; every other error stays what it is."""
    try:
        yield
    except DBAPIError as error:
        if not _passes(error):
            raise
        raise DatabaseUnavailable from error
    except PoolTimeoutError as error:
        raise DatabaseUnavailable from error


def _passes(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorname", "").startswith(_PASSING_IN_SQLITE)
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


class ForeignKeysBroken(Exception):
    """A migration has left rows that refer to nothing; it is undone."""

    def __init__(self, tables: Sequence[str]) -> None:
        """Stores the tables with such rows."""
        super().__init__(f"rows refer to nothing in {', '.join(tables)}")
        self.tables = tuple(tables)


class SchemaBehind(Exception):
    """The schema is not at the newest revision, and the role of the url may not change it."""

    def __init__(self, service: str, reason: str) -> None:
        """Stores whose schema it is, and what the database said."""
        super().__init__(
            f"the schema of {service} is behind and this role may not change it ({reason}): run `parkcarbon migrate` with the"
            f" owner's url in {service.upper()}_DATABASE__OWNER_URL"
        )
        self.service = service
        self.found = reason


_SCOPE: Final = "scope"


class _ScopedSession(Session):
    """A session that tells the database for whom it is.

    One listener for all of them: to add one to each session costs more than to open it.
    """


@event.listens_for(_ScopedSession, "after_begin")
def _begun(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    # With each transaction: what is set for one ends with it, and a block may go on after a commit.
    enter(connection, session.info[_SCOPE])


class Database:
    """Sessions, bulk rows and migrations over one database."""

    def __init__(
        self,
        url: str,
        *,
        owner_url: str | None = None,
        pool_size: int = 10,
        echo: bool = False,
        timeouts: Timeouts | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        """Prepares connections; opens none.

        Args:
            url: `sqlite:///path/file.sqlite3` or `postgresql://user:password@host/name`, the latter with
                `?options=-csearch_path%3Dname` for a schema of its own.
            owner_url: Of the role that owns the tables, in PostgreSQL, for `migrate` only; that of `url` when None.
            pool_size: Connections for reading and, in PostgreSQL, for writing; SQLite writes through one more.
            echo: Logs every statement, for debugging.
            timeouts: As in `Timeouts`, its defaults when None.
            telemetry: Records a span per statement.

        Raises:
            ValueError: If the url names another kind of database.
        """
        self._timeouts = timeouts if timeouts is not None else Timeouts()
        self._url = _driver_url(url)
        self._owner_url = _driver_url(owner_url) if owner_url is not None else self._url
        self.dialect: Dialect = "sqlite" if self._url.get_backend_name() == "sqlite" else "postgresql"
        # The connection that was used last has its statements prepared, its temporary tables made and its pages at hand.
        common: dict[str, Any] = {"echo": echo, "hide_parameters": True, "pool_use_lifo": True}
        if self.dialect == "sqlite":
            common["connect_args"] = {"async_creator_fn": open_sqlite}
            self._writer = create_async_engine(_asynchronous(self._url), pool_size=1, max_overflow=0, **common)
            self._reader = create_async_engine(_asynchronous(self._url), pool_size=pool_size, max_overflow=0, **common)
            prepare_sqlite(self._writer.sync_engine, self._timeouts.lock_seconds, Access.WRITE)
            prepare_sqlite(self._reader.sync_engine, self._timeouts.lock_seconds, Access.READ)
            self._engines = [self._writer, self._reader]
            # Waiters queue here, fairly and without a time limit of the pool's, instead of at the file's lock.
            self._one_writer: asyncio.Lock | nullcontext[None] = asyncio.Lock()
        else:
            common["connect_args"] = {"async_creator_fn": open_postgresql}
            self._writer = create_async_engine(self._url, pool_size=pool_size, max_overflow=0, **common)
            prepare_postgresql(self._writer.sync_engine, self._timeouts.statement_seconds, self._timeouts.lock_seconds)
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._engines = [self._writer]
            self._one_writer = nullcontext()
        if telemetry is not None:
            for engine in self._engines:
                telemetry.instrument_engine(engine)

    @asynccontextmanager
    async def begin(self, scope: Scope | None = None) -> AsyncIterator[AsyncSession]:
        """Opens a transaction that may write.

        Nothing is kept unless the block calls `session.commit()`. In SQLite the block holds the file's only write
        transaction from its first statement, so a block must neither nest another nor wait for one.

        Args:
            scope: For whom, as in `chassis.tenancy`. Without it PostgreSQL shows no row of a protected table and takes none.

        Raises:
            DatabaseUnavailable: If the database is away or gave up; from the block, or at its end.
        """
        with _outages():
            async with self._one_writer, self._session(self._writer, scope) as session:
                yield session

    @asynccontextmanager
    async def read(self, scope: Scope | None = None) -> AsyncIterator[AsyncSession]:
        """Opens a read-only transaction that sees the database as it was at its first statement.

        Args:
            scope: As `begin`.

        Raises:
            DatabaseUnavailable: If the database is away or gave up.
        """
        with _outages():
            async with self._session(self._reader, scope) as session:
                yield session
                # psycopg forgets every prepared statement of a connection with a rollback, which is how a session ends otherwise.
                if session.in_transaction():
                    await session.commit()

    def _session(self, engine: AsyncEngine, scope: Scope | None) -> AsyncSession:
        if self.dialect == "sqlite" or scope is None:
            return AsyncSession(engine, expire_on_commit=False)
        return AsyncSession(engine, expire_on_commit=False, sync_session_class=_ScopedSession, info={_SCOPE: scope})

    async def copy_rows(
        self, session: AsyncSession, table_name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Inserts many rows on the shortest way the driver has, inside the session's transaction.

        A duplicate key fails the whole call. Moments are written as `columns.utc_text` does.

        Args:
            session: Of this database, opened by `begin`.
            table_name: The table, or a temporary stage.
            columns: Names in the order of the rows' values.
            rows: Values of None, bool, int, float, str, bytes, Decimal, date, datetime, UUID or StrEnum; SQLite takes
                Decimals as their text.

        Raises:
            TypeError: If a value is of another type.
            ValueError: If a text holds NUL, which PostgreSQL cannot store, or a moment has no offset.
        """
        if rows:
            await self.copy_columns(session, table_name, columns, list(zip(*rows, strict=True)))

    async def copy_columns(
        self, session: AsyncSession, table_name: str, names: Sequence[str], columns: Sequence[Sequence[Any]]
    ) -> None:
        """Inserts many rows as `copy_rows` does, given by column: how bulk data is held, and how it is encoded fastest.

        Args:
            session: Of this database, opened by `begin`.
            table_name: The table, or a temporary stage.
            names: Of the columns.
            columns: The values of each column, all of one length, of the types that `copy_rows` takes.

        Raises:
            TypeError: If a value is of another type.
            ValueError: If a text holds NUL, a moment has no offset, or columns differ in length.
        """
        connection = await session.connection()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        listed = ", ".join(_quoted(name) for name in names)
        if self.dialect == "sqlite":
            marks = ", ".join(repeat("?", len(names)))
            statement = f"INSERT INTO {_quoted(table_name)} ({listed}) VALUES ({marks})"  # noqa: S608 - quoted
            cursor = await driver.executemany(statement, zip(*map(plain_column, columns), strict=True))
            await cursor.close()
            return
        body = copy_text(columns)
        try:
            async with driver.cursor() as cursor, cursor.copy(f"COPY {_quoted(table_name)} ({listed}) FROM STDIN") as copy:
                await copy.write(body)
        except psycopg.Error:
            raise
        except BaseException:  # as `chassis.connections` does, which does not hear of what goes past SQLAlchemy
            await connection.invalidate()
            raise

    async def migrate(self, package: str) -> None:
        """Brings the schema up to the newest revision, in a thread.

        The revisions are package data: modules in `<package>/versions/`. They run in-process without an `env.py`, all of them in
        one transaction, so a failure leaves the schema as it was. Two replicas that start at once migrate one after the other.
        Each root package keeps its revision in a table of its own. SQLite checks foreign keys at the end, not on the way,
        so that a table can be rebuilt.

        With an `owner_url` the owner migrates, and lets the role of `url` read and write every table. A role that owns nothing
        only finds the schema up to date.

        Args:
            package: Of the script directory, with an `__init__.py`, such as `accounting.adapters.migrations`.

        Raises:
            ForeignKeysBroken: If a row refers to nothing after the migration, in SQLite.
            SchemaBehind: If there is something to migrate and the role may not, in PostgreSQL.
        """
        try:
            await asyncio.to_thread(self._migrate, package)
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
                raise
            raise SchemaBehind(package.split(".", maxsplit=1)[0], str(error.orig).strip()) from error

    def _migrate(self, package: str) -> None:
        engine = create_engine(self._owner_url, poolclass=NullPool, hide_parameters=True)
        if self.dialect == "sqlite":
            prepare_sqlite(engine, self._timeouts.lock_seconds, Access.MIGRATE)
        version_table = f"schema_version_{package.split('.', maxsplit=1)[0]}"
        with (
            _ONE_MIGRATION,
            resources.as_file(resources.files(package)) as directory,
            engine.connect() as connection,
            connection.begin(),
        ):
            if self.dialect == "postgresql":
                lock = text("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.' || :name, 0))")
                connection.execute(lock, {"name": version_table})
            config = Config()
            config.set_main_option("script_location", str(directory).replace("%", "%%"))
            config.set_main_option("path_separator", "os")
            scripts = ScriptDirectory.from_config(config)

            def upgrade(revision: Any, _context: Any) -> list[Any]:
                return scripts._upgrade_revs("head", revision)  # as Alembic's cookbook does

            with EnvironmentContext(config, scripts, fn=upgrade, destination_rev="head") as environment:
                environment.configure(connection=connection, version_table=version_table, transactional_ddl=True)
                environment.run_migrations()
            if self.dialect == "sqlite":
                broken = connection.execute(text("PRAGMA foreign_key_check")).all()
                if broken:
                    raise ForeignKeysBroken(sorted({row[0] for row in broken}))
            elif self._owner_url.username != self._url.username:
                _let_use(connection, self._url.username or "")
        engine.dispose()

    async def dispose(self) -> None:
        """Closes every connection."""
        for engine in self._engines:
            await engine.dispose()


def _driver_url(url: str) -> URL:
    parsed = make_url(url)
    drivers = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
    if parsed.drivername not in drivers:
        raise ValueError(f"a database url begins with sqlite or postgresql, got {parsed.drivername!r}")
    return parsed.set(drivername=drivers[parsed.drivername])


_INSUFFICIENT_PRIVILEGE: Final = "42501"


def _let_use(connection: Connection, role: str) -> None:
    """Lets a role read and write every table of the schema; it may neither empty nor change one."""
    schema = connection.scalar(text("SELECT current_schema()"))
    inside, to = _quoted(str(schema)), _quoted(role)
    for grant in (
        f"USAGE ON SCHEMA {inside}",
        f"SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {inside}",
        f"SELECT, USAGE ON ALL SEQUENCES IN SCHEMA {inside}",
    ):
        connection.exec_driver_sql(f"GRANT {grant} TO {to}")


def _asynchronous(url: URL) -> URL:
    return url.set(drivername="sqlite+aiosqlite")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
