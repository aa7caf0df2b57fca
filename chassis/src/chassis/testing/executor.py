"""An executor for unit tests."""

import asyncio
import pickle
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from chassis.executor import Asker, ComputationLost, ComputationTooCostly, ExecutorSettings, Turn, Turns
from chassis.executor_worker import Outcome, outcome, raised

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ThreadExecutor:
    """An Executor without processes: it starts at once, and what it computes ends only by itself.

    Work, arguments and results are pickled all the same, and every bound holds.
    """

    def __init__(self, settings: ExecutorSettings | None = None) -> None:
        self._turns = Turns(settings or ExecutorSettings())
        self._busy: set[asyncio.Task[bytes]] = set()
        self._stopped = False

    async def start(self) -> None:
        """Does nothing."""

    async def stop(self) -> None:
        """Takes no more work, and waits for what is being computed."""
        self._stopped = True
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def run(self, asker: Asker, seconds: float, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """See `chassis.executor.Executor`."""
        if self._stopped:
            raise ComputationLost("the executor has stopped")
        body = pickle.dumps((work, args, kwargs), pickle.HIGHEST_PROTOCOL)
        turn = await self._turns.take(asker)
        task = asyncio.create_task(self._exchange(turn, body))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        try:
            async with asyncio.timeout(seconds):
                answer = await asyncio.shield(task)
        except TimeoutError:
            raise ComputationTooCostly(f"{seconds:g} s") from None
        if answer == Outcome.OUT_OF_MEMORY.value:
            raise ComputationTooCostly("the memory of this machine")
        if answer.startswith(Outcome.RAISED.value):
            raise raised(answer[1:])
        found: _T = pickle.loads(answer[1:])  # noqa: S301 - between a service and its own process
        return found

    async def _exchange(self, turn: Turn, body: bytes) -> bytes:
        try:
            return await asyncio.to_thread(outcome, body)
        finally:
            self._turns.give_back(turn)
