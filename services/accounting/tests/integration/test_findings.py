"""Findings about a closed inventory: a verifier writes and closes them, the park's management answers, and nobody edits."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel.access import Caller
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import EVERYTHING, Row, Stand, Tenant, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")


def verifier(tenant: Tenant, *parks: str) -> Caller:
    """Someone who verifies the parks named, or this one."""
    return Caller("verifier", tenant.tenant_id, frozenset({"verifier"}), parks=frozenset(parks or {tenant.park_id}))


async def closed(park: Tenant) -> Tenant:
    """The park with a record of 2020, closed."""
    await park.create_enterprise()
    await park.record(Row("a"))
    await park.close(2020)
    return park


async def write(park: Tenant, finding_id: str = "f-1", caller: Caller | None = None, **said: Any) -> Any:
    usual: dict[str, Any] = {"inventory_id": "2020-v1", "kind": "misstatement", "material": True, "text": "A bill is missing"}
    request = pb.WriteFindingRequest(park_id=park.park_id, finding_id=finding_id, **(usual | said))
    return await park.stand.channel.call(park.stand.stub.WriteFinding, request, caller=caller or verifier(park))


async def answer(park: Tenant, said: str, restated_in: str = "", caller: Caller | None = None, **more: Any) -> Any:
    names = {"park_id": park.park_id, "inventory_id": "2020-v1", "finding_id": "f-1"} | more
    request = pb.AnswerFindingRequest(**names, text=said, restated_in=restated_in)
    return (await park.stand.channel.call(park.stand.stub.AnswerFinding, request, caller=caller or park.manager)).finding


async def close(park: Tenant, conclusion: str = "resolved", said: str = "done", caller: Caller | None = None) -> Any:
    names = {"park_id": park.park_id, "inventory_id": "2020-v1", "finding_id": "f-1"}
    request = pb.CloseFindingRequest(**names, conclusion=conclusion, text=said)
    return (await park.stand.channel.call(park.stand.stub.CloseFinding, request, caller=caller or verifier(park))).finding


async def listed(park: Tenant, caller: Caller | None = None, **paging: Any) -> Any:
    request = pb.ListFindingsRequest(park_id=park.park_id, inventory_id="2020-v1", **paging)
    return await park.stand.channel.call(park.stand.stub.ListFindings, request, caller=caller or verifier(park))


async def test_a_finding_is_written_answered_by_a_restatement_and_closed(park: Tenant) -> None:
    await closed(park)
    made = await write(park, item="enterprise.purchased_energy", enterprise_id="mill", record_id="a", evidence=["bill-12"])
    assert (made.created, made.finding.state, made.finding.number) == (True, "open", 1)
    assert (made.finding.written_by, list(made.finding.evidence)) == ("verifier", ["bill-12"])
    await park.record(Row("b", quantity="120", supersedes="a"))
    await park.close(2020, "The bill of January was for 120 MWh")
    answered = await answer(park, "The bill came late", "2020-v2")
    assert (answered.state, answered.answers[0].restated_in) == ("answered", "2020-v2")
    ended = await close(park)
    assert (ended.state, ended.closing.conclusion, ended.closing.closed_by) == ("closed", "resolved", "verifier")
    assert list((await listed(park)).findings) == [ended]


async def test_the_same_again_is_answered_as_before_and_other_content_is_refused(park: Tenant) -> None:
    await closed(park)
    first, again = await write(park), await write(park)
    assert (first.created, again.created) == (True, False)
    assert first.finding == again.finding
    refused = await refusal(write(park, material=False))
    assert (refused.reason, refused.metadata["field"]) == ("CONTENT_DIFFERS", "material")
    assert await answer(park, "once") == await answer(park, "once")
    assert await close(park) == await close(park)
    assert (await refusal(close(park, "unresolved"))).reason == "FINDING_IS_CLOSED"


async def test_what_is_closed_is_not_answered_any_more(park: Tenant) -> None:
    await closed(park)
    await write(park)
    await answer(park, "first")
    await answer(park, "second")
    ended = await close(park, "unresolved")
    assert [each.text for each in ended.answers] == ["first", "second"]
    assert (await refusal(answer(park, "third"))).reason == "FINDING_IS_CLOSED"


async def test_a_verifier_writes_only_in_the_parks_that_it_is_bound_to(park: Tenant) -> None:
    await closed(park)
    await write(park)
    elsewhere = verifier(park, "elsewhere")
    for act in (write(park, caller=elsewhere), close(park, caller=elsewhere), listed(park, elsewhere)):
        assert (await refusal(act)).reason == "PARK_NOT_FOUND"
    stranger = Caller("v", "another", frozenset({"verifier"}), parks=frozenset({park.park_id}))
    assert (await refusal(write(park, caller=stranger))).reason == "PARK_NOT_FOUND"


@pytest.mark.parametrize("role", ["park_manager", "reader", "region_reader", "enterprise", "public"])
async def test_nobody_but_a_verifier_writes_and_closes(park: Tenant, role: str) -> None:
    await closed(park)
    await write(park)
    caller = Caller("x", park.tenant_id, frozenset({role}))
    assert (await refusal(write(park, caller=caller))).reason == "ROLE_MISSING"
    assert (await refusal(close(park, caller=caller))).reason == "ROLE_MISSING"


async def test_nobody_but_the_management_answers(park: Tenant) -> None:
    await closed(park)
    await write(park)
    for role in ("verifier", "reader", "enterprise", "public"):
        caller = Caller("x", park.tenant_id, frozenset({role}), parks=frozenset({park.park_id}))
        assert (await refusal(answer(park, "no", caller=caller))).reason == "ROLE_MISSING"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        pytest.param({"kind": "opinion"}, "kind", id="a_kind_that_is_none"),
        pytest.param({"text": ""}, "text", id="without_a_text"),
        pytest.param({"text": "x" * 2001}, "text", id="a_text_too_long"),
        pytest.param({"text": "a\x07"}, "text", id="a_control_character"),
        pytest.param({"item": "enterprise"}, "item", id="an_item_that_is_no_leaf"),
        pytest.param({"enterprise_id": "nobody"}, "enterprise_id", id="an_enterprise_that_is_not_registered"),
        pytest.param({"record_id": "z"}, "record_id", id="a_record_that_was_not_accepted"),
        pytest.param({"evidence": ["a;b"]}, "evidence", id="a_document_id_that_is_none"),
        pytest.param({"evidence": ["d"] * 21}, "evidence", id="too_much_evidence"),
    ],
)
async def test_what_breaks_a_rule_is_refused(park: Tenant, said: dict[str, Any], field: str) -> None:
    await closed(park)
    refused = await refusal(write(park, **said))
    assert (refused.reason, refused.metadata["field"]) == ("INVALID_FIELD", field)


async def test_an_answer_names_a_later_version_or_none(park: Tenant) -> None:
    await closed(park)
    await write(park)
    for other in ("2020-v1", "2020-v2", "2021-v2", "nonsense"):
        assert (await refusal(answer(park, "see there", other))).metadata["field"] == "restated_in"
    assert (await refusal(answer(park, "x", finding_id="f-9"))).reason == "FINDING_NOT_FOUND"
    assert (await refusal(close(park, "perhaps"))).metadata["field"] == "conclusion"
    assert (await refusal(write(park, inventory_id="2019-v1"))).reason == "INVENTORY_NOT_FOUND"


async def test_findings_come_in_pages_in_the_order_in_which_they_were_written(park: Tenant) -> None:
    await closed(park)
    for name in ("z", "a", "m"):
        await write(park, name)
    first = await listed(park, page_size=2)
    second = await listed(park, page_size=2, page_token=first.next_page_token)
    assert [(each.finding_id, each.number) for page in (first, second) for each in page.findings] == [("z", 1), ("a", 2), ("m", 3)]
    assert second.next_page_token == ""


async def test_each_act_is_told_as_a_fact(park: Tenant) -> None:
    await closed(park)
    await write(park)
    await answer(park, "it came late")
    await close(park)
    told = await park.facts(events_pb2.FindingWritten, events_pb2.FindingAnswered, events_pb2.FindingClosed)
    assert [event.subject for event, _ in told] == [f"parks/{park.park_id}/inventories/2020-v1/findings/f-1"] * 3
    written, answered, ended = (fact for _, fact in told)
    assert (written.kind, written.material, written.text) == ("misstatement", True, "A bill is missing")
    assert (answered.number, answered.text, ended.conclusion) == (1, "it came late", "resolved")


async def test_the_database_itself_keeps_findings(own_stand: Stand) -> None:
    park = await closed(await own_stand.tenant().settle("electricity"))
    await write(park)
    await answer(park, "it came late")
    before = await listed(park)
    for statement in ("UPDATE finding SET material = 0", "DELETE FROM finding_answer"):
        async with own_stand.service.database.begin(EVERYTHING) as session:
            if own_stand.url.startswith("sqlite"):
                with pytest.raises(DBAPIError, match="a finding is kept"):
                    await session.execute(text(statement))
            else:
                assert (await session.execute(text(statement))).rowcount == 0  # type: ignore[attr-defined]  # of a cursor
    assert await listed(park) == before
