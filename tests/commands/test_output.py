import pytest

from hashtag_archive.commands.output import counted


@pytest.mark.parametrize(
    ("count", "noun", "plural", "expected"),
    [
        (0, "photo", "", "0 photos"),
        (1, "photo", "", "1 photo"),
        (2000, "photo", "", "2,000 photos"),
        (1, "photo is", "photos are", "1 photo is"),
        (2, "photo is", "photos are", "2 photos are"),
    ],
)
def test_a_count_has_its_noun_in_the_right_number(count: int, noun: str, plural: str, expected: str) -> None:
    assert counted(count, noun, plural) == expected
