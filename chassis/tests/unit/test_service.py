"""The skeleton of a service, and the unit of work."""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.protobuf import wrappers_pb2
from pydantic import SecretStr
from sqlalchemy import insert, select

from chassis import outbox
from chassis.broker import Broker
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.dialects import among, storable, upsert
from chassis.embedded_log import EmbeddedLog
from chassis.events import Event, EventFactory
from chassis.identity import generate_key_pair
from chassis.service import Service
from chassis.settings import DatabaseSettings, GrpcServiceSettings
from chassis.tenancy import Platform
from chassis.testing.schema import ExampleSchema
from chassis.topics import TopicRegistry
from chassis.unit_of_work import Outbox, UnitOfWork

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Failed(Exception):
    """A part did not start."""


class Noted:
    """A part that notes its start and its stop."""

    def __init__(self, name: str, notes: list[str], *, fails: bool = False) -> None:
        self._name = name
        self._notes = notes
        self._fails = fails

    async def start(self) -> None:
        if self._fails:
            raise Failed(self._name)
        self._notes.append(f"{self._name} started")

    async def stop(self) -> None:
        self._notes.append(f"{self._name} stopped")


class Example(Service):
    """The smallest service there is."""

    def __init__(self, settings: GrpcServiceSettings, schema: ExampleSchema, clock: FixedClock, broker: Broker) -> None:
        super().__init__("example", settings, clock=clock, broker=broker, outbox=schema.outbox, migrations="example.migrations")
        self.notes: list[str] = []
        self._schema = schema

    async def prepare(self) -> None:
        await self._schema.create(self.database)
        self.notes.append("prepared")


@pytest.fixture
async def service(
    tmp_path: Path, schema: ExampleSchema, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Example]:
    """The service, with a package of migrations that has none."""
    versions = tmp_path / "packages" / "example" / "migrations" / "versions"
    versions.mkdir(parents=True)
    for folder in (versions, versions.parent, versions.parents[1]):
        (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    for name in ("example", "example.migrations"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "public.pem").write_bytes(generate_key_pair()[1])
    settings = GrpcServiceSettings(
        database=DatabaseSettings(url=SecretStr(f"sqlite:///{tmp_path}/example.sqlite3")),
        caller_public_key=tmp_path / "public.pem",
    )
    log = EmbeddedLog(tmp_path / "log.sqlite3", TopicRegistry(()), clock=clock)
    yield Example(settings, schema, clock, log)
    await log.close()


async def test_parts_start_in_order_once_the_data_is_prepared_and_stop_in_reverse(service: Example) -> None:
    service.add(Noted("first", service.notes))
    service.add(Noted("second", service.notes))
    service.serve()
    await service.start()
    assert service.grpc_address.startswith("127.0.0.1:")
    assert service.monitoring.health() == {"relay": True}
    await service.stop()
    assert service.notes == ["prepared", "first started", "second started", "second stopped", "first stopped"]
    assert not service.relay.healthy


async def test_a_start_that_fails_half_way_stops_what_has_started(service: Example) -> None:
    service.add(Noted("first", service.notes))
    service.add(Noted("second", service.notes, fails=True))
    service.serve()
    with pytest.raises(Failed):
        await service.start()
    assert service.notes == ["prepared", "first started", "first stopped"]
    assert not service.relay.healthy
    # nothing is left to stop
    await service.stop()
    assert service.notes[-1] == "first stopped"


class Work(UnitOfWork[str]):
    """A unit of work whose facts are texts."""


def _work(database: Database, schema: ExampleSchema, told: list[str]) -> Work:
    factory = EventFactory("/example", new_id=lambda: f"event {len(told)}", traceparent=lambda: "")

    def encode(fact: str) -> Event:
        value = wrappers_pb2.StringValue(value=fact)
        return factory.event(value, topic="example.v1", tenant_id="t", park_id="p", subject=f"facts/{fact}", time=NOON)

    return Work(database, Platform("test"), Outbox(schema.outbox, encode, lambda: told.append("relay")))


async def test_facts_become_known_with_the_commit(database: Database, schema: ExampleSchema) -> None:
    told: list[str] = []
    async with _work(database, schema, told) as uow:
        uow.collect("lost")
    async with _work(database, schema, told) as uow:
        uow.after_commit(lambda: told.append("after"))
        uow.collect("kept")
        await uow.commit()
        # a fact is told once, however often its unit commits
        await uow.commit()
    assert told == ["relay", "after", "relay", "after"]
    async with database.read() as session:
        ((_, event),) = await outbox.unpublished(session, schema.outbox, 10)
    assert (event.subject, event.key, event.type) == ("parks/p/facts/kept", "p", "google.protobuf.StringValue")


async def test_an_upsert_keeps_what_is_there_unless_it_is_told_to_replace_it(database: Database, schema: ExampleSchema) -> None:
    async with database.begin() as session:
        await session.execute(insert(schema.effect), [{"id": 1, "name": "b"}])
        await upsert(session, schema.effect, [{"id": 1, "name": "c"}, {"id": 2, "name": "d"}])
        names = select(schema.effect.c.name).order_by(schema.effect.c.id)
        assert list(await session.scalars(names)) == ["b", "d"]
        await upsert(session, schema.effect, [{"id": 1, "name": "a"}], newer_by="name")
        assert list(await session.scalars(names)) == ["b", "d"]
        await upsert(session, schema.effect, [{"id": 1, "name": "a"}], replace=True)
        assert list(await session.scalars(names)) == ["a", "d"]
        assert list(await session.scalars(names.where(among(session, schema.effect.c.id, [2, 3])))) == ["d"]


def test_a_text_with_nul_is_not_storable() -> None:
    assert storable("etdz", "meter-1")
    assert not storable("etdz", "meter\x00")
