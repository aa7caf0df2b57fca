"""The services behind the gateway: one way to ask each of them, by the name of an rpc.

Nothing here knows what an answer says: a figure that this module knew would be one that it could get wrong.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.domain.callers import Action, Caller, Role
from gateway.domain.errors import ServiceRefused
from kernel.refusals import Kind

Members = Mapping[str, Any]
"""A request by the field names of its proto file; decimals as text."""


class ServicePort(Protocol):
    """A service. Every method acts for `caller` and inside its tenant.

    Every method raises ServiceRefused with the service's own reason, or Unavailable when it does not answer.
    """

    async def ask(self, caller: Caller, rpc: str, members: Members, language: str = "en") -> dict[str, Any]:
        """Calls an rpc and returns the members of its response as the HTTP API shows them, with sentences in a language."""
        ...

    async def download(self, caller: Caller, rpc: str, members: Members) -> tuple[bytes, str]:
        """Calls an rpc whose response is a file; returns its content and media type."""
        ...


async def ask(
    service: ServicePort, caller: Caller, permission: Action, rpc: str, members: Members, language: str = "en"
) -> dict[str, Any]:
    """Calls an rpc that the caller may call.

    Raises:
        RoleMissing, ScopeMissing: The caller may not.
    """
    caller.must(permission)
    return await service.ask(caller, rpc, members, language)


async def download(service: ServicePort, caller: Caller, permission: Action, rpc: str, members: Members) -> tuple[bytes, str]:
    """Calls an rpc for a file, as `ask`."""
    caller.must(permission)
    return await service.download(caller, rpc, members)


async def must_see_park(accounting: ServicePort, caller: Caller, park_id: str) -> None:
    """Passes when a park exists within the caller's bounds, as accounting sees them.

    Raises:
        ServiceRefused: It does not.
    """
    await accounting.ask(caller, "GetPark", {"park_id": park_id})


async def region_of(accounting: ServicePort, tenant_id: str, park_id: str) -> str:
    """Returns the region code of a park, "" where the tenant has no such park.

    The gateway asks in its own name, as a reader of this park who may see nothing else: whoever needs the answer may be one whom
    the park's region keeps out.

    Raises:
        Unavailable: Accounting does not answer.
        ServiceRefused: It failed.
    """
    parks = frozenset({park_id})
    gateway = Caller("gateway", tenant_id, frozenset({Role.READER}), frozenset({Action.READ_OWN}), parks)
    try:
        found = await accounting.ask(gateway, "GetPark", {"park_id": park_id})
    except ServiceRefused as refused:
        if refused.kind == Kind.NOT_FOUND:
            return ""
        raise
    return str(found["park"]["region_code"])
