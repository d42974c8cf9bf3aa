"""Heads as torch networks. Only code that trains or exports imports this file."""

import torch
from torch import Tensor, nn

from hashtag_archive.encoder.training.landmark_head import LandmarkHead


class Head(nn.Module):
    """Features (n, f) → unit embedding (n, d).

    Batch norm, linear, batch norm, leaky ReLU, dropout, linear, unit length. The last layer is linear because a
    leaky ReLU would keep embeddings almost entirely in the positive orthant.
    """

    def __init__(self, features: int, hidden: int, size: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(features),
            nn.Linear(features, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.LeakyReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, size),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings, each of unit length."""
        return nn.functional.normalize(self.layers(features), dim=1)


class LogitRule(nn.Module):
    """The logit of a hashtag on a photo, s · cos + b_h. The logarithm of `s` is trained, so `s` stays positive."""

    def __init__(self, vectors: Tensor, prior_logits: Tensor, scale: float) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors)
        self.vectors: Tensor
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.biases = nn.Parameter(prior_logits.clone())

    def fix_at_cosine(self) -> None:
        """Use the report's rule: scale 1, biases 0, neither of which is trained."""
        for parameter in (self.log_scale, self.biases):
            nn.init.zeros_(parameter).requires_grad_(False)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return logits (n, V) for embeddings (n, d)."""
        return self.log_scale.exp() * (embeddings @ self.vectors.T) + self.biases


class LandmarkModule(nn.Module):
    """A closed-form head (`encoder/training/landmark_head.py`) as a torch network, to export it."""

    def __init__(self, head: LandmarkHead) -> None:
        super().__init__()
        for name in ("centre", "projection", "landmarks", "fold"):
            self.register_buffer(name, torch.from_numpy(getattr(head, name)))
        self.centre: Tensor
        self.projection: Tensor
        self.landmarks: Tensor
        self.fold: Tensor
        self.rate, self.doubt = head.rate, head.doubt

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings, each of unit length."""
        rooted = nn.functional.normalize(features.sign() * features.abs().sqrt(), dim=1)
        points = (rooted - self.centre) @ self.projection
        squared = points.square().sum(1, keepdim=True) + self.landmarks.square().sum(1)
        distances = (squared - 2 * points @ self.landmarks.T).clamp(min=0)
        raw = torch.exp(-self.rate * distances) @ self.fold
        doubt = torch.full_like(raw[:, :1], self.doubt)
        return nn.functional.normalize(torch.cat([raw, doubt, torch.zeros_like(doubt)], dim=1), dim=1)
