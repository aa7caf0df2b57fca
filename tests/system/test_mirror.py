"""A regional platform mirrors everything: pushers write at full speed, the puller is killed and resumes, and misses nothing."""

import random
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from parkcarbon_client import ActivityRow, ParkCarbonClient
from tests.system.conftest import Platform, register

PARKS = ("north", "south")
PUSHERS_PER_PARK = 2
BATCHES = 25
ROWS = 12
KILLS = 6
SEED = 20261121
CHINA = timezone(timedelta(hours=8))
QUARTER = timedelta(minutes=15)
ROOT = Path(__file__).resolve().parents[2]


def push(url: str, token: str, park: str, pusher: int) -> None:
    """Pushes batches of readings, each after the first with a correction of the batch before."""
    with ParkCarbonClient(url, token) as client:
        for batch in range(BATCHES):
            rows = [reading(pusher, batch, row) for row in range(ROWS)]
            if batch:
                before = reading(pusher, batch - 1, 0)
                rows.append(
                    ActivityRow(
                        record_id=f"{before.record_id}-b",
                        source_id=before.source_id,
                        period_start=before.period_start,
                        period_end=before.period_end,
                        quantity=Decimal("7.5"),
                        unit="kWh",
                        supersedes=before.record_id,
                    )
                )
            outcome = client.record_activity(park, rows, results="rejected")
            assert outcome.rejected == 0, outcome.results[:1]


def reading(pusher: int, batch: int, row: int) -> ActivityRow:
    """A quarter of an hour of a pusher's own days; no two share an instant."""
    start = datetime(2022, 1 + 4 * pusher, 1, tzinfo=CHINA) + (batch * ROWS + row) * QUARTER
    return ActivityRow(
        record_id=f"p{pusher}-{batch}-{row}",
        source_id="electricity",
        period_start=start,
        period_end=start + QUARTER,
        quantity=Decimal(f"{batch + 1}.{row:02d}"),
        unit="kWh",
    )


def follow(url: str, token: str, file: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.system.mirroring", url, token, str(file)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_mirror_that_is_killed_again_and_again_ends_with_exactly_the_sources_state(
    own_platform: Platform, tmp_path: Path
) -> None:
    own_platform.start()
    url, token = own_platform.connection["url"], own_platform.connection["tokens"]["platform_operator"]
    with own_platform.client("platform_operator") as http:
        for park in PARKS:
            register(http, park)
    pushers = [
        threading.Thread(target=push, args=(url, token, park, pusher)) for park in PARKS for pusher in range(PUSHERS_PER_PARK)
    ]
    for pusher in pushers:
        pusher.start()
    file, chance = tmp_path / "mirror.sqlite3", random.Random(SEED)
    for _ in range(KILLS):
        puller = follow(url, token, file)
        assert puller.stdout is not None
        # Somewhere behind a page of its own, be it while it asks, applies, or commits the next.
        for _ in range(chance.randrange(1, 6)):
            assert puller.stdout.readline()
        puller.send_signal(signal.SIGKILL)
        puller.communicate()
    for pusher in pushers:
        pusher.join()

    with ExitStack() as running:
        client = running.enter_context(ParkCarbonClient(url, token))
        source = {park: {record.record_id: record for record in client.iterate_activity_records(park)} for park in PARKS}
        wanted = sum(len(records) for records in source.values())
        corrected = len(pushers) * (BATCHES - 1)
        assert wanted == len(pushers) * (BATCHES * ROWS + BATCHES - 1)
        puller, mirror = running.enter_context(follow(url, token, file)), running.enter_context(closing(sqlite3.connect(file)))
        assert puller.stdout is not None
        for _ in puller.stdout:
            # The last facts are on their way; it is told to stop once they have come.
            if mirrored(mirror) == (wanted, wanted - corrected):
                file.with_suffix(".stop").touch()
        assert puller.wait(60) == 0

        for park in PARKS:
            kept: dict[str, Any] = {
                row[0]: row[1:]
                for row in mirror.execute(
                    "SELECT id, position, quantity_micro, emissions_mg, superseded_by FROM record WHERE park = ?", (park,)
                )
            }
            assert kept == {
                record_id: (
                    record.position,
                    int(record.quantity * 10**6),
                    int(record.emissions_t_co2e * 10**9),
                    record.superseded_by,
                )
                for record_id, record in source[park].items()
            }
            total = client.query_emissions(park, "2022", "2023").total
            [(milligrams, records)] = mirror.execute("SELECT sum(emissions_mg), sum(records) FROM total WHERE park = ?", (park,))
            assert (Decimal(milligrams).scaleb(-9), records) == (total.emissions_t_co2e, total.records)
        [(first, last, count)] = mirror.execute("SELECT min(position), max(position), count(*) FROM seen")
        assert (first, last - first + 1) == (1, count)


def mirrored(mirror: sqlite3.Connection) -> tuple[int, int]:
    """How many records the mirror has of the parks, and how many its sums count."""
    counts = [
        mirror.execute(f"SELECT {what} WHERE park IN (?, ?)", PARKS).fetchone()[0]
        for what in ("count(*) FROM record", "coalesce(sum(records), 0) FROM total")
    ]
    return counts[0], counts[1]
