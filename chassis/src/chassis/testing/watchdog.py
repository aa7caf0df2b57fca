"""A watch over event loops: which callbacks keep their thread's processor busy, so that nobody else is answered meanwhile."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_LISTED = 10
_NOTED_SECONDS = 0.002
"""Names cost time; what is shorter needs none."""


@dataclass
class Watch:
    """What was seen.

    Attributes:
        seconds: Processor time of the longest callback of each name; that of its thread, so that a busy machine changes nothing.
        callbacks: How many were seen.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    callbacks: int = 0

    def note(self, seconds: float, name: str) -> None:
        """Keeps a callback's time if it is the longest of its name."""
        self.seconds[name] = max(seconds, self.seconds.get(name, 0.0))

    def worst(self, above_seconds: float = 0.0) -> list[str]:
        """Returns the longest callbacks that took more processor time than given, the longest first, as lines to show."""
        longest = sorted(self.seconds.items(), key=lambda each: -each[1])[:_LISTED]
        return [f"{1000 * seconds:.1f} ms {name}" for name, seconds in longest if seconds > above_seconds]


@contextmanager
def watched_loops() -> Iterator[Watch]:
    """Measures each callback of asyncio's own loops in this process until the block ends; uvloop's are not seen.

    What is in memory before is left alone by the garbage collector: the objects of a thousand earlier tests are no part of a
    service.
    """
    watch = Watch()
    original: Any = asyncio.Handle._run

    def measured(handle: Any) -> None:
        chain = _chain(handle._callback)
        began = time.thread_time()
        try:
            original(handle)
        finally:
            took = time.thread_time() - began
            watch.callbacks += 1
            if took > _NOTED_SECONDS:
                watch.note(took, f"{chain} → {_chain(handle._callback)}")

    gc.collect()
    gc.freeze()
    asyncio.Handle._run = measured  # type: ignore[method-assign, assignment]
    try:
        yield watch
    finally:
        asyncio.Handle._run = original  # type: ignore[method-assign]
        gc.unfreeze()


def _chain(callback: Any) -> str:
    """Returns where a callback stands: the innermost coroutines of a task with their lines, or the function's name."""
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return str(getattr(callback, "__qualname__", repr(callback)))
    names = []
    coroutine: Any = task.get_coro()
    while coroutine is not None and hasattr(coroutine, "cr_code"):
        frame = coroutine.cr_frame
        names.append(f"{coroutine.__qualname__}:{frame.f_lineno if frame is not None else 'end'}")
        coroutine = coroutine.cr_await
    return " > ".join(names[-3:]) or task.get_name()
