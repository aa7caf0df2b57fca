"""The Alembic tree of the evaluation; shipped with it."""
