"""Finding an indicator system, and the thresholds that the platform has for it."""

from evaluation.application.ports import Outside, Records
from evaluation.domain.errors import ThingNotFound
from evaluation.domain.systems import IndicatorSystem
from evaluation.domain.thresholds import Threshold, platform_thresholds
from kernel.access import Caller


async def system_of(outside: Outside, records: Records, caller: Caller, system_id: str) -> IndicatorSystem:
    """Returns a shipped system or one of the tenant's own.

    Raises:
        ThingNotFound: there is none.
    """
    shipped = outside.shipped.systems.get(system_id)
    found = shipped or await records.system(caller.tenant, system_id)
    if found is None:
        raise ThingNotFound("indicator system", system_id, ", ".join(sorted(outside.shipped.systems)))
    return found


def own_thresholds(outside: Outside, system: IndicatorSystem) -> tuple[Threshold, ...]:
    """Returns the platform's thresholds of a system: those shipped with it, or 0 to 100 % for the shares of a tenant's own."""
    return outside.shipped.thresholds.get(system.system_id) or platform_thresholds(system)
