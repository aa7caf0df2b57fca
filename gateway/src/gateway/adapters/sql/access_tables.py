"""The tables of callers and of what they prove themselves by. What belongs to the platform has the tenant "platform"."""

from dataclasses import dataclass

from sqlalchemy import Column, Index, MetaData, Table, Text, text

from chassis.columns import UtcDateTime, big_integer, identifier


@dataclass(frozen=True, slots=True)
class AccessTables:
    """The tables, over one metadata.

    Attributes:
        bearer_token: SHA-256 of each token and whom it stands for; never the token.
        caller: Who may call, and what they may.
        api_key: Keys of callers: the SHA-256 of the secret, or the encrypted secret of a signing key.
        refresh_token: SHA-256 of each refresh token.
        nonce: Nonces of signed requests that could be sent again.
        token_key: Pairs that access tokens are signed with; the private half is encrypted.
    """

    bearer_token: Table
    caller: Table
    api_key: Table
    refresh_token: Table
    nonce: Table
    token_key: Table


def access_tables(metadata: MetaData) -> AccessTables:
    """Adds the tables to a metadata."""
    return AccessTables(
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
        caller=Table(
            "caller",
            metadata,
            Column("tenant_id", identifier(), primary_key=True),
            Column("caller_id", identifier(), primary_key=True),
            Column("park_id", Text, nullable=False),
            Column("name", Text, nullable=False),
            # Lists as JSON; NULL is no bound
            Column("roles", Text, nullable=False),
            Column("parks", Text),
            Column("regions", Text),
            Column("enterprises", Text),
            Column("issuer", Text, nullable=False),
            Column("external_subject", Text, nullable=False),
            Column("active", big_integer(), nullable=False),
            Column("registered_time", UtcDateTime, nullable=False),
            Index(
                "caller_by_identity",
                "issuer",
                "external_subject",
                unique=True,
                sqlite_where=text("issuer <> ''"),
                postgresql_where=text("issuer <> ''"),
            ),
            sqlite_strict=True,
        ),
        api_key=Table(
            "api_key",
            metadata,
            Column("key_id", identifier(), primary_key=True),
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", Text, nullable=False),
            Column("caller_id", identifier(), nullable=False),
            Column("kind", Text, nullable=False),
            Column("name", Text, nullable=False),
            Column("scopes", Text),
            Column("proof", Text, nullable=False),
            Column("created_time", UtcDateTime, nullable=False),
            Column("expires_time", UtcDateTime, nullable=False),
            Column("revoked_time", UtcDateTime),
            Column("replaced_by", Text, nullable=False),
            Index("api_key_by_caller", "tenant_id", "caller_id", "key_id"),
            sqlite_strict=True,
        ),
        refresh_token=Table(
            "refresh_token",
            metadata,
            Column("sha256", Text, primary_key=True),
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", Text, nullable=False),
            Column("family_id", Text, nullable=False),
            Column("caller_id", identifier(), nullable=False),
            Column("key_id", identifier(), nullable=False),
            Column("scopes", Text),
            Column("expires_time", UtcDateTime, nullable=False),
            Column("used_time", UtcDateTime),
            Index("refresh_token_by_family", "family_id"),
            Index("refresh_token_by_key", "key_id"),
            sqlite_strict=True,
        ),
        nonce=Table(
            "nonce",
            metadata,
            Column("key_id", identifier(), primary_key=True),
            Column("nonce", Text, primary_key=True),
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", Text, nullable=False),
            Column("until_time", UtcDateTime, nullable=False),
            Index("nonce_by_end", "key_id", "until_time"),
            sqlite_strict=True,
        ),
        token_key=Table(
            "token_key",
            metadata,
            Column("kid", Text, primary_key=True),
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", Text, nullable=False),
            Column("sealed", Text, nullable=False),
            Column("public_jwk", Text, nullable=False),
            Column("created_time", UtcDateTime, nullable=False),
            sqlite_strict=True,
        ),
    )
