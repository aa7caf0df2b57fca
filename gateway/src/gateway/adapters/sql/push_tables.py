"""The tables of pushes: files in chunks, jobs, mapping profiles, answers under idempotency keys."""

from dataclasses import dataclass

from sqlalchemy import Column, Index, LargeBinary, MetaData, Table, Text

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.jobs import job_table


@dataclass(frozen=True, slots=True)
class StoreTables:
    """The tables, over one metadata.

    Attributes:
        stored_file: Each file that is kept.
        stored_chunk: Its content.
        job: The gateway's own jobs.
        mapping_profile: A row per version.
        idempotency_key: Keys in use, and where their answers are.
        webhook: Where changes are sent to.
        webhook_delivery: A row per attempt.
        document: A row per version.
        document_gram: By what each document is found.
        document_view: Views by month.
    """

    stored_file: Table
    stored_chunk: Table
    job: Table
    mapping_profile: Table
    idempotency_key: Table
    webhook: Table
    webhook_delivery: Table
    document: Table
    document_gram: Table
    document_view: Table


def store_tables(metadata: MetaData) -> StoreTables:
    """Adds the tables to a metadata."""
    return StoreTables(
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
            Index("idempotency_key_by_time", "begun_time"),
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
        document=Table(
            "document",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("document_id", identifier(), primary_key=True),
            Column("version", big_integer(), primary_key=True, autoincrement=False),
            Column("park_id", Text, nullable=False),
            Column("newest", big_integer(), nullable=False),
            Column("kind", Text, nullable=False),
            Column("title", Text, nullable=False),
            Column("issuing_body", Text, nullable=False),
            Column("issued_date", identifier(), nullable=False),
            Column("summary", Text, nullable=False),
            Column("sha256", Text, nullable=False),
            Column("media_type", Text, nullable=False),
            Column("size_bytes", big_integer(), nullable=False),
            Column("saved_time", UtcDateTime, nullable=False),
            Column("saved_month", Text, nullable=False),
            Column("saved_by", Text, nullable=False),
            sqlite_strict=True,
        ),
        document_gram=Table(
            "document_gram",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("gram", identifier(), primary_key=True),
            Column("document_id", identifier(), primary_key=True),
            Column("park_id", Text, nullable=False),
            sqlite_strict=True,
        ),
        document_view=Table(
            "document_view",
            metadata,
            Column("tenant_id", Text, primary_key=True),
            Column("document_id", identifier(), primary_key=True),
            Column("month", Text, primary_key=True),
            Column("park_id", Text, nullable=False),
            Column("views", big_integer(), nullable=False),
            sqlite_strict=True,
        ),
    )
