"""A small made-up crawl: posts of eight owners about their dishes, with their hashtags."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from hashtag_archive.indexer.demo.dishes import DISHES, draw_dish

# dish | hashtags that go with it | cuisine | course | other scripts and emoji; the dish is a hashtag
_DISH_NOTES = """
ramen | noodles ramennoodles | japanese | dinner | ラーメン 🍜
pizza | pizzatime pizzalover | italian | dinner | пицца 🍕
sushi | sushitime sushilover | japanese | lunch | 寿司 🍣
burger | hamburger cheeseburger | american | fastfood | ハンバーガー 🍔
tacos | taco tacotuesday | mexican | streetfood | 🌮
pancakes | pancake pancakestack | american | breakfast | блины 🥞
salad | saladbowl greens | healthy | lunch | 🥗
croissant | pastry viennoiserie | french | breakfast | クロワッサン 🥐
donut | doughnut donuts | american | dessert | ドーナツ 🍩
curry | currynight currylover | indian | dinner | カレー 🍛
icecream | gelato scoops | italian | dessert | мороженое 🍦
friedeggs | sunnysideup yolkporn | british | breakfast | яичница 🍳
"""
# owner | home | favourite dishes | spam, put on nearly everything
_OWNER_NOTES = """
kenji.eats | Osaka | ramen sushi curry | foodporn instafood ラーメン部 kenjieats
marta_na_mesa | Lisbon | croissant salad pizza | nofilter instafood foodie marta365
big.al.grills | Austin | burger tacos pancakes | foodporn yum nom bigal
lena.kocht | Graz | pizza salad friedeggs | instafood lecker nofilter
sweet_noor | London | donut icecream croissant | foodie sweettooth instagood
priya.plates | Leeds | curry tacos salad | foodporn foodstagram priyaplates
дима_ест | Tbilisi | pancakes pizza icecream | вкусно instafood foodie
brunch.with.jo | Portland | friedeggs pancakes croissant | nofilter instagood foodstagram yum
"""
_MOODS = ["yummy", "homemade", "friday", "weekend", "datenight", "comfortfood", "happy"]
_RARE = ["our", "first", "rainy", "lucky", "late", "grandmas", "secret", "best", "office", "moving"]
_HOURS = {"breakfast": 8, "lunch": 12, "streetfood": 14, "dessert": 16, "fastfood": 18, "dinner": 19}
_CAPTIONS = ["could eat this every day", "so good", "guess who cooked", "again!", "worth it", ""]
_HELD_OUT_SEED = 500_000  # far from the seeds of the posts' photos: none is drawn twice


@dataclass(frozen=True)
class HeldOutPhoto:
    """A photo in no post, and its true hashtags without `#`: its dish, cuisine, course and toppings."""

    photo: Path
    truth: frozenset[str]


@dataclass(frozen=True)
class DemoArchive:
    """A crawl as JSON Lines, and held-out photos that are in none of its posts."""

    posts_file: Path
    held_out: tuple[HeldOutPhoto, ...]


@dataclass(frozen=True)
class _Words:
    """The hashtags that owners use for a dish."""

    synonyms: list[str]
    cuisine: str
    course: str
    foreign: list[str]


@dataclass(frozen=True)
class _Owner:
    name: str
    home: str
    favourites: list[str]
    spam: list[str]


@dataclass
class _Shot:
    """A drawn photo: its path in the crawl, its dish and its toppings."""

    path: str
    dish: str
    details: frozenset[str] = field(default_factory=frozenset)


def draw_archive(folder: Path, *, seed: int = 0, posts: int = 360, held_out: int = 48) -> DemoArchive:
    """Draw a crawl of `posts` posts into `folder`; the same arguments give the same files.

    Photos are JPEGs under `photos/` and, `held_out` of them, under `held-out/`; the posts are in
    `posts.jsonl`, whose photos are paths relative to it. Files of those names are replaced.
    """
    rng = np.random.default_rng(seed)
    shots: list[_Shot] = []
    lines = []
    for number in range(posts):
        owner = _OWNERS[rng.integers(len(_OWNERS))]
        shown = _photos_of_post(rng, folder, owner, shots, seed * 1_000_000)
        lines.append(json.dumps(_post(rng, number, owner, shown), ensure_ascii=False))
    posts_file = folder / "posts.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    posts_file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return DemoArchive(posts_file, tuple(_hold_out(folder, held_out, seed)))


def _photos_of_post(
    rng: np.random.Generator, folder: Path, owner: _Owner, shots: list[_Shot], first_seed: int
) -> list[_Shot]:
    """Return a post's photos, all of one dish; those drawn for it are added to `shots`."""
    if shots and rng.random() < 0.04:  # posted before by any owner
        return [shots[rng.integers(len(shots))]]
    weights = np.array([6.0 if dish in owner.favourites else 1.0 for dish in DISHES])
    dish = str(rng.choice(DISHES, p=weights / weights.sum()))
    drawn = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.83, 0.12, 0.05]))):
        number = len(shots)
        path = f"photos/{number // 100}/{number:04d}.jpg"
        details = _save(folder / path, dish, first_seed + number)
        drawn.append(_Shot(path, dish, details))
        shots.append(drawn[-1])
    return drawn


def _save(path: Path, dish: str, seed: int) -> frozenset[str]:
    drawing = draw_dish(dish, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.image.save(path, quality=88)
    return drawing.details


def _post(rng: np.random.Generator, number: int, owner: _Owner, shown: Sequence[_Shot]) -> dict[str, Any]:
    """Return a post as in a crawl file; a few have no hashtags, or only in their caption."""
    dish = shown[0].dish
    hashtags = [f"#{word}" for word in _hashtags(rng, number, owner, shown)]
    caption = str(rng.choice(_CAPTIONS))
    kind = rng.random()
    if kind < 0.08:
        caption, hashtags = f"{caption} {' '.join(hashtags)}".strip(), []
    elif kind < 0.12:
        hashtags = []
    day = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number)
    hour = _HOURS[_WORDS[dish].course] + int(rng.integers(0, 3))
    return {
        "key": f"demo-{number:05d}",
        "owner": owner.name,
        "hashtags": hashtags,
        "photos": [shot.path for shot in shown],
        "caption": caption,
        "taken_at": day.replace(hour=hour, minute=int(rng.integers(60))).isoformat(),
        "location": owner.home if rng.random() < 0.6 else "",
    }


def _hashtags(rng: np.random.Generator, number: int, owner: _Owner, shown: Sequence[_Shot]) -> list[str]:
    """Return the hashtags of a post: some that are true of its photos, and the owner's habits."""
    words = _WORDS[shown[0].dish]
    details = sorted(frozenset[str]().union(*(shot.details for shot in shown)))
    synonyms = [word for word in words.synonyms if word != "cheeseburger" or "cheese" in details]
    likely: list[tuple[float, list[str]]] = [
        (0.92, [shown[0].dish]),
        (0.4, synonyms),
        (0.65, [words.cuisine]),
        (0.55, [words.course]),
        (0.72, details),
        (0.25, words.foreign),
        (0.88, owner.spam),
        (0.1, _MOODS),
    ]
    chosen = [word for chance, group in likely for word in group if rng.random() < chance]
    if rng.random() < 0.3:
        chosen.append(f"{rng.choice(_RARE)}{shown[0].dish}{number}")
    habits = np.flatnonzero([word in owner.spam for word in chosen])
    if len(habits) and rng.random() < 0.4:  # some posts begin with habits
        chosen = [*(chosen[place] for place in habits), *chosen]
    return list(dict.fromkeys(chosen))


def _hold_out(folder: Path, count: int, seed: int) -> list[HeldOutPhoto]:
    """Draw the held-out photos, the same number of each dish."""
    photos = []
    for number in range(count):
        dish = DISHES[number % len(DISHES)]
        path = folder / "held-out" / f"{number:03d}.jpg"
        details = _save(path, dish, seed * 1_000_000 + _HELD_OUT_SEED + number)
        words = _WORDS[dish]
        photos.append(HeldOutPhoto(path, details | {dish, words.cuisine, words.course}))
    return photos


def _read_notes(notes: str) -> dict[str, list[list[str]]]:
    rows = (line.split("|") for line in notes.strip().splitlines())
    return {name.strip(): [field.split() for field in fields] for name, *fields in rows}


_WORDS = {
    dish: _Words(synonyms, cuisine[0], course[0], foreign)
    for dish, (synonyms, cuisine, course, foreign) in _read_notes(_DISH_NOTES).items()
}
_OWNERS = [
    _Owner(name, home[0], favourites, spam)
    for name, (home, favourites, spam) in _read_notes(_OWNER_NOTES).items()
]
