"""What is put to the test: a platform of supervised processes, with proxies on its lines."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from socket import create_server
from typing import Protocol

import httpx
import psycopg

from chassis.broker import BrokerError, Subscription
from chassis.clock import SystemClock
from chassis.database import Database, DatabaseUnavailable
from chassis.embedded_log import EmbeddedLog
from chassis.events import Event
from chassis.identity import generate_key_pair
from chassis.kafka_broker import KafkaBroker
from chassis.kafka_settings import KafkaSettings
from chassis.logs import Level, Renderer, configure
from chassis.testing.kafka import KafkaServer, kafka_libraries, program
from chassis.testing.postgres import programs, run_program, server_user
from chassis.topics import TopicRegistry
from tests.faults.disorder import GROUP, TOPICS, Disorder
from tests.faults.processes import Supervised
from tests.faults.proxy import Proxy
from tests.faults.receiver import RECEIVER_ALLOWED
from tests.faults.stored import letters, waiting

BIN = Path(sys.executable).parent
_AT_LAST_SECONDS = 90.0


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
        tenants: Who pushes.
        gateway_database: The url of the gateway's database, past every proxy.
    """

    processes: list[Supervised]
    proxies: dict[str, Proxy]
    tenants: list[Tenant]
    gateway_database: str

    @property
    def url(self) -> str:
        """The API behind the proxy of the door."""
        ...

    @property
    def direct_url(self) -> str:
        """The API without it."""
        ...

    async def start(self) -> None:
        """Starts everything, and returns when all of it is ready."""
        ...

    async def stop(self) -> None:
        """Ends everything. Twice is once."""
        ...

    async def disturb_events(self) -> None:
        """Has events delivered again and in another order, and poison sent, soon."""
        ...

    async def disturb_at_last(self) -> None:
        """Disturbs events for the last time, and sends the poison that no broker has taken yet. What starts later disturbs none."""
        ...

    async def waiting_events(self) -> int:
        """Returns how many events stand in the outbox."""
        ...

    async def dead_letters(self) -> list[tuple[str, str]]:
        """Returns marker and reason of each dead letter. Nothing is asked of the platform afterwards."""
        ...


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


def environment(**more: str) -> dict[str, str]:
    """Returns what every process needs of this environment, and some more."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"} | more


def watched(folder: Path | None) -> dict[str, str]:
    """Returns what has a process of ours measure the callbacks of its loop; nothing without a folder to write to."""
    if folder is None:
        return {}
    folder.mkdir(exist_ok=True)
    return {"PYTHONPATH": str(Path(__file__).parent / "watched"), "PARKCARBON_WATCHED": str(folder)}


class EmbeddedSite:
    """`parkcarbon up`: every service in one process, on SQLite and the embedded log.

    The log serves one process, so events are disturbed while that process is dead.
    """

    def __init__(self, folder: Path, parks: Sequence[str], disorder: Disorder, watch: Path | None = None) -> None:
        """Prepares; starts nothing.

        Args:
            folder: For data and outputs.
            parks: That will be registered.
            disorder: Disturbs events.
            watch: Takes what the process says of its loop; None measures nothing.
        """
        self._data = folder / "data"
        self.gateway_database = f"sqlite:///{self._data / 'gateway.sqlite3'}"
        self._disorder = disorder
        self._disturb = False
        port = free_port()
        self._direct = f"http://127.0.0.1:{port}"
        self.proxies = {"door": Proxy(("127.0.0.1", port))}
        self.processes = [
            Supervised(
                "parkcarbon up",
                [str(BIN / "parkcarbon"), "up"],
                environment=environment(
                    PARKCARBON_DATA=str(self._data), PARKCARBON_PORT=str(port), **RECEIVER_ALLOWED, **watched(watch)
                ),
                log=folder / "up.log",
                is_ready=answers_ready(self._direct),
                before_start=self.before_start,
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

    async def disturb_at_last(self) -> None:
        """Forgets a disturbance that waits for a death: the check restarts the process after it has counted the poison."""
        self._disturb = False

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

    async def before_start(self) -> None:
        """Disturbs events, where it was asked for since the last start."""
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


class ServersSite:
    """Gateway and accounting as a process each, on a real PostgreSQL and a real Kafka, each reached through a proxy."""

    def __init__(self, folder: Path, parks: Mapping[str, Sequence[str]], disorder: Disorder, watch: Path | None = None) -> None:
        """Prepares databases, keys and settings; nothing runs yet.

        Args:
            folder: For keys and outputs.
            parks: By tenant, those that will be registered.
            disorder: Disturbs events.
            watch: Takes what the services say of their loops; None measures nothing.

        Raises:
            PostgresMissing: PostgreSQL is not there.
            KafkaMissing: Kafka is not there.
        """
        # before anything is made that would have to be cleaned up
        server, libraries, java = programs() / "postgres", kafka_libraries(), program("java", "openjdk-17-jre-headless")
        self._disorder = disorder
        self._disturbing: asyncio.Task[bool] | None = None
        self._broker: KafkaBroker | None = None
        self._subscription: Subscription | None = None
        # of its own: PostgreSQL runs as a user who must reach it
        self._servers = tempfile.TemporaryDirectory(prefix="parkcarbon-servers-", ignore_cleanup_errors=True)
        self._postgres_port, http, grpc_port = free_port(), free_port(), free_port()
        self._direct = f"http://127.0.0.1:{http}"
        self.gateway_database = self._database_url("gateway")
        kafka_folder = Path(self._servers.name) / "kafka"
        kafka_folder.mkdir()
        kafka_port = int(KafkaServer(kafka_folder, libraries).bootstrap_servers.rpartition(":")[2])
        self.proxies = {
            "door": Proxy(("127.0.0.1", http)),
            "accounting": Proxy(("127.0.0.1", grpc_port), port=free_port()),
            "database": Proxy(("127.0.0.1", self._postgres_port), port=free_port()),
            "broker": Proxy(("127.0.0.1", kafka_port), port=free_port()),
        }
        with (kafka_folder / "server.properties").open("a", encoding="utf-8") as properties:
            # where clients are sent to after the first answer; of two lines with one name the later holds
            properties.write(f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.proxies['broker'].port}\n")
        private, public = folder / "caller.key", folder / "caller.pem"
        for path, pem in zip((private, public), generate_key_pair(), strict=True):
            path.write_bytes(pem)
        self.tenants = [Tenant(name, secrets.token_urlsafe(24), tuple(own)) for name, own in parks.items()]
        accounting = {
            "ACCOUNTING_SERVER__PORT": str(grpc_port),
            "ACCOUNTING_CALLER_PUBLIC_KEY": str(public),
            **self._told("ACCOUNTING_", "accounting"),
            **watched(watch),
        }
        gateway = {
            "GATEWAY_HTTP__PORT": str(http),
            "GATEWAY_ACCOUNTING__TARGET": f"127.0.0.1:{self.proxies['accounting'].port}",
            "GATEWAY_CALLER_PRIVATE_KEY": str(private),
            "GATEWAY_BOOTSTRAP_TOKENS": json.dumps([_grant(tenant) for tenant in self.tenants]),
            **RECEIVER_ALLOWED,
            **self._told("GATEWAY_", "gateway"),
            **watched(watch),
        }
        postgres, owner = self._make_cluster(server)
        self._postgres = Supervised(
            "postgresql",
            postgres,
            environment=environment(),
            log=folder / "postgresql.log",
            is_ready=self._database_answers,
            user=owner,
        )
        self._kafka = Supervised(
            "kafka",
            [java, "-Xmx512m", "-cp", f"{libraries}/*", "kafka.Kafka", str(kafka_folder / "server.properties")],
            environment=environment(),
            log=folder / "kafka.log",
            is_ready=_listens(kafka_port),
        )
        self._services = [
            Supervised(
                "accounting",
                [str(BIN / "parkcarbon-accounting")],
                environment=environment(**accounting),
                log=folder / "accounting.log",
                # it listens last of all, when it can do its work
                is_ready=_listens(grpc_port),
            ),
            Supervised(
                "gateway",
                [str(BIN / "parkcarbon-gateway")],
                environment=environment(**gateway),
                log=folder / "gateway.log",
                is_ready=answers_ready(self._direct),
            ),
        ]
        self.processes = [self._postgres, self._kafka, *self._services]

    @property
    def url(self) -> str:
        """The API behind the proxy."""
        return f"http://127.0.0.1:{self.proxies['door'].port}"

    @property
    def direct_url(self) -> str:
        """The API."""
        return self._direct

    async def start(self) -> None:
        """Starts servers, then databases, then services."""
        for proxy in self.proxies.values():
            await proxy.start()
        for server in (self._postgres, self._kafka):
            server.start()
        for server in (self._postgres, self._kafka):
            await server.wait_ready(60)
        async with await psycopg.AsyncConnection.connect(self._database_url("postgres"), autocommit=True) as connection:
            await connection.execute("CREATE ROLE owner LOGIN")
            for name in ("accounting", "gateway"):
                await connection.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN").format(psycopg.sql.Identifier(name)))
                await connection.execute(psycopg.sql.SQL("CREATE DATABASE {} OWNER owner").format(psycopg.sql.Identifier(name)))
        for service in self._services:
            service.start()
        for service in self._services:
            await service.wait_ready(60)

    async def stop(self) -> None:
        """Ends services in order, then what they stand on."""
        if self._disturbing is not None:
            self._disturbing.cancel()
            await asyncio.gather(self._disturbing, return_exceptions=True)
        await self._leave()
        await asyncio.gather(*(service.end() for service in self._services))
        await asyncio.gather(self._postgres.end(signal.SIGINT), self._kafka.end(signal.SIGKILL))
        for proxy in self.proxies.values():
            await proxy.close()
        self._servers.cleanup()

    async def disturb_events(self) -> None:
        """Begins to disturb, beside everything else: a broker that is away takes its time."""
        if self._disturbing is None or self._disturbing.done():
            self._disturbing = asyncio.create_task(self._disturb())

    async def disturb_at_last(self) -> None:
        """Disturbs as often as it takes."""
        if self._disturbing is not None:
            await self._disturbing
        async with asyncio.timeout(_AT_LAST_SECONDS):
            # another process's state: there is no event of this one's to wait for
            while not await self._disturb():  # noqa: ASYNC110
                await asyncio.sleep(0.5)

    async def waiting_events(self) -> int:
        """Returns how many events stand in the outbox."""
        return len(await self._waiting())

    async def dead_letters(self) -> list[tuple[str, str]]:
        """Returns marker and reason of each dead letter."""
        return await letters(await self._opened())

    def _told(self, prefix: str, database: str) -> dict[str, str]:
        kafka = f"{prefix}BROKER__KAFKA__"
        place = f"127.0.0.1:{self.proxies['database'].port}/{database}"
        return {
            f"{prefix}DATABASE__URL": f"postgresql://{database}@{place}",
            f"{prefix}DATABASE__OWNER_URL": f"postgresql://owner@{place}",
            f"{prefix}BROKER__KIND": "kafka",
            f"{kafka}BOOTSTRAP_SERVERS": self._bootstrap(),
            # a member that was killed gives its partitions back after this time, and its successor waits for them
            f"{kafka}SESSION_SECONDS": "3",
            f"{prefix}LOGS__LEVEL": "warning",
        }

    def _bootstrap(self) -> str:
        return f"127.0.0.1:{self.proxies['broker'].port}"

    def _database_url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._postgres_port}/{name}"

    def _make_cluster(self, server: Path) -> tuple[list[str], str | None]:
        """Makes a cluster; returns the command that serves it, and whom it runs as: PostgreSQL refuses to be root."""
        owner = server_user()
        root = Path(self._servers.name)
        root.chmod(0o755)
        data = root / "postgresql"
        data.mkdir()
        if owner is not None:
            shutil.chown(data, owner)
        run_program("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        options = {"port": self._postgres_port, "listen_addresses": "127.0.0.1", "unix_socket_directories": data}
        return [str(server), "-D", str(data), *(f"--{name}={value}" for name, value in options.items())], owner

    async def _database_answers(self) -> bool:
        try:
            async with await psycopg.AsyncConnection.connect(self._database_url("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    async def _waiting(self) -> list[Event]:
        database = Database(self._database_url("accounting"))
        try:
            return await waiting(database)
        finally:
            await database.dispose()

    async def _opened(self) -> KafkaBroker:
        if self._broker is None:
            settings = KafkaSettings(bootstrap_servers=self._bootstrap(), publish_seconds=10.0, session_seconds=3.0)
            logger = configure("faults", level=Level.ERROR, renderer=Renderer.TERMINAL)
            self._broker = KafkaBroker(settings, registry(), logger=logger)
        return self._broker

    async def _disturb(self) -> bool:
        broker = await self._opened()
        try:
            if self._subscription is None:
                self._subscription = await broker.subscribe(GROUP, TOPICS)
            await self._disorder.listen(self._subscription)
            try:
                stands = await self._waiting()
            except DatabaseUnavailable:
                stands = []
            await self._disorder.stir(broker, stands)
        except BrokerError:
            self._disorder.counts["disorder put off, the broker was away"] += 1
            if self._subscription is not None:
                with suppress(BrokerError):
                    await self._subscription.close()
                self._subscription = None
            return False
        return True

    async def _leave(self) -> None:
        if self._subscription is not None:
            await self._subscription.close()
        if self._broker is not None:
            await self._broker.close()
            self._broker = None


def _grant(tenant: Tenant) -> dict[str, object]:
    digest = hashlib.sha256(tenant.token.encode()).hexdigest()
    return {"sha256": digest, "subject": tenant.name, "tenant": tenant.name, "roles": ["platform_operator"]}


def _listens(port: int) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return ask
