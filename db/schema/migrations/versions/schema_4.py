"""Schema 4: no features of augmented photos, which training no longer uses."""

from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Drop their table."""
    op.drop_table("view_features")
