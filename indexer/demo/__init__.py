"""The demonstration: a small drawn archive, and every job of the product on it."""
