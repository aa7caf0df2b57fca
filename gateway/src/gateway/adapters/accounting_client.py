"""The accounting service over gRPC. Its refusals become the gateway's own errors and keep their reason."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from google.longrunning import operations_pb2, operations_pb2_grpc  # type: ignore[import-untyped]
from google.protobuf import any_pb2, json_format, struct_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.channel import Channel, SingleAnswer
from chassis.errors import INTERNAL, RemoteError
from gateway.domain.account import (
    ActivityRecord,
    AnnualFigures,
    Emissions,
    EmissionsGroup,
    Enterprise,
    Factor,
    FactorSet,
    Indicator,
    Job,
    MixShare,
    NewAnnualFigures,
    NewEnterprise,
    NewPark,
    NewSource,
    Page,
    Paging,
    Park,
    RecordedFigures,
    Registered,
    SettlementBasis,
    Source,
    YearIndicators,
    exact_tonnes,
)
from gateway.domain.activity import ActivityRows, BatchOutcome, Outcome, RowProblem
from gateway.domain.callers import Caller
from gateway.domain.errors import AccountingRefused, Unavailable
from kernel.refusals import Kind
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from parkcarbon.accounting.v1 import accounting_pb2_grpc

A = TypeVar("A")

SERVICE = "parkcarbon.accounting.v1.AccountingService"
_PROBE_SECONDS = 2.0
_OPERATIONS = "operations/"

_OUTCOMES: dict[int, Outcome] = {
    pb.OUTCOME_ACCEPTED: Outcome.ACCEPTED,
    pb.OUTCOME_DUPLICATE: Outcome.DUPLICATE,
    pb.OUTCOME_SUPERSEDED: Outcome.SUPERSEDED,
    pb.OUTCOME_REJECTED: Outcome.REJECTED,
}
_BASES: dict[SettlementBasis, "pb.SettlementBasis.ValueType"] = {
    "bill": pb.SETTLEMENT_BASIS_BILL,
    "meter": pb.SETTLEMENT_BASIS_METER,
}
_BASIS_NAMES: dict[int, SettlementBasis] = {number: name for name, number in _BASES.items()}


READS_A_YEAR = frozenset({"CloseInventory", "PublishInventory", "ReleaseRegions", "ReplayInventory"})
YEAR_SECONDS = 300.0
"""How long reading all of a year may take: millions of records, or every park."""


class AccountingClient:
    """An AccountingPort over a channel."""

    def __init__(self, channel: Channel) -> None:
        """Builds the stubs.

        Args:
            channel: To accounting; signs the caller of each call.
        """
        self._channel = channel
        self._stub = accounting_pb2_grpc.AccountingServiceStub(channel.grpc)
        self._operations = operations_pb2_grpc.OperationsStub(channel.grpc)
        self._check: SingleAnswer[health_pb2.HealthCheckResponse] = health_pb2_grpc.HealthStub(channel.grpc).Check  # type: ignore[attr-defined]  # its stubs name no method

    async def create_park(self, caller: Caller, park: NewPark) -> Registered[Park]:
        """Registers a park; the same again is answered as before."""
        message = pb.Park(
            park_id=park.park_id,
            name_zh=park.name_zh,
            name_en=park.name_en,
            region_code=park.region_code,
            time_zone=park.time_zone,
            latitude_deg=park.latitude_deg or "",
            longitude_deg=park.longitude_deg or "",
            factor_set_id=park.factor_set_id,
        )
        found = await self._call(self._stub.CreatePark, pb.CreateParkRequest(park=message), caller)
        return Registered(_park(found.park), found.created)

    async def get_park(self, caller: Caller, park_id: str) -> Park:
        """Returns a park."""
        return _park((await self._call(self._stub.GetPark, pb.GetParkRequest(park_id=park_id), caller)).park)

    async def list_parks(self, caller: Caller, paging: Paging) -> Page[Park]:
        """Returns parks in order of id."""
        request = pb.ListParksRequest(page_size=paging.size, page_token=paging.token)
        found = await self._call(self._stub.ListParks, request, caller)
        return Page(tuple(map(_park, found.parks)), found.next_page_token)

    async def create_enterprise(self, caller: Caller, park_id: str, enterprise: NewEnterprise) -> Registered[Enterprise]:
        """Registers an enterprise; the same again is answered as before."""
        message = pb.Enterprise(
            park_id=park_id,
            enterprise_id=enterprise.enterprise_id,
            name_zh=enterprise.name_zh,
            name_en=enterprise.name_en,
            industry_code=enterprise.industry_code,
            credit_code=enterprise.credit_code or "",
        )
        found = await self._call(self._stub.CreateEnterprise, pb.CreateEnterpriseRequest(enterprise=message), caller)
        return Registered(_enterprise(found.enterprise), found.created)

    async def list_enterprises(self, caller: Caller, park_id: str, paging: Paging) -> Page[Enterprise]:
        """Returns enterprises in order of id."""
        request = pb.ListEnterprisesRequest(park_id=park_id, page_size=paging.size, page_token=paging.token)
        found = await self._call(self._stub.ListEnterprises, request, caller)
        return Page(tuple(map(_enterprise, found.enterprises)), found.next_page_token)

    async def create_source(self, caller: Caller, park_id: str, source: NewSource) -> Registered[Source]:
        """Registers an emission source; the same again is answered as before."""
        message = pb.Source(
            park_id=park_id,
            source_id=source.source_id,
            enterprise_id=source.enterprise_id or "",
            name_zh=source.name_zh,
            name_en=source.name_en,
            item=source.item,
            scope=source.scope,
            carrier=source.carrier,
            gas=source.gas,
            sector=source.sector,
            settlement_basis=_BASES[source.settlement_basis],
        )
        found = await self._call(self._stub.CreateSource, pb.CreateSourceRequest(source=message), caller)
        return Registered(_source(found.source), found.created)

    async def list_sources(self, caller: Caller, park_id: str, paging: Paging) -> Page[Source]:
        """Returns emission sources in order of id."""
        request = pb.ListSourcesRequest(park_id=park_id, page_size=paging.size, page_token=paging.token)
        found = await self._call(self._stub.ListSources, request, caller)
        return Page(tuple(map(_source, found.sources)), found.next_page_token)

    async def record_annual_figures(self, caller: Caller, park_id: str, year: int, figures: NewAnnualFigures) -> RecordedFigures:
        """Records the figures of a year as a new version, unless the same are in force."""
        message = pb.AnnualFigures(
            park_id=park_id,
            year=year,
            gross_output_10k_cny=figures.gross_output_10k_cny or "",
            value_added_10k_cny=figures.value_added_10k_cny or "",
            gdp_10k_cny=figures.gdp_10k_cny or "",
            employees_persons=figures.employees_persons or "",
            land_area_km2=figures.land_area_km2 or "",
            leading_industries_share_pct=figures.leading_industries_share_pct or "",
        )
        request = pb.RecordAnnualFiguresRequest(figures=message)
        found = await self._call(self._stub.RecordAnnualFigures, request, caller)
        return RecordedFigures(figures=_annual_figures(found.figures), changed=found.changed)

    async def list_annual_figures(self, caller: Caller, park_id: str, paging: Paging) -> Page[AnnualFigures]:
        """Returns every version, by year, then by version."""
        request = pb.ListAnnualFiguresRequest(park_id=park_id, page_size=paging.size, page_token=paging.token)
        found = await self._call(self._stub.ListAnnualFigures, request, caller)
        return Page(tuple(map(_annual_figures, found.figures)), found.next_page_token)

    async def record_activity(self, caller: Caller, park_id: str, rows: ActivityRows) -> BatchOutcome:
        """Records a batch in one transaction and returns one outcome per row."""
        request = pb.RecordActivityRequest(park_id=park_id, rows=activity_columns(rows))
        found = (await self._call(self._stub.RecordActivity, request, caller)).outcomes
        problems = [
            RowProblem(
                row=problem.row_number,
                record_id=problem.record_id,
                reason=problem.reason,
                field=problem.field,
                found=problem.found,
                allowed=problem.allowed,
                message_en=problem.message_en,
                message_zh=problem.message_zh,
            )
            for problem in found.problems
        ]
        return BatchOutcome([_OUTCOMES[outcome] for outcome in found.outcome], problems)

    async def list_activity_records(self, caller: Caller, park_id: str, paging: Paging) -> Page[ActivityRecord]:
        """Returns records in the order in which they were accepted."""
        request = pb.ListActivityRecordsRequest(park_id=park_id, page_size=paging.size, page_token=paging.token)
        found = await self._call(self._stub.ListActivityRecords, request, caller)
        return Page(tuple(map(_activity_record, found.records)), found.next_page_token)

    async def query_emissions(
        self, caller: Caller, park_id: str, from_month: str, to_month: str, group_by: Sequence[str]
    ) -> Emissions:
        """Returns exact totals of [from_month, to_month), both YYYY-MM."""
        request = pb.QueryEmissionsRequest(park_id=park_id, from_month=from_month, to_month=to_month, group_by=group_by)
        found = await self._call(self._stub.QueryEmissions, request, caller)
        return Emissions(
            groups=tuple(map(_group, found.groups)),
            total=_group(found.total),
            removals=_group(found.removals),
            biogenic=_group(found.biogenic),
            straddling=_group(found.straddling),
            factor_set_id=found.factor_set_id,
        )

    async def get_indicators(self, caller: Caller, park_id: str, year: int) -> YearIndicators:
        """Returns the figures of a year."""
        found = await self._call(self._stub.GetIndicators, pb.GetIndicatorsRequest(park_id=park_id, year=year), caller)
        return YearIndicators(
            indicators=tuple(
                Indicator(
                    name=indicator.name,
                    value=indicator.value or None,
                    unit=indicator.unit,
                    missing=indicator.missing or None,
                    missing_zh=indicator.missing_zh or None,
                    formula=indicator.formula,
                )
                for indicator in found.indicators
            ),
            energy_mix=tuple(
                MixShare(carrier=share.carrier, energy_tce=share.energy_tce, share_pct=share.share_pct)
                for share in found.energy_mix
            ),
            factor_set_id=found.factor_set_id,
            electricity_conversion=found.electricity_conversion,
            records=found.records,
        )

    async def list_factor_sets(self, caller: Caller, paging: Paging) -> Page[FactorSet]:
        """Returns the factor sets in order of id."""
        request = pb.ListFactorSetsRequest(page_size=paging.size, page_token=paging.token)
        found = await self._call(self._stub.ListFactorSets, request, caller)
        return Page(tuple(map(_factor_set, found.factor_sets)), found.next_page_token)

    async def list_factors(self, caller: Caller, set_id: str, paging: Paging) -> Page[Factor]:
        """Returns the factors of a set in order of id."""
        request = pb.ListFactorsRequest(set_id=set_id, page_size=paging.size, page_token=paging.token)
        found = await self._call(self._stub.ListFactors, request, caller)
        return Page(tuple(map(_factor, found.factors)), found.next_page_token)

    async def rebuild_sums(self, caller: Caller, park_id: str) -> Job:
        """Starts the job that computes a park's sums anew.

        A repetition starts another job, which finds the same: harmless, and therefore not repeated by the channel but by people.
        """
        found = await self._call(self._stub.RebuildSums, pb.RebuildSumsRequest(park_id=park_id), caller, idempotent=False)
        return await self.get_job(caller, found.operation_name.removeprefix(_OPERATIONS))

    async def get_job(self, caller: Caller, job_id: str) -> Job:
        """Returns a job."""
        request = operations_pb2.GetOperationRequest(name=_OPERATIONS + job_id)
        tenant, job = _job(await self._call(self._operations.GetOperation, request, caller))
        # Accounting shows an operator the jobs of all tenants; here every caller, an operator too, acts in its own.
        if tenant != caller.tenant:
            raise AccountingRefused(Kind.NOT_FOUND, "JOB_NOT_FOUND", f"there is no job {job_id!r}", {"job_id": job_id})
        return job

    async def ask(self, caller: Caller, question: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """Asks an rpc by its name, and returns the members of its answer, those without a value too."""
        request = json_format.ParseDict(dict(members), getattr(pb, f"{question}Request")())
        found = await self._call(
            getattr(self._stub, question),
            request,
            caller,
            deadline_seconds=YEAR_SECONDS if question in READS_A_YEAR else None,
        )
        return json_format.MessageToDict(found, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)

    async def check(self) -> None:
        """Returns when accounting serves."""
        try:
            answer = await self._channel.call(
                self._check, health_pb2.HealthCheckRequest(service=SERVICE), caller=None, deadline_seconds=_PROBE_SECONDS
            )
        except RemoteError as error:
            raise Unavailable("ACCOUNTING_UNAVAILABLE") from error
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise Unavailable("ACCOUNTING_UNAVAILABLE")

    async def _call(
        self,
        method: SingleAnswer[A],
        request: Any,
        caller: Caller,
        *,
        idempotent: bool = True,
        deadline_seconds: float | None = None,
    ) -> A:
        try:
            return await self._channel.call(
                method, request, caller=caller, idempotent=idempotent, deadline_seconds=deadline_seconds
            )
        except RemoteError as error:
            _refuse(error)


def _refuse(error: RemoteError) -> NoReturn:
    """Raises what accounting's refusal is here.

    Without a domain it is the connection that speaks, and not accounting. That accounting does not believe the gateway's own
    signature is our failure and not the caller's, so it is not passed on.
    """
    if error.kind == Kind.UNAVAILABLE and not error.domain:
        raise Unavailable("ACCOUNTING_UNAVAILABLE") from error
    if error.kind in (INTERNAL, Kind.UNAUTHENTICATED):
        raise AccountingRefused(INTERNAL, "INTERNAL", "the accounting service failed", {"message_zh": "核算服务出错"}) from error
    raise AccountingRefused(error.kind, error.reason, error.message, error.metadata) from error


def activity_columns(rows: ActivityRows) -> pb.ActivityColumns:
    """Returns rows as the wire's columns: texts that repeat are written once and pointed at."""
    return pb.ActivityColumns(
        row_number=rows.row_numbers,
        record_id=pb.TextColumn(values=rows.record_id),
        source_id=_dictionary(rows.source_id),
        period_start=_dictionary(rows.period_start),
        period_end=_dictionary(rows.period_end),
        quantity=pb.TextColumn(values=rows.quantity),
        unit=_dictionary(rows.unit),
        supersedes=_dictionary(rows.supersedes),
        confirmed=_dictionary(rows.confirmed),
    )


def _dictionary(column: Sequence[str]) -> pb.TextColumn:
    # One source, one unit, nothing superseded: cheaper to see than to look up row by row.
    if len(column) > 1 and column.count(column[0]) == len(column):
        # Where a column is left out, every row is empty there.
        return pb.TextColumn(values=column[:1], indices=[0] * len(column)) if column[0] else pb.TextColumn()
    places: dict[str, int] = {}
    indices = [places.setdefault(text, len(places)) for text in column]
    if len(places) == len(column):
        return pb.TextColumn(values=column)
    return pb.TextColumn(values=places, indices=indices)


def _job(operation: operations_pb2.Operation) -> tuple[str, Job]:
    """Returns an operation as a job, with the tenant whose it is."""
    said = _struct(operation.metadata)
    job = Job(
        job_id=operation.name.removeprefix(_OPERATIONS),
        state=str(said.get("state", "")),
        progress=float(said.get("progress", 0.0)),
        result=_struct(operation.response) if operation.HasField("response") else None,
        error={"code": operation.error.code, "message": operation.error.message} if operation.HasField("error") else None,
    )
    return str(said.get("tenant_id", "")), job


def _struct(packed: any_pb2.Any) -> dict[str, Any]:
    struct = struct_pb2.Struct()
    packed.Unpack(struct)
    found: dict[str, Any] = json_format.MessageToDict(struct)
    # A Struct knows no integers: 3 arrives as 3.0.
    return {name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in found.items()}


def _park(park: pb.Park) -> Park:
    return Park(
        park_id=park.park_id,
        tenant_id=park.tenant_id,
        name_zh=park.name_zh,
        name_en=park.name_en,
        region_code=park.region_code,
        time_zone=park.time_zone,
        latitude_deg=park.latitude_deg or None,
        longitude_deg=park.longitude_deg or None,
        factor_set_id=park.factor_set_id,
        registered_time=park.registered_time,
    )


def _enterprise(enterprise: pb.Enterprise) -> Enterprise:
    return Enterprise(
        park_id=enterprise.park_id,
        enterprise_id=enterprise.enterprise_id,
        name_zh=enterprise.name_zh,
        name_en=enterprise.name_en,
        industry_code=enterprise.industry_code,
        credit_code=enterprise.credit_code or None,
        registered_time=enterprise.registered_time,
    )


def _source(source: pb.Source) -> Source:
    return Source(
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
        settlement_basis=_BASIS_NAMES[source.settlement_basis],
        registered_time=source.registered_time,
    )


def _annual_figures(figures: pb.AnnualFigures) -> AnnualFigures:
    return AnnualFigures(
        park_id=figures.park_id,
        year=figures.year,
        version=figures.version,
        gross_output_10k_cny=figures.gross_output_10k_cny or None,
        value_added_10k_cny=figures.value_added_10k_cny or None,
        gdp_10k_cny=figures.gdp_10k_cny or None,
        employees_persons=figures.employees_persons or None,
        land_area_km2=figures.land_area_km2 or None,
        leading_industries_share_pct=figures.leading_industries_share_pct or None,
        recorded_time=figures.recorded_time,
    )


def _activity_record(record: pb.ActivityRecord) -> ActivityRecord:
    return ActivityRecord(
        record_id=record.record_id,
        source_id=record.source_id,
        period_start_time=record.period_start_time,
        period_end_time=record.period_end_time,
        quantity=record.quantity,
        unit=record.unit,
        emissions_t_co2e=exact_tonnes(record.emissions_mg_co2e),
        energy_tce=exact_tonnes(record.energy_mgce),
        basis_id=record.basis_id,
        supersedes=record.supersedes or None,
        superseded_by=record.superseded_by or None,
        position=record.position,
        recorded_time=record.recorded_time,
    )


def _group(group: pb.EmissionsGroup) -> EmissionsGroup:
    return EmissionsGroup(
        keys=tuple(group.keys),
        emissions_t_co2e=exact_tonnes(group.emissions_mg_co2e),
        energy_tce=exact_tonnes(group.energy_mgce),
        records=group.records,
    )


def _factor_set(found: pb.FactorSet) -> FactorSet:
    return FactorSet(
        set_id=found.set_id,
        name_zh=found.name_zh,
        name_en=found.name_en,
        grid_level=found.grid_level,
        electricity_basis=found.electricity_basis,
        gwp_table=found.gwp_table,
        published_date=found.published_date,
        source=found.source,
        note=found.note,
    )


def _factor(factor: pb.Factor) -> Factor:
    return Factor(
        factor_id=factor.factor_id,
        table_id=factor.table_id,
        quantity=factor.quantity,
        carrier=factor.carrier,
        gas=factor.gas,
        region=factor.region,
        basis=factor.basis,
        value=factor.value,
        unit=factor.unit,
        valid_from_date=factor.valid_from_date,
        valid_to_date=factor.valid_to_date or None,
        published_date=factor.published_date,
        confidence=factor.confidence,
        source=factor.source,
        checked_where=factor.checked_where,
        note=factor.note,
    )
