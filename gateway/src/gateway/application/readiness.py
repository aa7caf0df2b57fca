"""Whether the gateway can do its work."""

from collections.abc import Mapping

from gateway.application.ports import AccountingPort, DatabaseProbe
from gateway.domain.errors import GatewayError


async def readiness(accounting: AccountingPort, database: DatabaseProbe) -> Mapping[str, bool]:
    """Returns, for everything that a request needs, whether it answers."""
    answers = {}
    for name, check in (("accounting", accounting.check), ("database", database.check)):
        try:
            await check()
        except GatewayError:
            answers[name] = False
        else:
            answers[name] = True
    return answers
