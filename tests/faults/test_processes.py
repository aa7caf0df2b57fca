"""A supervised process comes back, whoever ended it."""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.processes import Supervised

# says its process id, then waits to be told to end
SCRIPT = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


def supervised(tmp_path: Path, script: str = SCRIPT) -> Supervised:
    file = tmp_path / "pid"

    async def is_ready() -> bool:
        return file.exists() and file.read_text() not in ("", "gone")

    async def before_start() -> None:
        file.write_text("gone")

    return Supervised(
        "sleeper",
        [sys.executable, "-c", script, str(file)],
        environment={},
        log=tmp_path / "log",
        is_ready=is_ready,
        before_start=before_start,
    )


def hold_the_loop_until_gone(pid: int) -> None:
    """Waits until asyncio's thread has reaped a process, of which the loop hears nothing meanwhile; 5 s where the loop reaps."""
    ends_at = time.monotonic() + 5
    with suppress(ProcessLookupError):
        while time.monotonic() < ends_at:
            os.kill(pid, 0)
            time.sleep(0.01)


async def ended_by_itself(process: Supervised) -> None:
    async with asyncio.timeout(20):
        # another process's end: there is no event of this one's to wait for
        while process.ended_itself == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_killed_process_is_started_again_after_its_pause(tmp_path: Path) -> None:
    process = supervised(tmp_path)
    process.start()
    await process.wait_ready(20)
    first = (tmp_path / "pid").read_text()
    process.kill(0.0)
    assert not process.ready
    await process.wait_ready(20)
    assert (tmp_path / "pid").read_text() != first
    assert (process.kills, process.ended_itself) == (1, 0)
    await process.end()
    with pytest.raises(ProcessLookupError):
        os.kill(int(first), 0)


async def test_a_process_that_ends_by_itself_is_started_again_and_counted(tmp_path: Path) -> None:
    process = supervised(tmp_path)
    process.start()
    await process.wait_ready(20)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    await ended_by_itself(process)
    await process.wait_ready(20)
    assert process.kills == 0
    await process.end()


async def test_a_process_that_does_not_come_up_is_told_with_its_output(tmp_path: Path) -> None:
    process = supervised(tmp_path, "import sys; sys.exit('the key file is missing')")
    process.start()
    await ended_by_itself(process)
    with pytest.raises(TimeoutError, match="the key file is missing"):
        await process.wait_ready(0.1)
    await process.end()


async def test_a_frozen_process_goes_on_as_the_same_one(tmp_path: Path) -> None:
    counting = "import os, sys, time\nopen(sys.argv[1], 'w').write(str(os.getpid()))\nwhile True: time.sleep(0.01)"
    process = supervised(tmp_path, counting)
    process.start()
    await process.wait_ready(20)
    pid = int((tmp_path / "pid").read_text())

    def state() -> str:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

    async def until(*wanted: str) -> None:
        async with asyncio.timeout(20):
            # another process's state: there is no event of this one's to wait for
            while state() not in wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    process.freeze(0.5)
    await until("T")
    await until("S", "R")
    assert (process.freezes, process.kills, process.ended_itself) == (1, 0, 0)
    process.freeze(600.0)
    await until("T")
    await process.end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_process_that_is_gone_before_the_loop_hears_of_it_is_ended(tmp_path: Path) -> None:
    process = supervised(tmp_path)
    process.start()
    await process.wait_ready(20)
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, signal.SIGKILL)
    hold_the_loop_until_gone(pid)
    await process.end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
