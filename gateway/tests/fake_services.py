"""The services behind the gateway, in memory: they take and return messages of their contracts, as the real ones do."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from google.protobuf import message_factory
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from gateway.adapters.generated import accounting, evaluation
from gateway.adapters.rpcs import Contract, fill
from gateway.adapters.services import unavailable
from gateway.domain.callers import Caller
from gateway.domain.errors import GatewayError, ServiceRefused
from gateway.domain.push.activity import ActivityRows, BatchOutcome, Outcome, RowProblem
from gateway.domain.push.jobs import Job
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from parkcarbon.evaluation.v1 import evaluation_pb2

TIME = "2026-11-21T02:00:00Z"
_QUANTITY = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
_TONNES_PER_UNIT = Decimal("0.581")


def _method(rpc: str) -> str:
    """The name of an rpc as Python writes it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", rpc).lower()


def _asked(contract: Contract, rpc: str, members: Mapping[str, Any]) -> Any:
    """The request of an rpc; that it can be filled is part of the contract."""
    request = contract.rpcs[rpc].request()
    fill(request, members)
    return request


def _told(contract: Contract, rpc: str, response: Message, language: str) -> dict[str, Any]:
    """A response as the gateway's own generated code writes it."""
    write = contract.rpcs[rpc].write
    assert write is not None
    return write(response, language)


def _not_found(what: str) -> ServiceRefused:
    return ServiceRefused("not_found", f"{what.upper()}_NOT_FOUND", f"no such {what}", {"message_zh": f"{what} 不存在"})


def _page(items: Sequence[Any], request: Any) -> tuple[Sequence[Any], str]:
    start = int(request.page_token or 0)
    stop = start + (request.page_size or 100)
    return items[start:stop], str(stop) if stop < len(items) else ""


@dataclass
class _ParkBook:
    park: pb.Park
    enterprises: dict[str, pb.Enterprise] = field(default_factory=dict)
    sources: dict[str, pb.Source] = field(default_factory=dict)
    figures: list[pb.AnnualFigures] = field(default_factory=list)
    records: dict[str, tuple[tuple[str, ...], pb.ActivityRecord]] = field(default_factory=dict)


class FakeAccounting:
    """Parks belong to tenants, ids are idempotent, a row is judged by its quantity, a unit emits 581 kg.

    Every rpc that is asked by name has a method: its name in snake case, which takes the caller and the request and returns the
    response.

    Attributes:
        failures: Taken by the next calls, one each; None lets a call through.
        batches: How many rows each recorded batch had.
        serving: Whether `check` finds it well.
    """

    def __init__(self) -> None:
        self.failures: list[GatewayError | Exception | None] = []
        self.batches: list[int] = []
        self.serving = True
        self._parks: dict[tuple[str, str], _ParkBook] = {}
        self._jobs: dict[str, tuple[str, Job]] = {}
        self._numbers = itertools.count(1)

    async def ask(self, caller: Caller, rpc: str, members: Mapping[str, Any], language: str = "en") -> dict[str, Any]:
        """Answers a call as the service's client does."""
        request = _asked(accounting.CONTRACT, rpc, members)
        response = await getattr(self, _method(rpc))(caller, request)
        return _told(accounting.CONTRACT, rpc, response, language)

    async def download(self, caller: Caller, rpc: str, members: Mapping[str, Any]) -> tuple[bytes, str]:
        """Refuses: the contract has no file."""
        raise NotImplementedError(rpc)

    async def check(self) -> None:
        """Says whether it serves."""
        if not self.serving:
            raise unavailable("accounting")

    def _turn(self) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure

    def _book(self, caller: Caller, park_id: str) -> _ParkBook:
        self._turn()
        book = self._parks.get((caller.tenant, park_id))
        if book is None:
            raise _not_found("park")
        return book

    async def create_park(self, caller: Caller, request: pb.CreateParkRequest) -> pb.CreateParkResponse:
        self._turn()
        key = (caller.tenant, request.park.park_id)
        new = pb.Park(tenant_id=caller.tenant, registered_time=TIME)
        new.MergeFrom(request.park)
        created = key not in self._parks
        if created:
            self._parks[key] = _ParkBook(new)
        elif self._parks[key].park != new:
            raise ServiceRefused("already_exists", "CONTENT_DIFFERS", "registered with other content", {"field": "name_en"})
        return pb.CreateParkResponse(park=new, created=created)

    async def get_park(self, caller: Caller, request: pb.GetParkRequest) -> pb.GetParkResponse:
        return pb.GetParkResponse(park=self._book(caller, request.park_id).park)

    async def list_parks(self, caller: Caller, request: pb.ListParksRequest) -> pb.ListParksResponse:
        self._turn()
        listed, token = _page(self._reached(caller), request)
        return pb.ListParksResponse(parks=listed, next_page_token=token)

    async def list_region_parks(self, caller: Caller, request: pb.ListRegionParksRequest) -> pb.ListRegionParksResponse:
        self._turn()
        region = re.sub(r"(00)+$", "", request.region_code)
        listed, token = _page([park for park in self._reached(caller) if park.region_code.startswith(region)], request)
        return pb.ListRegionParksResponse(parks=listed, next_page_token=token)

    def _reached(self, caller: Caller) -> list[pb.Park]:
        """The parks of the caller's tenant within its regions, in order of id."""
        return [
            book.park
            for (tenant, _), book in sorted(self._parks.items())
            if tenant == caller.tenant
            and (caller.regions is None or any(book.park.region_code.startswith(each) for each in caller.regions))
        ]

    async def create_enterprise(self, caller: Caller, request: pb.CreateEnterpriseRequest) -> pb.CreateEnterpriseResponse:
        book = self._book(caller, request.enterprise.park_id)
        new = pb.Enterprise(registered_time=TIME)
        new.MergeFrom(request.enterprise)
        created = new.enterprise_id not in book.enterprises
        return pb.CreateEnterpriseResponse(enterprise=book.enterprises.setdefault(new.enterprise_id, new), created=created)

    async def list_enterprises(self, caller: Caller, request: pb.ListEnterprisesRequest) -> pb.ListEnterprisesResponse:
        listed, token = _page([*self._book(caller, request.park_id).enterprises.values()], request)
        return pb.ListEnterprisesResponse(enterprises=listed, next_page_token=token)

    async def create_source(self, caller: Caller, request: pb.CreateSourceRequest) -> pb.CreateSourceResponse:
        book = self._book(caller, request.source.park_id)
        new = pb.Source(registered_time=TIME, counted_as="total")
        new.MergeFrom(request.source)
        created = new.source_id not in book.sources
        return pb.CreateSourceResponse(source=book.sources.setdefault(new.source_id, new), created=created)

    async def get_source(self, caller: Caller, request: pb.GetSourceRequest) -> pb.GetSourceResponse:
        source = self._book(caller, request.park_id).sources.get(request.source_id)
        if source is None:
            raise _not_found("source")
        return pb.GetSourceResponse(source=source)

    async def list_sources(self, caller: Caller, request: pb.ListSourcesRequest) -> pb.ListSourcesResponse:
        listed, token = _page([*self._book(caller, request.park_id).sources.values()], request)
        return pb.ListSourcesResponse(sources=listed, next_page_token=token)

    async def record_annual_figures(self, caller: Caller, request: pb.RecordAnnualFiguresRequest) -> pb.RecordAnnualFiguresResponse:
        book = self._book(caller, request.figures.park_id)
        versions = [entry for entry in book.figures if entry.year == request.figures.year]
        new = pb.AnnualFigures(version=max(len(versions), 1), recorded_time=TIME)
        new.MergeFrom(request.figures)
        if versions and new == versions[-1]:
            return pb.RecordAnnualFiguresResponse(figures=new, changed=False)
        new.version = len(versions) + 1
        book.figures.append(new)
        return pb.RecordAnnualFiguresResponse(figures=new, changed=True)

    async def list_annual_figures(self, caller: Caller, request: pb.ListAnnualFiguresRequest) -> pb.ListAnnualFiguresResponse:
        listed, token = _page(self._book(caller, request.park_id).figures, request)
        return pb.ListAnnualFiguresResponse(annual_figures=listed, next_page_token=token)

    async def record_activity(self, caller: Caller, park_id: str, rows: ActivityRows) -> BatchOutcome:
        """Judges a batch as the port promises; it is asked with columns, not with members."""
        book = self._book(caller, park_id)
        self.batches.append(len(rows))
        outcomes: list[Outcome] = []
        problems: list[RowProblem] = []
        columns = (rows.source_id, rows.period_start, rows.period_end, rows.quantity, rows.unit, rows.supersedes)
        for at, (number, record_id) in enumerate(zip(rows.row_numbers, rows.record_id, strict=True)):
            content = tuple(column[at] for column in columns)
            outcome = self._judge(book, record_id, content)
            if outcome is Outcome.REJECTED:
                problems.append(_row_problem(number, record_id, content[3]))
            outcomes.append(outcome)
        return BatchOutcome(outcomes, problems)

    def _judge(self, book: _ParkBook, record_id: str, content: tuple[str, ...]) -> Outcome:
        source_id, start, end, quantity, unit, supersedes = content
        known = book.records.get(record_id)
        if known is not None:
            return Outcome.DUPLICATE if known[0] == content else Outcome.REJECTED
        if not record_id or _QUANTITY.fullmatch(quantity) is None or (supersedes and supersedes not in book.records):
            return Outcome.REJECTED
        record = pb.ActivityRecord(
            record_id=record_id,
            source_id=source_id,
            period_start_time=start,
            period_end_time=end,
            quantity=quantity,
            unit=unit,
            emissions_t_co2e=f"{(Decimal(quantity) * _TONNES_PER_UNIT).normalize():f}",
            energy_tce="0",
            basis_id="b-1",
            supersedes=supersedes or None,
            position=len(book.records) + 1,
            recorded_time=TIME,
        )
        book.records[record_id] = (content, record)
        return Outcome.SUPERSEDED if supersedes else Outcome.ACCEPTED

    async def list_activity_records(self, caller: Caller, request: pb.ListActivityRecordsRequest) -> pb.ListActivityRecordsResponse:
        listed, token = _page([record for _, record in self._book(caller, request.park_id).records.values()], request)
        return pb.ListActivityRecordsResponse(records=listed, next_page_token=token)

    async def query_emissions(self, caller: Caller, request: pb.QueryEmissionsRequest) -> pb.QueryEmissionsResponse:
        book = self._book(caller, request.park_id)
        if "colour" in request.group_by:
            facts = {"field": "group_by", "found": "colour", "allowed": "scope, source", "message_zh": "group_by 无效"}
            raise ServiceRefused("invalid", "INVALID_FIELD", "group_by must be scope or source, got 'colour'", facts)
        first, end = (month if "-" in month else f"{month}-01" for month in (request.from_month, request.to_month))
        records = [record for _, record in book.records.values() if first <= record.period_start_time[:7] < end]
        tonnes = sum((Decimal(record.emissions_t_co2e) for record in records), Decimal(0))
        nothing = pb.EmissionsGroup(emissions_t_co2e="0", energy_tce="0", records=0)
        total = pb.EmissionsGroup(emissions_t_co2e=f"{tonnes:f}", energy_tce="0", records=len(records))
        group = pb.EmissionsGroup()
        for dimension in request.group_by:
            setattr(group, dimension, "x")
        group.MergeFrom(total)
        return pb.QueryEmissionsResponse(
            park_id=request.park_id,
            from_month=first,
            to_month=end,
            group_by=request.group_by,
            groups=[group] if records and request.group_by else [],
            total=total,
            removals=nothing,
            biogenic=nothing,
            straddling=nothing,
            factor_set_id=book.park.factor_set_id,
        )

    async def get_indicators(self, caller: Caller, request: pb.GetIndicatorsRequest) -> pb.GetIndicatorsResponse:
        book = self._book(caller, request.park_id)
        return pb.GetIndicatorsResponse(
            park_id=request.park_id,
            year=request.year,
            indicators=[
                pb.Indicator(name="emissions_t_co2e", value="1", unit="t CO2e", formula="Σ E"),
                pb.Indicator(
                    name="emissions_per_employee_t",
                    unit="t",
                    missing="employees_persons",
                    missing_zh="职工人数",
                    formula="E / n",
                ),
            ],
            energy_mix=[pb.MixShare(carrier="electricity", energy_tce="1", share_pct="100")],
            factor_set_id=book.park.factor_set_id,
            electricity_conversion="calorific",
            records=len(book.records),
        )

    async def list_factor_sets(self, caller: Caller, request: pb.ListFactorSetsRequest) -> pb.ListFactorSetsResponse:
        self._turn()
        one = pb.FactorSet(
            set_id="wang-2024",
            name_zh="王等 2024",
            name_en="Wang et al. 2024",
            grid_level="national",
            electricity_basis="location",
            gwp_table="AR5",
            published_date="2024-01-01",
            source="DOI",
        )
        return pb.ListFactorSetsResponse(factor_sets=[one])

    async def list_factors(self, caller: Caller, request: pb.ListFactorsRequest) -> pb.ListFactorsResponse:
        self._turn()
        if request.set_id != "wang-2024":
            raise _not_found("factor_set")
        one = pb.Factor(
            factor_id="f-1",
            table_id="wang_2024",
            quantity="emission_factor",
            carrier="electricity",
            gas="CO2",
            region="CN",
            value="0.581",
            unit="kg/kWh",
            valid_from_date="2020-01-01",
            published_date="2024-01-01",
            confidence="printed",
            source="DOI",
        )
        return pb.ListFactorsResponse(factors=[one])

    async def rebuild_sums(self, caller: Caller, park_id: str) -> Job:
        """Starts a job, as the port promises; a job is no message of the contract."""
        self._book(caller, park_id)
        job = Job(job_id=f"job-{next(self._numbers)}", state="queued", progress=0.0, result=None, error=None)
        self._jobs[job.job_id] = (caller.tenant, job)
        return job

    async def get_job(self, caller: Caller, job_id: str) -> Job:
        """Returns a job of the caller's tenant."""
        self._turn()
        tenant, job = self._jobs.get(job_id, ("", None))
        if job is None or tenant != caller.tenant:
            raise _not_found("job")
        return job


def _row_problem(number: int, record_id: str, quantity: str) -> RowProblem:
    return RowProblem(
        row=number,
        record_id=record_id,
        reason="QUANTITY_NOT_A_DECIMAL",
        field="quantity",
        found=quantity,
        allowed="a decimal",
        message_en=f"quantity must be a decimal, got {quantity}",
        message_zh=f"数量必须是十进制数,收到 {quantity}",
    )


class FakeEvaluation:
    """An evaluation service that answers what a test puts down, and remembers what it was asked.

    Attributes:
        answers: By rpc: the response in the contract's own names, the content of a file, or an error to raise.
        asked: Whose calls came: the subject, the rpc, its members.
    """

    def __init__(self) -> None:
        """Has no answers yet."""
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Any]] = []

    async def ask(self, caller: Caller, rpc: str, members: Mapping[str, Any], language: str = "en") -> dict[str, Any]:
        """Returns the answer that was put down, or raises it."""
        answer = self._answer(caller, rpc, members)
        methods = evaluation_pb2.DESCRIPTOR.services_by_name["EvaluationService"].methods_by_name
        response = message_factory.GetMessageClass(methods[rpc].output_type)()
        return _told(evaluation.CONTRACT, rpc, ParseDict(answer or {}, response), language)

    async def download(self, caller: Caller, rpc: str, members: Mapping[str, Any]) -> tuple[bytes, str]:
        """Returns the file that was put down, or raises."""
        content: bytes = self._answer(caller, rpc, members)
        return content, "application/pdf"

    def _answer(self, caller: Caller, rpc: str, members: Mapping[str, Any]) -> Any:
        _asked(evaluation.CONTRACT, rpc, members)
        self.asked.append((caller.subject, rpc, members))
        answer = self.answers.get(rpc)
        if isinstance(answer, Exception):
            raise answer
        return answer
