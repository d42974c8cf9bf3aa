"""`hashtag backbones`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import echo, echo_json, info, printable

if TYPE_CHECKING:
    from hashtag_archive.indexer.upkeep.backbones import ListedBackbone

_ALIGNED = "<<>>>>>>><<"  # the columns


@click.command("backbones")
@click.option(
    "--all", "everything", is_flag=True, help="Also list what torchvision and timm can download by name."
)
@json_option
@click.pass_context
def backbones_command(context: click.Context, everything: bool, as_json: bool) -> None:
    """List the backbones that a rebuild can use here.

    A star marks the one that a rebuild without options uses. P@1 and mAP are of the newest model with a backbone,
    on this archive's held-out posts. float32/s and int8/s are photos per second and core on this machine, without
    decoding, where they were measured.

    \b
    Examples:
      hashtag backbones
      hashtag backbones --all
      hashtag rebuild --backbone torchvision:convnext_tiny
    """
    from hashtag_archive.indexer.archive import DATABASE
    from hashtag_archive.indexer.upkeep.backbones import list_backbones

    archive = open_from(context) if (Path(context.obj["archive"]) / DATABASE).is_file() else None
    listed = list_backbones(archive, everything=everything)
    if as_json:
        for backbone in listed:
            echo_json(asdict(backbone))
        return
    names = ("", "name", "pixels", "features", "MB", "P@1", "mAP", "float32/s", "int8/s", "source", "licence")
    rows = [names, *(_cells(backbone) for backbone in listed)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, _ALIGNED, strict=True)
        echo(printable(" ".join(f"{cell:{to}{width}}" for cell, width, to in cells).rstrip()))
    if len(rows) == 1:
        info("none: pip install 'hashtag-archive[train]' brings one")
    if not everything:
        info("others by name: `hashtag backbones --all`; your own: an ONNX file with its description")


def _cells(backbone: "ListedBackbone") -> tuple[str, ...]:
    figures, rates = backbone.figures or {}, backbone.rates or {}
    return (
        "*" if backbone.is_default else "",
        backbone.name,
        _cell(backbone.pixels),
        _cell(backbone.features),
        _cell(backbone.megabytes, ".1f"),
        _cell(figures.get("p_at_1"), ".3f"),
        _cell(figures.get("map"), ".3f"),
        _cell(rates.get("float32"), ".1f"),
        _cell(rates.get("int8"), ".1f"),
        backbone.source,
        backbone.licence or "-",
    )


def _cell(value: float | None, form: str = "d") -> str:
    return "-" if value is None else format(value, form)
