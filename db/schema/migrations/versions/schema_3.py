"""Schema 3: paths whose photos the user has accepted as gone."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "gone_paths",
        sa.Column("path_id", sa.Integer, nullable=False),
        sa.Column("said_at", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("path_id"),
        sa.ForeignKeyConstraint(["path_id"], ["photo_paths.id"], ondelete="CASCADE"),
    )
