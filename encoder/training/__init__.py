"""What needs torch: networks, heads and their training."""
