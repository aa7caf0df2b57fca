"""Reading the account: records, totals, and the figures of a year."""

from collections.abc import Sequence

from accounting.application.ports import Ports
from accounting.application.register import own_part_of, whole_park_of
from accounting.domain.accounts import (
    Emissions,
    MonthRange,
    YearlyAccount,
    grouped,
    valid_dimensions,
    valid_range,
    yearly_account,
)
from accounting.domain.facts import SpanSum
from accounting.domain.parks import FIRST_YEAR, Park
from accounting.domain.stored import StoredRecord
from kernel.access import Caller
from kernel.periods import Month
from kernel.refusals import InvalidField

LAST_YEAR = 2200


async def list_records(ports: Ports, caller: Caller, park_id: str, after: int, limit: int) -> tuple[Park, Sequence[StoredRecord]]:
    """Returns a page of a park's records, or of those of the caller's own enterprises, in the order in which they were accepted."""
    async with ports.read(caller.tenant) as account:
        park = await own_part_of(account.parks, caller, park_id)
        return park, await account.activity.page(park.park_id, caller.own_enterprises(park_id), after, limit)


async def query_emissions(
    ports: Ports, caller: Caller, park_id: str, from_month: str, to_month: str, group_by: Sequence[str]
) -> tuple[Park, MonthRange, Emissions, int]:
    """Returns the exact totals of a range of months, of a park or of the caller's own enterprises in it.

    With the range as read, and the park's last position that the totals include.

    Answers from sums that are kept with every batch, and so takes the same time for ten records as for ten million.

    Raises:
        Denied, ParkNotFound: nothing to see for this caller.
        InvalidField: the range or the dimensions break a rule.
    """
    async with ports.read(caller.tenant) as account:
        park = await own_part_of(account.parks, caller, park_id)
        months = valid_range(from_month, to_month)
        dimensions = valid_dimensions(group_by)
        summed = await account.sums.by_dimension(park.park_id, caller.own_enterprises(park_id), months, dimensions)
        last_position = await account.parks.last_position(park.park_id)
    return park, months, grouped(summed, ports.reference), last_position


async def list_sums(
    ports: Ports, caller: Caller, park_id: str, after: tuple[str, int, int], limit: int
) -> tuple[Sequence[SpanSum], int]:
    """Returns a page of a park's sums by source and span of months, and the last position that they include.

    Raises:
        Denied, ParkNotFound: nothing to see for this caller; one that is bound to enterprises does not see the whole park.
    """
    async with ports.read(caller.tenant) as account:
        park = await whole_park_of(account.parks, caller, park_id)
        return await account.sums.page(park.park_id, after, limit), await account.parks.last_position(park.park_id)


async def read_yearly_account(ports: Ports, caller: Caller, park_id: str, year: int) -> tuple[Park, YearlyAccount]:
    """Returns the account's own figures of one year of the park's time zone.

    Raises:
        Denied, ParkNotFound: nothing to see for this caller.
        InvalidField: no such year.
    """
    async with ports.read(caller.tenant) as account:
        park = await whole_park_of(account.parks, caller, park_id)
        if not FIRST_YEAR <= year < LAST_YEAR:
            raise InvalidField(
                "year", str(year), f"a year from {FIRST_YEAR} to {LAST_YEAR - 1}", f"{FIRST_YEAR} 至 {LAST_YEAR - 1} 的年份"
            )
        months = MonthRange(Month(year, 1), Month(year + 1, 1))
        summed = await account.sums.by_dimension(park.park_id, None, months, ("scope", "carrier"))
        figures = await account.annual_figures.in_force(park.park_id, year)
    return park, yearly_account(grouped(summed, ports.reference), figures)
