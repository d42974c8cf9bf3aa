"""What all tables of `archive.db` have in common."""

from sqlalchemy.orm import DeclarativeBase

from hashtag_archive.db.schema.cell_types import Bytes, Number, Text


class Base(DeclarativeBase):
    """All tables of `archive.db`."""

    type_annotation_map = {str: Text, int: Number, bytes: Bytes}
