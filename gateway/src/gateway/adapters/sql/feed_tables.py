"""The tables of the change feed, of webhooks and of connected platforms."""

from dataclasses import dataclass

from sqlalchemy import Column, Index, MetaData, Table, Text

from chassis.columns import UtcDateTime, big_integer, identifier


@dataclass(frozen=True, slots=True)
class FeedTables:
    """The tables, over one metadata.

    Attributes:
        change_counter: The last position given in each tenant.
        change: The change feed.
        park_place: The region of each park that an event has named; "" until it is known.
        connected_platform: When each platform was first seen at each park.
        webhook: Where changes are sent to.
        webhook_delivery: A row per attempt.
    """

    change_counter: Table
    change: Table
    park_place: Table
    connected_platform: Table
    webhook: Table
    webhook_delivery: Table


def feed_tables(metadata: MetaData) -> FeedTables:
    """Adds the tables to a metadata."""
    return FeedTables(
        change_counter=Table(
            "change_counter",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("park_id", Text, primary_key=True),
            Column("last_position", big_integer(), nullable=False),
            sqlite_strict=True,
        ),
        change=Table(
            "change",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("position", big_integer(), primary_key=True, autoincrement=False),
            Column("park_id", Text, nullable=False),
            Column("topic", Text, nullable=False),
            Column("type", Text, nullable=False),
            Column("time", Text, nullable=False),
            Column("event_id", Text, nullable=False),
            Column("data_json", Text, nullable=False),
            sqlite_strict=True,
        ),
        park_place=Table(
            "park_place",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("park_id", Text, primary_key=True),
            Column("region_code", Text, nullable=False),
            sqlite_strict=True,
        ),
        connected_platform=Table(
            "connected_platform",
            metadata,
            Column("tenant_id", identifier(), primary_key=True),
            Column("park_id", identifier(), primary_key=True),
            Column("platform_id", identifier(), primary_key=True),
            Column("kind", Text, primary_key=True),
            Column("connected_time", UtcDateTime, nullable=False),
            sqlite_strict=True,
        ),
        webhook=Table(
            "webhook",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("webhook_id", Text, primary_key=True),
            Column("park_id", Text, nullable=False),
            Column("webhook_json", Text, nullable=False),
            Column("active", big_integer(), nullable=False),
            Column("due_time", UtcDateTime, nullable=False),
            Column("lease_until", UtcDateTime, nullable=False),
            Column("made_time", UtcDateTime, nullable=False),
            Index("webhook_by_time", "active", "due_time"),
            sqlite_strict=True,
        ),
        webhook_delivery=Table(
            "webhook_delivery",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("webhook_id", Text, primary_key=True),
            Column("position", big_integer(), primary_key=True, autoincrement=False),
            Column("attempt", big_integer(), primary_key=True, autoincrement=False),
            Column("park_id", Text, nullable=False),
            Column("status", big_integer(), nullable=False),
            Column("outcome", Text, nullable=False),
            Column("time", UtcDateTime, nullable=False),
            sqlite_strict=True,
        ),
    )
