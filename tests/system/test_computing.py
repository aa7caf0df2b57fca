"""Work that computes keeps nobody waiting: plans that no solver solves, rankings, reports and weights."""

import asyncio
import os
from collections.abc import AsyncIterator
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import pytest
import pytest_asyncio

from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.executor import ExecutorSettings
from chassis.process_executor import ProcessExecutor
from chassis.testing.watchdog import LONGEST_SECONDS, Watch, watched_loops
from evaluation.application import evaluate, files, rank, weigh
from gateway.main import topic_registry
from parkcarbon.contract.v1 import contract_pb2
from parkcarbon.evaluation.v1 import evaluation_pb2
from tests.system.in_process import PARK, InProcess, in_process, register

SYSTEM = {
    "system_id": "one-share",
    "name_zh": "单指标",
    "name_en": "One share",
    "source": "a test",
    "nodes": [{"node_id": "a", "name_zh": "甲", "name_en": "A", "weight": "1", "kind": "share", "unit": "%", "direction": "+"}],
}
RANKED_PARKS = 60


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[InProcess]:
    folder = tmp_path_factory.mktemp("computing")
    log = EmbeddedLog(folder / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(folder, log) as running:
        running.client.timeout = httpx.Timeout(60)
        await register(running.client)
        yield running
    await log.close()


def steps_without_end(count: int) -> list[dict[str, Any]]:
    """Steps that cost nearly the same per point, half of them enough: which are the cheapest is a subset sum."""
    chance = Random(20261128)
    steps = []
    for number in range(count):
        weight = 2 * chance.randrange(250_000, 500_000)
        change = Decimal(weight * 100 // count).scaleb(-6)
        cost = 1000 * weight + chance.choice((1, 2))
        steps.append({"step_id": f"s{number}", "indicator_id": "a", "change": f"{change:f}", "cost_10k_cny": str(cost)})
    return steps


async def evaluated(client: httpx.AsyncClient) -> str:
    """Enters the one value of a system of one indicator, and returns the path of an evaluation by it."""
    (await client.post("/v1/indicator-systems", json=SYSTEM)).raise_for_status()
    thresholds = {
        "threshold_set_id": "hundred",
        "source": "test",
        "rows": [{"node_id": "a", "minimum": "0", "maximum": "100", "source": "test"}],
    }
    (await client.post("/v1/indicator-systems/one-share/threshold-sets", json=thresholds)).raise_for_status()
    rows = [{"indicator_id": "a", "year": "2022", "value": "50", "unit": "%"}]
    (await client.post(f"/v1/parks/{PARK}/indicator-values", json={"system_id": "one-share", "values": rows})).raise_for_status()
    asked = {"system_id": "one-share", "year": 2022, "threshold_set_ids": ["hundred"]}
    answer = await client.post(f"/v1/parks/{PARK}/evaluations", json=asked)
    answer.raise_for_status()
    return f"/v1/parks/{PARK}/evaluations/{answer.json()['evaluation_id']}"


def test_the_gateway_waits_for_longer_than_anything_computes() -> None:
    longest = {
        "PlanImprovements": evaluate.PLAN_SECONDS,
        "RankParks": rank.RANK_SECONDS,
        "RenderEvaluationReport": files.FILE_SECONDS,
        "RenderValueTemplate": files.FILE_SECONDS,
        "CalculateEvaluation": evaluate.CALCULATE_SECONDS,
        "CompareJudgements": weigh.WEIGH_SECONDS,
        "SummariseRounds": weigh.WEIGH_SECONDS,
    }
    methods = evaluation_pb2.DESCRIPTOR.services_by_name["EvaluationService"].methods
    operations = {method.name: method.GetOptions().Extensions[contract_pb2.operation] for method in methods}
    deadlines = {name: operation.deadline_seconds for name, operation in operations.items() if operation.computed}
    assert longest.keys() == deadlines.keys()
    waits = ExecutorSettings().queue_seconds
    assert [name for name, seconds in longest.items() if deadlines[name] <= waits + seconds] == []


@pytest.mark.parametrize("count", [40, 120, 500])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_plan_without_end_is_answered_and_so_is_everybody_else(stack: InProcess, count: int) -> None:
    path = await evaluated(stack.client)
    body = {"target": "78.000001", "steps": steps_without_end(count)}
    with watched_loops() as watch:
        planning = asyncio.create_task(stack.client.post(f"{path}:plan", json=body))
        healthy = 0
        while not planning.done():
            healthy += (await stack.client.get("/healthz")).status_code == 200
    answer = planning.result()
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert Decimal(found["score_after"]) >= Decimal("78.000001")
    assert Decimal(found["cost_10k_cny"]) == sum(Decimal(each["cost_10k_cny"]) for each in found["steps"])
    assert (found["proven_optimal"], found["cost_gap_10k_cny"] == "0") == (False, False)
    assert healthy >= 50
    listed("a plan", watch)


@pytest.mark.asyncio(loop_scope="module")
async def test_who_leaves_a_plan_ends_its_process(stack: InProcess) -> None:
    path = await evaluated(stack.client)
    executor = stack.evaluation.executor
    assert isinstance(executor, ProcessExecutor)
    body = {"target": "78.000001", "steps": steps_without_end(500)}
    planning = asyncio.create_task(stack.client.post(f"{path}:plan", json=body))
    async with asyncio.timeout(30):
        # only the executor knows when a process begins and ends
        while not executor.computing:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    before = executor.pids
    planning.cancel()
    async with asyncio.timeout(1.0):
        while before <= executor.pids:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (pid,) = before - executor.pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert (await stack.client.get("/healthz")).status_code == 200


@pytest.mark.asyncio(loop_scope="module")
async def test_rankings_reports_and_weights_keep_nobody_waiting(stack: InProcess) -> None:
    client = stack.client
    for number in range(RANKED_PARKS):
        park = {
            "park_id": f"p{number}",
            "name_zh": "园",
            "name_en": "Park",
            "region_code": "360700",
            "time_zone": "Asia/Shanghai",
            "factor_set_id": "wang-2024",
        }
        (await client.post("/v1/parks", json=park)).raise_for_status()
        rows = [
            {"indicator_id": "52", "year": "2022", "value": str(number), "unit": "%"},
            {"indicator_id": "53", "year": "2022", "value": str(99 - number), "unit": "%"},
        ]
        (
            await client.post(f"/v1/parks/p{number}/indicator-values", json={"system_id": "guide-2021", "values": rows})
        ).raise_for_status()
    made = await client.post("/v1/parks/p1/evaluations", json={"system_id": "guide-2021", "year": 2022})
    evaluation = f"/v1/parks/p1/evaluations/{made.json()['evaluation_id']}"
    items = [f"item-{number}" for number in range(10)]
    chance = Random(1)
    experts = [
        {
            "expert_id": f"e{number}",
            "rows": [[str(chance.randint(1, 9)) if j > i else "1" if i == j else "" for j in range(10)] for i in range(10)],
        }
        for number in range(30)
    ]
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/v1/regions/360700/rankings", {"params": {"system": "guide-2021", "year": 2022, "draws": 5000}}),
        ("GET", f"{evaluation}/report.pdf", {"params": {"lang": "zh"}}),
        ("GET", f"{evaluation}/report.pdf", {"params": {"lang": "en"}}),
        ("GET", "/v1/parks/p1/indicator-values.xlsx", {"params": {"system": "guide-2021", "year": 2022}}),
        ("POST", "/v1/weights:compare-judgements", {"json": {"items": items, "experts": experts}}),
    ]
    with watched_loops() as watch:
        answers = await asyncio.gather(*(client.request(method, path, **more) for method, path, more in asked))
    for answer in answers:
        assert answer.status_code == 200, answer.text
    listed("rankings, reports and weights", watch)


def listed(what: str, watch: Watch) -> None:
    """Shows the longest callbacks, and refuses those that are too long."""
    print(f"{what}: {watch.callbacks} callbacks, the longest:", *watch.worst(), sep="\n  ")
    assert watch.worst(LONGEST_SECONDS) == []
