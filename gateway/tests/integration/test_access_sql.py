"""Callers and credentials in both databases."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import MetaData

from chassis.clock import FixedClock
from chassis.database import Database
from gateway.adapters.sql.access import SqlCredentials
from gateway.adapters.sql.tables import tables
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.application.access.ports import RefreshToken, TokenKey
from gateway.domain.access.credentials import Key, KeyKind, RegisteredCaller
from gateway.domain.callers import Action, Role
from gateway.domain.errors import IdentityTaken
from gateway.events.publish import FactEncoder

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TABLES = tables(MetaData())
ENCODER = FactEncoder(new_id=lambda: str(uuid4()), traceparent=lambda: "")
MILL = RegisteredCaller(
    tenant_id="ganzhou",
    caller_id="mes",
    name="钢厂",
    roles=frozenset({Role.ENTERPRISE}),
    parks=None,
    regions=frozenset(),
    enterprises=frozenset({"etdz/mill"}),
    issuer="https://idp.test",
    external_subject="s-1",
    active=True,
    registered_time=NOW,
)
KEY = Key(
    key_id="pck_" + "a" * 16,
    tenant_id="ganzhou",
    caller_id="mes",
    kind=KeyKind.CLIENT,
    name="k",
    scopes=frozenset({Action.RECORD}),
    created_time=NOW,
    expires_time=NOW + timedelta(days=1),
    revoked_time=None,
)
TOKEN = RefreshToken("t-1", "f-1", "ganzhou", "mes", KEY.key_id, frozenset({Action.RECORD}), NOW + timedelta(days=1))


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.dispose()


@pytest.fixture
def units(database: Database) -> SqlUnitsOfWork:
    return SqlUnitsOfWork(database, TABLES, FixedClock(NOW), encode=ENCODER.encode, committed=lambda: None)


@pytest.fixture
def found(database: Database) -> SqlCredentials:
    return SqlCredentials(database, TABLES.access)


async def test_a_caller_and_its_key_are_read_as_they_were_stored(units: SqlUnitsOfWork, found: SqlCredentials) -> None:
    async with units("ganzhou") as unit:
        assert await unit.access.put_caller(MILL)
        assert not await unit.access.put_caller(replace(MILL, name="另一名"))
        await unit.access.add_key(KEY, "proof")
        await unit.commit()
    stored = await found.key(KEY.key_id)
    assert stored is not None
    assert (stored.key, stored.proof, stored.owner) == (KEY, "proof", replace(MILL, name="另一名"))
    assert await found.external("https://idp.test", "s-1") == stored.owner
    assert await found.external("", "") is None
    assert await found.key("pck_" + "b" * 16) is None


async def test_no_bound_and_an_empty_one_stay_apart(units: SqlUnitsOfWork, found: SqlCredentials) -> None:
    async with units("ganzhou") as unit:
        await unit.access.put_caller(MILL)
        await unit.access.add_key(replace(KEY, scopes=None), "proof")
        await unit.commit()
    stored = await found.key(KEY.key_id)
    assert stored is not None
    assert (stored.owner.parks, stored.owner.regions, stored.key.scopes) == (None, frozenset(), None)


async def test_two_tenants_have_callers_of_one_id_and_not_of_one_identity(units: SqlUnitsOfWork) -> None:
    async with units("ganzhou") as unit:
        await unit.access.put_caller(MILL)
        await unit.commit()
    theirs = replace(MILL, tenant_id="nanchang")
    async with units("nanchang") as unit:
        with pytest.raises(IdentityTaken):
            await unit.access.put_caller(theirs)
    async with units("nanchang") as unit:
        assert await unit.access.put_caller(replace(theirs, issuer="", external_subject=""))
        await unit.commit()
    async with units("nanchang") as unit:
        assert [each.tenant_id for each in await unit.access.callers("nanchang", "", 10)] == ["nanchang"]


async def test_callers_without_an_identity_do_not_clash(units: SqlUnitsOfWork) -> None:
    async with units("ganzhou") as unit:
        for name in ("a", "b"):
            assert await unit.access.put_caller(replace(MILL, caller_id=name, issuer="", external_subject=""))
        await unit.commit()


async def test_a_refresh_token_is_taken_once_and_a_revoked_key_ends_it(units: SqlUnitsOfWork) -> None:
    async with units() as unit:
        await unit.access.put_caller(MILL)
        await unit.access.add_key(KEY, "proof")
        for number in (1, 2, 3):
            await unit.access.add_refresh_token(replace(TOKEN, sha256=f"t-{number}", family_id=f"f-{number % 2}"))
        await unit.commit()
    async with units() as unit:
        assert await unit.access.take_refresh_token("t-1", NOW) == replace(TOKEN, family_id="f-1")
        assert await unit.access.take_refresh_token("t-1", NOW) == replace(TOKEN, family_id="f-1", used=True)
        assert await unit.access.take_refresh_token("t-9", NOW) is None
        await unit.access.withdraw_family("f-1", NOW)
        third = await unit.access.take_refresh_token("t-3", NOW)
        assert third is not None
        assert third.used
        await unit.access.end_key(replace(KEY, revoked_time=NOW))
        second = await unit.access.take_refresh_token("t-2", NOW)
        assert second is not None
        assert second.used
        await unit.commit()


async def test_a_nonce_is_used_once_for_each_key_until_it_ends(units: SqlUnitsOfWork) -> None:
    async def use(key_id: str, at: datetime) -> bool:
        async with units() as unit:
            fresh = await unit.access.use_nonce(key_id, "ganzhou", "n" * 16, now=at, until=at + timedelta(minutes=10))
            await unit.commit()
        return fresh

    later = NOW + timedelta(minutes=10)
    assert [await use("k", NOW), await use("k", NOW), await use("other", NOW)] == [True, False, True]
    assert [await use("k", later), await use("k", later + timedelta(seconds=1))] == [False, True]


async def test_signing_keys_come_newest_first(units: SqlUnitsOfWork, found: SqlCredentials) -> None:
    keys = [TokenKey(f"k-{day}", "sealed", "{}", NOW + timedelta(days=day)) for day in (1, 3, 2)]
    async with units() as unit:
        for key in keys:
            await unit.access.add_token_key(key)
        await unit.commit()
    assert [key.kid for key in await found.token_keys(NOW + timedelta(days=1))] == ["k-3", "k-2"]
    assert await found.token_key("k-1") == keys[0]
    assert await found.token_key("k-9") is None
