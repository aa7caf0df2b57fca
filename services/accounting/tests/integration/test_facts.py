"""What the service tells: everything that was committed, in order per park, enough to hold the account elsewhere."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf import json_format
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.adapters.factor_files import load_factor_book
from chassis.clock import FixedClock
from chassis.consumer import Consumer
from chassis.database import Database
from chassis.events import Event
from chassis.inbox import inbox_table
from chassis.logs import configure
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.testing.tampering import tamper
from kernel.periods import format_instant, time_zone
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import (
    EVERYTHING,
    FACTS,
    Row,
    Stand,
    Tenant,
    columns,
    encoded_columns,
    ganzhou_rows,
    hours,
    milligrams,
    refusal,
    registry,
    standing,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLES = Path(__file__).resolve().parents[4] / "proto" / "examples"


async def test_what_is_committed_is_published_in_order_per_park(park: Tenant) -> None:
    other = await park.stand.tenant().settle()
    batches = [hours(600)[start : start + 60] for start in range(0, 600, 60)]
    await asyncio.gather(*(each.push(columns(batch)) for batch in batches for each in (park, other)))
    for each in (park, other):
        told = await each.facts(events_pb2.ActivityRecorded, events_pb2.EmissionsCalculated)
        position = 0
        for event, fact in told:
            if isinstance(fact, events_pb2.ActivityRecorded):
                assert fact.first_position == position + 1
                position += len(fact.record_id)
            else:
                assert fact.last_position == position
            assert (event.tenant_id, event.park_id, event.key) == (each.tenant_id, each.park_id, each.park_id)
            assert (fact.tenant_id, fact.park_id) == (each.tenant_id, each.park_id)
        assert position == 600
        assert len(told) == 20


async def test_a_refused_call_tells_nothing(park: Tenant) -> None:
    before = await park.facts()
    await park.record(Row("r", quantity="x"))
    await refusal(park.create_source(carrier="raw_coal"))
    await refusal(park.record_figures(2020))
    await refusal(park.create_park(name_en="Other"))
    assert await park.facts() == before


async def test_events_are_keyed_as_their_topic_says_and_have_ids_of_their_own(park: Tenant) -> None:
    await park.record_figures(2020, employees_persons="1")
    await park.create_enterprise()
    await park.record(*ganzhou_rows())
    await park.close(2020)
    events = await park.stand.published()
    topics = {topic.name: topic for topic in registry()}
    assert {event.topic for event in events} == {name for name, topic in topics.items() if topic.owner == "accounting"}
    assert len({event.id for event in events}) == len(events)
    decoders = {kind.DESCRIPTOR.full_name: kind for kind in FACTS}
    for event in events:
        fact: Any = decoders[event.type].FromString(event.data)
        assert event.type in topics[event.topic].messages
        assert event.key == getattr(fact, topics[event.topic].key)
        assert event.source == "/accounting"
        assert len(event.data) < 512 * 1024


class Copy:
    """A listener with a database of its own, which knows the account from its facts alone."""

    def __init__(self, stand: Stand, folder: Path) -> None:
        """Prepares the consumer."""
        metadata = MetaData()
        inbox = inbox_table(metadata)
        names = ("tenant_id", "park_id", "source_id", "first_month", "last_month")
        kinds = (Text, Text, Text, Integer, Integer)
        self.sums = Table(
            "sums",
            metadata,
            *(Column(name, kind, primary_key=True) for name, kind in zip(names, kinds, strict=True)),
            *(Column(name, Integer) for name in ("emissions_mg", "energy_mgce", "records", "last_position")),
        )
        self.records = Table(
            "records",
            metadata,
            Column("park_id", Text, primary_key=True),
            Column("position", Integer, primary_key=True),
            *(Column(name, Text) for name in ("record_id", "source_id", "unit", "basis_id", "supersedes", "superseded_by")),
            *(Column(name, Integer) for name in ("start_s", "end_s", "quantity_micro", "emissions_mg", "energy_mgce")),
        )
        self.metadata = metadata
        self.database = Database(f"sqlite:///{folder}/copy.sqlite3")
        self.consumer = Consumer(
            stand.log,
            group="copy",
            topics=["accounting.activity.v1"],
            registry=registry(),
            handlers={
                events_pb2.ActivityRecorded.DESCRIPTOR.full_name: self._recorded,
                events_pb2.EmissionsCalculated.DESCRIPTOR.full_name: self._calculated,
            },
            database=self.database,
            table=inbox,
            clock=stand.clock,
            telemetry=Telemetry("copy", TelemetrySettings()),
            logger=configure("copy", stream=StringIO()),
        )

    async def _calculated(self, session: AsyncSession, event: Event) -> None:
        fact = events_pb2.EmissionsCalculated.FromString(event.data)
        spans = zip(fact.source_id, fact.first_month, fact.last_month, strict=True)
        for span, emissions, energy, records in zip(spans, fact.emissions_mg_co2e, fact.energy_mgce, fact.records, strict=True):
            key = dict(zip(("source_id", "first_month", "last_month"), span, strict=True))
            values = {
                "emissions_mg": int(emissions),
                "energy_mgce": int(energy),
                "records": records,
                "last_position": fact.last_position,
            }
            put = sqlite.insert(self.sums).values(tenant_id=fact.tenant_id, park_id=fact.park_id, **key, **values)
            await session.execute(put.on_conflict_do_update(set_=values))

    async def _recorded(self, session: AsyncSession, event: Event) -> None:
        fact = events_pb2.ActivityRecorded.FromString(event.data)
        supersedes = {each.record_id: each.superseded_record_id for each in fact.supersessions}
        table = self.records
        for place, record_id in enumerate(fact.record_id):
            target = supersedes.get(record_id, "")
            await session.execute(
                table.insert().values(
                    park_id=fact.park_id,
                    position=fact.first_position + place,
                    record_id=record_id,
                    source_id=fact.source_id[fact.source_index[place]],
                    unit=fact.unit[fact.unit_index[place]],
                    basis_id=fact.basis_id[fact.basis_index[place]],
                    supersedes=target,
                    superseded_by="",
                    start_s=fact.period_start_s[place],
                    end_s=fact.period_end_s[place],
                    quantity_micro=fact.quantity_micro[place],
                    emissions_mg=fact.emissions_mg_co2e[place],
                    energy_mgce=fact.energy_mgce[place],
                )
            )
            if target:
                named = (table.c.park_id == fact.park_id, table.c.record_id == target)
                await session.execute(table.update().where(*named).values(superseded_by=record_id))

    async def caught_up(self) -> None:
        """Waits until every event is handled and its place in the log kept."""
        async with asyncio.timeout(20):
            while await self.consumer.lag():  # noqa: ASYNC110 - nothing tells that a group's place was kept
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture(loop_scope="session")
async def copy(own_stand: Stand, tmp_path: Path) -> AsyncIterator[Copy]:
    """A listener that starts with the test."""
    copy = Copy(own_stand, tmp_path)
    async with copy.database.begin() as session:
        await (await session.connection()).run_sync(copy.metadata.create_all)
        await session.commit()
    await copy.consumer.start()
    yield copy
    await copy.consumer.stop()
    await copy.database.dispose()


async def test_a_listener_that_knows_only_the_facts_has_the_account(own_stand: Stand, copy: Copy) -> None:
    parks = [await own_stand.tenant().settle() for _ in range(2)]
    for park in parks:
        await park.record(*ganzhou_rows())
        await park.record(Row("fix", "oil", "2021-01-01", "2022-01-01", "1", "t", supersedes="oil-2021"))
        await park.create_source("spare")
        await park.record(Row("again", "spare", "2021-02-01", "2021-03-01", "-3", "kWh", supersedes="fix"))
        await park.create_source("hourly")
    await asyncio.gather(
        *(park.push(encoded_columns(hours(1_200, source_id="hourly")[n : n + 300])) for park in parks for n in range(0, 1200, 300))
    )
    await own_stand.published()
    await copy.caught_up()
    assert copy.consumer.healthy
    zone = time_zone("Asia/Shanghai")
    async with copy.database.read() as session:
        sums = {tuple(row)[:8] for row in await session.execute(select(copy.sums)) if row.records}
        heard: Mapping[str, list[Any]] = defaultdict(list)
        for row in await session.execute(select(copy.records).order_by(copy.records.c.position)):
            heard[row.park_id].append(row)
    kept = tables.emissions_sum.c
    chosen = (kept.tenant_id, kept.park_id, kept.source_id, kept.first_month, kept.last_month)
    async with own_stand.service.database.read(EVERYTHING) as session:
        query = select(*chosen, kept.emissions_mg, kept.energy_mgce, kept.records).where(kept.records > 0)
        assert sums == {tuple(row) for row in await session.execute(query)}
    for park in parks:
        records = await park.records()
        assert len(records) == 1_211
        assert [_written(row, zone) for row in heard[park.park_id]] == [_kept(record) for record in records]


def _written(row: Any, zone: Any) -> tuple[Any, ...]:
    names = ("position", "record_id", "source_id", "unit", "basis_id", "supersedes", "superseded_by", "emissions_mg", "energy_mgce")
    period = (format_instant(row.start_s, zone), format_instant(row.end_s, zone))
    return (*(getattr(row, name) for name in names), *period, row.quantity_micro)


def _kept(record: pb.ActivityRecord) -> tuple[Any, ...]:
    micro = int(Decimal(record.quantity).scaleb(6))
    return (
        record.position,
        record.record_id,
        record.source_id,
        record.unit,
        record.basis_id,
        record.supersedes,
        record.superseded_by,
        milligrams(record.emissions_t_co2e),
        milligrams(record.energy_tce),
        record.period_start_time,
        record.period_end_time,
        micro,
    )


async def tell_everything(stand: Stand) -> Tenant:
    """Has the service tell every kind of fact, as the examples have them."""
    park = Tenant(stand, "ganzhou", "gz-etdz")
    await park.create_park(latitude_deg="25.85", longitude_deg="114.93")
    await park.create_enterprise("rare-earth-works", name_zh="稀土材料厂", name_en="Rare earth works", industry_code="C3239")
    await park.create_source("electricity", name_zh="外购电力", name_en="Purchased power")
    await park.create_source("oil", name_zh="成品油", name_en="Refined oil")
    await park.create_source("gas", name_zh="天然气", name_en="Natural gas", enterprise_id="rare-earth-works")
    await park.record_figures(2020, gross_output_10k_cny="7070000")
    power, gas, oil = (row for row in ganzhou_rows() if row.record_id.endswith("2020"))
    await park.record(power._replace(quantity="882077"))
    await park.record(power._replace(record_id="electricity-2020-corrected", supersedes="electricity-2020"), gas, oil)
    await park.close(2020)
    named = {"park_id": park.park_id, "inventory_id": "2020-v1"}
    about = {**named, "finding_id": "f-1"}
    said = {"kind": "misstatement", "material": True, "item": "enterprise.fuel_combustion", "text": "A bill of gas is missing"}
    written = pb.WriteFindingRequest(**about, **said, record_id="gas-2020", evidence=["bill-2020-12"])  # type: ignore[arg-type]
    await stand.channel.call(stand.stub.WriteFinding, written, caller=park.operator)
    answered = pb.AnswerFindingRequest(**about, text="It came late", evidence=["bill-2020-12"])
    await stand.channel.call(stand.stub.AnswerFinding, answered, caller=park.manager)
    ended = pb.CloseFindingRequest(**about, conclusion="resolved", text="The bill is in the account")
    await stand.channel.call(stand.stub.CloseFinding, ended, caller=park.operator)
    await stand.channel.call(stand.stub.PublishInventory, pb.PublishInventoryRequest(**named), caller=park.manager)
    withdrawn = pb.WithdrawPublicationRequest(**named, reason="The bill of December came late")
    await stand.channel.call(stand.stub.WithdrawPublication, withdrawn, caller=park.manager)
    return park


def example_of(event: Event) -> Path:
    """Returns where the example of an event's kind is."""
    return EXAMPLES / event.topic / f"{event.type.rpartition('.')[2]}.json"


async def test_the_examples_are_what_the_service_tells(own_stand: Stand) -> None:
    await tell_everything(own_stand)
    decoders = {kind.DESCRIPTOR.full_name: kind for kind in FACTS}
    newest: dict[Path, Any] = {}
    for event in await own_stand.published():
        if event.type.endswith("FactorPublished"):
            fact: Any = decoders[event.type].FromString(event.data)
            if (fact.table_id, fact.quantity) != ("wang_2024", "emission_factor"):
                continue
        newest[example_of(event)] = json_format.MessageToDict(decoders[event.type].FromString(event.data))
    assert len(newest) == len(FACTS)
    for path, told in newest.items():
        assert told == json.loads(path.read_text(encoding="utf-8")), path


async def test_every_factor_is_published_once_and_a_restart_publishes_none(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    shipped = load_factor_book()
    for start in range(2):
        async with standing(database_url, tmp_path, clock) as stand:
            told = [
                events_pb2.FactorPublished.FromString(event.data)
                for event in await stand.published()
                if event.topic == "accounting.factor.v1"
            ]
            assert await stand.count(tables.factor) == len(shipped.all_factors()), start
        assert sorted(fact.factor_id for fact in told) == [factor.factor_id for factor in shipped.all_factors()]
    by_id = {fact.factor_id: fact for fact in told}
    for factor in shipped.all_factors():
        fact = by_id[factor.factor_id]
        assert (fact.table_id, fact.value, fact.unit, fact.region) == (factor.table_id, factor.value, factor.unit, factor.region)
        assert tuple(fact.set_id) == shipped.sets_using(factor.table_id)


async def test_replicas_that_start_at_once_publish_every_factor_once(postgres_url: str, tmp_path: Path, clock: FixedClock) -> None:
    started = asyncio.Barrier(3)

    async def replica(number: int) -> list[str]:
        folder = tmp_path / str(number)
        folder.mkdir()
        await started.wait()
        async with standing(postgres_url, folder, clock) as stand:
            await started.wait()
            return [event.subject for event in await stand.published()]

    # Each has a log of its own; whoever's relay holds the lock publishes to its own.
    told = [subject for subjects in await asyncio.gather(*(replica(number) for number in range(3))) for subject in subjects]
    assert len(told) == len(set(told)) == len(load_factor_book().all_factors())


async def test_a_new_row_of_a_table_is_published_and_the_known_are_not(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with standing(database_url, tmp_path, clock) as stand:
        before = len(await stand.published())
        first = load_factor_book().all_factors()[0].factor_id
        gone = tables.factor.c.factor_id == first
        await asyncio.to_thread(tamper, database_url, f"DELETE FROM factor WHERE factor_id = '{first}'")
    async with standing(database_url, tmp_path, clock) as stand:
        events = await stand.published()
        assert len(events) == before + 1
        async with stand.service.database.read(EVERYTHING) as session:
            count = select(func.count()).select_from(tables.factor).where(gone)
            assert (await session.execute(count)).scalar_one() == 1


async def test_the_registry_that_ships_is_the_one_that_the_log_reads() -> None:
    names = [topic["name"] for topic in json.loads((files("parkcarbon") / "topics.json").read_bytes())["topics"]]
    assert [topic.name for topic in registry()] == names
