"""Inputs made of good ones: bytes changed, JSON changed in its structure, texts of odd characters."""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_LARGE = (
    *(b"\xff" * 8, b"\0" * 6 + b"\x04\0", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff"),
    *(b"\0\0\0\0", b"\x80\0\0\0"),
)
_PNG = b"\x89PNG\r\n\x1a\n"
# Texts that have been trouble somewhere: for databases, terminals, dates, numbers, paths, addresses, XML.
ODD_TEXTS = (
    *("", " ", "\0", "\ud800", "\udcff", "\n", "\r", "\x1b[2J", "\u202e", "\ufeff", "\u200d", "\U0010ffff"),
    *("#", "##", "#a#b", "＃tag", "# ", "#\u0301", "#1", "\u0345", "é", "ﬃ", "ß", "İ", "🏴\U000e0067"),
    *("a" * 3000, "#" * 3000, "../../../etc/passwd", "/dev/zero", "/", ".", "..", "a/b\\c", "~", "%00"),
    *("%d%f.jpg", "x" * 300 + ".jpg", "http://[", "https://a@b:c/d", "https://www.instagram.com/p//", "//"),
    *("&#xfffffff;", "&#0;", "<a", "<!--", "]]>", "2019-13-45", "0000:00:00 00:00:00", "2019-W01", "1e999"),
    *("9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00+14:00", "-1", "0", "9" * 5000, "nan", "-inf", "0x10"),
    *("1_000", "٣", "True", "null", "{}", "[", '["a"', "'", '"'),
)
ODD_VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308),
    *(float("inf"), float("nan"), [], {}, [None], [[]], {"": ""}, ["a", 1], [{}], {"a": {"b": ["c"]}}),
    *({"username": 7}, {"id": None}),
)
ANY = st.characters(exclude_categories=())  # lone surrogates too, and quick to make
_LONGEST, _DOUBLED = 4 << 20, 10_000  # bytes
_DEEP = 3000  # lists in lists: deeper than Python recurses


def random_of(draw_from: bytes) -> random.Random:
    """Return a generator that an input of Hypothesis determines."""
    return random.Random(draw_from)


def seeds() -> SearchStrategy[random.Random]:
    """Return a strategy for generators of random numbers; Hypothesis' own integers repeat small ones."""
    return st.binary(min_size=8, max_size=8).map(random_of)


def mutations(
    good: Sequence[bytes], mend: Callable[[bytes], bytes] = lambda content: content
) -> SearchStrategy[bytes]:
    """Return a strategy for changed copies of `good`; `mend` puts checksums right."""

    def changed(draw: random.Random) -> bytes:
        content = mutated(draw.choice(good), draw, good)
        return mend(content) if draw.random() < 0.7 else content

    return seeds().map(changed)


def mutated(content: bytes, draw: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Return content with bytes changed, removed, added, doubled or set to large numbers, in 1 to 4 places."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        _mutate_once(changed, draw, draw.choice(others) if others else content)
    return bytes(changed[:_LONGEST])


def _mutate_once(changed: bytearray, draw: random.Random, other: bytes) -> None:
    """Change bytes in one place, which half of the times is among the first 200, where headers are."""
    changed += b"" if changed else b"\0"
    place = draw.randrange(min(len(changed), 200) if draw.random() < 0.5 else len(changed))
    length = draw.choice((1, 2, 4, 16, 100, len(changed)))
    number = draw.choice(_LARGE)[: draw.choice((1, 2, 4, 8))]
    start = draw.randrange(len(other) or 1)
    wanted: tuple[Callable[[], tuple[int, bytes]], ...] = (  # how many bytes go, and what takes their place
        lambda: (1, bytes([changed[place] ^ 1 << draw.randrange(8)])),
        lambda: (1, bytes([draw.randrange(256)])),
        lambda: (len(changed), b""),
        lambda: (0, draw.randbytes(draw.randrange(1, 99))),
        lambda: (len(number), number),
        lambda: (length, b""),
        lambda: (0, bytes(changed[place : place + min(length, _DOUBLED)]) * draw.choice((1, 1, 2, 50))),
        lambda: (length, other[start : start + length]),
    )
    taken, put = draw.choice(wanted)()
    changed[place : place + taken] = put


def with_sums(png: bytes) -> bytes:
    """Return a PNG with the checksums that its chunks have, so that the chunks are read."""
    if not png.startswith(_PNG):
        return png
    found, place = [_PNG], len(_PNG)
    while place + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        chunk = png[place + 4 : place + 8 + length]
        found.append(png[place : place + 4] + chunk + struct.pack(">I", zlib.crc32(chunk)))
        place += 12 + length
    return b"".join([*found, png[place:]])


def repacked(npz: bytes, draw: random.Random) -> bytes:
    """Return an npz file, one of whose arrays is changed, left out or doubled, with right checksums."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(npz)) as packed,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written,
    ):
        names = packed.namelist()
        chosen, kind = draw.choice(names), draw.random()
        for name in names:
            content = packed.read(name)
            if name == chosen and kind < 0.1:
                continue
            written.writestr(name, changed_npy(content, draw) if name == chosen else content)
    return target.getvalue()


def changed_npy(npy: bytes, draw: random.Random) -> bytes:
    """Return a changed npy file: its dtype, its shape, or any bytes."""
    if draw.random() < 0.3:
        return mutated(npy, draw)
    header = npy[10:].split(b"\n")[0]
    kinds = (
        b"<f4",
        b"<f8",
        b"<f2",
        b"|O",
        b"|b1",
        b"<i8",
        b"<u1",
        b"<U4",
        b"<M8[s]",
        b">f4",
        b"<c8",
        b"|V3",
        b"|S0",
    )
    shapes = (
        b"()",
        b"(0,)",
        b"(-1,)",
        b"(1, 1)",
        b"(9, 9, 9)",
        b"(1000000000000,)",
        b"(2, 0)",
        b"(True,)",
        b"(3.0,)",
    )
    new = header
    if draw.random() < 0.6:
        start, end = new.index(b"'descr': '") + 10, new.index(b"', 'fortran")
        new = new[:start] + draw.choice(kinds) + new[end:]
    if draw.random() < 0.6:
        start, end = new.index(b"'shape': ") + 9, new.index(b", }")
        new = new[:start] + draw.choice(shapes) + new[end:]
    new = new.strip().ljust(len(header))
    return npy[:8] + struct.pack("<H", len(new) + 1) + new + b"\n" + npy[10 + len(header) + 1 :]


def json_values() -> SearchStrategy[Any]:
    """Return a strategy for any value of JSON, odd ones among them."""
    leaves = st.one_of(
        st.sampled_from((*ODD_TEXTS, *ODD_VALUES)), st.text(ANY, max_size=30), st.floats(), st.integers()
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(ANY, max_size=5), inner, max_size=3)
        ),
        max_leaves=6,
    )


def changed_json(good: Sequence[Any]) -> SearchStrategy[Any]:
    """Return a strategy for copies of JSON values in which some inner values are replaced, removed or moved."""
    return st.builds(_changed, seeds(), st.lists(json_values(), min_size=1, max_size=3), st.just(tuple(good)))


def _changed(draw: random.Random, values: list[Any], good: tuple[Any, ...]) -> Any:
    whole = [deepcopy(draw.choice(good))]
    for value in values:
        holder, place = draw.choice(list(_places(whole)))
        kind = draw.random()
        if kind < 0.7:
            holder[place] = deepcopy(value)  # or it would change with what is put into it
        elif kind < 0.8 and holder is not whole:
            del holder[place]
        elif kind < 0.9:
            holder[place] = [holder[place]]
        else:
            holder[place] = deepcopy(draw.choice(list(_places(whole)))[0])
    return whole[0]


def _places(holder: Any) -> Any:
    for place in list(range(len(holder)) if isinstance(holder, list) else holder):
        yield holder, place
        if isinstance(holder[place], dict | list):
            yield from _places(holder[place])


def json_bytes(values: SearchStrategy[Any]) -> SearchStrategy[bytes]:
    """Return a strategy for values as JSON in bytes, some of them damaged, some nested too deep."""

    def written(draw: random.Random, value: Any) -> bytes:
        text = json.dumps(value, ensure_ascii=draw.random() < 0.5)
        if draw.random() < 0.01:
            text = "[" * _DEEP + text + "]" * _DEEP
        content = text.encode("utf-8", "surrogatepass")
        return mutated(content, draw) if draw.random() < 0.2 else content

    return st.builds(written, seeds(), values)


def odd_texts(alphabet: Sequence[str] = ()) -> SearchStrategy[str]:
    """Return a strategy for texts of any characters, of odd pieces, and of the pieces of an alphabet."""
    pieces = st.sampled_from((*ODD_TEXTS, *alphabet)) | st.text(ANY, max_size=8)
    own = [st.lists(st.sampled_from(alphabet), max_size=40).map("".join)] if alphabet else []
    return st.one_of(st.text(ANY), st.lists(pieces, max_size=12).map("".join), *own)


def as_bytes(texts: SearchStrategy[str]) -> SearchStrategy[bytes]:
    """Return a strategy for the bytes of texts, lone surrogates included."""
    return texts.map(lambda text: text.encode("utf-8", "surrogatepass"))


def as_text(content: bytes) -> str:
    """Return the text of `as_bytes`, and some text of any other bytes."""
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return content.decode("latin-1")
