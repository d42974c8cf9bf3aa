"""Writing tags for other programs, and removing them again."""
