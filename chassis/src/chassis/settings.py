"""Settings of a service: one frozen class, read from the environment by its main and by nobody else."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.database import Database, Timeouts
from chassis.logs import Level, Renderer
from chassis.server import ServerSettings
from chassis.telemetry import Telemetry, TelemetrySettings


class DatabaseSettings(BaseModel):
    """Where a service keeps its data.

    Attributes:
        url: As `Database` takes it; secret, as it may hold a password.
        pool_size: Connections, >= 1.
        timeouts: See there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr
    pool_size: int = Field(default=10, ge=1)
    timeouts: Timeouts = Field(default_factory=Timeouts)

    def open(self, telemetry: Telemetry | None = None) -> Database:
        """Makes the database these settings describe."""
        return Database(self.url.get_secret_value(), pool_size=self.pool_size, timeouts=self.timeouts, telemetry=telemetry)


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
        telemetry: What it reports.
        logs: What it logs.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_nested_delimiter="__")

    server: ServerSettings = Field(default_factory=ServerSettings)
    database: DatabaseSettings
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    logs: LogSettings = Field(default_factory=LogSettings)


def environment(prefix: str) -> SettingsConfigDict:
    """Returns the configuration of a settings class whose variables begin with `prefix`, such as `ACCOUNTING_`."""
    return SettingsConfigDict(frozen=True, extra="forbid", env_prefix=prefix, env_nested_delimiter="__", hide_input_in_errors=True)
