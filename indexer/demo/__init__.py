"""A small archive that the product draws itself, and a run of the whole way through on it."""
