"""Commands that keep an archive whole."""
