"""`hashtag query`."""

import os
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import device_option, dtype_option, json_option
from hashtag_archive.commands.output import echo_json, echo_rows, info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.encoder.session import Device
    from hashtag_archive.indexer.photos.dtype_choice import DtypeMode


@click.command("query")
@click.argument("photos", nargs=-1, required=True, type=click.Path())
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Hashtags per photo.")
@click.option(
    "--rule",
    type=click.Choice(["logit", "cosine"]),
    default="logit",
    show_default=True,
    help="Score: calibrated probability, or the report's sigmoid(cosine).",
)
@click.option("--caption", metavar="TEXT", help="Caption of the photo, for a model learnt --with caption.")
@click.option("--location", metavar="TEXT", help="Location of the photo, for a model learnt --with location.")
@dtype_option
@device_option("cpu")
@json_option
@click.pass_context
def query_command(
    context: click.Context,
    photos: tuple[str, ...],
    top: int,
    rule: Any,
    caption: str | None,
    location: str | None,
    dtype: "DtypeMode",
    device: "Device",
    as_json: bool,
) -> None:
    """Print the nearest hashtags of single photos.

    One hashtag per line, best first: probability, hashtag and photo, separated by tabs. Nothing is stored, and
    verdicts on the photo do not count. A GPU is used only if --device asks for it, as it takes longer to start
    than a CPU to encode a few photos.

    \b
    Example:
      hashtag query lunch.jpg --top 5
    """
    from hashtag_archive.encoder import PhotoError
    from hashtag_archive.indexer.model.opening import open_model
    from hashtag_archive.indexer.photos.choose_dtype import set_dtype
    from hashtag_archive.indexer.tagging.query import query_photo

    archive = open_from(context, device=device)
    model = open_model(archive)
    set_dtype(archive, model, dtype)
    text = {name: text for name, text in (("caption", caption), ("location", location)) if text}
    if unread := set(text) - set(model.text.fields if model.text else ()):
        names = ",".join(sorted(unread))
        info(f"{names} ignored: model {model.number} was not learnt --with {names}")
    failed, spelled = False, archive.spellings()
    for photo in photos:
        try:
            found = query_photo(model, photo, best=top, rule=rule, text=text)
        except PhotoError as error:
            failed = True
            warn(f"{printable(photo)}: {error}")
            if as_json:
                echo_json({"photo": photo, "error": str(error)})
            continue
        spelled.look_up(guess.hashtag for guess in found)
        if as_json:
            named = [
                {
                    "hashtag": spelled(guess.hashtag),
                    "key": guess.hashtag,
                    "probability": round(guess.score, 4),
                }
                for guess in found
            ]
            echo_json({"photo": photo, "hashtags": named, "model": model.number})
        else:
            name = os.fsencode(photo)
            echo_rows((f"{guess.score:.3f}", f"#{spelled(guess.hashtag)}", name) for guess in found)
    if failed:
        context.exit(1)
