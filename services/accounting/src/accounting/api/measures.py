"""What accounting counts and times of its trade; the names are declared here, and nowhere else."""

from collections import Counter
from contextlib import AbstractContextManager
from typing import Final

from accounting.domain.record import BatchResult
from chassis.telemetry import Telemetry
from chassis.telemetry_names import ATTRIBUTE_OUTCOME, Instrument, Metric

METRIC_ROWS: Final = Metric(
    "parkcarbon.ingest.rows",
    Instrument.COUNTER,
    "{row}",
    "Rows of activity that were judged, by outcome: accepted, superseded, duplicate, rejected.",
)
METRIC_CALCULATION: Final = Metric(
    "parkcarbon.calculation.duration",
    Instrument.HISTOGRAM,
    "s",
    "Time from the arguments of a calculation to its durable result, reading and writing included.",
)

ATTRIBUTE_CALCULATION: Final = "parkcarbon.calculation"


class Measures:
    """The instruments of the servicer."""

    def __init__(self, telemetry: Telemetry) -> None:
        """Makes them.

        Args:
            telemetry: of the service.
        """
        self._telemetry = telemetry
        self._rows = telemetry.counter(METRIC_ROWS)
        self._duration = telemetry.histogram(METRIC_CALCULATION)

    def ingested(self, result: BatchResult) -> None:
        """Counts the rows of a batch by what became of them."""
        for outcome, rows in Counter(result.outcomes).items():
            self._rows.add(rows, {ATTRIBUTE_OUTCOME: outcome.value})

    def calculating(self, calculation: str) -> AbstractContextManager[None]:
        """Times a block.

        Args:
            calculation: the use case, such as `record_activity`.
        """
        return self._telemetry.timed(self._duration, {ATTRIBUTE_CALCULATION: calculation})
