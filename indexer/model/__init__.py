"""A numbered model, opened: its files, its index, its thresholds, and its answers."""
