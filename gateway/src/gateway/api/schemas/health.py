"""The answers of the probes."""

from typing import Literal

from gateway.api.schemas.model import Answer, example_of


class HealthAnswer(Answer):
    """The process is up."""

    model_config = example_of({"status": "up"})

    status: Literal["up"]


class ReadinessAnswer(Answer):
    """What a request needs, and whether it answers; without `events` the change feed stands still, and the rest goes on."""

    model_config = example_of({"ready": True, "accounting": True, "database": True, "events": True})

    ready: bool
    accounting: bool
    database: bool
    events: bool
