"""The report: one HTML page about an archive, its model's figures and its failures."""
