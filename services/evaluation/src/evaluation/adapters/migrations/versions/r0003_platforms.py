"""Creates the platforms that are connected to parks."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, identifier
from chassis.tenancy import protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connected_platform",
        sa.Column("tenant_id", identifier(), primary_key=True),
        sa.Column("park_id", identifier(), primary_key=True),
        sa.Column("platform_id", identifier(), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("connected_time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    protect(op.get_bind(), "connected_platform")
