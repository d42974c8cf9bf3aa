"""`python -m hashtag_archive`: the same as `hashtag`."""

from hashtag_archive.cli import main

main(prog_name="hashtag")
