"""Photos, vectors and rows at once: the functions behind every command.

Names are looked up when they are first used, so that asking for help does not load FAISS, nor tagging torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.alias_proposals import AliasProposal, propose_aliases
    from indexer.archive import Archive, open_archive
    from indexer.backbones import BackboneChoice
    from indexer.backup import Backup, back_up
    from indexer.check import check_archive
    from indexer.compare import CompareConfig, Comparison, compare_systems
    from indexer.crawl_import import ImportTotals, import_crawls
    from indexer.crawl_preview import ImportPreview, preview_crawls
    from indexer.cut import Cut, cut_for_precision, threshold_of
    from indexer.encoder_export import EncoderExport, export_encoder
    from indexer.errors import ArchiveError, ExpressionError, ModelError
    from indexer.evaluate import Evaluation, evaluate_held_out, evaluate_on
    from indexer.export import Exported, export_tags
    from indexer.find import FoundPhoto, find_failed, find_photos, unknown_hashtags
    from indexer.finding import Finding
    from indexer.forget import Forgotten, Whom, forget_posts, lift_tombstone, plan_forget
    from indexer.machine import cores
    from indexer.machine_choice import PrecisionChoice, PrecisionMode, choose_precision
    from indexer.model import Model, ScoredHashtag
    from indexer.model_change import ModelChange
    from indexer.overview import ArchiveStats, ModelSummary, archive_stats, count_stale, list_models
    from indexer.progress import Stages
    from indexer.prune import Pruned, prune_models
    from indexer.query import query_photo
    from indexer.rebuild import RebuildConfig, RebuildResult, rebuild_model
    from indexer.report.gather import ReportConfig
    from indexer.report.page import write_report
    from indexer.retag import Retagged, retag_photos
    from indexer.show import ShownPhoto, show_photo
    from indexer.similar import SimilarPhoto, similar_photos
    from indexer.sweep import Sweep, SweepConfig, sweep_vectors
    from indexer.tagger import Tagger, TaggerConfig, fit_tagger
    from indexer.tagging import TaggedPhoto, count_photos, retry_failures, tag_photos
    from indexer.two_precisions import measure_precision
    from indexer.unfrozen_backbone import NotResNet50Error
    from indexer.untag import Untagged, untag_photos
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
    from indexer.write_beside import WrittenFiles, write_while_tagging

_HOME = {
    "alias_proposals": ("AliasProposal", "propose_aliases"),
    "archive": ("Archive", "open_archive"),
    "backbones": ("BackboneChoice",),
    "backup": ("Backup", "back_up"),
    "check": ("check_archive",),
    "compare": ("CompareConfig", "Comparison", "compare_systems"),
    "encoder_export": ("EncoderExport", "export_encoder"),
    "export": ("Exported", "export_tags"),
    "evaluate": ("Evaluation", "evaluate_held_out", "evaluate_on"),
    "errors": ("ArchiveError", "ExpressionError", "ModelError"),
    "find": ("FoundPhoto", "find_failed", "find_photos", "unknown_hashtags"),
    "crawl_import": ("ImportTotals", "import_crawls"),
    "crawl_preview": ("ImportPreview", "preview_crawls"),
    "machine": ("cores",),
    "machine_choice": ("PrecisionChoice", "PrecisionMode", "choose_precision"),
    "two_precisions": ("measure_precision",),
    "forget": ("Forgotten", "Whom", "forget_posts", "lift_tombstone", "plan_forget"),
    "progress": ("Stages",),
    "finding": ("Finding",),
    "model": ("Model", "ScoredHashtag"),
    "model_change": ("ModelChange",),
    "overview": ("ArchiveStats", "ModelSummary", "archive_stats", "count_stale", "list_models"),
    "rebuild": ("RebuildConfig", "RebuildResult", "rebuild_model"),
    "similar": ("SimilarPhoto", "similar_photos"),
    "show": ("ShownPhoto", "show_photo"),
    "retag": ("Retagged", "retag_photos"),
    "cut": ("Cut", "cut_for_precision", "threshold_of"),
    "tagger": ("Tagger", "TaggerConfig", "fit_tagger"),
    "prune": ("Pruned", "prune_models"),
    "query": ("query_photo",),
    "tagging": ("TaggedPhoto", "count_photos", "retry_failures", "tag_photos"),
    "unfrozen_backbone": ("NotResNet50Error",),
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
    "untag": ("Untagged", "untag_photos"),
    "write_beside": ("WrittenFiles", "write_while_tagging"),
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
    "Backup",
    "CompareConfig",
    "Comparison",
    "Cut",
    "EncoderExport",
    "Evaluation",
    "Exported",
    "ExpressionError",
    "Finding",
    "Forgotten",
    "FoundPhoto",
    "ImportPreview",
    "ImportTotals",
    "Model",
    "ModelChange",
    "ModelError",
    "ModelSummary",
    "NotResNet50Error",
    "PrecisionChoice",
    "PrecisionMode",
    "Pruned",
    "RebuildConfig",
    "RebuildResult",
    "ReportConfig",
    "Retagged",
    "SaidTotals",
    "ScoredHashtag",
    "ShownPhoto",
    "SimilarPhoto",
    "Stages",
    "Sweep",
    "SweepConfig",
    "TaggedPhoto",
    "Tagger",
    "TaggerConfig",
    "Untagged",
    "Whom",
    "WrittenFiles",
    "alias_hashtag",
    "archive_stats",
    "back_up",
    "block_hashtags",
    "check_archive",
    "choose_precision",
    "compare_systems",
    "cores",
    "count_photos",
    "count_stale",
    "cut_for_precision",
    "evaluate_held_out",
    "evaluate_on",
    "export_encoder",
    "export_tags",
    "find_failed",
    "find_photos",
    "fit_tagger",
    "forget_posts",
    "group_hashtag",
    "import_crawls",
    "lift_tombstone",
    "list_models",
    "load_vocabulary",
    "measure_precision",
    "open_archive",
    "plan_forget",
    "preview_crawls",
    "propose_aliases",
    "prune_models",
    "query_photo",
    "rebuild_model",
    "retag_photos",
    "retry_failures",
    "save_vocabulary",
    "say_in_bulk",
    "say_of_photo",
    "show_photo",
    "similar_photos",
    "sweep_vectors",
    "tag_photos",
    "take_back",
    "threshold_of",
    "unalias_hashtags",
    "unblock_hashtags",
    "ungroup_hashtags",
    "unknown_hashtags",
    "untag_photos",
    "write_report",
    "write_while_tagging",
]


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"indexer.{module}"), name)
    raise AttributeError(f"module 'indexer' has no attribute '{name}'")
