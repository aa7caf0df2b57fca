"""What was accepted stays as it was accepted, and a change behind the platform's back is found before a figure is made of it."""

import asyncio
import hashlib
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.longrunning import operations_pb2  # type: ignore[import-untyped]
from google.protobuf import duration_pb2, json_format
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from accounting.adapters import tables
from chassis.errors import RemoteError
from chassis.testing.tampering import tamper
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import EVERYTHING, Row, Stand, Tenant, hours, outcomes, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEPT = ("activity_record", "activity_chain", "annual_figures", "basis", "enterprise", "factor", "park", "source")


def text_bytes(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">I", len(encoded)) + encoded


def recomputed(park: Tenant, rows: Any) -> Iterator[tuple[int, bytes]]:
    """The chain of stored rows as docs/decisions/0034 has it, by position."""
    digest = hashlib.sha256(b"parkcarbon activity records 1" + text_bytes(park.tenant_id) + text_bytes(park.park_id)).digest()
    yield 0, digest
    for row in rows:
        numbers = (
            *(row.position, row.period_start_s, row.period_end_s, row.quantity_micro, row.emissions_mg, row.energy_mgce),
            *(row.first_month, row.last_month, (row.recorded_time - EPOCH) // timedelta(microseconds=1)),
        )
        names = (row.source_id, row.unit, row.basis_id, row.supersedes, row.record_id)
        digest = hashlib.sha256(digest + struct.pack(">9q", *numbers) + b"".join(map(text_bytes, names))).digest()
        yield row.position, digest


async def stored(park: Tenant, table: Any, *order: str) -> Any:
    query = select(table).where(table.c.park_id == park.park_id).order_by(*(table.c[name] for name in order))
    async with park.stand.service.database.read(EVERYTHING) as session:
        return (await session.execute(query)).all()


async def assert_whole(park: Tenant) -> dict[int, bytes]:
    """Every digest, the ledger and every fact have what follows from the stored rows alone."""
    chain = dict(recomputed(park, await stored(park, tables.activity_record, "position")))
    links = await stored(park, tables.activity_chain, "first_position")
    assert [link.first_position for link in links] == [1, *(link.last_position + 1 for link in links)][: len(links)]
    assert b"".join(link.digests for link in links) == b"".join(chain[n] for n in range(1, len(chain)))
    (ledger,) = await stored(park, tables.park_ledger, "park_id")
    assert (ledger.last_position, ledger.head_sha256) == (len(chain) - 1, chain[len(chain) - 1].hex())
    for _, fact in await park.facts(events_pb2.ActivityRecorded):
        assert fact.last_position == fact.first_position + len(fact.record_id) - 1
        assert fact.head_sha256 == chain[fact.last_position].hex()
    return chain


async def test_a_park_without_records_has_a_head_of_its_own(park: Tenant) -> None:
    other = await park.stand.tenant().settle()
    heads = {(await assert_whole(each))[0] for each in (park, other)}
    assert len(heads) == 2


async def test_every_record_is_chained_and_every_fact_tells_the_head(park: Tenant) -> None:
    await park.record(*hours(2_500))
    await park.record(Row("x", quantity="x"))
    oil = Row("new", "oil", "2021-01-01", "2021-02-01", "1", "t")
    await park.record(*hours(2_500), oil, oil._replace(record_id="overlapping"))
    # a chain of corrections is recorded in waves, one link of the chain after the other
    fixes = [oil._replace(record_id=f"fix-{n}", quantity=str(n + 2), supersedes=f"fix-{n - 1}" if n else "new") for n in range(3)]
    assert outcomes(await park.record(*fixes)) == ["superseded"] * 3
    assert len(await assert_whole(park)) == 1 + 2_500 + 1 + 3


async def test_pushes_at_once_keep_the_chain_whole(park: Tenant) -> None:
    rows = hours(1_200)
    await asyncio.gather(*(park.record(*rows[start : start + 50]) for start in range(0, len(rows), 50)))
    assert len(await assert_whole(park)) == 1_201


async def test_an_inventory_names_the_head_that_it_was_computed_at(park: Tenant) -> None:
    await park.record(Row("a"))
    closed = (await park.close(2020)).inventory
    await park.record(Row("b", period_start="2021-01-01", period_end="2021-02-01"))
    chain = await assert_whole(park)
    assert (closed.last_position, closed.head_sha256) == (1, chain[1].hex())
    assert (await park.inventory("2020-v1")).inventory.head_sha256 == closed.head_sha256
    ((_, told),) = await park.facts(events_pb2.InventoryClosed)
    assert told.head_sha256 == closed.head_sha256


async def test_an_inventory_from_before_there_was_a_chain_names_no_head(own_stand: Stand) -> None:
    park = await own_stand.tenant().settle()
    await park.record(Row("a"))
    await park.close(2020)
    await asyncio.to_thread(tamper, own_stand.url, "UPDATE inventory SET head_sha256 = NULL")
    assert not (await park.inventory("2020-v1")).inventory.HasField("head_sha256")
    assert (await park.replay("2020-v1")).equal


@pytest.mark.parametrize("table", KEPT)
async def test_the_database_itself_keeps_what_was_accepted(own_stand: Stand, table: str) -> None:
    park = await own_stand.tenant().settle()
    await park.create_enterprise()
    await park.record_figures(2020, gdp_10k_cny="1")
    await park.record(Row("a"))
    rows = tables.metadata.tables[table]
    before = await own_stand.count(rows)
    statements = [f"UPDATE {table} SET park_id = 'x'", f"DELETE FROM {table}"]
    if own_stand.url.startswith("sqlite"):
        statements.append(f"REPLACE INTO {table} SELECT * FROM {table}")
    for statement in statements:
        async with own_stand.service.database.begin(EVERYTHING) as session:
            if own_stand.url.startswith("sqlite"):
                with pytest.raises(DBAPIError, match=f"what is in {table} is kept"):
                    await session.execute(text(statement))
            else:
                done = await session.execute(text(statement))
                assert done.rowcount == 0, statement  # type: ignore[attr-defined]  # of a cursor
            await session.rollback()
    assert await own_stand.count(rows) == before > 0
    await assert_whole(park)


FORGERIES = {
    "a_quantity": ("UPDATE activity_record SET quantity_micro = quantity_micro * 9 WHERE position = 2", 2),
    "the_emissions": ("UPDATE activity_record SET emissions_mg = emissions_mg + 1 WHERE position = 3", 3),
    "the_last_record_removed": ("DELETE FROM activity_record WHERE position = 4", 4),
    "a_record_too_many": (
        "INSERT INTO activity_record SELECT tenant_id, park_id, 5, 'r5', source_id, period_start_s, period_end_s, 1, unit,"
        " basis_id, 1, 1, first_month, last_month, supersedes, recorded_time FROM activity_record WHERE position = 4",
        5,
    ),
    "a_digest": ("DELETE FROM activity_chain WHERE first_position = 3", 3),
    "the_head": ("UPDATE park_ledger SET head_sha256 = '" + "0" * 64 + "'", 4),
    "the_last_position": ("UPDATE park_ledger SET last_position = 3", 3),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "position"), FORGERIES.values(), ids=FORGERIES)
async def test_nothing_is_made_of_records_that_were_changed(own_stand: Stand, statement: str, position: int) -> None:
    park = await own_stand.tenant().settle()
    await park.record(*hours(2))
    await park.record(*hours(4))
    await asyncio.to_thread(tamper, own_stand.url, statement)
    refused = await refusal(park.close(2020))
    assert (refused.kind, refused.reason) == ("conflict", "EVIDENCE_BROKEN")
    assert refused.metadata["position"] == str(position)
    assert "parkcarbon fsck" in refused.message
    assert "parkcarbon fsck" in refused.metadata["message_zh"]
    error = await rebuild_error(park)
    assert f"at position {position};" in error
    assert await own_stand.count(tables.inventory) == 0


async def rebuild_error(park: Tenant) -> str:
    answer = await park.stand.channel.call(
        park.stand.stub.RebuildSums, pb.RebuildSumsRequest(park_id=park.park_id), caller=park.manager
    )
    wait = operations_pb2.WaitOperationRequest(name=answer.operation_name, timeout=duration_pb2.Duration(seconds=20))
    operation: Any = await park.stand.channel.call(park.stand.operations.WaitOperation, wait, caller=park.manager)
    assert operation.done
    assert "EVIDENCE_BROKEN" in json_format.MessageToJson(operation.error)
    return str(operation.error.message)


async def test_another_parks_forged_record_stops_nobody_else(own_stand: Stand) -> None:
    forged, other = [await own_stand.tenant().settle() for _ in range(2)]
    for park in (forged, other):
        await park.record(Row("a"))
    await asyncio.to_thread(tamper, own_stand.url, f"DELETE FROM activity_record WHERE park_id = '{forged.park_id}'")
    with pytest.raises(RemoteError):
        await forged.close(2020)
    assert (await other.close(2020)).created
    assert await other.rebuild() == {"records": 1, "sums": 1, "corrected": 0}


async def test_a_batch_that_is_not_committed_leaves_no_link(own_stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    park = await own_stand.tenant().settle()
    await park.record(*hours(3))

    async def away(self: Any) -> None:
        raise ConnectionError("the database went away before the commit")

    with monkeypatch.context() as patched:
        patched.setattr("chassis.unit_of_work.UnitOfWork.commit", away)
        with pytest.raises(RemoteError):
            await park.record(*hours(10))
    assert len(await assert_whole(park)) == 4
    await park.record(*hours(10))
    assert len(await assert_whole(park)) == 11
