"""A disk that is full: what was acknowledged stays, what was not is said to be away, and room makes everything go on."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.conftest import Platform, register

PARK = "full"
IMAGE_BYTES = 96 * 1024 * 1024
LEFT_BYTES = 6 * 1024 * 1024
HOURS = 24
DAYS_OF_A_BATCH = 40
FIRST_DAY = date(2020, 1, 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in a file."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("a full disk was NOT tried: needs root and mkfs.ext4 to mount a file as a disk")
    image, place = tmp_path / "disk", tmp_path / "mounted"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    mounted = subprocess.run(["mount", "-o", "loop", str(image), str(place)], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a full disk was NOT tried: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def batch(number: int) -> list[dict[str, str]]:
    """An hour's reading for each hour of some days."""
    rows = []
    for place in range(DAYS_OF_A_BATCH):
        day = FIRST_DAY + timedelta(days=number * DAYS_OF_A_BATCH + place)
        starts = [f"{day}T{hour:02}:00:00+08:00" for hour in range(HOURS)]
        ends = [*starts[1:], f"{day + timedelta(days=1)}T00:00:00+08:00"]
        rows += [
            {
                "record_id": f"{day}-{hour:02}",
                "source_id": "electricity",
                "period_start": starts[hour],
                "period_end": ends[hour],
                "quantity": "1",
                "unit": "MWh",
            }
            for hour in range(HOURS)
        ]
    return rows


def push(client: httpx.Client, number: int) -> httpx.Response:
    return client.post(f"/v1/parks/{PARK}/activity-records", json=batch(number))


def records_in(client: httpx.Client) -> int:
    answer = client.get(f"/v1/parks/{PARK}/emissions", params={"from": "2020-01", "to": "2023-01"}).raise_for_status()
    total: dict[str, Any] = answer.json()["total"]
    return int(total["records"])


def test_a_full_disk_loses_nothing_and_room_makes_it_go_on(small_disk: Path) -> None:
    platform = Platform(small_disk / "data").start()
    filler = small_disk / "filler"
    try:
        with platform.client() as client:
            register(client, PARK)
            assert push(client, 0).status_code == 200
            free = shutil.disk_usage(small_disk).free
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, free - LEFT_BYTES)
            number = 1
            while (answer := push(client, number)).status_code == 200:
                number += 1
                assert number < 27, "the disk is never full"
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) > 0
            # what was answered is there, and nothing of what was not; reading needs no room
            rows = HOURS * DAYS_OF_A_BATCH
            assert records_in(client) == number * rows
            filler.unlink()
            assert push(client, number).json()["accepted"] == rows
            assert push(client, 0).json()["duplicate"] == rows
            assert records_in(client) == (number + 1) * rows
        platform.end(signal.SIGKILL)
        platform.start()
        with platform.client() as client:
            assert records_in(client) == (number + 1) * rows
            listed = client.get(f"/v1/parks/{PARK}/activity-records").json()
            assert listed["records"][0]["record_id"] == batch(0)[0]["record_id"]
    finally:
        platform.end(signal.SIGKILL)
