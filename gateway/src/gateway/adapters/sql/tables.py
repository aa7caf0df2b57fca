"""The gateway's own tables. Each carries its tenant and its park; a park of "" means the tenant as a whole."""

from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Table, Text

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.inbox import inbox_table
from chassis.outbox import outbox_table
from gateway.adapters.sql.access_tables import AccessTables, access_tables
from gateway.adapters.sql.audit_tables import AuditTables, audit_tables
from gateway.adapters.sql.people_tables import PeopleTables, people_tables
from gateway.adapters.sql.push_tables import StoreTables, store_tables


@dataclass(frozen=True, slots=True)
class Tables:
    """The gateway's tables, over one metadata.

    Attributes:
        bearer_token: SHA-256 of each token and whom it stands for; never the token.
        change_counter: The last position given in each tenant.
        change: The change feed.
        park_place: In which region each park lies that was heard of.
        inbox: Events already heard.
        outbox: Events that are not yet told.
        connected_platform: When each platform was first seen at each park.
        audit: The audit log, and quotas.
        access: Callers and their credentials.
        people: Logins, codes and sessions.
        store: Files, jobs, mapping profiles and idempotency keys.
    """

    bearer_token: Table
    change_counter: Table
    change: Table
    park_place: Table
    inbox: Table
    outbox: Table
    connected_platform: Table
    audit: AuditTables
    access: AccessTables
    people: PeopleTables
    store: StoreTables


def tables(metadata: MetaData) -> Tables:
    """Adds the gateway's tables to a metadata."""
    return Tables(
        bearer_token=Table(
            "bearer_token",
            metadata,
            Column("sha256", Text, primary_key=True),
            Column("tenant_id", Text, nullable=False),
            Column("park_id", Text, nullable=False),
            Column("subject", Text, nullable=False),
            Column("roles", Text, nullable=False),
            Column("granted_at", UtcDateTime, nullable=False),
            sqlite_strict=True,
        ),
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
        inbox=inbox_table(metadata),
        outbox=outbox_table(metadata),
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
        audit=audit_tables(metadata),
        access=access_tables(metadata),
        people=people_tables(metadata),
        store=store_tables(metadata),
    )
