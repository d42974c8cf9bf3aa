"""The commands, in one folder for each section of `hashtag --help`.

Each opens the archive, calls one function, and prints.
"""
