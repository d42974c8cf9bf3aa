"""ResNet50 with its last stage unfrozen: layer4 and a head are trained together.

Up to layer3 the network stays frozen, so what it gives is computed once a photo and kept in a file, float16. On a
GPU training is in mixed precision, on a CPU in float32. Every epoch ends with a checkpoint, and draws from a
seed of its own, so that a killed training that goes on has the same weights in the end as one that was not killed.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from encoder.checkpoint import DamagedCheckpointError, load_checkpoint, save_checkpoint
from encoder.network import Head, LogitRule
from encoder.resnet50 import FEATURES, PixelBackbone
from encoder.train import Floats, HashtagRows, batches, multilabel_loss, targets_for

Maps = NDArray[np.float16]


@dataclass(frozen=True)
class UnfreezeConfig:
    """How layer4 and its head are trained. The head is left behind afterwards: a rebuild fits its own."""

    epochs: int = 5  # at the most
    patience: int = 2
    batch_size: int = 32
    layer_rate: float = 1e-4  # what it knows already is worth more than what a few photos say
    head_rate: float = 1e-3
    weight_decay: float = 1e-4
    hidden: int = 512
    dropout: float = 0.5
    scale: float = 10.0
    seed: int = 0


@dataclass
class MapSet:
    """Photos with at least one hashtag: what layer3 gives (n, 1024, h, w), and each one's hashtags' columns."""

    maps: Maps
    hashtags: HashtagRows


@dataclass
class Unfrozen:
    """A training's outcome: the epoch whose layer4 is kept, losses by epoch, and what was wrong with a checkpoint.

    `resumed` is the epoch after which it went on, 0 where it began anew.
    """

    epoch: int
    losses: list[dict[str, float]]
    resumed: int = 0
    damaged: str | None = None


@dataclass(frozen=True)
class Machine:
    """Where training runs, and the type that convolutions are computed in where that is not float32."""

    device: str = "cpu"
    mixed: torch.dtype | None = None

    @classmethod
    def here(cls) -> "Machine":
        """A GPU where there is one: bfloat16 where it has that, float16 with a scaled loss where not."""
        if not torch.cuda.is_available():
            return cls()
        return cls("cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)

    def autocast(self) -> torch.autocast:
        """What convolutions are computed in."""
        return torch.autocast(self.device, self.mixed, enabled=self.mixed is not None)


def write_maps(
    backbone: PixelBackbone, pixels: Iterable[NDArray[np.uint8]], file: Path, machine: Machine | None = None
) -> Maps:
    """Write what layer3 gives for batches of pixels (k, 3, side, side); return it all, float16 (n, 1024, h, w).

    The array is mapped from `file`, which is the caller's to remove. Raises `OSError` where the disk is full.
    """
    machine = machine or Machine.here()
    backbone.eval().to(machine.device)
    count, shape = 0, torch.Size((1024, 1, 1))
    # written, not mapped: a mapped file that outgrows the disk ends the process
    with file.open("wb") as out, torch.no_grad(), _same_every_time():
        for batch in pixels:
            with machine.autocast():
                maps = _up_to_layer3(backbone, torch.from_numpy(batch).to(machine.device))
            out.write(maps.half().cpu().numpy().tobytes())
            count, shape = count + len(batch), maps.shape[1:]
    if not count:
        return np.zeros((0, *shape), np.float16)
    return np.memmap(file, np.float16, "r", shape=(count, *shape))


def train_layer4(
    backbone: PixelBackbone,
    training: MapSet,
    validation: MapSet,
    vectors: Floats,
    prior_logits: Floats,
    config: UnfreezeConfig,
    checkpoint: Path,
    key: str,
    tell: Callable[[int, int], None] = lambda done, total: None,
    machine: Machine | None = None,
) -> Unfrozen:
    """Train layer4 of `backbone` in place, with a head into the space of `vectors` (V, d, unit).

    The epoch of the lowest loss on `validation` is kept. After each epoch the state goes to `checkpoint`; one
    with the same `key` is gone on from. `tell` is called with batches done and in all.
    """
    machine = machine or Machine.here()
    with torch.random.fork_rng(devices=[]), _same_every_time():
        torch.manual_seed(config.seed)
        run = _Run(backbone, vectors, prior_logits, config, machine)
        outcome = run.go_on_from(checkpoint, key)
        total = config.epochs * -(-len(training.maps) // config.batch_size)
        while run.epoch < config.epochs and run.epoch - run.best_epoch < config.patience:
            run.train(training, tell, total)
            run.judge(validation)
            save_checkpoint(checkpoint, run.state(key))
        run.layer4.load_state_dict(run.best)
    backbone.cpu().requires_grad_(False)
    outcome.epoch, outcome.losses = run.best_epoch, run.losses
    return outcome


class _Run:
    """A training as it stands: what a checkpoint holds."""

    def __init__(
        self,
        backbone: PixelBackbone,
        vectors: Floats,
        prior_logits: Floats,
        config: UnfreezeConfig,
        machine: Machine,
    ) -> None:
        backbone.requires_grad_(False).eval().to(machine.device)
        layer4 = backbone.network.layer4
        assert isinstance(layer4, nn.Module)
        # It stays in eval mode: the statistics of its batch norms are frozen. Those of a few dozen photos are
        # noise, and tagging, which looks at photos one by one, has only stored statistics to go by.
        self.layer4 = layer4.requires_grad_(True)
        head = Head(FEATURES, config.hidden, vectors.shape[1], config.dropout)
        rule = LogitRule(torch.from_numpy(vectors), torch.from_numpy(prior_logits), config.scale)
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

    def train(self, data: MapSet, tell: Callable[[int, int], None], total: int) -> None:
        """Run one epoch, which draws from a seed of its own: no generator's state need be kept."""
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
            tell(done + step, total)
        self.losses.append({"epoch": float(self.epoch), "training": summed / len(data.maps)})

    def judge(self, data: MapSet) -> None:
        """Measure the epoch on photos that it has not learnt from, and keep it where it is the best so far."""
        self.head.eval()
        summed = 0.0
        with torch.no_grad():
            for start in range(0, len(data.maps), self.config.batch_size):
                rows = np.arange(start, min(start + self.config.batch_size, len(data.maps)))
                summed += self._loss(data, rows).item() * len(rows)
        self.losses[-1]["validation"] = current = summed / len(data.maps)
        if current < self.best_loss:
            self.best, self.best_loss, self.best_epoch = self._weights(), current, self.epoch

    def state(self, key: str) -> dict[str, Any]:
        """Everything that the next epoch depends on, and what has been chosen so far."""
        return {
            "key": key,
            **{name: getattr(self, name) for name in _PLAIN},
            **{name: getattr(self, name).state_dict() for name in _STATEFUL},
        }

    def go_on_from(self, checkpoint: Path, key: str) -> Unfrozen:
        """Take over the state of a checkpoint that has this key; say where it is damaged."""
        try:
            state = load_checkpoint(checkpoint, self.machine.device)
        except DamagedCheckpointError as error:
            return Unfrozen(0, [], damaged=str(error))
        if state is not None and state.get("key") == key:
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


def _up_to_layer3(backbone: PixelBackbone, pixels: Tensor) -> Tensor:
    network = backbone.network
    maps: Tensor = (pixels.float() - backbone.mean) * backbone.inverse_std
    for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3"):
        maps = getattr(network, name)(maps)
    return maps


@contextmanager
def _same_every_time() -> Iterator[None]:
    """On a GPU, only those ways of convolving that give the same numbers every time."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        yield
