"""Find what is in a database and not in the product's schema: an archive may come from somebody else.

A trigger acts on whatever is written, a view or a virtual table pretends to be a table, and a table with other
constraints deletes or replaces rows. The product makes none of them, so a database with one is not trusted.
"""

from collections.abc import Iterator
from functools import cache

from sqlalchemy import Connection, create_engine

from hashtag_archive.db.schema import tables, user_tables  # noqa: F401 - they fill Base.metadata
from hashtag_archive.db.schema.base import Base

# SQLite's own objects have no statement, except the two tables that it makes by itself.
_OBJECTS = (
    "SELECT type, name, sql FROM sqlite_master WHERE NOT (type = 'index' AND sql IS NULL)"
    " AND name NOT IN ('sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4')"
)


def foreign_objects(connection: Connection) -> Iterator[str]:
    """Describe each object that the current schema lacks or has otherwise, and each that is missing."""
    own, lost = _own_objects(), set(_own_objects())
    for kind, name, statement in connection.exec_driver_sql(_OBJECTS):
        lost.discard((kind, name))
        if (kind, name) not in own:
            yield f"the {kind} '{name}', which hashtag did not make"
        elif own[kind, name] != _plain(statement):
            yield f"another {kind} '{name}' than hashtag makes"
    for kind, name in sorted(lost):
        yield f"no {kind} '{name}'"


@cache
def _own_objects() -> dict[tuple[str, str], str]:
    """Return the statement of every object of the schema, as SQLite keeps it, by kind and name."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        rows = connection.exec_driver_sql(_OBJECTS).all()
    engine.dispose()
    return {(kind, name): _plain(statement) for kind, name, statement in rows}


def _plain(statement: object) -> str:
    """Return a statement without blanks and quotes, in which versions of SQLAlchemy may differ."""
    return "".join(str(statement).replace('"', "").split()).lower()
