"""What is put to the test: a platform of supervised processes, with proxies on its lines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from socket import create_server
from typing import Protocol

import httpx

from accounting.adapters import tables
from chassis import outbox
from chassis.broker import Broker
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.embedded_log import EmbeddedLog
from chassis.events import Event
from chassis.topics import TopicRegistry, dead_letter_topic
from tests.faults.disorder import GROUP, MARKER, TOPICS, Disorder
from tests.faults.processes import Supervised
from tests.faults.proxy import Proxy

BIN = Path(sys.executable).parent
_LETTERS_AT_ONCE = 500
_WAITING_AT_ONCE = 50


@dataclass(frozen=True)
class Tenant:
    """Who pushes: a tenant's token, and the parks that stand in its feed."""

    name: str
    token: str
    parks: tuple[str, ...]


class Site(Protocol):
    """A platform under test.

    Attributes:
        processes: Those that may be killed.
        proxies: The lines that may be disturbed, by name; "door" is the line of the clients.
        url: The API behind the door's proxy.
        direct_url: The API without it.
        tenants: Who pushes.
        poison_allowed: How many poison events a consumer takes before it stops itself.
    """

    processes: list[Supervised]
    proxies: dict[str, Proxy]
    tenants: list[Tenant]

    @property
    def url(self) -> str: ...
    @property
    def direct_url(self) -> str: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def disturb_events(self) -> None: ...
    async def send_poison_left(self) -> None: ...
    async def waiting_events(self) -> int: ...
    async def dead_letters(self) -> list[tuple[str, str]]: ...


def registry() -> TopicRegistry:
    """Returns the topics of the contracts."""
    return TopicRegistry.from_json((files("parkcarbon") / "topics.json").read_bytes())


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody has just now."""
    with create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answers_ready(url: str) -> Callable[[], Awaitable[bool]]:
    """Returns the question whether a gateway says that it can do its work."""

    async def ask() -> bool:
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            try:
                return (await client.get(f"{url}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

    return ask


async def waiting(database: Database) -> list[Event]:
    """Returns events that stand in the outbox of accounting."""
    async with database.read() as session:
        return [event for _, event in await outbox.unpublished(session, tables.outbox, _WAITING_AT_ONCE)]


async def letters(broker: Broker) -> list[tuple[str, str]]:
    """Returns marker and reason of each dead letter of the gateway."""
    subscription = await broker.subscribe("letters", [dead_letter_topic(topic, "gateway") for topic in TOPICS])
    found: list[tuple[str, str]] = []
    try:
        while deliveries := await subscription.poll(_LETTERS_AT_ONCE, 2.0):
            headers = [delivery.message.headers for delivery in deliveries]
            found += [(each.get(MARKER, b"").decode(), each.get("dead-letter-reason", b"").decode()) for each in headers]
    finally:
        await subscription.close()
    return found


def environment(**more: str) -> dict[str, str]:
    """Returns what every process needs of this environment, and some more."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"} | more


class EmbeddedSite:
    """`parkcarbon up`: every service in one process, on SQLite and the embedded log.

    The log serves one process, so events are disturbed while that process is dead.
    """

    def __init__(self, folder: Path, parks: Sequence[str], disorder: Disorder) -> None:
        """Prepares; starts nothing.

        Args:
            folder: For data and outputs.
            parks: That will be registered.
            disorder: Disturbs events.
        """
        self._data = folder / "data"
        self._disorder = disorder
        self._disturb = False
        port = free_port()
        self._direct = f"http://127.0.0.1:{port}"
        self.proxies = {"door": Proxy(("127.0.0.1", port))}
        self.processes = [
            Supervised(
                "parkcarbon up",
                [str(BIN / "parkcarbon"), "up"],
                environment=environment(PARKCARBON_DATA=str(self._data), PARKCARBON_PORT=str(port)),
                log=folder / "up.log",
                is_ready=answers_ready(self._direct),
                before_start=self._before_start,
            )
        ]
        self._parks = tuple(parks)
        self.tenants: list[Tenant] = []

    @property
    def url(self) -> str:
        """The API behind the proxy."""
        return f"http://127.0.0.1:{self.proxies['door'].port}"

    @property
    def direct_url(self) -> str:
        """The API."""
        return self._direct

    async def start(self) -> None:
        """Starts proxy and platform, and returns when it is ready."""
        await self.proxies["door"].start()
        self.processes[0].start()
        await self.processes[0].wait_ready(60)
        tokens = json.loads((self._data / "tokens.json").read_bytes())
        self.tenants = [Tenant("demo", tokens["platform_operator"], (*self._parks, "ganzhou-etdz"))]

    async def stop(self) -> None:
        """Ends everything."""
        await self.processes[0].end()
        await self.proxies["door"].close()

    async def disturb_events(self) -> None:
        """Has events disturbed at the next death of the process."""
        self._disturb = True

    async def send_poison_left(self) -> None:
        """There is none: the file of a dead process takes everything."""

    async def waiting_events(self) -> int:
        """Returns how many events stand in the outbox."""
        database = Database(f"sqlite:///{self._data / 'accounting.sqlite3'}")
        try:
            return len(await waiting(database))
        finally:
            await database.dispose()

    async def dead_letters(self) -> list[tuple[str, str]]:
        """Ends the platform, and reads the dead letters from its log."""
        await self.processes[0].end()
        log = EmbeddedLog(self._data / "log.sqlite3", registry(), clock=SystemClock())
        try:
            return await letters(log)
        finally:
            await log.close()

    async def _before_start(self) -> None:
        if not self._disturb:
            return
        self._disturb = False
        log = EmbeddedLog(self._data / "log.sqlite3", registry(), clock=SystemClock())
        database = Database(f"sqlite:///{self._data / 'accounting.sqlite3'}")
        try:
            subscription = await log.subscribe(GROUP, TOPICS)
            await self._disorder.listen(subscription)
            await subscription.close()
            await self._disorder.stir(log, await waiting(database))
        finally:
            await database.dispose()
            await log.close()
