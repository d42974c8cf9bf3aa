"""How posts spell their hashtags, and how many posts spell each hashtag in which way."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, Engine, delete, func, select

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.db.schema.tables import Hashtag, Post, PostHashtag, PostSpelling, Spelling

Counts = Counter[tuple[int, str]]  # (hashtag id, spelling) -> posts

_COUNTED = (
    "SELECT post_hashtags.hashtag_id, coalesce(spelling, text), count(*) FROM post_hashtags"
    " JOIN hashtags ON hashtags.id = post_hashtags.hashtag_id LEFT JOIN post_spellings"
    " ON post_spellings.post_id = post_hashtags.post_id"
    " AND post_spellings.hashtag_id = post_hashtags.hashtag_id GROUP BY 1, 2"
)
_STORED = "SELECT hashtag_id, spelling, posts FROM spellings"
_STRAY = (
    "FROM post_spellings WHERE NOT EXISTS (SELECT 1 FROM post_hashtags"
    " WHERE post_hashtags.post_id = post_spellings.post_id"
    " AND post_hashtags.hashtag_id = post_spellings.hashtag_id)"
)


class SpellingStore:
    """Every query about spellings. A post's spelling of a hashtag is stored where it is not the hashtag itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_posts(self, keys: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return post key → hashtag → spelling, of what is stored for at most 10,000 posts."""
        # A raw statement, which is faster: every import of a source again asks it of every post.
        query = (
            "SELECT key, text, spelling FROM posts JOIN post_spellings ON post_id = posts.id"
            f" JOIN hashtags ON hashtags.id = hashtag_id WHERE key IN ({', '.join('?' * len(keys))})"
        )
        found: dict[str, dict[str, str]] = {}
        with self._engine.connect() as connection:
            for key, text, spelling in connection.exec_driver_sql(query, tuple(keys)):
                found.setdefault(key, {})[text] = spelling
        return found

    def respell(self, connection: Connection, posts: Sequence[CrawledPost]) -> None:
        """Replace the spellings of at most 10,000 stored posts, whose hashtags stay as they are."""
        keys = [post.key for post in posts]
        ids = {key: id for key, id in connection.execute(select(Post.key, Post.id).where(Post.key.in_(keys)))}
        before = counts_of(connection, ids.values())
        connection.execute(delete(PostSpelling).where(PostSpelling.post_id.in_(ids.values())))
        rows = [
            (spelling, ids[post.key], text)
            for post in posts
            if post.key in ids
            for text, spelling in post.own_spellings().items()
        ]
        if rows:
            connection.exec_driver_sql(
                "INSERT INTO post_spellings (post_id, hashtag_id, spelling)"
                " SELECT post_id, hashtag_id, ? FROM post_hashtags"
                " WHERE post_id = ? AND hashtag_id = (SELECT id FROM hashtags WHERE text = ?)",
                rows,
            )
        change_counts(connection, before, counts_of(connection, ids.values()))

    def all(self, connection: Connection) -> list[tuple[int, str, str]]:
        """Return (hashtag id, hashtag, spelling) of every spelling that is not the hashtag itself."""
        query = select(Hashtag.id, Hashtag.text, Spelling.spelling).join(
            Spelling, Spelling.hashtag_id == Hashtag.id
        )
        rows = connection.execute(query.where(Spelling.spelling != Hashtag.text))
        return [(id, text, spelling) for id, text, spelling in rows]

    def wrong_counts(self, connection: Connection) -> int:
        """Return how many counts are missing, too many or wrong, and how many spellings belong to no post."""
        differences = (f"{_STORED} EXCEPT {_COUNTED}", f"{_COUNTED} EXCEPT {_STORED}", f"SELECT 1 {_STRAY}")
        return sum(
            int(connection.exec_driver_sql(f"SELECT count(*) FROM ({query})").scalar_one())
            for query in differences
        )

    def recount(self, connection: Connection, foreign: Collection[tuple[int, str]] = ()) -> None:
        """Count all spellings anew, without the `foreign` ones, (hashtag id, spelling), which are deleted."""
        for id, spelling in foreign:
            is_foreign = (PostSpelling.hashtag_id == id) & (PostSpelling.spelling == spelling)
            connection.execute(delete(PostSpelling).where(is_foreign))
        connection.exec_driver_sql(f"DELETE {_STRAY}")
        connection.execute(delete(Spelling))
        connection.exec_driver_sql(f"INSERT INTO spellings (hashtag_id, spelling, posts) {_COUNTED}")


def put_spellings(
    connection: Connection,
    posts: Sequence[CrawledPost],
    post_ids: Mapping[str, int],
    hashtag_ids: Mapping[str, int],
    before: Counts,
) -> None:
    """Insert the spellings of posts that have none, and count them; `before` are the posts' earlier counts."""
    after: Counts = Counter()
    rows = []
    for post in posts:
        spelled = post.own_spellings()
        after.update((hashtag_ids[text], spelled.get(text, text)) for text in post.hashtags)
        rows += [(post_ids[post.key], hashtag_ids[text], spelled[text]) for text in spelled]
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO post_spellings (post_id, hashtag_id, spelling) VALUES (?, ?, ?)", rows
        )
    change_counts(connection, before, after)


def counts_of(connection: Connection, post_ids: Collection[int]) -> Counts:
    """Return how many of at most 10,000 posts spell each of their hashtags in which way."""
    spelled = func.coalesce(PostSpelling.spelling, Hashtag.text)
    own = (PostSpelling.post_id == PostHashtag.post_id) & (PostSpelling.hashtag_id == PostHashtag.hashtag_id)
    query = (
        select(PostHashtag.hashtag_id, spelled, func.count())
        .join(Hashtag, Hashtag.id == PostHashtag.hashtag_id)
        .outerjoin(PostSpelling, own)
        .where(PostHashtag.post_id.in_(post_ids))
        .group_by(PostHashtag.hashtag_id, spelled)
    )
    return Counter({(id, spelling): posts for id, spelling, posts in connection.execute(query)})


def change_counts(connection: Connection, before: Counts, after: Counts) -> None:
    """Change the counts of all posts by those of some posts, and delete what no post has any more."""
    change = Counter(after)
    change.subtract(before)
    if more := [(id, spelling, posts) for (id, spelling), posts in change.items() if posts]:
        connection.exec_driver_sql(
            "INSERT INTO spellings (hashtag_id, spelling, posts) VALUES (?, ?, ?)"
            " ON CONFLICT (hashtag_id, spelling) DO UPDATE SET posts = posts + excluded.posts",
            more,
        )
    if less := [(id, spelling) for id, spelling, posts in more if posts < 0]:
        connection.exec_driver_sql(
            "DELETE FROM spellings WHERE hashtag_id = ? AND spelling = ? AND posts <= 0", less
        )
