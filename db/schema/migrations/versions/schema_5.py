"""Schema 5: one row per file, however its path was spelled.

Schema 4 stored a path as a crawl spelled it: `work/../photos/a.jpg` and `photos/a.jpg` were two rows, and so were a
name that a crawl gave in one Unicode form and the file that was found in the other. The tables are the same.
"""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from alembic import op
from sqlalchemy import Connection

from hashtag_archive.db.file_path import composed, full_path

revision = "5"
down_revision = "4"
_BATCH = 10_000  # ids bound in one statement


def upgrade() -> None:
    """Give every path its one spelling, and merge the rows of one file."""
    connection = op.get_bind()
    renamed, merged = _plan(connection)
    posts = _posts_of(connection, [*renamed, *merged])
    before = {post: _photos_of(connection, post) for post in posts}
    _merge(connection, merged)
    connection.exec_driver_sql("CREATE TEMP TABLE spelled (id INTEGER PRIMARY KEY, path)")
    _many(connection, "INSERT INTO spelled VALUES (?, ?)", [(id, _stored(p)) for id, p in renamed.items()])
    # in two steps: a path may be what another one was called before
    connection.exec_driver_sql(
        "UPDATE photo_paths SET path = 'hashtag:' || id WHERE id IN (SELECT id FROM spelled)"
    )
    connection.exec_driver_sql(
        "UPDATE photo_paths SET path = (SELECT path FROM spelled WHERE spelled.id = photo_paths.id)"
        " WHERE id IN (SELECT id FROM spelled)"
    )
    connection.exec_driver_sql("DROP TABLE spelled")
    for post in posts:
        _mend_digest(connection, post, before[post], _photos_of(connection, post))
    _mend_versions(connection)
    _mend_written(connection)
    _mend_sources(connection)


def _plan(connection: Connection) -> tuple[dict[int, str], dict[int, int]]:
    """Return path id → new spelling of rows to rename, and path id → id of the row of the same file, to merge."""
    rows = {
        id: (_text(path), photo, mtime)
        for id, path, photo, mtime in connection.exec_driver_sql(
            "SELECT id, path, photo_id, mtime_ns FROM photo_paths"
        )
    }
    same: dict[str, list[int]] = defaultdict(list)
    for id, (path, _, _) in rows.items():
        same[full_path(path)].append(id)
    renamed: dict[int, str] = {}
    merged: dict[int, int] = {}
    kept: dict[str, int] = {}
    for path, ids in same.items():
        best = max(ids, key=lambda id: (rows[id][1] is not None, rows[id][2], rows[id][0] == path))
        kept[path] = best
        merged |= dict.fromkeys((id for id in ids if id != best), best)
        if rows[best][0] != path:
            renamed[best] = path
    forms: dict[str, list[int]] = defaultdict(list)
    for path, id in kept.items():
        if not path.isascii():
            forms[composed(path)].append(id)
    for ids in forms.values():
        read = [id for id in ids if rows[id][1] is not None]
        if len(read) > 1:
            read = (
                _one_file({id: rows[id][0] for id in read}) if len({rows[id][1] for id in read}) == 1 else []
            )
        if len(read) == 1:  # a name that was never found is another form of the one that was
            merged |= {id: read[0] for id in ids if id != read[0]}
    for id in merged:
        renamed.pop(id, None)
    return renamed, {id: merged.get(into, into) for id, into in merged.items()}


def _one_file(paths: dict[int, str]) -> list[int]:
    """Return one of the ids, that of a path which exists, if all paths that exist lead to one file."""
    there = [id for id, path in paths.items() if os.path.exists(path)]
    one = there and all(os.path.samefile(paths[there[0]], paths[id]) for id in there)
    return there[:1] if one else []


def _merge(connection: Connection, merged: dict[int, int]) -> None:
    """Move what refers to the rows of `merged` to the rows that are kept, and delete them."""
    pairs = [(into, id) for id, into in merged.items()]
    for statement in (
        "UPDATE OR IGNORE post_photos SET path_id = ? WHERE path_id = ?",
        "UPDATE OR IGNORE gone_paths SET path_id = ? WHERE path_id = ?",
    ):
        _many(connection, statement, pairs)
    # a post that named one file twice has it once
    for into in set(merged.values()):
        connection.exec_driver_sql(
            "DELETE FROM post_photos WHERE path_id = ? AND position > (SELECT min(position) FROM post_photos AS"
            " first WHERE first.path_id = post_photos.path_id AND first.post_id = post_photos.post_id)",
            (into,),
        )
    for table, column in (("gone_paths", "path_id"), ("photo_paths", "id")):
        _many(connection, f"DELETE FROM {table} WHERE {column} = ?", [(id,) for id in merged])


def _posts_of(connection: Connection, path_ids: list[int]) -> list[int]:
    found: set[int] = set()
    for start in range(0, len(path_ids), _BATCH):
        chunk = tuple(path_ids[start : start + _BATCH])
        marks = ",".join("?" * len(chunk))
        query = f"SELECT post_id FROM post_photos WHERE path_id IN ({marks})"
        found.update(post for (post,) in connection.exec_driver_sql(query, chunk))
    return sorted(found)


def _photos_of(connection: Connection, post: int) -> list[str]:
    query = (
        "SELECT path FROM post_photos JOIN photo_paths ON photo_paths.id = path_id WHERE post_id = ?"
        " ORDER BY position"
    )
    return [_text(path) for (path,) in connection.exec_driver_sql(query, (post,))]


def _mend_digest(connection: Connection, post: int, before: list[str], after: list[str]) -> None:
    """Give a post the digest with which its crawl, imported again, is unchanged."""
    row = connection.exec_driver_sql(
        "SELECT owner, caption, location, taken_at, digest FROM posts WHERE id = ?", (post,)
    ).one()
    hashtags = [
        text
        for (text,) in connection.exec_driver_sql(
            "SELECT text FROM post_hashtags JOIN hashtags ON hashtags.id = hashtag_id WHERE post_id = ?"
            " ORDER BY position",
            (post,),
        )
    ]
    fields = dict(zip(("owner", "caption", "location", "taken_at"), row[:4], strict=True))
    if _digest({**fields, "hashtags": hashtags, "photos": before}) == row.digest:
        digest = _digest({**fields, "hashtags": hashtags, "photos": after})
        connection.exec_driver_sql("UPDATE posts SET digest = ? WHERE id = ?", (digest, post))


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _mend_versions(connection: Connection) -> None:
    changed = []
    for id, text in connection.exec_driver_sql("SELECT id, content FROM post_versions"):
        content = json.loads(text)
        photos = list(dict.fromkeys(map(full_path, content["photos"])))
        if photos != content["photos"]:
            changed.append((json.dumps({**content, "photos": photos}, sort_keys=True), id))
    _many(connection, "UPDATE post_versions SET content = ? WHERE id = ?", changed)


def _mend_written(connection: Connection) -> None:
    """Mend the records of written files; of one recorded twice, keep what either spelling wrote."""
    rows = connection.exec_driver_sql("SELECT path, photo_path, kind, model, sha256 FROM written").all()
    mended: dict[str, tuple[str, str, int | None, str | None]] = {}
    for path, photo, kind, model, sha256 in rows:
        name, other = full_path(_text(path)), mended.get(full_path(_text(path)))
        digests = dict.fromkeys([*((other and other[3]) or "").split(), *(sha256 or "").split()])
        mended[name] = (full_path(_text(photo)), kind, model, " ".join(digests) or None)
    if {name: row[0] for name, row in mended.items()} == {_text(row[0]): _text(row[1]) for row in rows}:
        return
    connection.exec_driver_sql("DELETE FROM written")
    _many(
        connection,
        "INSERT INTO written (path, photo_path, kind, model, sha256) VALUES (?, ?, ?, ?, ?)",
        [(_stored(name), _stored(photo), *rest) for name, (photo, *rest) in mended.items()],
    )


def _mend_sources(connection: Connection) -> None:
    rows = connection.exec_driver_sql("SELECT id, source FROM crawls").all()
    named = [(id, _text(source)) for id, source in rows]
    changed = [(_stored(full_path(path)), id) for id, path in named if os.path.isabs(path)]
    _many(connection, "UPDATE crawls SET source = ? WHERE id = ?", changed)


def _many(connection: Connection, statement: str, rows: Iterable[Any]) -> None:
    if rows := list(rows):
        connection.exec_driver_sql(statement, rows)


def _text(path: str | bytes) -> str:
    """Return a path as Python represents it; SQLite has one that is not valid Unicode as bytes."""
    return os.fsdecode(path) if isinstance(path, bytes) else path


def _stored(path: str) -> str | bytes:
    raw = os.fsencode(path)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw
    return path
