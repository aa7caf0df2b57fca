"""Parks, enterprises, sources and the figures of a year: who and what is in the account."""

from gateway.application.ports import AccountingPort
from gateway.domain.account import (
    AnnualFigures,
    Enterprise,
    NewAnnualFigures,
    NewEnterprise,
    NewPark,
    NewSource,
    Park,
    RecordedFigures,
    Source,
)
from gateway.domain.callers import Action, Caller
from gateway.domain.paging import Page, Paging, Registered


async def register_park(accounting: AccountingPort, caller: Caller, park: NewPark) -> Registered[Park]:
    """Registers a park in the caller's tenant."""
    caller.must(Action.REGISTER)
    return await accounting.create_park(caller, park)


async def read_park(accounting: AccountingPort, caller: Caller, park_id: str) -> Park:
    """Returns a park of the caller's tenant."""
    caller.must(Action.READ_OWN)
    return await accounting.get_park(caller, park_id)


async def list_parks(accounting: AccountingPort, caller: Caller, paging: Paging) -> Page[Park]:
    """Returns the parks of the caller's tenant."""
    caller.must(Action.READ_OWN)
    return await accounting.list_parks(caller, paging)


async def list_region_parks(accounting: AccountingPort, caller: Caller, region_code: str, paging: Paging) -> Page[Park]:
    """Returns the parks of a region that the caller reaches.

    Args:
        accounting: Knows the parks.
        caller: Who asks.
        region_code: GB/T 2260, two, four or six digits; zeros at its end in pairs stand for the whole, as in 360000.
        paging: Which page.
    """
    caller.must(Action.READ_OWN)
    return await accounting.list_parks(caller.within_region(region_code), paging)


async def register_enterprise(
    accounting: AccountingPort, caller: Caller, park_id: str, enterprise: NewEnterprise
) -> Registered[Enterprise]:
    """Registers an enterprise in a park."""
    caller.must(Action.REGISTER)
    return await accounting.create_enterprise(caller, park_id, enterprise)


async def list_enterprises(accounting: AccountingPort, caller: Caller, park_id: str, paging: Paging) -> Page[Enterprise]:
    """Returns the enterprises of a park."""
    caller.must(Action.READ_OWN)
    return await accounting.list_enterprises(caller, park_id, paging)


async def register_source(accounting: AccountingPort, caller: Caller, park_id: str, source: NewSource) -> Registered[Source]:
    """Registers an emission source in a park."""
    caller.must(Action.REGISTER)
    return await accounting.create_source(caller, park_id, source)


async def list_sources(accounting: AccountingPort, caller: Caller, park_id: str, paging: Paging) -> Page[Source]:
    """Returns the emission sources of a park."""
    caller.must(Action.READ_OWN)
    return await accounting.list_sources(caller, park_id, paging)


async def record_annual_figures(
    accounting: AccountingPort, caller: Caller, park_id: str, year: int, figures: NewAnnualFigures
) -> RecordedFigures:
    """Records the figures of a year."""
    caller.must(Action.RECORD)
    return await accounting.record_annual_figures(caller, park_id, year, figures)


async def list_annual_figures(accounting: AccountingPort, caller: Caller, park_id: str, paging: Paging) -> Page[AnnualFigures]:
    """Returns every version of the figures of every year."""
    caller.must(Action.READ)
    return await accounting.list_annual_figures(caller, park_id, paging)
