"""Who did what: an entry for each request of a known caller, never changed, and taken away by its age alone."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A request that was answered.

    Attributes:
        subject: The caller.
        auth_method: By what the caller was authenticated: token, key, signature, session, access_token, oidc.
        operation: The name of the operation in the API; "" for an address that nothing is served at.
        park_id: Of the park in the address, "" for none.
        path: Without the query.
        status: Of the answer.
        address: Where it came from, as the gateway or a proxy that it trusts saw it; "" in entries of before that was kept.
    """

    tenant_id: str
    subject: str
    auth_method: str
    method: str
    operation: str
    park_id: str
    path: str
    status: int
    request_id: str
    address: str
    time: datetime


LEAST_DAYS = 30
"""How long an entry is kept at least, whatever the settings say: the database lets nobody take a younger one away."""


def removal(tenant_id: str, removed: int, before: datetime, now: datetime) -> Entry:
    """Returns the entry that stands in the log for those of a tenant that were taken away.

    Args:
        tenant_id: Whose they were.
        removed: How many, >= 1.
        before: They were older than this.
        now: When they were taken away.
    """
    return Entry(
        tenant_id=tenant_id,
        subject="parkcarbon",
        auth_method="retention",
        method="DELETE",
        operation="expire_audit_log",
        park_id="",
        path=f"/v1/audit?entries={removed}&before={before.astimezone(UTC).isoformat().replace('+00:00', 'Z')}",
        status=200,
        request_id="",
        address="",
        time=now,
    )


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with its place in the log."""

    position: int
    entry: Entry
