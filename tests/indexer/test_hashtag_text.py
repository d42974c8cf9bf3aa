import pytest

from hashtag_archive.indexer.caption_text import caption_hashtags, caption_words
from hashtag_archive.indexer.hashtag_text import is_too_long, normalise_hashtag, split_hashtags


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#Ramen", "ramen"),
        ("##Ramen ", "ramen"),
        ("＃寿司", "寿司"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Cafe\u0301", "café"),
        ("☕\ufe0f", "☕"),
        ("☕", "☕"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"),
        ("नमस्ते", "नमस्ते"),
        ("street  food", "street food"),
        ("gluten-free", "gluten-free"),
        ("ta\tb\nc", "ta b c"),
        ("a\x00b", "ab"),
        ("\ufeff#sea\u200b", "sea"),
        ("\u2060#\u00adsea\u034f", "sea"),
        ("har\u200cbour", "harbour"),
        ("\u200cمی\u200cخواهم\u200d", "می\u200cخواهم"),
        ("צה״ל", "צה״ל"),
        ("葛\U000e0100", "葛"),
        ("sea\u2800\u2800sun", "sea sun"),
    ],
)
def test_a_hashtag_has_one_spelling(text: str, expected: str) -> None:
    assert normalise_hashtag(text) == expected
    assert normalise_hashtag(expected) == expected


@pytest.mark.parametrize(
    "text", ["#e\u200b\u0301", "\u1100\u2060\u1161", "s\u00ad#", "\ufeff＃\u200d#a", "İ", "ŉ"]
)
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalise_hashtag(text)
    assert once
    assert normalise_hashtag(once) == once


def test_what_is_removed_brings_a_letter_and_its_accent_together() -> None:
    assert normalise_hashtag("e\u200b\u0301") == "\u00e9"


@pytest.mark.parametrize(
    "text", ["", "#", "# #", " ", "\u200d", "\ufe0f", "\u3164", "_", "...", "+", "x" * 101]
)
def test_what_is_no_hashtag_is_none(text: str) -> None:
    assert normalise_hashtag(text) is None


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("Lunch #Ramen #ラーメン!", ["ramen", "ラーメン"]),
        ("#a#b #a", ["a", "b"]),
        ("issue #1, #2nd", ["2nd"]),
        ("http://x.y/#frag a#b &#39;", []),
        ("#cafe\u0301.", ["café"]),
        ("so good #🍕 #🍕🍷", ["🍕", "🍕🍷"]),
        ("#food-porn", ["food"]),
        ("no tags", []),
        ("#", []),
        ("ends with #", []),
        ("#各〃 #すゞむ #ラーメン～", ["各〃", "すゞむ", "ラーメン〜"]),
        ("#בית־קפה #ג׳ירפה", ["בית־קפה", "ג׳ירפה"]),
        ("#_ #___ #1_2 #sea_", ["sea_"]),
        ("#\ufe0f\u20e3 #sea", ["sea"]),
        ("#http://a.b #ftp://a.b #sea", ["sea"]),
        ("https://a.b/?#frag (www.a.b/?#frag) https://a.b\n#sea https://a.b,#sun", ["sea", "sun"]),
        ("#so\u00adft #sea\u2800#sun \u200f#سفر\u200f", ["soft", "sea", "sun", "سفر"]),
        ("#mother's `#code`", ["mother", "code"]),
    ],
)
def test_captions_give_their_hashtags(caption: str, expected: list[str]) -> None:
    assert caption_hashtags(caption) == expected


def test_a_list_is_split_where_no_hashtag_goes_on() -> None:
    assert split_hashtags("#food#foodporn, street food；soup、") == [
        "food",
        "foodporn",
        "street food",
        "soup",
    ]


def test_a_word_of_more_than_the_most_characters_is_told_from_no_word() -> None:
    assert caption_words(f"#{'x' * 101} #") == ["x" * 101]
    assert [is_too_long(text) for text in ("x" * 101, "x" * 100, "\u200b" * 200, "_")] == [
        True,
        False,
        False,
        False,
    ]


def test_a_caption_of_hashes_or_of_marks_without_end_is_read_like_any_other() -> None:
    """Each `#` looked through all characters before it, and Unicode sorts marks in the square of their number."""
    assert caption_hashtags("," + "#," * 100_000 + "#sea") == ["sea"]
    assert caption_words("https://a.b/" + "#" * 100_000 + " www.a,#sea ftp://#sand") == ["sea"]
    tower = "e" + "\u0301\u0323" * 50_000
    assert caption_hashtags(f"#{tower} #sea")[1:] == ["sea"]
    assert normalise_hashtag(tower) == normalise_hashtag("e" + "\u0301\u0323" * 15)
