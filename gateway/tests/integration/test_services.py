"""The services' clients against a real gRPC server: every message is carried over whole, every refusal keeps its reason.

What the generated code does is compared with what the options of the contracts say, read from the messages' descriptors.
"""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.api import annotations_pb2  # type: ignore[import-untyped]  # ships no types
from google.longrunning import operations_pb2, operations_pb2_grpc  # type: ignore[import-untyped]
from google.protobuf import descriptor_pb2, message_factory, struct_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from chassis.channel import Channel, ChannelSettings
from chassis.clock import FixedClock
from chassis.identity import CallerSigner, CallerVerifier, current_caller, generate_key_pair
from chassis.logs import configure
from chassis.server import GrpcServer, Registration, ServerSettings
from chassis.telemetry import Telemetry, TelemetrySettings
from gateway.adapters.accounting import AccountingClient, activity_columns
from gateway.adapters.generated import accounting, evaluation
from gateway.adapters.rpcs import Contract, fill
from gateway.adapters.services import ServiceClient
from gateway.domain.callers import Caller, Role
from gateway.domain.errors import GatewayError, ServiceRefused, Unavailable
from gateway.domain.push.activity import ActivityRows, Outcome
from gateway.domain.push.jobs import Job
from kernel.refusals import Refusal
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from parkcarbon.accounting.v1 import accounting_pb2_grpc
from parkcarbon.contract.v1 import contract_pb2
from parkcarbon.evaluation.v1 import evaluation_pb2, evaluation_pb2_grpc

ADA = Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER}))
EXAMPLES = Path(__file__).resolve().parents[3] / "proto" / "http" / "examples"
CONTRACTS = (accounting.CONTRACT, evaluation.CONTRACT)


class Refused(Refusal):
    """An error as a service raises it."""

    def __init__(self, kind: str, reason: str, **facts: str) -> None:
        super().__init__(f"{reason} happened", **facts)
        self.kind = kind
        self.reason = reason


@dataclass
class Behind:
    """Answers as told and remembers what it was asked, by whom, and how many seconds were left for the answer."""

    answers: dict[str, Message | Exception] = field(default_factory=dict)
    asked: list[tuple[str, Any, str]] = field(default_factory=list)
    seconds_left: list[float] = field(default_factory=list)

    def answer(self, name: str, request: Any, context: Any) -> Any:
        caller = current_caller()
        self.asked.append((name, request, f"{caller.subject}@{caller.tenant} {sorted(caller.roles)}"))
        self.seconds_left.append(context.time_remaining())
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer


def _servicer(base: type[Any], behind: Behind) -> Any:
    def method(name: str) -> Any:
        async def handle(_self: Any, request: Any, context: Any) -> Any:
            return behind.answer(name, request, context)

        return handle

    names = [name for name in vars(base) if name[0].isupper()]
    return type("Servicer", (base,), {name: method(name) for name in names})()


@dataclass
class Connected:
    behind: Behind
    accounting: AccountingClient
    evaluation: ServiceClient
    server: GrpcServer

    def client(self, contract: Contract) -> ServiceClient:
        return self.accounting if contract is accounting.CONTRACT else self.evaluation


@pytest.fixture
async def connected() -> AsyncIterator[Connected]:
    behind = Behind()
    clock = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
    private, public = generate_key_pair()
    telemetry = Telemetry("test", TelemetrySettings())
    server = GrpcServer(
        ServerSettings(drain_seconds=0),
        services=[
            Registration(
                accounting.CONTRACT.full_name,
                lambda server: accounting_pb2_grpc.add_AccountingServiceServicer_to_server(
                    _servicer(accounting_pb2_grpc.AccountingServiceServicer, behind), server
                ),
            ),
            Registration(
                evaluation.CONTRACT.full_name,
                lambda server: evaluation_pb2_grpc.add_EvaluationServiceServicer_to_server(
                    _servicer(evaluation_pb2_grpc.EvaluationServiceServicer, behind), server
                ),
            ),
            Registration(
                "google.longrunning.Operations",
                lambda server: operations_pb2_grpc.add_OperationsServicer_to_server(
                    _servicer(operations_pb2_grpc.OperationsServicer, behind), server
                ),
            ),
        ],
        verifier=CallerVerifier(public, issuer="g", audience="a", clock=clock),
        error_domain="services.test",
        telemetry=telemetry,
        logger=configure("test"),
    )
    await server.start()
    channel = Channel(
        ChannelSettings(target=server.address, deadline_seconds=20),
        signer=CallerSigner(private, issuer="g", audience="a", clock=clock),
        telemetry=telemetry,
    )
    yield Connected(behind, AccountingClient(channel), ServiceClient(evaluation.CONTRACT, channel), server)
    await channel.close()
    await server.stop()


def _service(contract: Contract) -> Any:
    module = {"accounting": pb, "evaluation": evaluation_pb2}[contract.name]
    return module.DESCRIPTOR.services_by_name[contract.full_name.rpartition(".")[2]]


def _rpcs() -> Iterator[Any]:
    for contract in CONTRACTS:
        for method in _service(contract).methods:
            yield pytest.param(contract, method, id=method.name)


EVERY_RPC = pytest.mark.parametrize(("contract", "method"), list(_rpcs()))
EVERY_WRITTEN = pytest.mark.parametrize(
    ("contract", "method"), [each for each in _rpcs() if each.values[0].rpcs[each.id].write is not None]
)


def _new(descriptor: Any) -> Any:
    return message_factory.GetMessageClass(descriptor)()


def _rules(field: FieldDescriptor) -> Any:
    return field.GetOptions().Extensions[contract_pb2.member]


def _is_bare(descriptor: Any) -> bool:
    return bool(descriptor.GetOptions().Extensions[contract_pb2.shape].bare)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def filled(message: Any, numbers: Iterator[int]) -> Any:
    """Fills every field with a value that no other has, so that no two can be mixed up; lists have two entries."""
    for each in message.DESCRIPTOR.fields:
        if _is_map(each):
            getattr(message, each.name)[f"key-{next(numbers)}"] = f"{each.name}-{next(numbers)}"
        elif each.is_repeated and each.message_type is not None:
            for _ in range(2):
                filled(getattr(message, each.name).add(), numbers)
        elif each.message_type is not None:
            filled(getattr(message, each.name), numbers)
        elif each.is_repeated:
            getattr(message, each.name).extend([_value(each, numbers), _value(each, numbers)])
        else:
            setattr(message, each.name, _value(each, numbers))
    return message


def _value(each: FieldDescriptor, numbers: Iterator[int]) -> Any:
    number = next(numbers)
    if each.type == each.TYPE_BOOL:
        return True
    if each.type == each.TYPE_ENUM:
        return 1
    if each.type == each.TYPE_BYTES:
        return b"%d" % number
    # Above 2^53, so that a number of 64 bits is seen to stay one.
    wide = 2**60 if each.type in (each.TYPE_INT64, each.TYPE_UINT64) else 0
    return f"{each.name}-{number}" if each.type == each.TYPE_STRING else wide + number


def shown(message: Any, language: str, *, sent: bool = False) -> dict[str, Any]:
    """Writes a message as the options of its fields say; as what a request is filled from when `sent`."""
    found: dict[str, Any] = {}
    for each in message.DESCRIPTOR.fields:
        rules, value = _rules(each), getattr(message, each.name)
        if rules.inline:
            found |= shown(value, language, sent=sent)
        elif sent:
            if each.is_repeated or not each.has_presence or message.HasField(each.name):
                found[each.name] = _plain(each, value, language, sent)
        elif rules.internal or rules.language not in ("", language):
            continue
        elif not each.has_presence or message.HasField(each.name):
            found[rules.name or each.name] = _plain(each, value, language, sent)
        elif rules.nullable:
            found[rules.name or each.name] = None
    return found


def _plain(each: FieldDescriptor, value: Any, language: str, sent: bool) -> Any:
    if _is_map(each):
        return dict(value)
    if each.message_type is None:
        return list(value) if each.is_repeated else value
    if not each.is_repeated:
        return shown(value, language, sent=sent)
    if _is_bare(each.message_type):
        (only,) = each.message_type.fields
        return [_plain(only, getattr(one, only.name), language, sent) for one in value]
    return [shown(one, language, sent=sent) for one in value]


@EVERY_RPC
async def test_a_request_carries_every_member_and_the_caller(
    connected: Connected, contract: Contract, method: MethodDescriptor
) -> None:
    connected.behind.answers[method.name] = _new(method.output_type)
    whole = filled(_new(method.input_type), itertools.count(1))
    members = shown(whole, "en", sent=True)
    if contract.rpcs[method.name].write is None:
        await connected.client(contract).download(ADA, method.name, members)
    else:
        await connected.client(contract).ask(ADA, method.name, members)
    assert connected.behind.asked == [(method.name, whole, "ada@ganzhou ['park_manager']")]


@EVERY_RPC
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_response_shows_every_member(
    connected: Connected, contract: Contract, method: MethodDescriptor, language: str
) -> None:
    whole = filled(_new(method.output_type), itertools.count(1))
    connected.behind.answers[method.name] = whole
    if contract.rpcs[method.name].write is None:
        assert await connected.client(contract).download(ADA, method.name, {}) == (whole.content, whole.media_type)
    else:
        assert await connected.client(contract).ask(ADA, method.name, {}, language) == shown(whole, language)


@EVERY_WRITTEN
async def test_what_a_response_does_not_say_is_left_out_or_null(
    connected: Connected, contract: Contract, method: MethodDescriptor
) -> None:
    empty = _new(method.output_type)
    for each in empty.DESCRIPTOR.fields:
        if each.is_repeated and each.message_type is not None:
            getattr(empty, each.name).add()
        elif each.message_type is not None:
            getattr(empty, each.name).SetInParent()
    connected.behind.answers[method.name] = empty
    assert await connected.client(contract).ask(ADA, method.name, {}) == shown(empty, "en")


@EVERY_RPC
def test_how_an_rpc_is_called_is_what_the_contract_says(contract: Contract, method: MethodDescriptor) -> None:
    options, rpc = method.GetOptions(), contract.rpcs[method.name]
    assert rpc.repeatable is (options.idempotency_level != descriptor_pb2.MethodOptions.IDEMPOTENCY_UNKNOWN)
    assert (rpc.deadline_seconds or 0) == options.Extensions[contract_pb2.operation].deadline_seconds
    assert set(contract.rpcs) == {each.name for each in method.containing_service.methods}


def _bodies() -> Iterator[Any]:
    """Every example of a body, with the request that it fills and the field that it is."""
    for contract in CONTRACTS:
        for method in _service(contract).methods:
            into = method.GetOptions().Extensions[annotations_pb2.http].body
            if into:
                named = method if into == "*" else method.input_type.fields_by_name[into].message_type
                example = EXAMPLES / f"{named.name}Body.json"
                yield pytest.param(method, into.strip("*"), example, id=example.stem)


@pytest.mark.parametrize(("method", "into", "example"), list(_bodies()))
def test_the_example_of_a_body_fills_its_request(method: MethodDescriptor, into: str, example: Path) -> None:
    body = json.loads(example.read_text(encoding="utf-8"))
    request = _new(method.input_type)
    fill(request, {into: body} if into else body)
    written = shown(request, "en", sent=True)
    found = written[into] if into else written
    assert _without_defaults(found) == _without_defaults(body)


def _without_defaults(value: Any) -> Any:
    """A value without what a message does not tell from what was never set."""
    if isinstance(value, list):
        return [_without_defaults(each) for each in value]
    if isinstance(value, dict):
        said = {name: _without_defaults(each) for name, each in value.items()}
        return {name: each for name, each in said.items() if each not in (None, "", 0, False, [], {})}
    return value


async def test_a_member_that_the_contract_does_not_have_is_a_defect(connected: Connected) -> None:
    with pytest.raises(KeyError):
        await connected.accounting.ask(ADA, "GetPark", {"park": "etdz"})
    with pytest.raises(TypeError):
        await connected.evaluation.ask(ADA, "EvaluatePark", {"year": "2022"})
    assert connected.behind.asked == []


async def test_members_stand_as_readers_know_them(connected: Connected) -> None:
    answers = connected.behind.answers
    answers["GetIndicators"] = pb.GetIndicatorsResponse(
        indicators=[pb.Indicator(name="n", unit="t", missing="why", missing_zh="为何", formula="f")], records=2**53 + 1
    )
    answers["RecordAnnualFigures"] = pb.RecordAnnualFiguresResponse(figures=pb.AnnualFigures(year=2022), changed=True)
    answers["RankParks"] = evaluation_pb2.RankParksResponse(parks=[evaluation_pb2.RankedPark(park_id="p", low="0")])
    indicators = await connected.accounting.ask(ADA, "GetIndicators", {}, "zh")
    assert indicators["indicators"] == [{"name": "n", "value": None, "unit": "t", "formula": "f", "missing": "为何"}]
    assert json.dumps(indicators["records"]) == "9007199254740993"
    figures = await connected.accounting.ask(ADA, "RecordAnnualFigures", {})
    assert figures == {"park_id": "", "year": 2022, "version": 0, "recorded_time": "", "changed": True}
    (park,) = (await connected.evaluation.ask(ADA, "RankParks", {}))["parks"]
    assert (park["rank"], park["score"], "percentile" in park, "rank_low" in park) == (None, None, False, False)


async def test_an_rpc_has_the_time_that_its_contract_gives_it(connected: Connected) -> None:
    answers = connected.behind.answers
    answers["RankParks"] = evaluation_pb2.RankParksResponse()
    answers["EvaluatePark"] = evaluation_pb2.EvaluateParkResponse()
    await connected.evaluation.ask(ADA, "RankParks", {})
    await connected.evaluation.ask(ADA, "EvaluatePark", {})
    ranking, evaluating = connected.behind.seconds_left
    # The channel gives 20 s to an rpc whose contract says nothing.
    assert ranking > 60 > evaluating


@pytest.mark.parametrize(("rpc", "calls"), [("EvaluatePark", 1), ("RankParks", 4)])
async def test_only_what_may_be_repeated_is_asked_again(connected: Connected, rpc: str, calls: int) -> None:
    connected.behind.answers[rpc] = Refused("unavailable", "DATABASE_AWAY")
    with pytest.raises(ServiceRefused):
        await connected.evaluation.ask(ADA, rpc, {})
    assert len(connected.behind.asked) == calls


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
    problem = filled(pb.RowProblem(), itertools.count(1))
    connected.behind.answers["RecordActivity"] = pb.RecordActivityResponse(
        outcomes=pb.RowOutcomes(outcome=outcomes, problems=[problem])
    )
    found = await connected.accounting.record_activity(ADA, "p", ROWS)
    assert list(found.outcomes) == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.SUPERSEDED]
    told = {each.name: getattr(problem, each.name) for each in problem.DESCRIPTOR.fields}
    assert [asdict(each) for each in found.problems] == [{"row": told.pop("row_number"), **told}]
    assert connected.behind.asked[0][1] == pb.RecordActivityRequest(park_id="p", rows=activity_columns(ROWS))


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
    answers = connected.behind.answers
    answers["RebuildSums"] = pb.RebuildSumsResponse(operation_name="operations/j-1")
    answers["GetOperation"] = operation("ganzhou", metadata={"state": "running", "progress": 0.5})
    job = await connected.accounting.rebuild_sums(ADA, "p")
    assert job == Job(job_id="j-1", state="running", progress=0.5, result=None, error=None)
    assert connected.behind.asked[1][1].name == "operations/j-1"
    answers["GetOperation"] = operation(
        "ganzhou", metadata={"state": "succeeded", "progress": 1}, response={"sums": 3, "share": 0.5}
    )
    result = (await connected.accounting.get_job(ADA, "j-1")).result
    # as text, because 3 == 3.0 and a count must not come as a fraction
    assert json.dumps(result, sort_keys=True) == '{"share": 0.5, "sums": 3}'
    answers["GetOperation"] = operation("ganzhou", metadata={"state": "failed", "progress": 0}, error=(9, "why"))
    assert (await connected.accounting.get_job(ADA, "j-1")).error == {"code": 9, "message": "why"}
    answers["GetOperation"] = operation("nanchang", metadata={"state": "running", "progress": 0})
    with pytest.raises(ServiceRefused) as refused:
        await connected.accounting.get_job(Caller("cho", "ganzhou", frozenset({Role.PLATFORM_OPERATOR})), "j-1")
    assert (refused.value.kind, refused.value.reason) == ("not_found", "JOB_NOT_FOUND")


@pytest.mark.parametrize("kind", ["invalid", "not_found", "already_exists", "conflict", "denied", "exhausted", "unavailable"])
async def test_a_refusal_keeps_kind_reason_sentence_and_facts(connected: Connected, kind: str) -> None:
    connected.behind.answers["GetPark"] = Refused(kind, "SOME_REASON", field="park_id", message_zh="中文")
    with pytest.raises(ServiceRefused) as refused:
        await connected.accounting.ask(ADA, "GetPark", {"park_id": "p"})
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
    connected.behind.answers["GetPark"] = failure
    with pytest.raises(GatewayError) as refused:
        await connected.accounting.ask(ADA, "GetPark", {"park_id": "p"})
    assert (refused.value.kind, str(refused.value)) == ("internal", "the accounting service failed")


async def test_a_service_that_is_gone_is_unavailable(connected: Connected) -> None:
    await connected.accounting.check()
    await connected.server.stop()
    with pytest.raises(Unavailable):
        await connected.accounting.check()
    with pytest.raises(Unavailable):
        await connected.accounting.ask(ADA, "GetPark", {"park_id": "p"})
