"""Keeping an archive in order: check, backup, prune, forget, doctor, stats."""
