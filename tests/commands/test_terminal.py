"""What a terminal is shown of texts and names that would control it."""

import json
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hashtag_archive.commands.output import harmless, printable
from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from tests.conftest import draw_photo

EVIL = "\x1b]0;PWNED\x07\x9b31m\u202e\r"
SHOWN = "\\x1b]0;PWNED\\x07\\x9b31m\\u202e\\x0d"
NAME = "n\x1b[31m\udcff\ned.png"


def hashtag(folder: Path, *arguments: str) -> list[str]:
    """Return the command that works on an archive."""
    return [sys.executable, "-m", "hashtag_archive", "--archive", str(folder), *arguments]


def on_a_terminal(command: list[str]) -> bytes:
    """Return what a command writes to a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its)
    os.close(its)
    written = b""
    try:
        while part := os.read(ours, 65536):
            written += part
    except OSError:  # the terminal is closed when the process ends
        pass
    os.close(ours)
    process.wait()
    return written


@pytest.fixture
def evil_archive(tmp_path: Path) -> Path:
    """An archive of one post that is full of control characters, with a photo whose name is too."""
    photo = draw_photo(tmp_path / "a.png", "red", 1).rename(tmp_path / NAME)
    post = {"key": f"k{EVIL}", "hashtags": ["#a"], "photos": ["a.png"], "owner": f"o{EVIL}", "location": EVIL}
    (tmp_path / "posts.jsonl").write_text(json.dumps(post | {"caption": f"c{EVIL}"}) + "\n")
    with open_archive(tmp_path / "archive", create=True) as opened:
        photo.rename(tmp_path / "a.png")
        import_crawls(opened, [tmp_path / "posts.jsonl"])
    (tmp_path / "a.png").rename(photo)
    with closing(sqlite3.connect(tmp_path / "archive/archive.db")) as connection, connection:
        connection.execute("UPDATE photo_paths SET path = ?", (os.fsencode(photo),))
    return tmp_path / "archive"


def test_control_characters_have_visible_stand_ins() -> None:
    assert printable(EVIL) == SHOWN
    assert printable("a\tb\nc\x7f\udcff\u2066") == "a\\x09b\\x0ac\\x7f\\xff\\u2066"
    assert harmless("a\tb\nc\x1b") == "a\tb\nc\\x1b"
    assert printable("Zürich ラーメン 🍜\u200d") == "Zürich ラーメン 🍜\u200d"


def test_captions_owners_places_and_keys_do_not_reach_a_terminal_as_they_are(evil_archive: Path) -> None:
    photo = str(evil_archive.parent / NAME)
    written = on_a_terminal(hashtag(evil_archive, "show", photo)).decode()
    for text in (f"k{SHOWN}", f"o{SHOWN}", f"in {SHOWN}", "c\\x1b]0;PWNED"):
        assert text in written
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(written)


def test_names_are_escaped_on_a_terminal_and_exact_elsewhere(evil_archive: Path) -> None:
    find = hashtag(evil_archive, "find", "--owner", f"o{EVIL}")
    raw = os.fsencode(evil_archive.parent / NAME)
    assert subprocess.run(find, capture_output=True, check=True).stdout == raw + b"\n"
    assert subprocess.run([*find, "--print0"], capture_output=True, check=True).stdout == raw + b"\0"
    assert on_a_terminal(find).endswith(b"/n\\x1b[31m\\xff\\x0aed.png\r\n")


def test_a_stream_of_a_narrow_encoding_gets_stand_ins(evil_archive: Path) -> None:
    with closing(sqlite3.connect(evil_archive / "archive.db")) as connection, connection:
        connection.execute("UPDATE posts SET location = 'ラーメン Zürich'")
    show = hashtag(evil_archive, "show", str(evil_archive.parent / NAME))
    for encoding, expected in (("ascii", b"Z\\xfcrich"), ("cp1252", "Zürich".encode("cp1252"))):
        environment = os.environ | {"PYTHONIOENCODING": encoding}
        done = subprocess.run(show, capture_output=True, check=True, env=environment)
        assert b"in \\u30e9\\u30fc\\u30e1\\u30f3 " + expected in done.stdout


def test_an_error_that_repeats_a_name_is_harmless(evil_archive: Path) -> None:
    for command in (["query", "gone\x1b[2J"], ["--archive", "x\x1b[2J\n", "stats"], ["tag", "gone\x1b[2J"]):
        done = subprocess.run(
            [sys.executable, "-m", "hashtag_archive", "--archive", str(evil_archive), *command],
            capture_output=True,
            check=False,
        )
        assert done.returncode and b"\x1b" not in done.stderr
