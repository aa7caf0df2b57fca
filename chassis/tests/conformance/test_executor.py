"""What every executor does: the same suite for processes, for the one of unit tests, and for whatever comes after them."""

import asyncio
import os
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from operator import add
from pathlib import Path
from typing import Any

import pytest

from chassis.executor import ComputationLost, ComputationTooCostly, Executor, ExecutorSettings, TooManyComputations
from chassis.logs import Level, configure
from chassis.process_executor import ProcessExecutor
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.testing import works
from chassis.testing.executor import ThreadExecutor

LONG = 60.0


@dataclass(frozen=True)
class Somebody:
    tenant: str = "t"
    subject: str = "s"


ME = Somebody()
Make = Callable[..., AbstractAsyncContextManager[Any]]


def process_executor(**settings: Any) -> ProcessExecutor:
    telemetry = Telemetry("test", TelemetrySettings())
    return ProcessExecutor(ExecutorSettings(**settings), telemetry=telemetry, logger=configure("test", level=Level.ERROR))


@asynccontextmanager
async def processes(**settings: Any) -> AsyncIterator[ProcessExecutor]:
    made = process_executor(**settings)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def threads(**settings: Any) -> AsyncIterator[ThreadExecutor]:
    made = ThreadExecutor(ExecutorSettings(**settings))
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture(params=[processes, threads], ids=["processes", "threads"])
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


@dataclass
class Gate:
    """Pieces of work that wait until they are let go, each at a named pipe of its own."""

    folder: Path
    pipes: dict["asyncio.Task[str]", Path] = field(default_factory=dict)

    async def ask(self, executor: Executor, asker: Somebody = ME) -> "asyncio.Task[str]":
        """Returns a task whose work is asked for; it may still wait for its turn."""
        pipe = self.folder / f"pipe-{len(self.pipes)}"
        os.mkfifo(pipe)
        task = asyncio.create_task(executor.run(asker, LONG, works.wait_for, pipe))
        self.pipes[task] = pipe
        await asyncio.sleep(0)
        return task

    async def open(self, *tasks: "asyncio.Task[str]") -> None:
        """Lets work go on and waits for it. A pipe without a reader cannot be opened: the work has come to wait for sure."""
        letting = [asyncio.to_thread(self.pipes[task].write_text, "gone on") for task in tasks]
        await asyncio.gather(*letting)
        assert await asyncio.gather(*tasks) == ["gone on"] * len(tasks)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


async def test_work_returns_what_it_returns(make: Make) -> None:
    async with make() as executor:
        assert await executor.run(ME, LONG, add, 20, 22) == 42
        assert await executor.run(ME, LONG, sorted, [2, 3, 1], reverse=True) == [3, 2, 1]


async def test_what_work_raises_is_raised_as_it_is_and_says_where(make: Make) -> None:
    async with make() as executor:
        with pytest.raises(works.Refusal, match="weight must be above 0") as caught:
            await executor.run(ME, LONG, works.refuse, "weight", "above 0")
        assert caught.value.field == "weight"
        assert "in refuse" in caught.value.__notes__[0]
        assert await executor.run(ME, LONG, add, 1, 1) == 2


async def test_an_error_that_cannot_travel_is_told_in_words(make: Make) -> None:
    async with make() as executor:
        with pytest.raises(RuntimeError, match="not picklable"):
            await executor.run(ME, LONG, works.raise_unpicklable)


async def test_work_that_cannot_travel_is_refused(make: Make) -> None:
    async with make() as executor:
        with pytest.raises((pickle.PicklingError, AttributeError)):
            await executor.run(ME, LONG, lambda: 1)
        assert await executor.run(ME, LONG, add, 1, 1) == 2


async def test_one_caller_has_a_bound_and_others_go_on(make: Make, gate: Gate) -> None:
    async with make(per_caller=2, workers=3) as executor:
        tasks = [await gate.ask(executor) for _ in range(2)]
        with pytest.raises(TooManyComputations, match="this caller has 2") as caught:
            await executor.run(ME, LONG, add, 1, 1)
        assert caught.value.facts()["message_zh"].startswith("该调用方有 2 项")
        assert (caught.value.kind, caught.value.reason) == ("exhausted", "TOO_MANY_COMPUTATIONS")
        assert await executor.run(Somebody(subject="other"), LONG, add, 1, 1) == 2
        await gate.open(*tasks)
        assert await executor.run(ME, LONG, add, 1, 1) == 2


async def test_one_tenant_has_a_bound_and_others_go_on(make: Make, gate: Gate) -> None:
    async with make(per_tenant=2, workers=3) as executor:
        tasks = [await gate.ask(executor, Somebody(subject=name)) for name in "ab"]
        with pytest.raises(TooManyComputations, match="this tenant has 2"):
            await executor.run(Somebody(subject="c"), LONG, add, 1, 1)
        assert await executor.run(Somebody(tenant="other"), LONG, add, 1, 1) == 2
        await gate.open(*tasks)


async def test_the_queue_has_a_bound(make: Make, gate: Gate) -> None:
    async with make(queue=1, workers=1) as executor:
        tasks = [await gate.ask(executor, Somebody(subject=name)) for name in "ab"]
        with pytest.raises(TooManyComputations, match="1 computations wait"):
            await executor.run(Somebody(subject="c"), LONG, add, 1, 1)
        await gate.open(*tasks)


async def test_no_turn_within_the_patience_is_a_refusal(make: Make, gate: Gate) -> None:
    async with make(queue_seconds=0.01, workers=1) as executor:
        first = await gate.ask(executor)
        with pytest.raises(TooManyComputations, match="1 computations were before"):
            await executor.run(ME, LONG, add, 1, 1)
        await gate.open(first)
        assert await executor.run(ME, LONG, add, 1, 1) == 2


async def test_one_caller_never_has_every_worker(make: Make, gate: Gate) -> None:
    async with make(workers=2) as executor:
        tasks = [await gate.ask(executor) for _ in range(4)]
        assert await executor.run(Somebody(subject="other"), LONG, add, 1, 1) == 2
        await gate.open(*tasks)


async def test_who_leaves_the_queue_is_forgotten(make: Make, gate: Gate) -> None:
    async with make(workers=1, queue=1) as executor:
        first = await gate.ask(executor)
        second = await gate.ask(executor)
        second.cancel()
        await asyncio.wait({second})
        third = await gate.ask(executor)
        await gate.open(first, third)


async def test_work_that_takes_too_long_is_ended(make: Make) -> None:
    async with make() as executor:
        with pytest.raises(ComputationTooCostly, match=r"0\.05 s") as caught:
            await executor.run(ME, 0.05, works.sleep, 1.0)
        assert (caught.value.kind, caught.value.reason) == ("invalid", "COMPUTATION_TOO_COSTLY")
        assert "0.05 s" in caught.value.facts()["message_zh"]


async def test_a_stopped_executor_takes_no_work(make: Make) -> None:
    async with make() as executor:
        assert await executor.run(ME, LONG, add, 1, 1) == 2
    with pytest.raises(ComputationLost) as caught:
        await executor.run(ME, LONG, add, 1, 1)
    assert caught.value.kind == "unavailable"


async def spinning(executor: ProcessExecutor, folder: Path) -> tuple["asyncio.Task[None]", int]:
    """Returns work that never ends, begun, and the process that does it."""
    told = folder / "told"
    os.mkfifo(told)
    task = asyncio.create_task(executor.run(ME, LONG, works.tell_and_spin, told))
    return task, int(await asyncio.to_thread(told.read_text))


async def gone(pid: int) -> None:
    """Waits until a child has ended and was waited for; within a second, or the test fails."""
    async with asyncio.timeout(1.0):
        # the system tells only the parent's own waiter
        while pid_exists(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def pid_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_who_leaves_ends_the_process(tmp_path: Path) -> None:
    async with processes() as executor:
        task, pid = await spinning(executor, tmp_path)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        await gone(pid)
        assert await executor.run(ME, LONG, add, 1, 1) == 2


async def test_a_limit_of_time_ends_the_process() -> None:
    async with processes() as executor:
        pid = await executor.run(ME, LONG, works.process_id)
        with pytest.raises(ComputationTooCostly):
            await executor.run(ME, 0.1, works.spin)
        await gone(pid)


async def test_a_stop_ends_the_processes_and_what_they_compute(tmp_path: Path) -> None:
    async with processes() as executor:
        task, pid = await spinning(executor, tmp_path)
        assert pid in executor.pids
        await executor.stop()
        with pytest.raises(ComputationLost):
            await task
        await gone(pid)
        assert executor.pids == frozenset()


async def test_a_worker_is_used_again_and_a_dead_one_is_replaced() -> None:
    async with processes() as executor:
        first = await executor.run(ME, LONG, works.process_id)
        assert await executor.run(ME, LONG, works.process_id) == first
        with pytest.raises(ComputationLost) as caught:
            await executor.run(ME, LONG, works.die, 3)
        assert caught.value.why == "the worker ended with 3"
        second = await executor.run(ME, LONG, works.process_id)
        assert second not in (first, os.getpid())


async def test_memory_has_a_limit_and_the_next_work_has_all_of_it() -> None:
    async with processes(memory_mib=256) as executor:
        for _ in range(2):
            with pytest.raises(ComputationTooCostly, match="256 MiB"):
                await executor.run(ME, LONG, works.take_memory, 300 * 1024 * 1024)
        assert await executor.run(ME, LONG, works.take_memory, 100 * 1024 * 1024) == 100 * 1024 * 1024


async def test_a_worker_knows_no_secret_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALUATION_DATABASE__URL", "postgresql://secret")
    async with processes() as executor:
        assert await executor.run(ME, LONG, os.getenv, "EVALUATION_DATABASE__URL") is None


async def test_what_work_prints_is_no_answer() -> None:
    async with processes() as executor:
        await executor.run(ME, LONG, print, "noise")
        assert await executor.run(ME, LONG, add, 1, 1) == 2


async def test_large_arguments_and_results_travel(make: Make) -> None:
    async with make() as executor:
        given = os.urandom(8 * 1024 * 1024)
        assert await executor.run(ME, LONG, bytes, given) == given


async def test_what_preloading_cannot_import_is_told() -> None:
    telemetry = Telemetry("test", TelemetrySettings())
    logger = configure("test", level=Level.ERROR)
    executor = ProcessExecutor(ExecutorSettings(), preload=["no_such_module"], telemetry=telemetry, logger=logger)
    with pytest.raises(ComputationLost) as caught:
        await executor.run(ME, LONG, add, 1, 1)
    assert caught.value.why == "the worker ended with 1"
    await executor.stop()
