"""Schema 2: guesses a row a photo, not a row a guess; vocabulary, verdicts, tombstones, views, written files.

Schema 1 had a row a guess in `assignments`, beside `taggings`, and an index that made imports slow. The tables are
spelled out here, as schema 2 had them: what `db.models` says belongs to the newest.
"""

import struct
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"
_AT_ONCE = 4096  # photos whose guesses are moved by one statement


def upgrade() -> None:
    """Make the new tables, and move the guesses."""
    op.drop_index("ix_post_hashtags_hashtag", "post_hashtags", if_exists=True)
    _make_word_tables()
    _make_photo_tables()
    op.rename_table("taggings", "taggings_1")
    op.create_table(
        "taggings",
        *_all(sa.Integer, "photo_id", "model"),
        *_all(sa.LargeBinary, "hashtags", "logits"),
        sa.PrimaryKeyConstraint("photo_id"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model"], ["models.number"]),
    )
    _move_guesses()
    op.drop_table("assignments")
    op.drop_table("taggings_1")


def _make_word_tables() -> None:
    """What people say: a vocabulary, verdicts, who is to stay out."""
    op.create_table("blocked", sa.Column("hashtag", sa.String, primary_key=True))
    for name, other in (("aliases", "target"), ("parents", "parent")):
        op.create_table(name, sa.Column("hashtag", sa.String, primary_key=True), *_all(sa.String, other))
    op.create_table(
        "verdicts",
        *_all(sa.Integer, "photo_id", "hashtag_id"),
        *_all(sa.Boolean, "accepted"),
        *_all(sa.String, "said_at"),
        sa.PrimaryKeyConstraint("photo_id", "hashtag_id"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["hashtag_id"], ["hashtags.id"]),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tombstones",
        *_all(sa.LargeBinary, "digest", "asked"),
        *_all(sa.String, "kind", "at"),
        sa.PrimaryKeyConstraint("digest", "asked"),
        sqlite_with_rowid=False,
    )


def _make_photo_tables() -> None:
    """Features of altered pictures, and files that tags were written into."""
    op.create_table(
        "view_features",
        *_all(sa.Integer, "id", "photo_id", "backbone_id"),
        *_all(sa.String, "precision"),
        *_all(sa.Integer, "preprocessing"),
        *_all(sa.String, "kind"),
        *_all(sa.Integer, "view"),
        *_all(sa.LargeBinary, "data"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("photo_id", "backbone_id", "precision", "preprocessing", "kind", "view"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["backbone_id"], ["backbones.id"]),
    )
    op.create_table(
        "written",
        *_all(sa.String, "path", "photo_path", "kind"),
        sa.Column("model", sa.Integer),
        sa.Column("sha256", sa.String),
        sa.PrimaryKeyConstraint("path"),
    )


def _all(kind: type[sa.types.TypeEngine[Any]], *names: str) -> list[sa.Column[Any]]:
    """Columns of one type, none of which may be empty."""
    return [sa.Column(name, kind, nullable=False) for name in names]


def _move_guesses() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(
        "INSERT INTO taggings (photo_id, model, hashtags, logits) SELECT photo_id, model, x'', x'' FROM taggings_1"
    )
    rows = connection.exec_driver_sql("SELECT photo_id, hashtag_id, logit FROM assignments ORDER BY photo_id")
    packed = (_packed(photo, group) for photo, group in groupby(rows, key=lambda row: row[0]))
    while chunk := list(islice(packed, _AT_ONCE)):
        connection.exec_driver_sql("UPDATE taggings SET hashtags = ?, logits = ? WHERE photo_id = ?", chunk)


def _packed(photo: int, rows: Iterator[Any]) -> tuple[bytes, bytes, int]:
    best = sorted(rows, key=lambda row: -row[2])
    ids, logits = [row[1] for row in best], [row[2] for row in best]
    return struct.pack(f"<{len(ids)}I", *ids), struct.pack(f"<{len(logits)}f", *logits), photo
