"""The key and the spelling of a hashtag, over all of Unicode and over random texts."""

import sys
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtag_archive.indexer.caption_text import caption_hashtags, caption_words
from hashtag_archive.indexer.hashtag_text import normalise_hashtag, read_hashtag, split_hashtags

# Marks, joiners, selectors, fillers, `#`, commas, odd capitals: what may not be read the same again.
TRICKY = (
    "#＃﹟,、 \u00a0\u3000_·\u0301\u0307\u0345\u093c\u094d\u0e33\u0e4d\u200b\u200c\u200d\u200e\u202e"
    "\u2060\ufe0f\u180e\u00adİıſßŉﬁΐͅẞΣςＡｶﾞ゛～℃㏂🄁①½Ⅷ각ᄀ\u1160\u3164ᅡ\ufeff\U000e0067\U000e007f🏴👩🏽🇧❤⃣\u2800\u0378\U0001fae8"
)


def assigned() -> Iterator[str]:
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs"):
            yield chr(code)


def faults(text: str) -> list[str]:
    """Return what is wrong with how a text is read as a hashtag."""
    read = read_hashtag.__wrapped__(text)
    if read is None:
        return []
    return [
        f"{text!a}: {one!a} is read as {again!a}, not as {wanted!a}"
        for one, wanted in ((read.key, (read.key, read.key)), (read.spelling, (read.key, read.spelling)))
        if (again := read_hashtag.__wrapped__(one)) != wanted
    ]


def test_every_character_is_read_the_same_again() -> None:
    assert [fault for character in assigned() for fault in faults(character)] == []


@pytest.mark.parametrize("around", ["a{}\u0301", "क{}ष", "👩\u200d{}", "İ{}"])
def test_every_character_beside_others_is_read_the_same_again(around: str) -> None:
    found = []
    for character in assigned():
        name = unicodedata.name(character, "")
        if not name.startswith(("CJK UNIFIED", "HANGUL SYLLABLE")) or ord(character) % 61 == 0:
            found += faults(around.format(character))
    assert found == []


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.text(st.sampled_from(TRICKY) | st.characters(exclude_categories=["Cs"]), max_size=12))
def test_random_texts_are_read_the_same_again(text: str) -> None:
    assert faults(text) == []
    for key in caption_hashtags(f"#{text}"):
        assert normalise_hashtag(key) == key
        assert caption_hashtags(f"#{key}") == [key]


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.text(st.sampled_from(TRICKY) | st.characters(exclude_categories=["Cs"]), max_size=12))
def test_a_hashtag_of_a_list_is_one_item_of_a_list(text: str) -> None:
    for item in split_hashtags(text):
        if read := read_hashtag(item):
            assert [split_hashtags(read.key), split_hashtags(read.spelling)] == [[read.key], [read.spelling]]


@pytest.mark.parametrize(
    ("written", "key", "spelling"),
    [
        ("#Ramen", "ramen", "Ramen"),
        ("LosAngeles", "losangeles", "LosAngeles"),
        ("Cafe\u0301", "café", "Café"),
        ("İzmir", "izmir", "İzmir"),
        ("I\u0307zmir", "izmir", "İzmir"),
        ("Straße", "strasse", "Straße"),
        ("ΑΘΗΝΑΣ", "αθηνασ", "ΑΘΗΝΑΣ"),
        ("ถ้ำ", "ถ้\u0e4dา", "ถ้ำ"),
        ("ＴＯＫＹＯ", "tokyo", "ＴＯＫＹＯ"),
        ("ﾗｰﾒﾝ", "ラーメン", "ﾗｰﾒﾝ"),
        ("Har\u00adbour\u200b\u202e", "harbour", "Harbour"),
        ("\U000e0001Har\u2066bour\u2069", "harbour", "Harbour"),
        ("Sea\u200dside", "seaside", "Seaside"),
        ("کتاب\u200cها", "کتاب\u200cها", "کتاب\u200cها"),
        ("क\u094d\u200dष", "क\u094d\u200dष", "क\u094d\u200dष"),
        ("श्री", "श्री", "श्री"),
        ("👩\u200d❤\ufe0f\u200d👩", "👩\u200d❤\u200d👩", "👩\u200d❤\u200d👩"),
        ("👍🏽", "👍🏽", "👍🏽"),
        ("\u3164서울\u115f", "서울", "서울"),
        ("Street  Food\u2800", "street food", "Street Food"),
        ("\U0001fae8\U0001fae9", "\U0001fae8\U0001fae9", "\U0001fae8\U0001fae9"),  # younger than some Pythons
    ],
)
def test_a_hashtag_has_a_key_to_compare_and_a_spelling_to_show(written: str, key: str, spelling: str) -> None:
    assert read_hashtag(written) == (key, spelling)


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("Lunch #Ramen, #LosAngeles", ["Ramen", "LosAngeles"]),
        ("＃Cafe\u0301 ﹟Straße #ถ้ำ", ["Cafe\u0301", "Straße", "ถ้ำ"]),
        ("½ #\u00adSo\u00adFt! ℃#No #ＴＯＫＹＯ～３", ["\u00adSo\u00adFt", "ＴＯＫＹＯ～３"]),
        ("e\u0301#no #1 #ﬁ1#Two", ["ﬁ1", "Two"]),
    ],
)
def test_the_words_of_a_caption_are_as_they_were_written(caption: str, words: list[str]) -> None:
    assert caption_words(caption) == words


def test_every_comma_and_hash_of_unicode_splits_a_list() -> None:
    split = {c for c in assigned() if split_hashtags(f"a{c}b") == ["a", "b"]}
    made = {c for c in assigned() if set(unicodedata.normalize("NFKC", c)) & set("#,;、،؛")}
    assert made - split == {
        chr(0x1F101 + digit) for digit in range(10)
    }  # read as digits, without their commas
    assert normalise_hashtag("a\U0001f103") == "a2"
