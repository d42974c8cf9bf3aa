"""From files to features: walking folders, reading, decoding and encoding photos; backbones and dtypes."""
