"""The short runs: every process dies while it is pushed to, and every figure is right in the end.

The long run is `python -m tests.faults.run --minutes N`.
"""

from pathlib import Path

import pytest

from chassis.testing.kafka import KafkaMissing
from chassis.testing.watchdog import LONGEST_SECONDS, seen_in
from tests.faults.driver import Plan, Report
from tests.faults.run import embedded, servers
from tests.faults.sites import BIN

SEED = 20_261_121

# a machine that is busy with other things starts processes slowly, and then the kills take longer to come
BUSY_SECONDS = 450


def assert_every_record_counts_once(report: Report, *, kills: int) -> None:
    assert not report.wrong, report.text()
    assert report.kills >= kills, report.text()
    counts = report.counts
    assert counts["records found"] == counts["records acknowledged"] > 1000
    assert counts["dead letters"] == counts["poison events sent"] > 0
    assert counts["events delivered again"] > 0
    # every kind of row was there, and answers were lost on the way
    for kind in ("resent", "other_body", "poison", "correction", "late"):
        assert counts[f"rows {kind}"] > 0, report.text()
    assert counts["attempts without an answer"] > 0
    # jobs ended with a result for each row, rows came by profiles, and the feed was sent
    assert counts["jobs in the database"] >= counts["jobs accepted"] == counts["jobs succeeded"] > 0
    assert counts["results of jobs compared"] > 0
    assert counts["rows sent by a profile"] > 0
    assert counts["changes delivered"] >= counts["facts in the feed"] > 0


def assert_no_callback_held_a_loop(folder: Path, capsys: pytest.CaptureFixture[str], *, processes: int) -> None:
    watch = seen_in(folder)
    with capsys.disabled():
        print(f"{watch.callbacks:,} callbacks in {watch.processes} processes, the longest:", *watch.worst(), sep="\n  ")
    assert watch.processes >= processes
    assert watch.callbacks > 10_000
    assert watch.worst(LONGEST_SECONDS) == []


async def test_thirty_deaths_of_services_broker_and_database_lose_nothing_and_count_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not all((BIN / f"parkcarbon-{service}").exists() for service in ("accounting", "gateway")):
        pytest.skip("parkcarbon-accounting and parkcarbon-gateway are not installed: uv sync --all-packages")
    plan = Plan(SEED, seconds=60, kills=30, batches=40, at_most_seconds=BUSY_SECONDS, fault_seconds=(0.5, 2.0))
    try:
        report = await servers(plan, tmp_path, tmp_path / "watched")
    except KafkaMissing as missing:
        pytest.skip(str(missing))
    with capsys.disabled():
        print(f"\n{report.text()}")
    assert_every_record_counts_once(report, kills=30)
    assert report.counts["parks of others asked for"] > 0
    for process in ("gateway", "accounting", "kafka", "postgresql"):
        assert report.counts[f"kills of {process}"] > 0, report.text()
    # those that were killed once they worked, and those that took their place
    killed = sum(report.counts[f"kills of {service}"] for service in ("gateway", "accounting"))
    assert_no_callback_held_a_loop(tmp_path / "watched", capsys, processes=killed)


async def test_deaths_of_the_embedded_platform_lose_nothing_and_count_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = await embedded(
        Plan(SEED, seconds=30, kills=6, batches=60, at_most_seconds=BUSY_SECONDS, fault_seconds=(0.5, 2.0)),
        tmp_path,
        tmp_path / "watched",
    )
    with capsys.disabled():
        print(f"\n{report.text()}")
    assert_every_record_counts_once(report, kills=6)
    assert_no_callback_held_a_loop(tmp_path / "watched", capsys, processes=7)
