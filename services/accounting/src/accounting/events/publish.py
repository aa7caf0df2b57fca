"""Makes events of facts."""

from collections.abc import Callable, Sequence
from datetime import datetime

from google.protobuf.message import Message

from accounting.domain.facts import (
    ActivityRecorded,
    AnnualFiguresRecorded,
    EmissionsCalculated,
    EnterpriseRegistered,
    Fact,
    FactorPublished,
    FindingAnswered,
    FindingClosed,
    FindingWritten,
    InventoryClosed,
    InventoryPublished,
    ParkRegistered,
    PublicationWithdrawn,
    SourceRegistered,
)
from accounting.domain.findings import Closing, Finding
from accounting.domain.inventories import Inventory
from accounting.domain.parks import FIGURE_NAMES
from chassis.events import Event, EventFactory
from chassis.tenancy import PLATFORM_TENANT
from chassis.wire import rfc3339
from parkcarbon.accounting.events.v1 import events_pb2

PARK_TOPIC = "accounting.park.v1"
ACTIVITY_TOPIC = "accounting.activity.v1"
FACTOR_TOPIC = "accounting.factor.v1"
INVENTORY_TOPIC = "accounting.inventory.v1"


class FactEncoder:
    """Makes the event of a fact."""

    def __init__(self, events: EventFactory, *, now: Callable[[], datetime]) -> None:
        """Stores the parts.

        Args:
            events: makes the events of the service.
            now: gives the present moment, for facts that carry none.
        """
        self._events = events
        self._now = now

    def encode(self, fact: Fact) -> Event:
        """Returns the event of a fact; its topic, key and subject follow from the fact's kind."""
        match fact:
            case ParkRegistered():
                park = fact.park
                return self._event(PARK_TOPIC, park.tenant_id, park.park_id, "", park.registered_time, _park(fact))
            case EnterpriseRegistered():
                enterprise = fact.enterprise
                subject, at = f"enterprises/{enterprise.enterprise_id}", enterprise.registered_time
                return self._event(PARK_TOPIC, enterprise.tenant_id, enterprise.park_id, subject, at, _enterprise(fact))
            case SourceRegistered():
                source = fact.source
                subject, at = f"sources/{source.source_id}", source.registered_time
                return self._event(PARK_TOPIC, source.tenant_id, source.park_id, subject, at, _source(fact))
            case AnnualFiguresRecorded():
                figures = fact.figures
                subject, at = f"annual-figures/{figures.year}", figures.recorded_time
                return self._event(PARK_TOPIC, figures.tenant_id, figures.park_id, subject, at, _figures(fact))
            case ActivityRecorded():
                subject = f"activity-records/{fact.first_position}"
                return self._event(ACTIVITY_TOPIC, fact.tenant_id, fact.park_id, subject, fact.recorded_time, _activity(fact))
            case EmissionsCalculated():
                subject = f"emissions/{fact.last_position}"
                return self._event(ACTIVITY_TOPIC, fact.tenant_id, fact.park_id, subject, fact.calculated_time, _emissions(fact))
            case FactorPublished():
                factor = fact.factor
                subject, at = f"factors/{factor.factor_id}", self._now()
                return self._event(FACTOR_TOPIC, PLATFORM_TENANT, "", subject, at, _factor(fact), key=factor.table_id)

            case InventoryClosed():
                closed = fact.inventory
                subject, at = f"inventories/{closed.inventory_id}", closed.closed_time
                return self._event(INVENTORY_TOPIC, closed.tenant_id, closed.park_id, subject, at, _inventory(closed))

            case InventoryPublished():
                made = fact.publication
                subject, at = f"publications/{made.inventory_id}", made.published_time
                return self._event(INVENTORY_TOPIC, made.tenant_id, made.park_id, subject, at, _published(fact))
            case PublicationWithdrawn():
                made, at = fact.publication, fact.withdrawal.withdrawn_time
                subject = f"publications/{made.inventory_id}"
                return self._event(INVENTORY_TOPIC, made.tenant_id, made.park_id, subject, at, _withdrawn(fact))

            case FindingWritten():
                return self._of_finding(fact.finding, fact.finding.written_time, _finding(fact.finding))
            case FindingAnswered():
                return self._of_finding(fact.finding, fact.answer.answered_time, _answered(fact))
            case FindingClosed():
                closing = fact.finding.closing
                assert closing is not None, "a fact of closing carries how"
                return self._of_finding(fact.finding, closing.closed_time, _closed(fact.finding, closing))

    def _of_finding(self, finding: Finding, at: datetime, message: Message) -> Event:
        subject = f"inventories/{finding.inventory_id}/findings/{finding.finding_id}"
        return self._event(INVENTORY_TOPIC, finding.tenant_id, finding.park_id, subject, at, message)

    def _event(
        self, topic: str, tenant_id: str, park_id: str, subject: str, time: datetime, message: Message, *, key: str = ""
    ) -> Event:
        return self._events.event(message, topic=topic, tenant_id=tenant_id, park_id=park_id, subject=subject, time=time, key=key)


def _park(fact: ParkRegistered) -> events_pb2.ParkRegistered:
    park = fact.park
    return events_pb2.ParkRegistered(
        park_id=park.park_id,
        tenant_id=park.tenant_id,
        name_zh=park.name_zh,
        name_en=park.name_en,
        region_code=park.region_code,
        time_zone=park.time_zone,
        factor_set_id=park.factor_set_id,
        registered_time=rfc3339(park.registered_time),
        latitude_deg=park.latitude_deg,
        longitude_deg=park.longitude_deg,
    )


def _enterprise(fact: EnterpriseRegistered) -> events_pb2.EnterpriseRegistered:
    enterprise = fact.enterprise
    return events_pb2.EnterpriseRegistered(
        park_id=enterprise.park_id,
        tenant_id=enterprise.tenant_id,
        enterprise_id=enterprise.enterprise_id,
        name_zh=enterprise.name_zh,
        name_en=enterprise.name_en,
        industry_code=enterprise.industry_code,
        credit_code=enterprise.credit_code,
        registered_time=rfc3339(enterprise.registered_time),
    )


def _source(fact: SourceRegistered) -> events_pb2.SourceRegistered:
    source = fact.source
    return events_pb2.SourceRegistered(
        park_id=source.park_id,
        tenant_id=source.tenant_id,
        source_id=source.source_id,
        enterprise_id=source.enterprise_id,
        name_zh=source.name_zh,
        name_en=source.name_en,
        item=source.item,
        scope=source.scope,
        carrier=source.carrier,
        gas=source.gas,
        sector=source.sector,
        settlement_basis=source.settlement_basis,
        registered_time=rfc3339(source.registered_time),
        counted_as=fact.counted_as,
    )


def _figures(fact: AnnualFiguresRecorded) -> events_pb2.AnnualFiguresRecorded:
    figures = fact.figures
    return events_pb2.AnnualFiguresRecorded(
        park_id=figures.park_id,
        tenant_id=figures.tenant_id,
        year=figures.year,
        version=figures.version,
        recorded_time=rfc3339(figures.recorded_time),
        **{name: getattr(figures, name) or "" for name in FIGURE_NAMES},
    )


def _activity(fact: ActivityRecorded) -> events_pb2.ActivityRecorded:
    sources, source_index = _dictionary(fact.source_id)
    units, unit_index = _dictionary(fact.unit)
    bases, basis_index = _dictionary(fact.basis_id)
    return events_pb2.ActivityRecorded(
        park_id=fact.park_id,
        tenant_id=fact.tenant_id,
        first_position=fact.first_position,
        last_position=fact.head.position,
        head_sha256=fact.head.sha256,
        record_id=fact.record_id,
        source_id=sources,
        source_index=source_index,
        period_start_s=fact.period_start_s,
        period_end_s=fact.period_end_s,
        quantity_micro=fact.quantity_micro,
        unit=units,
        unit_index=unit_index,
        emissions_mg_co2e=fact.emissions_mg,
        energy_mgce=fact.energy_mgce,
        basis_id=bases,
        basis_index=basis_index,
        supersessions=[
            events_pb2.Supersession(record_id=record_id, superseded_record_id=target)
            for record_id, target in zip(fact.record_id, fact.supersedes, strict=True)
            if target
        ],
        recorded_time=rfc3339(fact.recorded_time),
    )


def _dictionary(column: Sequence[str]) -> tuple[list[str], list[int]]:
    codes: dict[str, int] = {}
    indices = [codes.setdefault(value, len(codes)) for value in column]
    return list(codes), indices


def _emissions(fact: EmissionsCalculated) -> events_pb2.EmissionsCalculated:
    return events_pb2.EmissionsCalculated(
        park_id=fact.park_id,
        tenant_id=fact.tenant_id,
        last_position=fact.last_position,
        source_id=[each.source_id for each in fact.sums],
        first_month=[each.first_month for each in fact.sums],
        last_month=[each.last_month for each in fact.sums],
        emissions_mg_co2e=[str(each.emissions_mg) for each in fact.sums],
        energy_mgce=[str(each.energy_mgce) for each in fact.sums],
        records=[each.records for each in fact.sums],
        calculated_time=rfc3339(fact.calculated_time),
    )


def _factor(fact: FactorPublished) -> events_pb2.FactorPublished:
    factor = fact.factor
    return events_pb2.FactorPublished(
        factor_id=factor.factor_id,
        table_id=factor.table_id,
        set_id=fact.set_ids,
        quantity=factor.quantity,
        carrier=factor.carrier,
        gas=factor.gas,
        region=factor.region,
        basis=factor.basis,
        value=factor.value,
        unit=factor.unit,
        valid_from_date=factor.valid_from.isoformat(),
        valid_to_date=factor.valid_to.isoformat() if factor.valid_to else "",
        published_date=factor.published.isoformat(),
        source=factor.source,
    )


def _inventory(closed: Inventory) -> events_pb2.InventoryClosed:
    totals = closed.totals
    return events_pb2.InventoryClosed(
        park_id=closed.park_id,
        tenant_id=closed.tenant_id,
        inventory_id=closed.inventory_id,
        year=closed.year,
        version=closed.version,
        reason=closed.reason,
        factor_set_id=closed.factor_set_id,
        last_position=closed.last_position,
        records=closed.records,
        records_sha256=closed.records_sha256,
        content_sha256=closed.content_sha256,
        emissions_mg_co2e=str(totals.emissions_mg),
        scope_1_mg_co2e=str(totals.scope_mg[0]),
        scope_2_mg_co2e=str(totals.scope_mg[1]),
        scope_3_mg_co2e=str(totals.scope_mg[2]),
        removals_mg_co2e=str(totals.removals_mg),
        biogenic_mg_co2e=str(totals.biogenic_mg),
        energy_mgce=str(totals.energy_mgce),
        closed_time=rfc3339(closed.closed_time),
        head_sha256=closed.head_sha256,
    )


def _published(fact: InventoryPublished) -> events_pb2.InventoryPublished:
    made = fact.publication
    return events_pb2.InventoryPublished(
        park_id=made.park_id,
        tenant_id=made.tenant_id,
        inventory_id=made.inventory_id,
        year=made.year,
        version=made.version,
        rule_id=made.rule_id,
        sums=[
            events_pb2.PublishedSum(
                dimension=cell.dimension, key=cell.key, status=cell.status, emissions_mg_co2e=str(cell.emissions_mg or 0)
            )
            for cell in made.cells
        ],
        published_time=rfc3339(made.published_time),
    )


def _withdrawn(fact: PublicationWithdrawn) -> events_pb2.PublicationWithdrawn:
    made = fact.publication
    return events_pb2.PublicationWithdrawn(
        park_id=made.park_id,
        tenant_id=made.tenant_id,
        inventory_id=made.inventory_id,
        reason=fact.withdrawal.reason,
        withdrawn_time=rfc3339(fact.withdrawal.withdrawn_time),
    )


def _finding(finding: Finding) -> events_pb2.FindingWritten:
    return events_pb2.FindingWritten(
        park_id=finding.park_id,
        tenant_id=finding.tenant_id,
        inventory_id=finding.inventory_id,
        finding_id=finding.finding_id,
        number=finding.number,
        kind=finding.kind,
        material=finding.material,
        item=finding.item,
        enterprise_id=finding.enterprise_id,
        record_id=finding.record_id,
        text=finding.text,
        evidence=finding.evidence,
        written_time=rfc3339(finding.written_time),
    )


def _answered(fact: FindingAnswered) -> events_pb2.FindingAnswered:
    finding, answer = fact.finding, fact.answer
    return events_pb2.FindingAnswered(
        park_id=finding.park_id,
        tenant_id=finding.tenant_id,
        inventory_id=finding.inventory_id,
        finding_id=finding.finding_id,
        number=answer.number,
        text=answer.text,
        restated_in=answer.restated_in,
        evidence=answer.evidence,
        answered_time=rfc3339(answer.answered_time),
    )


def _closed(finding: Finding, closing: Closing) -> events_pb2.FindingClosed:
    return events_pb2.FindingClosed(
        park_id=finding.park_id,
        tenant_id=finding.tenant_id,
        inventory_id=finding.inventory_id,
        finding_id=finding.finding_id,
        conclusion=closing.conclusion,
        text=closing.text,
        closed_time=rfc3339(closing.closed_time),
    )
