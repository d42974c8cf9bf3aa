"""ResNet50 with its last stage unfrozen: layer4 and a head are trained together.

The network stays frozen up to layer3, whose output is already computed (`encoder/training/layer3_maps.py`).
Training uses mixed precision on a GPU and float32 on a CPU. Every epoch has a seed of its own and ends with a
checkpoint, so that a training run that was killed and resumed ends with the same weights as one that was not
killed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashtag_archive.encoder.pretrained.pixel_backbone import PixelBackbone
from hashtag_archive.encoder.pretrained.resnet50 import FEATURES
from hashtag_archive.encoder.training.checkpoint import Checkpoint, DamagedCheckpointError
from hashtag_archive.encoder.training.layer3_maps import Machine, Maps, deterministic
from hashtag_archive.encoder.training.network import Head, LogitRule
from hashtag_archive.encoder.training.train import Floats, HashtagRows, batches, multilabel_loss, targets_for


@dataclass(frozen=True)
class UnfreezeConfig:
    """How layer4 and its head are trained. The head is then discarded, because a rebuild fits its own."""

    epochs: int = 5  # at most
    patience: int = 2
    batch_size: int = 32
    layer_rate: float = 1e-4  # low, because the pretrained weights are better than what a few photos can give
    head_rate: float = 1e-3
    weight_decay: float = 1e-4
    hidden: int = 512
    dropout: float = 0.5
    scale: float = 10.0
    seed: int = 0


@dataclass
class MapSet:
    """Photos with at least one hashtag each: layer3's output (n, 1024, h, w), and the columns of their hashtags."""

    maps: Maps
    hashtags: HashtagRows


@dataclass
class TrainingData:
    """The photos that layer4 is trained on, and their hashtags' `vectors` (V, d), unit, which are not trained.

    `prior_logits` (V,) initialise the biases. `validation` photos only choose the epoch.
    """

    training: MapSet
    validation: MapSet
    vectors: Floats
    prior_logits: Floats


@dataclass
class Unfrozen:
    """The outcome of a training run: the epoch whose layer4 is kept, and losses per epoch.

    `resumed` is the epoch after which the run was resumed, 0 if it started from the beginning. `damaged` is what
    was wrong with the checkpoint, if anything was.
    """

    epoch: int
    losses: list[dict[str, float]]
    resumed: int = 0
    damaged: str | None = None


def train_layer4(
    backbone: PixelBackbone,
    data: TrainingData,
    config: UnfreezeConfig,
    checkpoint: Checkpoint,
    advance: Callable[[int, int], None] = lambda done, total: None,
    machine: Machine | None = None,
) -> Unfrozen:
    """Train layer4 of `backbone` in place, with a head into the space of the hashtag vectors.

    The epoch with the lowest loss on validation photos is kept. After each epoch the state is saved to
    `checkpoint`; if there is a checkpoint already, training is resumed from it. `advance` is called with the
    number of batches done and their total.
    """
    machine = machine or Machine.here()
    with torch.random.fork_rng(devices=[]), deterministic():
        torch.manual_seed(config.seed)
        run = _Run(backbone, data, config, machine)
        outcome = run.resume(checkpoint)
        total = config.epochs * -(-len(data.training.maps) // config.batch_size)
        while run.epoch < config.epochs and run.epoch - run.best_epoch < config.patience:
            run.train(data.training, advance, total)
            run.validate(data.validation)
            checkpoint.save(run.state())
        run.layer4.load_state_dict(run.best)
    backbone.cpu().requires_grad_(False)
    outcome.epoch, outcome.losses = run.best_epoch, run.losses
    return outcome


class _Run:
    """The current state of a training run, which a checkpoint stores."""

    def __init__(
        self, backbone: PixelBackbone, data: TrainingData, config: UnfreezeConfig, machine: Machine
    ) -> None:
        backbone.requires_grad_(False).eval().to(machine.device)
        layer4 = backbone.network.layer4
        assert isinstance(layer4, nn.Module)
        # It stays in evaluation mode, so that the statistics of its batch norms are frozen: those of a few dozen
        # photos are noise, and tagging, which encodes single photos, can only use stored statistics.
        self.layer4 = layer4.requires_grad_(True)
        vectors, priors = torch.from_numpy(data.vectors), torch.from_numpy(data.prior_logits)
        head = Head(FEATURES, config.hidden, vectors.shape[1], config.dropout)
        rule = LogitRule(vectors, priors, config.scale)
        self.head = nn.Sequential(head, rule).to(machine.device)
        self.config, self.machine = config, machine
        self.optimizer = torch.optim.AdamW(
            [
                {"params": self.layer4.parameters(), "lr": config.layer_rate},
                {"params": self.head.parameters(), "lr": config.head_rate},
            ],
            weight_decay=config.weight_decay,
        )
        self.scaler = torch.amp.GradScaler(machine.device, enabled=machine.mixed == torch.float16)
        self.epoch = self.best_epoch = 0
        self.best_loss = float("inf")
        self.best = self._weights()
        self.losses: list[dict[str, float]] = []

    def train(self, data: MapSet, advance: Callable[[int, int], None], total: int) -> None:
        """Run one epoch with a seed of its own, so that no generator's state needs to be stored."""
        self.epoch += 1
        draw = np.random.default_rng([self.config.seed, self.epoch])
        torch.manual_seed(int(draw.integers(2**31)))
        self.head.train()
        summed = 0.0
        done = (self.epoch - 1) * (total // self.config.epochs)
        for step, rows in enumerate(batches(len(data.maps), self.config.batch_size, draw), 1):
            loss = self._loss(data, rows)
            self.optimizer.zero_grad()
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            self.scaler.step(self.optimizer)
            self.scaler.update()
            summed += loss.item() * len(rows)
            advance(done + step, total)
        self.losses.append({"epoch": float(self.epoch), "training": summed / len(data.maps)})

    def validate(self, data: MapSet) -> None:
        """Measure the epoch's loss on validation photos, and keep its weights if they are the best so far."""
        self.head.eval()
        summed = 0.0
        with torch.no_grad():
            for start in range(0, len(data.maps), self.config.batch_size):
                rows = np.arange(start, min(start + self.config.batch_size, len(data.maps)))
                summed += self._loss(data, rows).item() * len(rows)
        self.losses[-1]["validation"] = current = summed / len(data.maps)
        if current < self.best_loss:
            self.best, self.best_loss, self.best_epoch = self._weights(), current, self.epoch

    def state(self) -> dict[str, Any]:
        """Return everything that the next epoch depends on, and the best weights so far."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            **{name: getattr(self, name).state_dict() for name in _STATEFUL},
        }

    def resume(self, checkpoint: Checkpoint) -> Unfrozen:
        """Load the state of a checkpoint if there is one; report in the outcome if it is damaged."""
        try:
            state = checkpoint.load(self.machine.device)
        except DamagedCheckpointError as error:
            return Unfrozen(0, [], damaged=str(error))
        if state:
            for name in _STATEFUL:
                getattr(self, name).load_state_dict(state[name])
            for name in _PLAIN:
                setattr(self, name, state[name])
        return Unfrozen(0, [], resumed=self.epoch)

    def _loss(self, data: MapSet, rows: NDArray[np.int64]) -> Tensor:
        maps = torch.from_numpy(np.array(data.maps[rows])).to(self.machine.device).float()
        with self.machine.autocast():
            features = self.layer4(maps).mean((2, 3))
        logits: Tensor = self.head(features.float())
        return multilabel_loss(logits, targets_for(logits, [data.hashtags[row] for row in rows]), "scaled")

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.layer4.state_dict().items()}


_PLAIN = ("epoch", "best_epoch", "best_loss", "losses", "best")
_STATEFUL = ("layer4", "head", "optimizer", "scaler")
