"""The commands, a file a job. Each opens the archive, calls one function of `indexer`, and prints."""
