"""Crawls of one post per line: JSON objects, and plain lists of hashtags."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.crawls.formats.entry import Entry, Note, Refusal
from hashtag_archive.indexer.crawls.formats.fields import (
    MalformedError,
    decode,
    hashtags_of,
    moment,
    parse_object,
    post_key,
    shown,
    storable,
    text,
    texts,
)
from hashtag_archive.indexer.crawls.formats.folder import file_key
from hashtag_archive.indexer.crawls.formats.text_file import byte_lines

# A plain list has words alone, perhaps with `#` before and commas behind: no sign that prose or code would have.
_PLAIN = r"[^\s#＃,.:;!?()\[\]{}<>=/\\\"`*|~^$%@+。．！？；：…।॥؟؛۔«»„“”]+"
_LIST_WORD = re.compile(rf"[#＃]?{_PLAIN}(?:[,#＃]+{_PLAIN})*+[,#＃]?")
_MARKED_LINE = re.compile(r"(?:[#＃][^\s#＃,]+[,\s]*)+")
_COMMIT = re.compile(r"(?=[a-f]*[0-9])[0-9a-f]{7,40}\s+\S")
_COLOURS = re.compile(r"(?:#(?:[0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3})[\s,;]*)+", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#\s*(?:ifn?def|if|elif|else|endif|define|undef|include|pragma|error|line)\b")
_BETWEEN = re.compile(r"[\s,，、#＃]+")
# Words that sentences are full of and lists of hashtags are not.
_GRAMMAR = frozenset(
    re.findall(
        r"\w+",
        "the a an and or of to in is was are were it this that with for on at by from we you who not as be i my"
        " der die das und ist ein eine nicht mit auf von den dem zu wir ich le la les de des et est un une dans que"
        " el los las y en es una por para con il di che non per sono o os da do em um uma het een van niet"
        " и в не на я что с по это как мы но к за из i w z na się nie jest to że ve bir bu ile için de"
        " και το η ο να στο με για και στη och att det som är på ja on ei se og til av",
    )
)
_MOST_GRAMMAR = 0.15  # of the words of a list
_MOST = 0.9  # of the lines or entries of a source must be a format's
_MOST_NAMED, _MOST_UNKNOWN = 10, 1000  # fields that are not read, in the note and in memory
_POST_FIELDS = {"hashtags", "photos", "caption", "owner", "location", "taken_at"}
ReadLine = Callable[[bytes, list[str]], CrawledPost | None]


def read_jsonl(source: Path, encoding: str | None = None) -> Iterator[Entry]:
    """Yield a post for each JSON object; photos are absolute, or relative to the file. Name fields not read."""
    folder, unknown = source.absolute().parent, dict[str, None]()

    def read(raw: bytes, left_out: list[str]) -> CrawledPost | None:
        return _jsonl_post(folder, raw, left_out, unknown)

    yield from _read_lines(source, encoding, read)
    if unknown:
        more = f" and {len(unknown) - _MOST_NAMED:,} others" if len(unknown) > _MOST_NAMED else ""
        yield Note(str(source), f"fields that are not read: {', '.join(list(unknown)[:_MOST_NAMED])}{more}")


def read_hashtags(source: Path, encoding: str | None = None) -> Iterator[Entry]:
    """Yield a post for each line of hashtags separated by white space, commas or `#`."""
    keys = ContentKeys()

    def read(raw: bytes, left_out: list[str]) -> CrawledPost | None:
        words = storable(decode(raw), "line").split()
        if not words:
            return None
        hashtags = hashtags_of(words, (), left_out)
        if not hashtags:
            raise MalformedError("; ".join(["no hashtag in it", *left_out]))
        key = keys.next("\n".join(sorted(hashtags)))
        return CrawledPost(key=key, hashtags=tuple(hashtags), spellings=hashtags)

    return _read_lines(source, encoding, read)


class ContentKeys:
    """Keys for posts that have none.

    The digest of the content and the number of earlier occurrences distinguish equal posts, and find them again
    in the next import.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def next(self, content: str) -> str:
        """Return the key of the next post with this content."""
        digest = hashlib.sha256(content.encode()).digest()[:16]
        occurrence = self._seen[digest] = self._seen.get(digest, 0) + 1
        return f"{digest.hex()}-{occurrence}"


def is_jsonl(lines: list[str]) -> bool:
    """Whether most lines are objects with a key and another of the format's fields, or with hashtags or photos."""
    posts = 0
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        names = set(entry) if isinstance(entry, dict) else set()
        texts_in = [
            entry[name] for name in ("hashtags", "photos") if isinstance(names and entry.get(name), list)
        ]
        listed = any(all(isinstance(item, str) for item in values) for values in texts_in)
        posts += listed or ("key" in names and (len(names) == 1 or bool(names & _POST_FIELDS)))
    return 2 * posts >= len(lines)


def is_hashtags(lines: list[str], is_text: bool) -> bool:
    """Whether lines are lists of hashtags: marked with `#`, or else, in a file that `is_text`, of words alone.

    Words without marks must stand together in at least a third of the lines: one word a line may also be a
    dictionary, or a list of names or packages.
    """
    lines = [line.strip() for line in lines]
    if sum(map(_is_code, lines)) >= _MOST * len(lines):
        return False
    if sum(bool(_MARKED_LINE.fullmatch(line)) for line in lines) >= _MOST * len(lines):
        return True
    listed = sum(all(map(_is_list_word, line.split())) for line in lines)
    together = sum(len(_BETWEEN.split(line.strip("#,"))) > 1 for line in lines)
    if not is_text or listed < _MOST * len(lines) or 3 * together < len(lines):
        return False
    return not _is_prose(lines)


def _is_code(line: str) -> bool:
    """Whether a line is a commit of a log, colours, or a directive for a preprocessor."""
    return bool(_COMMIT.match(line) or _COLOURS.fullmatch(line) or _DIRECTIVE.match(line))


def _is_list_word(word: str) -> bool:
    return bool(_LIST_WORD.fullmatch(word)) and any(c.isalnum() or not c.isascii() for c in word)


def _is_prose(lines: list[str]) -> bool:
    """Whether words without any other sign are sentences, or figures, all the same."""
    words = [word.strip("#,").casefold() for line in lines for word in line.split()]
    grammar, figures = sum(word in _GRAMMAR for word in words), sum(word.isdecimal() for word in words)
    long = [line.split() for line in lines if len(line.split()) > 2 and "#" not in line]
    sentences = sum(first[0].isupper() and all(map(str.islower, rest)) for first, *rest in long)
    return (
        grammar > _MOST_GRAMMAR * len(words) or 2 * figures > len(words) or 2 * sentences > max(len(long), 1)
    )


def _read_lines(source: Path, encoding: str | None, read: ReadLine) -> Iterator[Entry]:
    for number, raw in enumerate(byte_lines(source, encoding), start=1):
        left_out: list[str] = []
        try:
            post = read(raw, left_out)
        except MalformedError as error:
            yield Refusal(f"{source}:{number}", str(error))
        else:
            yield from (Refusal(f"{source}:{number}", reason, partial=True) for reason in left_out)
            if post:
                yield post


def _jsonl_post(
    folder: Path, raw: bytes, left_out: list[str], unknown: dict[str, None]
) -> CrawledPost | None:
    """Return the post in a line; add its fields that are not read to `unknown`, as long as these are few."""
    line = decode(raw)
    if not line.strip():
        return None
    entry = parse_object(line)
    photos = tuple(dict.fromkeys(str(folder / name) for name in texts(entry, "photos") if name))
    key = entry.get("key")
    if key is None and photos:
        key = f"jsonl:{file_key(folder, photos[0])}"
    if isinstance(key, bool) or not isinstance(key, str | int) or not str(key).strip():
        raise MalformedError("no key" if key in (None, "") else f"key is not a text: {shown(key)}")
    caption = text(entry, "caption")
    hashtags = hashtags_of(texts(entry, "hashtags"), [caption or ""], left_out)
    if len(unknown) < _MOST_UNKNOWN:
        names = (name for name in entry if name != "key" and name not in _POST_FIELDS)
        unknown.update((name[:60].encode("utf-8", "replace").decode(), None) for name in names)
    return CrawledPost(
        key=storable(post_key(str(key)), "key"),
        hashtags=tuple(hashtags),
        spellings=hashtags,
        photos=photos,
        owner=text(entry, "owner"),
        caption=caption,
        location=text(entry, "location"),
        taken_at=moment(text(entry, "taken_at"), "taken_at"),
    )
