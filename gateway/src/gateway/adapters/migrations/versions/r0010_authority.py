"""Lets authority be looked up when it is used, and the feed wait for the region of a park.

A rotated key names the one in its place; an answer under an idempotency key names who was given it; a park of the feed whose region
is not known has a row that says so.
"""

import sqlalchemy as sa
from alembic import op

from chassis.tenancy import Platform, enter

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_key", sa.Column("replaced_by", sa.Text, nullable=False, server_default=""))
    op.add_column("idempotency_key", sa.Column("caller_json", sa.Text))
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        enter(connection, Platform("migration"))
    op.execute(
        "INSERT INTO park_place (tenant_id, park_id, region_code)"
        " SELECT DISTINCT tenant_id, park_id, '' FROM change WHERE park_id <> '' AND NOT EXISTS ("
        "SELECT 1 FROM park_place WHERE park_place.tenant_id = change.tenant_id AND park_place.park_id = change.park_id)"
    )
