"""Closing the inventory of a year, reading it, and computing it again."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from accounting.application.evidence import verify_records, verify_since
from accounting.application.ports import Account, Inventories, Ports
from accounting.application.register import park_of, whole_park_of
from accounting.domain.callers import FIGURES, whole_park
from accounting.domain.errors import InventoryNotFound
from accounting.domain.factors import Basis, Factor
from accounting.domain.facts import InventoryClosed
from accounting.domain.inventories import (
    MAX_DIFFERENCES,
    MAX_REASON_CHARACTERS,
    Difference,
    Inventory,
    InventoryLine,
    Tally,
    Totals,
    content_digest,
    inventory_key,
    inventory_lines,
    inventory_totals,
    line_differences,
    wrong_records,
)
from accounting.domain.parks import FIRST_YEAR, Park, local_year
from accounting.domain.reference import ReferenceTables
from kernel.access import Caller, require
from kernel.refusals import InvalidField

_PART = 2_000
"""Records read at once: a year may have millions."""

_ALL = 2**31


@dataclass(frozen=True, slots=True)
class Compiled:
    """The records of a year, added up."""

    tally: Tally
    lines: Sequence[InventoryLine]
    factor_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay read, and where it differs from what was closed: at most MAX_DIFFERENCES places."""

    records: int
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class InventoryRead:
    """An inventory with what it was made from, and whether it is in force."""

    inventory: Inventory
    in_force: bool
    lines: Sequence[InventoryLine]
    factors: Sequence[Factor]


async def close_inventory(ports: Ports, caller: Caller, park_id: str, year: int, reason: str) -> tuple[Inventory, bool]:
    """Closes the inventory of a year from the records in force; nothing of it changes afterwards.

    While the records are those of the version in force, this answers with it. When they are others, the year is restated: the next
    version, with a reason, beside the earlier ones.

    Returns:
        The inventory in force, and whether it is new.

    Raises:
        Denied, ParkNotFound: the caller may not.
        InvalidField: the year is not over or has no records, or a restatement has no reason.
        EvidenceBroken: the stored records of the park are not those that were accepted.
    """
    require(caller, FIGURES)
    now = ports.clock.now()
    async with ports.read(caller.tenant) as account:
        park = await park_of(account.parks, caller, park_id)
        whole_park(caller, park_id)
    _must_be_closable(park, year, reason, now)
    # before the lock: a park has records of many years, and nobody pushes while it is held
    verified = await verify_records(ports, park)
    async with ports.write(caller.tenant) as uow:
        head = await uow.parks.lock(park.park_id)
        await verify_since(uow.activity, park, verified, head)
        before = await uow.inventories.get(park.park_id, year)
        compiled = await _compiled(uow, park, year, head.position, ports.reference)
        if compiled.tally.records == 0:
            raise InvalidField("year", str(year), "a year with records in force", "有生效记录的年份")
        if before is not None:
            if before.records_sha256 == compiled.tally.sha256:
                return before, False
            if not reason:
                allowed = f"the reason of the restatement: {before.inventory_id} was closed with other records"
                raise InvalidField("reason", "", allowed, f"重述原因:{before.inventory_id} 关闭后记录已变化")
        inventory = Inventory(
            park_id=park.park_id,
            tenant_id=park.tenant_id,
            year=year,
            version=before.version + 1 if before else 1,
            reason=reason if before else "",
            factor_set_id=park.factor_set_id,
            last_position=head.position,
            head_sha256=head.sha256,
            records=compiled.tally.records,
            records_sha256=compiled.tally.sha256,
            content_sha256="",
            factor_ids=compiled.factor_ids,
            totals=inventory_totals(compiled.lines),
            closed_by=caller.subject,
            closed_time=now,
        )
        inventory = replace(inventory, content_sha256=content_digest(inventory, compiled.lines))
        await uow.inventories.add(inventory, compiled.lines)
        uow.collect(InventoryClosed(inventory))
        await uow.commit()
        return inventory, True


def _must_be_closable(park: Park, year: int, reason: str, now: datetime) -> None:
    newest = local_year(now, park.zone) - 1
    if not FIRST_YEAR <= year <= newest:
        allowed, allowed_zh = f"a year that is over, from {FIRST_YEAR} to {newest}", f"已结束的年份({FIRST_YEAR} 至 {newest})"
        raise InvalidField("year", str(year), allowed, allowed_zh)
    if len(reason) > MAX_REASON_CHARACTERS or not (reason == "" or (reason.strip() and reason.isprintable())):
        allowed = f"at most {MAX_REASON_CHARACTERS} printable characters"
        raise InvalidField("reason", reason, allowed, f"至多 {MAX_REASON_CHARACTERS} 个可显示字符")


async def _compiled(account: Account, park: Park, year: int, last_position: int, reference: ReferenceTables) -> Compiled:
    tally, after = Tally(), 0
    while part := await account.activity.in_force(park.park_id, year, last_position, after, _PART):
        await asyncio.to_thread(tally.add, part)
        after = part[-1].position
    bases = await account.factors.bases_named(sorted(tally.basis_ids))
    return await _added_up(account, park, tally, bases, reference)


async def _added_up(account: Account, park: Park, tally: Tally, bases: Mapping[str, Basis], reference: ReferenceTables) -> Compiled:
    sources = await account.sources.named(park.park_id, sorted(tally.by_source))
    factor_ids = sorted({factor_id for basis in bases.values() for factor_id in basis.factor_ids})
    return Compiled(tally, inventory_lines(tally.by_source, sources, reference), tuple(factor_ids))


async def list_inventories(
    ports: Ports, caller: Caller, park_id: str, after: tuple[int, int], limit: int
) -> tuple[Sequence[Inventory], Mapping[int, int]]:
    """Returns a page of a park's inventories by year and version, and the version in force of each of their years.

    Raises:
        Denied, ParkNotFound: nothing to see for this caller.
    """
    async with ports.read(caller.tenant) as account:
        park = await whole_park_of(account.parks, caller, park_id)
        found = await account.inventories.page(park.park_id, after, limit)
        in_force = {}
        for year in {each.year for each in found}:
            newest = await account.inventories.get(park.park_id, year)
            in_force[year] = newest.version if newest else 0
        return found, in_force


async def read_inventory(ports: Ports, caller: Caller, park_id: str, inventory_id: str) -> InventoryRead:
    """Returns an inventory with its lines and factors, and whether it is in force.

    Raises:
        Denied, ParkNotFound, InventoryNotFound: nothing to see for this caller.
    """
    async with ports.read(caller.tenant) as account:
        park = await whole_park_of(account.parks, caller, park_id)
        inventory = await inventory_of(account.inventories, park, inventory_id)
        newest = await account.inventories.get(park.park_id, inventory.year)
        lines = await account.inventories.lines(park.park_id, inventory.year, inventory.version, 0, _ALL)
    named = set(inventory.factor_ids)
    factors = [each for each in ports.book.all_factors() if each.factor_id in named]
    return InventoryRead(inventory, newest == inventory, lines, factors)


async def inventory_of(inventories: Inventories, park: Park, inventory_id: str) -> Inventory:
    """Returns an inventory of a park.

    Raises:
        InventoryNotFound: there is none of that id.
    """
    year, version = inventory_key(inventory_id)
    found = await inventories.get(park.park_id, year, version)
    if found is None:
        raise InventoryNotFound(inventory_id)
    return found


async def list_lines(
    ports: Ports, caller: Caller, park_id: str, inventory_id: str, after: int, limit: int
) -> Sequence[InventoryLine]:
    """Returns a page of an inventory's lines.

    Raises:
        Denied, ParkNotFound, InventoryNotFound: nothing to see for this caller.
    """
    async with ports.read(caller.tenant) as account:
        park = await whole_park_of(account.parks, caller, park_id)
        inventory = await inventory_of(account.inventories, park, inventory_id)
        return await account.inventories.lines(park.park_id, inventory.year, inventory.version, after, limit)


async def replay_inventory(ports: Ports, caller: Caller, park_id: str, inventory_id: str) -> Replay:
    """Computes an inventory anew from the stored records, bases and sources, and compares it bit for bit with what was closed.

    Each record's emissions and energy are computed again from its quantity and basis; the records in force are those that were
    when the year was closed, whatever came later.

    Raises:
        Denied, ParkNotFound, InventoryNotFound: nothing to see for this caller.
    """
    async with ports.read(caller.tenant) as account:
        park = await whole_park_of(account.parks, caller, park_id)
        closed = await inventory_of(account.inventories, park, inventory_id)
        tally, after = Tally(), 0
        bases: dict[str, Basis] = {}
        wrong: list[Difference] = []
        while part := await account.activity.in_force(park.park_id, closed.year, closed.last_position, after, _PART):
            await asyncio.to_thread(tally.add, part)
            after = part[-1].position
            bases |= await account.factors.bases_named(sorted({record.basis_id for record in part} - bases.keys()))
            wrong += (await asyncio.to_thread(wrong_records, part, bases))[: MAX_DIFFERENCES - len(wrong)]
        compiled = await _added_up(account, park, tally, bases, ports.reference)
        kept = await account.inventories.lines(park.park_id, closed.year, closed.version, 0, _ALL)
    again = replace(
        closed,
        records=tally.records,
        records_sha256=tally.sha256,
        factor_ids=compiled.factor_ids,
        factor_set_id=park.factor_set_id,
        totals=inventory_totals(compiled.lines),
    )
    found = [
        Difference(what, "", str(before), str(now))
        for what, before, now in (
            ("records", closed.records, tally.records),
            ("records_sha256", closed.records_sha256, tally.sha256),
            ("totals", _totals_text(closed.totals), _totals_text(again.totals)),
            ("content_sha256", closed.content_sha256, content_digest(again, compiled.lines)),
        )
        if before != now
    ]
    found += wrong + line_differences(kept, compiled.lines)
    return Replay(tally.records, found[:MAX_DIFFERENCES])


def _totals_text(totals: Totals) -> str:
    return " ".join(map(str, (*totals.scope_mg, totals.removals_mg, totals.biogenic_mg, totals.energy_mgce)))
