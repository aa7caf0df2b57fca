"""The names of spans, metrics and attributes of the chassis: a contract with every dashboard, written nowhere else.

Semantic conventions come first; names of our own begin with `parkcarbon.`.
"""

from typing import Final

SCOPE: Final = "chassis"

SPAN_RELAY_PUBLISH: Final = "outbox publish"
SPAN_EVENT_HANDLE: Final = "event process"
SPAN_JOB_RUN: Final = "job run"

METRIC_OUTBOX_LAG: Final = "parkcarbon.outbox.lag"
METRIC_OUTBOX_PUBLISHED: Final = "parkcarbon.outbox.published"
METRIC_EVENTS_HANDLED: Final = "parkcarbon.events.handled"
METRIC_JOBS_FINISHED: Final = "parkcarbon.jobs.finished"
METRIC_DATABASE_CONNECTIONS: Final = "db.client.connections.usage"

ATTRIBUTE_SERVICE_NAME: Final = "service.name"
ATTRIBUTE_MESSAGING_DESTINATION: Final = "messaging.destination.name"
ATTRIBUTE_MESSAGING_GROUP: Final = "messaging.consumer.group.name"
ATTRIBUTE_MESSAGING_BATCH: Final = "messaging.batch.message_count"
ATTRIBUTE_EVENT_ID: Final = "cloudevents.event_id"
ATTRIBUTE_EVENT_TYPE: Final = "cloudevents.event_type"
ATTRIBUTE_OUTCOME: Final = "parkcarbon.outcome"
ATTRIBUTE_JOB_KIND: Final = "parkcarbon.job.kind"
ATTRIBUTE_JOB_ID: Final = "parkcarbon.job.id"
