"""Whether the gateway can do its work."""

from collections.abc import Mapping

from gateway.application.ports import AccountingPort, DatabaseProbe, EventsProbe
from gateway.domain.errors import GatewayError


async def readiness(accounting: AccountingPort, database: DatabaseProbe, events: EventsProbe) -> tuple[bool, Mapping[str, bool]]:
    """Says whether requests can be answered, and what of the gateway works.

    A gateway that receives no events is ready all the same: its change feed stands still, and everything else goes on. A broker
    that is unavailable, or a flood of dead letters, would otherwise take every replica out of service at once.

    Returns:
        Whether everything that a request needs answers; and of each part whether it does.
    """
    answers = {}
    for name, check in (("accounting", accounting.check), ("database", database.check)):
        try:
            await check()
        except GatewayError:
            answers[name] = False
        else:
            answers[name] = True
    return all(answers.values()), answers | {"events": events.hears}
