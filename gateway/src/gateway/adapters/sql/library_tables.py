"""The tables of the library."""

from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Table, Text

from chassis.columns import UtcDateTime, big_integer, identifier


@dataclass(frozen=True, slots=True)
class LibraryTables:
    """The tables, over one metadata.

    Attributes:
        document: A row per version.
        document_gram: By what each document is found.
        document_view: Views by month.
    """

    document: Table
    document_gram: Table
    document_view: Table


def library_tables(metadata: MetaData) -> LibraryTables:
    """Adds the tables to a metadata."""
    return LibraryTables(
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
            # a subject, or "" for the tenant; the same in every version
            Column("owner", Text, nullable=False, server_default=""),
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
