"""Training the last stage of ResNet50 on the archive's own posts, and a rebuild with it."""

from dataclasses import asdict, replace

from hashtag_archive.encoder.training.unfreeze import UnfreezeConfig
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.hashtag_vectors import learn_ahead
from hashtag_archive.indexer.learning.held_out import HeldOut, fit_held_out
from hashtag_archive.indexer.learning.rebuild import (
    RebuildConfig,
    RebuildResult,
    encode_posts,
    load_encoded,
    load_posts,
    require_posts,
    ship,
)
from hashtag_archive.indexer.learning.tune_backbone import LAYER, frozen_base, tune_backbone
from hashtag_archive.indexer.photos.backbones import AdoptedBackbone, BackboneChoice
from hashtag_archive.indexer.progress import Progress, Stages, silent
from hashtag_archive.indexer.wording import counted


def unfreeze_model(
    archive: Archive,
    backbone: BackboneChoice | None = None,
    config: RebuildConfig | None = None,
    unfreeze: UnfreezeConfig | None = None,
    *,
    force: bool = False,
    progress: Progress = silent,
) -> RebuildResult:
    """Train layer4 of a ResNet50 on training posts, then rebuild with the network that results.

    The manifest has the figures of the frozen network too, as the variant `frozen`. A killed training is resumed
    by the next call with the same posts and configuration. Raises `NotResNet50Error` if the backbone is another
    network, `ArchiveError` if no post has a photo or there is too little to learn from.
    """
    config = (config or RebuildConfig()).seeded()
    tuning = replace(unfreeze or UnfreezeConfig(), seed=config.seed)
    stages = Stages(progress)
    with archive.building():
        if not require_posts(archive)["with_photo"]:
            raise ArchiveError(f"no post has a photo: {LAYER} has nothing to learn from")
        with stages("backbone"):
            base = frozen_base(archive, backbone or BackboneChoice(), config.seed, progress)
        encoded = encode_posts(archive, base, config, stages)
        corpus = load_posts(archive, config, stages)
        of_all = learn_ahead(corpus.without_habits().lists(), config.vectors)
        how = config.vectors, config.tagger, config.text_fields, stages
        frozen = fit_held_out(corpus, load_encoded(archive, corpus, encoded, config, stages), *how)
        with stages(LAYER):
            tuned = tune_backbone(
                archive,
                base,
                corpus.without_habits(),
                frozen.vectors,
                config.tagger.min_photos,
                tuning,
                progress,
            )
        encoded = encode_posts(archive, tuned, config, stages)
        photos = load_encoded(archive, corpus, encoded, config, stages)
        held_out = fit_held_out(corpus, photos, *how, frozen.vectors)
        _add_frozen_figures(frozen, held_out, tuned)
        parameters = {"unfreeze": asdict(tuning)}
        return ship(
            archive,
            corpus,
            photos,
            held_out,
            of_all,
            encoded,
            config,
            stages,
            force=force,
            parameters=parameters,
        )


def _add_frozen_figures(frozen: HeldOut, tuned: HeldOut, adopted: AdoptedBackbone) -> None:
    """Add the frozen network's figures to the variants of the tuned one's."""
    if frozen.figures:
        tuned.variants["frozen"] = frozen.figures
    if frozen.judged_photos != tuned.judged_photos:
        adopted.notes.append(
            f"the frozen network was measured on {counted(frozen.judged_photos, 'photo')},"
            " some of whose files are gone"
        )
