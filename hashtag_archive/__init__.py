"""Tag a photo archive in its own vocabulary of hashtags.

These names are the public face; docs/library.md describes them, and nothing else is promised. They are looked up
when they are first used, so that asking for help loads no FAISS, nor tagging torch.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# onnxruntime reports its use to its maker, and keeps an identifier in the home folder, unless this is set before it
# is loaded. This package is imported before any part of it can load onnxruntime.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive, open_archive
    from hashtag_archive.indexer.crawls.import_posts import import_crawls
    from hashtag_archive.indexer.curation.alias_proposals import propose_aliases
    from hashtag_archive.indexer.curation.verdict_log import (
        undo_entries,
        undo_last,
        undo_session,
        verdict_log,
    )
    from hashtag_archive.indexer.curation.verdicts import record_verdict, record_verdicts, undo_verdict
    from hashtag_archive.indexer.curation.vocabulary import (
        alias_hashtag,
        block_hashtags,
        group_hashtag,
        save_vocabulary,
    )
    from hashtag_archive.indexer.errors import ArchiveError, ExpressionError, ModelError
    from hashtag_archive.indexer.evaluation.sweep import SweepConfig, sweep_vectors
    from hashtag_archive.indexer.export.encoder import export_encoder
    from hashtag_archive.indexer.export.export import export_tags
    from hashtag_archive.indexer.export.untag import untag_photos
    from hashtag_archive.indexer.learning.fit_arrays import fit_tagger
    from hashtag_archive.indexer.learning.rebuild import RebuildConfig, rebuild_model
    from hashtag_archive.indexer.learning.unfreeze import unfreeze_model
    from hashtag_archive.indexer.model.cut import Cut, threshold_of
    from hashtag_archive.indexer.model.model import Model, ScoredHashtag
    from hashtag_archive.indexer.model.opening import open_model, use_model
    from hashtag_archive.indexer.photos.backbones import BackboneChoice
    from hashtag_archive.indexer.photos.choose_dtype import set_dtype
    from hashtag_archive.indexer.photos.dtype_trial import measure_dtype
    from hashtag_archive.indexer.progress import Stages
    from hashtag_archive.indexer.tagging.find import find_failed, find_photos
    from hashtag_archive.indexer.tagging.outcome import TaggedPhoto
    from hashtag_archive.indexer.tagging.query import query_photo
    from hashtag_archive.indexer.tagging.retag import retag_photos
    from hashtag_archive.indexer.tagging.show import show_photo
    from hashtag_archive.indexer.tagging.similar import similar_photos
    from hashtag_archive.indexer.tagging.tag import tag_photos
    from hashtag_archive.indexer.upkeep.backup import back_up
    from hashtag_archive.indexer.upkeep.check import check_archive
    from hashtag_archive.indexer.upkeep.forget import ForgetRequest, forget_posts, plan_forget
    from hashtag_archive.indexer.upkeep.prune import prune_models
    from hashtag_archive.indexer.upkeep.stats import archive_stats, list_models

_EXPORTS = {
    "indexer.archive": ("Archive", "open_archive"),
    "indexer.crawls.import_posts": ("import_crawls",),
    "indexer.curation.alias_proposals": ("propose_aliases",),
    "indexer.curation.verdict_log": ("undo_entries", "undo_last", "undo_session", "verdict_log"),
    "indexer.curation.verdicts": ("record_verdicts", "record_verdict", "undo_verdict"),
    "indexer.curation.vocabulary": ("alias_hashtag", "block_hashtags", "group_hashtag", "save_vocabulary"),
    "indexer.errors": ("ArchiveError", "ExpressionError", "ModelError"),
    "indexer.evaluation.sweep": ("SweepConfig", "sweep_vectors"),
    "indexer.export.encoder": ("export_encoder",),
    "indexer.export.export": ("export_tags",),
    "indexer.export.untag": ("untag_photos",),
    "indexer.learning.rebuild": ("RebuildConfig", "rebuild_model"),
    "indexer.learning.fit_arrays": ("fit_tagger",),
    "indexer.learning.unfreeze": ("unfreeze_model",),
    "indexer.model.cut": ("Cut", "threshold_of"),
    "indexer.model.model": ("Model", "ScoredHashtag"),
    "indexer.photos.backbones": ("BackboneChoice",),
    "indexer.model.opening": ("open_model", "use_model"),
    "indexer.photos.choose_dtype": ("set_dtype",),
    "indexer.photos.dtype_trial": ("measure_dtype",),
    "indexer.progress": ("Stages",),
    "indexer.tagging.find": ("find_failed", "find_photos"),
    "indexer.tagging.query": ("query_photo",),
    "indexer.tagging.retag": ("retag_photos",),
    "indexer.tagging.show": ("show_photo",),
    "indexer.tagging.similar": ("similar_photos",),
    "indexer.tagging.outcome": ("TaggedPhoto",),
    "indexer.tagging.tag": ("tag_photos",),
    "indexer.upkeep.backup": ("back_up",),
    "indexer.upkeep.check": ("check_archive",),
    "indexer.upkeep.forget": ("ForgetRequest", "forget_posts", "plan_forget"),
    "indexer.upkeep.prune": ("prune_models",),
    "indexer.upkeep.stats": ("archive_stats", "list_models"),
}

__all__ = [
    "Archive",
    "ArchiveError",
    "BackboneChoice",
    "Cut",
    "ExpressionError",
    "ForgetRequest",
    "Model",
    "ModelError",
    "RebuildConfig",
    "ScoredHashtag",
    "Stages",
    "SweepConfig",
    "TaggedPhoto",
    "alias_hashtag",
    "archive_stats",
    "back_up",
    "block_hashtags",
    "check_archive",
    "export_encoder",
    "export_tags",
    "find_failed",
    "find_photos",
    "fit_tagger",
    "forget_posts",
    "group_hashtag",
    "import_crawls",
    "list_models",
    "measure_dtype",
    "open_archive",
    "open_model",
    "plan_forget",
    "propose_aliases",
    "prune_models",
    "query_photo",
    "rebuild_model",
    "record_verdict",
    "record_verdicts",
    "retag_photos",
    "save_vocabulary",
    "set_dtype",
    "show_photo",
    "similar_photos",
    "sweep_vectors",
    "tag_photos",
    "threshold_of",
    "undo_entries",
    "undo_last",
    "undo_session",
    "undo_verdict",
    "unfreeze_model",
    "untag_photos",
    "use_model",
    "verdict_log",
]


def __getattr__(name: str) -> object:
    for module, names in _EXPORTS.items():
        if name in names:
            return getattr(import_module(f"hashtag_archive.{module}"), name)
    raise AttributeError(f"module 'hashtag_archive' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
