"""Answers of the platform itself as frozen values: callers, keys, the audit log, webhooks, documents, profiles, changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Who:
    """The caller of a request with roles, scopes and bounds; None is no bound."""

    caller_id: str
    tenant_id: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    parks: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    enterprises: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Caller:
    """A registered caller; a bound that is None does not limit it."""

    caller_id: str
    tenant_id: str
    name: str
    roles: tuple[str, ...]
    active: bool
    registered_time: datetime
    parks: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    enterprises: tuple[str, ...] | None = None
    issuer: str | None = None
    external_subject: str | None = None


@dataclass(frozen=True)
class Login:
    """How a caller signs in."""

    caller_id: str
    login: str


@dataclass(frozen=True)
class Key:
    """A key without its secret; `kind` is api, client or signing."""

    key_id: str
    caller_id: str
    kind: str
    name: str
    created_time: datetime
    expires_time: datetime
    scopes: tuple[str, ...] | None = None
    revoked_time: datetime | None = None


@dataclass(frozen=True)
class NewKeyMade:
    """A key that was just made. Keep `secret` now: it is shown this once.

    Attributes:
        api_key: What is sent as the token, `<key_id>.<secret>`; only of a key of the kind api.
        replaces: The key that this one is the next of; it works for a day more.
    """

    key_id: str
    caller_id: str
    kind: str
    name: str
    created_time: datetime
    expires_time: datetime
    secret: str
    api_key: str | None = None
    scopes: tuple[str, ...] | None = None
    revoked_time: datetime | None = None
    replaces: Key | None = None

    def __repr__(self) -> str:
        """Leaves the secret out: values are printed and logged."""
        return f"NewKeyMade(key_id={self.key_id!r}, caller_id={self.caller_id!r}, kind={self.kind!r}, secret=…)"


@dataclass(frozen=True)
class AuditEntry:
    """A request of a known caller, and how it was answered."""

    position: int
    time: datetime
    caller_id: str
    way: str
    operation: str
    method: str
    path: str
    park_id: str
    status: int
    request_id: str


@dataclass(frozen=True)
class AuditPage:
    """Entries in order; go on from `next`."""

    entries: tuple[AuditEntry, ...]
    next: str
    more: bool


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver a change; status 0 where the target did not answer."""

    position: int
    attempt: int
    status: int
    outcome: str
    time: datetime


@dataclass(frozen=True)
class WebhookProblem:
    """Why a webhook is disabled: a reason for programs, and a sentence in the client's language."""

    reason: str
    message: str


@dataclass(frozen=True)
class Webhook:
    """A webhook: `position` is the last change that it has delivered, `state` active or disabled.

    Attributes:
        problem: Why it is disabled; None while it is active.
        secret: What deliveries are signed with; only in the answer that makes the webhook.
        deliveries: The latest; only where one webhook is asked for.
    """

    webhook_id: str
    url: str
    types: tuple[str, ...]
    made_by: str
    made_time: datetime
    position: int
    state: str
    failures: int
    due_time: datetime
    secret: str | None = None
    deliveries: tuple[Delivery, ...] = ()
    problem: WebhookProblem | None = None

    def __repr__(self) -> str:
        """Leaves the secret out: values are printed and logged."""
        return f"Webhook(webhook_id={self.webhook_id!r}, url={self.url!r}, position={self.position}, state={self.state!r})"


@dataclass(frozen=True)
class DocumentFile:
    """The file of a document."""

    sha256: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True)
class Document:
    """A version of a document; `views` counts those of all versions, `owner` is None where it is the tenant's."""

    document_id: str
    version: int
    kind: str
    title: str
    issuing_body: str
    issued_date: str
    saved_time: datetime
    saved_by: str
    summary: str = ""
    file: DocumentFile | None = None
    views: int | None = None
    owner: str | None = None


@dataclass(frozen=True)
class MonthCount:
    """How many in a month, YYYY-MM."""

    month: str
    count: int


@dataclass(frozen=True)
class TitleCount:
    """How often a document was viewed."""

    document_id: str
    title: str
    views: int


@dataclass(frozen=True)
class BodyCount:
    """How many documents an issuing body has in the library."""

    issuing_body: str
    documents: int


@dataclass(frozen=True)
class DocumentStatistics:
    """What the library holds and what of it is read."""

    added: tuple[MonthCount, ...]
    views: tuple[MonthCount, ...]
    top_titles: tuple[TitleCount, ...]
    top_issuing_bodies: tuple[BodyCount, ...]


@dataclass(frozen=True)
class SavedProfile:
    """A version of a mapping profile: how a sender's own files are read. `owner` is None where it is the tenant's."""

    profile_id: str
    version: int
    saved_time: datetime
    saved_by: str
    columns: Mapping[str, str]
    ignore_other_columns: bool
    defaults: Mapping[str, str]
    units: Mapping[str, str]
    utc_offset: str
    owner: str | None = None


@dataclass(frozen=True)
class Change:
    """One event of the change feed."""

    position: int
    topic: str
    type: str
    park_id: str
    time: datetime
    event_id: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class ChangePage:
    """Events in order. Keep `next` once they are applied: the next request begins there, also after a restart."""

    changes: tuple[Change, ...]
    next: str
    more: bool
