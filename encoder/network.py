"""Torch networks. Only what trains or exports imports this file."""

import torch
from torch import Tensor, nn


class Head(nn.Module):
    """Features (n, f) → unit embedding (n, d).

    Batch norm, linear, batch norm, leaky ReLU, dropout, linear, unit length. The last layer is linear: a leaky
    ReLU there keeps embeddings almost in the positive orthant.
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
    """The logit of a hashtag on a photo, s · cos + b_h, with `s` kept positive through its logarithm."""

    def __init__(self, vectors: Tensor, prior_logits: Tensor, scale: float) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors)
        self.vectors: Tensor
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.biases = nn.Parameter(prior_logits.clone())

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return logits (n, V) for embeddings (n, d)."""
        return self.log_scale.exp() * (embeddings @ self.vectors.T) + self.biases
