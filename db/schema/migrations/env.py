"""Run the migrations on the connection, and in the transaction, that `db/schema/upgrade.py` passes to Alembic."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
