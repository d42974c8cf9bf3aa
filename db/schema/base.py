"""What all tables of `archive.db` have in common."""

from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """All tables of `archive.db`."""
