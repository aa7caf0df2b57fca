"""Wire forms that several rpcs answer with."""

from accounting.domain.accounts import MG_PER_T_DECIMALS
from accounting.domain.factors import Factor
from accounting.domain.parks import Park
from chassis.wire import rfc3339
from kernel.quantities import format_scaled
from parkcarbon.accounting.v1 import accounting_pb2 as pb


def tonnes(milligrams: int) -> str:
    """Writes milligrams as tonnes, exact."""
    return format_scaled(milligrams, MG_PER_T_DECIMALS)


def factor_to_wire(each: Factor) -> pb.Factor:
    """Writes a factor row."""
    return pb.Factor(
        factor_id=each.factor_id,
        table_id=each.table_id,
        quantity=each.quantity,
        carrier=each.carrier,
        gas=each.gas,
        region=each.region,
        basis=each.basis,
        value=each.value,
        unit=each.unit,
        valid_from_date=each.valid_from.isoformat(),
        valid_to_date=each.valid_to.isoformat() if each.valid_to else None,
        published_date=each.published.isoformat(),
        confidence=each.confidence,
        source=each.source,
        checked_where=each.checked_where,
        note=each.note,
    )


def park_to_wire(park: Park) -> pb.Park:
    """Writes a park."""
    return pb.Park(
        park_id=park.park_id,
        tenant_id=park.tenant_id,
        name_zh=park.name_zh,
        name_en=park.name_en,
        region_code=park.region_code,
        time_zone=park.time_zone,
        latitude_deg=park.latitude_deg or None,
        longitude_deg=park.longitude_deg or None,
        factor_set_id=park.factor_set_id,
        registered_time=rfc3339(park.registered_time),
    )
