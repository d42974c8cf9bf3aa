"""The user's decisions: blocks, aliases and groups of hashtags, and verdicts on photos."""
