"""What all tables of `archive.db` have in common."""

from typing import Any, ClassVar

from sqlalchemy.orm import DeclarativeBase

from hashtag_archive.db.schema.cells import Packed, Text, Truth, Whole
from hashtag_archive.db.schema.path_text import PathText


class Base(DeclarativeBase):
    """All tables of `archive.db`. Their columns refuse cells of other types, and name themselves when they do."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {int: Whole, str: Text, bytes: Packed, bool: Truth}

    def __init_subclass__(cls, **options: Any) -> None:
        """Map the table, and tell each column's type where it stands."""
        super().__init_subclass__(**options)
        for column in cls.__table__.columns:
            if isinstance(column.type, Whole | Text | Packed | Truth | PathText):
                column.type = column.type.at(str(column))
