"""Photos get hashtags, and hashtags find photos."""
