"""Measures the gateway's door: G1 to G3. Run as `python -m benchmarks.door.run`."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import msgspec
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.cluster import postgresql
from benchmarks.http_client import HttpClient
from benchmarks.pairing import Cost, Side, compare, paired, write_results
from benchmarks.readings import PARK, SEED, Readings, as_json
from benchmarks.standing import OPERATOR_TOKEN, TOKEN, gateway_settings, platform
from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.identity import generate_key_pair
from chassis.logs import Level, Renderer, configure
from chassis.server import running
from gateway.adapters.http_server import HttpServer
from gateway.domain.callers import Caller
from gateway.domain.push.activity import ActivityRows, BatchOutcome, Outcome
from gateway.main import Gateway, build, topic_registry

CONNECTIONS = 8
BOUNDS = {"G1": (0.60, 1.5), "G2": (0.40, 0.80), "G3": (0.15, 0.30)}


@dataclass(frozen=True)
class Counts:
    """How much is measured.

    Attributes:
        posts: Single records of a round.
        gets: Readings of a round.
        batches: Batches of a round.
        rows: Records of a batch, a multiple of the meters.
        rounds: After one that is thrown away.
    """

    posts: int = 2_000
    gets: int = 500
    batches: int = 40
    rows: int = 1_000
    rounds: int = 5


@dataclass(frozen=True)
class Databases:
    """Where everything is kept.

    Attributes:
        accounting: Its url.
        gateway: That of the gateway with a hop.
        door: That of the gateway without one.
        server_pid: The first process of their server, whose processor time counts; None without one.
    """

    accounting: str
    gateway: str
    door: str
    server_pid: int | None = None


class _NoHop:
    """Accounting without a hop: every row is accepted."""

    async def record_activity(self, _caller: Caller, _park_id: str, rows: ActivityRows) -> BatchOutcome:
        """Accepts a batch."""
        return BatchOutcome([Outcome.ACCEPTED] * len(rows), [])


class _Twenty(BaseModel):
    f0: str
    f1: str
    f2: str
    f3: str
    f4: str
    f5: str
    f6: str
    f7: str
    f8: str
    f9: str
    f10: float
    f11: float
    f12: float
    f13: float
    f14: float
    f15: int
    f16: int
    f17: int
    f18: int
    f19: int


class _Row(msgspec.Struct):
    record_id: str
    source_id: str
    period_start: str
    period_end: str
    quantity: str
    unit: str


def bare_app() -> FastAPI:
    """FastAPI with nothing around it."""
    app = FastAPI()
    rows = msgspec.json.Decoder(list[_Row])

    @app.post("/record")
    async def record(body: _Twenty) -> dict[str, str]:
        return {"id": body.f0}

    @app.post("/batch")
    async def batch(request: Request) -> Response:
        return Response(b'{"rows":%d}' % len(rows.decode(await request.body())), media_type="application/json")

    @app.get("/parks/{park}")
    async def park(park: str) -> dict[str, str]:
        return {"park_id": park, "name_en": "Park"}

    return app


@asynccontextmanager
async def no_hop(folder: Path, database_url: str) -> AsyncIterator[Gateway]:
    """Runs the gateway of production, callers, quotas and audit in its database, with no accounting behind it."""
    private, _ = generate_key_pair()
    (folder / "key.pem").write_bytes(private)
    clock = SystemClock()
    log = EmbeddedLog(folder / "log.sqlite3", topic_registry(), clock=clock)
    # Port 1 is nobody's: what would go over the channel all the same would fail.
    settings = gateway_settings(folder, "127.0.0.1:1", database_url)
    with patch("gateway.main.AccountingClient", lambda _channel: _NoHop()):
        gateway = build(settings, clock=clock, broker=log)
    async with running(gateway):
        yield gateway
    await log.close()


@dataclass(frozen=True)
class Credential:
    """What a request is known by: a bearer token, or an API key."""

    token: str = ""
    api_key: str = ""


async def make_api_key(url: str) -> Credential:
    """Registers a machine that may push, and makes a key for it, as an operator does."""
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        registered = await client.put("/v1/callers/machine", json={"name": "Machine", "roles": ["park_manager"]})
        made = await client.post("/v1/api-keys", json={"caller_id": "machine", "kind": "api", "name": "bench"})
    if (registered.status_code, made.status_code) != (201, 201):
        raise AssertionError(registered.text + made.text)
    return Credential(api_key=made.json()["api_key"])


@dataclass(frozen=True)
class Sender:
    """Sends requests to one server, each round over connections of its own."""

    runner: asyncio.Runner
    url: str
    credential: Credential = Credential()

    def side(self, name: str, method: str, path: str, bodies: list[bytes], items: int) -> Side:
        """Returns a side that sends `bodies` once a round; together they hold `items`."""
        waits_s: list[float] = []

        async def send() -> int:
            # The server closes connections that wait for the other sides.
            client = await HttpClient.connect(
                self.url, token=self.credential.token, api_key=self.credential.api_key, connections=CONNECTIONS
            )
            await client.send_all([client.request(method, path, body) for body in bodies], waits_s)
            await client.close()
            return items

        return Side(name, lambda: self.runner.run(send()), waits_s)


def measure(folder: Path, databases: Databases, runner: asyncio.Runner, counts: Counts) -> dict[str, dict[str, Cost]]:
    """Measures the rows of the table.

    Returns:
        For each row its costs: with a token, with a key, of the divisor.
    """
    logger = configure("bench", level=Level.WARNING, renderer=Renderer.JSON)

    async def serve(app: Callable[[], FastAPI]) -> HttpServer:
        server = HttpServer(app(), host="127.0.0.1", port=0, drain_seconds=20, logger=logger)
        await server.start()
        return server

    bare_server = runner.run(serve(bare_app))
    bare = Sender(runner, bare_server.address)
    push = f"/v1/parks/{PARK}/activity-records"
    rows = Readings("r").batch(counts.rows)
    singles = [as_json([rows[number % counts.rows]]) for number in range(counts.posts)]
    twenty: dict[str, Any] = {f"f{n}": f"text {n}" for n in range(10)} | {f"f{n}": n + 0.5 for n in range(10, 15)}
    twenty |= {f"f{n}": n for n in range(15, 20)}
    twenties, nothing = [json.dumps(twenty).encode()] * counts.posts, [b""] * counts.gets
    body, records = as_json(rows), counts.batches * counts.rows

    (folder / "door").mkdir()
    door = no_hop(folder / "door", databases.door)
    gateway = runner.run(door.__aenter__())
    senders = _senders(runner, gateway.http_address)
    single = paired(
        [
            *(
                sender.side(f"POST of one record, no hop, {way}", "POST", push, singles, counts.posts)
                for way, sender in senders.items()
            ),
            bare.side("bare FastAPI POST, 20 fields", "POST", "/record", twenties, counts.posts),
        ],
        rounds=counts.rounds,
        server_pid=databases.server_pid,
    )
    batch = paired(
        [
            *(
                sender.side(
                    f"batch of {counts.rows:,} records, no hop, {way}",
                    "POST",
                    f"{push}?results=rejected",
                    [body] * counts.batches,
                    records,
                )
                for way, sender in senders.items()
            ),
            bare.side("bare msgspec endpoint", "POST", "/batch", [body] * counts.batches, records),
        ],
        rounds=counts.rounds,
        server_pid=databases.server_pid,
    )
    runner.run(door.__aexit__(None, None, None))

    whole = platform(folder, databases.accounting, databases.gateway)
    standing = runner.run(whole.__aenter__())
    get = paired(
        [
            *(
                sender.side(f"GET through gateway and accounting, {way}", "GET", f"/v1/parks/{PARK}", nothing, counts.gets)
                for way, sender in _senders(runner, standing.gateway.http_address).items()
            ),
            bare.side("bare FastAPI GET", "GET", f"/parks/{PARK}", nothing, counts.gets),
        ],
        rounds=counts.rounds,
        server_pid=databases.server_pid,
    )
    runner.run(whole.__aexit__(None, None, None))
    runner.run(bare_server.stop())
    return {"G1": single, "G2": batch, "G3": get}


def _senders(runner: asyncio.Runner, url: str) -> dict[str, Sender]:
    return {
        "token": Sender(runner, url, Credential(token=TOKEN)),
        "API key": Sender(runner, url, runner.run(make_api_key(url))),
    }


def main() -> None:
    """Runs every comparison and writes the results."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-door-")))
        cluster = stack.enter_context(postgresql())
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        databases = Databases(cluster.database(), cluster.database(), cluster.database(), cluster.pid)
        found = measure(folder, databases, runner, Counts())
        rows = []
        for number, costs in found.items():
            *ours, bare = costs.values()
            floor, target = BOUNDS[number]
            rows += [compare(number, each, bare, floor=floor, target=target) for each in ours]
        write_results(
            Path(__file__).parent,
            rows=rows,
            costs=[cost for costs in found.values() for cost in costs.values()],
            packages=["fastapi", "starlette", "uvicorn", "httptools", "uvloop", "msgspec", "pydantic", "grpcio"],
            facts={"seed": SEED, "postgresql": cluster.version, "connections": CONNECTIONS},
        )


if __name__ == "__main__":
    main()
