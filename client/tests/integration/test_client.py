"""What both clients ask and how they read the answers, over a socket."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from parkcarbon_client import (
    ActivityRow,
    AnswerNotUnderstood,
    AsyncParkCarbonClient,
    JobNotFinished,
    NewAnnualFigures,
    NewPark,
    ParkCarbonClient,
    ProblemError,
    RetryPolicy,
    ServerUnreachable,
    calls,
    indicator_value,
)
from parkcarbon_client.core.call import Call

if TYPE_CHECKING:
    from client.tests.conftest import FakePlatform

PARK = NewPark("p", "赣州经开区", "Ganzhou", "360700", "wang-2024", latitude_deg=Decimal("25.850000"))
# half of each bound, so that waits can be told
HALF = RetryPolicy(retries=3, first_wait_seconds=1.0, longest_wait_seconds=30.0, jitter=lambda: 0.5)


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(platform: FakePlatform, waits: list[float]) -> Iterator[ParkCarbonClient]:
    with ParkCarbonClient(platform.url, platform.token, retries=HALF, sleep=waits.append) as client:
        yield client


@pytest.fixture
async def async_client(platform: FakePlatform, waits: list[float]) -> AsyncIterator[AsyncParkCarbonClient]:
    async def wait(seconds: float) -> None:
        waits.append(seconds)

    async with AsyncParkCarbonClient(platform.url, platform.token, retries=HALF, sleep=wait) as client:
        yield client


def row(number: int, quantity: str = "1.50") -> ActivityRow:
    return ActivityRow(f"r{number}", "s", date(2020, 1, 1), date(2021, 1, 1), Decimal(quantity), "kWh")


def test_park_is_registered_once_and_found_again(platform: FakePlatform, client: ParkCarbonClient) -> None:
    first, second = client.create_park(PARK), client.create_park(PARK)
    assert (first.created, second.created) == (True, False)
    assert first.value == second.value == client.get_park("p")
    assert first.value.latitude_deg == Decimal("25.85")
    assert first.value.longitude_deg is None
    assert first.value.registered_time == datetime(2026, 11, 21, tzinfo=UTC)
    assert b"longitude" not in platform.asked[0].body


def test_same_park_id_with_another_name_is_a_problem_that_says_so(client: ParkCarbonClient) -> None:
    client.create_park(PARK)
    with pytest.raises(ProblemError) as caught:
        client.create_park(NewPark("p", "别的园区", "Other", "360700", "wang-2024"))
    problem = caught.value
    assert (problem.status, problem.reason) == (409, "PARK_EXISTS")
    assert problem.type == "https://parkcarbon.example/problems/park-exists"
    assert problem.request_id == "request-7"
    assert problem.members["found"] == "other"
    assert "409 PARK_EXISTS" in str(problem)


def test_unknown_token_is_a_problem_and_is_not_tried_again(platform: FakePlatform) -> None:
    with ParkCarbonClient(platform.url, "another") as client, pytest.raises(ProblemError) as caught:
        client.get_park("p")
    assert caught.value.status == 401
    assert len(platform.asked) == 1


def test_problem_lists_its_field_errors(platform: FakePlatform, client: ParkCarbonClient) -> None:
    platform.tell(
        422,
        {"Content-Type": "application/problem+json"},
        b'{"type":"t","title":"refused","status":422,"reason":"BODY_INVALID","errors":['
        b'{"field":"scope","found":"7","allowed":"1, 2, 3","reason":"FIELD_INVALID","message":"scope must be 1, 2 or 3"},'
        b'{"row":4,"record_id":"x","outcome":"rejected","problem":{"field":"unit","found":"?","allowed":"kWh"}}]}',
    )
    with pytest.raises(ProblemError, match="scope must be 1, 2 or 3") as caught:
        client.get_park("p")
    first, second = caught.value.errors
    assert (first.row, first.field, first.found, first.allowed) == (None, "scope", "7", "1, 2, 3")
    assert first.reason == "FIELD_INVALID"
    assert (second.row, second.field, second.found) == (4, "unit", "?")


def test_refusal_that_is_no_problem_document_keeps_its_status_and_first_words(
    platform: FakePlatform, client: ParkCarbonClient
) -> None:
    platform.tell(418, {"Content-Type": "text/html"}, b"<h1>a proxy speaks</h1>" * 100)
    with pytest.raises(ProblemError) as caught:
        client.get_park("p")
    assert (caught.value.type, caught.value.status, caught.value.reason) == ("about:blank", 418, "")
    assert caught.value.detail.startswith("<h1>a proxy speaks")
    assert len(caught.value.detail) == 200


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_passing_refusals_are_asked_again_with_growing_waits(
    status: int, platform: FakePlatform, client: ParkCarbonClient, waits: list[float]
) -> None:
    client.create_park(PARK)
    for _ in range(3):
        platform.tell(status)
    assert client.get_park("p").park_id == "p"
    # halves of 1, 2, 4 s
    assert waits == [0.5, 1.0, 2.0]


def test_the_last_refusal_is_raised_when_retries_are_used_up(
    platform: FakePlatform, client: ParkCarbonClient, waits: list[float]
) -> None:
    for _ in range(4):
        platform.tell(503)
    with pytest.raises(ProblemError) as caught:
        client.get_park("p")
    assert caught.value.status == 503
    assert len(platform.asked) == 4
    assert len(waits) == 3


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 500])
def test_other_refusals_are_not_asked_again(status: int, platform: FakePlatform, client: ParkCarbonClient) -> None:
    platform.tell(status)
    with pytest.raises(ProblemError):
        client.get_park("p")
    assert len(platform.asked) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        # the seconds asked for and half of a tenth more
        pytest.param({"Retry-After": "2"}, 2.1, id="seconds"),
        pytest.param(
            {"Retry-After": "Wed, 21 Oct 2015 07:28:10 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"},
            10.5,
            id="date_is_measured_from_the_answers_own_date",
        ),
        pytest.param({"Retry-After": "soon"}, 0.5, id="unreadable_is_as_absent"),
        pytest.param({"Retry-After": "-5"}, 0.5, id="negative_is_as_absent"),
    ],
)
def test_retry_after_is_honoured(
    headers: dict[str, str], wait: float, platform: FakePlatform, client: ParkCarbonClient, waits: list[float]
) -> None:
    client.create_park(PARK)
    platform.tell(429, headers)
    client.get_park("p")
    assert waits == [pytest.approx(wait)]


def test_retry_after_beyond_the_longest_wait_is_raised_at_once(
    platform: FakePlatform, client: ParkCarbonClient, waits: list[float]
) -> None:
    platform.tell(429, {"Retry-After": "3600"})
    with pytest.raises(ProblemError) as caught:
        client.get_park("p")
    assert caught.value.retry_after_seconds == 3600
    assert waits == []


def test_lost_answer_is_asked_for_again_and_counts_once(platform: FakePlatform, client: ParkCarbonClient) -> None:
    client.create_park(PARK)
    platform.tell(hang_up=True, handle_first=True)
    outcome = client.record_activity("p", [row(1), row(2)])
    assert (outcome.accepted, outcome.duplicate) == (0, 2)
    assert list(platform.records) == ["r1", "r2"]


def test_server_that_is_not_there_is_named_with_the_number_of_attempts(waits: list[float]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            ParkCarbonClient(url, "t", retries=HALF, sleep=waits.append) as client,
            pytest.raises(ServerUnreachable) as caught,
        ):
            client.get_park("p")
        assert (caught.value.attempts, caught.value.url) == (4, url)
        assert "after 4 attempts" in str(caught.value)
        with ParkCarbonClient(url, "t") as client:
            assert not client.is_up()


def test_environments_proxy_does_not_stand_before_this_machine(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with ParkCarbonClient(platform.url, platform.token, retries=0) as client:
        assert client.is_up()
        assert client.is_ready()


def test_readiness_is_asked_once(platform: FakePlatform, client: ParkCarbonClient, waits: list[float]) -> None:
    platform.tell(503)
    assert not client.is_ready()
    assert waits == []
    assert client.is_ready()


def test_lists_are_read_to_the_last_page(client: ParkCarbonClient) -> None:
    for number in range(5):
        client.create_park(NewPark(f"p{number}", "园区", "Park", "360700", "wang-2024"))
    assert [park.park_id for park in client.iterate_parks()] == ["p0", "p1", "p2", "p3", "p4"]


def test_rows_go_out_as_decimal_texts_and_come_back_exact(platform: FakePlatform, client: ParkCarbonClient) -> None:
    small = ActivityRow(
        "r0",
        "s",
        datetime(2020, 1, 1, tzinfo=UTC),
        date(2021, 1, 1),
        Decimal("1E-7"),
        "kWh",
        confirmed=True,
    )
    outcome = client.record_activity("p", [small, *(row(number, "1.50") for number in range(1, 5))])
    assert (outcome.rows, outcome.accepted, outcome.results[0].outcome) == (5, 5, "accepted")
    assert platform.records["r0"] == {
        "record_id": "r0",
        "source_id": "s",
        "period_start": "2020-01-01T00:00:00+00:00",
        "period_end": "2021-01-01",
        "quantity": "0.0000001",
        "unit": "kWh",
        "confirmed": True,
    }
    records = list(client.iterate_activity_records("p"))
    assert [record.position for record in records] == [1, 2, 3, 4, 5]
    assert records[1].quantity == Decimal("1.50")
    assert records[1].superseded_by is None


def test_rejected_row_says_field_found_and_allowed(client: ParkCarbonClient) -> None:
    outcome = client.record_activity("p", [row(1), row(2, "NaN")], results="rejected")
    (result,) = outcome.results
    assert (result.row, result.record_id) == (2, "r2")
    assert result.problem is not None
    assert (result.problem.field, result.problem.found) == ("quantity", "NaN")


@pytest.mark.parametrize(
    ("quantity", "start", "error"),
    [
        pytest.param(1.5, date(2020, 1, 1), TypeError, id="float_has_lost_digits"),
        pytest.param(Decimal(1), datetime(2020, 1, 1), ValueError, id="instant_without_offset"),  # noqa: DTZ001
    ],
)
def test_row_that_cannot_be_meant_is_not_sent(
    quantity: Any, start: date, error: type[Exception], platform: FakePlatform, client: ParkCarbonClient
) -> None:
    with pytest.raises(error):
        client.record_activity("p", [ActivityRow("r", "s", start, date(2021, 1, 1), quantity, "kWh")])
    assert platform.asked == []


def test_same_annual_figures_again_change_nothing(client: ParkCarbonClient) -> None:
    figures = NewAnnualFigures(gross_output_10k_cny=Decimal(7070000), leading_industries_share_pct=Decimal("28.21"))
    first, second = (client.record_annual_figures("p", 2020, figures) for _ in range(2))
    assert (first.changed, second.changed, second.version) == (True, False, 1)
    assert second.leading_industries_share_pct == Decimal("28.21")
    assert second.gdp_10k_cny is None


def test_emissions_keep_their_dimensions_apart_from_their_sums(platform: FakePlatform, client: ParkCarbonClient) -> None:
    emissions = client.query_emissions("p", "2020", "2021-01", group_by=["scope", "carrier"])
    assert platform.asked[0].params == {"from": "2020", "to": "2021-01", "group_by": "scope,carrier"}
    (group,) = emissions.groups
    assert (group.scope, group.carrier, group.item) == ("2", "electricity", None)
    assert group.energy_tce == Decimal("296600.000000001")
    assert emissions.total.records == 3
    assert (emissions.from_month, emissions.to_month) == ("2020", "2021-01")


def test_indicator_without_value_says_what_is_missing(client: ParkCarbonClient) -> None:
    indicators = client.get_indicators("p", 2020)
    assert indicator_value(indicators, "emissions_t_co2e") == Decimal("887873.8")
    assert indicators.indicators[1].value is None
    assert indicators.indicators[1].missing == "employees"
    assert indicators.energy_mix[0].share_pct == Decimal("36.55")


def test_newest_factor_has_no_end(client: ParkCarbonClient) -> None:
    (factor,) = client.iterate_factors("wang-2024")
    assert (factor.value, factor.valid_to_date) == (Decimal("0.581"), None)


def test_changes_are_read_on_from_a_cursor(client: ParkCarbonClient) -> None:
    assert [change.position for change in client.iterate_changes()] == [1, 2, 3, 4, 5]
    pages = list(client.iterate_change_pages("1"))
    assert [[change.position for change in page.changes] for page in pages] == [[2, 3], [4, 5]]
    assert list(client.iterate_changes(pages[-1].next)) == []
    assert len(client.get_changes(limit=4).changes) == 4


def test_job_is_asked_for_until_it_has_ended(client: ParkCarbonClient, waits: list[float]) -> None:
    started = client.rebuild_sums("p")
    assert not started.ended
    job = client.wait_for_job(started.job_id)
    assert (job.state, job.result) == ("succeeded", {"differences": 0})
    assert len(waits) == 2


def test_waiting_for_a_job_ends_with_the_time(platform: FakePlatform, client: ParkCarbonClient) -> None:
    platform.job_states.extendleft(["running"] * 50)
    with pytest.raises(JobNotFinished) as caught:
        client.wait_for_job("job-1", timeout_seconds=0.2)
    assert caught.value.job.state == "running"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>", id="no_json"),
        pytest.param(b"[]", id="no_object"),
        pytest.param(b'{"park_id": "p"}', id="member_missing"),
        pytest.param(b"[" * 100_000, id="nested_too_deeply"),
    ],
)
def test_answer_of_another_shape_is_named(body: bytes, platform: FakePlatform, client: ParkCarbonClient) -> None:
    platform.tell(200, {}, body)
    with pytest.raises(AnswerNotUnderstood):
        client.get_park("p")


@pytest.mark.parametrize(
    "value",
    ['"NaN"', '"1e999999999999999999"', "1e999999999999999999", "NaN", '"٣"', "true", '"twelve"', "{}"],
)
def test_decimal_that_is_none_is_not_understood(value: str, platform: FakePlatform, client: ParkCarbonClient) -> None:
    figures = f'"park_id":"p","year":2020,"changed":true,"version":1,"recorded_time":"2020-01-01T00:00:00Z","gdp_10k_cny":{value}'
    platform.tell(200, {}, f"{{{figures}}}".encode())
    with pytest.raises(AnswerNotUnderstood, match="gdp_10k_cny"):
        client.record_annual_figures("p", 2020, NewAnnualFigures())


def test_id_cannot_change_the_route(platform: FakePlatform, client: ParkCarbonClient) -> None:
    with pytest.raises(ProblemError):
        client.get_park("../factor-sets/wang-2024/factors?x=1")
    assert platform.asked[0].path == "/v1/parks/..%2Ffactor-sets%2Fwang-2024%2Ffactors%3Fx%3D1"


def test_language_goes_with_every_request(platform: FakePlatform) -> None:
    with ParkCarbonClient(platform.url, platform.token, language="zh") as client:
        client.get_changes()
    assert platform.asked[0].headers["accept-language"] == "zh"
    with pytest.raises(ValueError, match="zh, en"):
        ParkCarbonClient(platform.url, platform.token, language="fr")


def test_token_that_would_break_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="printable"):
        ParkCarbonClient("http://127.0.0.1:1", "a\r\nX-Other: b")


def test_both_clients_have_the_same_methods() -> None:
    def signatures(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert signatures(ParkCarbonClient) == signatures(AsyncParkCarbonClient)


async def test_asynchronous_client_does_the_same(
    platform: FakePlatform, async_client: AsyncParkCarbonClient, waits: list[float]
) -> None:
    platform.tell(503, {"Retry-After": "2"})
    platform.tell(hang_up=True)
    registered = await async_client.create_park(PARK)
    assert registered.created
    assert waits == [pytest.approx(2.1), 1.0]
    assert [park.park_id async for park in async_client.iterate_parks()] == ["p"]
    assert [change.position async for change in async_client.iterate_changes("3")] == [4, 5]
    assert (await async_client.wait_for_job((await async_client.rebuild_sums("p")).job_id)).ended
    assert await async_client.is_ready()
    with pytest.raises(ProblemError):
        await async_client.get_park("another")


async def test_asynchronous_requests_run_beside_each_other(async_client: AsyncParkCarbonClient) -> None:
    outcomes = await asyncio.gather(*(async_client.record_activity("p", [row(number)]) for number in range(20)))
    assert sum(outcome.accepted for outcome in outcomes) == 20


def _ranking(parks: list[str], token: str) -> bytes:
    ranked = [
        {
            "park_id": each,
            "name_zh": "",
            "name_en": "",
            "low": "0",
            "high": "1",
            "coverage_pct": "0",
            "rank_best": 1,
            "rank_worst": 3,
        }
        for each in parks
    ]
    by = {"region_code": "36", "system_id": "pdi", "year": 2022, "weight_set_id": "annex", "threshold_set_ids": [], "draws": 10}
    counts = {"park_count": 3, "scored_count": 0, "seed": 0, "spread": "0.2", "synthetic": False}
    return json.dumps({**by, **counts, "parks": ranked, "flips": [], "next_page_token": token}).encode()


def test_a_ranking_is_read_as_a_whole(platform: FakePlatform, client: ParkCarbonClient) -> None:
    platform.tell(200, {}, _ranking(["a", "b"], "t/1"))
    platform.tell(200, {}, _ranking(["c"], ""))
    ranking = client.rank_parks("36", "pdi", 2022, draws=10)
    assert ([each.park_id for each in ranking.parks], ranking.next_page_token) == (["a", "b", "c"], "")
    assert [each.params.get("page_token") for each in platform.asked] == [None, "t/1"]
    assert {each.params["page_size"] for each in platform.asked} == {"1000"}


_EVALUATION = b'{"system_id":"pdi","year":2022,"scale":"100","basis":"score","synthetic":false,"evaluation_id":"e"}'


def test_an_evaluation_is_sent_again_under_the_key_it_was_sent_with(platform: FakePlatform, client: ParkCarbonClient) -> None:
    platform.tell(503)
    platform.tell(200, {}, _EVALUATION)
    assert client.evaluate_park("p", system_id="pdi", year=2022).evaluation_id == "e"
    first, again = (each.headers["idempotency-key"] for each in platform.asked)
    assert first == again
    platform.tell(200, {}, _EVALUATION)
    platform.tell(200, {}, _EVALUATION)
    client.evaluate_park("p", system_id="pdi", year=2022)
    client.evaluate_park("p", system_id="pdi", year=2022, idempotency_key="k-1")
    of_its_own, given = (each.headers["idempotency-key"] for each in platform.asked[2:])
    assert of_its_own not in ("", first)
    assert given == "k-1"


def test_an_evaluation_without_a_key_is_sent_once(platform: FakePlatform, client: ParkCarbonClient) -> None:
    platform.tell(503)
    with pytest.raises(ProblemError):
        client.send(calls.evaluate_park("p", system_id="pdi", year=2022))
    assert len(platform.asked) == 1


@pytest.mark.parametrize(
    "call",
    [
        calls.plan_improvements("p", "e", steps=[], target=Decimal(1)),
        calls.close_finding("p", "2022-v1", "f", conclusion="resolved", text="done"),
        calls.record_annual_figures("p", 2022, NewAnnualFigures()),
        calls.render_evaluation_report("p", "e"),
    ],
    ids=lambda call: call.path,
)
def test_what_can_be_repeated_is_sent_again(call: Call[Any], platform: FakePlatform, client: ParkCarbonClient) -> None:
    platform.tell(503)
    platform.tell(404)
    with pytest.raises(ProblemError):
        client.send(call)
    assert len(platform.asked) == 2


def test_a_file_is_in_the_language_of_the_client_unless_another_is_asked_for(platform: FakePlatform) -> None:
    with ParkCarbonClient(platform.url, platform.token, language="zh") as client:
        for language in ("", "en"):
            platform.tell(200, {"Content-Type": "application/pdf"}, b"%PDF-")
            assert client.render_evaluation_report("p", "e", language=language) == b"%PDF-"
    assert [(each.params.get("lang"), each.headers["accept-language"]) for each in platform.asked] == [(None, "zh"), ("en", "zh")]
