"""Work to try executors with; no imports but quick ones, as a worker does them in the time of its first work."""

import os
import threading
import time
from pathlib import Path


class Refusal(Exception):
    """An error of a domain: what its class takes is not what `args` holds."""

    kind = "invalid"

    def __init__(self, field: str, allowed: str) -> None:
        super().__init__(f"{field} must be {allowed}")
        self.field = field


def refuse(field: str, allowed: str) -> None:
    """Raises a `Refusal`."""
    raise Refusal(field, allowed)


def raise_unpicklable() -> None:
    """Raises what holds on to something that stays in its process."""
    error = ValueError("not picklable")
    error.held = threading.Lock()  # type: ignore[attr-defined]
    raise error


def wait_for(gate: Path) -> str:
    """Waits until somebody opens a named pipe for writing and closes it; returns what was written."""
    return gate.read_text(encoding="utf-8")


def tell_and_spin(told: Path) -> None:
    """Writes the process's id to a named pipe, then uses its processor for ever."""
    told.write_text(str(os.getpid()), encoding="utf-8")
    spin()


def spin() -> None:
    """Uses its processor for ever."""
    while True:
        pass


def die(code: int) -> None:
    """Ends the process at once."""
    os._exit(code)


def take_memory(size_bytes: int) -> int:
    """Holds so much memory for a moment; returns its size."""
    return len(b"\1" * size_bytes)


def sleep(seconds: float) -> None:
    """Computes nothing for a while, as a thread that must end by itself needs it."""
    time.sleep(seconds)


def process_id() -> int:
    """Returns the id of the process that computes."""
    return os.getpid()
