"""Sources become posts, and posts become rows."""
