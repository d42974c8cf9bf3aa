"""The report's prose about its figures."""

from hashtag_archive.indexer.evaluation.report.gather import Gathered
from hashtag_archive.indexer.learning.folds import TEST
from hashtag_archive.indexer.learning.metrics import F2_NOTE, Figures
from hashtag_archive.indexer.wording import counted

TILES = {
    "p_at_1": "Most probable hashtag is true (P@1)",
    "r_at_5": "Found among five guesses (R@5)",
    "f2": "F2",
    "map": "Mean average precision",
    "ece": "Calibration error (ECE)",
}
READING = {
    "Held out": "Every test figure, and every photo above, comes from a fit on other posts.",
    "P@1, R@5": "How often the most probable hashtag is true; the share of a photo’s hashtags that are among its"
    " five most probable.",
    "F1, F2": f"Precision and recall in one number, over all (photo, hashtag) pairs. {F2_NOTE}.",
    "mAP": "Average precision of each hashtag’s ranking of the photos, averaged over the hashtags that occur.",
    "ECE": "Expected calibration error: the mean difference between probabilities and the share that is true, over"
    " each photo’s ten best hashtags. Zero is perfect.",
    "Popularity": "Hashtags ranked by frequency, the same for every photo. A system that is not clearly better has"
    " learnt little.",
}


def settings(gathered: Gathered) -> str:
    """Return the model, backbone and seed behind the figures."""
    model = f"with the settings of model {gathered.model}" if gathered.model else "with the default settings"
    return f"{model}, on the features of {gathered.comparison.backbone}; seed {gathered.config.seed}."


def summary(gathered: Gathered, product: Figures, popularity: Figures) -> str:
    """Return the summary of the page in one sentence."""
    photos, hashtags = gathered.comparison.photos[TEST], gathered.comparison.hashtags
    return (
        f"On {counted(photos, 'held-out test photo')}, the most probable of {counted(hashtags, 'hashtag')} is true"
        f" of the photo {product.p_at_1:.0%} of the time. The most popular hashtag is true"
        f" {popularity.p_at_1:.0%} of the time."
    )


def tiles(product: Figures, popularity: Figures) -> list[dict[str, str]]:
    """Return the main figures, each with that of popularity."""
    return [
        {
            "name": name,
            "value": f"{getattr(product, key):.3f}",
            "popularity": f"{getattr(popularity, key):.3f}",
        }
        for key, name in TILES.items()
    ]


def learning_notes(gathered: Gathered) -> list[str]:
    """Return notes about the curves, and about missing ones."""
    notes = []
    if gathered.config.tagger.head == "landmarks":
        notes.append(
            "This product’s head is fitted on landmark photos, mostly in closed form, so its curves are over the"
            " number of training photos instead of epochs. Only hashtag vectors are trained in epochs."
        )
    if gathered.vectors is None:
        notes.append(
            "No validation post has two hashtags that training posts have too: the hashtag vectors could not be"
            " asked."
        )
    return notes


def photos_note(gathered: Gathered) -> str:
    """Return how the photos were chosen, and the meaning of the marks."""
    photos = gathered.photos
    return (
        f"{len(photos.drawn) + len(photos.worst)} of {photos.of:,} test photos with this product’s five most"
        " probable hashtags. ✓ marks true ones; † marks hashtags on fewer than"
        f" {gathered.config.tagger.min_photos} training photos, which cannot be assigned. On {photos.failed:,} test"
        " photos the most probable hashtag is wrong. The worst failures are the most probable of these; the other"
        " photos are drawn at random."
    )
