"""The gateway's settings, from environment variables that begin with GATEWAY_; read by `main` only."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings

from chassis.channel import ChannelSettings
from chassis.settings import BrokerSettings, DatabaseSettings, LogSettings, environment
from chassis.telemetry import TelemetrySettings
from gateway.domain.access.audit import LEAST_DAYS
from gateway.domain.callers import Role


class HttpSettings(BaseModel):
    """Where the gateway listens.

    Attributes:
        host: Address to bind.
        port: Port to bind; 0 takes a free one.
        drain_seconds: How long running requests may take to end after a stop.
        allowed_origins: Web origins whose pages may call.
        trusted_proxies: Networks such as 10.1.0.0/16 of the proxies before the gateway. What such a proxy says of its client in
            X-Forwarded-For is believed, so that limits count clients and the audit log names them; of nobody else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    drain_seconds: int = Field(default=20, ge=0)
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()


class OidcSettings(BaseModel):
    """An OpenID Connect issuer; as `adapters.identity.oidc.TrustedIssuer`.

    Attributes:
        client_id: What this platform is there; people can sign in there if it is given.
        client_secret: With it; left out for a public client.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=8)
    audience: str = Field(min_length=1)
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    algorithms: tuple[str, ...] = ("RS256",)


class MailSettings(BaseModel):
    """How e-mail is sent; not at all without a folder or a host.

    Attributes:
        sender: The address that messages come from.
        folder: Where messages are written as files, for a platform without a mail server.
        smtp_host: A mail server; before `folder` if both are given.
        smtp_port: 465 speaks TLS from the start.
        smtp_user: "" to send without logging in.
        smtp_password: Of the user.
        smtp_encrypt: False only for a server on the same machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sender: str = "parkcarbon@localhost"
    folder: Path | None = None
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_encrypt: bool = True


class AccessSettings(BaseModel):
    """How callers are authenticated.

    Attributes:
        audience: For whom our own access tokens are meant.
        access_token_seconds: How long one lives.
        refresh_token_seconds: How long a refresh token may wait for its exchange.
        oidc: Issuers whose tokens are accepted; JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    audience: str = "parkcarbon"
    access_token_seconds: int = Field(default=900, ge=10, le=900)
    refresh_token_seconds: int = Field(default=14 * 86_400, ge=60)
    oidc: tuple[OidcSettings, ...] = ()


class BootstrapToken(BaseModel):
    """A token that is in force from the start.

    Attributes:
        sha256: Lower-case hexadecimal SHA-256 of the token, which is itself never configured.
        subject: Whom it stands for.
        tenant: In which tenant.
        roles: As what.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    subject: str = Field(min_length=1)
    tenant: str = Field(min_length=1)
    roles: frozenset[Role] = Field(min_length=1)


class WebhookSettings(BaseModel):
    """What webhooks may be sent to.

    Attributes:
        allowed_networks: Networks such as 10.1.0.0/16 that are allowed beside public addresses.
        plain_http: Whether http is allowed beside https.
        seconds: How long one delivery may take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    allowed_networks: tuple[IPvAnyNetwork, ...] = ()
    plain_http: bool = False
    seconds: float = Field(default=10.0, gt=0.0, le=30.0)


class RetentionSettings(BaseModel):
    """How long the audit log and the change feed are kept; for ever unless days are given.

    Attributes:
        audit_days: Entries of the audit log.
        feed_days: Changes of the feed; a mirror or webhook that was away for longer has to begin anew.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    audit_days: int | None = Field(default=None, ge=LEAST_DAYS, le=36_500)
    feed_days: int | None = Field(default=None, ge=7, le=36_500)


class LimitSettings(BaseModel):
    """How much a request may carry; as `domain.limits.Limits`, and how long a caller is remembered.

    Attributes:
        known_callers: Callers remembered at a time.
        known_seconds: How long a caller is remembered, and so how long a withdrawn token still works.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    upload_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
    rows: int = Field(default=100_000, ge=1)
    stream_bytes: int = Field(default=2 * 1024 * 1024 * 1024, ge=1024)
    stream_rows: int = Field(default=10_000_000, ge=1)
    row_bytes: int = Field(default=64 * 1024, ge=256)
    body_bytes: int = Field(default=64 * 1024, ge=256)
    body_seconds: float = Field(default=60.0, gt=0.0)
    batch_rows: int = Field(default=5_000, ge=1, le=10_000)
    batch_bytes: int = Field(default=4 * 1024 * 1024, ge=64 * 1024, le=12 * 1024 * 1024)
    uploads_in_memory_bytes: int = Field(default=256 * 1024 * 1024, ge=1024)
    unpacked_bytes: int = Field(default=256 * 1024 * 1024, ge=1024)
    worker_memory_bytes: int = Field(default=512 * 1024 * 1024, ge=128 * 1024 * 1024)
    worker_cpu_seconds: int = Field(default=30, ge=1)
    workers: int = Field(default=2, ge=1)
    requests_per_minute: int = Field(default=60_000, ge=1)
    open_requests_per_minute: int = Field(default=600, ge=1)
    known_callers: int = Field(default=10_000, ge=1)
    known_seconds: float = Field(default=30.0, ge=0.0)


class GatewaySettings(BaseSettings):
    """The gateway's settings; `GATEWAY_HTTP__PORT` sets `http.port`, and lists are JSON.

    Attributes:
        http: Where it listens.
        database: Where it keeps tokens and the change feed.
        broker: Where events come from, as a process of its own; in one process with the services it is given one.
        accounting: Where the accounting service is.
        evaluation: Where the evaluation service is; without it its routes answer 503.
        caller_private_key: File with the Ed25519 key (PKCS#8 PEM) that callers are signed with.
        caller_issuer: Named as the signer.
        caller_audience: For whom callers are signed.
        bootstrap_tokens: Tokens that are in force from the start. One that is taken off the list stays in force.
        public_url: The root as callers see it, without a slash at the end; our name as an issuer of tokens.
        access: How callers are authenticated.
        mail: How e-mail is sent to people.
        limits: How much a request may carry.
        webhooks: What webhooks may be sent to.
        retention: How long the audit log and the change feed are kept.
        telemetry: What it reports.
        logs: What it logs.
    """

    model_config = environment("GATEWAY_")

    http: HttpSettings = Field(default_factory=HttpSettings)
    database: DatabaseSettings
    broker: BrokerSettings = Field(default_factory=BrokerSettings)
    accounting: ChannelSettings
    evaluation: ChannelSettings | None = None
    caller_private_key: Path
    caller_issuer: str = "parkcarbon-gateway"
    caller_audience: str = "parkcarbon-services"
    bootstrap_tokens: tuple[BootstrapToken, ...] = ()
    public_url: str = Field(default="http://127.0.0.1:8080", pattern=r"^https?://[^/?#]+(/[^?#]*[^/?#])?$")
    access: AccessSettings = Field(default_factory=AccessSettings)
    mail: MailSettings = Field(default_factory=MailSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    logs: LogSettings = Field(default_factory=LogSettings)
