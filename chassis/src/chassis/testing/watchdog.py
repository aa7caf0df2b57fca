"""A watch over event loops: which callbacks keep their thread's processor busy, so that nobody else is answered meanwhile."""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

LONGEST_SECONDS = 0.05
"""Of a thread's processor that a callback of a loop may use: for as long nobody else of that loop is answered."""
_LISTED = 10
_NOTED_SECONDS = 0.002
"""Names cost time; what is shorter needs none."""
_WRITTEN_CALLBACKS = 500
"""After so many a process writes what it has seen: it may be killed at any moment."""


@dataclass
class Watch:
    """What was seen.

    Attributes:
        seconds: Processor time of the longest callback of each name; that of its thread, so that a busy machine changes nothing.
        callbacks: How many were seen.
        processes: In how many processes.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    callbacks: int = 0
    processes: int = 1

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
    gc.collect()
    gc.freeze()
    _measure(watch)
    try:
        yield watch
    finally:
        asyncio.Handle._run = original  # type: ignore[method-assign]
        gc.unfreeze()


def watch_this_process(folder: Path) -> None:
    """Measures each callback of this process's loops from the end of its start until its death; called before anything runs.

    Loops are asyncio's own from here on, as uvloop's callbacks cannot be seen. The start ends where what was loaded is frozen
    (`chassis.server.freeze_loaded`): before that nobody is answered yet.

    Args:
        folder: Takes a file per process that got so far, for `seen_in`.
    """
    libuv: Any = uvloop
    libuv.new_event_loop, libuv.run = asyncio.new_event_loop, asyncio.run
    freeze = gc.freeze
    watch = Watch()
    place = folder / f"{os.getpid()}-{time.time_ns()}.json"
    program = Path(sys.argv[0]).name if sys.argv else "python"

    def write() -> None:
        named = {f"{program}: {name}": seconds for name, seconds in watch.seconds.items()}
        part = place.with_suffix(".part")
        part.write_text(json.dumps({"callbacks": watch.callbacks, "seconds": named}), encoding="utf-8")
        part.rename(place)

    def seen() -> None:
        if watch.callbacks % _WRITTEN_CALLBACKS == 0:
            write()

    def frozen() -> None:
        freeze()
        gc.freeze = freeze
        _measure(watch, seen)
        write()

    gc.freeze = frozen


def seen_in(folder: Path) -> Watch:
    """Returns what all processes saw that watched themselves in a folder."""
    whole = Watch(processes=0)
    for place in folder.glob("*.json"):
        one = json.loads(place.read_text(encoding="utf-8"))
        whole.processes += 1
        whole.callbacks += one["callbacks"]
        for name, seconds in one["seconds"].items():
            whole.note(seconds, name)
    return whole


def _measure(watch: Watch, seen: Callable[[], None] = lambda: None) -> None:
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
            seen()

    asyncio.Handle._run = measured  # type: ignore[method-assign, assignment]


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
