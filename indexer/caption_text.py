"""Hashtags in running text: the words that follow a `#` in a caption."""

import re
from bisect import bisect

from hashtag_archive.indexer.hashtag_text import (
    as_read,
    category_of,
    continues_hashtag,
    is_letter_or_symbol,
    normalise_hashtag,
)

_PLAIN_WORD = re.compile(r"[0-9A-Za-z_]*")
_HASHES = re.compile("[#＃﹟]")
_ADDRESS = re.compile(r"(?<!\w)(?:\w{1,20}://|www\.)(\S*)")
_BEHIND_ADDRESS = frozenset(",;)]}\"'…")


def caption_hashtags(caption: str) -> list[str]:
    """Return the keys of the hashtags that follow a `#` in running text, in order, each once."""
    found = (normalise_hashtag(word) for word in caption_words(caption))
    return list(dict.fromkeys(hashtag for hashtag in found if hashtag))


def caption_words(caption: str) -> list[str]:
    """Return the words that follow a `#` in running text and have a letter or symbol, as written, of any length.

    A `#` inside a word, an address or an HTML entity does not start a hashtag, nor does one before an address or
    before digits only (`#1`): Instagram and Twitter read captions this way.
    """
    text = as_read(caption)
    addresses = [found.span(1) for found in _ADDRESS.finditer(text)]
    # A `#` is never composed with its neighbours, so that each stands for one of the caption.
    pieces = None if text == caption else _HASHES.split(caption)
    found: list[str] = []
    run_on = -1  # where the last hashtag ended: `#a#b` is two
    position, hashes = text.find("#"), 0
    while position >= 0:
        hashes += 1
        end = _PLAIN_WORD.match(text, position + 1).end()  # type: ignore[union-attr]
        while end < len(text) and continues_hashtag(text[end]):
            end += 1
        word = text[position + 1 : end]
        if (
            _starts_hashtag(text, position, run_on, addresses)
            and _is_word(word)
            and not text.startswith("://", end)
        ):
            found.append(word if pieces is None else _as_written(pieces[hashes], word))
            run_on = end
        position = text.find("#", max(end, position + 1))
    return found


def _as_written(piece: str, word: str) -> str:
    """Return the beginning of a piece of a caption that was read as `word`, or `word` if it cannot be told."""
    end = 0
    while end < len(piece) and all(map(continues_hashtag, as_read(piece[end]))):
        end += 1
    key = normalise_hashtag(word)
    return piece[:end] if key and normalise_hashtag(piece[:end]) == key else word


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


def _is_word(word: str) -> bool:
    """Whether characters behind a `#` are a word: with a letter or a symbol, and not beginning with a mark."""
    return category_of(word[:1] or "\u0301")[0] != "M" and any(map(is_letter_or_symbol, word))
