"""Schema 6: how posts spell their hashtags, how verdicts came about, and a log of all verdicts.

Earlier schemas did not keep spellings: until a post is crawled again, its hashtags count as written in their
normalised form. All earlier verdicts taught, so they stay as if somebody had looked at the photo.
"""

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Create the tables, and fill them with what is known."""
    _spellings()
    _verdicts()


def _spellings() -> None:
    op.create_table(
        "post_spellings",
        sa.Column("post_id", sa.Integer, nullable=False),
        sa.Column("hashtag_id", sa.Integer, nullable=False),
        sa.Column("spelling", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("post_id", "hashtag_id"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["hashtag_id"], ["hashtags.id"]),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spellings",
        sa.Column("hashtag_id", sa.Integer, nullable=False),
        sa.Column("spelling", sa.String, nullable=False),
        sa.Column("posts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("hashtag_id", "spelling"),
        sa.ForeignKeyConstraint(["hashtag_id"], ["hashtags.id"]),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO spellings (hashtag_id, spelling, posts)"
        " SELECT hashtag_id, text, count(*) FROM post_hashtags JOIN hashtags ON hashtags.id = hashtag_id"
        " GROUP BY hashtag_id"
    )


def _verdicts() -> None:
    op.rename_table("verdicts", "verdicts_5")
    op.create_table(
        "verdicts",
        sa.Column("photo_id", sa.Integer, nullable=False),
        sa.Column("hashtag_id", sa.Integer, nullable=False),
        sa.Column("accepted", sa.Boolean, nullable=False),
        sa.Column("how", sa.String, nullable=False),
        sa.Column("said_at", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("photo_id", "hashtag_id"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["hashtag_id"], ["hashtags.id"]),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO verdicts (photo_id, hashtag_id, accepted, how, said_at)"
        " SELECT photo_id, hashtag_id, accepted, 'looked', said_at FROM verdicts_5"
    )
    op.drop_table("verdicts_5")
    op.create_table(
        "verdict_log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("session", sa.String, nullable=False),
        sa.Column("photo_id", sa.Integer, nullable=False),
        sa.Column("hashtag_id", sa.Integer, nullable=False),
        sa.Column("accepted", sa.Boolean, nullable=True),
        sa.Column("how", sa.String, nullable=False),
        sa.Column("said_at", sa.String, nullable=False),
        sa.Column("undoes", sa.Integer, nullable=True),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["hashtag_id"], ["hashtags.id"]),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verdict_log_photo", "verdict_log", ["photo_id", "hashtag_id"])
    op.execute(
        "INSERT INTO verdict_log (session, photo_id, hashtag_id, accepted, how, said_at)"
        " SELECT said_at, photo_id, hashtag_id, accepted, how, said_at FROM verdicts"
        " ORDER BY said_at, photo_id, hashtag_id"
    )
