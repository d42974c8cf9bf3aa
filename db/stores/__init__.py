"""The database's queries, one file per subject, named like the attribute of `Store` that gives access to it."""
