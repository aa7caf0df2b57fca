"""Platforms that are connected to a park: programs that push data of an enterprise into it, or pull it for a region."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.domain.callers import Caller, Role

MACHINES = frozenset({"key", "signature", "access_token"})
"""Ways in that only a program has. A session is a person's; a token of an identity provider may be either's, and a token of the
configuration names nobody who is registered."""


class PlatformKind(StrEnum):
    """What a platform does with a park."""

    ENTERPRISE = "enterprise"
    """It pushes data of an enterprise, and rows of it were accepted."""
    REGION = "region"
    """It reads the park, or changes of it, for a region."""


_ROLES = {PlatformKind.ENTERPRISE: Role.ENTERPRISE, PlatformKind.REGION: Role.REGION_READER}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformConnected:
    """The fact that a platform was first seen at a park.

    Attributes:
        platform_id: The caller that it calls as.
        enterprises: Ids of the enterprises whose data it may push into the park, ascending; of the kind ENTERPRISE.
        regions: Beginnings of the region codes that it may read, ascending; of the kind REGION.
        auth_method: By what it was authenticated.
    """

    tenant_id: str
    park_id: str
    platform_id: str
    kind: PlatformKind
    enterprises: tuple[str, ...]
    regions: tuple[str, ...]
    auth_method: str
    connected_time: datetime


def connects(caller: Caller, auth_method: str, kind: PlatformKind) -> bool:
    """Says whether a caller is a platform of a kind: it came by a way of machines, and has the role.

    >>> caller = Caller("mes", "t", frozenset({Role.ENTERPRISE}), enterprises=frozenset({"p/mill"}))
    >>> [connects(caller, way, PlatformKind.ENTERPRISE) for way in ("key", "session")], connects(caller, "key", PlatformKind.REGION)
    ([True, False], False)
    """
    return auth_method in MACHINES and _ROLES[kind] in caller.roles


def connected(caller: Caller, auth_method: str, kind: PlatformKind, park_id: str, now: datetime) -> PlatformConnected:
    """Returns the fact that a caller was seen at a park."""
    enterprises = sorted(each.partition("/")[2] for each in caller.enterprises or () if each.partition("/")[0] == park_id)
    return PlatformConnected(
        tenant_id=caller.tenant,
        park_id=park_id,
        platform_id=caller.subject,
        kind=kind,
        enterprises=tuple(enterprises) if kind is PlatformKind.ENTERPRISE else (),
        regions=tuple(sorted(caller.regions or ())) if kind is PlatformKind.REGION else (),
        auth_method=auth_method,
        connected_time=now,
    )
