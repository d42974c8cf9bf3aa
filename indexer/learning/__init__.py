"""Rows and features become a fitted, evaluated, written model."""
