"""Whether the gateway's database answers."""

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from chassis.database import Database, DatabaseUnavailable
from gateway.domain.errors import Unavailable


class SqlProbe:
    """A DatabaseProbe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self) -> None:
        """Returns when the database answers."""
        try:
            async with self._database.read() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, DatabaseUnavailable, OSError) as error:
            raise Unavailable("DATABASE_UNAVAILABLE") from error
