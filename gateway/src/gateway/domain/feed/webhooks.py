"""Webhooks: where changes are sent to, how they are signed, and when a failure is tried again."""

import base64
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from gateway.domain.access.authority import Authority
from gateway.domain.callers import Caller
from gateway.domain.errors import GatewayError, ParameterInvalid
from gateway.domain.feed.changes import Change

PAUSES = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=12),
    timedelta(hours=12),
    timedelta(hours=12),
)
"""How long after each failure in a row the same change is sent again; after the last the webhook is disabled, in three days."""

GONE = 410
"""The status by which a target says that it wants nothing more."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class WebhookUnknown(GatewayError):
    """There is no such webhook in the caller's tenant."""

    kind = "not_found"

    def __init__(self, webhook_id: str) -> None:
        super().__init__("WEBHOOK_NOT_FOUND", found=webhook_id)


class TooManyWebhooks(GatewayError):
    """The caller, or its tenant, has as many webhooks as it may."""

    kind = "conflict"

    def __init__(self, *, allowed: int, allowed_own: int) -> None:
        super().__init__("TOO_MANY_WEBHOOKS", allowed=str(allowed), allowed_own=str(allowed_own))


MOST_WEBHOOKS = 20
"""The most webhooks of a tenant."""

MOST_OWN_WEBHOOKS = 5
"""The most webhooks of one caller, so that no caller takes those of its tenant."""


@dataclass(frozen=True, slots=True)
class TargetRules:
    """What a webhook may be sent to.

    Attributes:
        networks: Allowed beside the addresses that everyone on the internet reaches.
        plain_http: Whether http is allowed beside https.
    """

    networks: Sequence[Network] = ()
    plain_http: bool = False

    def check_url(self, url: str) -> None:
        """Refuses an address that could never be a target; where its name leads is checked at each delivery.

        Raises:
            ParameterInvalid: Another scheme, no host, a user, a fragment, or too long.
        """
        schemes = ("https", "http") if self.plain_http else ("https",)
        try:
            parts = urlsplit(url)
            _ = parts.port
            fits = bool(
                parts.scheme in schemes
                and parts.hostname
                and parts.username is None
                and not parts.fragment
                and url.isascii()
                and url.isprintable()
                and " " not in url
                and len(url) <= 2000
            )
        except ValueError:
            fits = False
        if not fits:
            allowed = f"{' or '.join(schemes)}://host/path without user and fragment, at most 2000 characters"
            allowed_zh = f"{' 或 '.join(schemes)}://主机/路径,不含用户名和片段,最多 2000 个字符"
            raise ParameterInvalid(field="url", found=url, allowed=allowed, allowed_zh=allowed_zh)
        try:
            address = ipaddress.ip_address(parts.hostname or "")
        except ValueError:
            return
        if not self.allows(address):
            raise ParameterInvalid(field="url", found=url, allowed="a public address", allowed_zh="公网地址")

    def allows(self, address: Address) -> bool:
        """Tells whether an address may be connected to: not the platform's own network, nor anything that is local to anyone.

        >>> rules = TargetRules()
        >>> [rules.allows(ipaddress.ip_address(a)) for a in ("8.8.8.8", "10.0.0.1", "127.0.0.1", "169.254.169.254", "::1")]
        [True, False, False, False, False]
        >>> rules.allows(ipaddress.ip_address("::ffff:127.0.0.1")), rules.allows(ipaddress.ip_address("64:ff9b::7f00:1"))
        (False, False)
        """
        embedded = address.ipv4_mapped or address.sixtofour or None if isinstance(address, ipaddress.IPv6Address) else None
        if embedded is not None:
            return self.allows(embedded)
        if any(address in network for network in self.networks if network.version == address.version):
            return True
        return address.is_global and not address.is_multicast and address not in _NAT64


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a webhook is disabled.

    Attributes:
        reason: A key of `messages.REASONS`.
        facts: What its sentence is made from.
    """

    reason: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where a tenant's changes are sent to.

    Attributes:
        webhook_id: Chosen by the platform.
        url: The target.
        types: The facts that are sent, by their short names; none for all.
        caller: Who made or resumed it, as it stood then: what it does not reach is not sent.
        sealed_secret: What deliveries are signed with.
        position: The last change that was delivered or passed over.
        active: Whether changes are sent.
        failures: In a row, for the next change.
        due_time: When it is next looked at.
        made_time: When it was made.
        auth_method: By what the caller came in, "" where that was not stored.
        credential: By which one, as `Authority` has it.
        problem: Why it is disabled; None while it is active, and where that was not stored.
        held_until: Until when the sender that took it has it; None for whoever only looks at it. No two senders have the same.
    """

    webhook_id: str
    url: str
    types: frozenset[str]
    caller: Caller
    sealed_secret: str
    position: int
    active: bool
    failures: int
    due_time: datetime
    made_time: datetime
    auth_method: str = ""
    credential: str = ""
    problem: Problem | None = None
    held_until: datetime | None = None

    @property
    def authority(self) -> Authority:
        """In whose name changes are sent."""
        return Authority(self.caller, self.auth_method, self.credential)

    def disabled(self, reason: str, /, **facts: str) -> "Webhook":
        """Returns it disabled for a reason."""
        return replace(self, active=False, problem=Problem(reason, facts))

    def resumed(self, authority: Authority, position: int, now: datetime) -> "Webhook":
        """Returns it active again after a position, in the name of an authority."""
        return replace(
            self,
            caller=authority.caller,
            auth_method=authority.auth_method,
            credential=authority.credential,
            position=position,
            active=True,
            failures=0,
            due_time=now,
            problem=None,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt.

    Attributes:
        position: Of the change.
        attempt: Of this change, from 1.
        status: What the target answered; 0 where it did not.
        outcome: `delivered`, or why not.
    """

    position: int
    attempt: int
    status: int
    outcome: str
    time: datetime


def cloud_event(change: Change) -> bytes:
    """Returns a change as a CloudEvent in structured JSON; its id is the fact's own, so that a repetition is known.

    Source: CloudEvents 1.0.2, JSON format 1.0.2.
    """
    event = {
        "specversion": "1.0",
        "id": change.event_id,
        "source": "/v1/changes",
        "type": change.type,
        "subject": f"parks/{change.park_id}",
        "time": change.time,
        "datacontenttype": "application/json",
        "parkcarbonposition": str(change.position),
        "data": json.loads(change.data_json),
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Returns the signature of a delivery, `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.

    Source: Standard Webhooks 1.0.0.

    >>> secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
