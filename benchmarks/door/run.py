"""Measures the gateway's door: G1 to G3. Run as `python -m benchmarks.door.run`."""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import msgspec
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.cluster import Cluster, postgresql
from benchmarks.http_client import HttpClient
from benchmarks.pairing import Cost, Side, compare, paired, write_results
from benchmarks.readings import PARK, SEED, Readings, as_json
from benchmarks.standing import TENANT, TOKEN, platform
from chassis.clock import SystemClock
from chassis.logs import Level, Renderer, configure
from chassis.telemetry import Telemetry, TelemetrySettings
from gateway.adapters.known_callers import KnownCallers
from gateway.api.activity import Readers
from gateway.api.http import create_app
from gateway.api.uploads import Uploads
from gateway.api.workbooks import Workbooks
from gateway.application.auditing import Audit
from gateway.application.authentication import Doors
from gateway.application.entrance import Entrance
from gateway.application.limiting import Quotas
from gateway.application.ports import AccountingPort, ChangeFeed, DatabaseProbe, EventsProbe, Ports
from gateway.application.stores import Keeping
from gateway.domain.activity import ActivityRows, BatchOutcome, Outcome
from gateway.domain.callers import Caller, Role
from gateway.domain.limits import Limits
from gateway.domain.quota import Standing
from gateway.main import HttpServer
from gateway.settings import HttpSettings

REQUESTS = 2_000
GETS = 500
BATCHES = 40
ROWS = 1_000
CONNECTIONS = 8
ROUNDS = 5


class _NoHop:
    """Accounting without a hop: every row is accepted."""

    async def record_activity(self, _caller: Caller, _park_id: str, rows: ActivityRows) -> BatchOutcome:
        """Accepts a batch."""
        return BatchOutcome([Outcome.ACCEPTED] * len(rows), [])


class _Tokens:
    """The one token there is."""

    async def find(self, sha256: str) -> Caller | None:
        """Finds it."""
        known = hashlib.sha256(TOKEN.encode()).hexdigest()
        return Caller("bench", TENANT, frozenset({Role.PARK_MANAGER})) if sha256 == known else None


class _NoQuota(Quotas):
    """Counts nothing."""

    async def take(self, tenant_id: str, subject: str, limit: int) -> Standing:  # noqa: ARG002 - as its base has it
        """Lets everything through."""
        return Standing(limit, limit, 60)


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


def our_app() -> FastAPI:
    """The gateway with authentication and validation, and nothing behind it."""
    ports = Ports(
        accounting=cast("AccountingPort", _NoHop()),
        changes=cast("ChangeFeed", None),
        database=cast("DatabaseProbe", None),
        events=cast("EventsProbe", None),
    )
    absent: Any = None
    doors = Doors(
        tokens=KnownCallers(_Tokens(), SystemClock(), lifetime=timedelta(seconds=30), size=100),
        credentials=absent,
        reader=absent,
        seals=absent,
        units=absent,
        reception=absent,
        clock=SystemClock(),
    )
    return create_app(
        ports,
        Entrance(
            doors=doors,
            workshop=absent,
            issuing=absent,
            reception=absent,
            guests=absent,
            quotas=_NoQuota(absent, SystemClock()),
            # As in the gateway, but that nothing is written.
            audit=Audit(absent, lambda _count, _error: None),
            issuer="http://127.0.0.1",
        ),
        new_request_id=lambda: str(uuid4()),
        logger=configure("bench", level=Level.WARNING, renderer=Renderer.JSON),
        allowed_origins=(),
        telemetry=Telemetry("bench", TelemetrySettings()),
        keeping=cast("Keeping", None),
        hooking=absent,
        readers=Readers(Uploads(Limits()), Workbooks(Limits())),
    )


@dataclass(frozen=True)
class Sender:
    """Sends requests to one server, each round over connections of its own."""

    runner: asyncio.Runner
    url: str
    token: str = ""

    def side(self, name: str, method: str, path: str, bodies: list[bytes], items: int) -> Side:
        """Returns a side that sends `bodies` once a round; together they hold `items`."""

        async def send() -> int:
            # The server closes connections that wait for the other sides.
            client = await HttpClient.connect(self.url, token=self.token, connections=CONNECTIONS)
            await client.send_all([client.request(method, path, body) for body in bodies])
            await client.close()
            return items

        return Side(name, lambda: self.runner.run(send()))


def measure(cluster: Cluster, folder: Path, runner: asyncio.Runner) -> tuple[dict[str, Cost], dict[str, Cost], dict[str, Cost]]:
    """Measures all rows of the table."""
    logger = configure("bench", level=Level.WARNING, renderer=Renderer.JSON)

    async def serve(build: Callable[[], FastAPI]) -> HttpServer:
        server = HttpServer(build(), HttpSettings(port=0), logger)
        await server.start()
        return server

    bare_server, our_server = runner.run(serve(bare_app)), runner.run(serve(our_app))
    bare = Sender(runner, bare_server.address)
    no_hop = Sender(runner, our_server.address, TOKEN)
    push = f"/v1/parks/{PARK}/activity-records"

    rows = Readings("r").batch(ROWS)
    twenty: dict[str, Any] = {f"f{n}": f"text {n}" for n in range(10)} | {f"f{n}": n + 0.5 for n in range(10, 15)}
    twenty |= {f"f{n}": n for n in range(15, 20)}
    single = paired(
        [
            no_hop.side(
                "POST of one record, no hop", "POST", push, [as_json([row]) for row in rows] * (REQUESTS // ROWS), REQUESTS
            ),
            bare.side("bare FastAPI POST, 20 fields", "POST", "/record", [json.dumps(twenty).encode()] * REQUESTS, REQUESTS),
        ],
        rounds=ROUNDS,
    )
    body = as_json(rows)
    batch = paired(
        [
            no_hop.side("batch of 1,000 records, no hop", "POST", f"{push}?results=rejected", [body] * BATCHES, BATCHES * ROWS),
            bare.side("bare msgspec endpoint", "POST", "/batch", [body] * BATCHES, BATCHES * ROWS),
        ],
        rounds=ROUNDS,
    )
    running = platform(folder, cluster.database(), cluster.database())
    standing = runner.run(running.__aenter__())
    whole = Sender(runner, standing.gateway.http_address, TOKEN)
    get = paired(
        [
            whole.side("GET through gateway and accounting", "GET", f"/v1/parks/{PARK}", [b""] * GETS, GETS),
            bare.side("bare FastAPI GET", "GET", f"/parks/{PARK}", [b""] * GETS, GETS),
        ],
        rounds=ROUNDS,
        server_pid=cluster.pid,
    )
    runner.run(running.__aexit__(None, None, None))
    runner.run(our_server.stop())
    runner.run(bare_server.stop())
    return single, batch, get


def main() -> None:
    """Runs every comparison and writes the results."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-door-")))
        cluster = stack.enter_context(postgresql())
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        found = measure(cluster, folder, runner)
        bounds = (("G1", 0.60, 1.5), ("G2", 0.40, 0.80), ("G3", 0.15, 0.30))
        write_results(
            Path(__file__).parent,
            rows=[
                compare(number, *costs.values(), floor=floor, target=target)
                for (number, floor, target), costs in zip(bounds, found, strict=True)
            ],
            costs=[cost for costs in found for cost in costs.values()],
            packages=["fastapi", "starlette", "uvicorn", "httptools", "uvloop", "msgspec", "pydantic", "grpcio"],
            facts={"seed": SEED, "postgresql": cluster.version, "connections": CONNECTIONS},
        )


if __name__ == "__main__":
    main()
