"""Schema 2: one row of guesses per photo, not per guess; vocabulary, verdicts, tombstones, views, written files.

Schema 1 had one row per guess in `assignments`, in addition to `taggings`, and an index that made imports slow. The
tables are written out here as they were in schema 2, because `db/schema/tables.py` has only the newest schema.
"""

import struct
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"
_BATCH = 4096  # photos whose guesses are moved by one statement


def upgrade() -> None:
    """Create the new tables and move the guesses."""
    op.drop_index("ix_post_hashtags_hashtag", "post_hashtags", if_exists=True)
    _create_curation_tables()
    _create_photo_tables()
    op.rename_table("taggings", "taggings_1")
    op.create_table(
        "taggings",
        *_columns(sa.Integer, "photo_id", "model"),
        *_columns(sa.LargeBinary, "hashtags", "logits"),
        sa.PrimaryKeyConstraint("photo_id"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model"], ["models.number"]),
    )
    _move_guesses()
    op.drop_table("assignments")
    op.drop_table("taggings_1")


def _create_curation_tables() -> None:
    """Create the tables of the vocabulary, of verdicts and of tombstones."""
    op.create_table("blocked", sa.Column("hashtag", sa.String, primary_key=True))
    for name, other in (("aliases", "target"), ("parents", "parent")):
        op.create_table(name, sa.Column("hashtag", sa.String, primary_key=True), *_columns(sa.String, other))
    op.create_table(
        "verdicts",
        *_columns(sa.Integer, "photo_id", "hashtag_id"),
        *_columns(sa.Boolean, "accepted"),
        *_columns(sa.String, "said_at"),
        sa.PrimaryKeyConstraint("photo_id", "hashtag_id"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["hashtag_id"], ["hashtags.id"]),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tombstones",
        *_columns(sa.LargeBinary, "digest", "asked"),
        *_columns(sa.String, "kind", "at"),
        sa.PrimaryKeyConstraint("digest", "asked"),
        sqlite_with_rowid=False,
    )


def _create_photo_tables() -> None:
    """Create the tables of augmented photos' features and of files that tags were written to."""
    op.create_table(
        "view_features",
        *_columns(sa.Integer, "id", "photo_id", "backbone_id"),
        *_columns(sa.String, "precision"),
        *_columns(sa.Integer, "preprocessing"),
        *_columns(sa.String, "kind"),
        *_columns(sa.Integer, "view"),
        *_columns(sa.LargeBinary, "data"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("photo_id", "backbone_id", "precision", "preprocessing", "kind", "view"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["backbone_id"], ["backbones.id"]),
    )
    op.create_table(
        "written",
        *_columns(sa.String, "path", "photo_path", "kind"),
        sa.Column("model", sa.Integer),
        sa.Column("sha256", sa.String),
        sa.PrimaryKeyConstraint("path"),
    )


def _columns(kind: type[sa.types.TypeEngine[Any]], *names: str) -> list[sa.Column[Any]]:
    """Return NOT NULL columns of one type."""
    return [sa.Column(name, kind, nullable=False) for name in names]


def _move_guesses() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(
        "INSERT INTO taggings (photo_id, model, hashtags, logits) SELECT photo_id, model, x'', x'' FROM taggings_1"
    )
    rows = connection.exec_driver_sql("SELECT photo_id, hashtag_id, logit FROM assignments ORDER BY photo_id")
    packed = (_packed(photo, group) for photo, group in groupby(rows, key=lambda row: row[0]))
    while chunk := list(islice(packed, _BATCH)):
        connection.exec_driver_sql("UPDATE taggings SET hashtags = ?, logits = ? WHERE photo_id = ?", chunk)


def _packed(photo: int, rows: Iterator[Any]) -> tuple[bytes, bytes, int]:
    best = sorted(rows, key=lambda row: -row[2])
    ids, logits = [row[1] for row in best], [row[2] for row in best]
    return struct.pack(f"<{len(ids)}I", *ids), struct.pack(f"<{len(logits)}f", *logits), photo
