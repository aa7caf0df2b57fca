"""Where Kafka is, and how a service connects to it."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class KafkaSettings(BaseModel):
    """Where Kafka is, and how to speak to it.

    Attributes:
        bootstrap_servers: `host:port`, several separated by commas.
        security_protocol: Whether connections are encrypted (SSL) and who logs in (SASL).
        ca_file: PEM file with the authorities that may sign the brokers' certificates; without it, those of the system.
        certificate_file: PEM file with the client's own certificate, with `key_file`.
        key_file: PEM file with its key.
        sasl_mechanism: How to log in.
        sasl_user: As whom.
        sasl_password: With what.
        client_id: What the brokers' logs and quotas call this process.
        instance_id: A name that this replica keeps over restarts and shares with no other, None where there is no such name. With
            it a successor has the partitions of a killed process at once; a replica that goes for good keeps them for
            `session_seconds`.
        replication_factor: Of topics that are created; -1 leaves it to the brokers.
        connect_seconds: How long to wait for a first answer, s.
        publish_seconds: How long to wait for a confirmation, s.
        session_seconds: How long a member of a group may be silent before the others take over, s; a broker refuses less than 6
            unless it is told otherwise.
        stall_seconds: A consumer that gets nothing for so long although there is something is replaced by a new one, s.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str = Field(pattern=r"^[^,\s]+:\d+(,[^,\s]+:\d+)*$")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_user: str = ""
    sasl_password: SecretStr | None = None
    client_id: str = Field(default="parkcarbon", min_length=1)
    instance_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,249}$")
    replication_factor: int = Field(default=-1, ge=-1)
    connect_seconds: float = Field(default=10.0, gt=0.0)
    publish_seconds: float = Field(default=30.0, gt=0.0)
    session_seconds: float = Field(default=10.0, gt=0.0)
    stall_seconds: float = Field(default=30.0, gt=0.0)

    @model_validator(mode="after")
    def _fits_its_protocol(self) -> Self:
        logs_in = self.security_protocol.startswith("SASL")
        if logs_in and (self.sasl_mechanism is None or not self.sasl_user or self.sasl_password is None):
            raise ValueError(f"{self.security_protocol} needs sasl_mechanism, sasl_user and sasl_password")
        if not logs_in and (self.sasl_mechanism is not None or self.sasl_user or self.sasl_password is not None):
            raise ValueError(f"{self.security_protocol} logs nobody in: sasl_… would be ignored")
        if not self.security_protocol.endswith("SSL") and (self.ca_file or self.certificate_file or self.key_file):
            raise ValueError(f"{self.security_protocol} encrypts nothing: the certificate files would be ignored")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self
