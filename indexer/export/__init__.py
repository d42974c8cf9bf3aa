"""Writes what other programs read, and takes it back."""
