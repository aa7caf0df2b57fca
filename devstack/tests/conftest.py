"""One platform in a process of its own, as a user starts it, for the tests that only talk to it."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devstack import ganzhou
from parkcarbon_client import ParkCarbonClient

START_SECONDS = 90.0
END_SECONDS = 60.0
LAST_WORDS = "Ctrl-C"
"""End what a stack says when it is ready."""


@dataclass
class Up:
    """A running `parkcarbon up`."""

    process: subprocess.Popen[bytes]
    data: Path
    connection: dict[str, Any]

    @property
    def out(self) -> str:
        """What it has written to both outputs."""
        return (self.data.parent / f"{self.data.name}.out").read_text(encoding="utf-8")

    def register_park(self) -> None:
        """Registers a park whose account is empty: Ganzhou's years are full."""
        with ParkCarbonClient(self.connection["url"], self.connection["tokens"]["park_manager"]) as client:
            client.create_park(dataclasses.replace(ganzhou.PARK, park_id="empty-park", name_zh="空园区", name_en="Empty"))
            for source in ganzhou.SOURCES:
                client.create_source("empty-park", source)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Sends a signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)


def environment(**more: str) -> dict[str, str]:
    """Returns this environment without the command's own variables, in English, and with some more."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARKCARBON_", "LC_", "LANG"))}
    return {**kept, **more}


def start_up(data: Path, *, port: int = 0) -> Up:
    """Starts a stack and waits until it has written its connection file and all that it says when it is ready."""
    command = [sys.executable, "-c", "from devstack.command import main; main()", "up", "--data", str(data), "--port", str(port)]
    path = data / "connection.json"
    with (data.parent / f"{data.name}.out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment())
    up = Up(process, data, {})
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if path.exists() and LAST_WORDS in up.out:
            connection = json.loads(path.read_bytes())
            # a killed process may have left its own behind
            if connection["pid"] == process.pid:
                up.connection = connection
                return up
        # another process's file system event: there is nothing of this one's to wait for
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError(f"the stack did not start:\n{up.out}")


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A stack for the whole session."""
    started = start_up(tmp_path_factory.mktemp("up") / "data")
    started.register_park()
    yield started
    assert started.end() == 0, started.out


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Any]:
    """Starts stacks that the test ends itself; what it leaves running is killed."""
    started: list[Up] = []

    def start(data: Path = tmp_path / "data", *, port: int = 0) -> Up:
        started.append(start_up(data, port=port))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.process.kill()
            up.process.wait()
