"""Lets nobody change or delete what was accepted: systems, thresholds, weights, entered values and evaluations."""

from alembic import op

from chassis.tenancy import Rows, protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEPT = ("evaluation", "indicator_system", "indicator_value", "threshold_set", "weight_set")


def upgrade() -> None:
    for table in KEPT:
        if op.get_bind().dialect.name == "sqlite":
            for what in ("UPDATE", "DELETE"):
                refused = f"SELECT RAISE(ABORT, 'what is in {table} is kept')"
                op.execute(f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} BEGIN {refused}; END")
        else:
            op.execute(f"DROP POLICY of_its_tenant ON {table}")
    protect(op.get_bind(), *KEPT, rows=Rows.KEPT)
