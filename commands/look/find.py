"""`hashtag find`."""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import chosen_cut, json_option, precision_option, threshold_option
from hashtag_archive.commands.output import echo_bytes, echo_json, info, json_bytes

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.tagging.find import FoundPhoto


@click.command("find")
@click.argument("expression", required=False)
@threshold_option("--min-probability")
@precision_option
@click.option("--owner", metavar="NAME", help="Photos of posts of this owner.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    metavar="DATE",
    help="Photos of posts taken since 2026-11-25 or 2026-11-25T09:30:00 (UTC), or crawled since, where a post"
    " does not say when it was taken.",
)
@click.option("--untagged", is_flag=True, help="Photos that the current model did not tag, though it could.")
@click.option(
    "--failed",
    is_flag=True,
    help="Files that could not be read or encoded, each with its reason, after a tab.",
)
@click.option("--print0", is_flag=True, help="End paths with a zero byte, for xargs -0; no reasons.")
@click.option("--count", is_flag=True, help="Print only how many photos (or failed files) there are.")
@json_option
@click.pass_context
def find_command(
    context: click.Context,
    expression: str | None,
    threshold: str | float,
    precision: float | None,
    owner: str | None,
    since: datetime | None,
    untagged: bool,
    failed: bool,
    print0: bool,
    count: bool,
    as_json: bool,
) -> None:
    """Print the paths of photos that have hashtags.

    EXPRESSION joins hashtags by not, and, or (in this order) and parentheses; a hashtag may begin with #, and
    stands in double quotes where it has spaces. A photo has what a person accepted, and what was guessed of it
    from the threshold on, blocked and rejected hashtags left out; crawled ones do not count. An alias finds what
    its target finds, and a hashtag finds those that stand under it. Every path of a photo is printed.

    Options narrow EXPRESSION down, or stand alone.

    \b
    Examples:
      hashtag find 'ramen and not spicy'
      hashtag find '"street food" or takoyaki' --owner anna --since 2026-01-01
      hashtag find ramen --precision 0.9 --print0 | xargs -0 -I{} cp {} ramen/
      hashtag find --failed
    """
    from hashtag_archive.indexer.errors import ExpressionError
    from hashtag_archive.indexer.tagging.find import find_failed

    _require_sense(context)
    archive = open_from(context)
    if failed:
        _print_failed(find_failed(archive, owner=owner, since=since), print0, count, as_json)
        return
    try:
        found = _find(context, archive, expression)
    except ExpressionError as error:
        raise click.UsageError(str(error)) from error
    _print_found(found, print0, count, as_json)


def _require_sense(context: click.Context) -> None:
    """Raise `UsageError` where nothing is asked for, or what excludes each other."""
    asked = {name for name, value in context.params.items() if value}
    if (
        not asked & {"expression", "owner", "since", "untagged", "failed"}
        and context.params["expression"] is None
    ):
        raise click.UsageError("what is looked for? An EXPRESSION, --owner, --since, --untagged or --failed")
    if "failed" in asked and asked & {"expression", "untagged"}:
        raise click.UsageError(
            "--failed stands alone, or with --owner and --since: such files have no hashtags"
        )
    if len(asked & {"print0", "count", "as_json"}) > 1:
        raise click.UsageError("--print0, --count and --json exclude each other")


def _find(context: click.Context, archive: "Archive", expression: str | None) -> "Iterator[FoundPhoto]":
    from hashtag_archive.indexer.model.cut import Cut
    from hashtag_archive.indexer.tagging.find import find_photos, unknown_hashtags

    asked = context.params
    cut = Cut(0)
    if expression is not None:
        for text in unknown_hashtags(archive, expression):
            info(f"#{text}: no photo has it: nothing in the archive is called so")
    if expression is not None or (asked["as_json"] and archive.current()):
        cut = chosen_cut(context, archive, asked["threshold"], asked["precision"])
    return find_photos(
        archive,
        expression,
        cut,
        owner=asked["owner"],
        since=asked["since"],
        untagged=asked["untagged"],
        with_hashtags=asked["as_json"],
    )


def _print_found(found: "Iterator[FoundPhoto]", print0: bool, count: bool, as_json: bool) -> None:
    if count:
        click.echo(sum(1 for _ in found))
    elif as_json:
        echo_bytes(_photo_json(photo) for photo in found)
    else:
        echo_paths((path for photo in found for path in photo.paths), print0)


def _photo_json(photo: "FoundPhoto") -> bytes:
    hashtags = [
        {
            "hashtag": tag.hashtag,
            "probability": round(tag.probability, 4),
            "by": tag.by,
            "model": tag.model,
            "path": list(tag.path),
        }
        for tag in photo.hashtags
    ]
    return b"".join(json_bytes({"path": path, "hashtags": hashtags}) for path in photo.paths)


def _print_failed(failed: Iterator[tuple[str, str]], print0: bool, count: bool, as_json: bool) -> None:
    if count:
        click.echo(sum(1 for _ in failed))
    elif as_json:
        for path, reason in failed:
            echo_json({"path": path, "error": reason})
    elif print0:
        echo_paths((path for path, _ in failed), print0)
    else:
        echo_bytes(os.fsencode(path) + b"\t" + reason.encode() + b"\n" for path, reason in failed)


def echo_paths(paths: Iterable[str], print0: bool) -> None:
    """Print paths as the bytes that they are, a line each, or each ended by a zero byte."""
    end = b"\0" if print0 else b"\n"
    echo_bytes(os.fsencode(path) + end for path in paths)
