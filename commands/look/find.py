"""`hashtag find`."""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import COUNT, CutOptions, cut_options_without_top, json_option
from hashtag_archive.commands.output import echo, echo_bytes, echo_json, echo_rows, info, json_bytes
from hashtag_archive.commands.summaries import PresentPaths

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.tagging.find import FoundPhoto


@click.command("find")
@click.argument("expression", required=False)
@cut_options_without_top("--min-probability")
@click.option("--owner", metavar="NAME", help="Only photos of this owner's posts.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    metavar="DATE",
    help="Only photos of posts taken since DATE (2026-11-25 or 2026-11-25T09:30:00, UTC), or crawled since DATE if"
    " a post has no time.",
)
@click.option("--untagged", is_flag=True, help="Only photos that the current model could tag but has not.")
@click.option(
    "--failed", is_flag=True, help="Files that could not be read or encoded, each with a tab and its reason."
)
@click.option(
    "--print0", is_flag=True, help="End each path with a zero byte, for xargs -0; print no reasons."
)
@click.option("--count", is_flag=True, help="Print only the number of photos (or failed files).")
@click.option("--limit", type=COUNT, metavar="N", help="Stop after N photos (or failed files).")
@json_option
@click.pass_context
def find_command(
    context: click.Context,
    expression: str | None,
    cut_by: CutOptions,
    owner: str | None,
    since: datetime | None,
    untagged: bool,
    failed: bool,
    print0: bool,
    count: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """Print the paths of photos that have certain hashtags.

    EXPRESSION combines hashtags by not, and, or (in this order) and parentheses; a hashtag may begin with #, and
    one with spaces is written in double quotes. A photo has the hashtags that you accepted, and guesses at or
    above the threshold that are neither blocked nor rejected; crawled hashtags do not count. An alias finds what
    its target finds, and a hashtag also finds those grouped under it. Every path of a photo is printed,
    except those that are gone, which are counted on stderr.

    Options narrow EXPRESSION down, or work without it.

    \b
    Examples:
      hashtag find 'ramen and not spicy'
      hashtag find '"street food" or takoyaki' --owner anna --since 2026-01-01
      hashtag find ramen --precision 0.9 --print0 | xargs -0 -I{} cp {} ramen/
      hashtag find ramen --limit 50
      hashtag find --failed
    """
    from hashtag_archive.indexer.errors import ExpressionError
    from hashtag_archive.indexer.tagging.find import find_failed

    _require_sense(context)
    archive = open_from(context)
    if failed:
        _print_failed(islice(find_failed(archive, owner=owner, since=since), limit), print0, count, as_json)
        return
    try:
        found = _find(context, archive, expression, cut_by)
    except ExpressionError as error:
        raise click.UsageError(str(error)) from error
    present = PresentPaths(archive)
    there = ((photo, paths) for photo in found if (paths := present.of(photo.paths)))
    _print_found(islice(there, limit), print0, count, as_json)
    present.report()
    if present.all_gone:
        context.exit(1)


def _require_sense(context: click.Context) -> None:
    """Raise `UsageError` if nothing is asked for, or options contradict each other."""
    asked = {name for name, value in context.params.items() if value}
    if (
        not asked & {"expression", "owner", "since", "untagged", "failed"}
        and context.params["expression"] is None
    ):
        raise click.UsageError("give an EXPRESSION, --owner, --since, --untagged or --failed")
    if "failed" in asked and asked & {"expression", "untagged"}:
        raise click.UsageError("--failed goes only with --owner and --since: failed files have no hashtags")
    if len(asked & {"print0", "count", "as_json"}) > 1:
        raise click.UsageError("give only one of --print0, --count and --json")


def _find(
    context: click.Context, archive: "Archive", expression: str | None, cut_by: CutOptions
) -> "Iterator[FoundPhoto]":
    from hashtag_archive.indexer.model.cut import Cut
    from hashtag_archive.indexer.model.opening import open_model
    from hashtag_archive.indexer.tagging.find import find_photos, unknown_hashtags

    asked = context.params
    cut = Cut(0)
    if expression is not None:
        for text in unknown_hashtags(archive, expression):
            info(f"#{text}: not a hashtag of this archive")
    if expression is not None or (asked["as_json"] and archive.current()):
        cut = cut_by.cut(context, open_model(archive))
    return find_photos(
        archive,
        expression,
        cut,
        owner=asked["owner"],
        since=asked["since"],
        untagged=asked["untagged"],
        with_hashtags=asked["as_json"],
    )


def _print_found(
    found: "Iterator[tuple[FoundPhoto, list[str]]]", print0: bool, count: bool, as_json: bool
) -> None:
    if count:
        echo(str(sum(1 for _ in found)))
    elif as_json:
        echo_bytes(_photo_json(photo, paths) for photo, paths in found)
    else:
        echo_paths((path for _, paths in found for path in paths), print0)


def _photo_json(photo: "FoundPhoto", paths: list[str]) -> bytes:
    hashtags = [{**tag.to_dict(), "model": tag.model, "path": list(tag.path)} for tag in photo.hashtags]
    return b"".join(json_bytes({"path": path, "hashtags": hashtags}) for path in paths)


def _print_failed(failed: Iterator[tuple[str, str]], print0: bool, count: bool, as_json: bool) -> None:
    if count:
        echo(str(sum(1 for _ in failed)))
    elif as_json:
        for path, reason in failed:
            echo_json({"path": path, "error": reason})
    elif print0:
        echo_paths((path for path, _ in failed), print0)
    else:
        echo_rows((os.fsencode(path), reason) for path, reason in failed)


def echo_paths(paths: Iterable[str], print0: bool) -> None:
    """Print paths, a line each, or exactly as they are and each ended by a zero byte."""
    echo_rows(((os.fsencode(path),) for path in paths), b"\0" if print0 else b"\n")
