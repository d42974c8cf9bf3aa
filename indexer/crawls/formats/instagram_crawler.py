"""instagram-crawler (huaying): a JSON list of posts, with the URLs of their photos but not the photos."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hashtag_archive.db.post import CrawledPost, instagram_key
from hashtag_archive.indexer.crawls.formats.comments import owner_comments
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.fields import (
    LooseFields,
    MalformedError,
    hashtags_of,
    short_code,
    shown,
    storable,
)
from hashtag_archive.indexer.crawls.formats.folder import PhotoLookup
from hashtag_archive.indexer.crawls.formats.text_file import list_entries
from hashtag_archive.indexer.errors import CrawlError

_TEXTS = ("caption", "description")
# What Instagram's machine says of a photo, alone or behind its author and date, in the languages of most crawls.
_KIND = (
    r"(?:[\w'-]+ ){0,3}?(?:image|photo|picture|art|artwork|illustration|cartoon|meme|screenshot|selfie|close-?up"
    r"|graphic|text)"
)
_MACHINE_MADE = re.compile(
    rf"(?:^|[.:] )(?:may be {_KIND}s?\b|image may contain\b|no (?:photo|image) description available"
    r"|kann ein \w+ von .* sein\b|bild könnte .*enthalten|keine fotobeschreibung"
    r"|peut être une image|l.image contient peut-être|aucune description de photo"
    r"|puede ser una imagen|la imagen puede contener|no hay ninguna descripción de la foto"
    r"|pode ser uma imagem|a imagem pode conter|nenhuma descrição de foto"
    r"|può essere un.? ?immagine|l.immagine può contenere|nessuna descrizione della foto"
    r"|kan een afbeelding zijn|afbeelding kan het volgende bevatten|geen fotobeschrijving"
    r"|может быть изображени|на изображении может|нет описания фото"
    r"|photo description unavailable)"
    r"|^(?:photo|video|image|post|reel)s? (?:shared )?by .{1,200}? on \w+ \d{1,2}, \d{4}\b"
    r"|^写真の説明はありません|の画像のようです|可能是.{0,20}图片|可能是.{0,20}圖像",
    re.IGNORECASE,
)


def read_instagram(source: Path, photos: Path | None) -> Iterator[Entry]:
    """Yield the posts of a list; their photos are searched in `photos`, by URL or else by short code.

    A post without its photo is kept, because its hashtags can still be learnt from. `content` is the photo's
    alternative text: until 2018 the caption itself, which is used if there is no other, and since then a machine's.
    """
    index = PhotoLookup(photos)
    # Bytes that are not UTF-8 become characters that fields refuse, so that only the field with them is lost.
    listed = source.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    if not listed.lstrip().startswith("["):
        raise CrawlError(source, "not a JSON list, as instagram-crawler writes it")
    for number, entry in enumerate(list_entries(listed), start=1):
        where = f"{source}: entry {number}"
        try:
            if isinstance(entry, MalformedError):
                raise entry
            post, left_out = _read_post(entry, index)
        except MalformedError as error:
            yield Refusal(where, str(error))
        else:
            yield from (Refusal(where, reason, partial=True) for reason in left_out)
            yield post


def _read_post(entry: object, index: PhotoLookup) -> tuple[CrawledPost, list[str]]:
    if not isinstance(entry, dict):
        raise MalformedError("not a JSON object")
    url = entry.get("key")
    if not isinstance(url, str) or not url.strip():
        raise MalformedError("no key" if url in (None, "") else f"key is not a text: {shown(url)}")
    code = short_code(url)
    fields = LooseFields(entry)
    captions = fields.all_texts(*_TEXTS) or [
        text for text in fields.all_texts("content") if not _MACHINE_MADE.search(text)
    ]
    texts = [*captions, *owner_comments([entry.get("username")], _comments(fields))]
    hashtags = hashtags_of(fields.all_texts("hashtags"), texts, fields.left_out)
    photos = index.of_urls(fields.all_texts("img_urls", "img_url")) or index.of_post(code or url)
    post = CrawledPost(
        key=instagram_key(code) if code else storable(url.strip(), "key"),
        hashtags=tuple(hashtags),
        spellings=hashtags,
        photos=tuple(photos),
        owner=fields.text("username"),
        caption=captions[0] if captions else None,
        location=fields.text("location"),
        taken_at=fields.time("datetime"),
        photos_unknown=not photos,
    )
    return post, fields.left_out


def _comments(fields: LooseFields) -> list[Any]:
    comments = fields.entry.get("comments") or []
    if isinstance(comments, list) and all(isinstance(comment, dict) for comment in comments):
        return comments
    fields.left_out.append(f"comments is not a list of objects: {shown(comments)}")
    return (
        [comment for comment in comments if isinstance(comment, dict)] if isinstance(comments, list) else []
    )
