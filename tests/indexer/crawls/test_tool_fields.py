"""Fields mean what their tool means by them."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from tests.indexer.crawls.test_broken_crawls import read
from tests.indexer.crawls.test_formats import names, posts

HTML = (
    '<p>Tea &amp; soup</p><p><a href="https://m.example.invalid/tags/x">#<span>food</span></a>'
    "<br>#t&eacute;a &#35;sea</p>"
)
SEEN = "Tea & soup\n\n#food\n#téa #sea"
SITES: list[tuple[dict[str, Any], str, str | None, str | None, tuple[str, ...]]] = [
    (
        {"category": "bluesky", "post_id": "3k", "text": "Noodles #soup", "description": "A sign #sale"}
        | {"author": {"handle": "anna.example.invalid", "displayName": "Anna"}},
        *("bluesky:3k", "Noodles #soup", "anna.example.invalid", ("soup",)),
    ),
    (
        {"category": "twitter", "tweet_id": 7, "content": "Soup #a &lt;3", "description": "alt #no"}
        | {"author": {"name": "anna", "nick": "Anna"}, "user": {"name": "reader"}, "hashtags": ["a"]},
        *("twitter:7", "Soup #a &lt;3", "anna", ("a",)),
    ),
    (
        {"category": "weibo", "num": 1, "filename": "x"}
        | {"status": {"id": 8, "text": "#street food#好吃<br/>&amp; #b#", "user": {"screen_name": "安娜"}}},
        *("weibo:8", "#street food#好吃\n& #b#", "安娜", ("street food", "b")),
    ),
    (
        {"category": "m.example.invalid", "id": "9", "content": HTML, "tags": ["food"]}
        | {"account": {"acct": "anna", "username": "anna"}, "media": {"description": "alt #no"}},
        *("m.example.invalid:9", SEEN, "anna", ("food", "téa", "sea")),
    ),
    (
        {"category": "pixiv", "id": 10, "title": "Night", "caption": HTML, "tags": ["風景", "夜 市"]}
        | {"user": {"account": "anna", "name": "Anna"}},
        *("pixiv:10", SEEN, "anna", ("風景", "夜 市", "food", "téa", "sea")),
    ),
    (
        {
            "category": "tumblr",
            "id": 11,
            "blog_name": "anna",
            "caption": HTML,
            "summary": "Tea",
            "tags": ["t"],
        },
        *("tumblr:11", SEEN, "anna", ("t", "food", "téa", "sea")),
    ),
    (
        {"category": "instagram", "post_shortcode": "Cx1", "description": "Soup #a", "username": "anna"}
        | {"accessibility_caption": "May be an image of #no", "tags": ["#a"]},
        *("instagram:Cx1", "Soup #a", "anna", ("a",)),
    ),
    (
        {"category": "unknown", "id": 12, "description": HTML, "alt": "#no", "uploader": "anna"},
        *("unknown:12", SEEN, "anna", ("food", "téa", "sea")),
    ),
]


@pytest.mark.parametrize(("entry", "key", "caption", "owner", "hashtags"), SITES)
def test_gallery_dl_has_caption_and_owner_where_the_site_has_them(
    tmp_path: Path, entry: dict[str, Any], key: str, caption: str, owner: str, hashtags: tuple[str, ...]
) -> None:
    (tmp_path / "a.jpg.json").write_text(json.dumps(entry))
    (post,) = posts("gallery-dl", tmp_path).values()
    assert (post.key, post.caption, post.owner, post.hashtags) == (key, caption, owner, hashtags)


def test_a_json_of_a_whole_post_has_every_photo_with_its_id(tmp_path: Path) -> None:
    for name in ("1200_1.jpg", "1200_2.jpg", "12001_1.jpg", "2024-05-01_3kab_1.jpg"):
        (tmp_path / name).write_bytes(b"")
    for name, id in (("1200", 1200), ("about-3kab", "3kab")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"category": "site", "id": id, "content": "#a"}))
    found = posts("gallery-dl", tmp_path)
    assert names(found["site:1200"]) == ["1200_1.jpg", "1200_2.jpg"]
    assert names(found["site:3kab"]) == ["2024-05-01_3kab_1.jpg"]


def test_instaloader_takes_any_name_carousels_and_stories(tmp_path: Path) -> None:
    def put(name: str, node: dict[str, Any], kind: str, *photos: str) -> None:
        stored = {"node": node, "instaloader": {"node_type": kind}}
        (tmp_path / f"{name}.json.xz").write_bytes(lzma.compress(json.dumps(stored).encode()))
        for photo in photos:
            (tmp_path / photo).write_bytes(b"")

    caption = {"edge_media_to_caption": {"edges": [{"node": {"text": "Lunch #soup"}}]}}
    put(
        "anna-CxAbc_1",
        {"shortcode": "CxAbc_1", **caption},
        "Post",
        "anna-CxAbc_1_1.jpg",
        "anna-CxAbc_1_2.jpg",
    )
    sticker = {"tappable_objects": [{"__typename": "GraphTappableHashtag", "name": "Harbour"}]}
    phone = {"story_hashtags": [{"hashtag": {"name": "sea"}}], "user": {"username": "anna"}}
    put("story", {"shortcode": "St1", **sticker, "iphone_struct": phone}, "StoryItem", "story.jpg")
    (tmp_path / "anna-CxAbc_1_2.txt").write_text("ramen, street food\n")
    found = posts("instaloader", tmp_path)
    assert names(found["instagram:CxAbc_1"]) == ["anna-CxAbc_1_1.jpg", "anna-CxAbc_1_2.jpg"]
    assert found["instagram:St1"].hashtags == ("harbour", "sea")
    assert found["instagram:St1"].owner == "anna"
    assert len(found) == 2


def test_instagrams_own_export_is_read_with_its_bytes_put_right(tmp_path: Path) -> None:
    content = tmp_path / "export/your_instagram_activity/media"
    content.mkdir(parents=True)
    (tmp_path / "export/media").mkdir()
    (tmp_path / "export/media/1.jpg").write_bytes(b"")
    garbled = "Café 🍜 #crème".encode().decode("latin-1")
    media = [{"uri": "media/1.jpg", "creation_timestamp": 0, "title": garbled}, {"uri": "media/2.mp4"}]
    (content / "posts_1.json").write_text(json.dumps([{"media": media}]))
    stories = {"ig_stories": [{"uri": "media/3.jpg", "creation_timestamp": 60, "title": "plain #sea"}]}
    (content / "stories.json").write_text(json.dumps(stories))
    (content / "followers_1.json").write_text('[{"string_list_data": []}]')
    (tmp_path / "alone").mkdir()
    found = posts("instagram-export", tmp_path / "export")
    post = found["instagram-export:media/1.jpg"]
    assert (post.caption, post.hashtags) == ("Café 🍜 #crème", ("crème",))
    assert post.photos == (str(tmp_path / "export/media/1.jpg"),)
    assert post.taken_at == "1970-01-01T00:00:00+00:00"
    assert found["instagram-export:media/3.jpg"].hashtags == ("sea",)
    assert posts("instagram-export", content / "posts_1.json") == {post.key: post}


def test_twitters_archive_gives_tweets_with_media_and_refuses_retweets(tmp_path: Path) -> None:
    (tmp_path / "tweets_media").mkdir()
    (tmp_path / "tweets_media/9-AbC.jpg").write_bytes(b"")
    tweet = {
        "id_str": "9",
        "full_text": "Tea &amp; soup #noodles",
        "created_at": "Wed Mar 04 10:00:00 +0000 2020",
        "entities": {"hashtags": [{"text": "Harbour"}]},
        "extended_entities": {"media": [{"media_url_https": "https://x.example.invalid/AbC.jpg"}]},
    }
    entries = [{"tweet": tweet}, {"tweet": {"id_str": "10", "full_text": "RT @ben: #theirs"}}]
    (tmp_path / "tweets.js").write_text(f"window.YTD.tweets.part0 = {json.dumps(entries)}")
    (tmp_path / "account.js").write_text('window.YTD.account.part0 = [{"account": {"username": "anna"}}]')
    (post,), (refusal,) = read(tmp_path, "twitter-archive")
    assert (post.key, post.owner, post.caption) == ("twitter:9", "anna", "Tea & soup #noodles")
    assert (post.hashtags, names(post)) == (("harbour", "noodles"), ["9-AbC.jpg"])
    assert post.taken_at == "2020-03-04T10:00:00+00:00"
    assert refusal.reason.startswith("a retweet")


@pytest.mark.parametrize(
    "account", ['[{"account": {"username": "\\ud800"}}]', "[7]", '[{"account": []}]', "[", "{}"]
)
def test_an_account_that_cannot_be_read_costs_only_the_owner(tmp_path: Path, account: str) -> None:
    (tmp_path / "tweets.js").write_text('window.YTD.tweets.part0 = [{"tweet": {"id_str": "9"}}]')
    (tmp_path / "account.js").write_text(f"window.YTD.account.part0 = {account}")
    (post,), refusals = read(tmp_path, "twitter-archive")
    assert (post.key, post.owner, refusals) == ("twitter:9", None, [])


def test_a_post_that_could_not_be_stored_costs_only_itself(archive: Archive, tmp_path: Path) -> None:
    entries = [{"media": [{"uri": uri, "title": "#sea"}]} for uri in ("a\ud800.jpg", "b\0.jpg", "c.jpg")]
    entries.append({"media": [{"uri": "d.jpg", "title": "#sand"}, {"uri": "d\ud800.jpg"}]})
    (tmp_path / "posts_1.json").write_text(json.dumps(entries))
    totals = import_crawls(archive, [tmp_path / "posts_1.json"], format="instagram-export")
    assert totals.new == 2 and totals.refused == {"key has characters that are not valid Unicode": 2}
    assert any("not a path: " in refusal.reason for refusal in totals.reported)


@pytest.mark.parametrize(
    ("content", "is_kept"),
    [
        ("Photo by Anna on May 01, 2021. May be an image of food and text that says '#sale'.", False),
        ("May be a black-and-white image of one person", False),
        ("Image may contain: food, text that says '#offer'", False),
        ("No photo description available.", False),
        ("Peut être une image de nourriture", False),
        ("Lunch by the sea #noodles", True),
        ("May be the best day #sea", True),
        ("Photo by @anna in Ghent #ghent", True),
    ],
)
def test_a_machines_alternative_text_is_no_caption(tmp_path: Path, content: str, is_kept: bool) -> None:
    source = tmp_path / "output.json"
    source.write_text(json.dumps([{"key": "https://www.instagram.com/p/Ca1/", "content": content}]))
    ((post,), _) = read(source, "instagram-crawler")
    assert (post.caption == content, bool(post.hashtags)) == (is_kept, is_kept)


def test_a_broken_list_of_many_quotes_is_read_to_its_end(tmp_path: Path) -> None:
    source = tmp_path / "output.json"
    source.write_text('[{"key": "https://www.instagram.com/p/Ca1/"},\n{' + '\\"' * 40_000)
    (post,), (refusal,) = read(source, "instagram-crawler")
    assert post.key == "instagram:Ca1"
    assert "truncated" in refusal.reason


def test_keywords_that_programs_note_for_themselves_are_no_hashtags(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    bags = {
        "dc:subject": ["sea", "darktable|exported", "Smith, Anna"],
        "lr:hierarchicalSubject": ["Places|Ghent", "darktable|format|jpg"],
        "digiKam:TagsList": ["Food/Soup", "_Digikam_Internal_Tags_/Color Label Red"],
    }
    spaces = {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "dc": "http://purl.org/dc/elements/1.1/",
        "lr": "http://ns.adobe.com/lightroom/1.0/",
        "digiKam": "http://www.digikam.org/ns/1.0/",
    }
    items = {name: "".join(f"<rdf:li>{word}</rdf:li>" for word in words) for name, words in bags.items()}
    body = "".join(f"<{name}><rdf:Bag>{words}</rdf:Bag></{name}>" for name, words in items.items())
    head = " ".join(f'xmlns:{name}="{uri}"' for name, uri in spaces.items())
    (tmp_path / "a.xmp").write_text(f"<x {head}>{body}</x>")
    (post,) = posts("keywords", tmp_path).values()
    assert post.hashtags == ("sea", "smith", "anna", "places", "ghent", "food", "soup")
