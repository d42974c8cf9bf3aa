"""Write the contact sheet: photos with their guesses."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

_SHOWN = 5  # guesses per photo
_THUMB, _PAD, _GAP, _ROW = 228, 10, 16, 27  # pixels: photo, inside and between tiles, a guess
_TILE = (_THUMB + 2 * _PAD, _THUMB + 3 * _PAD + _SHOWN * _ROW + 24)
_HEADER = 104
_PAPER, _CARD, _EDGE = "#f4f1ea", "#ffffff", "#ddd6c8"
_INK, _FAINT, _HIT = "#1f2421", "#6d726e", "#17603f"
_SOUNDS = "a b v g d e yo zh z i j k l m n o p r s t u f kh ts ch sh shch ' y ' e yu ya"
_CYRILLIC = dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", _SOUNDS.split(), strict=True))


@dataclass(frozen=True)
class SheetEntry:
    """A photo, its guessed hashtags with probabilities, best first, and its true hashtags.

    Hashtags may have a `#`.
    """

    photo: Path
    guesses: list[tuple[str, float]]
    truth: frozenset[str]


def contact_sheet(entries: Sequence[SheetEntry], path: Path, *, columns: int = 6, title: str) -> None:
    """Write a sheet of tiles, `columns` a row, in the format that the ending of `path` names.

    A tile has the photo and its five best guesses; those that are true are white on dark, with a
    tick. What the built-in font cannot show is spelled out in brackets: `[slice of pizza]`.
    """
    rows = -(-len(entries) // columns)
    width = columns * (_TILE[0] + _GAP) + _GAP
    sheet = Image.new("RGB", (width, _HEADER + rows * (_TILE[1] + _GAP)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_header(draw, entries, title, width)
    for number, entry in enumerate(entries):
        row, column = divmod(number, columns)
        corner = (_GAP + column * (_TILE[0] + _GAP), _HEADER + row * (_TILE[1] + _GAP))
        _draw_tile(sheet, draw, entry, corner)
    sheet.save(path)


def _draw_header(draw: ImageDraw.ImageDraw, entries: Sequence[SheetEntry], title: str, width: int) -> None:
    draw.text((_GAP, 32), _fit(title, 28, width - 2 * _GAP), _INK, _font(28), anchor="lm")
    _draw_guess(draw, (_GAP, 59), "true of the picture", "", hit=True)
    _draw_guess(draw, (_GAP + _TILE[0], 59), "not one of its hashtags", "", hit=False)
    first = sum(bool(_hits(entry, 1)) for entry in entries)
    legend = f"The first guess is true of {first} of {len(entries)} pictures."
    legend += " [In brackets: emoji and other scripts]"
    x = _GAP + 2 * _TILE[0] + 2 * _GAP
    draw.text((x, 59 + _ROW / 2), _fit(legend, 16, width - x - _GAP), _INK, _font(16), anchor="lm")


def _draw_tile(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, entry: SheetEntry, corner: tuple[int, int]
) -> None:
    x, y = corner
    draw.rounded_rectangle((x, y, x + _TILE[0], y + _TILE[1]), 8, _CARD, _EDGE)
    with Image.open(entry.photo) as photo:
        upright = ImageOps.exif_transpose(photo).convert("RGB")
    sheet.paste(ImageOps.fit(upright, (_THUMB, _THUMB)), (x + _PAD, y + _PAD))
    y += _THUMB + 2 * _PAD
    hits = _hits(entry, _SHOWN)
    for number, (hashtag, probability) in enumerate(entry.guesses[:_SHOWN]):
        name = hashtag.lstrip("#")
        place = (x + _PAD, y + number * _ROW)
        _draw_guess(draw, place, f"#{_legible(name)}", f"{probability:.0%}", hit=name in hits)
    found = f"{len(hits)} of its {len(entry.truth)} hashtags found"
    end = (x + _PAD + 8, y + _SHOWN * _ROW + 15)
    draw.text(end, found, _FAINT, _font(14), anchor="lm")


def _draw_guess(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, figure: str, *, hit: bool
) -> None:
    """Draw a guess, as wide as a thumbnail; a hit is a pill with a tick."""
    x, y = corner
    middle = y + _ROW / 2
    ink = _CARD if hit else _FAINT
    if hit:
        draw.rounded_rectangle((x, y + 1, x + _THUMB, y + _ROW - 2), 12, _HIT)
        tick = [(x + 9, middle), (x + 13, middle + 5), (x + 21, middle - 6)]
        draw.line(tick, ink, 3, joint="curve")
    taken = _font(16).getlength(figure)
    shown = _fit(text, 16, _THUMB - 46 - taken)
    draw.text((x + 28, middle), shown, ink, _font(16), anchor="lm")
    draw.text((x + _THUMB - 10, middle), figure, ink, _font(16), anchor="rm")


def _hits(entry: SheetEntry, count: int) -> set[str]:
    """Return which of the best `count` guesses are true, without `#`."""
    guesses = {hashtag.lstrip("#") for hashtag, _ in entry.guesses[:count]}
    return guesses & {hashtag.lstrip("#") for hashtag in entry.truth}


def _fit(text: str, size: int, width: float) -> str:
    """Return `text`, shortened with an ellipsis if it is wider than `width` pixels."""
    text = _legible(text)
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _legible(text: str) -> str:
    """Return `text` in characters that the font has; replacements are in brackets.

    The font is Latin without accents. Emoji become their names, kana and Cyrillic their sounds, and
    what has neither (Chinese characters, say) its code points.
    """
    parts = []
    bases = [(c, unicodedata.normalize("NFKD", c)[0]) for c in unicodedata.normalize("NFKC", text)]
    for has_glyphs, run in groupby(bases, key=lambda pair: _has_glyph(pair[1])):
        if has_glyphs:
            parts.append("".join(base for _, base in run))
        elif words := "".join(_spelled(character) for character, _ in run).split():
            parts.append(f"[{' '.join(words)}]")
    return "".join(parts)


def _spelled(character: str) -> str:
    if unicodedata.category(character) in ("Cf", "Mn"):  # joiners, variation selectors
        return ""
    if character.isspace():
        return " "
    if character.lower() in _CYRILLIC:
        return _CYRILLIC[character.lower()]
    name = unicodedata.name(character, "").lower()
    if name.endswith("letter small tu"):  # it lengthens the next consonant
        return ""
    if name.startswith(("katakana letter", "hiragana letter")):
        return name.split()[-1]
    if name.endswith("prolonged sound mark"):
        return "-"
    if name and unicodedata.category(character)[0] == "S":
        return f" {name} "
    return f" U+{ord(character):04X} "


@lru_cache
def _has_glyph(character: str) -> bool:
    """Whether the font has more for `character` than the box of a missing glyph."""
    font = _font(16)
    missing = bytes(font.getmask("\uffff"))
    return character == " " or bytes(font.getmask(character)) not in (missing, b"")


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
