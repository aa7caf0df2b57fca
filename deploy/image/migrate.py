"""Brings the schema of this image's service up to date, and ends; the database is the one its own variables name.

Services do the same when they start. Run before an upgrade, this keeps a migration that takes long, or fails, away from the
replicas that serve.
"""

import asyncio
import os

from chassis.database import Database, Timeouts


async def main() -> None:
    """Migrates; ends with an error, and with nothing changed, when a migration fails."""
    service = os.environ["PARKCARBON_SERVICE"]
    # a migration may rewrite a table: nobody waits for it, so it has an hour
    timeouts = Timeouts(statement_seconds=3600, lock_seconds=60)
    database = Database(os.environ[f"{service.upper()}_DATABASE__URL"], pool_size=1, timeouts=timeouts)
    try:
        await database.migrate(f"{service}.adapters.migrations")
    finally:
        await database.dispose()
    print(f"the schema of {service} is up to date")


if __name__ == "__main__":
    asyncio.run(main())
