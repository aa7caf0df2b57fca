"""The tables of pushes: files in chunks, jobs, mapping profiles, answers under idempotency keys."""

from dataclasses import dataclass

from sqlalchemy import Column, Index, LargeBinary, MetaData, Table, Text

from chassis.columns import UtcDateTime, big_integer
from chassis.jobs import job_table


@dataclass(frozen=True, slots=True)
class PushTables:
    """The tables, over one metadata.

    Attributes:
        stored_file: Each file that is stored.
        stored_chunk: Its content.
        job: The gateway's own jobs.
        mapping_profile: A row per version.
        idempotency_key: Keys in use, and where their answers are.
    """

    stored_file: Table
    stored_chunk: Table
    job: Table
    mapping_profile: Table
    idempotency_key: Table


def push_tables(metadata: MetaData) -> PushTables:
    """Adds the tables to a metadata."""
    return PushTables(
        stored_file=Table(
            "stored_file",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("file_id", Text, primary_key=True),
            Column("park_id", Text, nullable=False),
            Column("size_bytes", big_integer(), nullable=False),
            Column("chunks", big_integer(), nullable=False),
            Column("begun_time", UtcDateTime, nullable=False),
            Index("stored_file_by_time", "begun_time"),
            sqlite_strict=True,
        ),
        stored_chunk=Table(
            "stored_chunk",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("file_id", Text, primary_key=True),
            Column("number", big_integer(), primary_key=True, autoincrement=False),
            Column("park_id", Text, nullable=False),
            Column("content", LargeBinary, nullable=False),
            sqlite_strict=True,
        ),
        job=job_table(metadata),
        mapping_profile=Table(
            "mapping_profile",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("profile_id", Text, primary_key=True),
            Column("version", big_integer(), primary_key=True, autoincrement=False),
            Column("park_id", Text, nullable=False),
            Column("profile_json", Text, nullable=False),
            Column("saved_time", UtcDateTime, nullable=False),
            Column("saved_by", Text, nullable=False),
            # a subject, or "" for the tenant; the same in every version
            Column("owner", Text, nullable=False, server_default=""),
            sqlite_strict=True,
        ),
        idempotency_key=Table(
            "idempotency_key",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("subject", Text, primary_key=True),
            Column("key", Text, primary_key=True),
            Column("park_id", Text, nullable=False),
            Column("begun_time", UtcDateTime, nullable=False),
            Column("lease_until", UtcDateTime, nullable=False),
            Column("fingerprint", Text, nullable=False),
            Column("status", big_integer(), nullable=False),
            Column("headers_json", Text, nullable=False),
            Column("file_id", Text, nullable=False),
            Column("caller_json", Text),
            Index("idempotency_key_by_time", "begun_time"),
            sqlite_strict=True,
        ),
    )
