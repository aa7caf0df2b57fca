import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc  # type: ignore[import-untyped]
from google.protobuf import struct_pb2
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from sqlalchemy import MetaData

from chassis import jobs
from chassis.channel import Channel, ChannelSettings
from chassis.clock import FixedClock, SystemClock
from chassis.database import Database
from chassis.errors import RemoteError
from chassis.identity import CallerSigner, CallerVerifier, generate_key_pair
from chassis.job_runner import JobContext, JobHandler, JobRunner
from chassis.jobs import Job, JobDiffers, JobLost, JobState, Json
from chassis.logs import Logger
from chassis.operations import OPERATOR_ROLE, OperationsServicer
from chassis.server import GrpcServer, ServerSettings, running
from chassis.telemetry import Telemetry
from kernel.access import Caller
from kernel.refusals import Refusal

TABLE = jobs.job_table(MetaData())
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.begin() as session:
        await (await session.connection()).run_sync(TABLE.metadata.create_all)
        await session.commit()
    yield database
    await database.dispose()


async def submitted(store: Database, job_id: str = "j1", **changes: Any) -> Job:
    content: dict[str, Any] = {
        "kind": "sum",
        "tenant_id": "t1",
        "park_id": "p1",
        "owner": "alice",
        "arguments": {"numbers": [1, 2]},
        "now": NOW,
        **changes,
    }
    async with store.begin() as session:
        job = await jobs.submit(session, TABLE, job_id=job_id, **content)
        await session.commit()
    return job


async def stored(store: Database, job_id: str = "j1") -> Job:
    async with store.read() as session:
        return await jobs.get(session, TABLE, job_id=job_id, tenant_id=None)


async def until(store: Database, reached: Callable[[Job], bool], job_id: str = "j1") -> Job:
    async with asyncio.timeout(10):
        while not reached(job := await stored(store, job_id)):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.01)
    return job


MakeRunner = Callable[..., JobRunner]


@pytest.fixture
def runner(store: Database, telemetry: Telemetry, logger: Logger) -> MakeRunner:
    def make(handler: JobHandler, **changes: Any) -> JobRunner:
        options: dict[str, Any] = {
            "clock": FixedClock(NOW),
            "heartbeat_seconds": 0.02,
            "poll_seconds": 0.02,
            **changes,
        }
        return JobRunner(store, TABLE, {"sum": handler}, telemetry=telemetry, logger=logger, **options)

    return make


async def add_up(context: JobContext) -> Mapping[str, Json]:
    numbers = context.job.arguments["numbers"]
    assert isinstance(numbers, list)
    return {"sum": str(sum(numbers))}


async def hang(_context: JobContext) -> Mapping[str, Json]:
    await asyncio.Event().wait()
    raise AssertionError("never")


async def test_a_job_runs_once_and_keeps_its_result(store: Database, runner: MakeRunner) -> None:
    calls: list[str] = []

    async def handler(context: JobContext) -> Mapping[str, Json]:
        calls.append(context.job.job_id)
        return await add_up(context)

    await submitted(store)
    async with running(runner(handler), runner(handler)):
        job = await until(store, lambda job: job.done)
    assert (job.state, job.result, job.progress, job.attempts) == (JobState.SUCCEEDED, {"sum": "3"}, 1.0, 1)
    assert calls == ["j1"]


async def test_a_job_that_is_not_committed_does_not_run(store: Database) -> None:
    async with store.begin() as session:
        await jobs.submit(session, TABLE, job_id="j1", kind="sum", tenant_id="t", park_id="", owner="a", arguments={}, now=NOW)
    with pytest.raises(jobs.JobNotFound):
        await stored(store)


async def test_the_same_job_submitted_again_is_the_same(store: Database) -> None:
    assert await submitted(store) == await submitted(store)


@pytest.mark.parametrize("changes", [{"arguments": {"numbers": [1]}}, {"kind": "other"}, {"tenant_id": "t2"}, {"owner": "bob"}])
async def test_a_known_id_with_other_content_is_refused(store: Database, changes: dict[str, Any]) -> None:
    await submitted(store)
    with pytest.raises(JobDiffers, match="j1"):
        await submitted(store, **changes)


async def test_progress_is_seen_while_the_job_runs(store: Database, runner: MakeRunner) -> None:
    go_on = asyncio.Event()

    async def handler(context: JobContext) -> Mapping[str, Json]:
        await context.progress(0.25)
        await go_on.wait()
        return {}

    await submitted(store)
    async with running(runner(handler)):
        job = await until(store, lambda job: job.progress == 0.25)
        assert job.state is JobState.RUNNING
        go_on.set()
        await until(store, lambda job: job.done)


async def test_progress_beyond_the_end_is_refused(store: Database, runner: MakeRunner) -> None:
    async def handler(context: JobContext) -> Mapping[str, Json]:
        await context.progress(1.01)
        return {}

    await submitted(store)
    async with running(runner(handler)):
        assert (await until(store, lambda job: job.done)).state is JobState.FAILED


class TooMany(Refusal):
    kind = "invalid"
    reason = "TOO_MANY"

    def facts(self) -> Mapping[str, str]:
        return {"found": "3"}


class Away(Refusal):
    kind = "unavailable"
    reason = "AWAY"


async def failing(error: Exception, store: Database, runner: MakeRunner, **changes: Any) -> Job:
    async def handler(_context: JobContext) -> Mapping[str, Json]:
        raise error

    await submitted(store)
    async with running(runner(handler, **changes)):
        return await until(store, lambda job: job.done)


async def test_an_error_with_a_kind_fails_the_job_with_its_facts(store: Database, runner: MakeRunner) -> None:
    job = await failing(TooMany("3 are too many"), store, runner)
    assert (job.state, job.failure) == (
        JobState.FAILED,
        jobs.JobFailure("invalid", "TOO_MANY", "3 are too many", {"found": "3"}),
    )


async def test_a_bug_fails_the_job_and_tells_nothing(store: Database, runner: MakeRunner) -> None:
    job = await failing(ValueError("secret"), store, runner)
    assert job.failure == jobs.JobFailure("internal", "INTERNAL", "internal error", {})


async def test_a_result_that_is_not_json_fails_the_job(store: Database, runner: MakeRunner) -> None:
    async def handler(_context: JobContext) -> Mapping[str, Json]:
        return {"value": float("nan")}

    await submitted(store)
    async with running(runner(handler)):
        assert (await until(store, lambda job: job.done)).state is JobState.FAILED


async def test_an_unavailable_other_puts_the_job_off(store: Database, runner: MakeRunner) -> None:
    clock = FixedClock(NOW)

    async def handler(context: JobContext) -> Mapping[str, Json]:
        if context.job.attempts == 1:
            raise Away("away")
        return {}

    await submitted(store)
    async with running(runner(handler, clock=clock)):
        await until(store, lambda job: job.state is JobState.QUEUED and job.attempts == 1)
        clock.advance(timedelta(minutes=1))
        job = await until(store, lambda job: job.done)
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 2)


async def test_an_other_that_stays_unavailable_fails_the_job(store: Database, runner: MakeRunner) -> None:
    job = await failing(Away("away"), store, runner, max_attempts=1)
    assert job.failure is not None
    assert (job.state, job.failure.reason) == (JobState.FAILED, "AWAY")


async def test_as_many_run_at_a_time_as_told_and_no_more(store: Database, runner: MakeRunner) -> None:
    active: set[str] = set()
    most: list[int] = []
    two_at_once = asyncio.Event()

    async def handler(context: JobContext) -> Mapping[str, Json]:
        active.add(context.job.job_id)
        most.append(len(active))
        if len(active) == 2:
            two_at_once.set()
        await two_at_once.wait()
        active.discard(context.job.job_id)
        return {}

    for number in range(6):
        await submitted(store, f"j{number}")
    async with running(runner(handler, concurrency=2)):
        for number in range(6):
            await until(store, lambda job: job.done, f"j{number}")
    assert max(most) == 2


async def test_a_running_job_can_be_cancelled(store: Database, runner: MakeRunner) -> None:
    contexts: list[JobContext] = []

    async def handler(context: JobContext) -> Mapping[str, Json]:
        contexts.append(context)
        return await hang(context)

    await submitted(store)
    async with running(runner(handler)):
        await until(store, lambda job: job.state is JobState.RUNNING)
        async with store.begin() as session:
            await jobs.request_cancel(session, TABLE, job_id="j1", tenant_id="t1", now=NOW)
            await session.commit()
        job = await until(store, lambda job: job.done)
    assert job.state is JobState.CANCELLED
    assert contexts[0].cancelled.is_set()


async def test_a_queued_job_is_cancelled_at_once(store: Database) -> None:
    await submitted(store)
    async with store.begin() as session:
        await jobs.request_cancel(session, TABLE, job_id="j1", tenant_id="t1", now=NOW)
        await session.commit()
    assert (await stored(store)).state is JobState.CANCELLED


async def test_a_stopped_runner_gives_its_job_back(store: Database, runner: MakeRunner) -> None:
    await submitted(store)
    async with running(runner(hang)):
        await until(store, lambda job: job.state is JobState.RUNNING)
    job = await stored(store)
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    async with running(runner(add_up)):
        assert (await until(store, lambda job: job.done)).state is JobState.SUCCEEDED


WORKER = """
import asyncio, sys
from sqlalchemy import MetaData
from chassis import jobs
from chassis.job_runner import JobRunner
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.logs import configure
from chassis.telemetry import Telemetry, TelemetrySettings

async def handler(context):
    await context.progress(0.5)
    print("working", flush=True)
    await asyncio.Event().wait()

async def main():
    runner = JobRunner(Database(sys.argv[1]), jobs.job_table(MetaData()), {"sum": handler}, clock=SystemClock(),
                            telemetry=Telemetry("w", TelemetrySettings()), logger=configure("w"))
    await runner.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_job_survives_the_death_of_its_worker(store: Database, database_url: str, runner: MakeRunner) -> None:
    await submitted(store)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, database_url, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"working\n"
    worker.kill()
    await worker.wait()
    assert (await stored(store)).state is JobState.RUNNING
    after_the_lease = FixedClock(SystemClock().now() + timedelta(seconds=61))
    async with running(runner(add_up, clock=after_the_lease)):
        job = await until(store, lambda job: job.done)
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 2)


async def test_a_worker_that_overslept_its_lease_cannot_write(store: Database, runner: MakeRunner) -> None:
    lost = asyncio.Event()
    overslept = asyncio.Event()

    async def sleepy(context: JobContext) -> Mapping[str, Json]:
        await overslept.wait()
        try:
            await context.progress(0.9)
        except JobLost:
            lost.set()
            raise
        return {"from": "sleepy"}

    # Its heart does not beat, as under kill -STOP.
    first = runner(sleepy, heartbeat_seconds=1000.0)
    await submitted(store)
    async with running(first):
        await until(store, lambda job: job.state is JobState.RUNNING)
        async with running(runner(add_up, clock=FixedClock(NOW + timedelta(minutes=2)))):
            await until(store, lambda job: job.done)
        overslept.set()
        await lost.wait()
    job = await stored(store)
    assert (job.result, job.progress, job.attempts) == ({"sum": "3"}, 1.0, 2)


async def test_a_worker_that_overslept_its_lease_and_only_returns_is_not_believed(store: Database, runner: MakeRunner) -> None:
    overslept, returning = asyncio.Event(), asyncio.Event()

    async def sleepy(_context: JobContext) -> Mapping[str, Json]:
        await overslept.wait()
        returning.set()
        return {"from": "sleepy"}

    await submitted(store)
    async with running(runner(sleepy, heartbeat_seconds=1000.0)):
        await until(store, lambda job: job.state is JobState.RUNNING)
        # The other has it and works on it still: neither the end nor the result of the first is its own.
        second = runner(hang, clock=FixedClock(NOW + timedelta(minutes=2)), heartbeat_seconds=1000.0)
        assert await second._claim() is not None
        overslept.set()
        await returning.wait()
    job = await stored(store)
    assert (job.state, job.result, job.attempts) == (JobState.RUNNING, None, 2)


async def test_an_end_that_the_handler_saved_with_its_work_stays_whatever_it_does_then(store: Database, runner: MakeRunner) -> None:
    async def handler(context: JobContext) -> Mapping[str, Json]:
        job = context.job
        async with store.begin() as session:
            await jobs.succeed(session, TABLE, job_id=job.job_id, attempt=job.attempts, result={"sum": "3"}, now=NOW)
            await session.commit()
        raise Away("the answer to the commit was lost")

    await submitted(store)
    worker = runner(handler)
    claimed = await worker._claim()
    assert claimed is not None
    await worker._attempt(claimed)
    job = await stored(store)
    assert (job.state, job.result, job.progress, job.attempts) == (JobState.SUCCEEDED, {"sum": "3"}, 1.0, 1)


@pytest.mark.parametrize("write", ["hold", "succeed"])
async def test_what_an_attempt_stores_after_it_has_lost_its_job_is_refused(store: Database, runner: MakeRunner, write: str) -> None:
    await submitted(store)
    first = await runner(hang)._claim()
    second = await runner(hang, clock=FixedClock(NOW + timedelta(minutes=2)))._claim()
    assert first is not None
    assert second is not None

    async def attempt(job: Job) -> None:
        async with store.begin() as session:
            if write == "hold":
                await jobs.hold(session, TABLE, job_id=job.job_id, attempt=job.attempts)
            else:
                await jobs.succeed(session, TABLE, job_id=job.job_id, attempt=job.attempts, result={}, now=NOW)
            await session.commit()

    with pytest.raises(JobLost):
        await attempt(first)
    await attempt(second)


async def test_a_job_that_kills_its_workers_fails_in_the_end(store: Database, runner: MakeRunner) -> None:
    clock = FixedClock(NOW)
    await submitted(store)
    for _ in range(2):
        lost = runner(hang, clock=clock, max_attempts=2, heartbeat_seconds=1000.0)
        attempt = await lost._claim()
        assert attempt is not None
        clock.advance(timedelta(minutes=2))
    async with running(runner(add_up, clock=clock, max_attempts=2)):
        job = await until(store, lambda job: job.done)
    assert job.failure is not None
    assert (job.state, job.failure.reason) == (JobState.FAILED, "ATTEMPTS_EXHAUSTED")


async def test_a_kind_nobody_here_handles_is_left_to_others(store: Database, runner: MakeRunner) -> None:
    await submitted(store, "other", kind="other")
    await submitted(store)
    async with running(runner(add_up)):
        await until(store, lambda job: job.done)
    assert (await stored(store, "other")).state is JobState.QUEUED


Ask = Callable[..., Awaitable[Any]]
ALICE = Caller("alice", "t1", frozenset({"reader"}))
BOB = Caller("bob", "t1", frozenset({"reader"}))
MALLORY = Caller("mallory", "t2", frozenset())
OPERATOR = Caller("operator", "t0", frozenset({OPERATOR_ROLE}))


@pytest.fixture
async def ask(tmp_path: Path, telemetry: Telemetry, logger: Logger) -> AsyncIterator[Ask]:
    """Calls Operations over a database with job j1 of tenant t1, done, and the queued jobs q0 to q4."""
    database = Database(f"sqlite:///{tmp_path}/jobs.sqlite3")
    async with database.begin() as session:
        await (await session.connection()).run_sync(TABLE.metadata.create_all)
        await session.commit()
    clock = FixedClock(NOW)
    runner = JobRunner(database, TABLE, {"sum": add_up}, clock=clock, telemetry=telemetry, logger=logger, poll_seconds=0.02)
    await submitted(database)
    for number in range(5):
        await submitted(database, f"q{number}", kind="other", now=NOW + timedelta(seconds=number // 2))
    await submitted(database, "elsewhere", tenant_id="t2", kind="other")
    private, public = generate_key_pair()
    servicer = OperationsServicer(database, TABLE, runner, clock=clock, error_domain="example.parkcarbon")
    server = GrpcServer(
        ServerSettings(),
        services=[servicer.registration()],
        verifier=CallerVerifier(public, issuer="i", audience="a", clock=SystemClock()),
        error_domain="example.parkcarbon",
        telemetry=telemetry,
        logger=logger,
    )
    async with running(runner, server):
        await until(database, lambda job: job.done)
        signer = CallerSigner(private, issuer="i", audience="a", clock=SystemClock())
        channel = Channel(ChannelSettings(target=server.address), signer=signer, telemetry=telemetry)
        stub = operations_pb2_grpc.OperationsStub(channel.grpc)

        async def ask(method: str, request: Any, caller: Caller = ALICE) -> Any:
            return await channel.call(getattr(stub, method), request, caller=caller)

        yield ask
        await channel.close()
    await database.dispose()


async def test_an_operation_shows_its_result(ask: Ask) -> None:
    operation = await ask("GetOperation", operations_pb2.GetOperationRequest(name="operations/j1"))
    result, metadata = struct_pb2.Struct(), struct_pb2.Struct()
    operation.response.Unpack(result)
    operation.metadata.Unpack(metadata)
    assert (operation.done, dict(result)) == (True, {"sum": "3"})
    assert (metadata["state"], metadata["kind"], metadata["park_id"]) == ("succeeded", "sum", "p1")


async def test_another_tenants_operation_does_not_exist(ask: Ask) -> None:
    for method, request in (
        ("GetOperation", operations_pb2.GetOperationRequest(name="operations/j1")),
        ("WaitOperation", operations_pb2.WaitOperationRequest(name="operations/j1")),
        ("CancelOperation", operations_pb2.CancelOperationRequest(name="operations/j1")),
    ):
        with pytest.raises(RemoteError) as caught:
            await ask(method, request, caller=MALLORY)
        assert (caught.value.kind, caught.value.reason) == ("not_found", "JOB_NOT_FOUND")


@pytest.mark.parametrize(
    ("caller", "seen"),
    [
        pytest.param(replace(BOB, parks=frozenset({"p1"})), True, id="bound_to_its_park"),
        pytest.param(replace(BOB, parks=frozenset({"p2"})), False, id="bound_to_another_park"),
        pytest.param(replace(BOB, regions=frozenset({"36"})), False, id="bound_to_a_region"),
        pytest.param(replace(BOB, enterprises=frozenset({"p1/mill"})), False, id="bound_to_an_enterprise"),
        pytest.param(Caller("alice", "t1", frozenset(), regions=frozenset({"36"})), True, id="whoever_started_it"),
    ],
)
async def test_a_bound_caller_sees_the_operations_within_its_bounds(ask: Ask, caller: Caller, seen: bool) -> None:
    page = await ask("ListOperations", operations_pb2.ListOperationsRequest(name="operations"), caller=caller)
    assert bool(page.operations) is seen
    for method, request in (
        ("GetOperation", operations_pb2.GetOperationRequest(name="operations/j1")),
        ("CancelOperation", operations_pb2.CancelOperationRequest(name="operations/j1")),
    ):
        if seen:
            await ask(method, request, caller=caller)
        else:
            with pytest.raises(RemoteError) as caught:
                await ask(method, request, caller=caller)
            assert (caught.value.kind, caught.value.reason) == ("not_found", "JOB_NOT_FOUND")


async def test_pages_hold_each_operation_of_the_tenant_once_newest_first(ask: Ask) -> None:
    found, token = [], ""
    while True:
        request = operations_pb2.ListOperationsRequest(name="operations", page_size=2, page_token=token)
        page = await ask("ListOperations", request)
        found += [operation.name for operation in page.operations]
        token = page.next_page_token
        if not token:
            break
    assert found == [f"operations/{job}" for job in ("q4", "q3", "q2", "q1", "q0", "j1")]


async def test_the_operator_sees_every_tenants_operations(ask: Ask) -> None:
    page = await ask("ListOperations", operations_pb2.ListOperationsRequest(name="operations"), caller=OPERATOR)
    assert "operations/elsewhere" in {operation.name for operation in page.operations}
    assert len(page.operations) == 7


@pytest.mark.parametrize("token", ["nonsense", "e30=", "W10=", "WyJ4IiwgInkiXQ=="])
async def test_a_made_up_page_token_is_refused(ask: Ask, token: str) -> None:
    with pytest.raises(RemoteError) as caught:
        await ask("ListOperations", operations_pb2.ListOperationsRequest(name="operations", page_token=token))
    assert caught.value.kind == "invalid"


async def test_a_cancelled_operation_says_so(ask: Ask) -> None:
    await ask("CancelOperation", operations_pb2.CancelOperationRequest(name="operations/q0"))
    operation = await ask("WaitOperation", operations_pb2.WaitOperationRequest(name="operations/q0"))
    assert (operation.done, operation.error.code) == (True, 1)


async def test_waiting_ends_at_its_timeout_without_an_error(ask: Ask) -> None:
    request = operations_pb2.WaitOperationRequest(name="operations/q1")
    request.timeout.FromTimedelta(timedelta(milliseconds=10))
    assert not (await ask("WaitOperation", request)).done


async def test_operations_are_not_deleted(ask: Ask) -> None:
    with pytest.raises(RemoteError) as caught:
        await ask("DeleteOperation", operations_pb2.DeleteOperationRequest(name="operations/j1"))
    assert caught.value.reason == "UNIMPLEMENTED"


async def test_a_failed_operation_carries_the_error_of_its_job(store: Database, runner: MakeRunner, telemetry: Telemetry) -> None:
    job = await failing(TooMany("3 are too many"), store, runner)
    servicer = OperationsServicer(store, TABLE, runner(add_up), clock=FixedClock(NOW), error_domain="e.parkcarbon")
    operation = servicer._operation(job)
    info = error_details_pb2.ErrorInfo()
    operation.error.details[0].Unpack(info)
    assert (operation.error.code, info.reason, dict(info.metadata)) == (3, "TOO_MANY", {"found": "3"})
