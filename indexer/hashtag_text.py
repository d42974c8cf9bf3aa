"""Hashtags as text: one spelling for each, and how they are found in captions and lists."""

import re
import unicodedata
from bisect import bisect
from functools import lru_cache

MAX_LENGTH = 100
_SPACE = re.compile(r"\s+")
# Nothing of these is seen, and they end no word: soft hyphens, marks of direction, fillers, grapheme joiners,
# inherent vowels, and selectors between glyphs (U+FE0E and U+FE0F choose between a text and an emoji: with and
# without them is one hashtag).
_UNSEEN = dict.fromkeys(
    [
        *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200E, 0x200F, 0x3164),
        *(0xFEFF, 0xFFA0, 0xFFF9, 0xFFFA, 0xFFFB, 0xFFFC, 0xFFFD),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    ]
)
# NFKC would make a space and a mark of the first two, and an ASCII tilde of the third. The last, an empty Braille
# pattern, is what captions are spaced with.
_DRAWN_AS = {0x309B: "\u3099", 0x309C: "\u309a", 0xFF5E: "\u301c", 0x2800: " "}
# Tag characters spell the flags of regions behind a black flag; elsewhere nothing of them is seen.
_STRAY_TAGS = re.compile("(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+")
# Joiners hold emoji families and Indic clusters together, and break ligatures: they count between two characters.
_UNSEEN_JOINERS = "\u200c\u200d"
# What twitter-text counts as part of a word besides letters, marks and digits.
_WORD_SIGNS = frozenset("\u200c\u200d\u00b7\u05be\u05f3\u05f4\u0f0b\u301c\u3003\u30a0\u30fb\ua67e")
_WORD_CATEGORIES = {"L", "M", "N"}
_SYMBOL_CATEGORIES = {"Pc", "So", "Sk"}
_LIST_SEPARATORS = re.compile("[#＃,;，；、،]")
_ADDRESS = re.compile(r"(?<!\w)(?:\w{1,20}://|www\.)(\S*)")
_BEHIND_ADDRESS = frozenset(",;)]}\"'…")
_LONG = 1000  # characters above which a text is searched for towers of marks
_MOST_MARKS = 30  # on one letter: Unicode's "stream-safe" format has no more either


@lru_cache(maxsize=100_000)  # crawls repeat hashtags: uncached, this took most of an import
def normalise_hashtag(text: str) -> str | None:
    """Return the hashtag without `#`, NFKC and case-folded, or None if it is not one.

    Inner white space becomes one space; invisible characters are removed, but joiners between two characters stay;
    emoji and non-Latin scripts are kept. Normalising again changes nothing. A text without a letter, digit or
    symbol is not a hashtag, nor is one of more than `MAX_LENGTH` characters (`is_too_long`).
    """
    kept = _normal(text)
    return kept if len(kept) <= MAX_LENGTH and _has_substance(kept) else None


def is_too_long(text: str) -> bool:
    """Return whether a text would be a hashtag if it had no more than `MAX_LENGTH` characters."""
    return len(text) > MAX_LENGTH and len(_normal(text)) > MAX_LENGTH


def split_hashtags(text: str) -> list[str]:
    """Return the items of a list of hashtags, split at `#`, commas and semicolons: no hashtag contains them."""
    return [piece.strip() for piece in _LIST_SEPARATORS.split(text) if piece.strip()]


def caption_hashtags(caption: str) -> list[str]:
    """Return the normalised hashtags that follow a `#` in running text, in order, each once."""
    found = (normalise_hashtag(word) for word in caption_words(caption))
    return list(dict.fromkeys(hashtag for hashtag in found if hashtag))


def caption_words(caption: str) -> list[str]:
    """Return the words that follow a `#` in running text and have a letter or symbol, of any length.

    A `#` inside a word, an address or an HTML entity does not start a hashtag, nor does one before an address or
    before digits only (`#1`): Instagram and Twitter read captions this way.
    """
    text = unicodedata.normalize("NFKC", _without_towers(caption).translate(_DRAWN_AS)).translate(_UNSEEN)
    addresses = [found.span(1) for found in _ADDRESS.finditer(text)]
    found: list[str] = []
    run_on = -1  # where the last hashtag ended: `#a#b` is two
    position = text.find("#")
    while position >= 0:
        end = position + 1
        while end < len(text) and _continues_hashtag(text[end]):
            end += 1
        word = text[position + 1 : end]
        if (
            _starts_hashtag(text, position, run_on, addresses)
            and _is_word(word)
            and not text.startswith("://", end)
        ):
            found.append(word)
            run_on = end
        position = text.find("#", max(end, position + 1))
    return found


def _normal(text: str) -> str:
    """Return the spelling that changes no more: what is removed may bring letters and marks together."""
    text = _without_towers(text)
    while (again := _spelled(text)) != text:
        text = again
    return text


def _spelled(text: str) -> str:
    folded = text.translate(_DRAWN_AS)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold()).translate(
        _UNSEEN
    )
    spaced = _SPACE.sub(" ", _STRAY_TAGS.sub("", folded))
    kept = "".join(c for c in spaced if c in _WORD_SIGNS or _is_tag_character(c) or _printable(c))
    return _without_loose_joiners(kept.strip("# "))


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


def _starts_hashtag(text: str, position: int, run_on: int, addresses: list[tuple[int, int]]) -> bool:
    before = text[position - 1] if position else " "
    if position == run_on:
        return True
    if before.isspace():
        return True
    if before.isalnum() or before in "_&/":
        return False
    place = bisect(addresses, (position,)) - 1
    is_within = place >= 0 and addresses[place][0] < position <= addresses[place][1]
    return not is_within or before in _BEHIND_ADDRESS


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


def _is_word(word: str) -> bool:
    """Whether characters behind a `#` are a word: with a letter or a symbol, and not beginning with a mark."""
    first = unicodedata.category(word[0])[0] if word else "M"
    return first != "M" and any(_is_letter_or_symbol(character) for character in word)


def _is_letter_or_symbol(character: str) -> bool:
    return unicodedata.category(character) in ("Lu", "Ll", "Lt", "Lm", "Lo", "So", "Sk", "Me")


def _has_substance(text: str) -> bool:
    return any(unicodedata.category(c)[0] in "LNS" and (c.isalnum() or not c.isascii()) for c in text)


def _continues_hashtag(character: str) -> bool:
    category = unicodedata.category(character)
    if category in _SYMBOL_CATEGORIES:
        return character == "_" or not character.isascii()  # a backtick and a circumflex are symbols too
    return category[0] in _WORD_CATEGORIES or character in _WORD_SIGNS or _is_tag_character(character)


def _is_tag_character(character: str) -> bool:
    return 0xE0020 <= ord(character) <= 0xE007F


def _printable(character: str) -> bool:
    return unicodedata.category(character)[0] != "C"
