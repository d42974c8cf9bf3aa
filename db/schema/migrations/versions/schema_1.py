"""Schema 1: the schema of the first archives, from which all migrations start."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Do nothing: archives of schema 1 are stamped with it and migrate from here."""
