"""Creates callers, their keys, refresh tokens, nonces, the pairs that access tokens are signed with, and where parks lie."""

import json

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.tenancy import Platform, enter, protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "caller",
        sa.Column("tenant_id", identifier(), primary_key=True),
        sa.Column("caller_id", identifier(), primary_key=True),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        # Lists as JSON; NULL is no bound
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("parks", sa.Text),
        sa.Column("regions", sa.Text),
        sa.Column("enterprises", sa.Text),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("external_subject", sa.Text, nullable=False),
        sa.Column("active", big_integer(), nullable=False),
        sa.Column("registered_time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    op.create_index(
        "caller_by_identity",
        "caller",
        ["issuer", "external_subject"],
        unique=True,
        sqlite_where=sa.text("issuer <> ''"),
        postgresql_where=sa.text("issuer <> ''"),
    )
    op.create_table(
        "api_key",
        sa.Column("key_id", identifier(), primary_key=True),
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("caller_id", identifier(), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text),
        sa.Column("proof", sa.Text, nullable=False),
        sa.Column("created_time", UtcDateTime, nullable=False),
        sa.Column("expires_time", UtcDateTime, nullable=False),
        sa.Column("revoked_time", UtcDateTime),
        sqlite_strict=True,
    )
    op.create_index("api_key_by_caller", "api_key", ["tenant_id", "caller_id", "key_id"])
    op.create_table(
        "refresh_token",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("family_id", sa.Text, nullable=False),
        sa.Column("caller_id", identifier(), nullable=False),
        sa.Column("key_id", identifier(), nullable=False),
        sa.Column("scopes", sa.Text),
        sa.Column("expires_time", UtcDateTime, nullable=False),
        sa.Column("used_time", UtcDateTime),
        sqlite_strict=True,
    )
    op.create_index("refresh_token_by_family", "refresh_token", ["family_id"])
    op.create_index("refresh_token_by_key", "refresh_token", ["key_id"])
    op.create_table(
        "nonce",
        sa.Column("key_id", identifier(), primary_key=True),
        sa.Column("nonce", sa.Text, primary_key=True),
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("until_time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("nonce_by_end", "nonce", ["key_id", "until_time"])
    op.create_table(
        "token_key",
        sa.Column("kid", sa.Text, primary_key=True),
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("public_jwk", sa.Text, nullable=False),
        sa.Column("created_time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "park_place",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("park_id", sa.Text, primary_key=True),
        sa.Column("region_code", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    _place_known_parks(op.get_bind())
    protect(op.get_bind(), "caller", "api_key", "refresh_token", "nonce", "token_key", "park_place")


def _place_known_parks(connection: sa.Connection) -> None:
    """Reads from the change feed where the parks lie that were registered before."""
    if connection.dialect.name == "postgresql":
        enter(connection, Platform("migration"))
    heard = sa.text(
        "SELECT tenant_id, park_id, data_json FROM change WHERE type = 'parkcarbon.accounting.events.v1.ParkRegistered'"
    )
    places = {
        (row.tenant_id, row.park_id): json.loads(row.data_json).get("region_code", "") for row in connection.execute(heard).all()
    }
    if places:
        connection.execute(
            sa.text("INSERT INTO park_place (tenant_id, park_id, region_code) VALUES (:tenant_id, :park_id, :region_code)"),
            [{"tenant_id": tenant, "park_id": park, "region_code": region} for (tenant, park), region in places.items()],
        )
