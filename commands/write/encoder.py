"""`hashtag export-encoder`."""

from pathlib import Path

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.output import echo, info


@click.command("export-encoder")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export_encoder_command(context: click.Context, file: Path) -> None:
    """Write the current model's encoder as one ONNX file.

    For programs other than this one. It takes pixels, uint8 (n, 3, height, width), and returns `features` and the
    unit `embedding`; its metadata has the vocabulary and the model's number.

    \b
    Example:
      hashtag export-encoder encoder.onnx
    """
    archive = open_from(context)
    from hashtag_archive.indexer.export.encoder import export_encoder

    export = export_encoder(archive, file)
    echo(
        f"{file}: model {export.model}, {export.hashtags:,} hashtags; embeddings differ from those of"
        f" `query` by at most {export.difference:.1e}"
    )
    info(f"its index: {export.index}")
