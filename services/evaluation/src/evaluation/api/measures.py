"""What the evaluation counts of its trade; the names are declared here, and nowhere else."""

from typing import Final

from chassis.telemetry import Telemetry
from chassis.telemetry_names import ATTRIBUTE_OUTCOME, Instrument, Metric
from evaluation.domain.systems import PLATFORM, IndicatorSystem

METRIC_VALUES: Final = Metric(
    "parkcarbon.evaluation.values",
    Instrument.COUNTER,
    "{value}",
    "Entered values of indicators, by outcome: accepted, unchanged, rejected.",
)
METRIC_EVALUATIONS: Final = Metric(
    "parkcarbon.evaluation.results",
    Instrument.COUNTER,
    "{evaluation}",
    "Evaluations that were kept, by indicator system; systems of tenants count as one.",
)

ATTRIBUTE_SYSTEM: Final = "parkcarbon.system"
OWN = "own"
"""Any system of a tenant's: its name is the tenant's business, and there may be many."""


class Measures:
    """The instruments of the servicer."""

    def __init__(self, telemetry: Telemetry) -> None:
        """Makes them.

        Args:
            telemetry: of the service.
        """
        self._values = telemetry.counter(METRIC_VALUES)
        self._evaluations = telemetry.counter(METRIC_EVALUATIONS)

    def entered(self, *, accepted: int, unchanged: int, rejected: int) -> None:
        """Counts entered values by what became of them."""
        for outcome, count in (("accepted", accepted), ("unchanged", unchanged), ("rejected", rejected)):
            if count:
                self._values.add(count, {ATTRIBUTE_OUTCOME: outcome})

    def evaluated(self, system: IndicatorSystem) -> None:
        """Counts an evaluation that was kept."""
        self._evaluations.add(1, {ATTRIBUTE_SYSTEM: system.system_id if system.tenant_id == PLATFORM else OWN})
