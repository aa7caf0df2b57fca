"""An accounting service in memory that keeps the port's promises, and a gateway over a real socket in front of it."""

import io
import ipaddress
import itertools
import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import MetaData

from chassis.clock import Clock, SystemClock
from chassis.database import Database
from chassis.jobs import JobRunner
from chassis.logs import Level, configure
from chassis.telemetry import Telemetry, TelemetrySettings
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
from gateway.application.feed.webhooks import WebhookServices
from gateway.application.ports import Ports
from gateway.application.push.jobs import PUSH
from gateway.application.push.recording import RecordingServices
from gateway.application.push.services import PushServices
from gateway.domain.access.tokens import digest
from gateway.domain.account import (
    ActivityRecord,
    AnnualFigures,
    Emissions,
    EmissionsGroup,
    Enterprise,
    Factor,
    FactorSet,
    Indicator,
    MixShare,
    NewAnnualFigures,
    NewEnterprise,
    NewPark,
    NewSource,
    Park,
    RecordedFigures,
    Source,
    YearIndicators,
    exact_tonnes,
)
from gateway.domain.callers import Caller, Role
from gateway.domain.errors import AccountingRefused, CursorExpired, GatewayError, Unavailable
from gateway.domain.feed.changes import Change
from gateway.domain.feed.webhooks import TargetRules
from gateway.domain.limits import Limits
from gateway.domain.paging import Page, Paging, Registered
from gateway.domain.push.activity import ActivityRows, BatchOutcome, Outcome, RowProblem
from gateway.domain.push.jobs import Job
from gateway.events.publish import FactEncoder

TIME = "2026-11-21T02:00:00Z"
_QUANTITY = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
_MG_PER_UNIT = 581_000_000


def _not_found(what: str) -> AccountingRefused:
    return AccountingRefused("not_found", f"{what.upper()}_NOT_FOUND", f"no such {what}", {"message_zh": f"{what} 不存在"})


def _page(items: Sequence[object], paging: Paging) -> Page[object]:
    start = int(paging.token or 0)
    stop = start + (paging.size or 100)
    return Page(tuple(items[start:stop]), str(stop) if stop < len(items) else "")


@dataclass
class _ParkBook:
    park: Park
    enterprises: dict[str, Enterprise] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    figures: list[AnnualFigures] = field(default_factory=list)
    records: dict[str, tuple[tuple[str, ...], ActivityRecord]] = field(default_factory=dict)


class FakeAccounting:
    """Parks belong to tenants, ids are idempotent, a row is judged by its quantity, a unit emits 581 kg.

    Attributes:
        failures: Taken by the next calls, one each; None lets a call through.
        batches: How many rows each recorded batch had.
    """

    def __init__(self) -> None:
        self.failures: list[GatewayError | Exception | None] = []
        self.batches: list[int] = []
        self.serving = True
        self._parks: dict[tuple[str, str], _ParkBook] = {}
        self._jobs: dict[str, tuple[str, Job]] = {}
        self._numbers = itertools.count(1)

    def _turn(self) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure

    def _book(self, caller: Caller, park_id: str) -> _ParkBook:
        self._turn()
        book = self._parks.get((caller.tenant, park_id))
        if book is None:
            raise _not_found("park")
        return book

    async def create_park(self, caller: Caller, park: NewPark) -> Registered[Park]:
        self._turn()
        key = (caller.tenant, park.park_id)
        new = Park(**asdict(park), tenant_id=caller.tenant, registered_time=TIME)
        if key in self._parks:
            return self._same(self._parks[key].park, new)
        self._parks[key] = _ParkBook(new)
        return Registered(new, True)

    def _same(self, old: Park, new: Park) -> Registered[Park]:
        if old != new:
            raise AccountingRefused("already_exists", "CONTENT_DIFFERS", "registered with other content", {"field": "name_en"})
        return Registered(old, False)

    async def get_park(self, caller: Caller, park_id: str) -> Park:
        return self._book(caller, park_id).park

    async def list_parks(self, caller: Caller, paging: Paging) -> Page[Park]:
        self._turn()
        parks = [
            book.park
            for (tenant, _), book in sorted(self._parks.items())
            if tenant == caller.tenant
            and (caller.regions is None or any(book.park.region_code.startswith(each) for each in caller.regions))
        ]
        return _page(parks, paging)  # type: ignore[return-value]

    async def create_enterprise(self, caller: Caller, park_id: str, enterprise: NewEnterprise) -> Registered[Enterprise]:
        book = self._book(caller, park_id)
        new = Enterprise(**asdict(enterprise), park_id=park_id, registered_time=TIME)
        created = enterprise.enterprise_id not in book.enterprises
        return Registered(book.enterprises.setdefault(enterprise.enterprise_id, new), created)

    async def list_enterprises(self, caller: Caller, park_id: str, paging: Paging) -> Page[Enterprise]:
        return _page(list(self._book(caller, park_id).enterprises.values()), paging)  # type: ignore[return-value]

    async def create_source(self, caller: Caller, park_id: str, source: NewSource) -> Registered[Source]:
        book = self._book(caller, park_id)
        new = Source(**asdict(source), park_id=park_id, registered_time=TIME)
        created = source.source_id not in book.sources
        return Registered(book.sources.setdefault(source.source_id, new), created)

    async def list_sources(self, caller: Caller, park_id: str, paging: Paging) -> Page[Source]:
        return _page(list(self._book(caller, park_id).sources.values()), paging)  # type: ignore[return-value]

    async def record_annual_figures(self, caller: Caller, park_id: str, year: int, figures: NewAnnualFigures) -> RecordedFigures:
        book = self._book(caller, park_id)
        versions = [entry for entry in book.figures if entry.year == year]
        new = AnnualFigures(**asdict(figures), park_id=park_id, year=year, version=len(versions) + 1, recorded_time=TIME)
        if versions and replace(new, version=versions[-1].version) == versions[-1]:
            return RecordedFigures(figures=versions[-1], changed=False)
        book.figures.append(new)
        return RecordedFigures(figures=new, changed=True)

    async def list_annual_figures(self, caller: Caller, park_id: str, paging: Paging) -> Page[AnnualFigures]:
        return _page(self._book(caller, park_id).figures, paging)  # type: ignore[return-value]

    async def record_activity(self, caller: Caller, park_id: str, rows: ActivityRows) -> BatchOutcome:
        book = self._book(caller, park_id)
        self.batches.append(len(rows))
        outcomes: list[Outcome] = []
        problems: list[RowProblem] = []
        columns = (rows.source_id, rows.period_start, rows.period_end, rows.quantity, rows.unit, rows.supersedes)
        for at, (number, record_id) in enumerate(zip(rows.row_numbers, rows.record_id, strict=True)):
            content = tuple(column[at] for column in columns)
            outcome = self._judge(book, record_id, content)
            if outcome is Outcome.REJECTED:
                problems.append(_row_problem(number, record_id, content[3]))
            outcomes.append(outcome)
        return BatchOutcome(outcomes, problems)

    def _judge(self, book: _ParkBook, record_id: str, content: tuple[str, ...]) -> Outcome:
        source_id, start, end, quantity, unit, supersedes = content
        known = book.records.get(record_id)
        if known is not None:
            return Outcome.DUPLICATE if known[0] == content else Outcome.REJECTED
        if not record_id or _QUANTITY.fullmatch(quantity) is None or (supersedes and supersedes not in book.records):
            return Outcome.REJECTED
        milligrams = int(Decimal(quantity) * _MG_PER_UNIT)
        book.records[record_id] = (
            content,
            ActivityRecord(
                record_id=record_id,
                source_id=source_id,
                period_start_time=start,
                period_end_time=end,
                quantity=quantity,
                unit=unit,
                emissions_t_co2e=exact_tonnes(milligrams),
                energy_tce="0",
                basis_id="b-1",
                supersedes=supersedes or None,
                superseded_by=None,
                position=len(book.records) + 1,
                recorded_time=TIME,
            ),
        )
        return Outcome.SUPERSEDED if supersedes else Outcome.ACCEPTED

    async def list_activity_records(self, caller: Caller, park_id: str, paging: Paging) -> Page[ActivityRecord]:
        return _page([record for _, record in self._book(caller, park_id).records.values()], paging)  # type: ignore[return-value]

    async def query_emissions(
        self, caller: Caller, park_id: str, from_month: str, to_month: str, group_by: Sequence[str]
    ) -> Emissions:
        book = self._book(caller, park_id)
        if "colour" in group_by:
            facts = {"field": "group_by", "found": "colour", "allowed": "scope, source", "message_zh": "group_by 无效"}
            raise AccountingRefused("invalid", "INVALID_FIELD", "group_by must be scope or source, got 'colour'", facts)
        records = [record for _, record in book.records.values() if from_month <= record.period_start_time[:7] < to_month]
        total = sum((Decimal(record.emissions_t_co2e) for record in records), Decimal(0))
        nothing = EmissionsGroup(keys=(), emissions_t_co2e="0", energy_tce="0", records=0)
        whole = replace(nothing, emissions_t_co2e=f"{total:f}", records=len(records))
        groups = (replace(whole, keys=tuple("x" for _ in group_by)),) if records and group_by else ()
        return Emissions(
            groups=groups,
            total=whole,
            removals=nothing,
            biogenic=nothing,
            straddling=nothing,
            factor_set_id=book.park.factor_set_id,
        )

    async def get_indicators(self, caller: Caller, park_id: str, year: int) -> YearIndicators:
        book = self._book(caller, park_id)
        return YearIndicators(
            indicators=(
                Indicator(name="emissions_t_co2e", value="1", unit="t CO2e", missing=None, missing_zh=None, formula="Σ E"),
                Indicator(
                    name="emissions_per_employee_t",
                    value=None,
                    unit="t",
                    missing="employees_persons",
                    missing_zh="职工人数",
                    formula="E / n",
                ),
            ),
            energy_mix=(MixShare(carrier="electricity", energy_tce="1", share_pct="100"),),
            factor_set_id=book.park.factor_set_id,
            electricity_conversion="calorific",
            records=len(book.records),
        )

    async def list_factor_sets(self, caller: Caller, paging: Paging) -> Page[FactorSet]:
        self._turn()
        one = FactorSet(
            set_id="wang-2024",
            name_zh="王等 2024",
            name_en="Wang et al. 2024",
            grid_level="national",
            electricity_basis="location",
            gwp_table="AR5",
            published_date="2024-01-01",
            source="DOI",
            note="",
        )
        return Page((one,), "")

    async def list_factors(self, caller: Caller, set_id: str, paging: Paging) -> Page[Factor]:
        self._turn()
        if set_id != "wang-2024":
            raise _not_found("factor_set")
        one = Factor(
            factor_id="f-1",
            table_id="wang_2024",
            quantity="emission_factor",
            carrier="electricity",
            gas="CO2",
            region="CN",
            basis="",
            value="0.581",
            unit="kg/kWh",
            valid_from_date="2020-01-01",
            valid_to_date=None,
            published_date="2024-01-01",
            confidence="printed",
            source="DOI",
            checked_where="",
            note="",
        )
        return Page((one,), "")

    async def rebuild_sums(self, caller: Caller, park_id: str) -> Job:
        self._book(caller, park_id)
        job = Job(job_id=f"job-{next(self._numbers)}", state="queued", progress=0.0, result=None, error=None)
        self._jobs[job.job_id] = (caller.tenant, job)
        return job

    async def get_job(self, caller: Caller, job_id: str) -> Job:
        self._turn()
        tenant, job = self._jobs.get(job_id, ("", None))
        if job is None or tenant != caller.tenant:
            raise _not_found("job")
        return job

    async def check(self) -> None:
        if not self.serving:
            raise Unavailable("ACCOUNTING_UNAVAILABLE")


def _row_problem(number: int, record_id: str, quantity: str) -> RowProblem:
    return RowProblem(
        row=number,
        record_id=record_id,
        reason="QUANTITY_NOT_A_DECIMAL",
        field="quantity",
        found=quantity,
        allowed="a decimal",
        message_en=f"quantity must be a decimal, got {quantity}",
        message_zh=f"数量必须是十进制数,收到 {quantity}",
    )


class FakeTokens:
    """A TokenStore in memory."""

    def __init__(self, callers: dict[str, Caller]) -> None:
        self._callers = {digest(token): caller for token, caller in callers.items()}
        self.asked = 0

    async def find(self, sha256: str) -> Caller | None:
        self.asked += 1
        return self._callers.get(sha256)


class FakeFeed:
    """A ChangeFeed in memory.

    Attributes:
        oldest: The position of the oldest change that is kept.
    """

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.oldest = 1

    async def read(self, caller: Caller, *, after: int, limit: int) -> Sequence[Change]:
        if after and after + 1 < self.oldest:
            raise CursorExpired(str(after), self.oldest)
        return [change for change in self.changes if change.tenant_id == caller.tenant and change.position > after][:limit]

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


class FakeEvaluation:
    """An evaluation service that answers what a test puts down, and remembers what it was asked."""

    def __init__(self) -> None:
        """Has no answers yet."""
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Any]] = []

    async def ask(self, caller: Caller, question: str, members: Any) -> dict[str, Any]:
        """Returns the answer that was put down, or raises it."""
        self.asked.append((caller.subject, question, members))
        answer = self.answers.get(question, {})
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    async def file(self, caller: Caller, question: str, members: Any) -> tuple[bytes, str]:
        """Returns the file that was put down."""
        self.asked.append((caller.subject, question, members))
        content: bytes = self.answers[question]
        return content, "application/pdf"


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
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20.0)


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


def units_over(database: Database, clock: Clock) -> SqlUnitsOfWork:
    """Units of work of a database, with nobody who publishes their facts."""
    encoder = FactEncoder(new_id=lambda: str(uuid4()), traceparent=lambda: "")
    return SqlUnitsOfWork(database, tables(MetaData()), clock, encode=encoder.encode, committed=lambda: None)


@asynccontextmanager
async def access_services_over(
    url: str, tokens: TokenStore, *, clock: Clock, trusted: Sequence[TrustedIssuer] = (), remembered: timedelta = timedelta(0)
) -> AsyncIterator[AccessServices]:
    """The ways in over a database of their own, which remember nothing unless told to."""
    database = Database(url)
    await database.migrate("gateway.adapters.migrations")
    units = units_over(database, clock)
    logger = configure("gateway", level=Level.ERROR)
    async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
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
        url, told = f"sqlite:///{folder}/gateway.sqlite3", clock or SystemClock()
        access_services = await running.enter_async_context(access_services_over(url, tokens, clock=told, trusted=trusted))
        telemetry = Telemetry("gateway", TelemetrySettings())
        database, table = Database(url), tables(MetaData())
        running.push_async_callback(database.dispose)
        units, readers = units_over(database, told), BodyReader(Uploads(limits), Workbooks(limits))
        runner = JobRunner(
            database,
            table.push.job,
            {PUSH: UploadJobs(RecordingServices(accounting, units, readers, told, access_services.platforms))},
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
            feed,
            HttpWebhookSender(rules, seconds=5.0),
            AesGcmCipher(b"the key file of these tests", secrets.token_bytes),
            rules,
            told,
            new_id=lambda: f"hook-{next(ids)}",
            random_bytes=secrets.token_bytes,
        )
        app = create_app(
            Ports(accounting, evaluation, feed, FakeProbe(), listener, FakeEvaluation()),
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
