"""The configuration that the options of a rebuild make."""

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from hashtag_archive.commands.output import info, printable

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.learning.rebuild import RebuildConfig
    from hashtag_archive.indexer.photos.backbones import BackboneChoice


def backbone_choice(context: click.Context, options: dict[str, Any]) -> "BackboneChoice":
    """Return the backbone that the options name; raises `UsageError` if they contradict each other."""
    from pathlib import Path

    from hashtag_archive.encoder.pretrained.at_hand import RESNET50
    from hashtag_archive.encoder.pretrained.registry import NAMES, UNTRAINED, is_named
    from hashtag_archive.indexer.photos.backbones import BackboneChoice

    backbone, weights, image_size = (options.pop(name) for name in ("backbone", "weights", "image_size"))
    sized = context.get_parameter_source("image_size") == ParameterSource.COMMANDLINE
    if backbone is None and weights:
        backbone = RESNET50
    if backbone != RESNET50 and sized:
        raise click.UsageError(f"--image-size is for {RESNET50}: add --backbone {RESNET50}")
    if backbone is not None and not is_named(backbone):
        if not Path(backbone).is_file():
            wrong = printable(repr(backbone))
            raise click.UsageError(
                f"--backbone: {wrong}: no such file, and no backbone of that name; the names are {NAMES}"
            )
        if weights is not None:
            raise click.UsageError("--weights is for backbones by name; an ONNX file has its weights")
    if weights not in (None, UNTRAINED) and not Path(weights).is_file():
        raise click.ClickException(f"{weights}: not found; check the path")
    return BackboneChoice(backbone, weights, image_size)


def report_choice(archive: "Archive", choice: "BackboneChoice") -> "BackboneChoice":
    """Say which backbone is used and why, if there are posts to learn from; return the choice, filled in."""
    from hashtag_archive.indexer.photos.backbones import resolve_choice

    if not archive.store.posts.counts()["with_photo"]:
        return choice
    resolved, line = resolve_choice(archive, choice)
    info(printable(line))
    return resolved


def rebuild_config(options: dict[str, Any]) -> "RebuildConfig":
    """Return the configuration that the options make, by the names that click gives them."""
    from hashtag_archive.encoder.training.landmark_fit import LandmarkConfig
    from hashtag_archive.encoder.training.train import TrainConfig
    from hashtag_archive.indexer.learning.habits import HabitLimit
    from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig
    from hashtag_archive.indexer.learning.rebuild import RebuildConfig
    from hashtag_archive.indexer.learning.tagger import TaggerConfig

    vectors = VectorConfig(
        options["size"],
        options["window"],
        options["epochs"],
        options["alpha"],
        min_count=options["min_count"],
    )
    network = TrainConfig(
        dropout=options["dropout"],
        learning_rate=options["learning_rate"],
        batch_size=options["batch_size"],
        epochs=options["head_epochs"],
        loss=options["loss"],
    )
    landmarks = LandmarkConfig(size=options["embedding_size"], landmarks=options["landmarks"])
    return RebuildConfig(
        vectors=vectors,
        tagger=TaggerConfig(options["head"], landmarks, network, options["min_photos"]),
        owners=HabitLimit(uses=options["owner_uses"]),
        text_fields=options["text_fields"],
        seed=options["seed"],
        workers=options["workers"],
        int8=options["dtype"] == "auto",
    )
