"""Measures how fast rows become durable records: I1 to I6. Run as `python -m benchmarks.ingest.run`."""

import asyncio
import io
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi
import msgspec
import numpy as np
import psycopg
import pyarrow
import pyarrow.csv
import uvloop
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Numeric, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from accounting.domain.activity import judge
from accounting.domain.batches import ActivityColumns, Candidates, TextColumn
from accounting.domain.evidence import chain_links
from accounting.main import Accounting
from benchmarks.cluster import Cluster, postgresql
from benchmarks.http_client import HttpClient
from benchmarks.pairing import Cost, Row, Side, compare, paired, processor_s, write_results
from benchmarks.readings import HEADER, METERS, PARK, SEED, Reading, Readings, as_csv, as_json
from benchmarks.standing import TENANT, TOKEN, accounting_alone, platform

ROWS = 1000
BATCHES = 30
FILE_ROWS = 20_000
ROUNDS = 5
_COLUMNS = HEADER.replace(",", ", ")
# Ten columns, like a record of ours; what a file does not bring is a default. An id belongs to its park.
_CREATE = """
CREATE TABLE {name} (
    tenant_id text NOT NULL DEFAULT 'bench', park_id text NOT NULL DEFAULT 'bench', record_id text NOT NULL,
    source_id text NOT NULL, period_start timestamptz NOT NULL, period_end timestamptz NOT NULL,
    quantity {quantity} NOT NULL, unit text NOT NULL, supersedes text NOT NULL DEFAULT '',
    recorded_time timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (park_id, record_id))
"""
_CREATE_STAGE = """
CREATE TEMP TABLE stage (record_id text, source_id text, period_start timestamptz, period_end timestamptz,
    quantity numeric(18, 6), unit text) ON COMMIT DELETE ROWS
"""


class _Row(msgspec.Struct):
    record_id: str
    source_id: str
    period_start: str
    period_end: str
    quantity: str
    unit: str


_rows = msgspec.json.Decoder(list[_Row])


def _table(connection: psycopg.Connection[Any], name: str, quantity: str = "numeric(18, 6)") -> None:
    connection.execute(_CREATE.format(name=name, quantity=quantity))
    connection.commit()


def staged(url: str) -> Callable[[Sequence[bytes]], None]:
    """The barest idempotent way: msgspec, COPY into a stage, INSERT … ON CONFLICT, commit."""
    connection = psycopg.connect(url)
    _table(connection, "staged")
    connection.execute(_CREATE_STAGE)
    connection.commit()

    def write(bodies: Sequence[bytes]) -> None:
        for body in bodies:
            text = "".join(
                f"{row.record_id}\t{row.source_id}\t{row.period_start}\t{row.period_end}\t{row.quantity}\t{row.unit}\n"
                for row in _rows.decode(body)
            )
            with connection.cursor() as cursor:
                with cursor.copy(f"COPY stage ({_COLUMNS}) FROM STDIN") as copy:
                    copy.write(text)
                cursor.execute(
                    f"INSERT INTO staged ({_COLUMNS}) SELECT {_COLUMNS} FROM stage ON CONFLICT (park_id, record_id) DO NOTHING"
                )
            connection.commit()

    return write


def copied(url: str) -> Callable[[Sequence[bytes]], None]:
    """COPY of bytes that are CSV already."""
    connection = psycopg.connect(url)
    _table(connection, "copied")

    def write(bodies: Sequence[bytes]) -> None:
        for body in bodies:
            with connection.cursor() as cursor, cursor.copy(f"COPY copied ({_COLUMNS}) FROM STDIN (FORMAT csv, HEADER)") as copy:
                copy.write(body)
            connection.commit()

    return write


class _Base(DeclarativeBase):
    pass


class _Record(_Base):
    __tablename__ = "mapped"

    record_id: Mapped[str] = mapped_column(Text, primary_key=True)
    source_id: Mapped[str] = mapped_column(Text)
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    quantity: Mapped[Decimal] = mapped_column(Numeric(18, 6))
    unit: Mapped[str] = mapped_column(Text)


class _Given(BaseModel):
    record_id: str
    source_id: str
    period_start: datetime
    period_end: datetime
    quantity: Decimal
    unit: str


def mapped(url: str) -> Callable[[Sequence[bytes]], None]:
    """As most programs do it: pydantic models, ORM objects, add_all, commit."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with psycopg.connect(url) as connection:
        _table(connection, "mapped")
    given = TypeAdapter(list[_Given])

    def write(bodies: Sequence[bytes]) -> None:
        for body in bodies:
            with Session(engine) as session:
                session.add_all([_Record(**row.model_dump()) for row in given.validate_json(body)])
                session.commit()

    return write


def literal(url: str) -> Callable[[Sequence[bytes]], None]:
    """As MyEMS does it: 100 rows written out into one INSERT, commit."""
    connection = psycopg.connect(url)
    _table(connection, "literal")

    def write(bodies: Sequence[bytes]) -> None:
        for body in bodies:
            rows = _rows.decode(body)
            for start in range(0, len(rows), 100):
                values = ", ".join(
                    f"('{row.record_id}','{row.source_id}','{row.period_start}','{row.period_end}',{row.quantity},'{row.unit}')"
                    for row in rows[start : start + 100]
                )
                connection.execute(f"INSERT INTO literal ({_COLUMNS}) VALUES {values}")
                connection.commit()

    return write


def arrow(url: str) -> Callable[[Sequence[bytes]], None]:
    """pyarrow reads the file, ADBC writes it."""
    with psycopg.connect(url) as connection:
        # ADBC writes what Arrow has read, and that is a float.
        _table(connection, "arrow", "double precision")
    connection_adbc = adbc_driver_postgresql.dbapi.connect(url)

    def write(bodies: Sequence[bytes]) -> None:
        for body in bodies:
            with connection_adbc.cursor() as cursor:
                cursor.adbc_ingest("arrow", pyarrow.csv.read_csv(io.BytesIO(body)), mode="append")
            connection_adbc.commit()

    return write


def executemany(path: Path) -> Callable[[Sequence[Sequence[Reading]]], None]:
    """sqlite3's executemany, with what the database promises set as ours is."""
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
    connection.execute(
        "CREATE TABLE record (record_id TEXT PRIMARY KEY, source_id TEXT NOT NULL, period_start TEXT NOT NULL, "
        "period_end TEXT NOT NULL, quantity TEXT NOT NULL, unit TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )

    def write(batches: Sequence[Sequence[Reading]]) -> None:
        for rows in batches:
            connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", rows)
            connection.commit()

    return write


def dictionary(texts: Sequence[str]) -> TextColumn:
    """A column as the gateway sends it."""
    codes: dict[str, int] = {}
    indices = [codes.setdefault(text, len(codes)) for text in texts]
    return TextColumn(list(codes), np.array(indices, dtype=np.intp))


async def candidates(accounting: Accounting, rows: Sequence[Reading]) -> Candidates:
    """Judges rows, which is not the repository's work."""
    record_id, source_id, period_start, period_end, quantity, unit = zip(*rows, strict=True)
    nothing = dictionary([""] * len(rows))
    columns = ActivityColumns(
        row_number=list(range(1, len(rows) + 1)),
        record_id=TextColumn(record_id),
        source_id=dictionary(source_id),
        period_start=dictionary(period_start),
        period_end=dictionary(period_end),
        quantity=TextColumn(quantity),
        unit=dictionary(unit),
        supersedes=nothing,
        confirmed=nothing,
    )
    ports = accounting.ports
    async with ports.read(TENANT) as account:
        park = await account.parks.get(PARK)
        assert park is not None
        sources = await account.sources.named(PARK, sorted(set(source_id)))
    good, problems = judge(columns, park, sources, ports.book, ports.reference, 2**40)
    assert not problems
    return good


async def store(accounting: Accounting, waves: Sequence[Candidates]) -> None:
    """Stores judged rows through the repository, one transaction each."""
    for wave in waves:
        async with accounting.ports.write(TENANT) as uow:
            park = await uow.parks.get(PARK)
            assert park is not None
            head = await uow.parks.lock(PARK)
            found = await uow.activity.stage(park, wave, near_bounds=False)
            assert not found.same_id
            assert not found.overlaps
            await uow.factors.keep_bases(accounting.ports.book.bases_named(set(wave.basis_id)))
            links = chain_links(head, wave, park.registered_time)
            await uow.activity.append(park, wave, links, park.registered_time)
            await uow.commit()


class Ours:
    """The platform over HTTP, driven from outside of its loop."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        self._runner = runner
        self._url = url

    def push(self, bodies: Sequence[bytes], content_type: str) -> None:
        """Pushes bodies one after the other; every row has to be accepted."""

        async def send() -> None:
            # A connection for each round: the server closes one that waits for the other sides.
            client = await HttpClient.connect(self._url, token=TOKEN)
            for body in bodies:
                request = client.request("POST", f"/v1/parks/{PARK}/activity-records", body, content_type)
                answer = msgspec.json.decode(await client.send(request))
                assert answer["accepted"] == answer["rows"], answer
            await client.close()

        self._runner.run(send())


def main() -> None:
    """Runs every comparison and writes the results."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-ingest-")))
        cluster = stack.enter_context(postgresql())
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        measure(cluster, folder, runner)


def measure(cluster: Cluster, folder: Path, runner: asyncio.Runner) -> None:
    """Measures all rows of the table."""
    url = cluster.database()
    (folder / "pg").mkdir()
    (folder / "sqlite").mkdir()
    running = platform(folder / "pg", cluster.database(), cluster.database())
    standing = runner.run(running.__aenter__())
    ours = Ours(runner, standing.gateway.http_address)
    readings = Readings("r")

    def side(name: str, form: Callable[[Sequence[Reading]], Any], write: Callable[[Sequence[Any]], None], batches: int) -> Side:
        # Bodies are made before the first round: making them is nobody's work.
        waiting = iter([[form(rows) for rows in readings.batches(batches, ROWS)] for _ in range(ROUNDS + 1)])

        def run() -> int:
            write(next(waiting))
            return batches * ROWS

        return Side(name, run)

    pushed = paired(
        [
            side("HTTP JSON, 1,000 rows", as_json, lambda bodies: ours.push(bodies, "application/json"), BATCHES),
            side("msgspec, COPY, stage, ON CONFLICT", as_json, staged(url), BATCHES),
            side("COPY of CSV bytes", as_csv, copied(url), BATCHES),
            side("pydantic, ORM add_all", as_json, mapped(url), BATCHES // 3),
            side("literal INSERT, 100 rows each", as_json, literal(url), BATCHES // 3),
        ],
        rounds=ROUNDS,
        server_pid=cluster.pid,
    )

    def files(name: str, write: Callable[[Sequence[bytes]], None]) -> Side:
        waiting = iter([as_csv(readings.batch(FILE_ROWS)) for _ in range(ROUNDS + 1)])

        def run() -> int:
            write([next(waiting)])
            return FILE_ROWS

        return Side(name, run)

    uploaded = paired(
        [
            files("HTTP CSV, 20,000 rows", lambda bodies: ours.push(bodies, "text/csv")),
            files("pyarrow, ADBC", arrow(url)),
        ],
        rounds=ROUNDS,
        server_pid=cluster.pid,
    )

    rows_waiting = (ROUNDS + 1) * (BATCHES * ROWS + FILE_ROWS)
    before = processor_s(cluster.pid)
    events = runner.run(standing.accounting.relay.drain())
    publishing_us = (processor_s(cluster.pid) - before) / rows_waiting * 1e6
    runner.run(running.__aexit__(None, None, None))

    stored = store_in_sqlite(folder / "sqlite", runner)
    costs = pushed | uploaded | stored
    name_json, name_csv, name_sqlite = (next(iter(found)) for found in (pushed, uploaded, stored))

    def row(number: str, ours_name: str, divisor: str, floor: float, target: float) -> Row:
        return compare(number, costs[ours_name], costs[divisor], floor=floor, target=target)

    write_results(
        Path(__file__).parent,
        rows=[
            row("I1", name_json, "msgspec, COPY, stage, ON CONFLICT", 0.50, 0.80),
            row("I2", name_json, "COPY of CSV bytes", 0.12, 0.22),
            row("I3", name_json, "pydantic, ORM add_all", 4.0, 6.0),
            row("I4", name_json, "literal INSERT, 100 rows each", 0.9, 1.3),
            row("I5", name_sqlite, "sqlite3 executemany", 0.35, 0.70),
            row("I6", name_csv, "pyarrow, ADBC", 0.40, 0.70),
        ],
        costs=costs.values(),
        packages=[
            "psycopg",
            "sqlalchemy",
            "msgspec",
            "pydantic",
            "fastapi",
            "uvicorn",
            "grpcio",
            "pyarrow",
            "adbc-driver-postgresql",
        ],
        facts={
            "seed": SEED,
            "postgresql": cluster.version,
            "sqlite": sqlite3.sqlite_version,
            "meters": METERS,
            "publishing": {"events": events, "rows": rows_waiting, "cpu_us_per_row": round(publishing_us, 3)},
        },
    )


def store_in_sqlite(folder: Path, runner: asyncio.Runner) -> dict[str, Cost]:
    """Measures the repository over SQLite."""
    running = accounting_alone(folder, f"sqlite:///{folder}/accounting.sqlite3")
    accounting = runner.run(running.__aenter__())
    readings = Readings("s")
    batches = [[list(batch) for batch in readings.batches(BATCHES, ROWS)] for _ in range(ROUNDS + 1)]
    waves = iter([[runner.run(candidates(accounting, rows)) for rows in part] for part in batches])
    rows = iter(batches)
    write = executemany(folder / "barest.sqlite3")

    def ours() -> int:
        runner.run(store(accounting, next(waves)))
        return BATCHES * ROWS

    def barest() -> int:
        write(next(rows))
        return BATCHES * ROWS

    found = paired([Side("repository over SQLite", ours), Side("sqlite3 executemany", barest)], rounds=ROUNDS)
    runner.run(running.__aexit__(None, None, None))
    return found


if __name__ == "__main__":
    main()
