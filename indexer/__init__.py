"""What the product does, in rooms: see docs/architecture.md."""
