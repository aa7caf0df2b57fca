"""A gateway over a real socket, with fakes of the services and of what else stands behind it."""

import io
import ipaddress
import itertools
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import MetaData

from chassis.clock import Clock, SystemClock
from chassis.database import Database
from chassis.job_runner import JobRunner
from chassis.logs import Level, configure
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.testing.templates import migrated_postgres, migrated_sqlite
from gateway.adapters.audit_writer import AuditWriter
from gateway.adapters.http_server import HttpServer
from gateway.adapters.identity.caller_cache import CachedCredentials
from gateway.adapters.identity.identity_providers import OidcClient
from gateway.adapters.identity.oidc import TrustedIssuer
from gateway.adapters.identity.passwords import Argon2Passwords
from gateway.adapters.identity.secret_cipher import AesGcmCipher
from gateway.adapters.identity.services import TokenOptions, access_services
from gateway.adapters.platform_cache import PlatformCache
from gateway.adapters.sql.access import SqlCredentials
from gateway.adapters.sql.tables import tables
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.adapters.upload_jobs import UploadJobs
from gateway.adapters.webhook_sender import HttpWebhookSender
from gateway.api.app import create_app
from gateway.api.reading.body_reader import BodyReader
from gateway.api.reading.uploads import Uploads
from gateway.api.reading.workbooks import Workbooks
from gateway.application.access.ports import TokenStore
from gateway.application.access.services import AccessServices
from gateway.application.feed.changes import FeedServices
from gateway.application.feed.webhooks import WebhookServices
from gateway.application.ports import Ports
from gateway.application.push.jobs import PUSH
from gateway.application.push.recording import RecordingServices
from gateway.application.push.services import PushServices
from gateway.domain.access.tokens import digest
from gateway.domain.callers import Caller, Role
from gateway.domain.errors import CursorExpired
from gateway.domain.feed.changes import Change, FeedRead
from gateway.domain.feed.webhooks import TargetRules
from gateway.domain.limits import Limits
from gateway.events.publish import FactEncoder
from gateway.tests.fake_services import FakeAccounting, FakeEvaluation
from kernel.access import Place, WholeParks

MIGRATIONS = "gateway.adapters.migrations"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, since nobody here speaks TLS: to read the authorities of the machine takes longer than most requests."""


class FakeTokens:
    """A TokenStore in memory."""

    def __init__(self, callers: dict[str, Caller]) -> None:
        self._callers = {digest(token): caller for token, caller in callers.items()}
        self.asked = 0

    def let_in(self, token: str, caller: Caller) -> None:
        self._callers[digest(token)] = caller

    async def find(self, sha256: str) -> Caller | None:
        self.asked += 1
        return self._callers.get(sha256)

    def withdraw(self, token: str) -> None:
        """Forgets a token."""
        del self._callers[digest(token)]


class FakeFeed:
    """A ChangeFeed in memory.

    Attributes:
        oldest: The position of the oldest change that is kept.
    """

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.oldest = 1

    async def read(self, parks: WholeParks, *, after: int, limit: int, nowhere: Collection[str] = ()) -> FeedRead:
        if after and after + 1 < self.oldest:
            raise CursorExpired(str(after), self.oldest)
        ours = [each for each in self.changes if parks.hold(Place(each.tenant_id, each.park_id, each.region_code))]
        return FeedRead([each for each in ours if each.position > after][:limit])

    async def newest(self, tenant_id: str) -> int:
        return max((change.position for change in self.changes if change.tenant_id == tenant_id), default=0)


class FakeProbe:
    """A DatabaseProbe that answers."""

    async def check(self) -> None:
        return


class FakeListener:
    """An EventsProbe.

    Attributes:
        hears: As a test wants it.
    """

    hears = True


MANAGER, READER, OPERATOR, STRANGER = "manager-token", "reader-token", "operator-token", "stranger-token"


@dataclass
class Served:
    """A gateway over a socket, with what stands behind it."""

    url: str
    accounting: FakeAccounting
    evaluation: FakeEvaluation
    feed: FakeFeed
    tokens: FakeTokens
    listener: FakeListener
    log: io.StringIO
    server: HttpServer
    access_services: AccessServices
    units: SqlUnitsOfWork
    runner: JobRunner
    webhook_services: WebhookServices

    def client(self, token: str | None = MANAGER, **headers: str) -> httpx.AsyncClient:
        """Returns a client that sends a token."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20.0, verify=NO_TLS)


ISSUER = "http://parkcarbon.test"
QUICK = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
"""The real hash, at a price that tests can pay."""


class Letters:
    """A Mail that keeps what it is given.

    Attributes:
        sent: Whom, and what.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, to: str, subject: str, text: str) -> None:
        self.sent.append((to, text))


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own with every table, on both databases."""
    if request.param == "sqlite":
        yield migrated_sqlite(MIGRATIONS, tmp_path / "gateway.sqlite3")
        return
    with migrated_postgres(MIGRATIONS, request.getfixturevalue("postgres_server")) as made:
        yield made.owner_url


def units_over(database: Database, clock: Clock) -> SqlUnitsOfWork:
    """Units of work of a database, with nobody who publishes their facts."""
    encoder = FactEncoder(new_id=lambda: str(uuid4()), traceparent=lambda: "")
    return SqlUnitsOfWork(database, tables(MetaData()), clock, encode=encoder.encode, committed=lambda: None)


@asynccontextmanager
async def access_services_over(
    url: str, tokens: TokenStore, *, clock: Clock, trusted: Sequence[TrustedIssuer] = (), remembered: timedelta = timedelta(0)
) -> AsyncIterator[AccessServices]:
    """The ways in over a database with every table, which remember nothing unless told to."""
    database = Database(url)
    units = units_over(database, clock)
    logger = configure("gateway", level=Level.ERROR)
    async with httpx.AsyncClient(trust_env=False, timeout=5.0, verify=NO_TLS) as client:
        audit = AuditWriter(units, lambda count, error: pytest.fail(f"{count} entries are not stored: {error!r}"))
        await audit.start()
        yield access_services(
            TokenOptions(
                issuer=ISSUER,
                audience="parkcarbon",
                access_seconds=900,
                refresh_seconds=3600,
                trusted=trusted,
                oidc_clients={each.issuer: OidcClient("parkcarbon-web", "s3cret") for each in trusted},
            ),
            units=units,
            tokens=tokens,
            credentials=CachedCredentials(
                SqlCredentials(database, tables(MetaData()).access), clock, lifetime=remembered, size=100
            ),
            passwords=QUICK,
            mail=Letters(),
            audit=audit,
            platforms=PlatformCache(units, clock, lambda error: pytest.fail(f"a platform is not recorded: {error!r}")),
            cipher=AesGcmCipher(b"the key file of these tests", secrets.token_bytes),
            http=client,
            clock=clock,
            logger=logger,
            random_bytes=secrets.token_bytes,
            new_id=lambda: str(uuid4()),
        )
        await audit.stop()
    await database.dispose()


@asynccontextmanager
async def _serve(
    limits: Limits,
    allowed_origins: Sequence[str] = (),
    *,
    clock: Clock | None = None,
    trusted: Sequence[TrustedIssuer] = (),
    trusted_proxies: Sequence[str] = (),
    database_url: str | None = None,
) -> AsyncIterator[Served]:
    accounting, feed, listener, log = FakeAccounting(), FakeFeed(), FakeListener(), io.StringIO()
    evaluation = FakeEvaluation()
    tokens = FakeTokens(
        {
            MANAGER: Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER})),
            READER: Caller("ben", "ganzhou", frozenset({Role.READER})),
            OPERATOR: Caller("cho", "ganzhou", frozenset({Role.PLATFORM_OPERATOR})),
            STRANGER: Caller("dan", "nanchang", frozenset({Role.PLATFORM_OPERATOR})),
        }
    )
    logger = configure("gateway", level=Level.DEBUG, stream=log)
    numbers = itertools.count(1)
    async with AsyncExitStack() as running:
        folder = running.enter_context(TemporaryDirectory())
        url, told = database_url or migrated_sqlite(MIGRATIONS, Path(folder, "gateway.sqlite3")), clock or SystemClock()
        access_services = await running.enter_async_context(access_services_over(url, tokens, clock=told, trusted=trusted))
        telemetry = Telemetry("gateway", TelemetrySettings())
        database, table = Database(url), tables(MetaData())
        running.push_async_callback(database.dispose)
        units, readers = units_over(database, told), BodyReader(Uploads(limits), Workbooks(limits))
        authorities, platforms = access_services.authorities, access_services.platforms
        recording = RecordingServices(accounting, units, readers, told, platforms, authorities)
        runner = JobRunner(
            database,
            table.push.job,
            {PUSH: UploadJobs(recording)},
            clock=told,
            telemetry=telemetry,
            logger=logger,
        )
        await runner.start()
        running.push_async_callback(runner.stop)
        ids = itertools.count(1)
        rules = TargetRules([ipaddress.ip_network("127.0.0.0/8")], plain_http=True)
        webhook_services = WebhookServices(
            units,
            FeedServices(feed, units, accounting),
            authorities,
            HttpWebhookSender(rules, seconds=5.0),
            AesGcmCipher(b"the key file of these tests", secrets.token_bytes),
            rules,
            told,
            new_id=lambda: f"hook-{next(ids)}",
            random_bytes=secrets.token_bytes,
        )
        app = create_app(
            Ports(accounting, evaluation, FakeProbe(), listener),
            access_services,
            new_request_id=lambda: f"made-{next(numbers)}",
            logger=logger,
            allowed_origins=allowed_origins,
            telemetry=telemetry,
            push_services=PushServices(units, told, new_id=lambda: f"own-{next(ids)}", wake=runner.notify),
            readers=readers,
            webhook_services=webhook_services,
        )
        server = HttpServer(app, host="127.0.0.1", port=0, drain_seconds=10, trusted_proxies=trusted_proxies, logger=logger)
        await server.start()
        running.push_async_callback(server.stop)
        yield Served(
            server.address,
            accounting,
            evaluation,
            feed,
            tokens,
            listener,
            log,
            server,
            access_services,
            units,
            runner,
            webhook_services,
        )


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A gateway with the limits of production."""
    async with _serve(Limits()) as running:
        yield running


@pytest.fixture
def serve() -> Callable[..., AbstractAsyncContextManager[Served]]:
    """Serves a gateway with limits of the test's choice."""
    return _serve


@pytest.fixture
def accounting() -> FakeAccounting:
    """An accounting service in memory."""
    return FakeAccounting()


PARK = {
    "park_id": "etdz",
    "name_zh": "赣州经开区",
    "name_en": "Ganzhou ETDZ",
    "region_code": "360700",
    "factor_set_id": "wang-2024",
}


@pytest.fixture
async def with_park(served: Served) -> Served:
    """A gateway with one park of the tenant ganzhou."""
    async with served.client() as client:
        assert (await client.post("/v1/parks", json=PARK)).status_code == 201
    return served
