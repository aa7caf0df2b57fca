"""The tables of the audit log and of quotas."""

from dataclasses import dataclass

from sqlalchemy import Column, Index, MetaData, Table, Text

from chassis.columns import UtcDateTime, big_integer, big_serial, identifier


@dataclass(frozen=True, slots=True)
class AuditTables:
    """The tables, over one metadata.

    Attributes:
        audit: An entry for each request of a known caller; the database itself lets nobody change one, and only
            the retention delete one that is old.
        quota: What each caller has used of its minute.
    """

    audit: Table
    quota: Table


def audit_tables(metadata: MetaData) -> AuditTables:
    """Adds the tables to a metadata."""
    return AuditTables(
        audit=Table(
            "audit",
            metadata,
            Column("position", big_serial(), primary_key=True, autoincrement=True),
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", Text, nullable=False),
            Column("subject", Text, nullable=False),
            Column("way", Text, key="auth_method", nullable=False),
            Column("method", Text, nullable=False),
            Column("operation", Text, nullable=False),
            Column("path", Text, nullable=False),
            Column("status", big_integer(), nullable=False),
            Column("request_id", Text, nullable=False),
            Column("address", Text, nullable=False, server_default=""),
            Column("time", UtcDateTime, nullable=False),
            Index("audit_by_tenant", "tenant_id", "position"),
            sqlite_autoincrement=True,
            sqlite_strict=True,
        ),
        quota=Table(
            "quota",
            metadata,
            Column("tenant_id", identifier(), primary_key=True),
            Column("subject", Text, primary_key=True),
            Column("park_id", Text, nullable=False),
            Column("start_s", big_integer(), nullable=False),
            Column("used", big_integer(), nullable=False),
            sqlite_strict=True,
        ),
    )
