"""The Alembic tree of the account; shipped with it."""
