"""Run by Alembic before its steps: they go over the connection, and in the transaction, that `db.upgrade` gives."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
