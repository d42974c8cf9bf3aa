"""Errors of the database."""


class DbError(Exception):
    """The database cannot be used; the message is one line for the user."""


class SchemaError(DbError):
    """An archive whose schema this version of the product cannot open."""
