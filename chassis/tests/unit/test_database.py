import asyncio
import itertools
import sqlite3
import subprocess
import sys
import threading
import types
from array import array
from collections.abc import Coroutine, Generator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from chassis import telemetry_names as names
from chassis.bulk_rows import copy_text
from chassis.columns import UtcDateTime, utc_text
from chassis.database import Database, DatabaseUnavailable, ForeignKeysBroken, Timeouts
from chassis.errors import kind_of
from chassis.telemetry import Telemetry
from chassis.testing.schema import ExampleSchema
from kernel.refusals import Kind


async def count(database: Database, table: Table) -> int:
    async with database.read() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def test_what_is_committed_stays(database: Database, schema: ExampleSchema) -> None:
    async with database.begin() as session:
        await session.execute(insert(schema.effect).values(id=1, name="a"))
        await session.commit()
    assert await count(database, schema.effect) == 1


async def test_leaving_without_a_commit_rolls_back(database: Database, schema: ExampleSchema) -> None:
    async with database.begin() as session:
        await session.execute(insert(schema.effect).values(id=1, name="a"))
    assert await count(database, schema.effect) == 0


async def test_an_error_in_the_block_rolls_back_and_frees_the_writer(database: Database, schema: ExampleSchema) -> None:
    async def fail() -> None:
        async with database.begin() as session:
            await session.execute(insert(schema.effect).values(id=1, name="a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.begin() as session:
        await session.execute(insert(schema.effect).values(id=1, name="b"))
        await session.commit()
    assert await count(database, schema.effect) == 1


async def test_a_cancelled_writer_leaves_nothing_and_frees_the_writer(database: Database, schema: ExampleSchema) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with database.begin() as session:
            await session.execute(insert(schema.effect).values(id=1, name="a"))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    await asyncio.wait({task})
    async with database.begin() as session:
        await session.execute(insert(schema.effect).values(id=1, name="b"))
        await session.commit()
    assert await count(database, schema.effect) == 1


async def test_reading_sees_one_moment_while_another_writes(database: Database, schema: ExampleSchema) -> None:
    async with database.read() as reading:
        before = await reading.scalar(select(func.count()).select_from(schema.effect))
        async with database.begin() as session:
            await session.execute(insert(schema.effect).values(id=1, name="a"))
            await session.commit()
        after = await reading.scalar(select(func.count()).select_from(schema.effect))
    assert (before, after) == (0, 0)
    assert await count(database, schema.effect) == 1


async def test_a_read_transaction_cannot_write(database: Database, schema: ExampleSchema) -> None:
    async with database.read() as session:
        with pytest.raises(DBAPIError, match=r"readonly|read-only"):
            await session.execute(insert(schema.effect).values(id=1, name="a"))


async def test_twenty_writers_that_read_first_all_count(database: Database, schema: ExampleSchema) -> None:
    async with database.begin() as session:
        await session.execute(insert(schema.effect).values(id=1, name="0"))
        await session.commit()

    async def increase() -> None:
        async with database.begin() as session:
            lock = select(schema.effect.c.name).where(schema.effect.c.id == 1).with_for_update()
            value = int(await session.scalar(lock) or 0)
            await session.execute(update(schema.effect).values(name=str(value + 1)))
            await session.commit()

    await asyncio.gather(*(increase() for _ in range(20)))
    async with database.read() as session:
        assert await session.scalar(select(schema.effect.c.name)) == "20"


async def test_two_processes_on_one_sqlite_file_wait_for_each_other(tmp_path: Path, schema: ExampleSchema) -> None:
    database = Database(f"sqlite:///{tmp_path}/service.sqlite3")
    await schema.create(database)
    script = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, f"{tmp_path}/service.sqlite3", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin is not None
    assert other.stdout is not None
    await other.stdout.readline()

    async def write() -> None:
        async with database.begin() as session:
            await session.execute(insert(schema.effect).values(id=1, name="a"))
            await session.commit()

    writing = asyncio.create_task(write())
    done, _ = await asyncio.wait({writing}, timeout=0.2)
    assert not done
    other.stdin.write(b"\n")
    await other.communicate()
    await writing
    assert await count(database, schema.effect) == 1
    await database.dispose()


async def test_sqlite_is_set_to_survive(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/service.sqlite3")
    async with database.begin() as session:
        values = [
            (await session.execute(text(f"PRAGMA {name}"))).scalar_one() for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert values == ["wal", 2, 1]
    await database.dispose()


async def test_postgresql_gives_up_on_a_statement_that_takes_too_long(postgres_url: str) -> None:
    database = Database(postgres_url, timeouts=Timeouts(statement_seconds=0.05))
    async with database.begin() as session:
        with pytest.raises(OperationalError, match="statement timeout"):
            await session.execute(text("SELECT pg_sleep(5)"))
    await database.dispose()


async def test_outage_is_said_as_one_and_holds_no_place(postgres_url: str) -> None:
    database = Database(postgres_url.rsplit("@", 1)[0] + "@127.0.0.1:1/nowhere")
    for opened in (database.begin, database.read):
        with pytest.raises(DatabaseUnavailable) as caught:
            async with opened() as session:
                await session.execute(text("SELECT 1"))
        assert (kind_of(caught.value), caught.value.reason) == (Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE")
        assert "127.0.0.1" not in str(caught.value)
    await database.dispose()


async def test_connection_that_the_server_ends_is_an_outage_and_the_next_works(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(DatabaseUnavailable):
        async with database.begin() as session:
            await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    async with database.begin() as session:
        assert (await session.execute(text("SELECT 1"))).scalar_one() == 1
    await database.dispose()


async def test_connections_that_ended_while_they_rested_are_replaced_before_anybody_notices(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    who = text("SELECT pg_backend_pid()")
    async with database.begin() as first, database.begin() as second:
        resting = {(await first.execute(who)).scalar_one(), (await second.execute(who)).scalar_one()}
    ended = text("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid = ANY(:pids)")
    async with other.begin() as session:
        assert (await session.execute(ended, {"pids": list(resting)})).scalars().all() == [True, True]
    async with database.begin() as first, database.read() as second:
        assert not resting & {(await first.execute(who)).scalar_one(), (await second.execute(who)).scalar_one()}
    await database.dispose()
    await other.dispose()


async def test_sqlite_file_that_another_process_writes_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "service.sqlite3"
    database = Database(f"sqlite:///{path}", timeouts=Timeouts(lock_seconds=0.05))
    async with database.begin() as session:
        await session.execute(text("CREATE TABLE t (x)"))
        await session.commit()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable):
        async with database.begin() as session:
            await session.execute(text("INSERT INTO t VALUES (1)"))
    other.close()
    await database.dispose()


async def test_sqlite_file_that_cannot_be_opened_leaves_no_thread_that_answers_to_a_closed_loop(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    for _ in range(50):
        database = Database(f"sqlite:///{tmp_path}/no-such-folder/service.sqlite3")
        for opened in (database.begin, database.read):
            with pytest.raises(DatabaseUnavailable):
                async with opened() as session:
                    await session.execute(text("SELECT 1"))
        await database.dispose()
        left = [thread.name for thread in set(threading.enumerate()) - before if "_connection_worker_thread" in thread.name]
        assert left == []


async def test_transaction_that_is_cancelled_at_any_moment_holds_no_lock(database_url: str, schema: ExampleSchema) -> None:
    """The cancelled tasks are kept, and with their tracebacks all that the statements left behind."""
    database = Database(database_url, timeouts=Timeouts(lock_seconds=1))
    await schema.create(database)
    async with database.begin() as session:
        await session.execute(text("INSERT INTO effect VALUES (1, 'one')"))
        await session.commit()

    async def write() -> None:
        async with database.begin() as session:
            await session.execute(text("UPDATE effect SET name = name"))
            # a row that is not fetched yet keeps its statement
            await session.execute(select(schema.effect))
            await session.commit()

    cancelled = []
    for tenths_of_a_millisecond in range(80):
        writing = asyncio.create_task(write())
        await asyncio.sleep(tenths_of_a_millisecond / 10_000)
        writing.cancel()
        await asyncio.wait({writing})
        cancelled.append(writing)
        await write()
    assert any(writing.cancelled() for writing in cancelled)
    await database.dispose()


@types.coroutine
def cancelled_at(step: int, running: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
    """Runs in a task that is cancelled where it waits for the nth time."""
    thrown: BaseException | None = None
    for taken in itertools.count(1):
        try:
            awaited = running.send(None) if thrown is None else running.throw(thrown)
        except StopIteration:
            return
        if taken == step:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        thrown = None
        try:
            yield awaited
        except BaseException as error:
            thrown = error


@pytest.mark.parametrize("work", ["statement", "batch", "copy"])
async def test_connection_of_a_cancelled_transaction_answers_nobody_else(
    database_url: str, schema: ExampleSchema, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    """A transaction is cancelled at each of its steps in turn; what is committed next, by the same connections, is there to all."""
    # the driver lets others run only when it was busy for a while: here each time, so that each such place is met
    monkeypatch.setattr("psycopg.waiting.MAX_BUSY_TIME", 0.0)
    database, other = Database(database_url, pool_size=1), Database(database_url, pool_size=1)
    await schema.create(database)
    rows = [{"id": number, "name": "cancelled"} for number in range(-3, 0)]

    async def write() -> None:
        async with database.begin() as session:
            if work == "copy":
                await database.copy_rows(session, "effect", ["id", "name"], [tuple(row.values()) for row in rows])
            else:
                await session.execute(insert(schema.effect), rows if work == "batch" else rows[0])
            await session.execute(delete(schema.effect).where(schema.effect.c.id < 0))
            await session.commit()

    async def written(step: int) -> None:
        await cancelled_at(step, write())

    for steps in itertools.count():
        writing = asyncio.create_task(written(steps + 1))
        await asyncio.wait({writing})
        async with database.begin() as session:
            assert (await session.execute(text("SELECT CAST(:steps AS integer)"), {"steps": steps})).scalar_one() == steps
            await session.execute(insert(schema.effect).values(id=steps, name="next"))
            await session.commit()
        assert await count(other, schema.effect) == steps + 1
        if not writing.cancelled():
            break
    # it ended by itself, without an error, after all that it consists of
    assert writing.exception() is None
    assert steps > 5
    await database.dispose()
    await other.dispose()


async def test_wrong_statement_is_no_outage(database: Database) -> None:
    with pytest.raises(DBAPIError, match="nowhere"):
        async with database.begin() as session:
            await session.execute(text("SELECT * FROM nowhere"))


async def test_postgresql_gives_up_on_a_lock_that_another_holds(postgres_url: str, schema: ExampleSchema) -> None:
    database = Database(postgres_url, timeouts=Timeouts(lock_seconds=0.05))
    await schema.create(database)
    async with database.begin() as holder, database.begin() as waiter:
        await holder.execute(text("LOCK TABLE effect"))
        with pytest.raises(OperationalError, match="lock timeout"):
            await waiter.execute(select(schema.effect))
    await database.dispose()


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite+aiosqlite:///x", "postgresql+asyncpg://h/d"])
def test_another_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="begins with sqlite or postgresql"):
        Database(url)


async def test_an_error_does_not_show_the_values(database: Database, schema: ExampleSchema) -> None:
    async with database.begin() as session:
        await session.execute(insert(schema.effect).values(id=1, name="a"))
        with pytest.raises(IntegrityError) as caught:
            await session.execute(insert(schema.effect).values(id=1, name="secret-payload"))
    assert "secret-payload" not in str(caught.value)


async def test_a_statement_is_a_span_without_its_parameters(database_url: str, telemetry: Telemetry) -> None:
    database = Database(database_url, telemetry=telemetry)
    with telemetry.span(names.SPAN_JOB_RUN):
        async with database.read() as session:
            await session.execute(text("SELECT :secret"), {"secret": "secret-payload"})
    spans = telemetry.finished_spans()
    assert any("SELECT" in span.name for span in spans)
    assert all("secret-payload" not in str(dict(span.attributes or {})) for span in spans)
    await database.dispose()


class Carrier(StrEnum):
    POWER = "power"


AWKWARD = ["plain", "", "\\N", "\\", "tab\there", "line\nbreak", "cr\rhere", "a\\tb", "园区", "NULL", "\\."]


async def test_bulk_rows_come_back_as_they_went_in(database: Database, schema: ExampleSchema) -> None:
    async with database.begin() as session:
        await database.copy_rows(session, "effect", ["id", "name"], list(enumerate(AWKWARD)))
        await session.commit()
    async with database.read() as session:
        rows = await session.execute(select(schema.effect).order_by(schema.effect.c.id))
        assert [row.name for row in rows] == AWKWARD


async def test_bulk_rows_of_every_type_come_back(database: Database) -> None:
    types = {
        "postgresql": "t text, i bigint, f float8, b bytea, o boolean, d numeric, y date, m timestamptz, u uuid, e text",
        "sqlite": "t TEXT, i INTEGER, f REAL, b BLOB, o INTEGER, d TEXT, y TEXT, m TEXT, u TEXT, e TEXT",
    }
    at = datetime(2026, 1, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))
    identifier = UUID(int=7)
    row = ("x", -(2**62), 0.1, b"\x00\\\xff", True, Decimal("1.50"), date(2026, 2, 1), at, identifier, Carrier.POWER)
    empty = (None,) * len(row)
    async with database.begin() as session:
        await session.execute(text(f"CREATE TABLE every ({types[database.dialect]})"))
        await database.copy_rows(session, "every", list("tifbodymue"), [row, empty])
        found = [tuple(found) for found in await session.execute(text("SELECT * FROM every"))]
    texts = ("1.50", "2026-02-01", "2026-01-01T00:30:00.000000Z", str(identifier))
    expected = {
        "postgresql": (*row[:4], True, Decimal("1.50"), date(2026, 2, 1), at, identifier, "power"),
        "sqlite": (*row[:4], 1, *texts, "power"),
    }
    assert found == [expected[database.dialect], empty]


async def test_bulk_columns_of_numbers_come_back(database: Database) -> None:
    numbers = [2**63 - 1, 0, -(2**63)]
    names, columns = ["n", "i", "a", "f"], [range(3), numbers, array("q", numbers), [0.1, 1e300, -0.0]]
    async with database.begin() as session:
        await session.execute(text("CREATE TABLE numbers (n bigint, i bigint, a bigint, f double precision)"))
        await database.copy_columns(session, "numbers", names, columns)
        found = [tuple(found) for found in await session.execute(text("SELECT * FROM numbers ORDER BY n"))]
    assert found == list(zip(*columns, strict=True))


async def test_bulk_rows_belong_to_the_transaction(database: Database, schema: ExampleSchema) -> None:
    async with database.begin() as session:
        await database.copy_rows(session, "effect", ["id", "name"], [(1, "a")])
    assert await count(database, schema.effect) == 0


async def test_no_bulk_rows_are_nothing(database: Database, schema: ExampleSchema) -> None:
    async with database.begin() as session:
        await database.copy_rows(session, "effect", ["id", "name"], [])
        await session.commit()
    assert await count(database, schema.effect) == 0


async def test_bulk_rows_of_uneven_length_are_refused(database: Database) -> None:
    async with database.begin() as session:
        with pytest.raises(ValueError, match="zip"):
            await database.copy_rows(session, "effect", ["id", "name"], [(1, "a"), (2,)])


def test_a_bulk_text_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        copy_text([["a\x00b"]])


@pytest.mark.parametrize("value", [{"a": 1}, ["a"], object()])
async def test_a_bulk_value_of_another_type_is_refused(database: Database, value: Any) -> None:
    async with database.begin() as session:
        with pytest.raises(TypeError, match="a bulk row cannot hold"):
            await database.copy_rows(session, "effect", ["id", "name"], [(1, value)])


@pytest.fixture
def moments() -> Table:
    return Table("moment", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcDateTime))


async def test_moments_come_back_in_utc_and_sort_by_time(database: Database, moments: Table) -> None:
    shanghai = timezone(timedelta(hours=8))
    later, sooner = datetime(2026, 1, 1, 7, 59, 59, 5, shanghai), datetime(2025, 12, 31, 23, 0, tzinfo=UTC)
    async with database.begin() as session:
        await (await session.connection()).run_sync(moments.create)
        await session.execute(insert(moments), [{"id": 1, "at": later}, {"id": 2, "at": sooner}, {"id": 3, "at": None}])
        rows = (await session.execute(select(moments).where(moments.c.at.is_not(None)).order_by(moments.c.at))).all()
    assert [(row.id, row.at) for row in rows] == [(2, sooner), (1, later)]
    assert {row.at.utcoffset() for row in rows} == {timedelta(0)}


async def test_a_bulk_moment_reads_as_any_other(database: Database, moments: Table) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    async with database.begin() as session:
        await (await session.connection()).run_sync(moments.create)
        await database.copy_rows(session, "moment", ["id", "at"], [(1, utc_text(at))])
        assert await session.scalar(select(moments.c.at).where(moments.c.at == at)) == at


async def test_a_naive_moment_is_refused(database: Database, moments: Table) -> None:
    async with database.begin() as session:
        await (await session.connection()).run_sync(moments.create)
        with pytest.raises(StatementError, match="aware"):
            await session.execute(insert(moments).values(id=1, at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point


REVISION = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = {revision!r}, {down!r}
def upgrade():
    {body}
"""


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    versions = tmp_path / "packages" / "example" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    monkeypatch.delitem(sys.modules, "example", raising=False)
    monkeypatch.delitem(sys.modules, "example.migrations", raising=False)
    create = 'op.create_table("thing", sa.Column("id", sa.Integer, primary_key=True))'
    (versions / "0001_begin.py").write_text(REVISION.format(revision="0001", down=None, body=create))
    add = 'op.add_column("thing", sa.Column("name", sa.Text))'
    (versions / "0002_name.py").write_text(REVISION.format(revision="0002", down="0001", body=add))
    return versions


async def test_migrations_run_to_the_newest_and_then_do_nothing(database_url: str, migrations: Path) -> None:
    database = Database(database_url)
    await database.migrate("example.migrations")
    await database.migrate("example.migrations")
    async with database.read() as session:
        assert (await session.execute(text("SELECT id, name FROM thing"))).all() == []
        assert await session.scalar(text("SELECT version_num FROM schema_version_example")) == "0002"
    await database.dispose()


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(database_url: str, migrations: Path) -> None:
    body = 'op.create_table("half", sa.Column("id", sa.Integer)); op.execute("SELECT no_such_column")'
    (migrations / "0003_fails.py").write_text(REVISION.format(revision="0003", down="0002", body=body))
    database = Database(database_url)
    with pytest.raises(DBAPIError, match="no_such_column"):
        await database.migrate("example.migrations")
    async with database.read() as session:
        with pytest.raises(DBAPIError, match="schema_version_example"):
            await session.execute(text("SELECT * FROM schema_version_example"))
    await database.dispose()


async def test_two_replicas_migrate_one_after_the_other(database_url: str, migrations: Path) -> None:
    script = """
import asyncio, sys
from chassis.database import Database
sys.path.insert(0, sys.argv[2])
async def main():
    database = Database(sys.argv[1])
    await database.migrate("example.migrations")
    await database.dispose()
asyncio.run(main())
"""
    packages = str(migrations.parents[2])
    replicas = [await asyncio.create_subprocess_exec(sys.executable, "-c", script, database_url, packages) for _ in range(2)]
    assert [await replica.wait() for replica in replicas] == [0, 0]
    database = Database(database_url)
    async with database.read() as session:
        assert await session.scalar(text("SELECT version_num FROM schema_version_example")) == "0002"
    await database.dispose()


async def test_services_of_one_process_can_migrate_at_once(tmp_path: Path, migrations: Path) -> None:
    databases = [Database(f"sqlite:///{tmp_path}/{number}.sqlite3") for number in range(4)]
    await asyncio.gather(*(database.migrate("example.migrations") for database in databases))
    for database in databases:
        async with database.read() as session:
            assert (await session.execute(text("SELECT id, name FROM thing"))).all() == []
        await database.dispose()


async def test_a_migration_that_breaks_references_is_undone(tmp_path: Path, migrations: Path) -> None:
    body = """op.execute("CREATE TABLE part (thing_id INTEGER REFERENCES thing)")
    op.execute("INSERT INTO part VALUES (7)")"""
    (migrations / "0003_breaks.py").write_text(REVISION.format(revision="0003", down="0002", body=body))
    database = Database(f"sqlite:///{tmp_path}/service.sqlite3")
    with pytest.raises(ForeignKeysBroken, match="part"):
        await database.migrate("example.migrations")
    async with database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM sqlite_schema")) == 0
    await database.dispose()


def test_the_standard_driver_would_fail_where_begin_immediate_waits(tmp_path: Path) -> None:
    # Shows the failure that `BEGIN IMMEDIATE` prevents, so that nobody takes it for a habit.
    path = tmp_path / "plain.sqlite3"
    first, second = (sqlite3.connect(path, isolation_level=None, timeout=5) for _ in range(2))
    first.execute("PRAGMA journal_mode = WAL")
    first.execute("CREATE TABLE t (v)")
    first.execute("BEGIN")
    first.execute("SELECT * FROM t").fetchall()
    second.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        first.execute("INSERT INTO t VALUES (2)")
    first.close()
    second.close()
