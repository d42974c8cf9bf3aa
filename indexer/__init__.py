"""Photos, vectors and rows at once: the functions behind every command.

Names are looked up when they are first used, so that asking for help does not load FAISS, nor tagging torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.alias_proposals import AliasProposal, propose_aliases
    from indexer.archive import Archive, open_archive
    from indexer.backbones import BackboneChoice
    from indexer.compare import CompareConfig, Comparison, compare_systems
    from indexer.crawl_import import ImportTotals, import_crawls
    from indexer.crawl_preview import ImportPreview, preview_crawls
    from indexer.cut import Cut, cut_for_precision, threshold_of
    from indexer.encoder_export import EncoderExport, export_encoder
    from indexer.errors import ArchiveError, ModelError
    from indexer.evaluate import Evaluation, evaluate_held_out, evaluate_on
    from indexer.model import Model, ScoredHashtag
    from indexer.overview import ArchiveStats, ModelSummary, archive_stats, list_models
    from indexer.query import query_photo
    from indexer.rebuild import RebuildConfig, RebuildResult, rebuild_model
    from indexer.report.gather import ReportConfig
    from indexer.report.page import write_report
    from indexer.retag import Retagged, retag_photos
    from indexer.sweep import Sweep, SweepConfig, sweep_vectors
    from indexer.tagger import Tagger, TaggerConfig, fit_tagger
    from indexer.tagging import TaggedPhoto, count_photos, retry_failures, tag_photos
    from indexer.verdicts import SaidTotals, say_in_bulk, say_of_photo, take_back
    from indexer.vocabulary import (
        alias_hashtag,
        block_hashtags,
        group_hashtag,
        load_vocabulary,
        save_vocabulary,
        unalias_hashtags,
        unblock_hashtags,
        ungroup_hashtags,
    )

_HOME = {
    "alias_proposals": ("AliasProposal", "propose_aliases"),
    "archive": ("Archive", "open_archive"),
    "backbones": ("BackboneChoice",),
    "compare": ("CompareConfig", "Comparison", "compare_systems"),
    "encoder_export": ("EncoderExport", "export_encoder"),
    "evaluate": ("Evaluation", "evaluate_held_out", "evaluate_on"),
    "errors": ("ArchiveError", "ModelError"),
    "crawl_import": ("ImportTotals", "import_crawls"),
    "crawl_preview": ("ImportPreview", "preview_crawls"),
    "model": ("Model", "ScoredHashtag"),
    "overview": ("ArchiveStats", "ModelSummary", "archive_stats", "list_models"),
    "rebuild": ("RebuildConfig", "RebuildResult", "rebuild_model"),
    "retag": ("Retagged", "retag_photos"),
    "cut": ("Cut", "cut_for_precision", "threshold_of"),
    "tagger": ("Tagger", "TaggerConfig", "fit_tagger"),
    "query": ("query_photo",),
    "tagging": ("TaggedPhoto", "count_photos", "retry_failures", "tag_photos"),
    "verdicts": ("SaidTotals", "say_in_bulk", "say_of_photo", "take_back"),
    "vocabulary": (
        "alias_hashtag",
        "block_hashtags",
        "group_hashtag",
        "load_vocabulary",
        "save_vocabulary",
        "unalias_hashtags",
        "unblock_hashtags",
        "ungroup_hashtags",
    ),
    "sweep": ("Sweep", "SweepConfig", "sweep_vectors"),
    "report.gather": ("ReportConfig",),
    "report.page": ("write_report",),
}

__all__ = [
    "AliasProposal",
    "Archive",
    "ArchiveError",
    "ArchiveStats",
    "BackboneChoice",
    "CompareConfig",
    "Comparison",
    "Cut",
    "EncoderExport",
    "Evaluation",
    "ImportPreview",
    "ImportTotals",
    "Model",
    "ModelError",
    "ModelSummary",
    "RebuildConfig",
    "RebuildResult",
    "ReportConfig",
    "Retagged",
    "SaidTotals",
    "ScoredHashtag",
    "Sweep",
    "SweepConfig",
    "TaggedPhoto",
    "Tagger",
    "TaggerConfig",
    "alias_hashtag",
    "archive_stats",
    "block_hashtags",
    "compare_systems",
    "count_photos",
    "cut_for_precision",
    "evaluate_held_out",
    "evaluate_on",
    "export_encoder",
    "fit_tagger",
    "group_hashtag",
    "import_crawls",
    "list_models",
    "load_vocabulary",
    "open_archive",
    "preview_crawls",
    "propose_aliases",
    "query_photo",
    "rebuild_model",
    "retag_photos",
    "retry_failures",
    "save_vocabulary",
    "say_in_bulk",
    "say_of_photo",
    "sweep_vectors",
    "tag_photos",
    "take_back",
    "threshold_of",
    "unalias_hashtags",
    "unblock_hashtags",
    "ungroup_hashtags",
    "write_report",
]


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"indexer.{module}"), name)
    raise AttributeError(f"module 'indexer' has no attribute '{name}'")
