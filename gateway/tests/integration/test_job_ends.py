"""A job that records an upload ends as it should whenever its worker dies, on both databases and in every format.

A worker's life is a row of steps that cannot be undone: each commit, and each batch that accounting has recorded. It is ended
after each of them in turn, and another worker takes the job over when the lease has run out.
"""

import asyncio
import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from sqlalchemy import MetaData, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import jobs
from chassis.database import Database, DatabaseUnavailable
from chassis.job_runner import JobRunner
from chassis.jobs import JobState
from chassis.logs import Level, configure
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.tenancy import Platform, Scope
from gateway.adapters.platform_cache import PlatformCache
from gateway.adapters.sql.access import SqlCredentials
from gateway.adapters.sql.tables import tables
from gateway.adapters.upload_jobs import UploadJobs
from gateway.adapters.workers import RetentionWorker
from gateway.api.reading import streams
from gateway.api.reading.body_reader import BodyReader
from gateway.api.reading.uploads import Uploads
from gateway.api.reading.workbooks import Workbooks
from gateway.application.access.authority import Authorities
from gateway.application.files import read_file
from gateway.application.push.jobs import PUSH, results_of, submit_push, sweep_files, upload_of
from gateway.application.push.receipts import unpacked
from gateway.application.push.recording import RecordingServices
from gateway.application.push.services import PushServices
from gateway.application.retention import Retention
from gateway.domain.access.tokens import digest
from gateway.domain.callers import Caller, Role
from gateway.domain.errors import Unavailable
from gateway.domain.limits import Limits
from gateway.domain.push.activity import ActivityRows, BatchOutcome, Outcome
from gateway.domain.push.jobs import RESULTS_LIFETIME, UPLOAD_LIFETIME
from gateway.domain.push.media import Format, Media
from gateway.domain.push.profiles import NO_PROFILE
from gateway.tests.conftest import FakeTokens, units_over
from gateway.tests.fake_services import FakeAccounting
from parkcarbon.accounting.v1 import accounting_pb2 as pb

ADAS = digest("ada")
"""Her token, as it is stored."""
ADA = Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER}))
FIELDS = ["record_id", "source_id", "period_start", "period_end", "quantity", "unit"]
# the third is rejected; two rows make a part and a batch
ROWS = [[f"r-{n}", "s-1", "2022-01-01", "2022-02-01", "no" if n == 3 else "1.5", "MWh"] for n in range(1, 6)]
LIMITS = Limits(batch_rows=2)
AFTER_THE_LEASE = timedelta(seconds=61)
PARK = pb.Park(park_id="etdz", name_zh="园区", name_en="Park", region_code="360700", factor_set_id="wang-2024")


def as_csv() -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([FIELDS, *ROWS])
    return written.getvalue().encode()


def as_ndjson() -> bytes:
    return b"".join(json.dumps(dict(zip(FIELDS, row, strict=True))).encode() + b"\n" for row in ROWS)


def as_json() -> bytes:
    return json.dumps([dict(zip(FIELDS, row, strict=True)) for row in ROWS]).encode()


def as_xlsx() -> bytes:
    written = io.BytesIO()
    book: Any = xlsxwriter.Workbook(written, {"in_memory": True})
    sheet = book.add_worksheet()
    for at, cells in enumerate([FIELDS, *ROWS]):
        sheet.write_row(at, 0, cells)
    book.close()
    return written.getvalue()


def as_parquet() -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table({field: [row[at] for row in ROWS] for at, field in enumerate(FIELDS)}), written)
    return written.getvalue()


UPLOADS = {
    "json": (as_json(), Format.JSON, "identity"),
    "ndjson": (as_ndjson(), Format.NDJSON, "identity"),
    "csv": (as_csv(), Format.CSV, "identity"),
    "csv.gz": (gzip.compress(as_csv()), Format.CSV, "gzip"),
    "ndjson.gz": (gzip.compress(as_ndjson()), Format.NDJSON, "gzip"),
    "xlsx": (as_xlsx(), Format.XLSX, "identity"),
    "parquet": (as_parquet(), Format.PARQUET, "identity"),
}
TEXTS = ("json", "ndjson", "csv", "csv.gz", "ndjson.gz")
# one part of several batches, and several parts: what else differs between formats is where reading begins anew
SHAPES = ("json", "ndjson")


@dataclass
class Hands:
    """A clock that a test sets."""

    moment: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


class Life:
    """Ends a worker after one of its steps.

    Attributes:
        steps: Done so far.
        over: Set when the last has been done; the worker then does nothing until `go_on` is set.
    """

    def __init__(self, last: int | None, end: Callable[["Life"], Awaitable[None]]) -> None:
        self.steps = 0
        self.over = asyncio.Event()
        self.go_on = asyncio.Event()
        self._last = last
        self._end = end

    async def step(self) -> None:
        self.steps += 1
        if self.steps == self._last:
            self.over.set()
            await self._end(self)


async def stops(life: Life) -> None:
    await life.go_on.wait()


async def hears_of_no_commit(_life: Life) -> None:
    raise DatabaseUnavailable


class MortalDatabase(Database):
    """A database whose commits are steps of a life."""

    def __init__(self, url: str, life: Life) -> None:
        super().__init__(url)
        self._life = life

    @asynccontextmanager
    async def begin(self, scope: Scope | None = None) -> AsyncIterator[AsyncSession]:
        async with super().begin(scope) as session:
            commit = session.commit

            async def commit_and_step() -> None:
                await commit()
                await self._life.step()

            session.commit = commit_and_step  # type: ignore[method-assign]
            yield session


class MortalAccounting:
    """An accounting whose batches are steps of a life; knows what it has accepted."""

    def __init__(self, accounting: FakeAccounting, life: Life, accepted: Counter[str]) -> None:
        self._accounting = accounting
        self._life = life
        self._accepted = accepted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._accounting, name)

    async def record_activity(self, caller: Caller, park_id: str, rows: ActivityRows) -> BatchOutcome:
        outcome = await self._accounting.record_activity(caller, park_id, rows)
        self._accepted.update(
            record_id for record_id, each in zip(rows.record_id, outcome.outcomes, strict=True) if each is Outcome.ACCEPTED
        )
        await self._life.step()
        return outcome


class World:
    """A database, an accounting service, and workers that come and go."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = Hands()
        self.accounting = FakeAccounting()
        self.accepted: Counter[str] = Counter()
        self.database = Database(url)
        self.units = units_over(self.database, self.clock)
        self.table = tables(MetaData()).push
        self._telemetry = Telemetry("gateway", TelemetrySettings())
        self._logger = configure("gateway", level=Level.ERROR, stream=io.StringIO())
        self._numbers = iter(range(1000))
        self._opened: list[Database] = [self.database]

    async def submit(self, name: str) -> str:
        content, format_, encoding = UPLOADS[name]

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        services = PushServices(self.units, self.clock, new_id=lambda: f"j{next(self._numbers)}", wake=lambda: None)
        media = Media(format_, "utf-8" if format_ is Format.CSV else "")
        arguments = {"media": media, "encoding": encoding, "profile": NO_PROFILE, "caller": ADA, "way": "token", "credential": ADAS}
        return (await submit_push(services, self.accounting, ADA, "etdz", chunks(), arguments)).job_id

    def worker(self, life: Life, *, max_attempts: int = 20) -> JobRunner:
        """A runner of a process of its own, whose heart does not beat."""
        database = MortalDatabase(self.url, life)
        self._opened.append(database)
        units = units_over(database, self.clock)
        accounting = MortalAccounting(self.accounting, life, self.accepted)
        reader = BodyReader(Uploads(LIMITS), Workbooks(LIMITS))
        platforms = PlatformCache(units, self.clock, lambda _error: None)
        credentials = SqlCredentials(self.database, tables(MetaData()).access)
        authorities = Authorities(FakeTokens({"ada": ADA}), credentials, frozenset(), self.clock)
        return JobRunner(
            database,
            self.table.job,
            {PUSH: UploadJobs(RecordingServices(accounting, units, reader, self.clock, platforms, authorities))},
            clock=self.clock,
            telemetry=self._telemetry,
            logger=self._logger,
            heartbeat_seconds=1000.0,
            poll_seconds=0.02,
            max_attempts=max_attempts,
        )

    async def attempt(self, runner: JobRunner) -> None:
        """One attempt at a job, as the runner makes it."""
        try:
            job = await runner._claim()
        except DatabaseUnavailable:
            return
        if job is not None:
            await runner._attempt(job)

    async def finish(self) -> None:
        """Another worker takes over what is left, once its time has come."""
        self.clock.moment += AFTER_THE_LEASE
        await self.attempt(self.worker(immortal()))

    async def job(self, job_id: str) -> jobs.Job:
        async with self.database.read(Platform("tests")) as session:
            return await jobs.get(session, self.table.job, job_id=job_id, tenant_id=None)

    async def job_ids(self) -> list[str]:
        async with self.database.read(Platform("tests")) as session:
            return list(await session.scalars(select(self.table.job.c.job_id)))

    async def results(self, job_id: str) -> list[tuple[int, str, Outcome]]:
        receipts = [unpacked(part) async for part in read_file(self.units, "ganzhou", results_of(job_id))]
        return [row for each in receipts for row in zip(each.row_numbers, each.record_ids, each.outcomes, strict=True)]

    async def has_upload(self, job_id: str) -> bool:
        async with self.units.read("ganzhou") as unit:
            return await unit.files.find("ganzhou", upload_of(job_id)) is not None

    async def must_have_ended_well(self, job_id: str) -> None:
        job, results = await self.job(job_id), await self.results(job_id)
        assert (job.state, job.failure, job.progress) == (JobState.SUCCEEDED, None, 1.0)
        assert [record_id for _, record_id, _ in results] == [row[0] for row in ROWS]
        assert [number for number, _, _ in results] == sorted({number for number, _, _ in results})
        found = Counter(outcome.value for _, _, outcome in results)
        assert found["rejected"] == 1
        assert found["accepted"] + found["duplicate"] == len(ROWS) - 1
        counts = {outcome.value: found[outcome.value] for outcome in Outcome}
        assert job.result == {"park_id": "etdz", "rows": 5, **counts, "results": f"/v1/jobs/{job_id}/results"}
        assert self.accepted == {row[0]: 1 for row in ROWS if row[4] != "no"}
        assert not await self.has_upload(job_id)

    async def close(self) -> None:
        for database in self._opened:
            await database.dispose()


def immortal() -> Life:
    return Life(None, stops)


@pytest.fixture
async def world(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    # rows that arrive are read in parts, however few
    monkeypatch.setattr(streams, "WHOLE_BYTES", 0)
    made = World(migrated_url)
    yield made
    await made.close()


async def begin(world: World, name: str) -> str:
    """A park without records, and an upload for it."""
    world.accounting = FakeAccounting()
    world.accepted.clear()
    await world.accounting.create_park(ADA, pb.CreateParkRequest(park=PARK))
    return await world.submit(name)


async def steps_of(world: World, name: str) -> int:
    """How many steps the whole life of a worker has that nothing happens to."""
    job_id = await begin(world, name)
    life = immortal()
    await world.attempt(world.worker(life))
    await world.must_have_ended_well(job_id)
    return life.steps


@pytest.mark.parametrize("name", UPLOADS)
async def test_a_job_whose_worker_dies_after_any_step_succeeds_with_all_its_results(world: World, name: str) -> None:
    count = await steps_of(world, name)
    # the claim, a batch with its results and its progress at least, the end
    assert count >= 5
    # reading a workbook takes a process: of its steps only the last ones, where the upload goes
    for last in range(1 if name in TEXTS else count - 2, count + 1):
        job_id = await begin(world, name)
        life = Life(last, stops)
        attempt = asyncio.create_task(world.attempt(world.worker(life)))
        await life.over.wait()
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        await world.finish()
        await world.must_have_ended_well(job_id)


@pytest.mark.parametrize("name", SHAPES)
async def test_a_worker_that_was_frozen_after_any_step_changes_nothing_afterwards(world: World, name: str) -> None:
    for last in range(1, await steps_of(world, name) + 1):
        job_id = await begin(world, name)
        life = Life(last, stops)
        attempt = asyncio.create_task(world.attempt(world.worker(life)))
        await life.over.wait()
        await world.finish()
        await world.must_have_ended_well(job_id)
        before = await world.job(job_id), await world.results(job_id)
        life.go_on.set()
        await attempt
        assert (await world.job(job_id), await world.results(job_id)) == before
        await world.must_have_ended_well(job_id)


@pytest.mark.parametrize("name", SHAPES)
async def test_a_commit_whose_answer_was_lost_is_no_failure_of_the_job(world: World, name: str) -> None:
    for last in range(1, await steps_of(world, name) + 1):
        job_id = await begin(world, name)
        await world.attempt(world.worker(Life(last, hears_of_no_commit)))
        await world.finish()
        await world.must_have_ended_well(job_id)


@pytest.mark.parametrize("name", UPLOADS)
async def test_a_job_that_0_1_0_left_running_without_its_upload_has_succeeded(world: World, name: str) -> None:
    job_id = await begin(world, name)
    await world.attempt(world.worker(immortal()))
    async with world.database.begin(Platform("tests")) as session:
        left = {"state": "running", "progress": 0.99, "result": None, "lease_until": world.clock.now()}
        await session.execute(update(world.table.job).values(left))
        await session.commit()
    await world.finish()
    await world.must_have_ended_well(job_id)


async def test_a_job_that_fails_after_an_interruption_tells_of_all_rows_that_were_handled(world: World) -> None:
    job_id = await begin(world, "csv")
    # the claim, a row in accounting, its result
    await world.attempt(world.worker(Life(3, hears_of_no_commit)))
    world.clock.moment += AFTER_THE_LEASE
    world.accounting.failures = [Unavailable("ACCOUNTING_UNAVAILABLE")]
    await world.attempt(world.worker(immortal(), max_attempts=2))
    failure = (await world.job(job_id)).failure
    assert failure is not None
    # of five rows the first part has one, as the line of headings counts as a line, and the second two
    assert (failure.reason, failure.facts) == ("PUSH_INTERRUPTED", {"rows_handled": "1", "rows": "3"})
    assert len(await world.results(job_id)) == 1
    assert await sweep_files(world.units, world.clock) == 1
    assert not await world.has_upload(job_id)


async def test_the_files_of_an_open_job_are_swept_at_no_age_and_its_upload_at_once_when_it_has_ended(world: World) -> None:
    job_id = await begin(world, "csv")
    await world.attempt(world.worker(Life(3, hears_of_no_commit)))
    world.clock.moment += RESULTS_LIFETIME + AFTER_THE_LEASE
    assert await sweep_files(world.units, world.clock) == 0
    await world.finish()
    await world.must_have_ended_well(job_id)
    assert await sweep_files(world.units, world.clock) == 1
    assert await world.results(job_id) == []


async def test_the_retention_worker_sweeps_what_a_failed_job_has_left(world: World) -> None:
    job_id = await begin(world, "csv")
    world.accounting.failures = [Unavailable("ACCOUNTING_UNAVAILABLE")]
    await world.attempt(world.worker(immortal(), max_attempts=1))
    assert (await world.job(job_id)).state is JobState.FAILED
    assert await world.has_upload(job_id)
    retention = Retention(world.units, world.clock, audit_life=None, feed_life=None)
    worker = RetentionWorker(retention, logger=world._logger)
    await worker.start()
    async with asyncio.timeout(10):
        # the worker tells nobody but the log
        while await world.has_upload(job_id):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await worker.stop()


async def test_an_upload_whose_job_never_came_is_swept_after_a_day(world: World) -> None:
    async with world.units("ganzhou") as unit:
        await unit.files.append("ganzhou", "etdz", upload_of("never"), 0, b"rows")
        await unit.commit()
    world.clock.moment += UPLOAD_LIFETIME
    assert await sweep_files(world.units, world.clock) == 0
    world.clock.moment += timedelta(seconds=1)
    assert await sweep_files(world.units, world.clock) == 1


async def test_a_submission_whose_answer_was_lost_keeps_the_upload_that_its_job_needs(world: World) -> None:
    await begin(world, "csv")
    jobs_before = set(await world.job_ids())
    # the first commit keeps the upload, the second its job
    database = MortalDatabase(world.url, Life(2, hears_of_no_commit))
    mortal = World(world.url)
    mortal.accounting, mortal.units = world.accounting, units_over(database, world.clock)
    mortal._numbers = iter(range(500, 600))
    with pytest.raises(DatabaseUnavailable):
        await mortal.submit("csv")
    await database.dispose()
    await mortal.close()
    (job_id,) = set(await world.job_ids()) - jobs_before
    assert await world.has_upload(job_id)
