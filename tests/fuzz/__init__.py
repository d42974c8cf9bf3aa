"""Fuzzers: what the product reads, with inputs that nobody meant; `targets` has them, and two runners use them."""
