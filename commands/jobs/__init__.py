"""The three jobs, and the import they rest on."""
