"""The tables of the smallest service there is: an outbox, an inbox, and one table to have an effect on."""

from sqlalchemy import Column, Integer, MetaData, Table, Text

from chassis.database import Database
from chassis.inbox import inbox_table
from chassis.outbox import outbox_table


class ExampleSchema:
    """Tables for tests of what works over any service's database.

    Attributes:
        metadata: Holds the three.
        outbox: Made by `outbox_table`.
        inbox: Made by `inbox_table`.
        effect: `id` and `name`.
    """

    def __init__(self) -> None:
        """Declares the tables."""
        self.metadata = MetaData()
        self.outbox = outbox_table(self.metadata)
        self.inbox = inbox_table(self.metadata)
        self.effect = Table(
            "effect",
            self.metadata,
            Column("id", Integer, primary_key=True),
            Column("name", Text, nullable=False),
            sqlite_strict=True,
        )

    async def create(self, database: Database) -> None:
        """Creates what is missing."""
        async with database.begin() as session:
            await (await session.connection()).run_sync(self.metadata.create_all)
            await session.commit()
