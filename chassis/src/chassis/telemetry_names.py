"""The names of spans, metrics and attributes of the chassis: a contract with every dashboard, written nowhere else.

Semantic conventions come first; names of our own begin with `parkcarbon.`. What a service records about its trade, it declares in
the same way in one module of its own.
"""

from enum import StrEnum
from typing import Final, Self


class Instrument(StrEnum):
    """How a metric is recorded."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    UP_DOWN_COUNTER = "up-down counter"


class Metric(str):
    """The name of a metric, with what is fixed about it.

    Attributes:
        instrument: How it is recorded.
        unit: UCUM, such as `s` or `{event}`.
        description: What a recorded value says.
    """

    __slots__ = ("description", "instrument", "unit")

    instrument: Instrument
    unit: str
    description: str

    def __new__(cls, name: str, instrument: Instrument, unit: str, description: str) -> Self:
        """Returns the name."""
        made = super().__new__(cls, name)
        made.instrument, made.unit, made.description = instrument, unit, description
        return made


SCOPE: Final = "chassis"

# Followed by the destination, as the conventions have it.
SPAN_EVENT_SEND: Final = "send"
SPAN_EVENT_PROCESS: Final = "process"
SPAN_JOB_RUN: Final = "job run"

METRIC_OUTBOX_LAG: Final = Metric(
    "parkcarbon.outbox.lag", Instrument.GAUGE, "s", "Age of the oldest event that waits to be published; 0 when none does."
)
METRIC_OUTBOX_PUBLISHED: Final = Metric(
    "parkcarbon.outbox.published", Instrument.COUNTER, "{event}", "Events that the broker has confirmed."
)
METRIC_EVENTS_HANDLED: Final = Metric(
    "parkcarbon.events.handled",
    Instrument.COUNTER,
    "{event}",
    "Messages that a consumer is done with, by outcome: handled, repeated, skipped, dead_letter.",
)
METRIC_CONSUMER_LAG: Final = Metric(
    "parkcarbon.consumer.lag",
    Instrument.GAUGE,
    "{message}",
    "Messages of the consumer's partitions that are not yet handled; absent while the broker does not say.",
)
METRIC_PART_HEALTHY: Final = Metric(
    "parkcarbon.part.healthy", Instrument.GAUGE, "1", "1 while a part of the service works, 0 once it has ended by itself."
)
METRIC_JOBS_FINISHED: Final = Metric(
    "parkcarbon.jobs.finished", Instrument.COUNTER, "{job}", "Attempts at jobs that have ended, by the state they left."
)
METRIC_DATABASE_CONNECTIONS: Final = Metric(
    "db.client.connection.count", Instrument.UP_DOWN_COUNTER, "{connection}", "Connections of a pool, by state: idle, used."
)
METRIC_DATABASE_STATEMENT_DURATION: Final = Metric(
    "db.client.operation.duration", Instrument.HISTOGRAM, "s", "Time of one statement, from its sending to its first answer."
)
METRIC_RPC_SERVER_DURATION: Final = Metric(
    "rpc.server.call.duration", Instrument.HISTOGRAM, "s", "Time of one gRPC call at its server, by method and status."
)
METRIC_COMPUTATION_DURATION: Final = Metric(
    "parkcarbon.computation.duration",
    Instrument.HISTOGRAM,
    "s",
    "Time of one computation, its wait included, by outcome: returned, raised, refused, too_costly, lost, left, failed.",
)

ATTRIBUTE_SERVICE_NAME: Final = "service.name"
ATTRIBUTE_ERROR_TYPE: Final = "error.type"
ATTRIBUTE_MESSAGING_DESTINATION: Final = "messaging.destination.name"
ATTRIBUTE_MESSAGING_OPERATION: Final = "messaging.operation.type"
ATTRIBUTE_MESSAGING_GROUP: Final = "messaging.consumer.group.name"
ATTRIBUTE_MESSAGING_BATCH: Final = "messaging.batch.message_count"
ATTRIBUTE_EVENT_ID: Final = "cloudevents.event_id"
ATTRIBUTE_EVENT_TYPE: Final = "cloudevents.event_type"
ATTRIBUTE_RPC_SYSTEM: Final = "rpc.system.name"
ATTRIBUTE_RPC_METHOD: Final = "rpc.method"
ATTRIBUTE_RPC_STATUS: Final = "rpc.response.status_code"
ATTRIBUTE_DATABASE_SYSTEM: Final = "db.system.name"
ATTRIBUTE_DATABASE_OPERATION: Final = "db.operation.name"
ATTRIBUTE_DATABASE_QUERY: Final = "db.query.text"
ATTRIBUTE_DATABASE_POOL: Final = "db.client.connection.pool.name"
ATTRIBUTE_DATABASE_CONNECTION_STATE: Final = "db.client.connection.state"
ATTRIBUTE_OUTCOME: Final = "parkcarbon.outcome"
ATTRIBUTE_PART: Final = "parkcarbon.part"
ATTRIBUTE_JOB_KIND: Final = "parkcarbon.job.kind"
ATTRIBUTE_JOB_ID: Final = "parkcarbon.job.id"
