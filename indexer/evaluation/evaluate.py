"""Measure a model on its own held-out posts, or on the user's labelled photos."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder import PhotoError, decode_photo
from hashtag_archive.encoder.errors import NOT_FINITE
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.crawls.formats.entry import Note, Refusal
from hashtag_archive.indexer.crawls.sources import read_source, source_format
from hashtag_archive.indexer.errors import ArchiveError, ModelError
from hashtag_archive.indexer.learning.calibration import prior_logits
from hashtag_archive.indexer.learning.metrics import Figures, measure, truth_matrix
from hashtag_archive.indexer.model.logits import REPORTS_RULE
from hashtag_archive.indexer.model.model import Model, Rule
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.model.precision import PrecisionCheck, check_precisions
from hashtag_archive.indexer.model.text_space import PostText
from hashtag_archive.indexer.photos.features import Failures
from hashtag_archive.indexer.photos.files import read_file
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.wording import counted

BATCH = 8
Kept = TypeVar("Kept", Figures, PrecisionCheck)


@dataclass
class Evaluation:
    """The figures of a model on photos with known hashtags.

    `product` and `popularity` use the model's own thresholds. `failures` are skipped photos and entries.
    `learnt_from` counts photos that posts of the archive have; on these, the figures are too high.
    """

    model: int
    on: str
    photos: int
    hashtags: int
    product: Figures
    popularity: Figures
    promises: list[PrecisionCheck]
    failures: Failures
    learnt_from: int = 0


@dataclass(frozen=True)
class _Labelled:
    """A photo's path, its hashtags as columns, and the text of its post."""

    path: str
    columns: Ids
    text: PostText


def evaluate_held_out(archive: Archive, rule: Rule = "logit") -> Evaluation:
    """Return the figures that the current model's rebuild measured on test posts, with a fit on training posts.

    The model itself has learnt from all posts, so it cannot be measured on them. `cosine` gives the figures of the
    report's rule, sigmoid(cosine) >= 0.5, on the same embeddings, without the table for `--precision`, which is
    about logits. Raises `ModelError` if there is no model with a head, or it has no figures of this rule.
    """
    model = open_model(archive)
    model.require_head()
    figures = model.manifest["figures"]
    judged = figures["test"] if rule == "logit" else (figures.get("beside") or {}).get("report's rule")
    if not (judged and figures["popularity"]):
        raise ModelError(
            f"model {model.number} has no figures of this rule; `hashtag rebuild` makes a model with them"
        )
    return Evaluation(
        model.number,
        "held-out posts",
        figures["judged_photos"],
        figures["judged_hashtags"],
        _read(Figures, judged),
        _read(Figures, figures["popularity"]),
        [_read(PrecisionCheck, kept) for kept in figures["promises"]] if rule == "logit" else [],
        Failures(),
    )


def _read(kind: type[Kept], found: dict[str, Any]) -> Kept:
    """Return figures of a manifest, which may have others besides."""
    return kind(**{field.name: found[field.name] for field in fields(kind)})


def evaluate_on(
    archive: Archive, source: Path, *, format: str = "auto", rule: Rule = "logit", progress: Progress = silent
) -> Evaluation:
    """Measure the current model on the photos of a crawl that is not in the archive.

    If the model reads captions and locations, those of the crawl are used. `rule` is as in `evaluate_held_out`.
    Nothing is stored. Photos that cannot be read are skipped and named. Raises `ArchiveError` if no photo has one
    of the model's hashtags.
    """
    model = open_model(archive)
    model.require_head()
    ids = np.array(sorted(model.index.ids()), np.int64)
    failures = Failures()
    labelled = list(_labelled(archive, model, source, format, ids, failures))
    logits, truth = [], []
    for start in range(0, len(labelled), BATCH):
        batch = labelled[start : start + BATCH]
        pixels, kept = _decoded(model, batch, failures)
        if kept:
            features = model.backbone.encode(np.stack(pixels))
            logits.append(_all_logits(model, features, [entry.text for entry in kept], ids, rule))
            truth.append(truth_matrix([entry.columns for entry in kept], len(ids)))
        progress("encoding photos", min(start + BATCH, len(labelled)), len(labelled))
    if not truth:
        raise ArchiveError(
            f"{source}: no photo that can be read has one of the model's {counted(len(ids), 'hashtag')}"
        )
    evaluation = _judge(model, source, ids, np.concatenate(logits), np.concatenate(truth), failures, rule)
    evaluation.learnt_from = archive.store.photos.count_crawled([entry.path for entry in labelled])
    return evaluation


def _judge(
    model: Model,
    source: Path,
    ids: Ids,
    logits: NDArray[np.float32],
    truth: NDArray[np.bool_],
    failures: Failures,
    rule: Rule,
) -> Evaluation:
    counts = np.array([model.photos_of[id] for id in ids.tolist()], np.int64)
    prior = prior_logits(counts, model.manifest["counts"]["photos"])[None]
    return Evaluation(
        model.number,
        str(source),
        len(truth),
        len(ids),
        measure(logits, truth, model.thresholds if rule == "logit" else REPORTS_RULE),
        measure(np.repeat(prior, len(truth), 0), truth, model.thresholds),
        check_precisions(model.evidence, ids, logits, truth) if rule == "logit" else [],
        failures,
    )


def _labelled(
    archive: Archive, model: Model, source: Path, format: str, ids: Ids, failures: Failures
) -> Iterator[_Labelled]:
    """Yield each photo that has a hashtag of the model."""
    numbers, vocabulary = {text: id for id, text in model.text_of.items()}, archive.vocabulary()
    for entry in read_source(source, source_format(source, format)):
        if isinstance(entry, Note):
            continue
        if isinstance(entry, Refusal):
            failures.add(entry.where, entry.reason)
            continue
        texts = {vocabulary.target(text) for text in entry.hashtags}
        known = np.array(sorted(numbers[text] for text in texts if text in numbers), np.int64)
        columns = np.flatnonzero(np.isin(ids, known))
        if len(columns):
            fields_of_post = {"caption": entry.caption, "location": entry.location}
            text = {name: value for name, value in fields_of_post.items() if value}
            yield from (_Labelled(path, columns, text) for path in entry.photos)


def _decoded(
    model: Model, batch: list[_Labelled], failures: Failures
) -> tuple[list[NDArray[np.uint8]], list[_Labelled]]:
    pixels, kept = [], []
    for entry in batch:
        read = read_file(entry.path)
        try:
            if read.content is None:
                raise PhotoError(read.seen.error or "cannot be read")
            pixels.append(decode_photo(read.content, model.backbone.spec.framing))
            kept.append(entry)
        except PhotoError as error:
            failures.add(entry.path, str(error))
    return pixels, kept


def _all_logits(
    model: Model, features: NDArray[np.float16], texts: list[PostText], ids: Ids, rule: Rule
) -> NDArray[np.float32]:
    """Return the logits, or cosines, of every assignable hashtag, columns in the order of `ids`."""
    if not np.isfinite(features).all():
        raise ArchiveError(NOT_FINITE)
    embeddings = model.embed(features, texts)
    if rule == "cosine":
        cosines, order = model.index.cosines(embeddings)
        return cosines[:, np.argsort(order)]
    found, places = model.index.search(embeddings, len(ids))
    logits = np.empty((len(found), len(ids)), np.float32)
    np.put_along_axis(logits, np.searchsorted(ids, places), found, axis=1)
    return logits
