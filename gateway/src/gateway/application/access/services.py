"""Everything by which callers come in, put together."""

from dataclasses import dataclass

from gateway.application.access.authentication import Doors
from gateway.application.access.callers import Workshop
from gateway.application.access.people import Reception
from gateway.application.access.ports import AuditLog, Guests
from gateway.application.access.rate_limit import Quotas
from gateway.application.access.token_issuance import Issuing
from gateway.application.feed.ports import Platforms


@dataclass(frozen=True, slots=True)
class Entrance:
    """The ways in.

    Attributes:
        doors: What requests are checked by.
        workshop: What keys are made with.
        issuing: What access tokens are given out with.
        reception: What people are received with.
        guests: Where people of other identity providers come from.
        quotas: Counts requests.
        audit: Keeps who did what.
        platforms: Tells which platforms are connected.
        issuer: Our name as an issuer of tokens: the URL of the root as callers see it.
    """

    doors: Doors
    workshop: Workshop
    issuing: Issuing
    reception: Reception
    guests: Guests
    quotas: Quotas
    audit: AuditLog
    platforms: Platforms
    issuer: str
