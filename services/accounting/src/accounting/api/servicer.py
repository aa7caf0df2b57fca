"""Serves parkcarbon.accounting.v1.AccountingService: wire to use case to wire."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import grpc

from accounting.api.columns import read_columns, write_outcomes
from accounting.api.finding_servicer import FindingRpcs
from accounting.api.inventory_servicer import InventoryRpcs
from accounting.api.pages import (
    DEFAULT_RECORDS,
    MAX_RECORDS,
    page_size,
    read_number_token,
    read_text_token,
    read_token,
    write_token,
)
from accounting.api.publication_servicer import PublicationRpcs
from accounting.api.rooms import factor_to_wire, park_to_wire, time_to_wire, tonnes
from accounting.application import maintain, record, register, report
from accounting.domain.accounts import Sum, counted_as
from accounting.domain.callers import READ_PUBLISHED
from accounting.domain.factors import FactorSet
from accounting.domain.parks import FIGURE_NAMES, AnnualFigures, Enterprise, Park, Source
from accounting.domain.reference import ReferenceTables
from accounting.domain.stored import StoredRecord
from chassis.identity import current_caller
from kernel.access import require
from kernel.periods import format_instant
from kernel.quantities import MAX_DECIMALS, format_scaled
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from parkcarbon.accounting.v1 import accounting_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]
_UNSET_TIME = datetime.min.replace(tzinfo=UTC)
_CALORIFIC = "calorific"
"""How electricity becomes coal equivalent: every shipped set counts by calorific value (当量), 0.1229 kgce/kWh."""


class AccountingServicer(InventoryRpcs, FindingRpcs, PublicationRpcs, accounting_pb2_grpc.AccountingServiceServicer):
    """One method per rpc; the contract is in accounting.proto."""

    async def CreatePark(self, request: pb.CreateParkRequest, context: _Context) -> pb.CreateParkResponse:
        """Registers a park."""
        given = request.park
        park = Park(
            park_id=given.park_id,
            tenant_id="",
            name_zh=given.name_zh,
            name_en=given.name_en,
            region_code=given.region_code,
            time_zone=given.time_zone,
            latitude_deg=given.latitude_deg,
            longitude_deg=given.longitude_deg,
            factor_set_id=given.factor_set_id,
            registered_time=_UNSET_TIME,
        )
        rooms = self._rooms
        async with rooms.write() as uow:
            kept, created = await register.register_park(
                uow, current_caller(), park, book=rooms.book, reference=rooms.reference, clock=rooms.clock
            )
        return pb.CreateParkResponse(park=park_to_wire(kept), created=created)

    async def GetPark(self, request: pb.GetParkRequest, context: _Context) -> pb.GetParkResponse:
        """Returns one park."""
        async with self._rooms.read() as account:
            return pb.GetParkResponse(park=park_to_wire(await register.read_park(account, current_caller(), request.park_id)))

    async def ListParks(self, request: pb.ListParksRequest, context: _Context) -> pb.ListParksResponse:
        """Returns a page of parks."""
        size = page_size(request.page_size)
        async with self._rooms.read() as account:
            parks = await register.list_parks(account, current_caller(), read_text_token(request.page_token, "parks"), size + 1)
        token = write_token("parks", parks[size - 1].park_id) if len(parks) > size else ""
        return pb.ListParksResponse(parks=map(park_to_wire, parks[:size]), next_page_token=token)

    async def ListRegionParks(self, request: pb.ListRegionParksRequest, context: _Context) -> pb.ListRegionParksResponse:
        """Returns a page of the parks of a region."""
        listed, size = f"regions/{request.region_code}/parks", page_size(request.page_size)
        after = read_text_token(request.page_token, listed)
        async with self._rooms.read() as account:
            parks = await register.list_region_parks(account, current_caller(), request.region_code, after, size + 1)
        token = write_token(listed, parks[size - 1].park_id) if len(parks) > size else ""
        return pb.ListRegionParksResponse(parks=map(park_to_wire, parks[:size]), next_page_token=token)

    async def CreateEnterprise(self, request: pb.CreateEnterpriseRequest, context: _Context) -> pb.CreateEnterpriseResponse:
        """Registers an enterprise."""
        given = request.enterprise
        enterprise = Enterprise(
            park_id=given.park_id,
            tenant_id="",
            enterprise_id=given.enterprise_id,
            name_zh=given.name_zh,
            name_en=given.name_en,
            industry_code=given.industry_code,
            credit_code=given.credit_code,
            registered_time=_UNSET_TIME,
        )
        rooms = self._rooms
        async with rooms.write() as uow:
            kept, created = await register.register_enterprise(
                uow, current_caller(), enterprise, reference=rooms.reference, clock=rooms.clock
            )
        return pb.CreateEnterpriseResponse(enterprise=_enterprise(kept), created=created)

    async def ListEnterprises(self, request: pb.ListEnterprisesRequest, context: _Context) -> pb.ListEnterprisesResponse:
        """Returns a page of enterprises."""
        listed = f"{request.park_id}/enterprises"
        size, after = page_size(request.page_size), read_text_token(request.page_token, listed)
        async with self._rooms.read() as account:
            found = await register.list_enterprises(account, current_caller(), request.park_id, after, size + 1)
        token = write_token(listed, found[size - 1].enterprise_id) if len(found) > size else ""
        return pb.ListEnterprisesResponse(enterprises=map(_enterprise, found[:size]), next_page_token=token)

    async def CreateSource(self, request: pb.CreateSourceRequest, context: _Context) -> pb.CreateSourceResponse:
        """Registers an emission source."""
        given = request.source
        source = Source(
            park_id=given.park_id,
            tenant_id="",
            source_id=given.source_id,
            enterprise_id=given.enterprise_id,
            name_zh=given.name_zh,
            name_en=given.name_en,
            item=given.item,
            scope=given.scope,
            carrier=given.carrier,
            gas=given.gas,
            sector=given.sector,
            settlement_basis=given.settlement_basis,
            registered_time=_UNSET_TIME,
        )
        rooms = self._rooms
        async with rooms.write() as uow:
            kept, created = await register.register_source(
                uow, current_caller(), source, book=rooms.book, reference=rooms.reference, clock=rooms.clock
            )
        return pb.CreateSourceResponse(source=_source(kept, rooms.reference), created=created)

    async def ListSources(self, request: pb.ListSourcesRequest, context: _Context) -> pb.ListSourcesResponse:
        """Returns a page of sources."""
        listed = f"{request.park_id}/sources"
        size, after = page_size(request.page_size), read_text_token(request.page_token, listed)
        async with self._rooms.read() as account:
            found = await register.list_sources(account, current_caller(), request.park_id, after, size + 1)
        token = write_token(listed, found[size - 1].source_id) if len(found) > size else ""
        return pb.ListSourcesResponse(
            sources=[_source(each, self._rooms.reference) for each in found[:size]], next_page_token=token
        )

    async def RecordAnnualFigures(
        self, request: pb.RecordAnnualFiguresRequest, context: _Context
    ) -> pb.RecordAnnualFiguresResponse:
        """Records the figures of a year."""
        given = request.figures
        figures = AnnualFigures(
            park_id=given.park_id,
            tenant_id="",
            year=given.year,
            version=0,
            gross_output_10k_cny=given.gross_output_10k_cny,
            value_added_10k_cny=given.value_added_10k_cny,
            gdp_10k_cny=given.gdp_10k_cny,
            employees_persons=given.employees_persons,
            land_area_km2=given.land_area_km2,
            leading_industries_share_pct=given.leading_industries_share_pct,
            recorded_time=_UNSET_TIME,
        )
        async with self._rooms.write() as uow:
            kept, changed = await register.record_annual_figures(uow, current_caller(), figures, clock=self._rooms.clock)
        return pb.RecordAnnualFiguresResponse(figures=_figures(kept), changed=changed)

    async def ListAnnualFigures(self, request: pb.ListAnnualFiguresRequest, context: _Context) -> pb.ListAnnualFiguresResponse:
        """Returns a page of annual figures."""
        listed = f"{request.park_id}/annual-figures"
        size = page_size(request.page_size)
        key = read_token(request.page_token, listed, int, int) or (0, 0)
        async with self._rooms.read() as account:
            found = await register.list_annual_figures(
                account, current_caller(), request.park_id, (int(key[0]), int(key[1])), size + 1
            )
        token = write_token(listed, found[size - 1].year, found[size - 1].version) if len(found) > size else ""
        return pb.ListAnnualFiguresResponse(annual_figures=map(_figures, found[:size]), next_page_token=token)

    async def RecordActivity(self, request: pb.RecordActivityRequest, context: _Context) -> pb.RecordActivityResponse:
        """Records a batch of activity rows."""
        columns, rooms = read_columns(request.rows), self._rooms
        with rooms.measures.calculating("record_activity"):
            async with rooms.write() as uow:
                result = await record.record_activity(
                    uow, current_caller(), request.park_id, columns, book=rooms.book, reference=rooms.reference, clock=rooms.clock
                )
        rooms.measures.ingested(result)
        return pb.RecordActivityResponse(outcomes=write_outcomes(result), last_position=result.last_position)

    async def ListActivityRecords(
        self, request: pb.ListActivityRecordsRequest, context: _Context
    ) -> pb.ListActivityRecordsResponse:
        """Returns a page of records."""
        listed = f"{request.park_id}/activity-records"
        size = page_size(request.page_size, DEFAULT_RECORDS, MAX_RECORDS)
        after = read_number_token(request.page_token, listed)
        async with self._rooms.read() as account:
            park, found = await report.list_records(account, current_caller(), request.park_id, after, size + 1)
        token = write_token(listed, found[size - 1].position) if len(found) > size else ""
        records = [_record(each, park.zone) for each in found[:size]]
        return pb.ListActivityRecordsResponse(records=records, next_page_token=token)

    async def QueryEmissions(self, request: pb.QueryEmissionsRequest, context: _Context) -> pb.QueryEmissionsResponse:
        """Returns exact totals by group."""
        with self._rooms.measures.calculating("query_emissions"):
            async with self._rooms.read() as account:
                park, months, found = await report.query_emissions(
                    account,
                    current_caller(),
                    request.park_id,
                    request.from_month,
                    request.to_month,
                    tuple(request.group_by),
                    reference=self._rooms.reference,
                )
        return pb.QueryEmissionsResponse(
            park_id=park.park_id,
            from_month=str(months.first),
            to_month=str(months.end),
            group_by=request.group_by,
            groups=[_group(each, dict(zip(request.group_by, keys, strict=True))) for keys, each in found.groups],
            total=_group(found.total),
            removals=_group(found.removals),
            straddling=_group(found.straddling),
            biogenic=_group(found.biogenic),
            factor_set_id=park.factor_set_id,
        )

    async def ListSums(self, request: pb.ListSumsRequest, context: _Context) -> pb.ListSumsResponse:
        """Returns a page of the sums of a park."""
        listed = f"{request.park_id}/sums"
        size = page_size(request.page_size, DEFAULT_RECORDS, MAX_RECORDS)
        key = read_token(request.page_token, listed, str, int, int) or ("", 0, 0)
        after = (str(key[0]), int(key[1]), int(key[2]))
        async with self._rooms.read() as account:
            found, last_position = await report.list_sums(account, current_caller(), request.park_id, after, size + 1)
        page = found[:size]
        last = page[-1] if len(found) > size else None
        return pb.ListSumsResponse(
            source_id=[each.source_id for each in page],
            first_month=[each.first_month for each in page],
            last_month=[each.last_month for each in page],
            emissions_mg_co2e=[each.emissions_mg for each in page],
            energy_mgce=[each.energy_mgce for each in page],
            records=[each.records for each in page],
            last_position=last_position,
            next_page_token=write_token(listed, last.source_id, last.first_month, last.last_month) if last else "",
        )

    async def GetIndicators(self, request: pb.GetIndicatorsRequest, context: _Context) -> pb.GetIndicatorsResponse:
        """Returns the account's own figures of a year."""
        with self._rooms.measures.calculating("read_yearly_account"):
            async with self._rooms.read() as account:
                park, yearly = await report.read_yearly_account(
                    account, current_caller(), request.park_id, request.year, reference=self._rooms.reference
                )
        return pb.GetIndicatorsResponse(
            park_id=park.park_id,
            year=request.year,
            indicators=[
                pb.Indicator(
                    name=each.name,
                    value=each.value or None,
                    unit=each.unit,
                    missing=each.missing or None,
                    missing_zh=each.missing_zh or None,
                    formula=each.formula,
                )
                for each in yearly.indicators
            ],
            energy_mix=[
                pb.MixShare(carrier=each.carrier, energy_tce=each.energy_tce, share_pct=each.share_pct)
                for each in yearly.energy_mix
            ],
            factor_set_id=park.factor_set_id,
            electricity_conversion=_CALORIFIC,
            records=yearly.records,
        )

    async def ListFactorSets(self, request: pb.ListFactorSetsRequest, context: _Context) -> pb.ListFactorSetsResponse:
        """Returns a page of factor sets."""
        require(current_caller(), READ_PUBLISHED)
        size, after = page_size(request.page_size), read_text_token(request.page_token, "factor-sets")
        found = [each for each in self._rooms.book.sets if each.set_id > after]
        token = write_token("factor-sets", found[size - 1].set_id) if len(found) > size else ""
        return pb.ListFactorSetsResponse(factor_sets=map(_factor_set, found[:size]), next_page_token=token)

    async def ListFactors(self, request: pb.ListFactorsRequest, context: _Context) -> pb.ListFactorsResponse:
        """Returns a page of the factors of a set."""
        listed = f"{request.set_id}/factors"
        require(current_caller(), READ_PUBLISHED)
        size, after = page_size(request.page_size), read_text_token(request.page_token, listed)
        found = [each for each in self._rooms.book.factors_of(request.set_id) if each.factor_id > after]
        token = write_token(listed, found[size - 1].factor_id) if len(found) > size else ""
        return pb.ListFactorsResponse(factors=map(factor_to_wire, found[:size]), next_page_token=token)

    async def RebuildSums(self, request: pb.RebuildSumsRequest, context: _Context) -> pb.RebuildSumsResponse:
        """Queues a rebuild of a park's sums."""
        async with self._rooms.write() as uow:
            job_id = await maintain.request_rebuild(uow, current_caller(), request.park_id)
        return pb.RebuildSumsResponse(operation_name=f"operations/{job_id}")


def _enterprise(enterprise: Enterprise) -> pb.Enterprise:
    return pb.Enterprise(
        park_id=enterprise.park_id,
        enterprise_id=enterprise.enterprise_id,
        name_zh=enterprise.name_zh,
        name_en=enterprise.name_en,
        industry_code=enterprise.industry_code,
        credit_code=enterprise.credit_code or None,
        registered_time=time_to_wire(enterprise.registered_time),
    )


def _source(source: Source, reference: ReferenceTables) -> pb.Source:
    return pb.Source(
        park_id=source.park_id,
        source_id=source.source_id,
        enterprise_id=source.enterprise_id or None,
        name_zh=source.name_zh,
        name_en=source.name_en,
        item=source.item,
        scope=source.scope,
        carrier=source.carrier,
        gas=source.gas,
        sector=source.sector,
        settlement_basis=source.settlement_basis,
        registered_time=time_to_wire(source.registered_time),
        counted_as=counted_as(source.item, source.carrier, source.gas, reference),
    )


def _figures(figures: AnnualFigures) -> pb.AnnualFigures:
    return pb.AnnualFigures(
        park_id=figures.park_id,
        year=figures.year,
        version=figures.version,
        recorded_time=time_to_wire(figures.recorded_time),
        **{name: getattr(figures, name) or None for name in FIGURE_NAMES},
    )


def _record(record_: StoredRecord, zone: ZoneInfo) -> pb.ActivityRecord:
    return pb.ActivityRecord(
        record_id=record_.record_id,
        source_id=record_.source_id,
        period_start_time=format_instant(record_.start_s, zone),
        period_end_time=format_instant(record_.end_s, zone),
        quantity=format_scaled(record_.quantity_micro, MAX_DECIMALS),
        unit=record_.unit,
        emissions_t_co2e=tonnes(record_.emissions_mg),
        energy_tce=tonnes(record_.energy_mgce),
        basis_id=record_.basis_id,
        supersedes=record_.supersedes or None,
        superseded_by=record_.superseded_by or None,
        position=record_.position,
        recorded_time=time_to_wire(record_.recorded_time),
    )


def _group(each: Sum, keys: Mapping[str, str] | None = None) -> pb.EmissionsGroup:
    return pb.EmissionsGroup(
        emissions_t_co2e=tonnes(each.emissions_mg), energy_tce=tonnes(each.energy_mgce), records=each.records, **(keys or {})
    )


def _factor_set(each: FactorSet) -> pb.FactorSet:
    return pb.FactorSet(
        set_id=each.set_id,
        name_zh=each.name_zh,
        name_en=each.name_en,
        grid_level=each.grid_level,
        electricity_basis=each.electricity_basis,
        gwp_table=each.gwp_table,
        published_date=each.published.isoformat(),
        source=each.source,
        note=each.note,
    )
