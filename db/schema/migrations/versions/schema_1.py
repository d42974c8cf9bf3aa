"""Schema 1: what the first archives had. Nothing came before it, so nothing leads to it."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Do nothing: archives of schema 1 are marked as such and start from here."""
