"""The command's output into pipes of the system, whose readers go away before the end, as `head` does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devstack.tests.conftest import environment

if TYPE_CHECKING:
    from devstack.tests.conftest import Up

SCRIPT = "from devstack.command import main; main()"
END_SECONDS = 60


def run_unread(*arguments: str, errors_too: bool = False) -> subprocess.CompletedProcess[bytes]:
    """Runs the command with an output that nobody reads: the first write finds the pipe broken."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, *arguments],
            stdout=writing,
            stderr=writing if errors_too else subprocess.PIPE,
            env=environment(),
            timeout=END_SECONDS,
            check=False,
        )
    finally:
        os.close(writing)


@pytest.mark.parametrize("arguments", [["report", "--park", "ganzhou-etdz", "--year", "2022"], ["parks"]], ids=["report", "parks"])
def test_reader_that_has_gone_ends_the_command_without_a_word(arguments: list[str], up: Up) -> None:
    ended = run_unread(*arguments, "--data", str(up.data))
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_rows_are_recorded_though_nobody_reads_the_receipt(up: Up, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("record_id,source_id,period_start,period_end,quantity,unit\nunread-1,refined-oil,2021-03-01,2021-04-01,1.5,t\n")
    push = ["push", str(file), "--park", "empty-park", "--data", str(up.data)]
    ended = run_unread(*push)
    assert (ended.returncode, ended.stderr) == (141, b"")
    again = subprocess.run([sys.executable, "-c", SCRIPT, *push], capture_output=True, env=environment(), timeout=60, check=False)
    assert b"0 accepted, 1 duplicate" in again.stdout


@pytest.mark.parametrize("errors_too", [False, True], ids=["errors_are_read", "errors_are_not_read"])
def test_stack_whose_introduction_nobody_reads_ends_in_order(errors_too: bool, tmp_path: Path) -> None:
    data = tmp_path / "data"
    ended = run_unread("up", "--data", str(data), "--port", "0", errors_too=errors_too)
    assert ended.returncode == 141
    assert not ended.stderr
    assert not (data / "connection.json").exists()
    # a database that was closed leaves no write-ahead log behind
    assert not list(data.glob("*-wal"))


def test_first_line_is_all_that_head_shows(up: Up) -> None:
    piped = subprocess.run(
        [
            "sh",
            "-c",
            '"$0" -c "$1" report --park ganzhou-etdz --year 2022 --data "$2" | head -1',
            sys.executable,
            SCRIPT,
            str(up.data),
        ],
        capture_output=True,
        env=environment(),
        timeout=END_SECONDS,
        check=False,
    )
    assert piped.stdout.count(b"\n") == 1
    assert b"Carbon account" in piped.stdout
    assert piped.stderr == b""
