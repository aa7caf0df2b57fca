"""Work that computes, outside of the event loop: what an executor is, whose turn it is, and what it refuses.

A use case declares the port of this shape for itself, as it may not import the chassis. Work is a picklable function at the top
level of a module, or a method of a picklable object, with picklable arguments: it may run in another process or on another machine.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, ParamSpec, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from kernel.refusals import Kind, Refusal

_P = ParamSpec("_P")
_T = TypeVar("_T")
MEBIBYTE: Final = 1024 * 1024


class Asker(Protocol):
    """For whom work runs: any service's caller has this shape."""

    @property
    def tenant(self) -> str:
        """The tenant."""
        ...

    @property
    def subject(self) -> str:
        """The caller within the tenant."""
        ...


class Executor(Protocol):
    """Runs work that computes."""

    async def run(self, asker: Asker, seconds: float, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Returns what the work returns. A caller who is cancelled ends the work within a second.

        Args:
            asker: For whom; what one caller and one tenant may have under way is bounded.
            seconds: The longest it may compute, > 0; waiting for a turn does not count.
            work: A picklable function.
            *args: Its arguments, picklable.
            **kwargs: As `args`.

        Raises:
            TooManyComputations: A bound of the caller, the tenant or the queue is reached, or no turn came in time.
            ComputationTooCostly: It took longer than `seconds`, or more memory than a worker has.
            ComputationLost: The worker ended by itself, or the executor has stopped.
            Exception: What the work raised.
        """
        ...


class ExecutorSettings(BaseModel):
    """How much is computed at a time.

    Attributes:
        workers: Computations at a time. One caller never has the last of several.
        queue: Computations that wait for a turn.
        queue_seconds: The longest that one waits.
        per_caller: Computations of one caller under way, waiting ones included.
        per_tenant: The same of one tenant.
        memory_mib: Data of one worker: what it computes and about 150 MiB of libraries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int = Field(default=2, ge=1, le=64)
    queue: int = Field(default=32, ge=1)
    queue_seconds: float = Field(default=20.0, gt=0.0)
    per_caller: int = Field(default=8, ge=1)
    per_tenant: int = Field(default=16, ge=1)
    memory_mib: int = Field(default=1024, ge=256)


class TooManyComputations(Refusal):
    """Enough is being computed: the same may be asked again a little later."""

    kind = Kind.EXHAUSTED
    reason = "TOO_MANY_COMPUTATIONS"

    def __init__(self, whose: str, found: int, allowed: str) -> None:
        """Stores which bound was reached.

        Args:
            whose: A key of the bounds: caller, tenant, queue or turn.
            found: How many are under way.
            allowed: How many may be, or how long one waits.
        """
        english, chinese = _BOUNDS[whose]
        super().__init__(
            f"{english.format(found=found, allowed=allowed)}; ask again later",
            f"{chinese.format(found=found, allowed=allowed)};请稍后重试",
            found=str(found),
            allowed=allowed,
        )


_BOUNDS: Final = {
    "caller": (
        "this caller has {found} computations under way, allowed are {allowed}",
        "该调用方有 {found} 项计算在进行,至多 {allowed} 项",
    ),
    "tenant": (
        "this tenant has {found} computations under way, allowed are {allowed}",
        "该租户有 {found} 项计算在进行,至多 {allowed} 项",
    ),
    "queue": ("{found} computations wait for their turn, allowed are {allowed}", "有 {found} 项计算在排队,至多 {allowed} 项"),
    "turn": ("{found} computations were before this one for {allowed} s", "前面的 {found} 项计算占用了 {allowed} 秒"),
}


class ComputationTooCostly(Refusal):
    """The work reached its limit of time or memory: the same again will do so again, less may not."""

    kind = Kind.INVALID
    reason = "COMPUTATION_TOO_COSTLY"

    def __init__(self, allowed: str) -> None:
        """Stores the limit, such as `10 s`."""
        super().__init__(
            f"this takes more to compute than the allowed {allowed}: ask for less at a time",
            f"该计算超出允许的 {allowed},请减少一次请求的内容",
            allowed=allowed,
        )


class ComputationLost(Refusal):
    """The worker ended without an answer, or takes no more work."""

    kind = Kind.UNAVAILABLE
    reason = "COMPUTATION_LOST"

    def __init__(self, why: str) -> None:
        """Stores why, for the log."""
        super().__init__("the process that computed this has ended; ask again", "执行该计算的进程已结束,请重试")
        self.why = why


@dataclass(eq=False, slots=True)
class Turn:
    """A computation that waits or runs.

    Attributes:
        began: Set once it may run.
    """

    tenant: str
    subject: str
    began: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def caller(self) -> tuple[str, str]:
        """For whom it is."""
        return self.tenant, self.subject


class Turns:
    """Who computes next: the bounds of callers, tenants and the queue, the same for every executor.

    Whoever has least under way is first, then whoever came first. With several workers, one caller is never given all of them.
    """

    def __init__(self, settings: ExecutorSettings) -> None:
        """Stores the bounds."""
        self._settings = settings
        self._share = max(1, settings.workers - 1)
        self._waiting: list[Turn] = []
        self._running: list[Turn] = []

    async def take(self, asker: Asker) -> Turn:
        """Returns a turn once it has come; it is to be given back.

        Raises:
            TooManyComputations: A bound is reached, or no turn came in time.
        """
        settings = self._settings
        turn = Turn(asker.tenant, asker.subject)
        under_way = self._waiting + self._running
        of_caller = sum(each.caller == turn.caller for each in under_way)
        of_tenant = sum(each.tenant == turn.tenant for each in under_way)
        for whose, found, allowed in (
            ("caller", of_caller, settings.per_caller),
            ("tenant", of_tenant, settings.per_tenant),
            ("queue", len(self._waiting), settings.queue),
        ):
            if found >= allowed:
                raise TooManyComputations(whose, found, str(allowed))
        self._waiting.append(turn)
        self._begin_next()
        try:
            async with asyncio.timeout(settings.queue_seconds):
                await turn.began.wait()
        except TimeoutError:
            before = len(self._running) + self._waiting.index(turn)
            self.give_back(turn)
            raise TooManyComputations("turn", before, f"{settings.queue_seconds:g}") from None
        except BaseException:
            self.give_back(turn)
            raise
        return turn

    def give_back(self, turn: Turn) -> None:
        """Ends a turn, or the wait for it."""
        (self._running if turn in self._running else self._waiting).remove(turn)
        self._begin_next()

    def _begin_next(self) -> None:
        while len(self._running) < self._settings.workers:
            ready = [turn for turn in self._waiting if self._of_caller(turn) < self._share]
            if not ready:
                return
            turn = min(ready, key=lambda each: (self._of_tenant(each), self._of_caller(each)))
            self._waiting.remove(turn)
            self._running.append(turn)
            turn.began.set()

    def _of_caller(self, turn: Turn) -> int:
        return sum(each.caller == turn.caller for each in self._running)

    def _of_tenant(self, turn: Turn) -> int:
        return sum(each.tenant == turn.tenant for each in self._running)
