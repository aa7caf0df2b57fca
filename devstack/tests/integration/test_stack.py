"""The stack as tests of the whole system use it."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import time
from decimal import Decimal
from pathlib import Path

import pytest

from chassis.testing.kafka import KafkaServer
from devstack import ganzhou
from devstack.folder import FolderInUse
from devstack.stack import PortRefused, Stack, StackSettings
from devstack.wording import SENTENCES
from parkcarbon_client import (
    ActivityRecord,
    AnnualFigures,
    AsyncParkCarbonClient,
    Change,
    NewPark,
    ProblemError,
    ServerUnreachable,
    given_value,
)

# Wang et al. 2024, tables 4 to 6, computed by hand: 2020 is 882077.299 MWh * 0.581 + 2676.0902 * 10^4 Nm3 * 389.31 GJ/10^4 Nm3 *
# 15.3 kgC/GJ * 98 % * 44/12 + oil alike; the paper prints 88.87, 97.50 and 100.60
EXPECTED_10K_T = {2020: Decimal("88.7874"), 2021: Decimal("97.4350"), 2022: Decimal("100.5954")}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def everything(client: AsyncParkCarbonClient) -> tuple[list[ActivityRecord], list[AnnualFigures], list[Change]]:
    records = [record async for record in client.iterate_activity_records(ganzhou.PARK.park_id)]
    figures = [figures async for figures in client.iterate_annual_figures(ganzhou.PARK.park_id)]
    changes = [change async for change in client.iterate_changes()]
    return records, figures, changes


async def facts_in_the_feed(client: AsyncParkCarbonClient, number: int) -> None:
    """Waits until the services' events have reached the feed."""
    async with asyncio.timeout(60):
        while len([change async for change in client.iterate_changes()]) < number:
            # each turn is a request, which lets the relay and the consumer of the same loop go on
            continue


async def test_ganzhou_is_what_the_paper_says_and_a_second_start_changes_nothing(tmp_path: Path) -> None:
    settings = StackSettings(tmp_path / "data")
    async with Stack(settings) as stack, AsyncParkCarbonClient(stack.url, stack.tokens["park_manager"]) as client:
        tokens = dict(stack.tokens)
        await ganzhou.load(client)
        compared = await ganzhou.compare(client)
        assert {year.year: round(year.emissions_10k_t, 4) for year in compared} == EXPECTED_10K_T
        assert all(abs(year.deviation_pct) < Decimal("0.1") for year in compared)
        assert round(compared[0].intensity_t_per_10k_cny, 6) == Decimal("0.125583")
        # park, three sources, three years of figures, one batch of records and its sums
        await facts_in_the_feed(client, 9)
        records, figures, changes = await everything(client)
    assert (len(records), len(figures), len(changes)) == (9, 3, 9)

    started = time.monotonic()
    async with Stack(settings) as stack, AsyncParkCarbonClient(stack.url, tokens["park_manager"]) as client:
        assert dict(stack.tokens) == tokens
        await ganzhou.load(client)
        again = await ganzhou.compare(client)
        seconds = time.monotonic() - started
        assert again == compared
        # the demo writes to the log in order: once a new park is in the feed, nothing else can be under way before it
        await client.create_park(NewPark("another", "另一园区", "Another", "360700", "wang-2024"))
        await facts_in_the_feed(client, 10)
        records_again, figures_again, changes_again = await everything(client)
    assert (records_again, figures_again) == (records, figures)
    assert changes_again[:-1] == changes
    assert changes_again[-1].park_id == "another"
    assert seconds < 15, "a start that loads what is there takes about a second"


async def test_ganzhou_is_evaluated_once_with_what_is_known_and_the_rest_missing(tmp_path: Path) -> None:
    async with Stack(StackSettings(tmp_path)) as stack, AsyncParkCarbonClient(stack.url, stack.tokens["park_manager"]) as client:
        await ganzhou.load(client)
        evaluated = await ganzhou.evaluate(client)
        assert await ganzhou.evaluate(client) == evaluated
        assert [kept.evaluation_id async for kept in client.iterate_evaluations(ganzhou.PARK.park_id)] == [evaluated.evaluation_id]
    # natural gas is 12 % of the energy of 2022 ([P] table 5), and its records are on this platform
    scores = {each.indicator_id: each.score for each in evaluated.indicators if each.score is not None}
    assert scores == {"52": Decimal("12"), "57": Decimal("100")}
    assert evaluated.total is not None
    assert (evaluated.total.low, evaluated.total.high, evaluated.total.coverage_pct) == (
        Decimal("5.24"),
        Decimal("98.24"),
        Decimal("7"),
    )
    assert {each.missing for each in evaluated.indicators if each.score is None} == {"value"}
    assert not evaluated.synthetic


async def test_the_thresholds_to_try_with_are_labelled_as_made_up(tmp_path: Path) -> None:
    async with Stack(StackSettings(tmp_path)) as stack, AsyncParkCarbonClient(stack.url, stack.tokens["park_manager"]) as client:
        await ganzhou.load(client)
        await client.record_indicator_values(ganzhou.PARK.park_id, ganzhou.SYSTEM, [given_value("59", 2022, Decimal("30"))])
        honest = await client.evaluate_park(ganzhou.PARK.park_id, system_id=ganzhou.SYSTEM, year=2022)
        tried = await client.evaluate_park(
            ganzhou.PARK.park_id, system_id=ganzhou.SYSTEM, year=2022, threshold_set_ids=[ganzhou.THRESHOLD_SET_ID]
        )
    growth = {each.indicator_id: each for each in honest.indicators}["59"]
    assert (honest.synthetic, growth.missing, growth.value) == (False, "threshold", Decimal(30))
    growth = {each.indicator_id: each for each in tried.indicators}["59"]
    assert (tried.synthetic, growth.score, growth.threshold_source) == (True, Decimal(50), ganzhou.MADE_UP)


async def test_each_service_keeps_a_file_of_its_own_and_the_log_another(tmp_path: Path) -> None:
    async with Stack(StackSettings(tmp_path)) as stack, AsyncParkCarbonClient(stack.url, "") as client:
        assert await client.is_ready()
        assert stack.docs_url == f"{stack.url}/docs"
    assert {name for name in names_in(tmp_path) if name.endswith(".sqlite3")} == {
        "accounting.sqlite3",
        "evaluation.sqlite3",
        "gateway.sqlite3",
        "log.sqlite3",
    }


async def test_reader_may_read_and_not_write(tmp_path: Path) -> None:
    async with Stack(StackSettings(tmp_path)) as stack:
        async with AsyncParkCarbonClient(stack.url, stack.tokens["reader"]) as reader:
            assert [park async for park in reader.iterate_parks()] == []
            with pytest.raises(ProblemError) as caught:
                await reader.create_park(ganzhou.PARK)
            assert caught.value.status == 403
        async with AsyncParkCarbonClient(stack.url, "a-token-of-nobody") as stranger:
            with pytest.raises(ProblemError) as caught:
                await stranger.create_park(ganzhou.PARK)
            assert caught.value.status == 401


async def test_invalid_park_is_explained_in_the_language_of_the_caller(tmp_path: Path) -> None:
    park = dataclasses.replace(ganzhou.PARK, time_zone="Asia/Ganzhou")
    async with Stack(StackSettings(tmp_path)) as stack:
        token = stack.tokens["park_manager"]
        async with AsyncParkCarbonClient(stack.url, token, language="zh") as client:
            with pytest.raises(ProblemError) as caught:
                await client.create_park(park)
        assert caught.value.detail == "time_zone 的值 'Asia/Ganzhou' 无效,应为 IANA 时区名,如 Asia/Shanghai"
        assert [error.allowed for error in caught.value.errors] == ["IANA 时区名,如 Asia/Shanghai"]
        async with AsyncParkCarbonClient(stack.url, token, language="en") as client:
            with pytest.raises(ProblemError) as caught:
                await client.create_park(park)
        assert caught.value.detail == "time_zone must be an IANA time zone, such as Asia/Shanghai, got 'Asia/Ganzhou'"


async def test_every_indicator_and_conversion_has_words(tmp_path: Path) -> None:
    async with (
        Stack(StackSettings(tmp_path)) as stack,
        AsyncParkCarbonClient(stack.url, stack.tokens["park_manager"]) as client,
    ):
        await ganzhou.load(client)
        answer = await client.get_indicators(ganzhou.PARK.park_id, 2020)
    assert {f"indicator.{indicator.name}" for indicator in answer.indicators} <= set(SENTENCES)
    assert f"conversion.{answer.electricity_conversion}" in SENTENCES


async def test_one_stack_at_a_time_on_a_folder(tmp_path: Path) -> None:
    async with Stack(StackSettings(tmp_path)) as stack:
        with pytest.raises(FolderInUse):
            async with Stack(StackSettings(tmp_path)):
                pass
        async with AsyncParkCarbonClient(stack.url, "") as client:
            assert await client.is_up()


async def test_taken_port_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortRefused, match=str(port)) as caught:
            async with Stack(StackSettings(tmp_path, port=port)):
                pass
    assert caught.value.taken
    assert names_in(tmp_path) == {"lock"}
    async with Stack(StackSettings(tmp_path, port=port)) as stack:
        assert stack.url.endswith(f":{port}")


async def test_ended_stack_listens_no_more(tmp_path: Path) -> None:
    async with Stack(StackSettings(tmp_path)) as stack:
        url = stack.url
    async with AsyncParkCarbonClient(url, "", retries=0) as client:
        with pytest.raises(ServerUnreachable):
            await client.openapi()


async def test_a_stack_takes_the_servers_that_its_environment_names(
    tmp_path: Path, kafka_server: KafkaServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARKCARBON_BROKER__KIND", "kafka")
    monkeypatch.setenv("PARKCARBON_BROKER__KAFKA__BOOTSTRAP_SERVERS", kafka_server.bootstrap_servers)
    monkeypatch.setenv("PARKCARBON_GATEWAY_DATABASE_URL", postgres_url)
    settings = StackSettings(tmp_path / "data")
    async with Stack(settings) as stack, AsyncParkCarbonClient(stack.url, stack.tokens["park_manager"]) as client:
        await ganzhou.load(client)
        await facts_in_the_feed(client, 1)
    assert not {"log.sqlite3", "gateway.sqlite3"} & names_in(settings.data_folder)
    assert "accounting.sqlite3" in names_in(settings.data_folder)
