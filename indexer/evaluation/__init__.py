"""How good a model is: evaluate, compare, sweep and the report."""
