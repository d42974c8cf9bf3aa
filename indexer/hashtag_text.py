"""Hashtags as text: a key to compare them by, a spelling to show, and how they are found in lists."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

MAX_LENGTH = 100
_SPACE = re.compile(r"\s+")
# Nothing of these is seen, and they end no word: soft hyphens, marks of direction, fillers, grapheme joiners,
# inherent vowels, and selectors between glyphs (U+FE0E and U+FE0F choose between a text and an emoji: with and
# without them is one hashtag).
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffd\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f"
    "\U000e0080-\U000e0fff]+"
)
_BLANK = {0x2800: " "}  # an empty Braille pattern, which captions are spaced with
# NFKC would make a space and a mark of the first two, an ASCII tilde of the third, and a digit and a comma of the
# last ten.
_DRAWN_AS = {
    **_BLANK,
    **{0x309B: "\u3099", 0x309C: "\u309a", 0xFF5E: "\u301c"},
    **{0x1F101 + digit: str(digit) for digit in range(10)},
}
_REDRAWN = re.compile(f"[{''.join(map(chr, _DRAWN_AS))}]")
_DOTTED_I = "i\u0307"  # what folding makes of the Turkish capital: the dot is on the letter already
_PICTOGRAPHS = range(0x1F000, 0x1FFFE)  # also those of later versions of Unicode
# Tag characters spell the flags of regions behind a black flag; elsewhere nothing of them is seen.
_STRAY_TAGS = re.compile("(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+")
# Joiners hold emoji families and Indic clusters together, and break ligatures: they count between two characters.
_UNSEEN_JOINERS = "\u200c\u200d"
# What twitter-text counts as part of a word besides letters, marks and digits.
_WORD_SIGNS = frozenset("\u200c\u200d\u00b7\u05be\u05f3\u05f4\u0f0b\u301c\u3003\u30a0\u30fb\ua67e")
_WORD_CATEGORIES = {"L", "M", "N"}
_SYMBOL_CATEGORIES = {"Pc", "So", "Sk"}
# Commas and semicolons of all scripts, and what NFKC makes one of.
COMMAS = (
    ",;，；、،؛﹐﹑﹔､\u037e\ufe10\ufe11\ufe14\u055d\u07f8\u1363\u1364\u1802\u1808\u2e32\u2e34\u2e35\u2e41\u2e49\u2e4c"
    "\ua4fe\ua60d\ua6f5\ua6f6\U0001144d\U0001145a\U00016e97"
)
_LONG = 1000  # characters above which a text is searched for towers of marks
_MOST_MARKS = 30  # on one letter: Unicode's "stream-safe" format has no more either
_LIST_SEPARATORS = re.compile(f"[#＃﹟{COMMAS}]")


class WrittenHashtag(NamedTuple):
    """A hashtag as somebody wrote it: the key that compares it with others, and the spelling to show."""

    key: str
    spelling: str


@lru_cache(maxsize=100_000)  # crawls repeat hashtags: uncached, this took most of an import
def read_hashtag(text: str) -> WrittenHashtag | None:
    """Return the key and the spelling of a hashtag, both without `#`, or None if it is not one.

    In both, inner white space becomes one space, and invisible characters are removed, but joiners between two
    characters stay; emoji and non-Latin scripts are kept. The spelling is NFC. The key is NFKC and case-folded.
    The key of the spelling is the same key, and reading either again changes nothing. A text without a letter,
    digit or symbol is not a hashtag, nor is one of more than `MAX_LENGTH` characters (`is_too_long`).
    """
    key = _settled(text, _folded)
    if len(key) > MAX_LENGTH or not _has_substance(key):
        return None
    spelling = key if text == key else _settled(text, _composed)
    if spelling != key and (len(spelling) > MAX_LENGTH or _settled(spelling, _folded) != key):
        spelling = key
    return WrittenHashtag(key, spelling)


def normalise_hashtag(text: str) -> str | None:
    """Return the key of a hashtag, as `read_hashtag` does, or None if it is not one."""
    written = read_hashtag(text)
    return written.key if written else None


def is_too_long(text: str) -> bool:
    """Return whether a text would be a hashtag if it had no more than `MAX_LENGTH` characters."""
    return len(text) > MAX_LENGTH and len(_settled(text, _folded)) > MAX_LENGTH


def split_hashtags(text: str) -> list[str]:
    """Return the items of a list of hashtags, split at `#`, commas and semicolons: no hashtag contains them."""
    if text.isalnum():  # as most are
        return [text]
    return [stripped for piece in _LIST_SEPARATORS.split(text) if (stripped := piece.strip())]


def as_read(caption: str) -> str:
    """Return a caption as it is searched for hashtags: NFKC, without invisible characters."""
    if caption.isascii():
        return caption
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", _drawn(_without_towers(caption))))


def _drawn(text: str) -> str:
    return text.translate(_DRAWN_AS) if _REDRAWN.search(text) else text


def _settled(text: str, clean: Callable[[str], str]) -> str:
    """Return what `clean` changes no more: what it removes may bring letters and marks together."""
    text = _without_towers(text)
    while (again := clean(text)) != text:
        text = again
    return text


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", _drawn(text)).casefold()
    return _seen(unicodedata.normalize("NFKC", folded).replace(_DOTTED_I, "i"))


def _composed(text: str) -> str:
    return _seen(unicodedata.normalize("NFC", text.translate(_BLANK)))


def _seen(text: str) -> str:
    """Return a text without what is not seen, and without `#` and white space around it."""
    spaced = _SPACE.sub(" ", _STRAY_TAGS.sub("", _UNSEEN.sub("", text)))
    if not spaced.isprintable():
        spaced = "".join(c for c in spaced if c in _WORD_SIGNS or _is_tag_character(c) or _printable(c))
    return _without_loose_joiners(spaced.strip("#＃﹟ "))


def _without_loose_joiners(text: str) -> str:
    """Return a text without joiners that join nothing: at an end, beside a space, between Latin letters."""
    if not any(joiner in text for joiner in _UNSEEN_JOINERS):
        return text
    kept = ""
    for place, character in enumerate(text):
        before, after = kept[-1:], text[place + 1 : place + 2]
        if character not in _UNSEEN_JOINERS or (_is_joined(before) and _is_joined(after)):
            kept += character
    return kept


def _is_joined(character: str) -> bool:
    """Whether a joiner beside this character can be seen, or changes how its neighbours are drawn."""
    return bool(character) and character != " " and unicodedata.name(character, "").split()[0:1] != ["LATIN"]


def _without_towers(text: str) -> str:
    """Return a long text with at most `_MOST_MARKS` marks on a letter.

    Python sorts the marks of a letter in a time that grows with the square of their number.
    """
    if len(text) <= _LONG or text.isascii():
        return text
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


@lru_cache(maxsize=10_000)
def is_letter_or_symbol(character: str) -> bool:
    """Whether a word with this character may be a hashtag: one of digits and marks alone is none."""
    return category_of(character) in ("Lu", "Ll", "Lt", "Lm", "Lo", "So", "Sk", "Me")


def _has_substance(text: str) -> bool:
    return any(category_of(c)[0] in "LNS" and (c.isalnum() or not c.isascii()) for c in text)


@lru_cache(maxsize=10_000)
def continues_hashtag(character: str) -> bool:
    """Whether a character in a caption belongs to the hashtag before it."""
    category = category_of(character)
    if category in _SYMBOL_CATEGORIES:
        return character == "_" or not character.isascii()  # a backtick and a circumflex are symbols too
    return category[0] in _WORD_CATEGORIES or character in _WORD_SIGNS or _is_tag_character(character)


def _is_tag_character(character: str) -> bool:
    return 0xE0020 <= ord(character) <= 0xE007F


def _printable(character: str) -> bool:
    return category_of(character)[0] != "C"


def category_of(character: str) -> str:
    """Return a character's category; one that this Python does not know yet is a pictograph or else a letter."""
    found = unicodedata.category(character)
    if found != "Cn" or ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF:
        return found
    return "So" if ord(character) in _PICTOGRAPHS else "Lo"
