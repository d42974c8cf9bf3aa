"""Schema 3: paths whose photos are gone for good."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Make the new table."""
    op.create_table(
        "gone_paths",
        sa.Column("path_id", sa.Integer, nullable=False),
        sa.Column("said_at", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("path_id"),
        sa.ForeignKeyConstraint(["path_id"], ["photo_paths.id"], ondelete="CASCADE"),
    )
