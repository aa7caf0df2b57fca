"""The service as it is served, and what the suites say to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc  # type: ignore[import-untyped]
from google.protobuf import duration_pb2, json_format, struct_pb2
from google.protobuf.message import Message as WireMessage
from pydantic import SecretStr
from sqlalchemy import func, select

from accounting.adapters import tables
from accounting.domain.accounts import DIMENSIONS
from accounting.main import Accounting, build
from accounting.settings import AccountingSettings
from chassis.channel import Channel, ChannelSettings
from chassis.clock import Clock
from chassis.embedded_log import EmbeddedLog
from chassis.errors import RemoteError
from chassis.events import Event, from_message
from chassis.identity import CallerSigner, generate_key_pair
from chassis.logs import Level
from chassis.settings import DatabaseSettings, LogSettings
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.tenancy import Platform
from chassis.topics import TopicRegistry
from kernel.access import Caller
from kernel.quantities import format_scaled
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from parkcarbon.accounting.v1 import accounting_pb2_grpc

WANG_SOURCES = {
    # source: carrier, scope, item
    "electricity": ("electricity", 2, "enterprise.purchased_energy"),
    "gas": ("natural_gas", 1, "enterprise.fuel_combustion"),
    "oil": ("refined_oil", 1, "enterprise.fuel_combustion"),
}
EVERYTHING = Platform("test")
_numbers = count(1)


class Row(NamedTuple):
    """One activity row as text, in the order of the fields of `ActivityColumns` after row_number."""

    record_id: str
    source_id: str = "electricity"
    period_start: str = "2020-01-01"
    period_end: str = "2020-02-01"
    quantity: str = "100"
    unit: str = "MWh"
    supersedes: str = ""
    confirmed: str = ""


def columns(rows: Sequence[Row], *, first_number: int = 1) -> pb.ActivityColumns:
    """Writes rows by column, one value per row."""
    texts = {name: pb.TextColumn(values=[row[place] for row in rows]) for place, name in enumerate(Row._fields)}
    return pb.ActivityColumns(row_number=range(first_number, first_number + len(rows)), **texts)


def encoded_columns(rows: Sequence[Row]) -> pb.ActivityColumns:
    """Writes rows by column, every distinct value once."""
    texts = {}
    for place, name in enumerate(Row._fields):
        codes: dict[str, int] = {}
        indices = [codes.setdefault(row[place], len(codes)) for row in rows]
        texts[name] = pb.TextColumn(values=list(codes), indices=indices)
    return pb.ActivityColumns(row_number=range(1, len(rows) + 1), **texts)


def registry() -> TopicRegistry:
    """Reads the topics that exist."""
    return TopicRegistry.from_package("parkcarbon")


async def refusal(call: Awaitable[object]) -> RemoteError:
    """Returns the error that a call is answered with."""
    with pytest.raises(RemoteError) as caught:
        await call
    return caught.value


def outcomes(answer: pb.RecordActivityResponse) -> list[str]:
    """Returns what became of each row, as the end of the enum's name."""
    return [pb.Outcome.Name(each).removeprefix("OUTCOME_").lower() for each in answer.outcomes.outcome]


def reasons(answer: pb.RecordActivityResponse) -> list[str]:
    """Returns why rows were rejected, in the order of the answer."""
    return [problem.reason for problem in answer.outcomes.problems]


def milligrams(tonnes: str) -> int:
    """Reads tonnes of an answer, which are exact and written in one way only."""
    amount = int(Decimal(tonnes) * 10**9)
    assert format_scaled(amount, 9) == tonnes
    return amount


def group(each: pb.EmissionsGroup) -> tuple[int, int, int]:
    """Returns emissions in mg, energy in mg of standard coal, and the number of records."""
    return milligrams(each.emissions_t_co2e), milligrams(each.energy_tce), each.records


def keys_of(each: pb.EmissionsGroup, group_by: Iterable[str]) -> tuple[str, ...]:
    """Returns what a group has for the dimensions that were asked for; it has no others."""
    present = {field.name for field, _ in each.ListFields() if field.name in DIMENSIONS}
    assert present == set(group_by)
    return tuple(getattr(each, name) for name in group_by)


def keyed(answer: pb.QueryEmissionsResponse) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """Returns the groups of an answer by their keys."""
    return {keys_of(each, answer.group_by): group(each) for each in answer.groups}


class Stand:
    """A running service with its log, and a channel to it."""

    def __init__(self, service: Accounting, log: EmbeddedLog, channel: Channel, clock: Clock, url: str, keys: "Keys") -> None:
        """Stores the parts."""
        self.service = service
        self.log = log
        self.channel = channel
        self.clock = clock
        self.url = url
        self.keys = keys
        self.stub = accounting_pb2_grpc.AccountingServiceStub(channel.grpc)
        self.operations = operations_pb2_grpc.OperationsStub(channel.grpc)

    def tenant(self) -> "Tenant":
        """Returns a tenant whom the service has not seen before."""
        number = next(_numbers)
        return Tenant(self, f"tenant-{number}", f"park-{number}")

    async def published(self) -> list[Event]:
        """Waits until nothing is left to publish, and returns every event of the log, by topic and key, then as published.

        Between topics, and between keys, no order is promised: there it depends on how fast each is published.
        """
        async with asyncio.timeout(60):
            # the relay tells nobody when it has published everything
            while await self.count(tables.outbox):  # noqa: ASYNC110
                await asyncio.sleep(0)
        subscription = await self.log.subscribe(f"reader-{next(_numbers)}", [topic.name for topic in registry()])
        found: list[Event] = []
        try:
            while deliveries := await subscription.poll(10_000, 0.0):
                found += [from_message(each.message) for each in deliveries]
        finally:
            await subscription.close()
        return sorted(found, key=lambda event: (event.topic, event.key))

    async def count(self, table: Any) -> int:
        """Returns how many rows a table has."""
        async with self.service.database.read(EVERYTHING) as session:
            found: int = (await session.execute(select(func.count()).select_from(table))).scalar_one()
            return found


@dataclass(frozen=True)
class Tenant:
    """A tenant with one park, and its callers."""

    stand: Stand
    tenant_id: str
    park_id: str

    @property
    def manager(self) -> Caller:
        """Reads and writes."""
        return Caller(f"manager of {self.tenant_id}", self.tenant_id, frozenset({"park_manager"}))

    @property
    def operator(self) -> Caller:
        """Reads and writes as well."""
        return Caller(f"operator of {self.tenant_id}", self.tenant_id, frozenset({"platform_operator"}))

    @property
    def reader(self) -> Caller:
        """Only reads."""
        return Caller(f"reader of {self.tenant_id}", self.tenant_id, frozenset({"reader"}))

    def park(self, **changes: str) -> pb.Park:
        """Returns the park as it is registered, but for some fields."""
        park = pb.Park(
            park_id=self.park_id,
            name_zh="赣州经济技术开发区",
            name_en="Ganzhou Economic and Technological Development Zone",
            region_code="360700",
            time_zone="Asia/Shanghai",
            factor_set_id="wang-2024",
        )
        park.MergeFrom(pb.Park(**changes))
        return park

    def enterprise(self, enterprise_id: str = "mill", **changes: str) -> pb.Enterprise:
        """Returns an enterprise of the park."""
        enterprise = pb.Enterprise(
            park_id=self.park_id, enterprise_id=enterprise_id, name_zh="钢厂", name_en="Mill", industry_code="C3120"
        )
        enterprise.MergeFrom(pb.Enterprise(**changes))
        return enterprise

    def source(self, source_id: str = "electricity", **changes: Any) -> pb.Source:
        """Returns a source of the park; what it uses follows from the id where that is one of WANG_SOURCES."""
        carrier, scope, item = WANG_SOURCES.get(source_id, WANG_SOURCES["electricity"])
        source = pb.Source(
            park_id=self.park_id,
            source_id=source_id,
            name_zh="排放源",
            name_en="Source",
            item=item,
            scope=scope,
            carrier=carrier,
            gas="CO2",
            sector="energy",
            settlement_basis="bill",
        )
        source.MergeFrom(pb.Source(**changes))
        return source

    async def create_park(self, caller: Caller | None = None, **changes: str) -> pb.CreateParkResponse:
        """Registers the park."""
        request = pb.CreateParkRequest(park=self.park(**changes))
        return await self.stand.channel.call(self.stand.stub.CreatePark, request, caller=caller or self.manager)

    async def create_enterprise(self, enterprise_id: str = "mill", **changes: str) -> pb.CreateEnterpriseResponse:
        """Registers an enterprise."""
        request = pb.CreateEnterpriseRequest(enterprise=self.enterprise(enterprise_id, **changes))
        return await self.stand.channel.call(self.stand.stub.CreateEnterprise, request, caller=self.manager)

    async def create_source(
        self, source_id: str = "electricity", caller: Caller | None = None, **changes: Any
    ) -> pb.CreateSourceResponse:
        """Registers a source."""
        request = pb.CreateSourceRequest(source=self.source(source_id, **changes))
        return await self.stand.channel.call(self.stand.stub.CreateSource, request, caller=caller or self.manager)

    async def settle(self, *source_ids: str) -> "Tenant":
        """Registers the park and sources; without names the three of WANG_SOURCES."""
        await self.create_park()
        for source_id in source_ids or WANG_SOURCES:
            await self.create_source(source_id)
        return self

    async def record_figures(self, year: int, **figures: str) -> pb.RecordAnnualFiguresResponse:
        """Records the figures of a year."""
        given = pb.AnnualFigures(park_id=self.park_id, year=year, **figures)  # type: ignore[arg-type]  # text fields
        request = pb.RecordAnnualFiguresRequest(figures=given)
        return await self.stand.channel.call(self.stand.stub.RecordAnnualFigures, request, caller=self.manager)

    async def push(self, rows: pb.ActivityColumns, caller: Caller | None = None) -> pb.RecordActivityResponse:
        """Records a batch that is already in columns."""
        request = pb.RecordActivityRequest(park_id=self.park_id, rows=rows)
        return await self.stand.channel.call(self.stand.stub.RecordActivity, request, caller=caller or self.manager)

    async def record(self, *rows: Row) -> pb.RecordActivityResponse:
        """Records a batch of rows."""
        return await self.push(columns(rows))

    async def query(
        self, *group_by: str, start: str = "2020-01", end: str = "2023-01", caller: Caller | None = None
    ) -> pb.QueryEmissionsResponse:
        """Asks for the totals of a range of months."""
        request = pb.QueryEmissionsRequest(park_id=self.park_id, from_month=start, to_month=end, group_by=group_by)
        return await self.stand.channel.call(self.stand.stub.QueryEmissions, request, caller=caller or self.reader)

    async def total(self) -> tuple[int, int, int]:
        """Asks for the total of 2020 to 2022."""
        return group((await self.query()).total)

    async def groups(self, *group_by: str, **span: str) -> dict[tuple[str, ...], tuple[int, int, int]]:
        """Asks for totals by keys."""
        return keyed(await self.query(*group_by, **span))  # type: ignore[arg-type]  # start and end only

    async def indicators(self, year: int) -> pb.GetIndicatorsResponse:
        """Asks for the figures of a year."""
        request = pb.GetIndicatorsRequest(park_id=self.park_id, year=year)
        return await self.stand.channel.call(self.stand.stub.GetIndicators, request, caller=self.reader)

    async def page(self, page_size: int = 0, page_token: str = "") -> pb.ListActivityRecordsResponse:
        """Asks for a page of records."""
        request = pb.ListActivityRecordsRequest(park_id=self.park_id, page_size=page_size, page_token=page_token)
        return await self.stand.channel.call(self.stand.stub.ListActivityRecords, request, caller=self.reader)

    async def records(self, page_size: int = 10_000) -> list[pb.ActivityRecord]:
        """Asks for every record, page by page."""
        found: list[pb.ActivityRecord] = []
        token = ""
        while True:
            answer = await self.page(page_size, token)
            found += answer.records
            token = answer.next_page_token
            if not token:
                return found

    async def rebuild(self) -> Mapping[str, Any]:
        """Has the sums rebuilt, waits for the job, and returns its result."""
        request = pb.RebuildSumsRequest(park_id=self.park_id)
        answer = await self.stand.channel.call(self.stand.stub.RebuildSums, request, caller=self.manager)
        wait = operations_pb2.WaitOperationRequest(name=answer.operation_name, timeout=duration_pb2.Duration(seconds=20))
        operation: Any = await self.stand.channel.call(self.stand.operations.WaitOperation, wait, caller=self.manager)
        assert operation.done, operation
        result = struct_pb2.Struct()
        assert operation.response.Unpack(result), operation
        return json_format.MessageToDict(result)

    async def close(self, year: int, reason: str = "", caller: Caller | None = None) -> pb.CloseInventoryResponse:
        """Closes the inventory of a year."""
        request = pb.CloseInventoryRequest(park_id=self.park_id, year=year, reason=reason)
        return await self.stand.channel.call(self.stand.stub.CloseInventory, request, caller=caller or self.manager)

    async def inventory(self, inventory_id: str, caller: Caller | None = None) -> pb.GetInventoryResponse:
        """Asks for an inventory."""
        request = pb.GetInventoryRequest(park_id=self.park_id, inventory_id=inventory_id)
        return await self.stand.channel.call(self.stand.stub.GetInventory, request, caller=caller or self.reader)

    async def lines(self, inventory_id: str, page_size: int = 0, token: str = "") -> pb.ListInventoryLinesResponse:
        """Asks for a page of an inventory's lines."""
        request = pb.ListInventoryLinesRequest(
            park_id=self.park_id, inventory_id=inventory_id, page_size=page_size, page_token=token
        )
        return await self.stand.channel.call(self.stand.stub.ListInventoryLines, request, caller=self.reader)

    async def replay(self, inventory_id: str) -> pb.ReplayInventoryResponse:
        """Has an inventory computed again."""
        request = pb.ReplayInventoryRequest(park_id=self.park_id, inventory_id=inventory_id)
        return await self.stand.channel.call(self.stand.stub.ReplayInventory, request, caller=self.reader)

    async def facts(self, *kinds: type[WireMessage]) -> list[tuple[Event, Any]]:
        """Returns the park's published events with what they say, in order per topic; of some kinds, or all."""
        decoders = {kind.DESCRIPTOR.full_name: kind for kind in kinds or FACTS}
        return [
            (event, decoders[event.type].FromString(event.data))
            for event in await self.stand.published()
            if event.park_id == self.park_id and event.type in decoders
        ]


FACTS: tuple[type[WireMessage], ...] = (
    events_pb2.ParkRegistered,
    events_pb2.EnterpriseRegistered,
    events_pb2.SourceRegistered,
    events_pb2.AnnualFiguresRecorded,
    events_pb2.ActivityRecorded,
    events_pb2.EmissionsCalculated,
    events_pb2.FactorPublished,
    events_pb2.InventoryClosed,
    events_pb2.InventoryPublished,
    events_pb2.PublicationWithdrawn,
    events_pb2.FindingWritten,
    events_pb2.FindingAnswered,
    events_pb2.FindingClosed,
)


@dataclass(frozen=True)
class Keys:
    """The gateway's key pair; the public one in a file."""

    private: bytes
    public_file: Path

    @classmethod
    def make(cls, folder: Path) -> "Keys":
        """Makes a pair."""
        private, public = generate_key_pair()
        (folder / "caller.pem").write_bytes(public)
        return cls(private, folder / "caller.pem")


def settings_for(url: str, public_key: Path) -> AccountingSettings:
    """Returns the settings of a service on a database."""
    return AccountingSettings(
        database=DatabaseSettings(url=SecretStr(url)), caller_public_key=public_key, logs=LogSettings(level=Level.ERROR)
    )


def channel_to(address: str, settings: AccountingSettings, keys: Keys, clock: Clock) -> Channel:
    """Opens a channel that signs callers."""
    signer = CallerSigner(keys.private, issuer=settings.caller_issuer, audience=settings.caller_audience, clock=clock)
    return Channel(ChannelSettings(target=address), signer=signer, telemetry=Telemetry("test", TelemetrySettings()))


@asynccontextmanager
async def standing(url: str, folder: Path, clock: Clock) -> AsyncIterator[Stand]:
    """Runs the service on a database for the length of the block; its log is a file of the folder."""
    keys = Keys.make(folder)
    settings = settings_for(url, keys.public_file)
    log = EmbeddedLog(folder / "log.sqlite3", registry(), clock=clock)
    service = build(settings, clock=clock, broker=log)
    await service.start()
    channel = channel_to(service.grpc_address, settings, keys, clock)
    try:
        yield Stand(service, log, channel, clock, url, keys)
    finally:
        await channel.close()
        await service.stop()
        await log.close()


def ganzhou_rows() -> Iterable[Row]:
    """Yields the nine records of Wang et al. 2024, DOI 10.16516/j.ceec.2023-311, tables 4 to 6."""
    quantities = {
        2020: ("882077.299", "2676.0902", "103810.000"),
        2021: ("971033.360", "2932.3308", "113374.150"),
        2022: ("1052105.126", "2955.7895", "108152.571"),
    }
    for year, amounts in quantities.items():
        for source_id, quantity, unit in zip(WANG_SOURCES, amounts, ("MWh", "万Nm3", "t"), strict=True):
            yield Row(f"{source_id}-{year}", source_id, f"{year}-01-01", f"{year + 1}-01-01", quantity, unit)


def hours(count: int, prefix: str = "h", source_id: str = "electricity") -> list[Row]:
    """Adjoining hours from 2020-01-01 on, 1 MWh each: 0.581 t, 122.9 kgce."""
    texts = [f"2020-{1 + day // 28:02d}-{1 + day % 28:02d}T{hour:02d}:00:00+08:00" for day in range(336) for hour in range(24)]
    return [
        Row(f"{prefix}-{number}", source_id, texts[number], texts[number + 1] if (number + 1) % 672 else _after(number), "1")
        for number in range(count)
    ]


def _after(number: int) -> str:
    """The end of the last hour of a 28th day."""
    return f"2020-{number // 672 + 1:02d}-29T00:00:00+08:00"
