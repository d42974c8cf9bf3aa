"""A plug-in of pytest that moves the seeds of whatever is learnt, as if another machine had rounded otherwise.

`HASHTAG_SEED=7 python -m pytest -p tests.support.other_seed`: within the process of the tests. A test that fails
relies on a result that came out right by chance.
"""

import os
from typing import Any

import torch
from gensim.models import Word2Vec

_MOVED = int(os.environ.get("HASHTAG_SEED", "1"))
_word2vec, _manual_seed = Word2Vec.__init__, torch.manual_seed


def _moved_word2vec(model: Any, *given: Any, seed: int = 1, **named: Any) -> None:
    _word2vec(model, *given, seed=seed + _MOVED, **named)


def _moved_seed(seed: int) -> torch.Generator:
    return _manual_seed(seed + _MOVED)


def pytest_configure() -> None:
    """Move the seeds of skip-gram and torch, for everything in this process alike."""
    Word2Vec.__init__ = _moved_word2vec
    torch.manual_seed = _moved_seed
