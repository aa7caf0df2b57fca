"""The figures of a park, and the factors behind them."""

from collections.abc import Sequence

from gateway.application.ports import AccountingPort
from gateway.domain.account import Emissions, Factor, FactorSet, YearIndicators
from gateway.domain.callers import Action, Caller
from gateway.domain.paging import Page, Paging


async def query_emissions(
    accounting: AccountingPort, caller: Caller, park_id: str, from_month: str, to_month: str, group_by: Sequence[str]
) -> Emissions:
    """Returns exact totals of [from_month, to_month), both YYYY-MM, grouped by the dimensions given."""
    caller.must(Action.READ_OWN)
    return await accounting.query_emissions(caller, park_id, from_month, to_month, group_by)


async def read_indicators(accounting: AccountingPort, caller: Caller, park_id: str, year: int) -> YearIndicators:
    """Returns the figures of a year."""
    caller.must(Action.READ)
    return await accounting.get_indicators(caller, park_id, year)


async def list_factor_sets(accounting: AccountingPort, caller: Caller, paging: Paging) -> Page[FactorSet]:
    """Returns the factor sets that a park can choose from."""
    caller.must(Action.PUBLISHED)
    return await accounting.list_factor_sets(caller, paging)


async def list_factors(accounting: AccountingPort, caller: Caller, set_id: str, paging: Paging) -> Page[Factor]:
    """Returns the factors of a set."""
    caller.must(Action.PUBLISHED)
    return await accounting.list_factors(caller, set_id, paging)
