"""What the owner decides: blocks, aliases, groups, and verdicts on photos."""
