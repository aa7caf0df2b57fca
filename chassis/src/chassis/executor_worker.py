"""The process that computes for a `ProcessExecutor`: `python -m chassis.executor_worker`.

It is a fresh interpreter, as the start method `spawn` makes it: nothing of the service is in it, no thread, no lock, no secret. It
reads work from its standard input and writes what came of it to its standard output, each with its length before it. It ends with
its input.
"""

import importlib
import json
import os
import pickle
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Sequence
from enum import Enum
from math import ceil
from typing import Any, BinaryIO, Final, NamedTuple

HEAD: Final = struct.Struct(">Qd")
"""Length of the work, and the seconds that it may compute."""

LENGTH: Final = struct.Struct(">Q")
_GRACE_SECONDS: Final = 5


class Outcome(bytes, Enum):
    """What became of work; the first byte of an answer."""

    READY = b"+"
    RETURNED = b"."
    RAISED = b"!"
    OUT_OF_MEMORY = b"m"


class Told(NamedTuple):
    """What a worker is told, as its argument.

    Attributes:
        memory_bytes: Of data.
        preload: Modules to import before the first work.
    """

    memory_bytes: int
    preload: Sequence[str]


def run() -> None:
    """Works until the input ends."""
    told = Told(*json.loads(sys.argv[1]))
    # The terminal's Ctrl-C is the service's affair.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # What a library prints is no answer.
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for module in told.preload:
        importlib.import_module(module)
    resource.setrlimit(resource.RLIMIT_DATA, (told.memory_bytes, told.memory_bytes))
    _write(answers, Outcome.READY.value)
    while head := sys.stdin.buffer.read(HEAD.size):
        length, seconds = HEAD.unpack(head)
        _limit(seconds)
        _write(answers, outcome(sys.stdin.buffer.read(length)))


def _limit(seconds: float) -> None:
    """Ends this process by itself where nobody is left to do so: a service that was killed kills no worker."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = ceil(used.ru_utime + used.ru_stime + seconds) + _GRACE_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))


def _write(answers: BinaryIO, answer: bytes) -> None:
    answers.write(LENGTH.pack(len(answer)) + answer)
    answers.flush()


def outcome(body: bytes) -> bytes:
    """Does pickled work, and returns what came of it."""
    try:
        work, args, kwargs = pickle.loads(body)  # noqa: S301 - between a service and its own process
        return Outcome.RETURNED.value + pickle.dumps(work(*args, **kwargs), pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        return Outcome.OUT_OF_MEMORY.value
    except Exception as error:
        return Outcome.RAISED.value + _dumped(error)


def _dumped(error: Exception) -> bytes:
    # An exception is pickled by the arguments of its class, which are seldom what `args` holds; its parts are always there.
    where = traceback.format_exc()
    try:
        body = pickle.dumps((type(error), error.args, error.__dict__, where), pickle.HIGHEST_PROTOCOL)
        pickle.loads(body)  # noqa: S301 - between a service and its own process
    except Exception:
        told = f"{type(error).__name__}: {error}"
        return pickle.dumps((RuntimeError, (told,), {}, where), pickle.HIGHEST_PROTOCOL)
    return body


def raised(body: bytes) -> Exception:
    """Returns the exception that work raised, with the place where it did so as a note."""
    kind, args, state, where = pickle.loads(body)  # noqa: S301 - between a service and its own process
    error: Any = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    error.add_note(where)
    assert isinstance(error, Exception)
    return error


if __name__ == "__main__":
    run()
