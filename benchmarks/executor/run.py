"""Measures what work that computes costs others and itself. Run as `python -m benchmarks.executor.run`."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from operator import add
from pathlib import Path
from random import Random
from typing import Any

import httpx

from chassis.executor import ExecutorSettings
from chassis.logs import Level, configure
from chassis.process_executor import ProcessExecutor
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.testing import works

HERE = Path(__file__).parent
SEED = 20261128
HOPS, KILLS, IDLE_READINGS, STEPS = 1_000, 20, 500, 500
SYSTEM = {
    "system_id": "one-share",
    "name_zh": "单指标",
    "name_en": "One share",
    "source": "benchmark",
    "nodes": [{"node_id": "a", "name_zh": "甲", "name_en": "A", "weight": "1", "kind": "share", "unit": "%", "direction": "+"}],
}


@dataclass(frozen=True)
class Somebody:
    """For whom work runs."""

    tenant: str = "bench"
    subject: str = "bench"


@asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Runs `parkcarbon up` on a folder, and gives a client with the operator's token."""
    environment = {**os.environ, "PARKCARBON_DATA": str(folder), "PARKCARBON_PORT": "0"}
    command = Path(sys.executable).parent / "parkcarbon"
    process = await asyncio.create_subprocess_exec(
        command, "up", env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        file = folder / "connection.json"
        async with asyncio.timeout(120):
            # the file is written once the platform answers
            while not await asyncio.to_thread(file.exists):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        told = json.loads(await asyncio.to_thread(file.read_text, "utf-8"))
        headers = {"Authorization": f"Bearer {told['tokens']['platform_operator']}"}
        async with httpx.AsyncClient(base_url=told["url"], headers=headers, timeout=60, trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


def steps() -> list[dict[str, Any]]:
    """Returns steps of which no solver finds the cheapest: nearly equal costs per point, and a target between two sums."""
    chance = Random(SEED)
    found = []
    for number in range(STEPS):
        weight = 2 * chance.randrange(250_000, 500_000)
        change = f"{weight * 100 // STEPS / 10**6:.6f}"
        cost = str(1000 * weight + chance.choice((1, 2)))
        found.append({"step_id": f"s{number}", "indicator_id": "a", "change": change, "cost_10k_cny": cost})
    return found


async def evaluated(client: httpx.AsyncClient) -> str:
    """Registers a park with one value, and returns the path of its evaluation."""
    names = {"park_id": "bench", "name_zh": "园区", "name_en": "Park", "region_code": "360700", "time_zone": "Asia/Shanghai"}
    rows = [{"node_id": "a", "minimum": "0", "maximum": "100", "source": "benchmark"}]
    values = [{"indicator_id": "a", "year": "2022", "value": "50", "unit": "%"}]
    asked = {"system_id": "one-share", "year": 2022, "threshold_set_ids": ["hundred"]}
    answer = httpx.Response(200)
    for path, body in (
        ("/v1/parks", {**names, "factor_set_id": "wang-2024"}),
        ("/v1/indicator-systems", SYSTEM),
        ("/v1/indicator-systems/one-share/threshold-sets", {"threshold_set_id": "hundred", "source": "benchmark", "rows": rows}),
        ("/v1/parks/bench/indicator-values", {"system_id": "one-share", "values": values}),
        ("/v1/parks/bench/evaluations", asked),
    ):
        answer = await client.post(path, json=body)
        answer.raise_for_status()
    return f"/v1/parks/bench/evaluations/{answer.json()['evaluation_id']}"


async def health(client: httpx.AsyncClient, goes_on: Callable[[], bool]) -> list[float]:
    """Returns how long each answer of /healthz took, ms, one after the other."""
    waits_ms = []
    while goes_on():
        began = time.perf_counter()
        (await client.get("/healthz")).raise_for_status()
        waits_ms.append(1000 * (time.perf_counter() - began))
    return waits_ms


async def beside_a_plan() -> dict[str, Any]:
    """Returns the waits for /healthz of an idle platform and of one that solves a plan."""
    with tempfile.TemporaryDirectory() as folder:
        async with platform(Path(folder)) as client:
            path = await evaluated(client)
            left = iter(range(IDLE_READINGS))
            idle = await health(client, lambda: next(left, None) is not None)
            body = {"target": "78.000001", "steps": steps()}
            began = time.perf_counter()
            planning = asyncio.create_task(client.post(f"{path}:plan", json=body))
            busy = await health(client, lambda: not planning.done())
            answer = planning.result()
            answer.raise_for_status()
            found = answer.json()
            return {
                "idle": spread(idle),
                "beside_a_plan": spread(busy),
                "plan_s": round(time.perf_counter() - began, 2),
                "plan": {name: found[name] for name in ("cost_10k_cny", "cost_gap_10k_cny", "proven_optimal", "score_after")},
            }


def spread(waits_ms: list[float]) -> dict[str, float]:
    """Returns what is told of waits."""
    return {
        "count": len(waits_ms),
        "median_ms": round(statistics.median(waits_ms), 3),
        "p99_ms": round(statistics.quantiles(waits_ms, n=100)[98], 3),
        "longest_ms": round(max(waits_ms), 3),
    }


async def of_the_pool() -> dict[str, Any]:
    """Returns the cost of a hop through the pool, of the start of a worker, and the time to kill one."""
    telemetry = Telemetry("bench", TelemetrySettings())
    logger = configure("bench", level=Level.ERROR)
    preload = ["evaluation.application.evaluate"]
    executor = ProcessExecutor(ExecutorSettings(), preload=preload, telemetry=telemetry, logger=logger)
    asker = Somebody()
    began = time.perf_counter()
    await executor.run(asker, 60, add, 1, 1)
    start_s = time.perf_counter() - began
    hops_ms, kills_ms = [], []
    for _ in range(HOPS):
        began = time.perf_counter()
        await executor.run(asker, 60, add, 1, 1)
        hops_ms.append(1000 * (time.perf_counter() - began))
    for _ in range(KILLS):
        (pid,) = {await executor.run(asker, 60, works.process_id)}
        task = asyncio.create_task(executor.run(asker, 60, works.spin))
        while not executor.computing:  # noqa: ASYNC110 - only the executor knows
            await asyncio.sleep(0.001)
        task.cancel()
        began = time.perf_counter()
        while pid in executor.pids:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
        kills_ms.append(1000 * (time.perf_counter() - began))
    await executor.stop()
    return {
        "start_of_a_worker_s": round(start_s, 2),
        "hop": spread(hops_ms),
        "from_leaving_to_the_end_of_the_process": spread(kills_ms),
    }


def main() -> None:
    """Measures, and writes results/latest.json."""
    found = {"processors": os.cpu_count(), "python": sys.version.split()[0], "load_before": os.getloadavg()[0]}
    found |= asyncio.run(of_the_pool())
    found |= asyncio.run(beside_a_plan())
    (HERE / "results" / "latest.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
