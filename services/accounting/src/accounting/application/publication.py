"""Publishing totals of inventories and of regions, taking them back, and reading what is published."""

import asyncio
from collections.abc import Mapping, Sequence

from accounting.application.inventories import inventory_of
from accounting.application.ports import Account, Ports
from accounting.application.register import park_of
from accounting.domain.callers import PUBLISH, READ_PUBLISHED, RELEASE, whole_park
from accounting.domain.disclosure import (
    SHOWN,
    Cell,
    Contribution,
    Published,
    contributions,
    park_cells,
    region_cells,
)
from accounting.domain.errors import AlreadyWithdrawn, ContentDiffers, PublicationNotFound, ReleaseNotFound
from accounting.domain.facts import InventoryPublished, PublicationWithdrawn
from accounting.domain.parks import FIRST_YEAR, Park
from accounting.domain.publication import (
    Publication,
    RegionRelease,
    Withdrawal,
    decided,
    region_prefix,
    valid_breakdowns,
    valid_reason,
)
from kernel.access import Caller, require
from kernel.refusals import Denied, InvalidField

_ALL = 2**31


async def publish_inventory(
    ports: Ports, caller: Caller, park_id: str, inventory_id: str, breakdowns: Sequence[str]
) -> tuple[Publication, bool, bool]:
    """Publishes the total of an inventory, and on request its parts, as far as nobody who contributes is shown by them.

    What was published before of the year, by this park, others and in regions, is taken as known, withdrawn or not.

    Returns:
        The publication, whether its inventory is in force, and whether it is new.

    Raises:
        Denied, ParkNotFound, InventoryNotFound, InvalidField: the caller may not, or there is nothing to publish.
        ContentDiffers: it was published with other breakdowns.
        AlreadyWithdrawn: it was published and taken back.
    """
    require(caller, PUBLISH)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, park_id)
        whole_park(caller, park_id)
        requested = valid_breakdowns(breakdowns)
        inventory = await inventory_of(uow.inventories, park, inventory_id)
        await uow.publications.lock(park.tenant_id)
        in_force = await uow.inventories.get(park.park_id, inventory.year) == inventory
        before = await uow.publications.get(park.park_id, inventory.year, inventory.version)
        if before is not None:
            if before.withdrawal is not None:
                raise AlreadyWithdrawn(inventory_id)
            if before.breakdowns != requested:
                raise ContentDiffers("publication", inventory_id, "breakdowns", ", ".join(requested), ", ".join(before.breakdowns))
            return before, in_force, False
        added = await _contributions(uow, park.park_id, inventory.year, inventory.version)
        published = Published(await _shown_before(uow, park.tenant_id, inventory.year))
        publication = Publication(
            park_id=park.park_id,
            tenant_id=park.tenant_id,
            year=inventory.year,
            version=inventory.version,
            breakdowns=requested,
            rule_id=ports.rule.rule_id,
            cells=decided(published.decide(park_cells(park.park_id, added, requested), ports.rule)),
            published_by=caller.subject,
            published_time=ports.clock.now(),
        )
        await uow.publications.add(publication)
        uow.collect(InventoryPublished(publication))
        await uow.commit()
        return publication, in_force, True


async def _contributions(account: Account, park_id: str, year: int, version: int) -> Sequence[Contribution]:
    lines = await account.inventories.lines(park_id, year, version, 0, _ALL)
    return contributions(park_id, lines, await account.enterprises.page(park_id, None, "", _ALL))


async def _shown_before(account: Account, tenant_id: str, year: int) -> Sequence[Cell]:
    """Every cell of a year that was ever shown to anyone, as what it added up."""
    cells: list[Cell] = []
    for each in await account.publications.of_year(tenant_id, year):
        shown = {(cell.dimension, cell.key) for cell in each.cells if cell.status == SHOWN}
        if shown:
            added = await _contributions(account, each.park_id, year, each.version)
            made = park_cells(each.park_id, added, each.breakdowns)
            cells += [cell for cell in made if (cell.dimension, cell.key) in shown]
    release = await account.publications.release(tenant_id, year)
    if release is not None:
        codes = {cell.key for cell in release.cells if cell.status == SHOWN}
        members = await _region_members(account, year, release.members)
        cells += [cell for cell in region_cells(members) if cell.key in codes]
    return cells


async def _region_members(account: Account, year: int, members: Sequence[tuple[str, int]]) -> Sequence[tuple[str, Contribution]]:
    found = []
    for park_id, version in members:
        park = await account.parks.get(park_id)
        if park is not None:
            found += [(park.region_code, each) for each in await _contributions(account, park_id, year, version)]
    return found


async def withdraw_publication(
    ports: Ports, caller: Caller, park_id: str, inventory_id: str, reason: str
) -> tuple[Withdrawal, bool]:
    """Takes a publication back: it is shown no more. A second time changes nothing.

    Returns:
        The withdrawal, and whether it is new.

    Raises:
        Denied, ParkNotFound, InventoryNotFound, PublicationNotFound, InvalidField: the caller may not, or there is nothing to take
            back.
    """
    require(caller, PUBLISH)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, park_id)
        whole_park(caller, park_id)
        valid_reason(reason)
        inventory = await inventory_of(uow.inventories, park, inventory_id)
        await uow.publications.lock(park.tenant_id)
        published = await uow.publications.get(park.park_id, inventory.year, inventory.version)
        if published is None:
            raise PublicationNotFound(inventory_id)
        if published.withdrawal is not None:
            return published.withdrawal, False
        withdrawal = Withdrawal(reason, caller.subject, ports.clock.now())
        await uow.publications.add_withdrawal(published, withdrawal)
        uow.collect(PublicationWithdrawn(published, withdrawal))
        await uow.commit()
        return withdrawal, True


async def list_published_parks(ports: Ports, caller: Caller, after: str, limit: int) -> Sequence[Park]:
    """Returns parks within the caller's bounds of which something is published."""
    require(caller, READ_PUBLISHED)
    async with ports.read(caller.tenant) as account:
        return await account.parks.published_page(caller.tenant, caller.bounds, after, limit)


async def list_publications(
    ports: Ports, caller: Caller, park_id: str, after: tuple[int, int], limit: int
) -> tuple[Sequence[Publication], Mapping[int, int]]:
    """Returns what of a park is published and not taken back, and the version in force of each of the years.

    Raises:
        Denied, ParkNotFound: nothing to see for this caller.
    """
    require(caller, READ_PUBLISHED)
    async with ports.read(caller.tenant) as account:
        park = await park_of(account.parks, caller, park_id)
        found = await account.publications.page(park.park_id, after, limit)
        in_force = {}
        for year in {each.year for each in found}:
            newest = await account.inventories.get(park.park_id, year)
            in_force[year] = newest.version if newest else 0
        return found, in_force


async def release_regions(ports: Ports, caller: Caller, year: int) -> tuple[RegionRelease, bool]:
    """Releases the sums of a year over the inventories in force of all parks of the tenant, by province, prefecture and county.

    Once and for good: a second release, after one more park has closed, would show that park by the difference.

    Returns:
        The release, and whether it is new.

    Raises:
        Denied: the caller may not, or does not see all parks.
        InvalidField: no park has closed the year.
    """
    require(caller, RELEASE)
    if caller.bounds.parks is not None or caller.bounds.regions is not None:
        raise Denied(caller.roles, RELEASE.roles)
    async with ports.write(caller.tenant) as uow:
        await uow.publications.lock(caller.tenant)
        before = await uow.publications.release(caller.tenant, year)
        if before is not None:
            return before, False
        members = await uow.inventories.in_force(caller.tenant, year) if FIRST_YEAR <= year < _ALL else []
        if not members:
            raise InvalidField("year", str(year), "a year that a park has closed", "已有园区关闭清单的年份")
        published = Published(await _shown_before(uow, caller.tenant, year))
        cells = region_cells(await _region_members(uow, year, members))
        # Seconds for thousands of parks: other calls go on meanwhile.
        verdicts = await asyncio.to_thread(published.decide, cells, ports.rule)
        release = RegionRelease(
            tenant_id=caller.tenant,
            year=year,
            rule_id=ports.rule.rule_id,
            members=tuple(members),
            cells=decided(verdicts),
            released_by=caller.subject,
            released_time=ports.clock.now(),
        )
        await uow.publications.add_release(release)
        await uow.commit()
        return release, True


async def read_region_release(ports: Ports, caller: Caller, region_code: str, year: int) -> RegionRelease:
    """Returns the released sums of a region and of the regions in it.

    Whoever asks gets the same: sums cut to a caller's own bounds would be new ones, to be subtracted from these.

    Raises:
        Denied, InvalidField, ReleaseNotFound: nothing to see.
    """
    require(caller, READ_PUBLISHED)
    prefix = region_prefix(region_code)
    async with ports.read(caller.tenant) as account:
        release = await account.publications.release(caller.tenant, year) if FIRST_YEAR <= year < _ALL else None
    if release is None:
        raise ReleaseNotFound(year)
    cells = tuple(cell for cell in release.cells if cell.key.startswith(prefix))
    return RegionRelease(
        release.tenant_id, year, release.rule_id, release.members, cells, release.released_by, release.released_time
    )
