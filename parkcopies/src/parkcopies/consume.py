"""Facts of accounting keep the copies."""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Handler
from chassis.events import Event
from parkcarbon.accounting.events.v1 import events_pb2
from parkcopies.directory import apply
from parkcopies.parks import Enterprise, IncomingFact, Park, Source, SpanSum, YearFigures
from parkcopies.ports import ParkCopies

TOPICS = ("accounting.activity.v1", "accounting.park.v1")
"""Where the facts are told."""

SKIPPED: tuple[type[Message], ...] = (events_pb2.ActivityRecorded,)
"""Facts on those topics that change no copy: the sums of EmissionsCalculated hold what they tell."""


def handlers(copies_of: Callable[[AsyncSession], ParkCopies]) -> Mapping[str, Handler]:
    """Returns the handler of each fact by its full name.

    Args:
        copies_of: Returns the copies within a transaction.
    """
    return {kind.DESCRIPTOR.full_name: _handler(kind, read, copies_of) for kind, read in _READERS.items()}


def _handler(kind: type[Message], read: Callable[[Any], IncomingFact], copies_of: Callable[[AsyncSession], ParkCopies]) -> Handler:
    async def handle(session: AsyncSession, event: Event) -> None:
        await apply(copies_of(session), read(kind.FromString(event.data)))

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
    # An event from before sums were text has integers.
    emissions, energy = fact.emissions_mg_co2e or fact.emissions_mg_co2e_int64, fact.energy_mgce or fact.energy_mgce_int64
    columns = (fact.source_id, fact.first_month, fact.last_month, emissions, energy, fact.records)
    return [
        SpanSum(
            fact.park_id, fact.tenant_id, source_id, first, last, int(emissions_mg), int(energy_mgce), records, fact.last_position
        )
        for source_id, first, last, emissions_mg, energy_mgce, records in zip(*columns, strict=True)
    ]


_READERS: Mapping[type[Message], Callable[[Any], IncomingFact]] = {
    events_pb2.ParkRegistered: _park,
    events_pb2.EnterpriseRegistered: _enterprise,
    events_pb2.SourceRegistered: _source,
    events_pb2.AnnualFiguresRecorded: _figures,
    events_pb2.EmissionsCalculated: _sums,
}
