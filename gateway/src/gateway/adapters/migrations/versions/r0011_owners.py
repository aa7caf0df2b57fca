"""Says whose each mapping profile and each document is: its first saver's, or the tenant's where that one acts on all of it."""

import json

import sqlalchemy as sa
from alembic import op

from chassis.tenancy import Platform, enter

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MANAGERS = {"platform_operator", "park_manager"}


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # the wall between tenants hides every row from who does not say for whom it works, the tables' owner among them
        enter(connection, Platform("migration"))
    managers = _managers(connection)
    for name, key in (("mapping_profile", "profile_id"), ("document", "document_id")):
        op.add_column(name, sa.Column("owner", sa.Text, nullable=False, server_default=""))
        table = sa.table(name, *map(sa.column, ("tenant_id", key, "version", "saved_by", "owner")))
        first = sa.select(table.c.tenant_id, table.c[key], table.c.saved_by).where(table.c.version == 1)
        for tenant_id, object_id, saved_by in connection.execute(first).all():
            if (tenant_id, saved_by) not in managers:
                its = (table.c.tenant_id == tenant_id, table.c[key] == object_id)
                connection.execute(sa.update(table).where(*its).values(owner=saved_by))


def _managers(connection: sa.Connection) -> set[tuple[str, str]]:
    """Who manages a tenant without a bound, as far as it is known now."""
    unbound = "SELECT tenant_id, caller_id, roles FROM caller WHERE parks IS NULL AND regions IS NULL AND enterprises IS NULL"
    known = [
        *connection.execute(sa.text(unbound)),
        *connection.execute(sa.text("SELECT tenant_id, subject, roles FROM bearer_token")),
    ]
    return {(tenant_id, subject) for tenant_id, subject, roles in known if _MANAGERS & set(json.loads(roles))}
