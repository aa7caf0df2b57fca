"""The gateway's own tables. Each carries its tenant and its park; a park of "" means the tenant as a whole."""

from dataclasses import dataclass

from sqlalchemy import MetaData, Table

from chassis.inbox import inbox_table
from chassis.outbox import outbox_table
from gateway.adapters.sql.access_tables import AccessTables, access_tables
from gateway.adapters.sql.audit_tables import AuditTables, audit_tables
from gateway.adapters.sql.feed_tables import FeedTables, feed_tables
from gateway.adapters.sql.library_tables import LibraryTables, library_tables
from gateway.adapters.sql.people_tables import PeopleTables, people_tables
from gateway.adapters.sql.push_tables import PushTables, push_tables


@dataclass(frozen=True, slots=True)
class Tables:
    """The gateway's tables, over one metadata.

    Attributes:
        inbox: Events that were applied already.
        outbox: Events that are not yet published.
        access: Callers and their credentials.
        audit: The audit log, and quotas.
        people: Logins, codes and sessions.
        push: Files, jobs, mapping profiles and idempotency keys.
        feed: Changes, webhooks and connected platforms.
        library: Documents.
    """

    inbox: Table
    outbox: Table
    access: AccessTables
    audit: AuditTables
    people: PeopleTables
    push: PushTables
    feed: FeedTables
    library: LibraryTables


def tables(metadata: MetaData) -> Tables:
    """Adds the gateway's tables to a metadata."""
    return Tables(
        inbox=inbox_table(metadata),
        outbox=outbox_table(metadata),
        access=access_tables(metadata),
        audit=audit_tables(metadata),
        people=people_tables(metadata),
        push=push_tables(metadata),
        feed=feed_tables(metadata),
        library=library_tables(metadata),
    )
