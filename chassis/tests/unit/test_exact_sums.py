"""Integers beyond 64 bits: added, stored and read in both databases, and nothing else in their columns."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from chassis.columns import EXACT_DIGITS, ExactInteger, big_integer, exact_integers
from chassis.database import Database
from chassis.dialects import joined, limbs

MOST = 10**EXACT_DIGITS - 1
totals = Table(
    "total", MetaData(), Column("id", Integer, primary_key=True), Column("amount", ExactInteger), *exact_integers("total", "amount")
)
parts = Table("part", MetaData(), Column("id", Integer, primary_key=True), Column("amount", big_integer(), nullable=False))


@pytest.mark.parametrize("amount", [0, 1, -1, 2**63, -(2**63) - 1, 10**20, -(10**20), MOST, -MOST, None])
async def test_an_integer_of_any_size_comes_back_as_it_was(database: Database, amount: int | None) -> None:
    async with database.begin() as session:
        await (await session.connection()).run_sync(totals.create)
        await session.execute(insert(totals), [{"id": 1, "amount": amount}])
        found = (await session.execute(select(totals.c.amount))).scalar_one()
    assert found == amount
    assert found is None or type(found) is int


@pytest.mark.parametrize("amount", [1.0, True, "1", MOST + 1])
async def test_what_is_no_integer_or_too_long_is_refused(database: Database, amount: object) -> None:
    async with database.begin() as session:
        await (await session.connection()).run_sync(totals.create)
        with pytest.raises(StatementError, match="a sum "):
            await session.execute(insert(totals), [{"id": 1, "amount": amount}])


@pytest.mark.parametrize("written", ["'NaN'", "'Infinity'", "'-Infinity'", "'x'", "''", "'-'"])
async def test_the_database_itself_takes_no_other_value(database: Database, written: str) -> None:
    async with database.begin() as session:
        await (await session.connection()).run_sync(totals.create)
        with pytest.raises(DBAPIError):
            await session.execute(text(f"INSERT INTO total (id, amount) VALUES (1, {written})"))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
async def test_limbs_add_what_64_bits_do_not_hold(database: Database, amounts: list[int]) -> None:
    async with database.begin() as session:
        await (await session.connection()).run_sync(parts.create)
        await session.execute(insert(parts), [{"id": place, "amount": amount} for place, amount in enumerate(amounts)])
        row = (await session.execute(select(*limbs(parts.c.amount)))).one()
    assert joined(row._mapping, "amount") == sum(amounts)
