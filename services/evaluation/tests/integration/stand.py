"""The evaluation as it is served, beside accounting, and what the suites say to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from accounting.adapters import tables as account_tables
from chassis.channel import Channel, ChannelSettings
from chassis.clock import Clock
from chassis.events import Event, from_message
from chassis.logs import Level
from chassis.settings import DatabaseSettings, LogSettings
from chassis.tenancy import Platform
from evaluation.adapters import tables
from evaluation.main import Evaluation, build
from evaluation.settings import EvaluationSettings
from kernel.access import Caller
from parkcarbon.evaluation.v1 import evaluation_pb2 as pb
from parkcarbon.evaluation.v1 import evaluation_pb2_grpc
from services.accounting.tests.integration import stand as accounts
from services.accounting.tests.integration.stand import channel_to, ganzhou_rows, settings_for

GUIDE = "guide-2021"


class Stand:
    """Running services, and a channel to the evaluation."""

    def __init__(self, accounting: accounts.Stand, service: Evaluation, channel: Channel) -> None:
        """Stores the parts."""
        self.accounting = accounting
        self.service = service
        self.channel = channel
        self.stub = evaluation_pb2_grpc.EvaluationServiceStub(channel.grpc)

    def tenant(self) -> "Tenant":
        """Returns a tenant whom the services have not seen before."""
        return Tenant(self, self.accounting.tenant())

    async def heard(self) -> None:
        """Waits until every fact that accounting has told was handled here."""
        accounting, consumer = self.accounting, self.service.consumer
        async with asyncio.timeout(60):
            # the consumer tells nobody when it has caught up
            while await accounting.count(account_tables.outbox) or await consumer.lag():  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def rows(self, table: Any, park_id: str) -> list[Any]:
        """Returns the rows of a park in a table."""
        async with self.service.database.read(Platform("test")) as session:
            return list(await session.execute(select(table).where(table.c.park_id == park_id)))

    async def told(self) -> list[Event]:
        """Waits until nothing is left to publish, and returns every event of the evaluation's own topic, in order per park."""
        async with asyncio.timeout(60):
            # the relay tells nobody when it has published everything
            while await self._waiting():  # noqa: ASYNC110
                await asyncio.sleep(0)
        subscription = await self.accounting.log.subscribe("reader of results", ["evaluation.result.v1"])
        found: list[Event] = []
        try:
            while deliveries := await subscription.poll(1_000, 0.0):
                found += [from_message(each.message) for each in deliveries]
        finally:
            await subscription.close()
        return sorted(found, key=lambda event: event.key)

    async def _waiting(self) -> bool:
        async with self.service.database.read(Platform("test")) as session:
            return bool((await session.execute(select(tables.outbox.c.sequence))).all())


@dataclass(frozen=True)
class Tenant:
    """A tenant with one park."""

    stand: Stand
    account: accounts.Tenant

    @property
    def park_id(self) -> str:
        """The park's id."""
        return self.account.park_id

    @property
    def manager(self) -> Caller:
        """Reads and writes."""
        return self.account.manager

    @property
    def reader(self) -> Caller:
        """Only reads."""
        return self.account.reader

    async def settle(self) -> "Tenant":
        """Registers the park with its sources, records and the output of its years."""
        await self.account.settle()
        await self.account.record(*ganzhou_rows())
        for year, output in ((2020, "7070000"), (2021, "9547000"), (2022, "11620000")):
            await self.account.record_figures(year, gross_output_10k_cny=output)
        return self

    async def ask(self, method: str, request: Any, caller: Caller | None = None) -> Any:
        """Calls an rpc by its name."""
        answer: Awaitable[Any] = self.stand.channel.call(getattr(self.stand.stub, method), request, caller=caller or self.manager)
        return await answer

    async def enter(self, *rows: tuple[str, ...], system: str = GUIDE, **more: str) -> pb.RecordIndicatorValuesResponse:
        """Enters rows of indicator, year, value, and what more each has."""
        entries = [
            pb.EnteredValue(row_number=number, indicator_id=row[0], year=row[1], value=row[2], **more)
            for number, row in enumerate(rows, start=1)
        ]
        request = pb.RecordIndicatorValuesRequest(park_id=self.park_id, system_id=system, rows=entries)
        answer: pb.RecordIndicatorValuesResponse = await self.ask("RecordIndicatorValues", request)
        return answer

    async def values(self, year: int = 2022, system: str = GUIDE) -> Mapping[str, pb.IndicatorValue]:
        """Lists what is known of a year, by indicator."""
        request = pb.ListIndicatorValuesRequest(park_id=self.park_id, system_id=system, year=year)
        answer: pb.ListIndicatorValuesResponse = await self.ask("ListIndicatorValues", request, self.reader)
        return {each.indicator_id: each for each in answer.values}

    async def evaluate(self, year: int = 2022, system: str = GUIDE, **more: Any) -> pb.Evaluation:
        """Evaluates the park."""
        request = pb.EvaluateParkRequest(park_id=self.park_id, system_id=system, year=year, **more)
        answer: pb.EvaluateParkResponse = await self.ask("EvaluatePark", request)
        return answer.evaluation


@asynccontextmanager
async def standing(url: str, folder: Path, clock: Clock) -> AsyncIterator[Stand]:
    """Runs accounting on SQLite and the evaluation on a database for the length of the block."""
    async with accounts.standing(f"sqlite:///{folder}/accounting.sqlite3", folder, clock) as accounting:
        keys = accounting.keys
        settings = evaluation_settings(url, accounting.service.grpc_address, keys.public_file)
        service = build(settings, clock=clock, broker=accounting.log)
        await service.start()
        channel = channel_to(service.grpc_address, settings_for(url, keys.public_file), keys, clock)
        try:
            yield Stand(accounting, service, channel)
        finally:
            await channel.close()
            await service.stop()


def evaluation_settings(url: str, accounting: str, public_key: Path) -> EvaluationSettings:
    """Returns the settings of an evaluation on a database."""
    return EvaluationSettings(
        database=DatabaseSettings(url=SecretStr(url)),
        accounting=ChannelSettings(target=accounting),
        caller_public_key=public_key,
        logs=LogSettings(level=Level.ERROR),
    )
