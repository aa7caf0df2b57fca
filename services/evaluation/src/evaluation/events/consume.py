"""Facts of accounting keep the copy of its registers and sums, those of the gateway the platforms that are connected."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Handler
from chassis.events import Event
from evaluation.application.parks import Heard, hear
from evaluation.application.ports import ParkCopy
from evaluation.domain.parks import Enterprise, Park, Platform, Source, SpanSum, YearFigures
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.gateway.events.v1 import events_pb2 as platforms_pb2

TOPICS = ("accounting.activity.v1", "accounting.park.v1", "gateway.platform.v1")
"""What the evaluation subscribes to."""

SKIPPED: tuple[type[Message], ...] = (events_pb2.ActivityRecorded,)
"""Facts on those topics that change nothing here: the sums of EmissionsCalculated hold what they tell."""


def handlers(copy_of: Callable[[AsyncSession], ParkCopy]) -> Mapping[str, Handler]:
    """Returns the handler of each fact by its full name.

    Args:
        copy_of: Returns the copy within a transaction.
    """
    return {kind.DESCRIPTOR.full_name: _handler(kind, heard, copy_of) for kind, heard in _HEARD.items()}


def _handler(kind: type[Message], heard: Callable[[Any], Heard], copy_of: Callable[[AsyncSession], ParkCopy]) -> Handler:
    async def handle(session: AsyncSession, event: Event) -> None:
        await hear(copy_of(session), heard(kind.FromString(event.data)))

    return handle


def _park(fact: events_pb2.ParkRegistered) -> Park:
    return Park(fact.park_id, fact.tenant_id, fact.name_zh, fact.name_en, fact.region_code, fact.time_zone)


def _enterprise(fact: events_pb2.EnterpriseRegistered) -> Enterprise:
    return Enterprise(fact.park_id, fact.tenant_id, fact.enterprise_id)


def _source(fact: events_pb2.SourceRegistered) -> Source:
    counted_as = fact.counted_as or "total"
    return Source(fact.park_id, fact.tenant_id, fact.source_id, fact.enterprise_id, fact.carrier, fact.scope, counted_as)


def _figures(fact: events_pb2.AnnualFiguresRecorded) -> YearFigures:
    return YearFigures(fact.park_id, fact.tenant_id, fact.year, fact.version, fact.gross_output_10k_cny, fact.gdp_10k_cny)


def _sums(fact: events_pb2.EmissionsCalculated) -> list[SpanSum]:
    columns = (fact.source_id, fact.first_month, fact.last_month, fact.emissions_mg_co2e, fact.energy_mgce, fact.records)
    return [
        SpanSum(fact.park_id, fact.tenant_id, source_id, first, last, emissions_mg, energy_mgce, records, fact.last_position)
        for source_id, first, last, emissions_mg, energy_mgce, records in zip(*columns, strict=True)
    ]


def _platform(fact: platforms_pb2.PlatformConnected) -> Platform:
    return Platform(fact.park_id, fact.tenant_id, fact.platform_id, fact.kind, datetime.fromisoformat(fact.connected_time))


_HEARD: Mapping[type[Message], Callable[[Any], Heard]] = {
    events_pb2.ParkRegistered: _park,
    events_pb2.EnterpriseRegistered: _enterprise,
    events_pb2.SourceRegistered: _source,
    events_pb2.AnnualFiguresRecorded: _figures,
    events_pb2.EmissionsCalculated: _sums,
    platforms_pb2.PlatformConnected: _platform,
}
