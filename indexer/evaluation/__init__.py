"""Measuring models: evaluate, compare, sweep and the report."""
