"""Proves that nothing is left, by searching the archive's texts and bytes for what was removed."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hashtag_archive.db.post import owner_key
from hashtag_archive.db.stores.forget_find import Removal
from hashtag_archive.indexer.archive import DATABASE, Archive
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.upkeep.byte_search import ByteSearch, pieces, search_files, spellings

NAME, KEY, TEXT, PATH, CONTENT, HASHTAG = (
    "the owner's name",
    "a post's key",
    "a caption or location",
    "a photo's path",
    "a photo's digest",
    "a hashtag",
)
_COLUMNS = {
    KEY: {"posts.key"},
    PATH: {"photo_paths.path"},
    CONTENT: {"photos.sha256"},
    HASHTAG: {"hashtags.text", "blocked.hashtag", "aliases.hashtag", "aliases.target"}
    | {"parents.hashtag", "parents.parent", "spellings.spelling", "post_spellings.spelling"},
}
_AT_ONCE = 1 << 22  # bytes of texts searched together


@dataclass
class Proof:
    """How many files, bytes and strings were searched, and (file, kind of string) for what was found.

    `by_rows` counts strings that were searched only in the tables, because they are too short for a search of bytes
    or part of what others wrote. `named` counts, by table and column, texts of others that name the owner.
    """

    files: int = 0
    size: int = 0
    strings: int = 0
    by_rows: int = 0
    found: list[tuple[str, str]] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)


def search_archive(
    archive: Archive,
    owner: str | None,
    removal: Removal,
    kept: Iterable[Path] = (),
    progress: Progress = silent,
) -> Proof:
    """Search the tables, then every file of the archive but the folders `kept`.

    A text is searched in pieces. Pieces that also occur in what others wrote prove nothing and are skipped, unless
    they are the owner's name as a separate word. Backbones are not searched for hashtags, as these are ordinary
    words, which may be names of a network's parts.
    """
    wanted = list(_wanted(owner, removal))
    strings = {piece: kind for kind, _, cut in wanted for piece in cut}
    proof = Proof()
    others = _search_tables(archive, owner, wanted, strings, proof)
    named = {piece for piece, kind in strings.items() if kind == NAME} if proof.named else set()
    strings = {piece: kind for piece, kind in strings.items() if piece not in others - named}
    proof.by_rows = sum(not any(piece in strings for piece in cut) for _, _, cut in wanted)
    proof.strings = len(wanted)
    skipped = (*kept, archive.backbones_folder)
    files = sorted(path for path in archive.folder.rglob("*") if path.is_file())
    own = [path for path in files if not any(path.is_relative_to(folder) for folder in skipped)]
    given = [path for path in files if path.is_relative_to(archive.backbones_folder)]
    no_words = {piece: kind for piece, kind in strings.items() if kind != HASHTAG}
    for some, sought in ((own, strings), (given, no_words)):
        searched = search_files(archive.folder, some, ByteSearch(sought), progress)
        proof.files += searched.files
        proof.size += searched.size
        proof.found += searched.found
    if proof.named and (DATABASE, NAME) not in proof.found:
        proof.found.append((DATABASE, NAME))
    proof.found = sorted(set(proof.found))
    return proof


def _wanted(owner: str | None, removal: Removal) -> Iterator[tuple[str, str, list[bytes]]]:
    """Yield the kind, text and pieces of every string to search: all that came from the owner or the post."""
    names = {owner, owner_key(owner), *removal.owners} if owner else set()
    texts = [
        *((NAME, name) for name in names),
        *((KEY, key) for key in removal.posts.values()),
        *((TEXT, text) for text in removal.texts),
        *((PATH, path) for path in removal.paths.values()),
        *((CONTENT, sha) for sha in removal.photos.values()),
        *((HASHTAG, text) for text in {*removal.hashtags.values(), *removal.spellings}),
    ]
    for kind, text in texts:
        found = [piece for spelled in spellings(text) for piece in pieces(spelled)]
        if kind == CONTENT and re.fullmatch(r"[0-9a-f]{64}", text):
            found += pieces(bytes.fromhex(text))
        yield kind, text, found


def _search_tables(
    archive: Archive,
    owner: str | None,
    wanted: list[tuple[str, str, list[bytes]]],
    strings: dict[bytes, str],
    proof: Proof,
) -> set[bytes]:
    """Search the rows for what must be gone and for the owner's name; return the pieces that texts still have."""
    exact = {(column, text): kind for kind, text, _ in wanted for column in _COLUMNS.get(kind, ())}
    name = owner_key(owner) if owner else None
    word = re.compile(rf"(?<!\w)(?<!\w\.){re.escape(name)}(?!\w|\.\w)") if name else None
    named: Counter[str] = Counter()
    search, held, together, size = ByteSearch(strings), set[bytes](), list[bytes](), 0
    for column, text in archive.store.forgetting.texts():
        if kind := exact.get((column, text)):
            proof.found.append((DATABASE, kind))
        if word and column != "schema" and word.search(owner_key(text)):
            named[column] += 1
        together.append(os.fsencode(text))
        size += len(text)
        if size > _AT_ONCE:
            held |= search.found(b"\0".join(together))
            together, size = [], 0
    proof.named = dict(named)
    return held | search.found(b"\0".join(together))
