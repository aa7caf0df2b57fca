"""Measures how much memory the gateway takes while a million rows pass through it. Run as `python -m benchmarks.memory.run`.

The gateway is a process of its own; accounting, over SQLite, and the sender, which makes the rows as it sends them, are another.
"""

import asyncio
import hashlib
import json
import multiprocessing
import os
import platform
import re
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import uvloop
from pydantic import SecretStr

from benchmarks.readings import HEADER, PARK, Reading, Readings, as_ndjson
from benchmarks.standing import TENANT, TOKEN, accounting_alone
from chassis.channel import ChannelSettings
from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.logs import Level
from chassis.server import running
from chassis.settings import DatabaseSettings, LogSettings
from gateway.domain.callers import Role
from gateway.main import build, topic_registry
from gateway.settings import BootstrapToken, GatewaySettings, HttpSettings

ROWS = 1_000_000
PIECE_ROWS = 5_000
BOUND_MB = 200
_HERE = Path(__file__).parent


def _gateway(folder: Path, accounting: str, told: Connection) -> None:
    async def serve() -> None:
        clock = SystemClock()
        broker = EmbeddedLog(folder / "gateway-log.sqlite3", topic_registry(), clock=clock)
        settings = GatewaySettings(
            http=HttpSettings(port=0),
            database=DatabaseSettings(url=SecretStr(f"sqlite:///{folder}/gateway.sqlite3")),
            accounting=ChannelSettings(target=accounting),
            caller_private_key=folder / "key.pem",
            bootstrap_tokens=(
                BootstrapToken(
                    sha256=hashlib.sha256(TOKEN.encode()).hexdigest(),
                    subject="bench",
                    tenant=TENANT,
                    roles=frozenset({Role.PARK_MANAGER}),
                ),
            ),
            logs=LogSettings(level=Level.WARNING),
        )
        gateway = build(settings, clock=clock, broker=broker)
        async with running(gateway):
            told.send(gateway.http_address)
            await asyncio.to_thread(told.recv)
        await broker.close()

    uvloop.run(serve())


def _resident_mb(pid: int, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1000


def _begin_highest_anew(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _ndjson(rows: Readings) -> Iterator[bytes]:
    for _ in range(ROWS // PIECE_ROWS):
        yield as_ndjson(rows.batch(PIECE_ROWS))


def _csv(rows: Readings) -> Iterator[bytes]:
    yield HEADER.encode() + b"\n"
    for _ in range(ROWS // PIECE_ROWS):
        yield "".join(map(_line, rows.batch(PIECE_ROWS))).encode()


def _line(row: Reading) -> str:
    return ",".join(row) + "\n"


def _gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


@dataclass(frozen=True, slots=True)
class Passage:
    """What one passage of ROWS rows took.

    Attributes:
        sent_mb: Bytes on the wire, 10^6.
        above_idle_mb: The highest resident memory of the gateway less what it had before, 10^6 bytes.
        seconds: On the clock.
    """

    name: str
    rows: int
    sent_mb: float
    above_idle_mb: float
    seconds: float


async def _pass(pid: int, url: str, name: str, media: str, encoding: str, pieces: Iterator[bytes]) -> Passage:
    _begin_highest_anew(pid)
    before_mb = _resident_mb(pid, "VmRSS")
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for piece in pieces:
            sent += len(piece)
            yield piece

    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": media, "Content-Encoding": encoding}
    began = time.perf_counter()
    async with httpx.AsyncClient(timeout=600, trust_env=False) as client:
        answer = await client.post(f"{url}/v1/parks/{PARK}/activity-records", content=body(), headers=headers)
    answer.raise_for_status()
    found = answer.json()
    assert (found["rows"], found["rejected"]) == (ROWS, 0), {key: found[key] for key in ("rows", "accepted", "rejected")}
    above_mb = _resident_mb(pid, "VmHWM") - before_mb
    return Passage(name, ROWS, round(sent / 1e6, 1), round(above_mb, 1), round(time.perf_counter() - began, 1))


def _ways() -> list[tuple[str, str, str, Callable[[], Iterator[bytes]]]]:
    return [
        ("NDJSON", "application/x-ndjson", "identity", lambda: _ndjson(Readings("m"))),
        ("NDJSON, gzip, sent again", "application/x-ndjson", "gzip", lambda: _gzip(_ndjson(Readings("m")))),
        ("CSV, sent again", "text/csv", "identity", lambda: _csv(Readings("m"))),
    ]


async def measure() -> dict[str, object]:
    """Returns idle memory and every passage."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        async with accounting_alone(folder, f"sqlite:///{folder}/accounting.sqlite3") as accounting:
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=_gateway, args=(folder, accounting.grpc_address, theirs))
            process.start()
            assert process.pid is not None
            try:
                url = await asyncio.to_thread(ours.recv)
                idle_mb = _resident_mb(process.pid, "VmRSS")
                passages = [await _pass(process.pid, url, name, media, encoding, make()) for name, media, encoding, make in _ways()]
            finally:
                ours.send("stop")
                await asyncio.to_thread(process.join)
    return {"idle_mb": round(idle_mb, 1), "passages": passages}


def main() -> None:
    """Measures, and writes the table into the README and the figures into results/latest.json."""
    found = uvloop.run(measure())
    passages = found["passages"]
    assert isinstance(passages, list)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, Linux"
    rows = [
        f"| {p.name} | {p.rows:,} | {p.sent_mb:g} | **{p.above_idle_mb:g}** | {p.seconds:g} |"
        for p in passages
        if isinstance(p, Passage)
    ]
    table = "\n".join(
        [
            "| passage | rows | MB sent | MB above idle | s |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"Idle: {found['idle_mb']} MB. Bound: {BOUND_MB} MB above idle. Measured {when} on {machine}.",
        ]
    )
    print(table)
    page = _HERE / "README.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(
        re.sub(
            r"(<!-- result -->\n).*?(<!-- end of result -->)",
            lambda match: f"{match[1]}{table}\n{match[2]}",
            text,
            flags=re.DOTALL,
        ),
        encoding="utf-8",
    )
    stored = {
        "measured": when,
        "machine": machine,
        "idle_mb": found["idle_mb"],
        "passages": [{name: getattr(p, name) for name in Passage.__dataclass_fields__} for p in passages],
    }
    (_HERE / "results" / "latest.json").write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    assert all(p.above_idle_mb < BOUND_MB for p in passages)


if __name__ == "__main__":
    main()
