"""`hashtag export-encoder`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.output import info

if TYPE_CHECKING:
    pass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@click.command("export-encoder")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export_encoder_command(context: click.Context, file: Path) -> None:
    """Write the current model's encoder as one ONNX file, for use elsewhere.

    Pixels uint8 (n, 3, height, width) in, `features` and unit `embedding` out; the vocabulary and the model's
    number are in its metadata.

    \b
    Example:
      hashtag export-encoder encoder.onnx
    """
    archive = open_from(context)
    from hashtag_archive.indexer.export.encoder import export_encoder

    export = export_encoder(archive, file)
    click.echo(
        f"{file}: model {export.model}, {export.hashtags:,} hashtags; embeddings differ from the product's own by"
        f" {export.difference:.1e} at most"
    )
    info(f"its index: {export.index}")
