"""Crawls: for every format a file of a source is changed; then it is detected, read, and imported."""

import json
import lzma
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.crawls.preview import preview_crawls
from hashtag_archive.indexer.crawls.sources import source_format
from hashtag_archive.indexer.errors import CrawlError
from tests.conftest import draw_photo
from tests.fuzz.mutate import as_bytes, changed_json, json_bytes, mutated, mutations, odd_texts, seeds
from tests.fuzz.target import Target
from tests.fuzz.targets.crawl_samples import ACCOUNT, CELLS, CSV_HEADS, EXPORT, JSONL, SITES, STORY, TWEETS
from tests.support.paths import CRAWLS

_OPEN: dict[Path, Archive] = {}
_MOST_IMPORTED = 2 << 20  # bytes of a database, which is then begun anew: versions of posts add up


def _stored(*parts: str) -> Any:
    return json.loads(CRAWLS.joinpath(*parts).read_bytes())


def _named(name: str, contents: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    """Put a file's name before its content: an input says which file of a source it is."""
    return contents.map(lambda content: name.encode() + b"\n" + content)


def _files(path: Path, *suffixes: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted(path.rglob("*")) if file.name.endswith(suffixes)]


def _jsonl() -> SearchStrategy[bytes]:
    lines = st.lists(json_bytes(changed_json([JSONL])), min_size=1, max_size=4).map(b"\n".join)
    marked = st.builds(
        lambda line, encoding: json.dumps(line, ensure_ascii=False).encode(encoding, "replace"),
        changed_json([JSONL]),
        st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "utf-16-le", "cp1252"]),
    )
    return _named("crawl.jsonl", lines | marked)


def _hashtags() -> SearchStrategy[bytes]:
    texts = as_bytes(odd_texts(["#sea", " ", "\n", ",", "＃", "the ", "\r", "\u2028", "{", "sand", "://"]))
    return _named("crawl.txt", texts | st.binary(max_size=60))


def _csv() -> SearchStrategy[bytes]:
    rows = st.builds(lambda head, text: f"{head}\n{text}", st.sampled_from(CSV_HEADS), odd_texts(CELLS))
    encoded = st.builds(
        lambda text, encoding: text.encode(encoding, "replace"), rows, st.sampled_from(["utf-16", "cp1252"])
    )
    good = _files(CRAWLS / "csv", ".csv")
    return _named("crawl.csv", as_bytes(rows) | encoded | mutations(good))


def _listed(name: str, good: Sequence[Any], before: bytes = b"") -> SearchStrategy[bytes]:
    return _named(name, json_bytes(changed_json(good)).map(lambda content: before + content))


def _instaloader() -> SearchStrategy[bytes]:
    folder = CRAWLS / "instaloader/anna.eats"
    posts = [_stored("instaloader/anna.eats/2019-03-07_20-15-00_UTC.json"), STORY]
    posts += [json.loads(lzma.decompress(file.read_bytes())) for file in sorted(folder.glob("*.json.xz"))]
    comments = [_stored("instaloader/anna.eats/2019-03-07_20-15-00_UTC_comments.json")]
    packed = _files(folder, ".xz")
    return st.one_of(
        _named("anna/2019-03-07_20-15-00_UTC.json", json_bytes(changed_json(posts))),
        _named("anna/2019-03-07_20-15-00_UTC_comments.json", json_bytes(changed_json(comments))),
        _named("anna/2019-01-05_12-34-56_UTC.json.xz", mutations(packed)),
        _named("anna/2019-01-05_12-34-56_UTC.json.xz", json_bytes(changed_json(posts)).map(lzma.compress)),
        _named(
            "anna/2019-02-06_08-00-00_UTC.txt", as_bytes(odd_texts(["#sea", "@anna ", "\n"])) | st.binary()
        ),
        _named("anna/2019-03-07_20-15-00_UTC_location.txt", as_bytes(odd_texts()) | st.binary()),
    )


def _gallery() -> SearchStrategy[bytes]:
    stored = [
        *SITES,
        *(_stored(str(file.relative_to(CRAWLS))) for file in sorted(CRAWLS.glob("gallery-dl/**/*.json"))),
    ]
    return st.one_of(
        _named("danbooru/danbooru_4711.png.json", json_bytes(changed_json(stored))),
        _named("danbooru/4711.json", json_bytes(changed_json(stored))),
        _named("instagram/anna.eats/1949494951.jpg.json", json_bytes(changed_json(stored))),
    )


def _instagram_export() -> SearchStrategy[bytes]:
    good = [EXPORT, {"ig_stories": EXPORT}, {"photos": EXPORT, "videos": []}]
    return _listed("content/posts_1.json", good)


def _twitter() -> SearchStrategy[bytes]:
    tweets = _listed("data/tweets.js", [TWEETS], b"window.YTD.tweets.part0 = ")
    return tweets | _listed("data/account.js", [ACCOUNT], b"window.YTD.account.part0 = ")


def _keywords() -> SearchStrategy[bytes]:
    packets = _files(CRAWLS / "keywords", ".xmp")
    photos = _files(CRAWLS / "keywords/Pictures/2018", ".jpg")
    ignored = as_bytes(odd_texts(["*", "/", "**", "!", "[", "]", "\n", "raw", "\\"]))
    return st.one_of(
        _named("raw/IMG_1.xmp", mutations(packets)),
        _named("2018/harbour.jpg", mutations(photos)),
        _named(".hashtagignore", ignored),
    )


def _copied(*parts: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        shutil.copytree(CRAWLS.joinpath(*parts), folder / "source")

    return prepare


def _drawn(folder: Path) -> None:
    draw_photo(folder / "source/1.png", "red", 1)
    draw_photo(folder / "source/data/tweets_media/1-1.png", "red", 1)
    tweets = b"window.YTD.tweets.part0 = " + json.dumps(TWEETS).encode()
    (folder / "source/data/tweets.js").write_bytes(tweets)
    (folder / "source/content").mkdir()


def _run(format: str, is_folder: bool) -> Callable[[bytes, Path], None]:
    """Return a function that writes a changed file of a source, and imports the source in this format and any."""

    def run(content: bytes, folder: Path) -> None:
        name, _, body = content.partition(b"\n")
        file = folder / "source" / name.decode()
        before = file.read_bytes() if file.is_file() else None
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(body)
        source = folder / "source" if is_folder else file
        try:
            _import(_archive(folder), source, format)
        finally:
            file.unlink() if before is None else file.write_bytes(before)

    return run


def _archive(folder: Path) -> Archive:
    """Return the archive that is imported into, from one input to the next until it is large."""
    kept = folder / "archive"
    if sum(path.stat().st_size for path in kept.glob("archive.db*")) > _MOST_IMPORTED:
        _OPEN.pop(folder).close()
        shutil.rmtree(kept)
    if folder not in _OPEN:
        _OPEN[folder] = open_archive(kept, create=True)
    return _OPEN[folder]


def _import(archive: Archive, source: Path, format: str) -> None:
    """Detect the format, read the source in it, and import it in the given one."""
    try:
        found = source_format(source, "auto")
        if found != format:
            preview_crawls(archive, [source], format=found, photos=source.parent)
    except CrawlError:
        pass
    with suppress(CrawlError):
        preview = preview_crawls(archive, [source], format=format, photos=source.parent)
        totals = import_crawls(archive, [source], format=format, photos=source.parent)
        assert preview.totals.refused == totals.refused, "a preview and an import refuse differently"


def _target(
    format: str, inputs: Callable[[], SearchStrategy[bytes]], prepare: Callable[[Path], None], is_folder: bool
) -> Target:
    return Target(f"crawl-{format}", inputs, _run(format, is_folder), prepare, quick=12, changed="body")


def _crawler() -> SearchStrategy[bytes]:
    good = [_stored("instagram-crawler/output.json")]
    broken = st.builds(
        lambda draw, whole: mutated(json.dumps(whole).encode(), draw), seeds(), changed_json(good)
    )
    return _listed("crawl.json", good) | _named("crawl.json", broken)


TARGETS = (
    _target("jsonl", _jsonl, _drawn, False),
    _target("hashtags", _hashtags, _drawn, False),
    _target("csv", _csv, _drawn, False),
    _target("instagram-crawler", _crawler, _copied("instagram-crawler"), False),
    _target("instaloader", _instaloader, _copied("instaloader"), True),
    _target("gallery-dl", _gallery, _copied("gallery-dl"), True),
    _target("instagram-export", _instagram_export, _drawn, True),
    _target("twitter-archive", _twitter, _drawn, True),
    _target("keywords", _keywords, _copied("keywords/Pictures"), True),
)
