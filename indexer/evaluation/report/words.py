"""What the report says in prose of what was measured."""

from hashtag_archive.indexer.evaluation.compare import F2_NOTE
from hashtag_archive.indexer.evaluation.report.gather import Gathered
from hashtag_archive.indexer.learning.folds import TEST
from hashtag_archive.indexer.learning.metrics import Figures

TILES = {
    "p_at_1": "The most probable hashtag is right (P@1)",
    "r_at_5": "Found among five guesses (R@5)",
    "f2": "F2",
    "map": "Mean average precision",
    "ece": "Calibration error (ECE)",
}
READING = {
    "Held out": "Every figure of the test rows, and every photo above, is by a fit that has not seen its post.",
    "P@1, R@5": "How often the most probable hashtag is one of the photo’s; the share of a photo’s hashtags that"
    " are among its five most probable.",
    "F1, F2": f"Precision and recall in one number, over all (photo, hashtag) pairs. {F2_NOTE}.",
    "mAP": "Average precision of each hashtag’s ranking of the photos, the mean over the hashtags that occur.",
    "ECE": "Expected calibration error: how far probabilities are from the share that was true, over each photo’s"
    " ten best hashtags. Zero is perfect.",
    "Popularity": "The ranking that looks at no photo. What is not clearly above it has learnt little.",
}


def settings(gathered: Gathered) -> str:
    """By what the figures were made."""
    model = f"with the settings of model {gathered.model}" if gathered.model else "with the default settings"
    return f"{model}, on the features of {gathered.comparison.backbone}; seed {gathered.config.seed}."


def summary(gathered: Gathered, product: Figures, popularity: Figures) -> str:
    """The page in two clauses."""
    photos, hashtags = gathered.comparison.photos[TEST], gathered.comparison.hashtags
    return (
        f"On {photos:,} test photos, whose posts taught nothing, the most probable of {hashtags:,} hashtags is one"
        f" of the photo’s {product.p_at_1:.0%} of the time; naming the most popular hashtag without a look at the"
        f" photo is right {popularity.p_at_1:.0%} of the time."
    )


def tiles(product: Figures, popularity: Figures) -> list[dict[str, str]]:
    """The figures that stand first, each beside popularity's."""
    return [
        {
            "name": name,
            "value": f"{getattr(product, key):.3f}",
            "popularity": f"{getattr(popularity, key):.3f}",
        }
        for key, name in TILES.items()
    ]


def learning_notes(gathered: Gathered) -> list[str]:
    """Why some curves are as they are, or are not there."""
    notes = []
    if gathered.config.tagger.head == "landmarks":
        notes.append(
            "This product’s head is fitted over landmark photos, mostly in closed form; its curves run over the"
            " number of training photos instead of epochs. Hashtag vectors, which come first, do learn in epochs."
        )
    if gathered.vectors is None:
        notes.append(
            "No validation post has two hashtags that training posts have too: the hashtag vectors could not be"
            " asked."
        )
    return notes


def photos_note(gathered: Gathered) -> str:
    """How the shown photos were chosen, and what the marks mean."""
    photos = gathered.photos
    return (
        f"{len(photos.drawn) + len(photos.worst)} of {photos.of:,} test photos with this product’s five most"
        " probable hashtags. ✓ marks hits; † a hashtag on fewer than"
        f" {gathered.config.tagger.min_photos} training photos, which cannot be assigned. On {photos.failed:,} test"
        " photos the most probable hashtag is wrong: the most confident of these are the worst failures; the others"
        " are drawn from all the rest."
    )
