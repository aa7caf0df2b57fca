"""An executor of processes: a few workers that are started when they are needed, used again, and killed when they must end."""

import asyncio
import json
import pickle
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Final, ParamSpec, Self, TypeVar

from chassis import telemetry_names as names
from chassis.executor import (
    MEBIBYTE,
    Asker,
    ComputationLost,
    ComputationTooCostly,
    ExecutorSettings,
    TooManyComputations,
    Turn,
    Turns,
)
from chassis.executor_worker import HEAD, LENGTH, Outcome, Told, raised
from chassis.logs import Logger
from chassis.telemetry import Telemetry

_P = ParamSpec("_P")
_T = TypeVar("_T")

_WORKER: Final = "chassis.executor_worker"
_START_SECONDS: Final = 60.0
_LEFT_SECONDS: Final = 0.3
"""How long work goes on whose caller has left: what ends by itself leaves a worker that need not be started anew."""

_SMALL_BYTES: Final = 16 * 1024
"""A result that is read in no time, a millisecond or two."""

_BUFFER_BYTES: Final = MEBIBYTE
_ENVIRONMENT: Final = {
    "PYTHONUTF8": "1",
    # A worker is one of several, and computes on one processor.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class _Worker:
    """One process, which does one piece of work at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def started(cls, told: Told) -> Self:
        """Returns a worker that has imported what it was told to.

        Raises:
            ComputationLost: It ended, or did not get ready.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            _WORKER,
            json.dumps(told),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_BUFFER_BYTES,
            env=_ENVIRONMENT,
            # A Ctrl-C that ends the service lets it finish its work first.
            start_new_session=True,
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await worker._answer()
        except BaseException as error:
            await worker.end()
            if isinstance(error, TimeoutError):
                raise ComputationLost("a worker did not get ready") from None
            raise
        return worker

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be given work, as far as is known."""
        return self._process.returncode is None

    async def ask(self, body: bytes, seconds: float) -> bytes:
        """Returns what came of a piece of work.

        Raises:
            ComputationLost: The process has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.writelines((HEAD.pack(len(body), seconds), body))
            await self._process.stdin.drain()
        except ConnectionError:
            # It has ended; how, is told by what follows.
            pass
        return await self._answer()

    async def _answer(self) -> bytes:
        assert self._process.stdout is not None
        try:
            (length,) = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))
            return await self._process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self._process.wait()
            raise ComputationLost(f"the worker ended with {code}") from None

    async def end(self) -> None:
        """Kills the process and waits for its end, which is at once."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()


class ProcessExecutor:
    """An Executor over processes of this machine; a part of a service, or shared by those of one process.

    Processes start with the first work, and are kept. One that is killed, or has died, is replaced when there is work for it.
    """

    def __init__(
        self,
        settings: ExecutorSettings,
        *,
        preload: Sequence[str] = (),
        telemetry: Telemetry,
        logger: Logger,
    ) -> None:
        """Starts nothing yet.

        Args:
            settings: How much is computed at a time.
            preload: Modules that a worker imports before it gets ready, so that no work waits for them.
            telemetry: Of the service, or of the process.
            logger: Is told of workers that die.
        """
        self._told = Told(settings.memory_mib * MEBIBYTE, list(preload))
        self._memory = f"{settings.memory_mib} MiB"
        self._turns = Turns(settings)
        self._logger = logger
        self._idle: list[_Worker] = []
        self._busy: dict[asyncio.Task[bytes], _Worker | None] = {}
        self._stopped = False
        self._duration = telemetry.histogram(names.METRIC_COMPUTATION_DURATION)

    @property
    def pids(self) -> frozenset[int]:
        """The processes that there are at present."""
        return frozenset(worker.pid for worker in (*self._idle, *self._busy.values()) if worker is not None)

    @property
    def computing(self) -> int:
        """How many of them compute."""
        return sum(worker is not None for worker in self._busy.values())

    async def start(self) -> None:
        """Does nothing: workers start with the first work."""

    async def stop(self) -> None:
        """Ends every worker; what is being computed fails."""
        self._stopped = True
        busy, idle = list(self._busy), self._idle
        self._idle = []
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, *(worker.end() for worker in idle), return_exceptions=True)

    async def run(self, asker: Asker, seconds: float, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """See `chassis.executor.Executor`."""
        began = perf_counter()
        outcome = "failed"
        try:
            # In a thread: what holds ten thousand objects takes a tenth of a second to write or read.
            body = await asyncio.to_thread(pickle.dumps, (work, args, kwargs), pickle.HIGHEST_PROTOCOL)
            answer = await self._computed(asker, seconds, body)
            if answer.startswith(Outcome.RAISED.value):
                outcome = "raised"
                raise raised(answer[1:])
            outcome = "returned"
            content = memoryview(answer)[1:]
            if len(content) <= _SMALL_BYTES:
                small: _T = pickle.loads(content)  # noqa: S301 - of a process of our own
                return small
            large: _T = await asyncio.to_thread(pickle.loads, content)
            return large
        except TooManyComputations:
            outcome = "refused"
            raise
        except ComputationTooCostly:
            outcome = "too_costly"
            raise
        except ComputationLost as error:
            outcome = "lost"
            self._logger.error("computation lost", reason=error.why)
            raise
        except asyncio.CancelledError:
            outcome = "left"
            raise
        finally:
            self._duration.record(perf_counter() - began, {names.ATTRIBUTE_OUTCOME: outcome})

    async def _computed(self, asker: Asker, seconds: float, body: bytes) -> bytes:
        turn = await self._turns.take(asker)
        task = asyncio.create_task(self._exchange(turn, seconds, body), name="computation")
        self._busy[task] = None
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                raise ComputationLost("the executor has stopped") from None
            # The caller has left: the work is given a moment to end by itself.
            asyncio.get_running_loop().call_later(_LEFT_SECONDS, task.cancel)
            raise

    def _ended(self, task: asyncio.Task[bytes]) -> None:
        self._busy.pop(task, None)
        if not task.cancelled():
            # Looked at, so that nobody is told of an error whose caller has left.
            task.exception()

    async def _exchange(self, turn: Turn, seconds: float, body: bytes) -> bytes:
        """Does one piece of work. The turn and the worker are free afterwards, whatever comes of it."""
        worker: _Worker | None = None
        kept = False
        try:
            worker = await self._worker()
            task = asyncio.current_task()
            assert task is not None
            self._busy[task] = worker
            try:
                async with asyncio.timeout(seconds):
                    answer = await worker.ask(body, seconds)
            except TimeoutError:
                raise ComputationTooCostly(f"{seconds:g} s") from None
            if answer == Outcome.OUT_OF_MEMORY.value:
                raise ComputationTooCostly(self._memory)
            kept = True
            return answer
        finally:
            if worker is not None and kept and not self._stopped:
                self._idle.append(worker)
            elif worker is not None:
                await worker.end()
            self._turns.give_back(turn)

    async def _worker(self) -> _Worker:
        if self._stopped:
            raise ComputationLost("the executor has stopped")
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            await worker.end()
        return await _Worker.started(self._told)
