"""What can go wrong with the database."""


class DbError(Exception):
    """The database cannot be used; the message is one line for the user."""


class SchemaError(DbError):
    """An archive that this version of the product cannot open."""
