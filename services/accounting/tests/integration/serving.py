"""A process that serves the account until it is killed. Usage: serving.py DATABASE_URL FOLDER; prints its address."""

import asyncio
import sys
from pathlib import Path

from accounting.main import build
from accounting.settings import AccountingSettings
from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.server import run_until_signalled
from services.accounting.tests.integration.stand import registry, settings_for


async def serve(url: str, folder: Path) -> None:
    """Serves with the key and the log of a folder."""
    clock = SystemClock()
    settings: AccountingSettings = settings_for(url, folder / "caller.pem")
    service = build(settings, clock=clock, broker=EmbeddedLog(folder / "log.sqlite3", registry(), clock=clock))

    class Announced:
        async def start(self) -> None:
            await service.start()
            print(service.grpc_address, flush=True)

        async def stop(self) -> None:
            await service.stop()

    await run_until_signalled(Announced())


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
