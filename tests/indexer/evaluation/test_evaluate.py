import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.evaluation.evaluate import evaluate_held_out, evaluate_on
from hashtag_archive.indexer.model.cut import cut_for_precision
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import COLOURS, copy_archive, draw_photo
from tests.support.near import require_near


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Forty labelled photos that no post has, one of them broken."""
    lines = []
    for number in range(40):
        colour = list(COLOURS)[number % 4]
        photo = draw_photo(tmp_path / "labelled" / f"{number}.png", colour, 7000 + number)
        lines.append(
            json.dumps({"key": str(number), "hashtags": [colour, "unheard"], "photos": [str(photo)]})
        )
    (tmp_path / "labelled/0.png").write_bytes(b"broken")
    path = tmp_path / "labelled.jsonl"
    path.write_text("\n".join([*lines, "nonsense"]))
    return path


def test_held_out_figures_are_those_of_the_rebuild(colours: Archive) -> None:
    evaluation = evaluate_held_out(colours)
    figures = open_model(colours).manifest["figures"]
    require_near(evaluation.product.to_dict(), figures["test"])
    require_near(evaluation.popularity.to_dict(), figures["popularity"])
    assert [kept.promised for kept in evaluation.promises] == [0.5, 0.6, 0.7, 0.8, 0.9]


def test_the_reports_rule_is_asked_of_the_same_embeddings(colours: Archive, labelled: Path) -> None:
    by_rule = evaluate_held_out(colours, "cosine")
    assert by_rule.popularity == evaluate_held_out(colours).popularity
    assert by_rule.product.ece > evaluate_held_out(colours).product.ece + 0.1  # a sigmoid of 0.27 to 0.73
    # A hashtag's photos rank as before, but for cosines that are equal once they are scaled and rounded.
    assert by_rule.product.map == pytest.approx(evaluate_held_out(colours).product.map, abs=0.01)
    assert by_rule.promises == []
    named = evaluate_on(colours, labelled, rule="cosine")
    assert named.product.ece > evaluate_on(colours, labelled).product.ece + 0.1
    shown = CliRunner().invoke(main, ["--archive", str(colours.folder), "evaluate", "--rule", "cosine"])
    assert f"{by_rule.product.f2:.3f}" in shown.output and "--precision" not in shown.output


def test_photos_that_the_model_has_not_seen_are_judged_and_nothing_is_stored(
    colours: Archive, labelled: Path
) -> None:
    before = colours.store.photos.counts()
    evaluation = evaluate_on(colours, labelled)
    assert evaluation.photos == 39
    assert evaluation.failures.reported[0][1].startswith("not JSON")
    assert evaluation.failures.reported[1:] == [
        (str(labelled.parent / "labelled/0.png"), "not an image that can be read")
    ]
    assert evaluation.learnt_from == 0
    assert evaluation.product.a_at_5 > 0.9
    assert evaluation.product.map > evaluation.popularity.map
    assert colours.store.photos.counts() == before


def test_photos_that_the_model_learnt_from_are_counted(colours: Archive, colour_folder: Path) -> None:
    evaluation = evaluate_on(colours, colour_folder / "posts.jsonl")
    assert evaluation.learnt_from == evaluation.photos == 96


def test_labels_that_the_model_does_not_know_are_refused(colours: Archive, tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text('{"key": "1", "hashtags": ["unheard"], "photos": ["a.png"]}')
    with pytest.raises(ArchiveError, match="no photo that can be read has one of the model's"):
        evaluate_on(colours, tmp_path / "other.jsonl")


def test_a_promised_precision_cuts_guesses_by_thresholds_of_their_own(
    colours: Archive, tmp_path: Path
) -> None:
    draw_photo(tmp_path / "new/red.png", "red", 7777)
    (photo,) = tag_photos(colours, [str(tmp_path / "new")])
    loose, strict = (cut_for_precision(open_model(colours), precision) for precision in (0.5, 0.99))
    assert len(photo.cut(loose)) >= len(photo.cut(strict))
    assert all(guess.probability >= loose.of(guess.hashtag) for guess in photo.cut(loose))


def test_evaluate_prints_figures_and_promises_and_json(
    colour_folder: Path, tmp_path: Path, labelled: Path
) -> None:
    archive = str(copy_archive(colour_folder / "archive", tmp_path / "archive"))
    plain = CliRunner().invoke(main, ["--archive", archive, "evaluate"])
    assert plain.exit_code == 0, plain.output
    assert "popularity" in plain.stdout
    assert "--precision" in plain.stdout
    asked = CliRunner().invoke(main, ["--archive", archive, "evaluate", str(labelled), "--json"])
    assert json.loads(asked.stdout)["photos"] == 39
    tagged = CliRunner().invoke(
        main, ["--archive", archive, "tag", str(labelled.parent / "labelled"), "--precision", "0.5"]
    )
    assert tagged.exit_code == 0, tagged.output
