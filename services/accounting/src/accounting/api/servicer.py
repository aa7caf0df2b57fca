"""Serves parkcarbon.accounting.v1.AccountingService: wire to use case to wire."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import grpc

from accounting.api.columns import read_columns, write_outcomes
from accounting.api.finding_servicer import FindingRpcs
from accounting.api.inventory_servicer import InventoryRpcs
from accounting.api.measures import Measures
from accounting.api.publication_servicer import PublicationRpcs
from accounting.api.wire import factor_to_wire, park_to_wire, tonnes
from accounting.application import factors, maintain, record, register, report
from accounting.application.ports import Ports
from accounting.domain.accounts import Sum, counted_as
from accounting.domain.factors import FactorSet
from accounting.domain.parks import FIGURE_NAMES, AnnualFigures, Enterprise, Park, Source
from accounting.domain.reference import ReferenceTables
from accounting.domain.stored import StoredRecord
from chassis.identity import current_caller
from chassis.paging import DEFAULT_RECORDS, MAX_RECORDS, Paging, in_slices
from chassis.wire import rfc3339
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

    def __init__(self, ports: Ports, measures: Measures) -> None:
        """Stores what the use cases work with, and what is counted and timed."""
        self._ports = ports
        self._measures = measures

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
        kept, created = await register.register_park(self._ports, current_caller(), park)
        return pb.CreateParkResponse(park=park_to_wire(kept), created=created)

    async def GetPark(self, request: pb.GetParkRequest, context: _Context) -> pb.GetParkResponse:
        """Returns one park."""
        return pb.GetParkResponse(park=park_to_wire(await register.read_park(self._ports, current_caller(), request.park_id)))

    async def ListParks(self, request: pb.ListParksRequest, context: _Context) -> pb.ListParksResponse:
        """Returns a page of parks."""
        page = Paging("parks", request.page_size, request.page_token)
        found = await register.list_parks(self._ports, current_caller(), page.after_text(), page.limit)
        shown, token = page.cut(found, lambda each: (each.park_id,))
        return pb.ListParksResponse(parks=map(park_to_wire, shown), next_page_token=token)

    async def ListRegionParks(self, request: pb.ListRegionParksRequest, context: _Context) -> pb.ListRegionParksResponse:
        """Returns a page of the parks of a region."""
        page = Paging(f"regions/{request.region_code}/parks", request.page_size, request.page_token)
        found = await register.list_region_parks(self._ports, current_caller(), request.region_code, page.after_text(), page.limit)
        shown, token = page.cut(found, lambda each: (each.park_id,))
        return pb.ListRegionParksResponse(parks=map(park_to_wire, shown), next_page_token=token)

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
        kept, created = await register.register_enterprise(self._ports, current_caller(), enterprise)
        return pb.CreateEnterpriseResponse(enterprise=_enterprise(kept), created=created)

    async def ListEnterprises(self, request: pb.ListEnterprisesRequest, context: _Context) -> pb.ListEnterprisesResponse:
        """Returns a page of enterprises."""
        page = Paging(f"{request.park_id}/enterprises", request.page_size, request.page_token)
        found = await register.list_enterprises(self._ports, current_caller(), request.park_id, page.after_text(), page.limit)
        shown, token = page.cut(found, lambda each: (each.enterprise_id,))
        return pb.ListEnterprisesResponse(enterprises=map(_enterprise, shown), next_page_token=token)

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
        kept, created = await register.register_source(self._ports, current_caller(), source)
        return pb.CreateSourceResponse(source=_source(kept, self._ports.reference), created=created)

    async def GetSource(self, request: pb.GetSourceRequest, context: _Context) -> pb.GetSourceResponse:
        """Returns one source."""
        found = await register.read_source(self._ports, current_caller(), request.park_id, request.source_id)
        return pb.GetSourceResponse(source=_source(found, self._ports.reference))

    async def ListSources(self, request: pb.ListSourcesRequest, context: _Context) -> pb.ListSourcesResponse:
        """Returns a page of sources."""
        page = Paging(f"{request.park_id}/sources", request.page_size, request.page_token)
        found = await register.list_sources(self._ports, current_caller(), request.park_id, page.after_text(), page.limit)
        shown, token = page.cut(found, lambda each: (each.source_id,))
        return pb.ListSourcesResponse(sources=[_source(each, self._ports.reference) for each in shown], next_page_token=token)

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
        kept, changed = await register.record_annual_figures(self._ports, current_caller(), figures)
        return pb.RecordAnnualFiguresResponse(figures=_figures(kept), changed=changed)

    async def ListAnnualFigures(self, request: pb.ListAnnualFiguresRequest, context: _Context) -> pb.ListAnnualFiguresResponse:
        """Returns a page of annual figures."""
        page = Paging(f"{request.park_id}/annual-figures", request.page_size, request.page_token)
        found = await register.list_annual_figures(self._ports, current_caller(), request.park_id, page.after_numbers(), page.limit)
        shown, token = page.cut(found, lambda each: (each.year, each.version))
        return pb.ListAnnualFiguresResponse(annual_figures=map(_figures, shown), next_page_token=token)

    async def RecordActivity(self, request: pb.RecordActivityRequest, context: _Context) -> pb.RecordActivityResponse:
        """Records a batch of activity rows."""
        columns = read_columns(request.rows)
        with self._measures.calculating("record_activity"):
            result = await record.record_activity(self._ports, current_caller(), request.park_id, columns)
        self._measures.ingested(result)
        return pb.RecordActivityResponse(outcomes=write_outcomes(result), last_position=result.last_position)

    async def ListActivityRecords(
        self, request: pb.ListActivityRecordsRequest, context: _Context
    ) -> pb.ListActivityRecordsResponse:
        """Returns a page of records."""
        listed = f"{request.park_id}/activity-records"
        page = Paging(listed, request.page_size, request.page_token, default=DEFAULT_RECORDS, most=MAX_RECORDS)
        park, found = await report.list_records(self._ports, current_caller(), request.park_id, page.after_number(), page.limit)
        shown, token = page.cut(found, lambda each: (each.position,))
        response = pb.ListActivityRecordsResponse(next_page_token=token)
        async for part in in_slices(shown):
            response.records.extend(_record(each, park.zone) for each in part)
        return response

    async def QueryEmissions(self, request: pb.QueryEmissionsRequest, context: _Context) -> pb.QueryEmissionsResponse:
        """Returns exact totals by group."""
        with self._measures.calculating("query_emissions"):
            park, months, found, last_position = await report.query_emissions(
                self._ports, current_caller(), request.park_id, request.from_month, request.to_month, tuple(request.group_by)
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
            last_position=last_position,
        )

    async def ListSums(self, request: pb.ListSumsRequest, context: _Context) -> pb.ListSumsResponse:
        """Returns a page of the sums of a park."""
        listed = f"{request.park_id}/sums"
        page = Paging(listed, request.page_size, request.page_token, default=DEFAULT_RECORDS, most=MAX_RECORDS)
        key = page.after(str, int, int) or ("", 0, 0)
        after = (str(key[0]), int(key[1]), int(key[2]))
        found, last_position = await report.list_sums(self._ports, current_caller(), request.park_id, after, page.limit)
        shown, token = page.cut(found, lambda each: (each.source_id, each.first_month, each.last_month))
        return pb.ListSumsResponse(
            source_id=[each.source_id for each in shown],
            first_month=[each.first_month for each in shown],
            last_month=[each.last_month for each in shown],
            emissions_mg_co2e=[str(each.emissions_mg) for each in shown],
            energy_mgce=[str(each.energy_mgce) for each in shown],
            records=[each.records for each in shown],
            last_position=last_position,
            next_page_token=token,
        )

    async def GetIndicators(self, request: pb.GetIndicatorsRequest, context: _Context) -> pb.GetIndicatorsResponse:
        """Returns the account's own figures of a year."""
        with self._measures.calculating("read_yearly_account"):
            park, yearly = await report.read_yearly_account(self._ports, current_caller(), request.park_id, request.year)
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
        page = Paging("factor-sets", request.page_size, request.page_token)
        found = await factors.list_factor_sets(self._ports, current_caller(), page.after_text(), page.limit)
        shown, token = page.cut(found, lambda each: (each.set_id,))
        return pb.ListFactorSetsResponse(factor_sets=map(_factor_set, shown), next_page_token=token)

    async def ListFactors(self, request: pb.ListFactorsRequest, context: _Context) -> pb.ListFactorsResponse:
        """Returns a page of the factors of a set."""
        page = Paging(f"{request.set_id}/factors", request.page_size, request.page_token)
        found = await factors.list_factors(self._ports, current_caller(), request.set_id, page.after_text(), page.limit)
        shown, token = page.cut(found, lambda each: (each.factor_id,))
        return pb.ListFactorsResponse(factors=map(factor_to_wire, shown), next_page_token=token)

    async def RebuildSums(self, request: pb.RebuildSumsRequest, context: _Context) -> pb.RebuildSumsResponse:
        """Queues a rebuild of a park's sums."""
        job_id = await maintain.request_rebuild(self._ports, current_caller(), request.park_id)
        return pb.RebuildSumsResponse(operation_name=f"operations/{job_id}")


def _enterprise(enterprise: Enterprise) -> pb.Enterprise:
    return pb.Enterprise(
        park_id=enterprise.park_id,
        enterprise_id=enterprise.enterprise_id,
        name_zh=enterprise.name_zh,
        name_en=enterprise.name_en,
        industry_code=enterprise.industry_code,
        credit_code=enterprise.credit_code or None,
        registered_time=rfc3339(enterprise.registered_time),
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
        registered_time=rfc3339(source.registered_time),
        counted_as=counted_as(source.item, source.carrier, source.gas, reference),
    )


def _figures(figures: AnnualFigures) -> pb.AnnualFigures:
    return pb.AnnualFigures(
        park_id=figures.park_id,
        year=figures.year,
        version=figures.version,
        recorded_time=rfc3339(figures.recorded_time),
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
        recorded_time=rfc3339(record_.recorded_time),
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
