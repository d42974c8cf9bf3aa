"""The product's work, in rooms: see docs/architecture.md."""
