"""The configuration that the options of a rebuild make."""

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from hashtag_archive.indexer.learning.rebuild import RebuildConfig
    from hashtag_archive.indexer.photos.backbones import BackboneChoice


def backbone_choice(context: click.Context, options: dict[str, Any]) -> "BackboneChoice":
    """Return the backbone that the options name; raises `UsageError` if they contradict each other."""
    from pathlib import Path

    from hashtag_archive.indexer.photos.backbones import BackboneChoice

    backbone, weights, image_size = (options.pop(name) for name in ("backbone", "weights", "image_size"))
    if backbone not in (None, "resnet50"):
        if weights is not None or context.get_parameter_source("image_size") == ParameterSource.COMMANDLINE:
            raise click.UsageError(
                "--weights and --image-size are for resnet50; FILE.json describes other backbones"
            )
        if not Path(backbone).is_file():
            raise click.UsageError(f"--backbone: {backbone}: no such file")
    return BackboneChoice(backbone, weights, image_size)


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
