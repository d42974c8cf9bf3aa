"""Float32 and int8 side by side on this machine, and the choice between them remembered."""

import json
from dataclasses import asdict, replace

from hashtag_archive.encoder import BackboneError, EncoderError
from hashtag_archive.encoder.onnx_encoder import OnnxBackbone
from hashtag_archive.indexer.archive import Archive, now
from hashtag_archive.indexer.machine import machine_name
from hashtag_archive.indexer.model.int8_backbone import Int8Backbone, need_int8
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.photos.features import model_key
from hashtag_archive.indexer.photos.make_int8 import make_int8
from hashtag_archive.indexer.photos.precision_choice import Precision, PrecisionChoice, setting_of
from hashtag_archive.indexer.photos.precision_trial import measure_agreement, measure_speeds
from hashtag_archive.indexer.progress import Progress, silent


def offer_int8(archive: Archive, progress: Progress = silent) -> PrecisionChoice:
    """Give the current model's backbone an int8 form unless it has one, and measure which to run here.

    Where it cannot be quantised float32 stays, and the choice says why.
    """
    model = archive.model()
    try:
        make_int8(archive, model.manifest["backbone"], model_key(archive, model), progress)
    except (EncoderError, OSError) as error:
        return PrecisionChoice("float32", str(error))
    return measure_precision(archive, model, progress=progress)


def measure_precision(archive: Archive, model: Model, *, progress: Progress = silent) -> PrecisionChoice:
    """Run both precisions here, choose between them, and remember the choice for this machine and model.

    Raises `ModelError` where there is no int8 backbone.
    """
    int8 = need_int8(model.backbone_file)
    chosen = _judge(archive, model, int8, progress)
    chosen = replace(chosen, int8=int8.sha256, machine=machine_name(), measured_at=now())
    with archive.store.write() as connection:
        archive.store.put_setting(connection, setting_of(model), json.dumps(asdict(chosen)))
    return replace(chosen, fresh=True)


def _judge(archive: Archive, model: Model, int8: Int8Backbone, progress: Progress) -> PrecisionChoice:
    try:
        quick = OnnxBackbone(int8.path, model.backbone_spec)
    except BackboneError as error:
        return PrecisionChoice("float32", str(error))
    progress("timing float32 and int8", 0, None)
    speeds = measure_speeds(
        {"float32": OnnxBackbone(model.backbone_file, model.backbone_spec), "int8": quick}
    )
    rates = {name: round(speed.rate, 2) for name, speed in speeds.items()}
    if rates["int8"] <= rates["float32"]:
        return PrecisionChoice("float32", "int8 is not faster here", speeds["float32"].batch_size, rates)
    exact = model_key(archive, model)
    keys = exact, exact._replace(precision=int8.precision)
    found = measure_agreement(archive, model, quick, keys, progress)
    precision: Precision = "float32" if found.objection else "int8"
    why = found.objection or "it is faster here and agrees with float32"
    batch = speeds[precision].batch_size
    return PrecisionChoice(precision, why, batch, rates, found.photos, found.overlap, found.difference)
