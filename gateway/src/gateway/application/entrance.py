"""Everything by which callers come in, put together."""

from dataclasses import dataclass

from gateway.application.access import Workshop
from gateway.application.auditing import Audit
from gateway.application.authentication import Doors
from gateway.application.connecting import Connections
from gateway.application.limiting import Quotas
from gateway.application.oauth import Issuing
from gateway.application.people import Reception
from gateway.application.people_ports import Guests


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
        connections: Tells which platforms are connected.
        issuer: Our name as an issuer of tokens: the URL of the root as callers see it.
    """

    doors: Doors
    workshop: Workshop
    issuing: Issuing
    reception: Reception
    guests: Guests
    quotas: Quotas
    audit: Audit
    connections: Connections
    issuer: str
