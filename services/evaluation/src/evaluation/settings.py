"""What the evaluation service can be told; read from the environment by main only."""

from pathlib import Path

from pydantic import Field

from chassis.channel import ChannelSettings
from chassis.executor import ExecutorSettings
from chassis.settings import ServiceSettings, environment


class EvaluationSettings(ServiceSettings):
    """Variables begin with `EVALUATION_`; `EVALUATION_DATABASE__URL` sets `database.url`.

    Attributes:
        accounting: Where accounting is.
        caller_public_key: File with the gateway's public key (Ed25519, PEM), by which callers are verified.
        caller_issuer: Who must have signed a caller.
        caller_audience: For whom.
        relay_batch: Events published together, 1 to 5000.
        executor: How much is computed at a time, where the service has an executor of its own.
    """

    model_config = environment("EVALUATION_")

    accounting: ChannelSettings
    caller_public_key: Path
    caller_issuer: str = "parkcarbon-gateway"
    caller_audience: str = "parkcarbon-services"
    relay_batch: int = Field(default=500, ge=1, le=5000)
    executor: ExecutorSettings = Field(default_factory=ExecutorSettings)
