"""The Python client against a running platform: each way in, and what it reads and writes."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from parkcarbon_client import (
    AsyncParkCarbonClient,
    ClientCredentials,
    MappingProfile,
    NewCaller,
    NewDocument,
    NewIndicatorSystem,
    NewKey,
    NewNode,
    NewStep,
    NewThreshold,
    ParkCarbonClient,
    ProblemError,
    SignedRequests,
    calls,
    given_value,
    representations,
)
from tests.system import ganzhou
from tests.system.conftest import Platform

GUIDE = "guide-2021"


@pytest.fixture
def url(platform: Platform) -> str:
    found: str = platform.connection["url"]
    return found


def connected(platform: Platform, role: str = "park_manager") -> ParkCarbonClient:
    return ParkCarbonClient(platform.connection["url"], platform.connection["tokens"][role])


@pytest.fixture
def manager(platform: Platform) -> Iterator[ParkCarbonClient]:
    with connected(platform) as client:
        yield client


@pytest.fixture
def operator(platform: Platform) -> Iterator[ParkCarbonClient]:
    with connected(platform, "platform_operator") as client:
        yield client


def test_a_caller_comes_in_by_each_kind_of_key_until_it_is_revoked(operator: ParkCarbonClient, url: str, park: str) -> None:
    caller_id = f"mes-{park}"
    caller = NewCaller("MES", ["park_manager"], parks=[park])
    assert operator.register_caller(caller_id, caller).created
    assert not operator.register_caller(caller_id, caller).created
    keys = {kind: operator.create_key(NewKey("line 2", kind, caller_id)) for kind in ("api", "client", "signing")}
    api_key = keys["api"].api_key
    assert api_key is not None
    ways = (
        ParkCarbonClient(url, api_key),
        ParkCarbonClient(url, auth=ClientCredentials(url, keys["client"].key_id, keys["client"].secret)),
        ParkCarbonClient(url, auth=SignedRequests(keys["signing"].key_id, keys["signing"].secret)),
    )
    for client in ways:
        with client:
            assert (client.get_own_caller().caller_id, client.get_own_caller().parks) == (caller_id, (park,))
            assert [each.park_id for each in client.iterate_parks()] == [park]
            # a query and a body are signed too, whatever characters they have
            assert list(client.iterate_documents(query="碳 & 能=源")) == []
            assert client.save_mapping_profile(caller_id, MappingProfile({"读数": "quantity"})).value.version == 1
    operator.revoke_key(keys["api"].key_id)
    assert {each.key_id for each in operator.iterate_keys(caller_id=caller_id) if each.revoked_time} == {keys["api"].key_id}
    newer = operator.rotate_key(keys["signing"].key_id)
    assert newer.replaces is not None
    assert newer.replaces.key_id == keys["signing"].key_id
    assert operator.get_caller(caller_id).name == "MES"
    assert any(entry.caller_id == caller_id for entry in operator.iterate_audit_entries(caller_id=caller_id))


def test_the_asynchronous_client_signs_and_asks_for_tokens_too(operator: ParkCarbonClient, url: str, park: str) -> None:
    operator.register_caller(f"async-{park}", NewCaller("MES", ["park_manager"], parks=[park]))
    signing = operator.create_key(NewKey("a", "signing", f"async-{park}"))
    client_key = operator.create_key(NewKey("b", "client", f"async-{park}"))

    async def ask() -> None:
        for auth in (
            SignedRequests(signing.key_id, signing.secret),
            ClientCredentials(url, client_key.key_id, client_key.secret),
        ):
            async with AsyncParkCarbonClient(url, auth=auth) as client:
                assert [each.park_id async for each in client.iterate_parks()] == [park]

    asyncio.run(ask())


def test_what_is_read_again_is_asked_for_by_tag_by_member_and_as_a_table(manager: ParkCarbonClient, park: str) -> None:
    known = manager.if_changed(calls.get_park(park))
    assert known is not None
    assert known.value.park_id == park
    assert manager.if_changed(calls.get_park(park), known.etag) is None
    (row,) = [
        each
        for each in manager.send(representations.with_fields(calls.list_parks(), "parks", ["park_id"]))
        if each["park_id"] == park
    ]
    assert row == {"park_id": park}
    table = manager.send(representations.as_csv(calls.list_sources(park)))
    assert {each["source_id"] for each in table.rows()} == {"electricity", "gas", "oil"}
    with pytest.raises(ProblemError, match="FIELDS_INVALID"):
        manager.send(representations.with_fields(calls.list_parks(), "parks", ["no_such_member"]))
    assert park in [each.park_id for each in manager.iterate_region_parks("36")]


def test_the_evaluation_from_values_to_report(manager: ParkCarbonClient, platform: Platform, park: str) -> None:
    with platform.client() as client:
        client.post(f"/v1/parks/{park}/activity-records", json=ganzhou.rows()).raise_for_status()
    assert GUIDE in [each.system_id for each in manager.list_indicator_systems().systems]
    assert sum(node.kind is not None for node in manager.get_indicator_system(GUIDE).nodes) == 69
    before = manager.evaluate_park(park, system_id=GUIDE, year=2022)
    answer = manager.record_indicator_values(
        park,
        GUIDE,
        [
            given_value("53", 2022, Decimal("71.5"), "%", "doc-17"),
            given_value("28", 2022, True),
            given_value("7", 2022, Decimal(140)),
        ],
    )
    assert (answer.accepted, answer.rejected, answer.problems[0].row) == (2, 1, 3)
    (value,) = [each for each in manager.list_indicator_values(park, GUIDE, 2022).values if each.indicator_id == "53"]
    assert (value.value, value.origin, value.evidence) == (Decimal("71.5"), "manual", "doc-17")
    after = manager.evaluate_park(park, system_id=GUIDE, year=2022, idempotency_key=f"key-{park}")
    again = manager.evaluate_park(park, system_id=GUIDE, year=2022, idempotency_key=f"key-{park}")
    assert again.evaluation_id == after.evaluation_id
    assert after.evaluation_id is not None
    assert before.evaluation_id is not None
    assert any(each.lost_points for each in after.indicators)
    compared = manager.compare_evaluations(park, after.evaluation_id, before.evaluation_id)
    assert compared.change == sum(
        (compared.value_points, compared.weight_points, compared.threshold_points, compared.coverage_points), Decimal(0)
    )
    assert after.total is not None
    assert after.total.score is not None
    step = NewStep("green", "53", Decimal(10), Decimal(500), divisible=True)
    plan = manager.plan_improvements(park, after.evaluation_id, target=Decimal(1), steps=[step])
    assert plan.cost_10k_cny == 0
    assert manager.render_evaluation_report(park, after.evaluation_id, language="zh").startswith(b"%PDF-")
    assert [each.evaluation_id for each in manager.iterate_evaluations(park)] == [after.evaluation_id, before.evaluation_id]
    ranked = manager.rank_parks("3607", GUIDE, 2022, draws=10)
    assert park in [each.park_id for each in ranked.parks]


def test_the_workbook_of_values_goes_there_and_back(manager: ParkCarbonClient, park: str, tmp_path: Path) -> None:
    file = tmp_path / "values.xlsx"
    file.write_bytes(manager.render_value_template(park, GUIDE, 2022))
    answer = manager.push_indicator_values(park, GUIDE, file)
    assert (answer.accepted, answer.unchanged, answer.rejected, answer.blank) == (0, 0, 0, 69)
    table = file.with_suffix(".csv")
    table.write_text("indicator_id,year,value\n1,2022,80\n", encoding="utf-8")
    assert manager.push_indicator_values(park, GUIDE, table).accepted == 1


def test_own_data_are_evaluated_and_nothing_is_kept(manager: ParkCarbonClient) -> None:
    scores = {"performance": "2.94", "development": "1.84", "impact": "3.65"}
    values = [given_value(indicator_id, 2022, Decimal(value)) for indicator_id, value in scores.items()]
    found = manager.calculate_evaluation(year=2022, values=values, system_id="pdi")
    assert found.total is not None
    assert (found.evaluation_id, found.total.coverage_pct) == (None, Decimal(100))
    own = NewIndicatorSystem("s", "系统", "S", "us", [NewNode("a", "甲", "A", Decimal(1), kind="share", unit="%", direction="+")])
    found = manager.calculate_evaluation(year=2022, values=[given_value("a", 2022, Decimal(40))], system=own)
    assert found.total is not None
    assert found.total.score == 40


def test_systems_thresholds_documents_profiles_and_webhooks_are_kept_once(
    manager: ParkCarbonClient, operator: ParkCarbonClient, park: str
) -> None:
    node = NewNode("a", "甲", "A", Decimal(1), kind="share", unit="%", direction="+")
    system = NewIndicatorSystem(f"own-{park}", "系统", "S", "us", [node])
    assert [manager.create_indicator_system(system).created for _ in range(2)] == [True, False]
    rows = [NewThreshold("a", Decimal("0.5"), Decimal(80), "table 3")]
    made = [
        manager.create_threshold_set(system.system_id, threshold_set_id="plan", source="plan 2026", rows=rows) for _ in range(2)
    ]
    assert [each.created for each in made] == [True, False]
    document = NewDocument("standard", f"核算通则 {park}", "国家标准化管理委员会", "2015-11-19")
    assert [manager.save_document(f"doc-{park}", document).value.version for _ in range(2)] == [1, 1]
    saved = manager.save_document_file(f"doc-{park}", b"# text", "text/markdown")
    assert saved.file is not None
    assert manager.get_document_file(f"doc-{park}") == b"# text"
    assert [each.document_id for each in manager.iterate_documents(query=park)] == [f"doc-{park}"]
    assert manager.get_document_statistics("2026", "2027").added
    profile = MappingProfile({"读数": "quantity"}, defaults={"unit": "kWh"}, ignore_other_columns=True)
    assert [manager.save_mapping_profile(f"erp-{park}", profile).created for _ in range(2)] == [True, False]
    assert manager.get_mapping_profile(f"erp-{park}").columns == {"读数": "quantity"}
    with pytest.raises(ProblemError) as caught:
        operator.create_webhook("https://192.0.2.1/hook", types=["EmissionsCalculated"])
    # what is wrong is said once
    assert str(caught.value).count("url must be a public address") == 1
    assert operator.list_webhooks() == ()
