"""The composition root of the gateway: names every part once, and runs them."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

import httpx
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
from chassis.job_runner import JobRunner
from chassis.logs import configure
from chassis.monitoring import Monitoring, Watched
from chassis.process import run_service
from chassis.relay import Relay
from chassis.server import Part
from chassis.telemetry import Telemetry
from chassis.topics import TopicRegistry
from gateway.adapters.accounting import AccountingClient
from gateway.adapters.audit_writer import AuditWriter
from gateway.adapters.generated.evaluation import CONTRACT as EVALUATION
from gateway.adapters.http_server import HttpServer
from gateway.adapters.identity.caller_cache import CachedCallers, CachedCredentials
from gateway.adapters.identity.identity_providers import OidcClient
from gateway.adapters.identity.oidc import TrustedIssuer
from gateway.adapters.identity.passwords import Argon2Passwords
from gateway.adapters.identity.secret_cipher import AesGcmCipher
from gateway.adapters.identity.services import TokenOptions, access_services
from gateway.adapters.mail import FolderTransport, Mailer, MailTransport, SmtpTransport
from gateway.adapters.platform_cache import PlatformCache
from gateway.adapters.services import NoService, ServiceClient
from gateway.adapters.sql.access import SqlCredentials, SqlTokens
from gateway.adapters.sql.feed import SqlChangeFeed, SqlChangeLog
from gateway.adapters.sql.probe import SqlProbe
from gateway.adapters.sql.tables import tables
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.adapters.upload_jobs import UploadJobs
from gateway.adapters.webhook_sender import HttpWebhookSender
from gateway.adapters.workers import RetentionWorker, WebhookDispatcher
from gateway.api.app import create_app
from gateway.api.reading.body_reader import BodyReader
from gateway.api.reading.uploads import Uploads
from gateway.api.reading.workbooks import Workbooks
from gateway.application.access.authentication import grant_tokens
from gateway.application.access.authority import Authorities
from gateway.application.feed.changes import FeedServices
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
from gateway.settings import AccessSettings, GatewaySettings, MailSettings

_MIGRATIONS = "gateway.adapters.migrations"
_ISSUER_SECONDS = 5.0
_JOB_ATTEMPTS = 20
"""Pauses between them grow to five minutes: accounting may be unavailable for an hour."""


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
        monitoring: Monitoring,
        telemetry: Telemetry,
        database: Database,
        units: SqlUnitsOfWork,
        grants: Sequence[Grant],
        consumer: Consumer,
        before: Sequence[Part],
        after: Sequence[Part],
        closed_last: Sequence[Callable[[], Awaitable[None]]],
    ) -> None:
        self.app = app
        self.monitoring = monitoring
        self.telemetry = telemetry
        self._http = http
        self._database = database
        self._units = units
        self._grants = grants
        self._consumer = consumer
        self._before = before
        self._after = after
        self._closed_last = closed_last
        self._running = AsyncExitStack()

    @property
    def http_address(self) -> str:
        """The URL of the root, such as http://127.0.0.1:8080, once it has started."""
        return self._http.address

    async def start(self) -> None:
        """Brings the schema up to date, grants the bootstrap tokens, then consumes events and serves callers.

        Raises:
            OSError: The port is taken.
        """
        async with AsyncExitStack() as started:
            started.callback(self.telemetry.shutdown)
            for close in self._closed_last:
                started.push_async_callback(close)
            await self._database.migrate(_MIGRATIONS)
            await grant_tokens(self._units, self._grants)
            for part in self._before:
                await part.start()
                started.push_async_callback(part.stop)
            # A stop ends requests first. A start serves them first: a broker may be slow, or unavailable.
            started.push_async_callback(self._consumer.stop)
            for part in (*self._after, self.monitoring, self._http):
                await part.start()
                started.push_async_callback(part.stop)
            await self._consumer.start()
            self._running = started.pop_all()

    async def stop(self) -> None:
        """Lets running requests end, then stops everything in the opposite order of the start."""
        await self._running.aclose()


def build(settings: GatewaySettings, *, clock: Clock, broker: Broker) -> Gateway:
    """Returns the gateway, put together and not yet started. Called inside the event loop that it will run in.

    Args:
        settings: All of its settings.
        clock: Tells the time.
        broker: Where the services' events come from; stays open after a stop.

    Raises:
        OSError: A key file cannot be read.
    """
    logger = configure("gateway", level=settings.logs.level, renderer=settings.logs.renderer)
    telemetry = Telemetry("gateway", settings.telemetry)
    database = settings.database.open(telemetry)
    table = tables(MetaData())
    private_key = settings.caller_private_key.read_bytes()
    cipher = AesGcmCipher(private_key, secrets.token_bytes)

    signer = CallerSigner(private_key, issuer=settings.caller_issuer, audience=settings.caller_audience, clock=clock)
    accounting_channel = Channel(settings.accounting, signer=signer, telemetry=telemetry)
    evaluation_channel = Channel(settings.evaluation, signer=signer, telemetry=telemetry) if settings.evaluation else None
    accounting = AccountingClient(accounting_channel)
    evaluation = ServiceClient(EVALUATION, evaluation_channel) if evaluation_channel else NoService("evaluation")

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
    encoder = FactEncoder(new_id=_new_id, traceparent=telemetry.traceparent)
    units = SqlUnitsOfWork(database, table, clock, encode=encoder.encode, committed=relay.notify)
    feed = FeedServices(SqlChangeFeed(database, table.feed), units, accounting)

    issuers = httpx.AsyncClient(timeout=_ISSUER_SECONDS, follow_redirects=False, trust_env=False)
    mailer = Mailer(_mail_transport(settings.mail), sender=settings.mail.sender, logger=logger)
    audit = AuditWriter(units, lambda count, error: logger.error("audit not kept", entries=count, error=type(error).__name__))
    platforms = PlatformCache(
        units, clock, lambda error: logger.warning("platform not recorded", error=type(error).__name__, reason=str(error))
    )
    limits = settings.limits
    cached = timedelta(seconds=limits.known_seconds)
    tokens, credentials = SqlTokens(database, table.access), SqlCredentials(database, table.access)
    options = _token_options(settings.access, settings.public_url)
    access = access_services(
        options,
        units=units,
        tokens=CachedCallers(tokens, clock, lifetime=cached, size=limits.known_callers),
        credentials=CachedCredentials(credentials, clock, lifetime=cached, size=limits.known_callers),
        passwords=Argon2Passwords(PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)),
        mail=mailer,
        audit=audit,
        platforms=platforms,
        cipher=cipher,
        http=issuers,
        clock=clock,
        logger=logger,
        random_bytes=secrets.token_bytes,
        new_id=_new_id,
    )

    bounds = Limits(**limits.model_dump(exclude={"known_callers", "known_seconds"}))
    reader = BodyReader(Uploads(bounds), Workbooks(bounds))
    # What acts later acts seldom enough to ask the database each time.
    authorities = Authorities(tokens, credentials, frozenset(each.issuer for each in options.trusted), clock)
    upload_jobs = UploadJobs(RecordingServices(accounting, units, reader, clock, platforms, authorities))
    job_handlers = {PUSH: upload_jobs}
    runner = JobRunner(
        database, table.push.job, job_handlers, clock=clock, telemetry=telemetry, logger=logger, max_attempts=_JOB_ATTEMPTS
    )
    push = PushServices(units, clock, new_id=_new_id, wake=runner.notify)

    rules = TargetRules(settings.webhooks.allowed_networks, settings.webhooks.plain_http)
    sender = HttpWebhookSender(rules, seconds=settings.webhooks.seconds)
    webhooks = WebhookServices(
        units, feed, authorities, sender, cipher, rules, clock, new_id=_new_id, random_bytes=secrets.token_bytes
    )
    dispatcher = WebhookDispatcher(webhooks, logger=logger)

    days = settings.retention
    retention = Retention(units, clock, audit_life=_days(days.audit_days), feed_life=_days(days.feed_days))
    retention_worker = RetentionWorker(retention, logger=logger)

    app = create_app(
        Ports(accounting, evaluation, database=SqlProbe(database), events=consumer),
        access,
        new_request_id=_new_id,
        logger=logger,
        allowed_origins=settings.http.allowed_origins,
        telemetry=telemetry,
        push_services=push,
        readers=reader,
        webhook_services=webhooks,
    )
    http = HttpServer(
        app,
        host=settings.http.host,
        port=settings.http.port,
        drain_seconds=settings.http.drain_seconds,
        trusted_proxies=[str(network) for network in settings.http.trusted_proxies],
        logger=logger,
    )
    watched: dict[str, Watched] = {"relay": relay, "consumer": consumer, "job runner": runner}
    watched |= {"webhooks": dispatcher, "audit": audit, "retention": retention_worker}
    channels = [accounting_channel, *([evaluation_channel] if evaluation_channel else [])]
    return Gateway(
        app=app,
        http=http,
        monitoring=Monitoring(telemetry, logger=logger, parts=watched, consumers={"gateway": consumer}),
        telemetry=telemetry,
        database=database,
        units=units,
        grants=[Grant(token.sha256, Caller(token.subject, token.tenant, token.roles)) for token in settings.bootstrap_tokens],
        consumer=consumer,
        before=[relay, audit],
        after=[runner, dispatcher, retention_worker],
        closed_last=[database.dispose, *(channel.close for channel in channels), issuers.aclose, mailer.stop],
    )


def _new_id() -> str:
    return str(uuid4())


def _days(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


def _token_options(settings: AccessSettings, public_url: str) -> TokenOptions:
    return TokenOptions(
        issuer=public_url,
        audience=settings.audience,
        access_seconds=settings.access_token_seconds,
        refresh_seconds=settings.refresh_token_seconds,
        trusted=[TrustedIssuer(each.issuer, each.audience, each.algorithms) for each in settings.oidc],
        oidc_clients={
            each.issuer: OidcClient(each.client_id, each.client_secret.get_secret_value())
            for each in settings.oidc
            if each.client_id
        },
    )


def _mail_transport(settings: MailSettings) -> MailTransport | None:
    if settings.smtp_host:
        return SmtpTransport(
            settings.smtp_host,
            settings.smtp_port,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value(),
            encrypt=settings.smtp_encrypt,
        )
    return FolderTransport(settings.folder, _new_id) if settings.folder is not None else None


def topic_registry() -> TopicRegistry:
    """Returns the topics as the contracts list them."""
    return TopicRegistry.from_package("parkcarbon")


def run() -> None:
    """Runs the gateway as a process of its own, as `chassis.process.run_service` does, with settings from the environment."""
    settings = GatewaySettings()  # type: ignore[call-arg]  # the environment brings what is required
    run_service("gateway", settings, build, topic_registry())
