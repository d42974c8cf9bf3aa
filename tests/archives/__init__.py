"""Archives as each schema's version made them, and how one is kept."""
