"""The tables of people: how they sign in, and who is signed in."""

from dataclasses import dataclass

from sqlalchemy import Column, Index, MetaData, Table, Text

from chassis.columns import UtcDateTime, big_integer, identifier


@dataclass(frozen=True, slots=True)
class PeopleTables:
    """The tables, over one metadata.

    Attributes:
        person: Logins with argon2 hashes, and the failures of late.
        ticket: SHA-256 of the codes that set a password.
        session: SHA-256 of the secrets of cookies.
    """

    person: Table
    ticket: Table
    session: Table


def people_tables(metadata: MetaData) -> PeopleTables:
    """Adds the tables to a metadata."""
    return PeopleTables(
        person=Table(
            "person",
            metadata,
            Column("tenant_id", identifier(), primary_key=True),
            Column("caller_id", identifier(), primary_key=True),
            Column("park_id", Text, nullable=False),
            Column("login", Text, nullable=False),
            Column("password_hash", Text, nullable=False),
            Column("failures", big_integer(), nullable=False),
            Column("locked_until", UtcDateTime),
            Index("person_by_login", "login", unique=True),
            sqlite_strict=True,
        ),
        ticket=Table(
            "ticket",
            metadata,
            Column("tenant_id", identifier(), primary_key=True),
            Column("caller_id", identifier(), primary_key=True),
            Column("park_id", Text, nullable=False),
            Column("sha256", Text, nullable=False),
            Column("expires_time", UtcDateTime, nullable=False),
            Index("ticket_by_sha256", "sha256", unique=True),
            sqlite_strict=True,
        ),
        session=Table(
            "session",
            metadata,
            Column("sha256", Text, primary_key=True),
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", Text, nullable=False),
            Column("caller_id", identifier(), nullable=False),
            Column("began_time", UtcDateTime, nullable=False),
            Column("used_time", UtcDateTime, nullable=False),
            Index("session_by_caller", "tenant_id", "caller_id", "began_time"),
            sqlite_strict=True,
        ),
    )
