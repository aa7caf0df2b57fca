"""Clocks that differ between two machines: a little does no harm, a lot closes the door, and nothing is recorded twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from chassis.clock import Clock, SystemClock
from chassis.embedded_log import EmbeddedLog
from gateway.main import topic_registry
from tests.system import ganzhou
from tests.system.in_process import PARK, in_process, register

RECORDS = f"/v1/parks/{PARK}/activity-records"


class Skewed:
    """A clock that is ahead of the others, or behind them."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead
        self._true = SystemClock()

    def now(self) -> datetime:
        return self._true.now() + self.ahead


@asynccontextmanager
async def served(folder: Path, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """The platform with another clock in accounting than in the gateway."""
    broker = EmbeddedLog(folder / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(folder, broker, accounting_clock=clock) as stack:
        yield stack.client
    await broker.close()


@pytest.mark.parametrize("seconds", [-20, 20, 200], ids=lambda seconds: f"accounting_{seconds}_s_ahead")
async def test_clocks_that_differ_a_little_do_no_harm(tmp_path: Path, seconds: int) -> None:
    async with served(tmp_path, Skewed(timedelta(seconds=seconds))) as client:
        await register(client)
        assert (await client.post(RECORDS, json=ganzhou.rows())).json()["accepted"] == 9
        assert (await client.post(RECORDS, json=ganzhou.rows())).json()["duplicate"] == 9


@pytest.mark.parametrize("seconds", [-3600, 3600], ids=lambda seconds: f"accounting_{seconds}_s_ahead")
async def test_clocks_an_hour_apart_close_the_door_and_open_it_when_they_are_set(tmp_path: Path, seconds: int) -> None:
    clock = Skewed(timedelta(seconds=seconds))
    async with served(tmp_path, clock) as client:
        refused = await client.get("/v1/parks")
        assert refused.status_code == 500, refused.text
        clock.ahead = timedelta(0)
        await register(client)
        assert (await client.post(RECORDS, json=ganzhou.rows())).json()["accepted"] == 9


async def test_a_clock_that_is_set_back_while_it_runs_changes_no_figure(tmp_path: Path) -> None:
    clock = Skewed(timedelta(seconds=20))
    first, second = ganzhou.rows()[:4], ganzhou.rows()[4:]
    async with served(tmp_path, clock) as client:
        await register(client)
        (await client.post(RECORDS, json=first)).raise_for_status()
        clock.ahead = timedelta(seconds=-20)
        (await client.post(RECORDS, json=second)).raise_for_status()
        listed = (await client.get(RECORDS)).json()["records"]
        assert [each["record_id"] for each in listed] == [row["record_id"] for row in ganzhou.rows()]
        # later positions, earlier times: the order is that of the positions
        assert listed[0]["recorded_time"] > listed[-1]["recorded_time"]
        total = (await client.get(f"/v1/parks/{PARK}/emissions", params={"from": "2020", "to": "2023"})).json()["total"]
        assert total["emissions_t_co2e"] == "2868178.069697395"
