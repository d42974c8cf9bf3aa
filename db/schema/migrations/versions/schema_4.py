"""Schema 4: no features of altered pictures, which training no longer uses."""

from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Drop their table."""
    op.drop_table("view_features")
