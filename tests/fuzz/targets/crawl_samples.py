"""Good entries of crawls, one for each notation that a reader knows, and pieces of tables."""

from typing import Any

_TIME = "2019-01-05T12:34:56"
JSONL: dict[str, Any] = {
    "key": "https://www.instagram.com/p/BsRamen0001/",
    "hashtags": ["#ramen", "street food"],
    "photos": ["1.png", "a/2.jpg"],
    "owner": "anna",
    "caption": "so good #tokyo #ﬃ",
    "location": "Ghent",
    "taken_at": _TIME,
}
EXPORT: list[dict[str, Any]] = [
    {
        "media": [{"uri": "1.png", "creation_timestamp": 1546691696, "title": "caf\u00c3\u00a9 #sea"}],
        "title": "",
        "location": "x",
    },
    {"uri": "1.png", "creation_timestamp": 1546691696, "title": "#a"},
]
TWEETS: list[dict[str, Any]] = [
    {
        "tweet": {
            "id_str": "1",
            "full_text": "sea &amp; sand #beach",
            "created_at": "Sat Jan 05 12:34:56 +0000 2019",
            "entities": {
                "hashtags": [{"text": "beach"}],
                "media": [{"media_url_https": "https://pbs.twimg.com/media/x.jpg"}],
            },
            "extended_entities": {"media": [{"media_url_https": "https://pbs.twimg.com/media/1.png"}]},
        }
    }
]
ACCOUNT: list[dict[str, Any]] = [{"account": {"username": "anna", "accountId": "7"}}]
STORY: dict[str, Any] = {
    "node": {
        "shortcode": "B1",
        "owner": {"username": "anna"},
        "taken_at_timestamp": 1546691696,
        "location": {"name": "Ghent"},
        "tappable_objects": [{"__typename": "GraphTappableHashtag", "name": "sea"}],
        "caption": "#wave",
        "iphone_struct": {
            "caption": {"text": "#b"},
            "story_hashtags": [{"hashtag": {"name": "sun"}}],
            "user": {"username": "b"},
        },
        "edge_media_to_parent_comment": {"edges": [{"node": {"text": "#c", "owner": {"username": "anna"}}}]},
    },
    "instaloader": {"node_type": "StoryItem"},
}
SITES: list[dict[str, Any]] = [
    {
        "category": "bluesky",
        "text": "#sea",
        "author": {"handle": "a.b"},
        "post_id": "3k",
        "num": 1,
        "date": "2019-01-05 12:34:56",
    },
    {
        "category": "weibo",
        "status": {"id": 5, "text_raw": "#海#浪", "user": {"screen_name": "a"}},
        "tags": {"a": ["b"]},
    },
    {
        "category": "mastodon",
        "account": {"acct": "a@b"},
        "content": "<p>#<span>sea</span> &#35;x</p>",
        "tags": [{"name": "sea"}],
        "id": "9",
    },
    {
        "category": "danbooru",
        "tag_string": "1girl sea_(blue)",
        "id": 7,
        "tags": "a b",
        "comments": [{"text": "#y", "owner": {"id": 7}}],
    },
]
CSV_HEADS = (
    "key,hashtags,photos,owner,caption,location,taken_at",
    "id;tags;file;username;description;date",
    "sep=;",
    "sep=|\nurl|tag1|tag2",
    "SourceFile,FileName,Subject,HierarchicalSubject,TagsList,TagsKeyword,TagsBy,DateTimeOriginal",
    "\tkey\thashtags",
    "shortcode,tags",
)
CELLS = (
    *(",", ";", "\t", "|", "\n", "\r\n", '"', '""', "\ufeff"),
    *("#ramen, #sea", "['a', 'b']", '["a", "b"]', "a;b", "1.png", "=1+1"),
    *("('a',)", "{'a'}", "[", "['", "{", "[[[[", "\\", "b'\\xff'", "'''"),
    *("2019:01:05 12:34:56", "machine", "a|b|c", "\x0b", "\u2028"),
)
