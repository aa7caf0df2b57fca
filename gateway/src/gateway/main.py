"""The gateway put together, and run."""

import asyncio
import base64
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from typing import TypedDict
from uuid import uuid4

import httpx
import uvicorn
from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY
from fastapi import FastAPI
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.broker import Broker
from chassis.channel import Channel
from chassis.clock import Clock
from chassis.consumer import Consumer
from chassis.database import Database
from chassis.identity import CallerSigner
from chassis.jobs import JobRunner
from chassis.logs import Logger, configure
from chassis.monitoring import Monitoring
from chassis.process import run_service
from chassis.relay import Relay
from chassis.telemetry import Telemetry
from chassis.topics import TopicRegistry
from gateway.adapters.accounting import AccountingClient
from gateway.adapters.audit_writer import AuditWriter
from gateway.adapters.generated.evaluation import CONTRACT as EVALUATION
from gateway.adapters.identity.access_tokens import AccessTokenReader, AccessTokenWriter
from gateway.adapters.identity.caller_cache import KnownCallers, KnownCredentials
from gateway.adapters.identity.identity_providers import ClientAt, OidcGuests
from gateway.adapters.identity.oidc import OidcIssuers, TrustedIssuer
from gateway.adapters.identity.passwords import Argon2Passwords
from gateway.adapters.identity.secret_cipher import Seal
from gateway.adapters.mail import Carrier, FolderCarrier, Post, SmtpCarrier
from gateway.adapters.platform_cache import PlatformCache
from gateway.adapters.services import NoService, ServiceClient
from gateway.adapters.sql.access import SqlCredentials, SqlTokens
from gateway.adapters.sql.feed import SqlChangeFeed, SqlChangeLog
from gateway.adapters.sql.probe import SqlProbe
from gateway.adapters.sql.tables import Tables, tables
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.adapters.upload_jobs import UploadJobs
from gateway.adapters.webhook_sender import HttpCourier
from gateway.adapters.workers import Forgetting, WebhookDispatcher
from gateway.api.app import create_app
from gateway.api.reading.body_reader import BodyReader
from gateway.api.reading.uploads import Uploads
from gateway.api.reading.workbooks import Workbooks
from gateway.application.access.authentication import Doors, grant_tokens
from gateway.application.access.callers import Workshop
from gateway.application.access.people import Reception
from gateway.application.access.rate_limit import Quotas
from gateway.application.access.services import Entrance
from gateway.application.access.token_issuance import Issuing
from gateway.application.feed.webhooks import WebhookServices
from gateway.application.ports import Ports
from gateway.application.push.jobs import PUSH
from gateway.application.push.recording import RecordingServices
from gateway.application.push.services import PushServices
from gateway.application.retention import Retention
from gateway.domain.access.tokens import Grant
from gateway.domain.callers import Caller
from gateway.domain.feed.webhooks import TargetRules
from gateway.domain.limits import Limits
from gateway.events import consume
from gateway.events.publish import FactEncoder
from gateway.settings import GatewaySettings, HttpSettings, MailSettings

_MIGRATIONS = "gateway.adapters.migrations"
_BACKLOG = 1024
_ISSUER_SECONDS = 5.0
_JOB_ATTEMPTS = 20
"""Pauses between them grow to five minutes: accounting may be away for an hour."""


class _Server(uvicorn.Server):
    """uvicorn's server inside a process that has other parts: signals are the process's affair, and its start can be awaited."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class HttpServer:
    """Serves an application over HTTP/1.1 in the running event loop."""

    def __init__(self, app: FastAPI, settings: HttpSettings, logger: Logger) -> None:
        self._app = app
        self._settings = settings
        self._logger = logger
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """The URL of the root, once it has started."""
        return self._address

    async def start(self) -> None:
        """Binds and serves.

        Raises:
            OSError: The port is taken, or the address is none of this machine's.
        """
        listener = socket.create_server((self._settings.host, self._settings.port), backlog=_BACKLOG)
        host, port = listener.getsockname()[:2]
        self._address = f"http://{host}:{port}"
        config = uvicorn.Config(
            self._app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            # Named even where there is none: uvicorn would ask the environment.
            proxy_headers=bool(self._settings.trusted_proxies),
            forwarded_allow_ips=[str(network) for network in self._settings.trusted_proxies],
            backlog=_BACKLOG,
            timeout_graceful_shutdown=self._settings.drain_seconds,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([listener]), name="gateway http")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            await self._serving
            raise RuntimeError("the HTTP server ended while it started")
        self._logger.info("listening", address=self._address)

    async def stop(self) -> None:
        """Takes no new requests and lets running ones end, within `drain_seconds`."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
            self._server = self._serving = None


class _Memory(TypedDict):
    lifetime: timedelta
    size: int


class Randomness:
    """The chance of the machine, for keys."""

    def key_id(self) -> str:
        """Returns an id of 80 random bits."""
        return f"pck_{base64.b32encode(secrets.token_bytes(10)).decode().lower()}"

    def secret(self) -> str:
        """Returns 256 random bits as text."""
        return secrets.token_urlsafe(32)


class Gateway:
    """The gateway with all its parts; made by `build`.

    Attributes:
        app: The ASGI application.
        monitoring: Says how it is.
        telemetry: What it reports.
    """

    def __init__(
        self,
        *,
        app: FastAPI,
        http: HttpServer,
        relay: Relay,
        consumer: Consumer,
        runner: JobRunner,
        dispatcher: WebhookDispatcher,
        forgetting: Forgetting,
        monitoring: Monitoring,
        database: Database,
        units: SqlUnitsOfWork,
        grants: list[Grant],
        channels: Sequence[Channel],
        issuers: httpx.AsyncClient,
        mail: Post,
        audit: AuditWriter,
        telemetry: Telemetry,
    ) -> None:
        self.app = app
        self._http = http
        self._relay = relay
        self._consumer = consumer
        self._runner = runner
        self._dispatcher = dispatcher
        self._forgetting = forgetting
        self.monitoring = monitoring
        self._database = database
        self._units = units
        self._grants = grants
        self._channels = channels
        self._issuers = issuers
        self._mail = mail
        self._audit = audit
        self.telemetry = telemetry
        self._running = AsyncExitStack()

    @property
    def http_address(self) -> str:
        """The URL of the root, such as http://127.0.0.1:8080, once it has started."""
        return self._http.address

    async def start(self) -> None:
        """Brings the schema up to date, grants the bootstrap tokens, then listens to events and to callers.

        Raises:
            OSError: The port is taken.
        """
        async with AsyncExitStack() as started:
            started.callback(self.telemetry.shutdown)
            started.push_async_callback(self._database.dispose)
            for channel in self._channels:
                started.push_async_callback(channel.close)
            started.push_async_callback(self._issuers.aclose)
            started.push_async_callback(self._mail.stop)
            await self._database.migrate(_MIGRATIONS)
            await grant_tokens(self._units, self._grants)
            await self._relay.start()
            started.push_async_callback(self._relay.stop)
            await self._audit.start()
            started.push_async_callback(self._audit.stop)
            # A stop ends requests first. A start serves them first: a broker may be slow, or away.
            started.push_async_callback(self._consumer.stop)
            await self._runner.start()
            started.push_async_callback(self._runner.stop)
            await self._dispatcher.start()
            started.push_async_callback(self._dispatcher.stop)
            await self._forgetting.start()
            started.push_async_callback(self._forgetting.stop)
            await self.monitoring.start()
            started.push_async_callback(self.monitoring.stop)
            await self._http.start()
            started.push_async_callback(self._http.stop)
            await self._consumer.start()
            self._running = started.pop_all()

    async def stop(self) -> None:
        """Lets running requests end, then stops everything in the opposite order of the start."""
        await self._running.aclose()


def build(settings: GatewaySettings, *, clock: Clock, broker: Broker) -> Gateway:
    """Returns the gateway, put together and not yet started. Called inside the event loop that it will run in.

    Args:
        settings: Everything it is told.
        clock: Tells the time.
        broker: Where the services' events come from; stays open after a stop.

    Raises:
        OSError: A key file cannot be read.
    """
    logger = configure("gateway", level=settings.logs.level, renderer=settings.logs.renderer)
    telemetry = Telemetry("gateway", settings.telemetry)
    database = settings.database.open(telemetry)
    table = tables(MetaData())
    signer = CallerSigner(
        settings.caller_private_key.read_bytes(),
        issuer=settings.caller_issuer,
        audience=settings.caller_audience,
        clock=clock,
    )
    channel = Channel(settings.accounting, signer=signer, telemetry=telemetry)
    evaluation = Channel(settings.evaluation, signer=signer, telemetry=telemetry) if settings.evaluation else None
    limits = settings.limits

    def change_log(session: AsyncSession) -> SqlChangeLog:
        return SqlChangeLog(session, table.feed)

    consumer = Consumer(
        broker,
        group="gateway",
        topics=consume.TOPICS,
        registry=topic_registry(),
        handlers=consume.handlers(change_log),
        database=database,
        table=table.inbox,
        clock=clock,
        telemetry=telemetry,
        logger=logger,
    )
    relay = Relay(database, broker, table.outbox, clock=clock, telemetry=telemetry, logger=logger)
    encoder = FactEncoder(new_id=lambda: str(uuid4()), traceparent=telemetry.traceparent)
    units = SqlUnitsOfWork(database, table, clock, encode=encoder.encode, committed=relay.notify)
    issuers = httpx.AsyncClient(timeout=_ISSUER_SECONDS, follow_redirects=False, trust_env=False)
    mail = Post(_carrier(settings.mail), sender=settings.mail.sender, logger=logger)
    accounting = AccountingClient(channel)
    feed = SqlChangeFeed(database, table.feed)
    ports = Ports(
        accounting=accounting,
        evaluation=NoService("evaluation") if evaluation is None else ServiceClient(EVALUATION, evaluation),
        changes=feed,
        database=SqlProbe(database),
        events=consumer,
    )
    bounds = Limits(**limits.model_dump(exclude={"known_callers", "known_seconds"}))
    readers = BodyReader(Uploads(bounds), Workbooks(bounds))
    audit = AuditWriter(units, lambda count, error: logger.error("audit not kept", entries=count, error=type(error).__name__))
    entrance = _entrance(settings, database, table, units, issuers, mail, audit, clock, logger)
    runner = JobRunner(
        database,
        table.push.job,
        {PUSH: UploadJobs(RecordingServices(ports.accounting, units, readers, clock, entrance.platforms))},
        clock=clock,
        telemetry=telemetry,
        logger=logger,
        max_attempts=_JOB_ATTEMPTS,
    )
    rules = TargetRules(settings.webhooks.allowed_networks, settings.webhooks.plain_http)
    webhook_services = WebhookServices(
        units,
        ports.changes,
        HttpCourier(rules, seconds=settings.webhooks.seconds),
        Seal(settings.caller_private_key.read_bytes(), secrets.token_bytes),
        rules,
        clock,
        new_id=lambda: str(uuid4()),
        random_bytes=secrets.token_bytes,
    )
    dispatcher = WebhookDispatcher(webhook_services, logger=logger)
    kept = settings.retention
    retention = Retention(units, clock, audit_life=_days(kept.audit_days), feed_life=_days(kept.feed_days))
    forgetting = Forgetting(retention, logger=logger)
    push_services = PushServices(units, clock, new_id=lambda: str(uuid4()), wake=runner.notify)
    app = create_app(
        ports,
        entrance,
        new_request_id=lambda: str(uuid4()),
        logger=logger,
        allowed_origins=settings.http.allowed_origins,
        telemetry=telemetry,
        push_services=push_services,
        readers=readers,
        webhook_services=webhook_services,
    )
    return Gateway(
        app=app,
        http=HttpServer(app, settings.http, logger),
        relay=relay,
        consumer=consumer,
        runner=runner,
        dispatcher=dispatcher,
        forgetting=forgetting,
        monitoring=Monitoring(
            telemetry,
            logger=logger,
            parts={
                "relay": relay,
                "consumer": consumer,
                "job runner": runner,
                "webhooks": dispatcher,
                "audit": audit,
                "retention": forgetting,
            },
            consumers={"gateway": consumer},
        ),
        database=database,
        units=units,
        grants=[Grant(token.sha256, Caller(token.subject, token.tenant, token.roles)) for token in settings.bootstrap_tokens],
        channels=[channel, *([evaluation] if evaluation else [])],
        issuers=issuers,
        mail=mail,
        audit=audit,
        telemetry=telemetry,
    )


def _entrance(
    settings: GatewaySettings,
    database: Database,
    table: Tables,
    units: SqlUnitsOfWork,
    issuers: httpx.AsyncClient,
    mail: Post,
    audit: AuditWriter,
    clock: Clock,
    logger: Logger,
) -> Entrance:
    """Returns the ways in."""
    told, limits = settings.access, settings.limits
    memory: _Memory = {"lifetime": timedelta(seconds=limits.known_seconds), "size": limits.known_callers}
    credentials = KnownCredentials(SqlCredentials(database, table.access), clock, **memory)
    seals = Seal(settings.caller_private_key.read_bytes(), secrets.token_bytes)
    trusted = [TrustedIssuer(each.issuer, each.audience, each.algorithms) for each in told.oidc]
    clients = {each.issuer: ClientAt(each.client_id, each.client_secret.get_secret_value()) for each in told.oidc if each.client_id}
    oidc = OidcIssuers(trusted, client=issuers, clock=clock, logger=logger)
    names = {"issuer": settings.public_url, "audience": told.audience}
    passwords = Argon2Passwords(PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY))
    reception = Reception(
        units=units,
        chance=Randomness(),
        passwords=passwords,
        mail=mail,
        clock=clock,
    )
    guests = OidcGuests(
        clients,
        oidc,
        redirect_uri=f"{settings.public_url}/v1/sign-in/callback",
        http=issuers,
        chance=Randomness(),
        seals=seals,
        clock=clock,
        logger=logger,
    )
    return Entrance(
        doors=Doors(
            tokens=KnownCallers(SqlTokens(database, table.access), clock, **memory),
            credentials=credentials,
            reader=AccessTokenReader(**names, key_of=credentials.token_key, foreign=oidc.subject, clock=clock),
            seals=seals,
            units=units,
            reception=reception,
            clock=clock,
        ),
        workshop=Workshop(units=units, chance=Randomness(), seals=seals, clock=clock),
        issuing=Issuing(
            units=units,
            credentials=credentials,
            writer=AccessTokenWriter(**names, seals=seals, new_id=lambda: str(uuid4()), clock=clock),
            chance=Randomness(),
            clock=clock,
            access_seconds=told.access_token_seconds,
            refresh_seconds=told.refresh_token_seconds,
        ),
        reception=reception,
        guests=guests,
        quotas=Quotas(units, clock),
        audit=audit,
        platforms=PlatformCache(
            units, clock, lambda error: logger.warning("platform not noted", error=type(error).__name__, reason=str(error))
        ),
        issuer=settings.public_url,
    )


def _days(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


def _carrier(mail: MailSettings) -> Carrier | None:
    """Returns what takes letters away."""
    if mail.smtp_host:
        return SmtpCarrier(
            mail.smtp_host,
            mail.smtp_port,
            user=mail.smtp_user,
            password=mail.smtp_password.get_secret_value(),
            encrypt=mail.smtp_encrypt,
        )
    return FolderCarrier(mail.folder, lambda: str(uuid4())) if mail.folder is not None else None


def topic_registry() -> TopicRegistry:
    """Returns the topics as the contracts list them."""
    return TopicRegistry.from_package("parkcarbon")


def run() -> None:
    """Runs the gateway as a process of its own, as `chassis.process.run_service` does, with settings from the environment."""
    settings = GatewaySettings()  # type: ignore[call-arg]  # the environment brings what is required
    run_service("gateway", settings, build, topic_registry())
