"""Fields of a crawled entry: strict functions that raise, and a lenient reader that leaves parts out."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Any

from hashtag_archive.db.post import instagram_key
from hashtag_archive.indexer.caption_text import caption_words
from hashtag_archive.indexer.hashtag_text import (
    MAX_LENGTH,
    is_too_long,
    normalise_hashtag,
    read_hashtag,
    split_hashtags,
)

# Fields in which tools store a name inside an object, the handle before the display name.
_NAME_FIELDS = (
    *("username", "handle", "uniqueId", "account", "name", "screen_name"),
    *("nick", "text", "tag", "title"),
)
_SHORT_CODE = re.compile(
    r"(?:^|[/.])(?:instagram\.com|instagr\.am)/(?:[\w.]+/)?(?:p|reels?|tv)/([\w-]+)", re.ASCII | re.IGNORECASE
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_EXIF_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d)(?=$|[ T])")


class MalformedError(ValueError):
    """An entry cannot be a post; the message is shown to the user."""


def decode(raw: bytes) -> str:
    """Return bytes as text. Raises `MalformedError` if they are not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8 at byte {error.start}") from None


def parse_json(text: str) -> Any:
    """Parse JSON. Raises `MalformedError` if it is not valid, or nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from None


def parse_object(text: str) -> dict[str, Any]:
    """Parse a JSON object. Raises `MalformedError` if it is not one."""
    entry = parse_json(text)
    if not isinstance(entry, dict):
        raise MalformedError("not a JSON object")
    return entry


def normalised(texts: Iterable[str]) -> tuple[str, ...]:
    """Return hashtags normalised, each once, in order."""
    hashtags = (normalise_hashtag(text) for text in texts)
    return tuple(dict.fromkeys(hashtag for hashtag in hashtags if hashtag))


def hashtags_of(listed: Iterable[str], texts: Iterable[str], left_out: list[str]) -> dict[str, str]:
    """Return the normalised hashtags of lists and of running texts, in order, each with its first spelling.

    Those that are dropped for their length are named in `left_out`.
    """
    words = [word for item in listed for word in split_hashtags(item)]
    words += [word for text in texts for word in caption_words(text)]
    found: dict[str, str] = {}
    for word in words:
        if hashtag := read_hashtag(word):
            found.setdefault(hashtag.key, hashtag.spelling)
        elif is_too_long(word):
            left_out.append(f"a hashtag has more than {MAX_LENGTH} characters: {word[:40]}...")
    return found


def post_key(text: str) -> str:
    """Return the key of a post: of the address of an Instagram post its short code's, of any other text itself."""
    code = short_code(text)
    return instagram_key(code) if code else text


def short_code(url: str) -> str | None:
    """Return the short code in the address of an Instagram post, None for any other text."""
    found = _SHORT_CODE.search(url)
    return found[1] if found else None


def text(entry: dict[str, Any], field: str) -> str | None:
    """Return a text field, or None if it is absent, null or empty."""
    value = entry.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise MalformedError(f"{field} is not a text: {shown(value)}")
    return storable(value, field)


def texts(entry: dict[str, Any], field: str) -> list[str]:
    """Return a field that is a list of texts, empty if it is absent."""
    values = entry.get(field)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise MalformedError(f"{field} is not a list of texts: {shown(values)}")
    return [storable(value, field) for value in values]


def storable(text: str, field: str) -> str:
    """Return the text. Raises `MalformedError` if SQLite cannot store it."""
    if (not text.isascii() and _SURROGATE.search(text)) or "\0" in text:
        raise MalformedError(f"{field} has characters that are not valid Unicode")
    return text


def moment(value: object, field: str, zone: tzinfo | None = None) -> str | None:
    """Return a time, ISO 8601's or EXIF's, as ISO 8601.

    Numbers are seconds since 1970, and a time without a zone is in `zone`.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).isoformat()
        if isinstance(value, str):
            time = datetime.fromisoformat(_EXIF_DATE.sub(r"\1-\2-\3", value.strip()))
            return (time if time.tzinfo or not zone else time.replace(tzinfo=zone)).isoformat()
    except (ValueError, OverflowError, OSError):
        pass
    raise MalformedError(f"{field} is not an ISO 8601 time: {shown(value)}")


def shown(value: object) -> str:
    """Return a value as messages show it: short, however deeply it is nested."""
    try:
        return f"{value!r:.60}"
    except RecursionError:
        return "nested too deep"


class LooseFields:
    """An entry of a tool whose fields vary: unreadable fields are reported in `left_out`, the others used."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.entry = entry
        self.left_out: list[str] = []

    def text(self, *fields: str) -> str | None:
        """Return the first text in `fields`; if a field is an object, the name in it."""
        return next((found[0] for name in fields if (found := self.all_texts(name))), None)

    def all_texts(self, *fields: str) -> list[str]:
        """Return all texts in `fields`, each a text, an object with a name, or a list of those."""
        found = []
        for field in fields:
            value = self.entry.get(field)
            for item in value if isinstance(value, list) else [value]:
                try:
                    named = text({field: name_of(item)}, field)
                except MalformedError as error:
                    self.left_out.append(str(error))
                else:
                    found += [named] if named and named.strip() else []
        return found

    def time(self, *fields: str, zone: tzinfo | None = None) -> str | None:
        """Return the first time in `fields`; one without a zone is in `zone`."""
        for field in fields:
            try:
                found = moment(self.entry.get(field), field, zone)
            except MalformedError as error:
                self.left_out.append(str(error))
            else:
                if found:
                    return found
        return None


def name_of(value: object) -> object:
    """Return the name in an object such as `{"id": 1, "username": "anna"}`; any other value unchanged."""
    if not isinstance(value, dict):
        return value
    return next((value[field] for field in _NAME_FIELDS if isinstance(value.get(field), str)), None)
