"""Fit a head on stored features, jointly with the scale and the biases of the logits.

The loss is the report's pair (KLDiv against y/k, binary cross-entropy) on the logits that the index will give.
All input is arrays, so training needs no database.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashtag_archive.encoder.training.network import Head, LogitRule

Floats = NDArray[np.float32]
HashtagRows = Sequence[NDArray[np.int64]]
_BLOCK_VALUES = 4_000_000  # per block; a CNN's first layer has three times as many floats as pixel values


@dataclass(frozen=True)
class TrainConfig:
    """How a head is fitted. The report's Table 4 has learning rate 1e-5, batch 128 and 50 epochs."""

    size: int = 40  # dimensions of the embedding and of the hashtag vectors
    hidden: int = 512
    dropout: float = 0.5
    learning_rate: float = 1e-3  # 1e-5 hardly moves the head
    weight_decay: float = 1e-4
    batch_size: int | None = None  # None: 64, and 32 below 500 photos
    epochs: int = 40  # at most; with validation, training may stop earlier
    patience: int = 5
    loss: Literal["scaled", "report"] = "scaled"
    rule: Literal["logit", "cosine"] = "logit"  # train calibrated logits, or the report's cosines
    seed: int = 0

    def batch_for(self, photos: int) -> int:
        """Return the batch size for a number of photos."""
        return self.batch_size or (64 if photos >= 500 else 32)

    def scale_for(self, photos: int) -> float:
        """Return the cosine's initial scale for a number of photos."""
        return 10.0 if photos >= 500 else 5.0


@dataclass
class TrainingSet:
    """Photos with at least one hashtag each: features float32 (n, f), and the columns of each photo's hashtags."""

    features: Floats
    hashtags: HashtagRows


@dataclass
class PictureSet:
    """A training set for a network that takes pixels: `features` are uint8 pixels (n, 3, h, w)."""

    features: NDArray[np.uint8]
    hashtags: HashtagRows


@dataclass
class HeadFit:
    """A fitted head with the scale and biases (V,) that were fitted with it; `losses` has one row per epoch."""

    head: Head
    scale: float
    biases: Floats
    epochs: int
    losses: list[dict[str, float]] = field(default_factory=list)


def train_head(
    training: TrainingSet,
    vectors: Floats,
    prior_logits: Floats,
    config: TrainConfig,
    validation: TrainingSet | None = None,
) -> HeadFit:
    """Fit a head so that s · cos(embedding, vector) + b_h is the logit of each hashtag on each photo.

    `vectors` (V, d) have unit length and are not trained; `prior_logits` (V,) initialise the biases. With
    `config.rule` "cosine", the report's cosines are trained, with scale fixed at 1 and biases at 0.
    """
    with one_thread(config.seed):
        head = Head(training.features.shape[1], config.hidden, vectors.shape[1], config.dropout)
        rule = LogitRule(
            torch.from_numpy(vectors),
            torch.from_numpy(prior_logits),
            config.scale_for(len(training.features)),
        )
        if config.rule == "cosine":
            rule.fix_at_cosine()
        epochs, losses = fit_network(nn.Sequential(head, rule), training, config, validation)
    return HeadFit(head, rule.log_scale.exp().item(), rule.biases.detach().numpy().copy(), epochs, losses)


def train_linear(
    training: TrainingSet, prior_logits: Floats, config: TrainConfig, validation: TrainingSet | None = None
) -> tuple[nn.Linear, int]:
    """Fit one linear output per hashtag, starting from zero weights and the prior logits.

    Returns the layer and the epoch whose weights it has.
    """
    with one_thread(config.seed):
        linear = nn.Linear(training.features.shape[1], len(prior_logits))
        nn.init.zeros_(linear.weight)
        linear.bias.data = torch.from_numpy(prior_logits.copy())
        best, _ = fit_network(linear, training, config, validation)
    return linear, best


def fit_network(
    network: nn.Module,
    training: TrainingSet | PictureSet,
    config: TrainConfig,
    validation: TrainingSet | PictureSet | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, list[dict[str, float]]]:
    """Fit a network that gives logits (n, V); return the epoch whose weights it ends with, and losses per epoch.

    With `validation`, that is the epoch of the lowest validation loss, and training stops after `config.patience`
    epochs without a lower one. Without it, all `config.epochs` are run. `progress` is called after each epoch with
    the epochs done and their total.
    """
    photos = len(training.features)
    optimizer = torch.optim.AdamW(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
    )
    shuffle = np.random.default_rng(config.seed)
    best, best_loss, best_epoch, losses = _state(network), float("inf"), config.epochs, []
    for epoch in range(1, config.epochs + 1):
        network.train()
        total = 0.0
        for rows in batches(photos, config.batch_for(photos), shuffle):
            loss = _loss(network, training, rows, config)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append({"epoch": float(epoch), "training": total / photos})
        if progress:
            progress(epoch, config.epochs)
        if validation is None:
            continue
        losses[-1]["validation"] = current = _mean_loss(network, validation, config)
        if current < best_loss:
            best, best_loss, best_epoch = _state(network), current, epoch
        elif epoch - best_epoch >= config.patience:
            break
    if validation is not None:
        network.load_state_dict(best)
    network.eval()
    return best_epoch, losses


@contextmanager
def one_thread(seed: int) -> Iterator[None]:
    """Use one thread and seed torch's random generator.

    With several threads, the same seed gives different heads, and small batches are not faster.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def embed(head: Head, features: Floats) -> Floats:
    """Return the unit embeddings float32 (n, d) of features (n, f); the head is put into evaluation mode."""
    head.eval()
    with torch.no_grad():
        parts = [
            head(torch.from_numpy(features[i : i + 4096])).numpy() for i in range(0, len(features), 4096)
        ]
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


def _loss(
    network: nn.Module, data: TrainingSet | PictureSet, rows: NDArray[np.int64], config: TrainConfig
) -> Tensor:
    logits: Tensor = network(torch.from_numpy(data.features[rows]))
    return multilabel_loss(logits, targets_for(logits, [data.hashtags[row] for row in rows]), config.loss)


def targets_for(logits: Tensor, hashtags: HashtagRows) -> Tensor:
    """Return targets with the shape (n, V) and device of `logits`: 1 for each hashtag that a photo has, else 0."""
    targets = torch.zeros_like(logits)
    for row, columns in enumerate(hashtags):
        targets[row, torch.from_numpy(columns)] = 1.0
    return targets


def multilabel_loss(logits: Tensor, targets: Tensor, loss: Literal["scaled", "report"]) -> Tensor:
    """Return KLDiv of log-softmax(logits) against y/k, plus a weighted binary cross-entropy over all cells.

    "report": 0.1 · BCE, averaged over cells. "scaled": 0.3 · BCE times V over the mean number of hashtags per
    photo, so that the weight does not shrink as V grows. Every row of `targets` (n, V) must have a 1, because y/k
    of a photo without hashtags is not a number.
    """
    per_photo = targets.sum(1, keepdim=True)
    divergence = nn.functional.kl_div(
        nn.functional.log_softmax(logits, dim=1), targets / per_photo, reduction="batchmean"
    )
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, targets)
    if loss == "report":
        return divergence + 0.1 * entropy
    return divergence + 0.3 * entropy * (targets.shape[1] / per_photo.mean())


def _mean_loss(network: nn.Module, data: TrainingSet | PictureSet, config: TrainConfig) -> float:
    network.eval()
    total = 0.0
    with torch.no_grad():
        for rows in blocks(np.arange(len(data.features)), data.features[:1].size):
            total += _loss(network, data, rows, config).item() * len(rows)
    return total / len(data.features)


def blocks(rows: NDArray[np.int64], values: int) -> Iterator[NDArray[np.int64]]:
    """Yield rows in blocks that fit into memory: 1024, or fewer if `values`, the numbers per row, are many."""
    step = max(1, min(1024, _BLOCK_VALUES // max(1, values)))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def batches(photos: int, size: int, shuffle: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield shuffled rows in batches of `size`; a last batch of one joins the previous: batch norm needs two."""
    order = shuffle.permutation(photos)
    starts = list(range(0, photos, size))
    if len(starts) > 1 and photos - starts[-1] == 1:
        starts.pop()
    for start, end in zip(starts, [*starts[1:], photos], strict=True):
        yield order[start:end]


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}
