"""What is learnt from training posts, measured on held-out posts."""

from dataclasses import dataclass, field

import numpy as np

from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.calibration import choose_thresholds
from hashtag_archive.indexer.learning.corpus import Corpus
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, VALIDATION
from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors, VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.left_out import left_out_hits, popularity_hits
from hashtag_archive.indexer.learning.metrics import Figures, measure
from hashtag_archive.indexer.learning.photo_set import FoldedPhotos, PhotoSet, judged_photos, truth_of
from hashtag_archive.indexer.learning.tagger import (
    TaggerConfig,
    TaggerFit,
    assignable,
    fit_photos,
    judged,
    thresholds_on,
)
from hashtag_archive.indexer.learning.text_fit import TextPost, choose_text, learn_text_space
from hashtag_archive.indexer.model.held_out_results import HeldOutResults
from hashtag_archive.indexer.model.logits import REPORTS_RULE, Thresholds
from hashtag_archive.indexer.model.precision import PrecisionCheck, ValidationScores, check_precisions
from hashtag_archive.indexer.model.text_space import TextSpace
from hashtag_archive.indexer.progress import Stages
from hashtag_archive.indexer.wording import counted

LEAST_PHOTOS = {TRAINING: 10, VALIDATION: 2, TEST: 2}


@dataclass
class HeldOut:
    """What was learnt from training posts, and how good it is on test posts.

    `variants` has figures of lesser variants on the same photos: the report's rule on the same embeddings, the
    photo without its text, the backbone before its last stage was trained; and of the same model if owners'
    habits, which are left out of all other figures, count as true too (`indexer/learning/habits.py`).
    """

    vectors: HashtagVectors
    hits: float | None
    popularity_hits: float | None
    tagger: TaggerFit | None = None
    thresholds: Thresholds | None = None
    figures: Figures | None = None
    popularity: Figures | None = None
    variants: dict[str, Figures] = field(default_factory=dict)
    judged_photos: int = 0
    evidence: ValidationScores | None = None
    judged: HeldOutResults | None = None
    promises: list[PrecisionCheck] = field(default_factory=list)


def fit_held_out(
    corpus: Corpus,
    photos: FoldedPhotos,
    vectors: VectorConfig,
    tagger: TaggerConfig,
    text_fields: tuple[str, ...] = (),
    stages: Stages | None = None,
    known: HashtagVectors | None = None,
) -> HeldOut:
    """Learn from training posts, choose on validation posts, measure on test posts.

    Without `photos` only hashtag vectors are learnt and measured. `text_fields` are the fields of posts that are
    read in addition to the photo; `known` are the vectors of training posts if they were learnt before. Raises
    `ArchiveError` if a fold has too few photos.
    """
    stages = stages or Stages()
    with stages("hashtag vectors, training posts"):
        taught = corpus.without_habits()
        training_posts = taught.lists(TRAINING)
        learnt = known or learn_vectors(training_posts, vectors, stages.progress)
        counts = np.bincount(training_posts.flat(), minlength=int(learnt.ids.max()) + 1)[learnt.ids]
        test = taught.lists(TEST)
        held_out = HeldOut(
            learnt, left_out_hits(learnt, test.ids()), popularity_hits(learnt, test.ids(), counts)
        )
    if not len(photos):
        return held_out
    sets = {fold: photos.fold(fold).for_training() for fold in LEAST_PHOTOS}
    _require_enough(sets, learnt, tagger.min_photos)
    with stages("head, training posts"):
        fit = fit_photos(sets[TRAINING], learnt, tagger, sets[VALIDATION])
    with_text = fit
    if text_fields:
        with stages("texts, training posts"):
            space = learn_texts(taught, vectors, text_fields, stages, TRAINING)
            with_text = choose_text(fit, space, sets[TRAINING], sets[VALIDATION])
    with stages("figures"):
        _measure(held_out, with_text, sets)
        if photos.photos.taught:
            held_out.variants["habits asked"] = _figures(with_text, {**sets, TEST: photos.fold(TEST)})
        if text_fields:
            held_out.variants["photo alone"] = _figures(fit, sets)
    return held_out


def learn_texts(
    corpus: Corpus, config: VectorConfig, fields: tuple[str, ...], stages: Stages, *folds: str
) -> TextSpace:
    """Learn a text space from `fields` of the posts of `folds`, or of all posts if none is given."""
    kept = np.isin(corpus.post_folds, folds) if folds else np.ones(corpus.posts, np.bool_)
    texts = corpus.post_texts or [{}] * corpus.posts
    hashtags = np.split(corpus.hashtags, corpus.offsets[1:-1])
    posts = [TextPost(hashtags[row], texts[row]) for row in np.flatnonzero(kept).tolist()]
    return learn_text_space(posts, fields, config, stages.progress)


def _measure(held_out: HeldOut, fit: TaggerFit, sets: dict[str, PhotoSet]) -> None:
    """Choose thresholds on validation photos; measure tagger, popularity and the report's rule on test photos."""
    logits, truth = judged(fit, sets[TEST])
    held_out.tagger, held_out.thresholds = fit, thresholds_on(fit, sets[VALIDATION])
    held_out.judged_photos = len(truth)
    held_out.figures = measure(logits, truth, held_out.thresholds)
    validation_logits, chosen_on = judged(fit, sets[VALIDATION])
    held_out.evidence = ValidationScores.of(fit.ids, validation_logits, chosen_on)
    held_out.promises = check_precisions(held_out.evidence, fit.ids, logits, truth)
    prior = fit.priors[None]
    thresholds = choose_thresholds(np.repeat(prior, len(chosen_on), 0), chosen_on)
    held_out.popularity = measure(np.repeat(prior, len(truth), 0), truth, thresholds)
    kept = judged_photos(sets[TEST], fit.ids)
    if kept.ids is not None:
        held_out.judged = HeldOutResults.of(kept.ids, logits, truth, held_out.thresholds.f2)
    cosines = fit.cosines(kept.features, fit.texts(kept))
    held_out.variants["report's rule"] = measure(cosines, truth_of(kept, fit.ids), REPORTS_RULE)


def _figures(fit: TaggerFit, sets: dict[str, PhotoSet]) -> Figures:
    """Measure a fit on test photos, its thresholds chosen on validation photos."""
    return measure(*judged(fit, sets[TEST]), thresholds_on(fit, sets[VALIDATION]))


def _require_enough(sets: dict[str, PhotoSet], vectors: HashtagVectors, min_photos: int) -> None:
    require_photos({fold: len(chosen.hashtags) for fold, chosen in sets.items()}, "with hashtags")
    ids, _ = assignable(sets[TRAINING], vectors, min_photos)
    require_photos(
        {fold: len(judged_photos(chosen, ids).hashtags) for fold, chosen in sets.items()},
        f"with one of the {counted(len(ids), 'hashtag')} on {counted(min_photos, 'training photo')}",
    )


def require_photos(found: dict[str, int], what: str) -> None:
    """Raise `ArchiveError` if a fold has fewer photos than `LEAST_PHOTOS`; `found` maps folds to photos."""
    if any(found[fold] < least for fold, least in LEAST_PHOTOS.items()):
        have = ", ".join(f"{count} in {fold}" for fold, count in found.items())
        need = ", ".join(str(least) for least in LEAST_PHOTOS.values())
        raise ArchiveError(
            f"too few photos {what}: {have}; at least {need} are needed: import more posts with photos"
        )
