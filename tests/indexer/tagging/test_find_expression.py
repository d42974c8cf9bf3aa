import pytest

from hashtag_archive.indexer.errors import ExpressionError
from hashtag_archive.indexer.tagging.find_expression import (
    All,
    Expression,
    Has,
    Not,
    Some,
    hashtags_of,
    parse_expression,
)

A, B, C = Has("a"), Has("b"), Has("c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ramen", Has("ramen")),
        ("#Ramen", Has("ramen")),
        ("ＲＡＭＥＮ", Has("ramen")),
        ("a and not b", All((A, Not(B)))),
        ("a AND NOT b", All((A, Not(B)))),
        ("a or b and c", Some((A, All((B, C))))),
        ("(a or b) and c", All((Some((A, B)), C))),
        ("not a and b", All((Not(A), B))),
        ("not (a and b)", Not(All((A, B)))),
        ("not not a", Not(Not(A))),
        ("a and b and c", All((A, B, C))),
        ("(a)or(b)", Some((A, B))),
        ('"street food" or takoyaki', Some((Has("street food"), Has("takoyaki")))),
        ('#"Street  Food"', Has("street food")),
        ('#and or "or" or "not"', Some((Has("and"), Has("or"), Has("not")))),
        ("🍜 and not ☕️", All((Has("🍜"), Not(Has("☕"))))),
        ("ラーメン or عشاء", Some((Has("ラーメン"), Has("عشاء")))),
        ("Straße", Has("strasse")),
        ('"(a)"', Has("(a)")),
        ("\ta\n", A),
    ],
)
def test_an_expression_is_read(text: str, expected: Expression) -> None:
    assert parse_expression(text) == expected


@pytest.mark.parametrize(
    ("text", "reason", "marked"),
    [
        ("", "missing", 0),
        ("ramen and", "missing", 9),
        ("ramen and and b", "missing", 10),
        ("or a", "missing", 0),
        ("not", "missing", 3),
        ("()", "missing", 1),
        ("street food", "quotes", 7),
        ("(street food)", "quotes", 8),
        ("a (b)", "quotes", 2),
        ("a not b", "quotes", 2),
        ("a and (b or c", "not closed", 6),
        ("a or b)", "nothing is open here to close", 6),
        ('a or "b', "not closed", 5),
        ("a or #", "not a valid hashtag", 5),
        ('a or ""', "not a valid hashtag", 5),
        ("ラーメン or", "missing", 11),
        ("(" * 99 + "a" + ")" * 99, "too deep", 51),
    ],
)
def test_what_is_none_is_refused_with_its_place_marked(text: str, reason: str, marked: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    said, shown, mark = str(caught.value).split("\n")
    assert reason in said
    assert shown == f"  {text}"
    assert mark == " " * (2 + marked) + "^"


def test_its_hashtags_are_known() -> None:
    assert list(hashtags_of(parse_expression("a or not (b and #a)"))) == ["a", "b", "a"]
