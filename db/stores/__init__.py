"""One file of queries for each subject, named as the attribute of `Store` that holds it."""
