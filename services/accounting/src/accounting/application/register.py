"""Registering what a park consists of, and the figures of its years."""

from collections.abc import Sequence
from dataclasses import replace

from accounting.application.ports import Parks, Ports
from accounting.domain.accounts import counted_as
from accounting.domain.callers import FIGURES, READ, READ_OWN, REGISTER, whole_park
from accounting.domain.errors import ParkIdTaken, SourceNotFound
from accounting.domain.facts import AnnualFiguresRecorded, EnterpriseRegistered, ParkRegistered, SourceRegistered
from accounting.domain.parks import (
    FIGURE_NAMES,
    AnnualFigures,
    Enterprise,
    Park,
    Source,
    local_year,
    same_registration,
    valid_enterprise,
    valid_figures,
    valid_park,
    valid_source,
)
from accounting.domain.publication import region_prefix
from kernel.access import Caller, reaches, require
from kernel.refusals import InvalidField, ParkNotFound


async def park_of(parks: Parks, caller: Caller, park_id: str) -> Park:
    """Returns a park that the caller reaches.

    Raises:
        ParkNotFound: there is none; a park of another tenant or beyond the caller's bounds does not exist for this caller.
    """
    park = await parks.get(park_id)
    if park is None or not reaches(caller, park.place):
        raise ParkNotFound(park_id)
    return park


async def own_part_of(parks: Parks, caller: Caller, park_id: str) -> Park:
    """Returns a park that the caller reaches; of what is in it, it may see its own enterprises' only.

    Raises:
        Denied, ParkNotFound: nothing to see for this caller.
    """
    require(caller, READ_OWN)
    return await park_of(parks, caller, park_id)


async def whole_park_of(parks: Parks, caller: Caller, park_id: str) -> Park:
    """Returns a park that the caller sees as a whole.

    Raises:
        Denied, ParkNotFound: it does not.
    """
    require(caller, READ)
    park = await park_of(parks, caller, park_id)
    whole_park(caller, park_id)
    return park


async def register_park(ports: Ports, caller: Caller, park: Park) -> tuple[Park, bool]:
    """Registers a park for the caller's tenant.

    Returns:
        The park as it is registered, and whether it is new.

    Raises:
        Denied: the caller may not write.
        InvalidField, FactorSetNotFound: the park breaks a rule.
        ContentDiffers: the id is registered with other content.
        ParkIdTaken: the id belongs to another tenant, or to a park that the caller does not reach.
    """
    require(caller, REGISTER)
    park = valid_park(replace(park, tenant_id=caller.tenant, registered_time=ports.clock.now()), ports.reference)
    whole_park(caller, park.park_id)
    if not reaches(caller, park.place):
        raise InvalidField("park_id", park.park_id, "a park within the caller's bounds", "调用者权限范围内的园区")
    ports.book.factor_set(park.factor_set_id)
    async with ports.write(caller.tenant) as uow:
        recorded = await uow.parks.get(park.park_id)
        if recorded is not None:
            if not reaches(caller, recorded.place):
                raise ParkIdTaken(park.park_id)
            return same_registration("park", park.park_id, recorded, park), False
        await uow.parks.add(park)
        uow.collect(ParkRegistered(park))
        await uow.commit()
        return park, True


async def register_enterprise(ports: Ports, caller: Caller, enterprise: Enterprise) -> tuple[Enterprise, bool]:
    """Registers an enterprise of a park.

    Returns:
        The enterprise as it is registered, and whether it is new.

    Raises:
        Denied, ParkNotFound, InvalidField, ContentDiffers: see `register_park`.
    """
    require(caller, REGISTER)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, enterprise.park_id)
        whole_park(caller, park.park_id)
        enterprise = valid_enterprise(
            replace(enterprise, tenant_id=park.tenant_id, registered_time=ports.clock.now()), ports.reference
        )
        recorded = await uow.enterprises.get(park.park_id, enterprise.enterprise_id)
        if recorded is not None:
            return same_registration("enterprise", enterprise.enterprise_id, recorded, enterprise), False
        await uow.enterprises.add(enterprise)
        uow.collect(EnterpriseRegistered(enterprise))
        await uow.commit()
        return enterprise, True


async def register_source(ports: Ports, caller: Caller, source: Source) -> tuple[Source, bool]:
    """Registers an emission source of a park.

    A source that the park's factor set cannot compute is refused now rather than with its first record.

    Returns:
        The source as it is registered, and whether it is new.

    Raises:
        Denied, ParkNotFound, InvalidField, ContentDiffers: see `register_park`; InvalidField also for an enterprise that is not
            registered and for a carrier without factor.
    """
    require(caller, REGISTER)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, source.park_id)
        whole_park(caller, park.park_id)
        source = valid_source(replace(source, tenant_id=park.tenant_id, registered_time=ports.clock.now()), ports.reference)
        ports.book.check_covers(park.factor_set_id, ports.reference.carriers[source.carrier], source.gas, park.region_code)
        if source.enterprise_id and await uow.enterprises.get(park.park_id, source.enterprise_id) is None:
            raise InvalidField(
                "enterprise_id", source.enterprise_id, "the id of a registered enterprise, or empty", "已登记企业的编号,或为空"
            )
        recorded = (await uow.sources.named(park.park_id, [source.source_id])).get(source.source_id)
        if recorded is not None:
            return same_registration("source", source.source_id, recorded, source), False
        await uow.sources.add(source)
        uow.collect(SourceRegistered(source, counted_as(source.item, source.carrier, source.gas, ports.reference)))
        await uow.commit()
        return source, True


async def record_annual_figures(ports: Ports, caller: Caller, figures: AnnualFigures) -> tuple[AnnualFigures, bool]:
    """Records the figures of a year; other figures than those in force become the next version.

    Returns:
        The figures in force, and whether they changed.

    Raises:
        Denied, ParkNotFound, InvalidField: see `register_park`.
    """
    require(caller, FIGURES)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, figures.park_id)
        whole_park(caller, park.park_id)
        now = ports.clock.now()
        figures = valid_figures(replace(figures, tenant_id=park.tenant_id, recorded_time=now), last_year=local_year(now, park.zone))
        await uow.parks.lock(park.park_id)
        recorded = await uow.annual_figures.in_force(park.park_id, figures.year)
        if recorded is not None and all(getattr(recorded, name) == getattr(figures, name) for name in FIGURE_NAMES):
            return recorded, False
        figures = replace(figures, version=recorded.version + 1 if recorded else 1)
        await uow.annual_figures.add(figures)
        uow.collect(AnnualFiguresRecorded(figures))
        await uow.commit()
        return figures, True


async def list_parks(ports: Ports, caller: Caller, after: str, limit: int) -> Sequence[Park]:
    """Returns a page of the parks that the caller reaches."""
    require(caller, READ_OWN)
    async with ports.read(caller.tenant) as account:
        return await account.parks.page(caller.tenant, caller.bounds, after, limit)


async def list_region_parks(ports: Ports, caller: Caller, region_code: str, after: str, limit: int) -> Sequence[Park]:
    """Returns a page of the parks of a region that the caller reaches.

    Args:
        ports: the account.
        caller: Who asks.
        region_code: GB/T 2260, two, four or six digits; pairs of zeros at its end stand for the whole, as in 360000.
        after: The id after which the page begins.
        limit: The most parks of a page.

    Raises:
        Denied: nothing to see for this caller.
        InvalidField: the code is none.
    """
    require(caller, READ_OWN)
    within = caller.bounds.within(region_prefix(region_code))
    async with ports.read(caller.tenant) as account:
        return await account.parks.page(caller.tenant, within, after, limit)


async def read_park(ports: Ports, caller: Caller, park_id: str) -> Park:
    """Returns a park that the caller reaches; of what is in it, it may see its own enterprises' only.

    Raises:
        Denied, ParkNotFound: nothing to see for this caller.
    """
    async with ports.read(caller.tenant) as account:
        return await own_part_of(account.parks, caller, park_id)


async def list_enterprises(ports: Ports, caller: Caller, park_id: str, after: str, limit: int) -> Sequence[Enterprise]:
    """Returns a page of a park's enterprises, or of the caller's own of them."""
    async with ports.read(caller.tenant) as account:
        park = await own_part_of(account.parks, caller, park_id)
        return await account.enterprises.page(park.park_id, caller.own_enterprises(park_id), after, limit)


async def read_source(ports: Ports, caller: Caller, park_id: str, source_id: str) -> Source:
    """Returns a source of a park, or of one of the caller's own enterprises.

    Raises:
        Denied, ParkNotFound, SourceNotFound: nothing to see for this caller.
    """
    async with ports.read(caller.tenant) as account:
        park = await own_part_of(account.parks, caller, park_id)
        found = (await account.sources.named(park.park_id, [source_id])).get(source_id)
    own = caller.own_enterprises(park_id)
    if found is None or (own is not None and found.enterprise_id not in own):
        raise SourceNotFound(source_id)
    return found


async def list_sources(ports: Ports, caller: Caller, park_id: str, after: str, limit: int) -> Sequence[Source]:
    """Returns a page of a park's sources, or of those of the caller's own enterprises."""
    async with ports.read(caller.tenant) as account:
        park = await own_part_of(account.parks, caller, park_id)
        return await account.sources.page(park.park_id, caller.own_enterprises(park_id), after, limit)


async def list_annual_figures(
    ports: Ports, caller: Caller, park_id: str, after: tuple[int, int], limit: int
) -> Sequence[AnnualFigures]:
    """Returns a page of every version of a park's annual figures."""
    async with ports.read(caller.tenant) as account:
        park = await whole_park_of(account.parks, caller, park_id)
        return await account.annual_figures.page(park.park_id, after, limit)
