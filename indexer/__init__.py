"""Photos, vectors and rows at once: the functions behind every command.

Names are looked up when they are first used, so that asking for help does not load FAISS, nor tagging torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.archive import Archive, open_archive
    from indexer.backbones import BackboneChoice
    from indexer.compare import CompareConfig, Comparison, compare_systems
    from indexer.crawl_import import ImportTotals, import_crawls
    from indexer.crawl_preview import ImportPreview, preview_crawls
    from indexer.cut import Cut, cut_for_precision, threshold_of
    from indexer.encoder_export import EncoderExport, export_encoder
    from indexer.errors import ArchiveError, ModelError
    from indexer.evaluate import Evaluation, evaluate_held_out, evaluate_on
    from indexer.export import Exported, export_tags
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
    from indexer.untag import Untagged, untag_photos
    from indexer.write_beside import WrittenFiles, write_while_tagging

_HOME = {
    "archive": ("Archive", "open_archive"),
    "backbones": ("BackboneChoice",),
    "compare": ("CompareConfig", "Comparison", "compare_systems"),
    "encoder_export": ("EncoderExport", "export_encoder"),
    "export": ("Exported", "export_tags"),
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
    "untag": ("Untagged", "untag_photos"),
    "write_beside": ("WrittenFiles", "write_while_tagging"),
    "sweep": ("Sweep", "SweepConfig", "sweep_vectors"),
    "report.gather": ("ReportConfig",),
    "report.page": ("write_report",),
}

__all__ = [
    "Archive",
    "ArchiveError",
    "ArchiveStats",
    "BackboneChoice",
    "CompareConfig",
    "Comparison",
    "Cut",
    "EncoderExport",
    "Evaluation",
    "Exported",
    "ImportPreview",
    "ImportTotals",
    "Model",
    "ModelError",
    "ModelSummary",
    "RebuildConfig",
    "RebuildResult",
    "ReportConfig",
    "Retagged",
    "ScoredHashtag",
    "Sweep",
    "SweepConfig",
    "TaggedPhoto",
    "Tagger",
    "TaggerConfig",
    "Untagged",
    "WrittenFiles",
    "archive_stats",
    "compare_systems",
    "count_photos",
    "cut_for_precision",
    "evaluate_held_out",
    "evaluate_on",
    "export_encoder",
    "export_tags",
    "fit_tagger",
    "import_crawls",
    "list_models",
    "open_archive",
    "preview_crawls",
    "query_photo",
    "rebuild_model",
    "retag_photos",
    "retry_failures",
    "sweep_vectors",
    "tag_photos",
    "threshold_of",
    "untag_photos",
    "write_report",
    "write_while_tagging",
]


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"indexer.{module}"), name)
    raise AttributeError(f"module 'indexer' has no attribute '{name}'")
