"""int8 beside float32: making it, judging it, choosing it, and keeping its features apart."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import numpy_helper

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.disk import file_digest
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.int8_backbone import int8_backbone, require_int8
from hashtag_archive.indexer.model.opening import open_model, use_model
from hashtag_archive.indexer.photos.choose_dtype import choose_dtype, set_dtype
from hashtag_archive.indexer.photos.dtype_trial import Speed, measure_dtype
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.stats import archive_stats
from tests.conftest import QUICK, draw_photo
from tests.support.near import require_same


def test_int8_that_is_faster_and_agrees_is_chosen_and_its_features_are_kept_apart(whole: Archive) -> None:
    model = open_model(whole)
    choice = measure_dtype(whole, model)
    assert (choice.dtype, choice.photos, choice.batch_size) == ("int8", 220, 16)
    assert choice.overlap is not None
    assert choice.overlap >= 0.95
    assert choice.difference is not None
    assert choice.difference <= 0.02
    assert features_by_dtype(whole) == {"float32": 220, require_int8(model.backbone_file).dtype: 220}
    with whole.store.snapshot() as connection:
        rows = connection.exec_driver_sql(
            "SELECT data FROM staged_features ORDER BY photo_id, precision"
        ).scalars()
        pairs = list(rows)
    assert sum(exact != quick for exact, quick in zip(pairs[::2], pairs[1::2], strict=True)) > 200


def features_by_dtype(archive: Archive) -> dict[str, int]:
    with archive.store.snapshot() as connection:
        return Counter(connection.exec_driver_sql("SELECT precision FROM features").scalars())


@pytest.mark.parametrize("damage", ["shuffled weights", "not a number"])
def test_a_damaged_int8_is_refused_and_costs_no_photo(whole: Archive, damage: str) -> None:
    path = require_int8(open_model(whole).backbone_file).path
    network = onnx.load(path)
    for tensor in network.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if damage == "shuffled weights" and value.dtype == np.int8 and value.ndim == 4:
            value = np.random.default_rng(0).permutation(value.ravel()).reshape(value.shape)
        if damage == "not a number" and value.dtype == np.float32:
            value = np.full_like(value, np.nan)
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    onnx.save(network, path)
    about = json.loads(path.with_suffix(".json").read_text())
    about |= {"sha256": file_digest(path), "bytes": path.stat().st_size}
    path.with_suffix(".json").write_text(json.dumps(about))
    choice = measure_dtype(whole, open_model(whole))
    assert choice.dtype == "float32"
    expected = "gives other hashtags" if damage == "shuffled weights" else "0 of the 200 photos of posts"
    assert expected in choice.why
    assert archive_stats(whole).failed == 0


def test_a_file_that_is_no_network_is_refused_by_the_gate(whole: Archive) -> None:
    path = require_int8(open_model(whole).backbone_file).path
    path.write_bytes(bytes(path.stat().st_size))
    choice = measure_dtype(whole, open_model(whole))
    assert choice.dtype == "float32"
    assert "onnxruntime cannot open it" in choice.why


def test_int8_that_is_slower_or_has_few_photos_is_refused_with_the_reason(
    whole: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with whole.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM features WHERE photo_id > 150")
    choice = measure_dtype(whole, open_model(whole))
    assert (choice.dtype, choice.photos) == ("float32", 150)
    assert choice.why == "int8 is not used: 150 of the 200 photos of posts that comparing it needs"
    slow = {"float32": Speed(100.0, 8), "int8": Speed(99.0, 16)}
    monkeypatch.setattr("hashtag_archive.indexer.photos.dtype_trial.measure_speeds", lambda backbones: slow)
    choice = measure_dtype(whole, open_model(whole))
    assert (choice.dtype, choice.why, choice.batch_size) == ("float32", "int8 is not faster here", 8)


def test_the_choice_is_remembered_and_measured_again_on_another_machine(
    whole: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_dtype(whole, photos=10).why == "int8 was not measured on this machine"
    first = choose_dtype(whole, photos=1000)
    assert (first.dtype, first.fresh) == ("int8", True)
    again = choose_dtype(whole, photos=1000)
    assert again == replace(first, fresh=False)
    for module in ("dtype_choice", "dtype_trial"):
        monkeypatch.setattr(
            f"hashtag_archive.indexer.photos.{module}.machine_name", lambda: "another machine"
        )
    assert choose_dtype(whole, photos=10).dtype == "float32"
    assert choose_dtype(whole, photos=1000).fresh
    assert choose_dtype(whole).machine == "another machine"
    monkeypatch.undo()
    assert choose_dtype(whole).machine == first.machine


def test_another_int8_form_makes_the_choice_out_of_date(whole: Archive) -> None:
    measure_dtype(whole, open_model(whole))
    assert choose_dtype(whole).dtype == "int8"
    sidecar = require_int8(open_model(whole).backbone_file).path.with_suffix(".json")
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"sha256": "0" * 64}))
    assert choose_dtype(whole).dtype == "float32"


def test_a_tagged_photo_stays_done_and_stored_features_of_the_other_precision_are_not_scored(
    whole: Archive, photos: list[str]
) -> None:
    def outcomes(dtype: str) -> set[str]:
        return {photo.outcome for photo in tag_photos(whole, photos, dtype=dtype)}  # type: ignore[arg-type]

    assert outcomes("int8") == {"encoded"}
    assert outcomes("float32") == {"done"}
    assert rebuild_model(whole, config=replace(QUICK, int8=False)).dtype is None
    assert outcomes("float32") == {"encoded"}
    use_model(whole, 1)
    assert outcomes("int8") == {"rescored"}
    assert outcomes("auto") == {"done"}


def test_retagging_scores_features_of_either_precision_by_themselves(
    whole: Archive, photos: list[str]
) -> None:
    before = {photo.photo: photo.guesses for photo in tag_photos(whole, photos, dtype="int8")}
    result = retag_photos(whole, everything=True)
    assert (result.retagged, result.without_features) == (228, 0)
    after = {photo.photo: photo.guesses for photo in tag_photos(whole, photos, with_done=True)}
    assert after.keys() == before.keys()
    for photo, guesses in before.items():
        require_same(after[photo], guesses)
    assert retag_photos(whole).up_to_date == 228


def test_a_query_runs_in_the_measured_precision_unless_another_is_asked_for(
    whole: Archive, photos: list[str]
) -> None:
    measure_dtype(whole, open_model(whole))
    exact, quick, chosen = (open_model(whole) for _ in range(3))
    set_dtype(whole, exact, "float32")
    set_dtype(whole, quick, "int8")
    set_dtype(whole, chosen, "auto")
    assert (exact.dtype, quick.dtype) == ("float32", chosen.dtype)
    answers = [query_photo(model, photos[0], best=5) for model in (exact, quick, chosen)]
    assert answers[1] == answers[2] != answers[0]


def test_int8_where_there_is_none_is_one_line_that_says_what_to_do(whole: Archive, photos: list[str]) -> None:
    path = require_int8(open_model(whole).backbone_file).path
    path.write_bytes(path.read_bytes()[:-1])
    assert int8_backbone(open_model(whole).backbone_file) is None
    with pytest.raises(ModelError, match="no int8 form; `hashtag rebuild` makes one"):
        list(tag_photos(whole, photos, dtype="int8"))
    for command in ("tag", "query"):
        arguments = ["--archive", str(whole.folder), command, photos[0], "--dtype", "int8"]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 1
        assert done.stderr.count("\n") == 1
        assert "no int8 form" in done.stderr


def test_tag_measures_says_so_once_and_profiles_every_stage(whole: Archive, tmp_path: Path) -> None:
    for number in range(256):
        draw_photo(tmp_path / "many" / f"{number}.png", "red", 3000 + number)
    command = ["--archive", str(whole.folder), "tag", str(tmp_path / "many"), "--profile"]
    said = CliRunner().invoke(main, command).stderr
    assert "measured on this machine: int8: it is faster here and agrees with float32" in said
    stages = {line.split()[0]: float(line.split()[1]) for line in said.splitlines() if " ms  " in line}
    assert list(stages) == ["open", "read", "decode", "encode", "score", "write"]
    assert stages["decode"] + stages["encode"] > 0  # others may round to nothing on a quick machine
    assert "256 photos encoded in " in said
    assert "measured on this machine" not in CliRunner().invoke(main, command).stderr


def test_doctor_says_what_was_measured(whole: Archive, tmp_path: Path) -> None:
    def doctor(folder: Path) -> str:
        shown = CliRunner().invoke(main, ["--archive", str(folder), "doctor", "--json"])
        return str(json.loads(shown.stdout)["dtype"])

    assert doctor(whole.folder) == "float32: int8 was not measured on this machine (model 1)"
    measure_dtype(whole, open_model(whole))
    assert "float32 100.0 and int8 300.0; on 220 photos the five best hashtags overlap by" in doctor(
        whole.folder
    )
    assert "no archive here" in doctor(tmp_path / "none")
    shutil.rmtree(whole.models_folder)
    assert "manifest.json: cannot be read" in doctor(whole.folder)
