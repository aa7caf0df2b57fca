"""Finding an indicator system, and the thresholds that the platform has for it."""

from evaluation.application.ports import Shipped, Systems
from evaluation.domain.errors import ResourceNotFound
from evaluation.domain.systems import IndicatorSystem
from evaluation.domain.thresholds import Threshold, platform_thresholds
from kernel.access import Caller


async def system_of(shipped: Shipped, systems: Systems, caller: Caller, system_id: str) -> IndicatorSystem:
    """Returns a shipped system or one of the tenant's own.

    Raises:
        ResourceNotFound: there is none.
    """
    found = shipped.systems.get(system_id) or await systems.get(caller.tenant, system_id)
    if found is None:
        raise ResourceNotFound("indicator system", system_id, ", ".join(sorted(shipped.systems)))
    return found


def own_thresholds(shipped: Shipped, system: IndicatorSystem) -> tuple[Threshold, ...]:
    """Returns the platform's thresholds of a system: those shipped with it, or 0 to 100 % for the shares of a tenant's own."""
    return shipped.thresholds.get(system.system_id) or platform_thresholds(system)
