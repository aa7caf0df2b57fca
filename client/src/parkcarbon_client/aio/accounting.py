"""The methods of the asynchronous client for the accounting service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from parkcarbon_client.aio.sender import AsyncSender
from parkcarbon_client.core.answers import (
    ActivityOutcome,
    Job,
    Registered,
)
from parkcarbon_client.services import accounting_calls as calls
from parkcarbon_client.services.accounting_answers import (
    ActivityRecord,
    AnnualFigures,
    Emissions,
    Enterprise,
    Factor,
    FactorSet,
    Finding,
    Indicators,
    Inventory,
    InventoryLine,
    Park,
    Publication,
    PublishedEmissions,
    PublishedPark,
    RegionEmissions,
    RegionRelease,
    Replay,
    Source,
    Withdrawal,
)
from parkcarbon_client.services.accounting_entries import (
    ActivityRow,
    NewEnterprise,
    NewFinding,
    NewPark,
    NewSource,
    YearFigures,
)


class AsyncAccountingMethods(AsyncSender):
    """Parks, sources, activity data, emissions, inventories, findings, publications, factors."""

    async def create_park(self, park: NewPark) -> Registered[Park]:
        """Registers a park. The same park again is answered as before; the same id with other content is refused (409)."""
        return await self.send(calls.create_park(park))

    async def park(self, park_id: str) -> Park:
        """Returns a park."""
        return await self.send(calls.park(park_id))

    def iterate_parks(self) -> AsyncIterator[Park]:
        """Yields the parks of the token's tenant in order of id."""
        return self._items(calls.list_parks)

    def iterate_region_parks(self, region_code: str) -> AsyncIterator[Park]:
        """Yields the parks of a region that the caller reaches; 2, 4 or 6 digits of GB/T 2260."""
        return self._items(lambda token: calls.list_region_parks(region_code, token))

    async def create_enterprise(self, park_id: str, enterprise: NewEnterprise) -> Registered[Enterprise]:
        """Registers an enterprise of a park; idempotent like `create_park`."""
        return await self.send(calls.create_enterprise(park_id, enterprise))

    def iterate_enterprises(self, park_id: str) -> AsyncIterator[Enterprise]:
        """Yields the enterprises of a park in order of id."""
        return self._items(lambda token: calls.list_enterprises(park_id, token))

    async def create_source(self, park_id: str, source: NewSource) -> Registered[Source]:
        """Registers an emission source of a park; idempotent like `create_park`."""
        return await self.send(calls.create_source(park_id, source))

    def iterate_sources(self, park_id: str) -> AsyncIterator[Source]:
        """Yields the emission sources of a park in order of id."""
        return self._items(lambda token: calls.list_sources(park_id, token))

    async def record_annual_figures(self, park_id: str, year: int, figures: YearFigures) -> AnnualFigures:
        """Records the figures of a year; the same figures again change nothing, others become the next version."""
        return await self.send(calls.record_annual_figures(park_id, year, figures))

    def iterate_annual_figures(self, park_id: str) -> AsyncIterator[AnnualFigures]:
        """Yields every version of a park's annual figures, by year, then by version."""
        return self._items(lambda token: calls.list_annual_figures(park_id, token))

    async def record_activity(self, park_id: str, rows: Sequence[ActivityRow], *, results: str = "all") -> ActivityOutcome:
        """Sends rows in one request; good rows are kept whatever the others are.

        Args:
            park_id: The park.
            rows: 1 to 100,000 rows.
            results: Which rows the answer lists: "all", "rejected" or "none".
        """
        return await self.send(calls.record_activity(park_id, rows, results))

    def iterate_activity_records(self, park_id: str) -> AsyncIterator[ActivityRecord]:
        """Yields a park's records in the order in which they were accepted, superseded ones included."""
        return self._items(lambda token: calls.list_activity_records(park_id, token))

    async def activity_template(self, *, language: str = "") -> bytes:
        """Returns the XLSX for activity data; `language` is zh or en, else the client's."""
        return await self.send(calls.activity_template(language))

    async def emissions(self, park_id: str, from_month: str, to_month: str, *, group_by: Sequence[str] = ()) -> Emissions:
        """Returns exact totals of the records in force.

        Args:
            park_id: The park.
            from_month: YYYY-MM, or YYYY for its January, inclusive, in the park's time zone.
            to_month: The same, exclusive.
            group_by: At most 4 of year, month, scope, item, carrier, gas, sector, enterprise, source.
        """
        return await self.send(calls.emissions(park_id, from_month, to_month, group_by))

    async def indicators(self, park_id: str, year: int) -> Indicators:
        """Returns a park's own figures of one year: emissions, energy, mix, intensities."""
        return await self.send(calls.indicators(park_id, year))

    async def rebuild_sums(self, park_id: str) -> Job:
        """Starts the job that computes a park's sums anew from its records."""
        return await self.send(calls.rebuild_sums(park_id))

    async def close_inventory(self, park_id: str, year: int, *, reason: str = "") -> Registered[Inventory]:
        """Closes the inventory of a year. While nothing has changed it is the one that is closed; else the next version.

        Args:
            park_id: The park.
            year: Which is over.
            reason: Why it is closed again; needed from the second version on.
        """
        return await self.send(calls.close_inventory(park_id, year, reason))

    def iterate_inventories(self, park_id: str) -> AsyncIterator[Inventory]:
        """Yields the closed inventories of a park by year, then by version."""
        return self._items(lambda token: calls.list_inventories(park_id, token))

    async def inventory(self, park_id: str, inventory_id: str) -> Inventory:
        """Returns a closed inventory with its parts and the rows of factors that it was computed with."""
        return await self.send(calls.inventory(park_id, inventory_id))

    def iterate_inventory_lines(self, park_id: str, inventory_id: str) -> AsyncIterator[InventoryLine]:
        """Yields the lines of a closed inventory in the order of their number."""
        return self._items(lambda token: calls.list_inventory_lines(park_id, inventory_id, token))

    async def replay_inventory(self, park_id: str, inventory_id: str) -> Replay:
        """Computes a closed inventory again from what it was closed with, and returns where it differs."""
        return await self.send(calls.replay_inventory(park_id, inventory_id))

    async def write_finding(self, park_id: str, inventory_id: str, finding: NewFinding) -> Registered[Finding]:
        """Writes a finding of a verification about a closed inventory."""
        return await self.send(calls.write_finding(park_id, inventory_id, finding))

    def iterate_findings(self, park_id: str, inventory_id: str) -> AsyncIterator[Finding]:
        """Yields the findings about an inventory in the order in which they were written."""
        return self._items(lambda token: calls.list_findings(park_id, inventory_id, token))

    async def answer_finding(
        self, park_id: str, inventory_id: str, finding_id: str, *, text: str, restated_in: str = "", evidence: Sequence[str] = ()
    ) -> Finding:
        """Adds the reply of the park's management to a finding that is not closed.

        Args:
            park_id: The park.
            inventory_id: The inventory that the finding is about.
            finding_id: The finding.
            text: The reply.
            restated_in: The later version of the inventory that the finding led to.
            evidence: Ids of documents.
        """
        return await self.send(calls.answer_finding(park_id, inventory_id, finding_id, text, restated_in, evidence))

    async def close_finding(self, park_id: str, inventory_id: str, finding_id: str, *, conclusion: str, text: str) -> Finding:
        """Closes a finding as resolved, accepted or unresolved."""
        return await self.send(calls.close_finding(park_id, inventory_id, finding_id, conclusion, text))

    async def publish_inventory(
        self, park_id: str, inventory_id: str, *, breakdowns: Sequence[str] = ()
    ) -> Registered[Publication]:
        """Publishes the total of an inventory, as far as no enterprise is shown by it.

        Args:
            park_id: The park.
            inventory_id: Such as 2022-v1.
            breakdowns: Of scope and industry, to be published with it.
        """
        return await self.send(calls.publish_inventory(park_id, inventory_id, breakdowns))

    async def withdraw_publication(self, park_id: str, inventory_id: str, *, reason: str) -> Withdrawal:
        """Withdraws a publication, for good."""
        return await self.send(calls.withdraw_publication(park_id, inventory_id, reason))

    async def release_regions(self, year: int) -> Registered[RegionRelease]:
        """Releases the sums of a year by region, once."""
        return await self.send(calls.release_regions(year))

    def iterate_published_parks(self) -> AsyncIterator[PublishedPark]:
        """Yields the parks of which something is published."""
        return self._items(calls.list_published_parks)

    def iterate_published_emissions(self, park_id: str) -> AsyncIterator[PublishedEmissions]:
        """Yields the published sums of a park."""
        return self._items(lambda token: calls.list_published_emissions(park_id, token))

    async def region_emissions(self, region_code: str, year: int) -> RegionEmissions:
        """Returns the released sums of a region and of the regions in it."""
        return await self.send(calls.region_emissions(region_code, year))

    def iterate_factor_sets(self) -> AsyncIterator[FactorSet]:
        """Yields the factor sets that a park can choose from."""
        return self._items(calls.list_factor_sets)

    def iterate_factors(self, set_id: str) -> AsyncIterator[Factor]:
        """Yields the factors of a set."""
        return self._items(lambda token: calls.list_factors(set_id, token))
