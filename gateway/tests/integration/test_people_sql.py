"""People and their sessions as the database keeps them: the suite of a PeopleRegister, over both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import MetaData

from chassis.clock import FixedClock
from chassis.database import Database
from gateway.adapters.sql.tables import tables
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.application.access.ports import Ticket
from gateway.domain.access.credentials import RegisteredCaller
from gateway.domain.access.people import SESSION_LIFE, Person
from gateway.domain.callers import Role
from gateway.domain.errors import IdentityTaken
from gateway.events.publish import FactEncoder

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ADA = Person(tenant_id="ganzhou", caller_id="ada", login="ada@example.com", password_hash="", failures=0, locked_until=None)
TICKET = Ticket("a" * 64, "ganzhou", "ada", NOW + timedelta(hours=1))


def caller(caller_id: str, tenant_id: str = "ganzhou") -> RegisteredCaller:
    return RegisteredCaller(
        tenant_id=tenant_id,
        caller_id=caller_id,
        name=caller_id,
        roles=frozenset({Role.PARK_MANAGER}),
        parks=None,
        regions=None,
        enterprises=None,
        issuer="",
        external_subject="",
        active=True,
        registered_time=NOW,
    )


@pytest.fixture
async def units(migrated_url: str) -> AsyncIterator[SqlUnitsOfWork]:
    database = Database(migrated_url)
    encoder = FactEncoder(new_id=lambda: str(uuid4()), traceparent=lambda: "")
    opened = SqlUnitsOfWork(database, tables(MetaData()), FixedClock(NOW), encode=encoder.encode, committed=lambda: None)
    async with opened() as unit:
        for each in (caller("ada"), caller("ben"), caller("ada", "nanchang")):
            await unit.access.put_caller(each)
        await unit.commit()
    yield opened
    await database.dispose()


async def put(units: SqlUnitsOfWork, *people: Person) -> None:
    async with units() as unit:
        for person in people:
            await unit.people.put_person(person)
        await unit.commit()


async def test_a_person_is_found_by_caller_and_by_login_as_it_was_last_stored(units: SqlUnitsOfWork) -> None:
    await put(units, ADA)
    locked = replace(ADA, login="ada@example.org", password_hash="$argon2id$x", failures=5, locked_until=NOW)
    await put(units, locked)
    async with units() as unit:
        assert await unit.people.person("ganzhou", "ada") == locked
        assert await unit.people.person_of("ada@example.org") == locked
        assert await unit.people.person_of("ada@example.com") is None
        assert await unit.people.person("nanchang", "ada") is None


async def test_a_login_is_one_persons_on_the_whole_platform(units: SqlUnitsOfWork) -> None:
    await put(units, ADA)
    for other in (replace(ADA, caller_id="ben"), replace(ADA, tenant_id="nanchang")):
        with pytest.raises(IdentityTaken):
            await put(units, other)
    async with units() as unit:
        assert await unit.people.person("ganzhou", "ben") is None


async def test_guesses_at_once_are_counted_one_after_the_other(units: SqlUnitsOfWork) -> None:
    await put(units, ADA)

    async def guess() -> None:
        async with units() as unit:
            found = await unit.people.person_of(ADA.login)
            assert found is not None
            await unit.people.put_person(replace(found, failures=found.failures + 1))
            await unit.commit()

    await asyncio.gather(*(guess() for _ in range(8)))
    async with units() as unit:
        found = await unit.people.person("ganzhou", "ada")
    assert found is not None
    assert found.failures == 8


async def test_a_ticket_is_taken_once_and_a_new_one_takes_its_place(units: SqlUnitsOfWork) -> None:
    newer = replace(TICKET, sha256="b" * 64)
    async with units() as unit:
        await unit.people.add_ticket(TICKET)
        await unit.people.add_ticket(newer)
        await unit.commit()

    async def take(sha256: str) -> Ticket | None:
        async with units() as unit:
            found = await unit.people.take_ticket(sha256)
            await unit.commit()
            return found

    assert await take(TICKET.sha256) is None
    assert sorted(await asyncio.gather(*(take(newer.sha256) for _ in range(4))), key=lambda each: each is None) == [
        newer,
        None,
        None,
        None,
    ]


async def test_a_ticket_that_was_not_committed_is_there_again(units: SqlUnitsOfWork) -> None:
    async with units() as unit:
        await unit.people.add_ticket(TICKET)
        await unit.commit()
    async with units() as unit:
        assert await unit.people.take_ticket(TICKET.sha256) == TICKET
    async with units() as unit:
        assert await unit.people.take_ticket(TICKET.sha256) == TICKET


async def test_sessions_begin_are_used_and_end(units: SqlUnitsOfWork) -> None:
    async with units() as unit:
        for name in ("one", "two", "three"):
            await unit.people.begin_session(name, "ganzhou", "ada", NOW)
        await unit.people.begin_session("other", "ganzhou", "ben", NOW)
        await unit.people.touch_session("two", NOW + timedelta(minutes=6))
        await unit.commit()
    async with units() as unit:
        two = await unit.people.session("two")
        assert two is not None
        assert (two.owner, two.began_time, two.used_time) == (caller("ada"), NOW, NOW + timedelta(minutes=6))
        await unit.people.end_sessions("ganzhou", "ada", ["one", "other"])
        await unit.commit()
    async with units() as unit:
        assert [await unit.people.session(name) is None for name in ("one", "two", "three", "other")] == [True, False, False, False]
        await unit.people.end_sessions("ganzhou", "ada")
        await unit.commit()
    async with units() as unit:
        assert [await unit.people.session(name) is None for name in ("two", "three", "other")] == [True, True, False]


async def test_a_new_session_forgets_those_of_the_caller_that_are_over(units: SqlUnitsOfWork) -> None:
    late = NOW + SESSION_LIFE + timedelta(seconds=1)
    async with units() as unit:
        await unit.people.begin_session("old", "ganzhou", "ada", NOW)
        await unit.people.begin_session("others", "ganzhou", "ben", NOW)
        await unit.people.begin_session("new", "ganzhou", "ada", late)
        await unit.commit()
    async with units() as unit:
        assert [await unit.people.session(name) is None for name in ("old", "others", "new")] == [True, False, False]


async def test_a_session_of_a_caller_that_is_gone_is_none(units: SqlUnitsOfWork) -> None:
    async with units() as unit:
        await unit.people.begin_session("s", "ganzhou", "nobody", NOW)
        await unit.commit()
    async with units() as unit:
        assert await unit.people.session("s") is None
