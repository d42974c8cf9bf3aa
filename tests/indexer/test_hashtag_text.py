import pytest

from hashtag_archive.indexer.hashtag_text import caption_hashtags, normalise_hashtag


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
    ],
)
def test_a_hashtag_has_one_spelling(text: str, expected: str) -> None:
    assert normalise_hashtag(text) == expected


@pytest.mark.parametrize("text", ["", "#", "# #", " ", "\u200d", "\ufe0f", "x" * 101])
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
    ],
)
def test_captions_give_their_hashtags(caption: str, expected: list[str]) -> None:
    assert caption_hashtags(caption) == expected
