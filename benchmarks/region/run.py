"""Measures what a ranking of ten thousand parks takes through the service. Run as `python -m benchmarks.region.run`.

The evaluation is a process of its own over PostgreSQL; its tables are filled past it, as facts and callers would have filled them.
"""

import asyncio
import json
import multiprocessing
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import psycopg
import uvloop
from pydantic import SecretStr

from benchmarks.ranking.run import bare, seconds
from benchmarks.standing import TENANT, accounting_alone
from chassis.channel import Channel, ChannelSettings
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.embedded_log import EmbeddedLog
from chassis.identity import CallerSigner
from chassis.logs import Level
from chassis.server import running
from chassis.settings import DatabaseSettings, LogSettings
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.testing.postgres import EmptyDatabase, empty_database, served
from evaluation.adapters.indicator_files import load_shipped_tables
from evaluation.main import MIGRATIONS, build, topic_registry
from evaluation.settings import EvaluationSettings
from kernel.access import Caller
from parkcarbon.evaluation.v1 import evaluation_pb2 as pb
from parkcarbon.evaluation.v1 import evaluation_pb2_grpc

PARKS, DRAWS, SEED, YEAR, SYSTEM = 10_000, 1_000, 20261121, 2022, "guide-2021"
MISSING_SHARE = 0.2
SOURCES = ("electricity", "natural_gas", "refined_oil")
PAGE = 1_000
# A credential that may not list parks ranks those that the evaluation knows, so that accounting's own list is not measured.
CALLER = Caller("bench", TENANT, frozenset({"reader"}), scopes=frozenset({"read"}))
_HERE = Path(__file__).parent
_LOGS = LogSettings(level=Level.WARNING)


def process_seconds(work: Callable[[], object]) -> float:
    """Returns how much of the processor a call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _park(number: int) -> str:
    return f"park-{number:05}"


def _parks() -> Iterator[tuple[object, ...]]:
    now = datetime.now(UTC)
    for number in range(PARKS):
        yield TENANT, _park(number), "园区", "Park", f"36{number % 100:02}00", "Asia/Shanghai", now


def _sources() -> Iterator[tuple[object, ...]]:
    for number in range(PARKS):
        for carrier in SOURCES:
            yield TENANT, _park(number), carrier, "", carrier, 2 if carrier == "electricity" else 1, "total"


def _figures() -> Iterator[tuple[object, ...]]:
    for number in range(PARKS):
        for year in (YEAR - 1, YEAR):
            yield TENANT, _park(number), year, 1, "9000000", "3000000"


def _sums() -> Iterator[tuple[object, ...]]:
    chance = np.random.default_rng(SEED)
    for number in range(PARKS):
        for carrier in SOURCES:
            for month in (year * 100 + each for year in (YEAR - 1, YEAR) for each in range(1, 13)):
                mg = int(chance.integers(10**12, 10**14))
                yield TENANT, _park(number), carrier, month, month, mg, mg // 3, 30, number


def _values(thresholds: list[pb.Threshold]) -> Iterator[tuple[object, ...]]:
    chance = np.random.default_rng(SEED)
    now = datetime.now(UTC)
    for leaf in load_shipped_tables().systems[SYSTEM].leaves:
        if leaf.kind not in ("boolean", "share"):
            thresholds.append(pb.Threshold(node_id=leaf.node_id, minimum="0", maximum="1000", source="made up"))
        for number in range(PARKS):
            if chance.random() >= MISSING_SHARE:
                value = chance.integers(0, 2 if leaf.kind == "boolean" else 100_000_000)
                text = str(value) if leaf.kind in ("boolean", "count") else f"{value / 10**6:f}".rstrip("0").rstrip(".")
                yield TENANT, _park(number), SYSTEM, YEAR, leaf.node_id, 1, "manual", text, leaf.unit, "", "bench", now


def _fill(database: EmptyDatabase) -> list[pb.Threshold]:
    """Fills the tables by COPY as the superuser, whom no wall holds; returns thresholds for what the platform has none for."""
    thresholds: list[pb.Threshold] = []
    tables = {
        "park": ("tenant_id park_id name_zh name_en region_code time_zone synced_time", _parks()),
        "source": ("tenant_id park_id source_id enterprise_id carrier scope counted_as", _sources()),
        "year_figures": ("tenant_id park_id year version gross_output_10k_cny gdp_10k_cny", _figures()),
        "emissions_sum": (
            "tenant_id park_id source_id first_month last_month emissions_mg energy_mgce records position",
            _sums(),
        ),
        "indicator_value": (
            "tenant_id park_id system_id year indicator_id version origin value unit evidence recorded_by recorded_time",
            _values(thresholds),
        ),
    }
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        for name, (columns, rows) in tables.items():
            with connection.cursor().copy(f"COPY {name} ({', '.join(columns.split())}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute("ANALYZE")
    return thresholds


def _serve(folder: Path, accounting: str, url: str, told: Connection) -> None:
    async def serve() -> None:
        clock = SystemClock()
        broker = EmbeddedLog(folder / "evaluation-log.sqlite3", topic_registry(), clock=clock)
        settings = EvaluationSettings(
            database=DatabaseSettings(url=SecretStr(url)),
            accounting=ChannelSettings(target=accounting),
            caller_public_key=folder / "public.pem",
            logs=_LOGS,
        )
        service = build(settings, clock=clock, broker=broker)
        async with running(service):
            told.send(service.grpc_address)
            await asyncio.to_thread(told.recv)
        await broker.close()

    uvloop.run(serve())


def _resident_mb(pid: int, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1000


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _ask(target: str, folder: Path, pid: int, thresholds: list[pb.Threshold]) -> dict[str, object]:
    signer = CallerSigner(
        (folder / "key.pem").read_bytes(), issuer="parkcarbon-gateway", audience="parkcarbon-services", clock=SystemClock()
    )
    channel = Channel(
        ChannelSettings(target=target, deadline_seconds=600), signer=signer, telemetry=Telemetry("bench", TelemetrySettings())
    )
    stub = evaluation_pb2_grpc.EvaluationServiceStub(channel.grpc)
    manager = Caller("bench", TENANT, frozenset({"park_manager"}))
    given = pb.ThresholdSet(threshold_set_id="bench", system_id=SYSTEM, origin="synthetic", source="made up", rows=thresholds)
    await channel.call(stub.CreateThresholdSet, pb.CreateThresholdSetRequest(threshold_set=given), caller=manager, idempotent=True)
    request = pb.RankParksRequest(system_id=SYSTEM, year=YEAR, draws=DRAWS, seed=SEED, page_size=PAGE, threshold_set_ids=["bench"])
    idle_mb = _resident_mb(pid, "VmRSS")
    taken, cpu = [], []
    for _ in range(2):
        began, used = time.perf_counter(), _cpu_s(pid)
        first = await channel.call(stub.RankParks, request, caller=CALLER, idempotent=True)
        taken.append(round(time.perf_counter() - began, 1))
        cpu.append(round(_cpu_s(pid) - used, 1))
    assert (first.park_count, first.scored_count, len(first.parks)) == (PARKS, PARKS, PAGE)
    began = time.perf_counter()
    request.page_token = first.next_page_token
    await channel.call(stub.RankParks, request, caller=CALLER, idempotent=True)
    further = time.perf_counter() - began
    await channel.close()
    return {
        "first_page_s": taken,
        "first_page_cpu_s": cpu,
        "further_page_s": round(further, 3),
        "page_kb": round(first.ByteSize() / 1e3),
        "idle_mb": round(idle_mb),
        "above_idle_mb": round(_resident_mb(pid, "VmHWM") - idle_mb),
    }


async def _migrate(database: EmptyDatabase) -> None:
    opened = Database(database.url, owner_url=database.owner_url)
    await opened.migrate(MIGRATIONS)
    await opened.dispose()


async def measure(folder: Path, database: EmptyDatabase) -> dict[str, object]:
    """Returns what the ranking takes, and how it begins."""
    await _migrate(database)
    thresholds = await asyncio.to_thread(_fill, database)
    spawn = multiprocessing.get_context("spawn")
    async with accounting_alone(folder, f"sqlite:///{folder}/accounting.sqlite3") as accounting:
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_serve, args=(folder, accounting.grpc_address, database.url, theirs))
        process.start()
        assert process.pid is not None
        try:
            return await _ask(await asyncio.to_thread(ours.recv), folder, process.pid, thresholds)
        finally:
            ours.send("stop")
            await asyncio.to_thread(process.join)


def main() -> None:
    """Measures, prints and writes the figures into results/latest.json."""
    with tempfile.TemporaryDirectory() as made, served() as server, empty_database(server.url) as database:
        found = uvloop.run(measure(Path(made), database))
    chance = np.random.default_rng(SEED)
    scored, drawn = chance.uniform(0, 100, (PARKS, 69)), chance.uniform(0, 1, (DRAWS, 69))
    found = {
        "parks": PARKS,
        "indicators": 69,
        "missing_share": MISSING_SHARE,
        "draws": DRAWS,
        "seed": SEED,
        **found,
        "bare_numpy_s": round(seconds(lambda: bare(scored, drawn)), 1),
        "bare_numpy_cpu_s": round(process_seconds(lambda: bare(scored, drawn)), 1),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "python": platform.python_version()},
    }
    (_HERE / "results" / "latest.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
