"""A numbered model, opened: its files, its index, its thresholds, and what it answers. Knows no archive."""
