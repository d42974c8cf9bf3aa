"""Networks, heads and their training. Most of it needs torch."""
