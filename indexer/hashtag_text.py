"""Hashtags as text: one spelling for each, and how they are found in captions."""

import re
import unicodedata
from functools import lru_cache

MAX_LENGTH = 100
_SPACE = re.compile(r"\s+")
# U+FE0E and U+FE0F only choose between a text and an emoji glyph: with and without them is one hashtag.
_VARIATION_SELECTORS = dict.fromkeys(range(0xFE00, 0xFE10))
# Joiners hold emoji families and Indic clusters together; tag characters spell the flags of regions.
_JOINERS = {"\u200c", "\u200d", "\u00b7", "\u30fb"}
_WORD_CATEGORIES = {"L", "M", "N"}
_SYMBOL_CATEGORIES = {"Pc", "So", "Sk"}


@lru_cache(maxsize=100_000)  # crawls repeat hashtags: uncached, this took most of an import
def normalise_hashtag(text: str) -> str | None:
    """Return the hashtag without `#`, NFKC and case-folded, or None if nothing of it is left.

    Inner white space becomes one space; variation selectors and control characters are removed; emoji and non-Latin
    scripts are kept. A text of more than `MAX_LENGTH` characters is not a hashtag.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    folded = folded.translate(_VARIATION_SELECTORS).lstrip("#＃ \t\n")
    spaced = _SPACE.sub(" ", folded).strip()
    kept = "".join(c for c in spaced if c in _JOINERS or _is_tag_character(c) or _printable(c))
    if not kept or len(kept) > MAX_LENGTH or all(c in _JOINERS or c == " " for c in kept):
        return None
    return kept


def caption_hashtags(caption: str) -> list[str]:
    """Return the normalised hashtags that follow a `#` in running text, in order, each once.

    A `#` inside a word, an address or an HTML entity does not start a hashtag, nor does one before digits only
    (`#1`): Instagram reads captions this way.
    """
    text = unicodedata.normalize("NFKC", caption).translate(_VARIATION_SELECTORS)
    found: dict[str, None] = {}
    run_on = -1  # where the last hashtag ended: `#a#b` is two
    position = text.find("#")
    while position >= 0:
        end = position + 1
        while end < len(text) and _continues_hashtag(text[end]):
            end += 1
        word = text[position + 1 : end]
        before = text[position - 1] if position else " "
        starts = position == run_on or not (before.isalnum() or before in "_&/")
        if starts and word and not word.isdecimal() and unicodedata.category(word[0])[0] != "M":
            hashtag = normalise_hashtag(word)
            if hashtag:
                found[hashtag] = None
                run_on = end
        position = text.find("#", max(end, position + 1))
    return list(found)


def _continues_hashtag(character: str) -> bool:
    category = unicodedata.category(character)
    return (
        category[0] in _WORD_CATEGORIES
        or category in _SYMBOL_CATEGORIES
        or character in _JOINERS
        or _is_tag_character(character)
    )


def _is_tag_character(character: str) -> bool:
    return 0xE0020 <= ord(character) <= 0xE007F


def _printable(character: str) -> bool:
    return unicodedata.category(character)[0] != "C"
