"""The accounting client against a real gRPC server: every message is carried over whole, every refusal keeps its reason."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc  # type: ignore[import-untyped]
from google.protobuf import struct_pb2
from google.protobuf.message import Message

from chassis.channel import Channel, ChannelSettings
from chassis.clock import FixedClock
from chassis.identity import CallerSigner, CallerVerifier, current_caller, generate_key_pair
from chassis.logs import configure
from chassis.server import GrpcServer, Registration, ServerSettings
from chassis.telemetry import Telemetry, TelemetrySettings
from gateway.adapters.accounting_client import SERVICE, AccountingClient, activity_columns
from gateway.domain import account
from gateway.domain.callers import Caller, Role
from gateway.domain.errors import AccountingRefused, GatewayError, Unavailable
from gateway.domain.paging import Paging
from gateway.domain.push.activity import ActivityRows, Outcome
from gateway.domain.push.jobs import Job
from kernel.refusals import Refusal
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from parkcarbon.accounting.v1 import accounting_pb2_grpc

ADA = Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER}))


class Refused(Refusal):
    """An error as accounting raises it."""

    def __init__(self, kind: str, reason: str, **facts: str) -> None:
        super().__init__(f"{reason} happened", **facts)
        self.kind = kind
        self.reason = reason


@dataclass
class Accounting:
    """Answers as told and remembers what it was asked, and by whom."""

    answers: dict[str, Message | Exception] = field(default_factory=dict)
    asked: list[tuple[str, Any, str]] = field(default_factory=list)

    def answer(self, name: str, request: Any) -> Any:
        caller = current_caller()
        self.asked.append((name, request, f"{caller.subject}@{caller.tenant} {sorted(caller.roles)}"))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer


def _servicer(base: type[Any], accounting: Accounting) -> Any:
    def method(name: str) -> Any:
        async def handle(_self: Any, request: Any, _context: Any) -> Any:
            return accounting.answer(name, request)

        return handle

    names = [name for name in vars(base) if name[0].isupper()]
    return type("Servicer", (base,), {name: method(name) for name in names})()


@dataclass
class Connected:
    accounting: Accounting
    client: AccountingClient
    server: GrpcServer


@pytest.fixture
async def connected() -> AsyncIterator[Connected]:
    accounting = Accounting()
    clock = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
    private, public = generate_key_pair()
    telemetry = Telemetry("test", TelemetrySettings())
    server = GrpcServer(
        ServerSettings(drain_seconds=0),
        services=[
            Registration(
                SERVICE,
                lambda server: accounting_pb2_grpc.add_AccountingServiceServicer_to_server(
                    _servicer(accounting_pb2_grpc.AccountingServiceServicer, accounting), server
                ),
            ),
            Registration(
                "google.longrunning.Operations",
                lambda server: operations_pb2_grpc.add_OperationsServicer_to_server(
                    _servicer(operations_pb2_grpc.OperationsServicer, accounting), server
                ),
            ),
        ],
        verifier=CallerVerifier(public, issuer="g", audience="a", clock=clock),
        error_domain="accounting.test",
        telemetry=telemetry,
        logger=configure("test"),
    )
    await server.start()
    channel = Channel(
        ChannelSettings(target=server.address, deadline_seconds=5),
        signer=CallerSigner(private, issuer="g", audience="a", clock=clock),
        telemetry=telemetry,
    )
    yield Connected(accounting, AccountingClient(channel), server)
    await channel.close()
    await server.stop()


def filled(message: Any, **fixed: Any) -> Any:
    """Fills every text with its own name and every number with the length of its name, so that no two can be mixed up."""
    for member in message.DESCRIPTOR.fields:
        if member.name in fixed or member.is_repeated or member.message_type is not None or member.enum_type is not None:
            continue
        value: object = f"<{member.name}>" if member.type == member.TYPE_STRING else len(member.name)
        setattr(message, member.name, value)
    for name, value in fixed.items():
        setattr(message, name, value)
    return message


def texts(value: Any, *without: str) -> None:
    """Every text of a value is the one of its own name."""
    for name in value.__dataclass_fields__:
        found = getattr(value, name)
        if isinstance(found, str) and name not in without:
            assert found == f"<{name}>"
        elif isinstance(found, int) and not isinstance(found, bool) and name not in without:
            assert found == len(name)
        else:
            assert name in without, name


NEW_PARK = account.NewPark(
    park_id="<park_id>",
    name_zh="<name_zh>",
    name_en="<name_en>",
    region_code="<region_code>",
    time_zone="<time_zone>",
    latitude_deg="<latitude_deg>",
    longitude_deg=None,
    factor_set_id="<factor_set_id>",
)
NEW_ENTERPRISE = account.NewEnterprise(
    enterprise_id="<enterprise_id>",
    name_zh="<name_zh>",
    name_en="<name_en>",
    industry_code="<industry_code>",
    credit_code="<credit_code>",
)
NEW_SOURCE = account.NewSource(
    source_id="<source_id>",
    enterprise_id="<enterprise_id>",
    name_zh="<name_zh>",
    name_en="<name_en>",
    item="<item>",
    scope=2,
    carrier="<carrier>",
    gas="<gas>",
    sector="<sector>",
    settlement_basis="meter",
)


async def test_a_park_is_carried_over_whole_both_ways(connected: Connected) -> None:
    connected.accounting.answers["CreatePark"] = pb.CreateParkResponse(park=filled(pb.Park()), created=True)
    found = await connected.client.create_park(ADA, NEW_PARK)
    assert found.created
    texts(found.value)
    name, request, caller = connected.accounting.asked[0]
    assert (name, caller) == ("CreatePark", "ada@ganzhou ['park_manager']")
    assert request.park == filled(pb.Park(), tenant_id="", longitude_deg="", registered_time="")


async def test_what_is_unknown_is_none(connected: Connected) -> None:
    connected.accounting.answers["GetPark"] = pb.GetParkResponse(park=filled(pb.Park(), latitude_deg="", longitude_deg=""))
    found = await connected.client.get_park(ADA, "p")
    assert (found.latitude_deg, found.longitude_deg) == (None, None)
    assert connected.accounting.asked[0][1].park_id == "p"


async def test_enterprises_and_sources_are_carried_over_whole_both_ways(connected: Connected) -> None:
    basis = pb.SETTLEMENT_BASIS_METER
    connected.accounting.answers["CreateEnterprise"] = pb.CreateEnterpriseResponse(enterprise=filled(pb.Enterprise()))
    connected.accounting.answers["CreateSource"] = pb.CreateSourceResponse(source=filled(pb.Source(), settlement_basis=basis))
    enterprise = await connected.client.create_enterprise(ADA, "<park_id>", NEW_ENTERPRISE)
    assert not enterprise.created
    texts(enterprise.value)
    source = await connected.client.create_source(ADA, "<park_id>", NEW_SOURCE)
    texts(source.value, "settlement_basis")
    assert source.value.settlement_basis == "meter"
    assert connected.accounting.asked[0][1].enterprise == filled(pb.Enterprise(), registered_time="")
    # where its emissions count is told, never taken
    asked = filled(pb.Source(), scope=2, settlement_basis=basis, registered_time="", counted_as="")
    assert connected.accounting.asked[1][1].source == asked


async def test_annual_figures_are_carried_over_whole_both_ways(connected: Connected) -> None:
    answer = pb.RecordAnnualFiguresResponse(figures=filled(pb.AnnualFigures()), changed=True)
    connected.accounting.answers["RecordAnnualFigures"] = answer
    new = account.NewAnnualFigures(
        **{name: f"<{name}>" for name in account.NewAnnualFigures.__dataclass_fields__ if name != "gdp_10k_cny"}, gdp_10k_cny=None
    )
    found = await connected.client.record_annual_figures(ADA, "<park_id>", 2022, new)
    assert found.changed
    texts(found.figures)
    sent = connected.accounting.asked[0][1].figures
    assert sent == filled(pb.AnnualFigures(), year=2022, version=0, gdp_10k_cny="", recorded_time="")


async def test_lists_carry_their_page(connected: Connected) -> None:
    answers = connected.accounting.answers
    answers["ListParks"] = pb.ListParksResponse(parks=[filled(pb.Park())], next_page_token="n")
    answers["ListEnterprises"] = pb.ListEnterprisesResponse(enterprises=[filled(pb.Enterprise())], next_page_token="n")
    source = filled(pb.Source(), settlement_basis=pb.SETTLEMENT_BASIS_BILL)
    answers["ListSources"] = pb.ListSourcesResponse(sources=[source], next_page_token="n")
    answers["ListAnnualFigures"] = pb.ListAnnualFiguresResponse(figures=[filled(pb.AnnualFigures())], next_page_token="n")
    answers["ListFactorSets"] = pb.ListFactorSetsResponse(factor_sets=[filled(pb.FactorSet())], next_page_token="n")
    answers["ListFactors"] = pb.ListFactorsResponse(factors=[filled(pb.Factor())], next_page_token="n")
    client, paging = connected.client, Paging(7, "t")
    found: list[Any] = [
        await client.list_parks(ADA, paging),
        await client.list_enterprises(ADA, "p", paging),
        await client.list_sources(ADA, "p", paging),
        await client.list_annual_figures(ADA, "p", paging),
        await client.list_factor_sets(ADA, paging),
        await client.list_factors(ADA, "s", paging),
    ]
    for page in found:
        assert page.next_page_token == "n"
        texts(page.items[0], *(["settlement_basis"] if isinstance(page.items[0], account.Source) else []))
    for _, request, _ in connected.accounting.asked:
        assert (request.page_size, request.page_token) == (7, "t")
    assert [getattr(asked[1], "park_id", None) for asked in connected.accounting.asked] == [None, "p", "p", "p", None, None]
    assert connected.accounting.asked[-1][1].set_id == "s"


async def test_records_and_totals_are_exact_tonnes(connected: Connected) -> None:
    record = filled(pb.ActivityRecord(), emissions_mg_co2e=887_873_800_000_000, energy_mgce=-1, superseded_by="")
    group = pb.EmissionsGroup(keys=["2", "electricity"], emissions_mg_co2e=2**63 - 1, energy_mgce=10**9, records=3)
    total, removals, straddling = (pb.EmissionsGroup(emissions_mg_co2e=n * 10**9, records=n) for n in (1, 2, 3))
    connected.accounting.answers["ListActivityRecords"] = pb.ListActivityRecordsResponse(records=[record], next_page_token="n")
    connected.accounting.answers["QueryEmissions"] = pb.QueryEmissionsResponse(
        groups=[group], total=total, removals=removals, straddling=straddling, factor_set_id="f"
    )
    page = await connected.client.list_activity_records(ADA, "p", Paging())
    texts(page.items[0], "emissions_t_co2e", "energy_tce", "superseded_by")
    assert (page.items[0].emissions_t_co2e, page.items[0].energy_tce) == ("887873.8", "-0.000000001")
    assert page.items[0].superseded_by is None
    found = await connected.client.query_emissions(ADA, "p", "2022-01", "2023-01", ["scope", "carrier"])
    assert found.groups[0].keys == ("2", "electricity")
    assert (found.groups[0].emissions_t_co2e, found.groups[0].energy_tce) == ("9223372036.854775807", "1")
    sums = [entry.emissions_t_co2e for entry in (found.total, found.removals, found.straddling)]
    assert (sums, found.factor_set_id) == (["1", "2", "3"], "f")
    request = connected.accounting.asked[1][1]
    assert (request.park_id, request.from_month, request.to_month, list(request.group_by)) == (
        "p",
        "2022-01",
        "2023-01",
        ["scope", "carrier"],
    )


async def test_indicators_without_a_value_say_why(connected: Connected) -> None:
    connected.accounting.answers["GetIndicators"] = pb.GetIndicatorsResponse(
        indicators=[filled(pb.Indicator(), missing=""), filled(pb.Indicator(), value="")],
        energy_mix=[filled(pb.MixShare())],
        factor_set_id="f",
        electricity_conversion="calorific",
        records=9,
    )
    found = await connected.client.get_indicators(ADA, "p", 2022)
    texts(found.indicators[0], "missing")
    texts(found.indicators[1], "value")
    texts(found.energy_mix[0])
    assert (found.indicators[0].missing, found.indicators[1].value) == (None, None)
    assert (found.factor_set_id, found.electricity_conversion, found.records) == ("f", "calorific", 9)


ROWS = ActivityRows(
    [2, 4, 5],
    ["r-1", "r-2", "r-3"],
    ["s-1", "s-2", "s-1"],
    ["a", "a", "a"],
    ["b", "c", "d"],
    ["1", "2", "3"],
    ["MWh", "MWh", "t"],
    ["", "", "r-1"],
    ["", "true", ""],
)


@pytest.mark.parametrize(("count", "indices"), [(1, []), (3, [0, 0, 0])])
def test_a_column_of_one_text_is_written_once(count: int, indices: list[int]) -> None:
    rows = ActivityRows(range(count), *[[text] * count for text in ("r", "s", "a", "b", "1", "t", "", "")])
    columns = activity_columns(rows)
    assert (list(columns.source_id.values), list(columns.source_id.indices)) == (["s"], indices)


def test_a_column_without_a_text_is_left_out() -> None:
    rows = ActivityRows(range(3), *[[text] * 3 for text in ("r", "s", "a", "b", "1", "t", "", "")])
    columns = activity_columns(rows)
    for column in (columns.supersedes, columns.confirmed):
        assert (list(column.values), list(column.indices)) == ([], [])


def test_columns_write_a_repeated_text_once() -> None:
    columns = activity_columns(ROWS)

    def plain(column: pb.TextColumn) -> list[str]:
        return [column.values[index] for index in column.indices] if column.indices else list(column.values)

    assert list(columns.row_number) == [2, 4, 5]
    for name in ("record_id", "source_id", "period_start", "period_end", "quantity", "unit", "supersedes", "confirmed"):
        assert plain(getattr(columns, name)) == getattr(ROWS, name), name
    assert (list(columns.source_id.values), list(columns.source_id.indices)) == (["s-1", "s-2"], [0, 1, 0])
    assert list(columns.period_end.indices) == []


async def test_outcomes_come_back_row_by_row(connected: Connected) -> None:
    outcomes = [pb.OUTCOME_ACCEPTED, pb.OUTCOME_REJECTED, pb.OUTCOME_SUPERSEDED]
    connected.accounting.answers["RecordActivity"] = pb.RecordActivityResponse(
        outcomes=pb.RowOutcomes(outcome=outcomes, problems=[filled(pb.RowProblem(), row_number=4)])
    )
    found = await connected.client.record_activity(ADA, "p", ROWS)
    assert list(found.outcomes) == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.SUPERSEDED]
    texts(found.problems[0], "row")
    assert found.problems[0].row == 4
    assert connected.accounting.asked[0][1] == pb.RecordActivityRequest(park_id="p", rows=activity_columns(ROWS))


def operation(tenant: str, **members: Any) -> operations_pb2.Operation:
    found = operations_pb2.Operation(name="operations/j-1")
    metadata = struct_pb2.Struct()
    metadata.update({"tenant_id": tenant, **members.pop("metadata")})
    found.metadata.Pack(metadata)
    if "response" in members:
        response = struct_pb2.Struct()
        response.update(members["response"])
        found.response.Pack(response)
    if "error" in members:
        found.error.code, found.error.message = members["error"]
    return found


async def test_a_job_is_an_operation_of_the_callers_own_tenant(connected: Connected) -> None:
    answers = connected.accounting.answers
    answers["RebuildSums"] = pb.RebuildSumsResponse(operation_name="operations/j-1")
    answers["GetOperation"] = operation("ganzhou", metadata={"state": "running", "progress": 0.5})
    job = await connected.client.rebuild_sums(ADA, "p")
    assert job == Job(job_id="j-1", state="running", progress=0.5, result=None, error=None)
    assert connected.accounting.asked[1][1].name == "operations/j-1"
    answers["GetOperation"] = operation(
        "ganzhou", metadata={"state": "succeeded", "progress": 1}, response={"sums": 3, "share": 0.5}
    )
    result = (await connected.client.get_job(ADA, "j-1")).result
    # as text, because 3 == 3.0 and a count must not come as a fraction
    assert json.dumps(result, sort_keys=True) == '{"share": 0.5, "sums": 3}'
    answers["GetOperation"] = operation("ganzhou", metadata={"state": "failed", "progress": 0}, error=(9, "why"))
    assert (await connected.client.get_job(ADA, "j-1")).error == {"code": 9, "message": "why"}
    answers["GetOperation"] = operation("nanchang", metadata={"state": "running", "progress": 0})
    with pytest.raises(AccountingRefused) as refused:
        await connected.client.get_job(Caller("cho", "ganzhou", frozenset({Role.PLATFORM_OPERATOR})), "j-1")
    assert (refused.value.kind, refused.value.reason) == ("not_found", "JOB_NOT_FOUND")


@pytest.mark.parametrize("kind", ["invalid", "not_found", "already_exists", "conflict", "denied", "exhausted", "unavailable"])
async def test_a_refusal_keeps_kind_reason_sentence_and_facts(connected: Connected, kind: str) -> None:
    connected.accounting.answers["GetPark"] = Refused(kind, "SOME_REASON", field="park_id", message_zh="中文")
    with pytest.raises(AccountingRefused) as refused:
        await connected.client.get_park(ADA, "p")
    error = refused.value
    assert (error.kind, error.reason, error.sentence("en"), error.sentence("zh")) == (
        kind,
        "SOME_REASON",
        "SOME_REASON happened",
        "中文",
    )
    assert error.facts() == {"field": "park_id"}


@pytest.mark.parametrize("failure", [ValueError("inside"), Refused("unauthenticated", "CALLER_NOT_AUTHENTICATED")])
async def test_a_failure_that_is_not_the_callers_says_nothing(connected: Connected, failure: Exception) -> None:
    connected.accounting.answers["GetPark"] = failure
    with pytest.raises(GatewayError) as refused:
        await connected.client.get_park(ADA, "p")
    assert (refused.value.kind, str(refused.value)) == ("internal", "the accounting service failed")


async def test_a_service_that_is_gone_is_unavailable(connected: Connected) -> None:
    await connected.client.check()
    await connected.server.stop()
    with pytest.raises(Unavailable):
        await connected.client.check()
    with pytest.raises(Unavailable):
        await connected.client.get_park(ADA, "p")
