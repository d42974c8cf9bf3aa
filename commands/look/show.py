"""`hashtag show`."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import CutOptions, cut_options_without_top, json_option
from hashtag_archive.commands.output import echo, echo_json, printable

if TYPE_CHECKING:
    from hashtag_archive.db.stores.show import RecordedPost
    from hashtag_archive.indexer.model.cut import Cut
    from hashtag_archive.indexer.spellings import Spellings
    from hashtag_archive.indexer.tagging.show import ShownPhoto

BELOW = 5  # guesses below the threshold that are printed


@click.command("show")
@click.argument("photo", type=click.Path())
@cut_options_without_top()
@click.option("--all", "everything", is_flag=True, help="Print every guess below the threshold, too.")
@json_option
@click.pass_context
def show_command(
    context: click.Context, photo: str, cut_by: CutOptions, everything: bool, as_json: bool
) -> None:
    """Print all that is known of a photo.

    PHOTO is a file that the archive knows by its path or, if it was moved, by its content; the file may be gone.
    Guesses that do not count as tags are marked with the reason; of those below the threshold, the five most
    probable are printed. --json prints all.

    \b
    Examples:
      hashtag show lunch.jpg
      hashtag show lunch.jpg --json
    """
    from hashtag_archive.indexer.model.cut import Cut
    from hashtag_archive.indexer.model.opening import open_model
    from hashtag_archive.indexer.tagging.show import show_photo

    archive = open_from(context)
    cut = cut_by.cut(context, open_model(archive)) if archive.current() else Cut(0)
    shown = show_photo(archive, photo, cut)
    spelled = archive.spellings()
    if as_json:
        echo_json(_as_json(shown, spelled))
        return
    for name, value in _lines(shown, cut, spelled, len(shown.guesses) if everything else BELOW):
        echo(f"{name:<10} {printable(value)}")


def _as_json(shown: "ShownPhoto", spelled: "Spellings") -> dict[str, object]:
    """Return all that is shown; `hashtag` is a spelling, and `key` what hashtags are compared by."""
    whole = asdict(shown)
    whole["hashtags"] = [tag._asdict() for tag in shown.hashtags]
    for row in (*whole["hashtags"], *whole["guesses"]):
        row["probability"] = round(row["probability"], 4)
    record = whole.pop("record")
    for row in (*whole["hashtags"], *whole["guesses"], *record["said"]):
        row["key"] = row["hashtag"]
        row["hashtag"] = spelled(row["key"])
    for guess in whole["guesses"]:
        guess["counts_as"] = spelled(guess["counts_as"])
    for post in record["posts"]:
        post["keys"] = post["hashtags"]
        post["hashtags"] = spelled.all(post["keys"])
    return {**record, **whole}


def _lines(shown: "ShownPhoto", cut: "Cut", spelled: "Spellings", below: int) -> Iterator[tuple[str, str]]:
    from hashtag_archive.indexer.photos.spelling import is_gone

    record = shown.record
    yield "content", record.content
    yield from (("path", f"{path}  gone" if is_gone(path) else path) for path in record.paths)
    if shown.changed:
        yield "changed", "this file has other content by now; below is what was known of the earlier one"
    if record.failure:
        yield "failed", record.failure
    for post in record.posts:
        yield from _post_lines(post, spelled)
    for word in record.said:
        verb = "accepted" if word.accepted else "rejected"
        bulk = " in bulk" if word.how == "bulk" else ""
        yield "person", f"{verb} #{spelled(word.hashtag)} at {word.said_at}{bulk}"
    yield "tagged", _tagged(shown)
    names = [f"#{tag.spelling} {tag.probability:.2f} by {tag.by}" for tag in shown.hashtags]
    yield "hashtags", ", ".join(names) or f"none from {cut} on"
    rest = [guess for guess in shown.guesses if guess.standing == "below the threshold"][below:]
    for guess in shown.guesses:
        if guess in rest:
            continue
        alias = f" (counts as #{spelled(guess.counts_as)})" if guess.counts_as != guess.hashtag else ""
        marked = "" if guess.standing == "assigned" else f"  {guess.standing}"
        yield (
            "guess",
            f"{guess.probability:.3f} #{spelled(guess.hashtag)}{alias} by model {guess.model}{marked}",
        )
    if rest:
        yield "guess", f"{len(rest):,} more below the threshold; --all prints them"
    for features in record.features:
        way = f"{features.dtype}, preprocessing {features.preprocessing}"
        yield "features", f"{features.backbone} ({features.digest[:16]}), {way}"


def _post_lines(post: "RecordedPost", spelled: "Spellings") -> Iterator[tuple[str, str]]:
    details = {"by": post.owner, "taken": post.taken_at, "in": post.location}
    yield "post", ", ".join([post.key, *(f"{name} {value}" for name, value in details.items() if value)])
    yield "  crawl", f"{post.crawled_from} ({post.crawl_format}), {post.crawled_at}"
    yield "  hashtags", " ".join(f"#{text}" for text in spelled.all(post.hashtags)) or "none"
    if post.caption:
        yield "  caption", " ".join(post.caption.split())


def _tagged(shown: "ShownPhoto") -> str:
    by = f"by model {shown.record.tagged_by}" if shown.record.tagged_by else "by none"
    current = (
        f"the current model is {shown.current_model}" if shown.current_model else "there is no model yet"
    )
    return f"{by}; {current}{', so it is stale' if shown.stale else ''}"
