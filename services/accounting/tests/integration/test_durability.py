"""An acknowledged record is never lost by the death of the process, and an ambiguous batch is either there or not."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from accounting.adapters import tables
from chassis.channel import Channel
from chassis.clock import SystemClock
from chassis.errors import RemoteError
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from parkcarbon.accounting.v1 import accounting_pb2_grpc
from services.accounting.tests.integration.stand import (
    EVERYTHING,
    Keys,
    Row,
    Stand,
    Tenant,
    channel_to,
    columns,
    hours,
    outcomes,
    settings_for,
    standing,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).resolve().parents[4]
ROWS_OF_A_BATCH = 25


class Process:
    """The service in a process of its own, to be killed."""

    def __init__(self, process: asyncio.subprocess.Process, channel: Channel) -> None:
        """Stores the parts."""
        self.process = process
        self.channel = channel
        self.stub = accounting_pb2_grpc.AccountingServiceStub(channel.grpc)

    def kill(self) -> None:
        """Ends the process without a word."""
        self.process.send_signal(signal.SIGKILL)


@asynccontextmanager
async def serving(url: str, folder: Path, keys: Keys) -> AsyncIterator[Process]:
    """Runs the service in a process for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.accounting.tests.integration.serving", url, str(folder)),
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    address = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
    channel = channel_to(address, settings_for(url, keys.public_file), keys, SystemClock())
    try:
        yield Process(process, channel)
    finally:
        await channel.close()
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_was_acknowledged_survives_kill_9_and_what_was_not_is_there_or_not(database_url: str, tmp_path: Path) -> None:
    seed = random.Random(20_261_121)
    keys = Keys.make(tmp_path)
    rows = hours(1_500)
    batches = [rows[start : start + ROWS_OF_A_BATCH] for start in range(0, len(rows), ROWS_OF_A_BATCH)]
    acknowledged: set[str] = set()
    registered = False
    for _ in range(2):
        async with serving(database_url, tmp_path, keys) as running:
            stand = _stand(running, database_url)
            park = Tenant(stand, "tenant", "park")
            if not registered:
                await park.settle()
                registered = True
            waiting = [batch for batch in batches if batch[0].record_id not in acknowledged]
            seed.shuffle(waiting)
            enough = asyncio.Event()
            before, wanted = len(acknowledged), seed.randrange(200, 500)

            async def push(
                batch: list[Row], park: Tenant = park, enough: asyncio.Event = enough, at: int = before + wanted
            ) -> None:
                try:
                    answer = await park.push(columns(batch))
                except RemoteError:
                    return
                assert set(outcomes(answer)) <= {"accepted", "duplicate"}
                acknowledged.update(row.record_id for row in batch)
                if len(acknowledged) >= at:
                    enough.set()

            pushes = [asyncio.create_task(push(batch)) for batch in waiting]
            await asyncio.wait_for(enough.wait(), 30)
            running.kill()
            await asyncio.gather(*pushes)
            await running.process.wait()
        assert len(acknowledged) < len(rows), "the process outlived its work"

    async with standing(database_url, tmp_path, SystemClock()) as again:
        park = Tenant(again, "tenant", "park")
        kept = [record.record_id for record in await park.records()]
        assert len(kept) == len(set(kept))
        assert acknowledged <= set(kept)
        # A batch is there as a whole or not at all.
        assert {sum(row.record_id in kept for row in batch) for batch in batches} <= {0, ROWS_OF_A_BATCH}
        assert await park.total() == (len(kept) * 581_000_000, len(kept) * 122_900_000, len(kept))
        # Whoever is in doubt sends again.
        answers = [await park.push(columns(batch)) for batch in batches]
        told = [outcome for answer in answers for outcome in outcomes(answer)]
        assert told.count("duplicate") == len(kept)
        assert told.count("accepted") == len(rows) - len(kept)
        assert await park.total() == (1_500 * 581_000_000, 1_500 * 122_900_000, 1_500)
        assert (await park.rebuild())["corrected"] == 0
        # At least once, and nothing left out: the first telling of each position makes the account.
        heard: dict[int, str] = {}
        for _, fact in await park.facts(events_pb2.ActivityRecorded):
            for place, record_id in enumerate(fact.record_id):
                assert heard.setdefault(fact.first_position + place, record_id) == record_id
        assert heard == {record.position: record.record_id for record in await park.records()}
        assert await again.count(tables.outbox) == 0


def _stand(running: Process, url: str) -> Stand:
    """What a test says to a service of its own process it says to one of another."""
    stand = Stand.__new__(Stand)
    stand.channel, stand.stub, stand.url = running.channel, running.stub, url
    return stand


async def test_a_rebuild_that_was_asked_for_survives_kill_9(database_url: str, tmp_path: Path) -> None:
    keys = Keys.make(tmp_path)
    async with serving(database_url, tmp_path, keys) as running:
        park = Tenant(_stand(running, database_url), "tenant", "park")
        await park.settle()
        await park.record(Row("r"))
        request = pb.RebuildSumsRequest(park_id="park")
        answer = await running.channel.call(running.stub.RebuildSums, request, caller=park.manager)
        running.kill()
        await running.process.wait()
    async with standing(database_url, tmp_path, SystemClock()) as again:
        async with again.service.database.read(EVERYTHING) as session:
            (row,) = (await session.execute(tables.job.select())).all()
        assert answer.operation_name == f"operations/{row.job_id}"
        assert row.state in {"queued", "running", "succeeded"}
        assert await Tenant(again, "tenant", "park").total() == (58_100_000_000, 12_290_000_000, 1)
