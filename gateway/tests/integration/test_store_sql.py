"""Files, jobs, profiles and idempotency keys, over both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from chassis.database import Database
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.application.files import read_file
from gateway.domain.idempotency import KEY_LEASE, KEY_LIFETIME, HeldKey, IdempotencyKey, KeyState, StoredAnswer
from gateway.domain.push.jobs import RESULTS_LIFETIME, NewJob
from gateway.domain.push.profiles import MappingProfile, ProfileChangedMeanwhile
from gateway.tests.conftest import units_over

KEY = IdempotencyKey("ganzhou", "ada", "k")


@dataclass
class Hands:
    """A clock that a test sets."""

    moment: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@dataclass
class House:
    units: SqlUnitsOfWork
    clock: Hands


@pytest.fixture
async def house(migrated_url: str) -> AsyncIterator[House]:
    database, clock = Database(migrated_url), Hands()
    yield House(units_over(database, clock), clock)
    await database.dispose()


async def put(house: House, file_id: str, *chunks: bytes, tenant: str = "ganzhou") -> None:
    async with house.units(tenant) as unit:
        for number, content in enumerate(chunks):
            await unit.files.append(tenant, "etdz", file_id, number, content)
        await unit.commit()


async def got(house: House, file_id: str, tenant: str = "ganzhou") -> list[bytes]:
    return [chunk async for chunk in read_file(house.units, tenant, file_id)]


async def test_a_file_is_read_chunk_by_chunk_and_a_chunk_is_written_once(house: House) -> None:
    await put(house, "f", b"\x00a", b"bc")
    await put(house, "f", b"other", b"bc", b"d")
    assert await got(house, "f") == [b"\x00a", b"bc", b"d"]
    async with house.units.read("ganzhou") as unit:
        found = await unit.files.find("ganzhou", "f")
        assert found is not None
        assert (found.size_bytes, found.chunks) == (5, 3)
    assert await got(house, "f", tenant="nanchang") == []


async def test_files_are_forgotten_by_name_and_by_age(house: House) -> None:
    await put(house, "old", b"a")
    house.clock.moment += RESULTS_LIFETIME
    await put(house, "new", b"b")
    await put(house, "gone", b"c")
    async with house.units("ganzhou") as unit:
        await unit.files.delete("ganzhou", "gone")
        await unit.commit()
    moment = house.clock.moment - timedelta(seconds=1)
    async with house.units(work="pushes") as unit:
        assert await unit.files.sweep(results_before=moment, uploads_before=moment) == 1
        await unit.commit()
    assert (await got(house, "old"), await got(house, "new"), await got(house, "gone")) == ([], [b"b"], [])


async def test_a_job_is_its_tenants_and_nothing_stays_without_a_commit(house: House) -> None:
    job = NewJob("j", "push_activity", "ganzhou", "etdz", "ada", {"n": 1})
    async with house.units("ganzhou") as unit:
        await unit.jobs.submit(job)
    async with house.units.read("ganzhou") as unit:
        assert await unit.jobs.find("ganzhou", "j") is None
    async with house.units("ganzhou") as unit:
        found = await unit.jobs.submit(job)
        await unit.commit()
    assert (found.job.state, found.park_id, found.owner) == ("queued", "etdz", "ada")
    async with house.units.read("nanchang") as unit:
        assert await unit.jobs.find("nanchang", "j") is None


async def test_one_version_of_a_profile_is_saved_once(house: House) -> None:
    profile = MappingProfile({"读数": "quantity"}, True, {"unit": "kWh"}, {"度": "kWh"}, "+08:00")
    async with house.units("ganzhou") as unit:
        await unit.profiles.add("ganzhou", "erp", 1, profile, "ada", "ada")
        await unit.commit()
    async with house.units("ganzhou") as unit:
        with pytest.raises(ProfileChangedMeanwhile):
            await unit.profiles.add("ganzhou", "erp", 1, MappingProfile(), "ben", "ada")
    async with house.units.read("ganzhou") as unit:
        newest = await unit.profiles.newest("ganzhou", "erp")
        listed = await unit.profiles.list("ganzhou", None, after="", limit=5)
    assert newest is not None
    assert (newest.profile, newest.saved_by, newest.version) == (profile, "ada", 1)
    assert listed == [newest]


async def take(house: House) -> KeyState | None:
    async with house.units("ganzhou") as unit:
        found = await unit.keys.take(KEY, house.clock.now())
        await unit.commit()
    return found


async def test_of_many_requests_with_one_key_one_has_it(house: House) -> None:
    found = await asyncio.gather(*(take(house) for _ in range(8)))
    assert found.count(None) == 1
    assert found.count(KeyState(None)) == 7


async def test_a_key_whose_process_died_is_free_after_its_lease_and_not_before(house: House) -> None:
    begun = house.clock.moment
    assert await take(house) is None
    house.clock.moment += KEY_LEASE
    async with house.units("ganzhou") as unit:
        await unit.keys.renew(HeldKey(KEY, begun), house.clock.now())
        await unit.commit()
    house.clock.moment += KEY_LEASE
    assert await take(house) == KeyState(None)
    house.clock.moment += timedelta(seconds=1)
    assert await take(house) is None


async def test_an_answer_is_kept_for_a_day_and_no_release_takes_it_away(house: House) -> None:
    answer = StoredAnswer("f" * 64, 201, {"content-type": "application/json"}, "file")
    assert await take(house) is None
    async with house.units("ganzhou") as unit:
        assert await unit.keys.keep(HeldKey(KEY, house.clock.moment), answer)
        await unit.keys.release(HeldKey(KEY, house.clock.moment))
        await unit.commit()
    house.clock.moment += KEY_LIFETIME
    assert await take(house) == KeyState(answer)
    house.clock.moment += timedelta(seconds=1)
    assert await take(house) is None


async def test_a_key_that_is_released_is_free(house: House) -> None:
    assert await take(house) is None
    async with house.units("ganzhou") as unit:
        await unit.keys.release(HeldKey(KEY, house.clock.moment))
        await unit.commit()
    assert await take(house) is None


async def test_a_request_that_was_frozen_neither_frees_nor_answers_the_key_that_another_has_taken(house: House) -> None:
    frozen = HeldKey(KEY, house.clock.moment)
    assert await take(house) is None
    house.clock.moment += KEY_LEASE + timedelta(seconds=1)
    assert await take(house) is None
    async with house.units("ganzhou") as unit:
        assert not await unit.keys.keep(frozen, StoredAnswer("f" * 64, 200, {}, "file"))
        await unit.keys.renew(frozen, house.clock.moment + KEY_LEASE)
        await unit.keys.release(frozen)
        await unit.commit()
    assert await take(house) == KeyState(None)
    house.clock.moment += KEY_LEASE + timedelta(seconds=1)
    assert await take(house) is None
