"""Registering what a park consists of, and the figures of its years."""

from collections.abc import Sequence
from dataclasses import replace

from accounting.application.ports import Account, Clock, UnitOfWork
from accounting.domain.accounts import counted_as
from accounting.domain.callers import FIGURES, READ, READ_OWN, REGISTER, whole_park
from accounting.domain.errors import ParkIdTaken
from accounting.domain.factors import FactorBook
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
from accounting.domain.reference import ReferenceTables
from kernel.access import Caller, reaches, require
from kernel.refusals import InvalidField, ParkNotFound


async def park_of(account: Account, caller: Caller, park_id: str) -> Park:
    """Returns a park that the caller reaches.

    Raises:
        ParkNotFound: there is none; a park of another tenant or beyond the caller's bounds does not exist for this caller.
    """
    park = await account.park(park_id)
    if park is None or not reaches(caller, park.place):
        raise ParkNotFound(park_id)
    return park


async def register_park(
    uow: UnitOfWork, caller: Caller, park: Park, *, book: FactorBook, reference: ReferenceTables, clock: Clock
) -> tuple[Park, bool]:
    """Registers a park for the caller's tenant.

    Returns:
        The park as it is registered, and whether it is new.

    Raises:
        Denied: the caller may not write.
        InvalidField, FactorSetNotFound: the park breaks a rule.
        ContentDiffers: the id is registered with other content.
        ParkIdTaken: the id belongs to another tenant.
    """
    require(caller, REGISTER)
    park = valid_park(replace(park, tenant_id=caller.tenant, registered_time=clock.now()), reference)
    whole_park(caller, park.park_id)
    if not reaches(caller, park.place):
        raise InvalidField("park_id", park.park_id, "a park within the caller's bounds", "调用者权限范围内的园区")
    book.factor_set(park.factor_set_id)
    recorded = await uow.park(park.park_id)
    if recorded is not None:
        if recorded.tenant_id != caller.tenant:
            raise ParkIdTaken(park.park_id)
        return same_registration("park", park.park_id, recorded, park), False
    await uow.add_park(park)
    uow.collect(ParkRegistered(park))
    await uow.commit()
    return park, True


async def register_enterprise(
    uow: UnitOfWork, caller: Caller, enterprise: Enterprise, *, reference: ReferenceTables, clock: Clock
) -> tuple[Enterprise, bool]:
    """Registers an enterprise of a park.

    Returns:
        The enterprise as it is registered, and whether it is new.

    Raises:
        Denied, ParkNotFound, InvalidField, ContentDiffers: see `register_park`.
    """
    require(caller, REGISTER)
    park = await park_of(uow, caller, enterprise.park_id)
    whole_park(caller, park.park_id)
    enterprise = valid_enterprise(replace(enterprise, tenant_id=park.tenant_id, registered_time=clock.now()), reference)
    recorded = await uow.enterprise(park.park_id, enterprise.enterprise_id)
    if recorded is not None:
        return same_registration("enterprise", enterprise.enterprise_id, recorded, enterprise), False
    await uow.add_enterprise(enterprise)
    uow.collect(EnterpriseRegistered(enterprise))
    await uow.commit()
    return enterprise, True


async def register_source(
    uow: UnitOfWork, caller: Caller, source: Source, *, book: FactorBook, reference: ReferenceTables, clock: Clock
) -> tuple[Source, bool]:
    """Registers an emission source of a park.

    A source that the park's factor set cannot compute is refused now rather than with its first record.

    Returns:
        The source as it is registered, and whether it is new.

    Raises:
        Denied, ParkNotFound, InvalidField, ContentDiffers: see `register_park`; InvalidField also for an enterprise that is not
            registered and for a carrier without factor.
    """
    require(caller, REGISTER)
    park = await park_of(uow, caller, source.park_id)
    whole_park(caller, park.park_id)
    source = valid_source(replace(source, tenant_id=park.tenant_id, registered_time=clock.now()), reference)
    book.check_covers(park.factor_set_id, reference.carriers[source.carrier], source.gas, park.region_code)
    if source.enterprise_id and await uow.enterprise(park.park_id, source.enterprise_id) is None:
        raise InvalidField(
            "enterprise_id", source.enterprise_id, "the id of a registered enterprise, or empty", "已登记企业的编号,或为空"
        )
    recorded = (await uow.sources_named(park.park_id, [source.source_id])).get(source.source_id)
    if recorded is not None:
        return same_registration("source", source.source_id, recorded, source), False
    await uow.add_source(source)
    uow.collect(SourceRegistered(source, counted_as(source.item, source.carrier, source.gas, reference)))
    await uow.commit()
    return source, True


async def record_annual_figures(
    uow: UnitOfWork, caller: Caller, figures: AnnualFigures, *, clock: Clock
) -> tuple[AnnualFigures, bool]:
    """Records the figures of a year; other figures than those in force become the next version.

    Returns:
        The figures in force, and whether they changed.

    Raises:
        Denied, ParkNotFound, InvalidField: see `register_park`.
    """
    require(caller, FIGURES)
    park = await park_of(uow, caller, figures.park_id)
    whole_park(caller, park.park_id)
    now = clock.now()
    figures = valid_figures(replace(figures, tenant_id=park.tenant_id, recorded_time=now), last_year=local_year(now, park.zone))
    await uow.lock(park.park_id)
    recorded = await uow.figures_in_force(park.park_id, figures.year)
    if recorded is not None and all(getattr(recorded, name) == getattr(figures, name) for name in FIGURE_NAMES):
        return recorded, False
    figures = replace(figures, version=recorded.version + 1 if recorded else 1)
    await uow.add_figures(figures)
    uow.collect(AnnualFiguresRecorded(figures))
    await uow.commit()
    return figures, True


async def list_parks(account: Account, caller: Caller, after: str, limit: int) -> Sequence[Park]:
    """Returns a page of the parks that the caller reaches."""
    require(caller, READ_OWN)
    return await account.parks(caller.tenant, caller.bounds, after, limit)


async def list_region_parks(account: Account, caller: Caller, region_code: str, after: str, limit: int) -> Sequence[Park]:
    """Returns a page of the parks of a region that the caller reaches.

    Args:
        account: Knows the parks.
        caller: Who asks.
        region_code: GB/T 2260, two, four or six digits; pairs of zeros at its end stand for the whole, as in 360000.
        after: The id after which the page begins.
        limit: The most parks of a page.

    Raises:
        Denied: nothing to see for this caller.
        InvalidField: the code is none.
    """
    require(caller, READ_OWN)
    return await account.parks(caller.tenant, caller.bounds.within(region_prefix(region_code)), after, limit)


async def read_park(account: Account, caller: Caller, park_id: str) -> Park:
    """Returns a park that the caller reaches; of what is in it, it may see its own enterprises' only."""
    require(caller, READ_OWN)
    return await park_of(account, caller, park_id)


async def read_whole_park(account: Account, caller: Caller, park_id: str) -> Park:
    """Returns a park that the caller sees as a whole.

    Raises:
        Denied, ParkNotFound: it does not.
    """
    require(caller, READ)
    park = await park_of(account, caller, park_id)
    whole_park(caller, park_id)
    return park


async def list_enterprises(account: Account, caller: Caller, park_id: str, after: str, limit: int) -> Sequence[Enterprise]:
    """Returns a page of a park's enterprises, or of the caller's own of them."""
    park = await read_park(account, caller, park_id)
    return await account.enterprises(park.park_id, caller.own_enterprises(park_id), after, limit)


async def list_sources(account: Account, caller: Caller, park_id: str, after: str, limit: int) -> Sequence[Source]:
    """Returns a page of a park's sources, or of those of the caller's own enterprises."""
    park = await read_park(account, caller, park_id)
    return await account.sources(park.park_id, caller.own_enterprises(park_id), after, limit)


async def list_annual_figures(
    account: Account, caller: Caller, park_id: str, after: tuple[int, int], limit: int
) -> Sequence[AnnualFigures]:
    """Returns a page of every version of a park's annual figures."""
    park = await read_whole_park(account, caller, park_id)
    return await account.figures(park.park_id, after, limit)
