"""Who did what: an entry for each request of a known caller, never changed and never taken away."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A request that was answered.

    Attributes:
        subject: Who asked.
        way: How it was told who asks: token, key, signature, session, access_token, oidc.
        operation: What was asked for, by the API's name of it; "" for an address that nothing is served at.
        park_id: Of the park in the address, "" for none.
        path: Without the query.
        status: Of the answer.
    """

    tenant_id: str
    subject: str
    way: str
    method: str
    operation: str
    park_id: str
    path: str
    status: int
    request_id: str
    time: datetime


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """An entry with its place in the log."""

    position: int
    entry: Entry
