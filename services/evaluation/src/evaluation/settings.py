"""What the evaluation service can be told; read from the environment by main only."""

from pydantic import Field

from chassis.channel import ChannelSettings
from chassis.executor import ExecutorSettings
from chassis.settings import GrpcServiceSettings, environment


class EvaluationSettings(GrpcServiceSettings):
    """Variables begin with `EVALUATION_`; `EVALUATION_DATABASE__URL` sets `database.url`.

    Attributes:
        accounting: Where accounting is.
        executor: How much is computed at a time, where the service has an executor of its own.
    """

    model_config = environment("EVALUATION_")

    accounting: ChannelSettings
    executor: ExecutorSettings = Field(default_factory=ExecutorSettings)
