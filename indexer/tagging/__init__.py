"""Tagging photos, and finding photos by their hashtags."""
