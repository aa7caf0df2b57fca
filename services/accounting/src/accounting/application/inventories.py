"""Closing the inventory of a year, reading it, and computing it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accounting.application.ports import Account, Clock, UnitOfWork
from accounting.application.register import park_of, read_whole_park
from accounting.domain.callers import FIGURES, whole_park
from accounting.domain.emissions import milligrams
from accounting.domain.errors import InventoryNotFound
from accounting.domain.factors import Basis
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
)
from accounting.domain.parks import FIRST_YEAR, Park, local_year
from accounting.domain.reference import ReferenceTables
from accounting.domain.stored import StoredRecord
from kernel.access import Caller, require
from kernel.refusals import InvalidField

_PART = 10_000
"""Records read at once: a year may have millions."""


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


async def close_inventory(
    uow: UnitOfWork, caller: Caller, park_id: str, year: int, reason: str, *, reference: ReferenceTables, clock: Clock
) -> tuple[Inventory, bool]:
    """Closes the inventory of a year from the records in force; nothing of it changes afterwards.

    While the records are those of the version in force, this answers with it. When they are others, the year is restated: the next
    version, with a reason, beside the earlier ones.

    Returns:
        The inventory in force, and whether it is new.

    Raises:
        Denied, ParkNotFound: the caller may not.
        InvalidField: the year is not over or has no records, or a restatement has no reason.
    """
    require(caller, FIGURES)
    park = await park_of(uow, caller, park_id)
    whole_park(caller, park_id)
    now = clock.now()
    newest = local_year(now, park.zone) - 1
    if not FIRST_YEAR <= year <= newest:
        allowed, allowed_zh = f"a year that is over, from {FIRST_YEAR} to {newest}", f"已结束的年份({FIRST_YEAR} 至 {newest})"
        raise InvalidField("year", str(year), allowed, allowed_zh)
    if len(reason) > MAX_REASON_CHARACTERS or not (reason == "" or (reason.strip() and reason.isprintable())):
        allowed = f"at most {MAX_REASON_CHARACTERS} printable characters"
        raise InvalidField("reason", reason, allowed, f"至多 {MAX_REASON_CHARACTERS} 个可显示字符")
    last_position = await uow.lock(park.park_id)
    before = await uow.inventory(park.park_id, year)
    compiled = await _compiled(uow, park, year, last_position, reference)
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
        last_position=last_position,
        records=compiled.tally.records,
        records_sha256=compiled.tally.sha256,
        content_sha256="",
        factor_ids=compiled.factor_ids,
        totals=inventory_totals(compiled.lines),
        closed_by=caller.subject,
        closed_time=now,
    )
    inventory = replace(inventory, content_sha256=content_digest(inventory, compiled.lines))
    await uow.add_inventory(inventory, compiled.lines)
    uow.collect(InventoryClosed(inventory))
    await uow.commit()
    return inventory, True


async def _compiled(account: Account, park: Park, year: int, last_position: int, reference: ReferenceTables) -> Compiled:
    tally, after = Tally(), 0
    while part := await account.records_in_force(park.park_id, year, last_position, after, _PART):
        tally.add(part)
        after = part[-1].position
    bases = await account.bases_named(sorted(tally.basis_ids))
    return await _added_up(account, park, tally, bases, reference)


async def _added_up(account: Account, park: Park, tally: Tally, bases: Mapping[str, Basis], reference: ReferenceTables) -> Compiled:
    sources = await account.sources_named(park.park_id, sorted(tally.by_source))
    factor_ids = sorted({factor_id for basis in bases.values() for factor_id in basis.factor_ids})
    return Compiled(tally, inventory_lines(tally.by_source, sources, reference), tuple(factor_ids))


async def list_inventories(
    account: Account, caller: Caller, park_id: str, after: tuple[int, int], limit: int
) -> tuple[Sequence[Inventory], Mapping[int, int]]:
    """Returns a page of a park's inventories by year and version, and the version in force of each of their years.

    Raises:
        Denied, ParkNotFound: nothing to see for this caller.
    """
    park = await read_whole_park(account, caller, park_id)
    found = await account.inventories(park.park_id, after, limit)
    in_force = {}
    for year in {each.year for each in found}:
        newest = await account.inventory(park.park_id, year)
        in_force[year] = newest.version if newest else 0
    return found, in_force


async def read_inventory(
    account: Account, caller: Caller, park_id: str, inventory_id: str
) -> tuple[Inventory, bool, Sequence[InventoryLine]]:
    """Returns an inventory, whether it is in force, and its lines.

    Raises:
        Denied, ParkNotFound, InventoryNotFound: nothing to see for this caller.
    """
    park = await read_whole_park(account, caller, park_id)
    inventory = await inventory_of(account, park, inventory_id)
    newest = await account.inventory(park.park_id, inventory.year)
    return inventory, newest == inventory, await account.inventory_lines(park.park_id, inventory.year, inventory.version, 0, 2**31)


async def inventory_of(account: Account, park: Park, inventory_id: str) -> Inventory:
    """Returns an inventory of a park.

    Raises:
        InventoryNotFound: there is none of that id.
    """
    year, version = inventory_key(inventory_id)
    found = await account.inventory(park.park_id, year, version)
    if found is None:
        raise InventoryNotFound(inventory_id)
    return found


async def list_lines(
    account: Account, caller: Caller, park_id: str, inventory_id: str, after: int, limit: int
) -> Sequence[InventoryLine]:
    """Returns a page of an inventory's lines.

    Raises:
        Denied, ParkNotFound, InventoryNotFound: nothing to see for this caller.
    """
    park = await read_whole_park(account, caller, park_id)
    inventory = await inventory_of(account, park, inventory_id)
    return await account.inventory_lines(park.park_id, inventory.year, inventory.version, after, limit)


async def replay_inventory(
    account: Account, caller: Caller, park_id: str, inventory_id: str, *, reference: ReferenceTables
) -> Replay:
    """Computes an inventory anew from the stored records, bases and sources, and compares it bit for bit with what was closed.

    Each record's emissions and energy are computed again from its quantity and basis; the records in force are those that were
    when the year was closed, whatever came later.

    Raises:
        Denied, ParkNotFound, InventoryNotFound: nothing to see for this caller.
    """
    park = await read_whole_park(account, caller, park_id)
    closed = await inventory_of(account, park, inventory_id)
    tally, after = Tally(), 0
    bases: dict[str, Basis] = {}
    wrong: list[Difference] = []
    while part := await account.records_in_force(park.park_id, closed.year, closed.last_position, after, _PART):
        tally.add(part)
        after = part[-1].position
        bases |= await account.bases_named(sorted({record.basis_id for record in part} - bases.keys()))
        wrong += _wrong_records(part, bases)[: MAX_DIFFERENCES - len(wrong)]
    compiled = await _added_up(account, park, tally, bases, reference)
    kept = await account.inventory_lines(park.park_id, closed.year, closed.version, 0, 2**31)
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


def _wrong_records(part: Sequence[StoredRecord], bases: Mapping[str, Basis]) -> list[Difference]:
    """The records whose stored amounts are not their quantity times their basis."""
    missing = [Difference("record", each.record_id, each.basis_id, "") for each in part if each.basis_id not in bases]
    known = [each for each in part if each.basis_id in bases]
    order = {basis_id: place for place, basis_id in enumerate(bases)}
    quantity = np.array([each.quantity_micro for each in known], dtype=np.int64)
    index = np.array([order[each.basis_id] for each in known], dtype=np.intp)
    emissions = milligrams(quantity, index, [basis.emissions for basis in bases.values()]).tolist()
    energy = milligrams(quantity, index, [basis.energy for basis in bases.values()]).tolist()
    return missing + [
        Difference("record", each.record_id, f"{each.emissions_mg} {each.energy_mgce}", f"{again_mg} {again_mgce}")
        for each, again_mg, again_mgce in zip(known, emissions, energy, strict=True)
        if (each.emissions_mg, each.energy_mgce) != (again_mg, again_mgce)
    ]
