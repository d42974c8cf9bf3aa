"""Features in files: how rows are packed, written, read and removed."""
