"""`hashtag similar` and `related`: what is nearest to a photo or a hashtag."""

import os

import click

from hashtag_archive.commands.look.find import echo_paths
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, echo, echo_json, echo_rows, printable
from hashtag_archive.commands.summaries import PresentPaths


@click.command("similar")
@click.argument("photo", type=click.Path())
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Number of photos.")
@click.option("--print0", is_flag=True, help="Print only paths, each followed by a zero byte, for xargs -0.")
@json_option
@click.pass_context
def similar_command(context: click.Context, photo: str, top: int, print0: bool, as_json: bool) -> None:
    """Print the photos that are most similar to a photo.

    One per line: the cosine of the current model's embeddings, a tab, the path. PHOTO may be any file and is not
    added to the archive; copies of it are left out. It is compared with photos that were tagged or are in posts
    that a model learnt from. Their embeddings are kept in the archive; the first call after a rebuild computes
    them, which takes a while.

    \b
    Example:
      hashtag similar lunch.jpg --top 5
    """
    from hashtag_archive.indexer.tagging.similar import similar_photos

    if print0 and as_json:
        raise click.UsageError("give only one of --print0 and --json")
    with Bars("photos") as bars:
        archive = open_from(context)
        found = similar_photos(archive, photo, best=top, progress=bars)
    present = PresentPaths(archive)
    near = [(other.cosine, path) for other in found for path in present.of(other.paths)]
    if print0:
        echo_paths((path for _, path in near), print0)
    for cosine, path in () if print0 else near:
        if as_json:
            echo_json({"path": path, "cosine": round(cosine, 4)})
        else:
            echo_rows([(f"{cosine:.3f}", os.fsencode(path))])
    present.report()
    if present.all_gone:
        context.exit(1)


@click.command("related")
@click.argument("hashtag")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Number of hashtags.")
@json_option
@click.pass_context
def related_command(context: click.Context, hashtag: str, top: int, as_json: bool) -> None:
    """Print the hashtags nearest to a hashtag.

    One per line: the cosine of their vectors, a tab, the hashtag.

    \b
    Example:
      hashtag related ramen
    """
    from hashtag_archive.indexer.hashtag_text import normalise_hashtag

    text = normalise_hashtag(hashtag)
    if text is None:
        raise click.UsageError(f"{hashtag!r} is not a valid hashtag")
    from hashtag_archive.indexer.model.opening import open_model

    archive = open_from(context)
    found = open_model(archive).related(text, top)
    spelled = archive.spellings()
    spelled.look_up([text, *(other.hashtag for other in found)])
    if as_json:
        related = [
            {"hashtag": spelled(other.hashtag), "key": other.hashtag, "cosine": round(other.score, 4)}
            for other in found
        ]
        echo_json({"hashtag": spelled(text), "key": text, "related": related})
    else:
        for other in found:
            echo(f"{other.score:.3f}\t#{printable(spelled(other.hashtag))}")
