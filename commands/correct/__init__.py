"""Commands that record the owner's decisions."""
