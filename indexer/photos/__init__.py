"""A file becomes features: walking folders, reading, decoding, encoding; by which backbone, in which precision."""
