"""The evaluation in SQLite or PostgreSQL: the ports of the application over one transaction, a module per aggregate."""
