"""Keeps an archive whole: check, backup, prune, forget, doctor, stats."""
