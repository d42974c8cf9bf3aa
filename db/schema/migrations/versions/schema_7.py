"""Schema 7: features are staged in the database and then kept in files, `indexer/features/`.

All earlier features become staged ones: only their table's name changes. The first command that opens the archive
moves them into files.
"""

import sqlalchemy as sa
from alembic import op

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Rename the table of features, and list what is in it."""
    op.rename_table("features", "staged_features")
    op.create_table(
        "feature_files",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("columns", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "features",
        sa.Column("photo_id", sa.Integer, nullable=False),
        sa.Column("backbone_id", sa.Integer, nullable=False),
        sa.Column("precision", sa.String, nullable=False),
        sa.Column("preprocessing", sa.Integer, nullable=False),
        sa.Column("file_id", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("photo_id", "backbone_id", "precision", "preprocessing"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["backbone_id"], ["backbones.id"]),
        sa.ForeignKeyConstraint(["file_id"], ["feature_files.id"]),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO features (photo_id, backbone_id, precision, preprocessing)"
        " SELECT photo_id, backbone_id, precision, preprocessing FROM staged_features"
        " ORDER BY photo_id, backbone_id, precision, preprocessing"
    )
