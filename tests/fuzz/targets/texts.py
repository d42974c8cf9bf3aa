"""Texts that people type: hashtags, captions, expressions, patterns, and files of verdicts and rules."""

import json
import os
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.caption_text import caption_hashtags
from hashtag_archive.indexer.crawls.admission import read_consent
from hashtag_archive.indexer.curation.verdicts import record_verdicts
from hashtag_archive.indexer.curation.vocabulary_file import read_rules
from hashtag_archive.indexer.hashtag_text import MAX_LENGTH, is_too_long, normalise_hashtag, split_hashtags
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.photos.exclusions import IGNORE_FILE, Exclusions
from hashtag_archive.indexer.tagging.find import find_photos
from hashtag_archive.indexer.tagging.find_expression import hashtags_of, parse_expression
from tests.conftest import draw_photo
from tests.fuzz.colours import copy_colours
from tests.fuzz.mutate import as_bytes, as_text, changed_json, json_bytes, mutations, odd_texts
from tests.fuzz.target import Target

_CAPTION = (
    "#sea",
    "#",
    "＃",
    " ",
    "\n",
    "_",
    ".",
    "/",
    "&",
    "http://a.b/#c",
    "#1",
    "🍜",
    "\u200d",
    "\ufe0f",
    "é",
    "e\u0301",
    "한",
    "ก็",
    "क्ष",
)
_EXPRESSION = (
    "red",
    "not ",
    " and ",
    " or ",
    "(",
    ")",
    '"',
    "#",
    '"street food"',
    "NOT ",
    '＃"',
    " ",
    "blue",
    "\t",
    "\n",
    "🍜",
)
_PATTERN = (
    "*",
    "**",
    "/",
    "?",
    "[",
    "]",
    "[a-z]",
    "[!",
    "[[:alpha:]]",
    "!",
    "\\",
    "\n",
    "a",
    "photos",
    ".jpg",
    "#",
    " ",
    "-",
    "^",
    "{",
    "$",
)
_RULES = ("block", "alias", "group", "\t", " ", "\n", "red", "sea", ";", "#", "\r", "\x85", "\u2028")
_VERDICT_CSV = (
    "photo",
    "hashtag",
    ",",
    ";",
    "\t",
    "\n",
    '"',
    "1.png",
    "red",
    "\r",
    "\ufeff",
    "\0",
    "../1.png",
    "#",
)
_VERDICTS = (
    {"photo": "1.png", "accept": ["red", "#sea"], "reject": ["blue"]},
    {"photo": "no.png", "reject": ["a"]},
)
_PATHS = (
    "a",
    "photos/a.jpg",
    "photos/[a].jpg",
    "a/" * 60 + "b.jpg",
    "a" * 200 + ".jpg",
    "aab" * 60,
    "é.jpg",
    "-",
    "raw/!x",
    "a\nb",
)


def _normal(content: bytes, folder: Path) -> None:
    text = as_text(content)
    for hashtag in (
        normalise_hashtag(text),
        *caption_hashtags(text),
        *map(normalise_hashtag, split_hashtags(text)),
    ):
        if hashtag is not None:
            assert normalise_hashtag(hashtag) == hashtag, "normalising again changes it"
            assert 0 < len(hashtag) <= MAX_LENGTH and not is_too_long(hashtag)
            assert "\n" not in hashtag and hashtag == hashtag.strip()
            hashtag.encode()


def _find(content: bytes, folder: Path) -> None:
    text = as_text(content)
    with open_archive(folder / "archive") as archive:
        found = {photo.photo_id for photo in find_photos(archive, text, Cut(0))}
        everything = {photo.photo_id for photo in find_photos(archive, None, Cut(0))}
        if not text.count("(") + text.lower().count("not") > 40:  # one more might be nested too deep
            others = {photo.photo_id for photo in find_photos(archive, f"not ({text})", Cut(0))}
            assert others == everything - found, (
                "a photo is found by neither an expression nor its opposite, or by both"
            )
    for hashtag in hashtags_of(parse_expression(text)):
        assert normalise_hashtag(hashtag) == hashtag


def _exclude(content: bytes, folder: Path) -> None:
    (folder / IGNORE_FILE).write_bytes(content)
    for exclusions in (Exclusions(str(folder)), Exclusions(str(folder), as_text(content).split("\n"))):
        for path in _PATHS:
            exclusions.hides(os.path.join(folder, path), False)
            exclusions.hides(os.path.join(folder, path), True)


def _rules(content: bytes, folder: Path) -> None:
    (folder / "rules.txt").write_bytes(content)
    for rule in read_rules(folder / "rules.txt"):
        assert all(normalise_hashtag(hashtag) == hashtag for hashtag in rule.hashtags)


def _consent(content: bytes, folder: Path) -> None:
    (folder / "names.txt").write_bytes(content)
    read_consent(folder / "names.txt")


def _verdicts(content: bytes, folder: Path) -> None:
    name, _, body = content.partition(b"\n")
    file = folder / name.decode()
    file.write_bytes(body)
    with open_archive(folder / "archive", create=True) as archive:
        _record(archive, file)


def _draw(folder: Path) -> None:
    draw_photo(folder / "1.png", "red", 1)


def _record(archive: Archive, file: Path) -> None:
    totals = record_verdicts(archive, file, accept=True)
    assert totals.refused >= len(totals.reported)


def _verdict_files() -> SearchStrategy[bytes]:
    lines = [json.dumps(line).encode() for line in _VERDICTS]
    jsonl = json_bytes(changed_json(_VERDICTS)) | mutations([b"\n".join(lines)])
    table = as_bytes(odd_texts(_VERDICT_CSV).map(lambda text: f"photo,hashtag\n{text}"))
    any_table = as_bytes(odd_texts(_VERDICT_CSV))
    return st.one_of(
        jsonl.map(lambda content: b"v.jsonl\n" + content),
        (table | any_table | mutations([b"photo;hashtag\n1.png;red\n"])).map(
            lambda content: b"v.csv\n" + content
        ),
    )


TARGETS = (
    Target("hashtag-text", lambda: as_bytes(odd_texts(_CAPTION)), _normal, quick=120),
    Target("find", lambda: as_bytes(odd_texts(_EXPRESSION)), _find, copy_colours, quick=25),
    Target("hashtagignore", lambda: as_bytes(odd_texts(_PATTERN)) | st.binary(), _exclude, quick=40),
    Target("vocabulary-file", lambda: as_bytes(odd_texts(_RULES)) | st.binary(), _rules, quick=30),
    Target("consent-file", lambda: as_bytes(odd_texts(["anna", "\n"])) | st.binary(), _consent, quick=20),
    Target("verdict-file", _verdict_files, _verdicts, _draw, quick=15, changed="body"),
)
