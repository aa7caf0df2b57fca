"""The platform as it stands in production, in one process: gateway and accounting over PostgreSQL, the embedded log as broker."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from accounting.application.register import register_park, register_source
from accounting.domain.parks import Park, Source
from accounting.main import Accounting
from accounting.main import build as build_accounting
from accounting.settings import AccountingSettings
from benchmarks.readings import METERS, PARK, meter
from chassis.broker import Broker
from chassis.channel import ChannelSettings
from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.identity import generate_key_pair
from chassis.logs import Level
from chassis.server import running
from chassis.settings import DatabaseSettings, LogSettings
from gateway.domain.callers import Role
from gateway.main import Gateway, topic_registry
from gateway.main import build as build_gateway
from gateway.settings import BootstrapToken, GatewaySettings, HttpSettings, LimitSettings
from kernel.access import Caller

TOKEN = "bench-token"
OPERATOR_TOKEN = "bench-operator-token"
TENANT = "bench"
CALLER = Caller("bench", TENANT, frozenset({"park_manager"}))
FACTOR_SET = "wang-2024"
_LOGS = LogSettings(level=Level.WARNING)


@dataclass(frozen=True)
class Standing:
    """What runs."""

    accounting: Accounting
    gateway: Gateway
    signing_key: Path
    verifying_key: Path


@asynccontextmanager
async def accounting_alone(folder: Path, database_url: str) -> AsyncIterator[Accounting]:
    """Runs accounting with a park of METERS meters; its relay rests, so that a commit is what is measured."""
    accounting, log = _accounting(folder, database_url)
    async with running(accounting):
        await accounting.relay.stop()
        await register_meters(accounting)
        yield accounting
    await log.close()


@asynccontextmanager
async def platform(folder: Path, accounting_url: str, gateway_url: str, *, broker: Broker | None = None) -> AsyncIterator[Standing]:
    """Runs gateway and accounting with a park of METERS meters.

    With a broker everything works; without one the embedded log stands there, and the relay rests, as in `accounting_alone`.
    """
    accounting, log = _accounting(folder, accounting_url, broker)
    async with running(accounting):
        settings = gateway_settings(folder, accounting.grpc_address, gateway_url)
        gateway = build_gateway(settings, clock=SystemClock(), broker=log)
        async with running(gateway):
            if broker is None:
                await accounting.relay.stop()
            await register_meters(accounting)
            yield Standing(accounting, gateway, folder / "key.pem", folder / "public.pem")
    await log.close()


def gateway_settings(folder: Path, accounting: str, database_url: str) -> GatewaySettings:
    """Returns the settings of a gateway that knows TOKEN, of a park manager, and OPERATOR_TOKEN.

    Args:
        folder: Where `key.pem` is, that callers are signed with.
        accounting: Host and port.
        database_url: Of its own database.
    """
    tokens = ((TOKEN, CALLER.subject, Role.PARK_MANAGER), (OPERATOR_TOKEN, "operator", Role.PLATFORM_OPERATOR))
    return GatewaySettings(
        http=HttpSettings(port=0),
        database=DatabaseSettings(url=SecretStr(database_url)),
        accounting=ChannelSettings(target=accounting),
        caller_private_key=folder / "key.pem",
        bootstrap_tokens=tuple(
            BootstrapToken(
                sha256=hashlib.sha256(token.encode()).hexdigest(), subject=subject, tenant=TENANT, roles=frozenset({role})
            )
            for token, subject, role in tokens
        ),
        # what is measured is not to be turned away
        limits=LimitSettings(requests_per_minute=10**9),
        logs=_LOGS,
    )


def _accounting(folder: Path, database_url: str, broker: Broker | None = None) -> tuple[Accounting, Broker]:
    private, public = generate_key_pair()
    (folder / "key.pem").write_bytes(private)
    (folder / "public.pem").write_bytes(public)
    clock = SystemClock()
    log = broker if broker is not None else EmbeddedLog(folder / "log.sqlite3", topic_registry(), clock=clock)
    settings = AccountingSettings(
        database=DatabaseSettings(url=SecretStr(database_url)), caller_public_key=folder / "public.pem", logs=_LOGS
    )
    return build_accounting(settings, clock=clock, broker=log), log


async def register_meters(accounting: Accounting) -> None:
    """Registers the park and its meters."""
    now = SystemClock().now()
    park = Park(PARK, "", "园区", "Park", "360700", "Asia/Shanghai", "", "", FACTOR_SET, now)
    await register_park(accounting.ports, CALLER, park)
    for number in range(METERS):
        source = Source(
            park_id=PARK,
            tenant_id="",
            source_id=meter(number),
            enterprise_id="",
            name_zh="电表",
            name_en="Meter",
            item="enterprise.purchased_energy",
            scope=2,
            carrier="electricity",
            gas="CO2",
            sector="energy",
            settlement_basis="meter",
            registered_time=now,
        )
        await register_source(accounting.ports, CALLER, source)
