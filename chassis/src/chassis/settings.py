"""Settings of a service: one frozen class, read from the environment by its main and by nobody else."""

from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.broker import Broker
from chassis.clock import Clock
from chassis.database import Database, Timeouts
from chassis.embedded_log import EmbeddedLog
from chassis.kafka_settings import KafkaSettings
from chassis.logs import Level, Logger, Renderer
from chassis.server import ServerSettings
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.topics import TopicRegistry

# For a broker's first answer; a service does not stand still for longer before it serves.
_PATIENCE_SECONDS: Final = 2.0


class DatabaseSettings(BaseModel):
    """Where a service keeps its data.

    Attributes:
        url: As `Database` takes it; secret, as it may hold a password.
        owner_url: Of the role that owns the tables, for migrations at the start; where it is left out, that of `url` has to own
            them or find them up to date.
        pool_size: Connections, >= 1.
        timeouts: See there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr
    owner_url: SecretStr | None = None
    pool_size: int = Field(default=10, ge=1)
    timeouts: Timeouts = Field(default_factory=Timeouts)

    def open(self, telemetry: Telemetry | None = None) -> Database:
        """Makes the database these settings describe."""
        return Database(
            self.url.get_secret_value(),
            owner_url=self.owner_url.get_secret_value() if self.owner_url is not None else None,
            pool_size=self.pool_size,
            timeouts=self.timeouts,
            telemetry=telemetry,
        )


class BrokerKind(StrEnum):
    """Which broker there is."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"


class BrokerSettings(BaseModel):
    """How services hear each other.

    Attributes:
        kind: The embedded log connects the services of one process, Kafka those of many.
        embedded_file: Of the embedded log.
        kafka: Where Kafka is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: BrokerKind = BrokerKind.EMBEDDED
    embedded_file: Path | None = None
    kafka: KafkaSettings | None = None

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if self.kind is BrokerKind.KAFKA and self.kafka is None:
            raise ValueError("a broker of kind kafka needs kafka.bootstrap_servers")
        return self

    async def open(self, topics: TopicRegistry, *, clock: Clock, logger: Logger) -> Broker:
        """Makes the broker these settings describe; topics that Kafka lacks are created, now or when it can be reached.

        Raises:
            ValueError: If the embedded log is wanted and its file is not said.
            LogInUse: If another process has the embedded log.
            TopicMismatch: If a topic has fewer partitions in Kafka than in the registry, as far as Kafka says so at once.
        """
        if self.kafka is not None and self.kind is BrokerKind.KAFKA:
            # It takes half a second to import, and an embedded run does without.
            from chassis.kafka_broker import KafkaBroker  # noqa: PLC0415

            broker = KafkaBroker(self.kafka, topics, logger=logger)
            try:
                # Facts wait in the outbox, and consumers try again: a service that starts while Kafka is away serves all the same.
                await broker.begin(_PATIENCE_SECONDS)
            except BaseException:
                await broker.close()
                raise
            return broker
        if self.embedded_file is None:
            raise ValueError("the embedded log needs embedded_file")
        return EmbeddedLog(self.embedded_file, topics, clock=clock)

    def must_connect_processes(self, prefix: str) -> None:
        """Refuses what serves one process only; called by the main of a service that runs as a process of its own.

        Args:
            prefix: Of the service's variables, such as `ACCOUNTING_`.

        Raises:
            OneProcessOnly: If the broker is the embedded log.
        """
        if self.kind is not BrokerKind.KAFKA:
            raise OneProcessOnly(prefix)


class OneProcessOnly(Exception):
    """A service was to run as a process of its own on a broker that connects no processes."""

    def __init__(self, prefix: str) -> None:
        """Says which variables of the service to set."""
        super().__init__(
            "a process per service needs Kafka, as the embedded log serves the services of one process: set"
            f" {prefix}BROKER__KIND=kafka and {prefix}BROKER__KAFKA__BOOTSTRAP_SERVERS=host:port, or run `parkcarbon up`,"
            " which is every service in one process"
        )


class LogSettings(BaseModel):
    """What a service logs.

    Attributes:
        level: The least severe lines that are written.
        renderer: How.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Level = Level.INFO
    renderer: Renderer = Renderer.JSON


class ServiceSettings(BaseSettings):
    """What every service can be told.

    A service derives its own class with `model_config = environment("ACCOUNTING_")`; `ACCOUNTING_DATABASE__URL` then sets
    `database.url`.

    Attributes:
        server: Where it listens.
        database: Where it keeps its data.
        broker: How it hears the others, as a process of its own; services in one process are handed one.
        telemetry: What it reports.
        logs: What it logs.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_nested_delimiter="__")

    server: ServerSettings = Field(default_factory=ServerSettings)
    database: DatabaseSettings
    broker: BrokerSettings = Field(default_factory=BrokerSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    logs: LogSettings = Field(default_factory=LogSettings)


class GrpcServiceSettings(ServiceSettings):
    """What a service behind the gateway can be told.

    Attributes:
        caller_public_key: File with the gateway's public key (Ed25519, PEM), by which callers are verified.
        caller_issuer: Who must have signed a caller.
        caller_audience: For whom.
        relay_batch: Events published together, 1 to 5000.
    """

    caller_public_key: Path
    caller_issuer: str = "parkcarbon-gateway"
    caller_audience: str = "parkcarbon-services"
    relay_batch: int = Field(default=500, ge=1, le=5000)


def environment(prefix: str) -> SettingsConfigDict:
    """Returns the configuration of a settings class whose variables begin with `prefix`, such as `ACCOUNTING_`."""
    return SettingsConfigDict(frozen=True, extra="forbid", env_prefix=prefix, env_nested_delimiter="__", hide_input_in_errors=True)
