"""A push of a long file, with kill -9 in its middle: nothing is lost, nothing counts twice, and little is sent again."""

import re
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.system.conftest import COMMAND, Platform, register

ROWS, PIECE_ROWS = 50_000, 10_000
PARK = "resumed"
QUARTER = timedelta(minutes=15)
SECONDS = 240
"""A bound for a hang, not a measurement."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Quarters of an hour of a meter; row 12,345 has a quantity that is none."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    lines = ["record_id,source_id,period_start,period_end,quantity,unit"]
    for number in range(ROWS):
        period = (start + number * QUARTER).isoformat(), (start + (number + 1) * QUARTER).isoformat()
        lines.append(f"m-{number},electricity,{period[0]},{period[1]},{'x' if number == 12_345 else '1.5'},kWh")
    written = tmp_path / "meter.csv"
    written.write_text("\n".join(lines), encoding="utf-8")
    return written


def begin(platform: Platform, file: Path) -> subprocess.Popen[str]:
    arguments = [str(COMMAND), "--lang", "en", "push", str(file), "--park", PARK]
    return subprocess.Popen(
        arguments, env=platform.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_pieces(pushing: subprocess.Popen[str], file: Path, pieces: int) -> None:
    """Waits until so many pieces were answered: the log has a line more."""
    log = file.with_name(f"{file.name}.push")
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if log.exists() and log.read_bytes().count(b"\n") > pieces:
            return
        assert pushing.poll() is None, pushing.communicate()
        time.sleep(0.01)
    pytest.fail("the push does not get on")


def counts(output: str) -> dict[str, int]:
    found = re.search(r"(\d+) rows: (\d+) accepted, (\d+) duplicate, (\d+) superseded, (\d+) rejected", output)
    assert found is not None, output
    return dict(zip(("rows", "accepted", "duplicate", "superseded", "rejected"), map(int, found.groups()), strict=True))


def assert_everything_is_there_once(platform: Platform, pushing: subprocess.Popen[str], file: Path) -> None:
    output, errors = pushing.communicate(timeout=SECONDS)
    assert pushing.returncode == 1, errors  # one row was rejected
    receipt = counts(output)
    assert (receipt["rows"], receipt["rejected"], receipt["superseded"]) == (ROWS, 1, 0)
    assert receipt["accepted"] + receipt["duplicate"] == ROWS - 1
    # the piece that was under way may have been recorded before its answer was lost; what was answered is not sent again
    assert receipt["duplicate"] <= PIECE_ROWS
    assert "12347" in output  # the line of the bad row, the header being the first
    assert not file.with_name(f"{file.name}.push").exists()
    with platform.client() as client:
        total = client.get(f"/v1/parks/{PARK}/emissions", params={"from": "2020", "to": "2022"}).json()["total"]
    assert total["records"] == ROWS - 1


def test_a_push_that_is_killed_goes_on_where_it_stopped(own_platform: Platform, file: Path) -> None:
    own_platform.start()
    with own_platform.client() as client:
        register(client, PARK)
    pushing = begin(own_platform, file)
    wait_for_pieces(pushing, file, 2)
    pushing.send_signal(signal.SIGKILL)
    pushing.communicate()
    assert_everything_is_there_once(own_platform, begin(own_platform, file), file)


def test_a_platform_that_is_killed_under_a_push_and_comes_back_gets_every_row(own_platform: Platform, file: Path) -> None:
    own_platform.start()
    own_platform.port = int(own_platform.connection["url"].rpartition(":")[2])
    with own_platform.client() as client:
        register(client, PARK)
    pushing = begin(own_platform, file)
    wait_for_pieces(pushing, file, 2)
    own_platform.end(signal.SIGKILL)
    own_platform.start()
    assert_everything_is_there_once(own_platform, pushing, file)
