"""Closed inventories as the gateway asks accounting for them: who may ask what, and nothing of what the answers say.

Questions go through by name, as those to the evaluation do.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.domain.callers import Action, Caller

Members = Mapping[str, Any]
"""A message by the names of its proto file; decimals as text."""


class InventoryPort(Protocol):
    """What accounting keeps for good. Every method acts for `caller` and inside its tenant.

    Every method raises AccountingRefused with accounting's own reason, or Unavailable when it does not answer.
    """

    async def ask(self, caller: Caller, question: str, members: Members) -> dict[str, Any]:
        """Asks an rpc by its name, and returns the members of its answer, those without a value too."""
        ...


ACTIONS: Mapping[str, Action] = {
    "CloseInventory": Action.RECORD,
    "ListInventories": Action.READ,
    "GetInventory": Action.READ,
    "ListInventoryLines": Action.READ,
    "ReplayInventory": Action.READ,
    "WriteFinding": Action.VERIFY,
    "AnswerFinding": Action.RECORD,
    "CloseFinding": Action.VERIFY,
    "ListFindings": Action.READ,
    "PublishInventory": Action.PUBLISH,
    "WithdrawPublication": Action.PUBLISH,
    "ListPublishedParks": Action.PUBLISHED,
    "ListPublications": Action.PUBLISHED,
    "ReleaseRegions": Action.RELEASE,
    "GetRegionRelease": Action.PUBLISHED,
}
"""What each question needs of its caller."""


async def ask(inventories: InventoryPort, caller: Caller, question: str, members: Members) -> dict[str, Any]:
    """Asks a question that the caller may ask.

    Raises:
        RoleMissing, ScopeMissing: the caller may not.
    """
    caller.must(ACTIONS[question])
    return await inventories.ask(caller, question, members)
