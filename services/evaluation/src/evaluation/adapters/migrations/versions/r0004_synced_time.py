"""Names when a park's account was read as a whole what the code calls it."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE park RENAME COLUMN caught_up_time TO synced_time")
