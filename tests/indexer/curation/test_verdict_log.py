"""The log of verdicts: what it shows, and what an undo restores."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.curation.verdict_log import (
    LogEntry,
    undo_entries,
    undo_last,
    undo_session,
    verdict_log,
)
from hashtag_archive.indexer.curation.verdicts import record_verdict, undo_verdict
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.upkeep.check import check_archive
from tests.conftest import draw_photo


@pytest.fixture
def pear(tmp_path: Path) -> str:
    """A photo that the archive does not know yet."""
    return str(draw_photo(tmp_path / "pear.png", "green", 311))


@pytest.fixture
def plum(tmp_path: Path) -> str:
    """Another one."""
    return str(draw_photo(tmp_path / "plum.png", "blue", 312))


def run(archive: Archive, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive.folder), *arguments])


def stands(archive: Archive) -> dict[str, str]:
    """Hashtag → the verdict that stands, in an archive with verdicts on one photo."""
    with archive.store.snapshot() as connection:
        query = "SELECT text, accepted, how FROM verdicts JOIN hashtags ON hashtags.id = hashtag_id"
        return {
            text: f"{'accepted' if accepted else 'rejected'} {how}"
            for text, accepted, how in connection.exec_driver_sql(query)
        }


def said(archive: Archive) -> list[tuple[str, str, str | None]]:
    return [(entry.hashtag, entry.verdict, entry.how) for entry in verdict_log(archive)]


def numbers(archive: Archive) -> list[int]:
    return [entry.id for entry in verdict_log(archive)]


def test_a_verdict_in_bulk_never_downgrades_one_of_somebody_who_looked(archive: Archive, pear: str) -> None:
    record_verdict(archive, pear, accept=["ripe"], how="bulk")
    assert record_verdict(archive, pear, accept=["ripe"]).unchanged == 0  # looked: an upgrade
    assert record_verdict(archive, pear, accept=["ripe"], how="bulk").unchanged == 1
    assert stands(archive) == {"ripe": "accepted looked"}
    record_verdict(archive, pear, reject=["ripe"], how="bulk")  # the contrary: the later one counts
    assert stands(archive) == {"ripe": "rejected bulk"}
    assert said(archive) == [
        ("ripe", "rejected", "bulk"),
        ("ripe", "accepted", "looked"),
        ("ripe", "accepted", "bulk"),
    ]
    undo_last(archive)
    assert stands(archive) == {"ripe": "accepted looked"}


def test_what_changes_nothing_is_not_logged(archive: Archive, pear: str) -> None:
    record_verdict(archive, pear, accept=["ripe"], reject=["plum"])
    again = record_verdict(archive, pear, accept=["ripe"], reject=["plum"])
    assert (again.accepted, again.rejected, again.unchanged) == (1, 1, 2)
    assert undo_verdict(archive, pear, ["plum", "fig"]) == 1
    assert undo_verdict(archive, pear, ["plum"]) == 0
    assert said(archive) == [
        ("plum", "removed", None),
        ("plum", "rejected", "looked"),
        ("ripe", "accepted", "looked"),
    ]


def test_an_undo_restores_what_the_entry_replaced_and_can_be_undone(archive: Archive, pear: str) -> None:
    record_verdict(archive, pear, reject=["ripe"], how="bulk")
    record_verdict(archive, pear, accept=["ripe"])
    first, second = numbers(archive)[::-1]
    undone = undo_entries(archive, [second])
    assert (undone.entries, undone.refused) == ([second], {})
    assert stands(archive) == {"ripe": "rejected bulk"}
    newest, accepted, _ = verdict_log(archive)
    assert (newest.undoes, newest.session, accepted.undone_by) == (second, undone.session, newest.id)
    undo_session(archive, undone.session)
    assert stands(archive) == {"ripe": "accepted looked"}
    assert next(entry for entry in verdict_log(archive) if entry.id == second).undone_by is None
    undo_entries(archive, [second])  # again, after the undo was undone
    undo_entries(archive, [first])
    assert stands(archive) == {}
    assert check_archive(archive) == []


def test_an_overtaken_entry_is_refused_by_name_unless_the_later_one_goes_too(
    archive: Archive, pear: str
) -> None:
    record_verdict(archive, pear, accept=["ripe", "sweet"])
    record_verdict(archive, pear, reject=["ripe"])
    ripe, sweet, rejected = numbers(archive)[::-1]
    undone = undo_entries(archive, [ripe, sweet, 4711])
    assert undone.entries == [sweet]
    assert undone.refused[ripe] == f"overtaken by entry {rejected}; undo that first, or both"
    assert "not an entry" in undone.refused[4711]
    assert stands(archive) == {"ripe": "rejected looked"}
    assert undo_entries(archive, [ripe, rejected]).entries == [rejected, ripe]
    assert stands(archive) == {}
    assert "taken back already, by entry" in undo_entries(archive, [sweet]).refused[sweet]


def test_a_later_verdict_that_was_taken_back_does_not_stand_in_the_way(archive: Archive, pear: str) -> None:
    record_verdict(archive, pear, accept=["ripe"])
    record_verdict(archive, pear, reject=["ripe"])
    accepted, rejected = numbers(archive)[::-1]
    undo_entries(archive, [rejected])
    assert undo_entries(archive, [accepted]).entries == [accepted]
    assert stands(archive) == {}


def test_the_last_session_goes_first_and_then_the_one_before(archive: Archive, pear: str) -> None:
    for hashtag in ("one", "two", "three"):
        record_verdict(archive, pear, accept=[hashtag])
    undo_verdict(archive, pear, ["one"])
    for left in ({"one", "two", "three"}, {"one", "two"}, {"one"}, set()):
        undo_last(archive)
        assert set(stands(archive)) == left
    with pytest.raises(ArchiveError, match="nothing to undo"):
        undo_last(archive)


def test_what_is_left_of_a_session_is_taken_back_and_the_overtaken_rest_is_named(
    archive: Archive, pear: str, plum: str, tmp_path: Path
) -> None:
    table = tmp_path / "said.csv"
    table.write_text("photo,hashtag\npear.png,fruit\nplum.png,fruit\npear.png,green\n")
    assert run(archive, "accept", "--from", str(table)).exit_code == 0
    (session,) = {entry.session for entry in verdict_log(archive)}
    run(archive, "reject", pear, "fruit")
    done = run(archive, "undo", "--session", session)
    assert done.exit_code == 0
    assert "entry 1: overtaken by entry 4" in done.stderr and "2 verdicts taken back" in done.stderr
    assert stands(archive) == {"fruit": "rejected looked"}
    assert run(archive, "undo", "--session", session).exit_code == 1  # nothing else is possible
    assert run(archive, "undo", "--last").exit_code == 0
    assert run(archive, "undo", "--session", session).exit_code == 0
    assert stands(archive) == {}
    again = run(archive, "undo", "--session", session)
    assert again.exit_code == 1 and "taken back already" in again.stderr


def test_the_log_command_shows_entries_newest_first(archive: Archive, pear: str, plum: str) -> None:
    record_verdict(archive, pear, accept=["ripe"], session="monday")
    record_verdict(archive, plum, reject=["ripe"], accept=["blue"], how="bulk", session="tuesday")
    record_verdict(archive, pear, reject=["ripe"], session="tuesday")
    undo_entries(archive, [4])
    shown = run(archive, "log")
    rows = [line.split("\t") for line in shown.stdout.splitlines()]
    assert [(row[0], *row[3:]) for row in rows] == [
        ("5", pear, "#ripe", "accepted", "looked", "undoes 4"),
        ("4", pear, "#ripe", "rejected", "looked", "undone by 5"),
        ("3", plum, "#ripe", "rejected", "bulk", ""),
        ("2", plum, "#blue", "accepted", "bulk", ""),
        ("1", pear, "#ripe", "accepted", "looked", ""),
    ]
    assert [row[2] for row in rows[1:]] == ["tuesday", "tuesday", "tuesday", "monday"]
    assert all(row[1].endswith("Z") and len(row[1]) == 20 for row in rows)
    Path(plum).rename(Path(plum).with_name("moved.png"))
    asked = {
        (pear,): [5, 4, 1],
        (str(Path(plum).with_name("moved.png")),): [3, 2],
        (plum,): [3, 2],  # gone, but known
        ("--hashtag", "#Blue"): [2],
        ("--hashtag", "unheard"): [],
        ("--session", "tuesday", "--limit", "2"): [4, 3],
    }
    for options, expected in asked.items():
        done = run(archive, "log", *options, "--json")
        assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == expected, options
        assert ("there are older entries" in done.stderr) == ("--limit" in options)
    last = json.loads(run(archive, "log", "--json", "--limit", "1").stdout)
    assert last.pop("key") == last["hashtag"]
    assert LogEntry(**last).undoes == 4
    assert [entry.id for entry in verdict_log(archive, before=4, limit=2)] == [3, 2]
    assert run(archive, "log", "unheard.png").exit_code == 1


def test_undo_says_what_it_cannot_do(archive: Archive, pear: str) -> None:
    record_verdict(archive, pear, accept=["ripe"])
    for wrong in ((), ("1", "--last"), ("--last", "--session", "x"), ("0",), ("ripe",)):
        assert run(archive, "undo", *wrong).exit_code == 2, wrong
    for unknown in (("7",), ("--session", "x")):
        done = run(archive, "undo", *unknown)
        assert done.exit_code == 1 and "not a" in done.stderr, unknown
    partly = run(archive, "undo", "7", "1")
    assert partly.exit_code == 1 and "entry 7" in partly.stderr and "1 verdict taken back" in partly.stderr
    assert stands(archive) == {}


def test_a_photo_that_is_written_into_keeps_its_log(archive: Archive, pear: str) -> None:
    record_verdict(archive, pear, accept=["ripe", "sweet"])
    undo_last(archive)
    record_verdict(archive, pear, accept=["ripe"])
    with archive.store.write() as connection:
        for _ in range(2):
            archive.store.exports.copy_photo(connection, 1, "0" * 64)
    copied = [entry for entry in verdict_log(archive) if entry.content == "0" * 64]
    assert [(entry.hashtag, entry.verdict) for entry in copied] == [
        ("ripe", "accepted"),
        ("ripe", "removed"),
        ("sweet", "removed"),
        ("sweet", "accepted"),
        ("ripe", "accepted"),
    ]
    assert [entry.undone_by for entry in copied[3:]] == [copied[2].id, copied[1].id]
    assert undo_entries(archive, [copied[0].id]).entries == [copied[0].id]
    assert check_archive(archive) == []


def test_a_check_finds_verdicts_that_the_log_does_not_have(archive: Archive, pear: str) -> None:
    record_verdict(archive, pear, accept=["ripe", "sweet", "soft"], reject=["plum"])
    assert check_archive(archive) == []
    with archive.store.write() as connection:
        connection.exec_driver_sql("UPDATE verdicts SET accepted = 1 - accepted WHERE hashtag_id = 1")
        connection.exec_driver_sql("UPDATE verdicts SET how = 'bulk' WHERE hashtag_id = 2")
        connection.exec_driver_sql("DELETE FROM verdicts WHERE hashtag_id = 3")
        connection.exec_driver_sql("DELETE FROM verdict_log WHERE hashtag_id = 4")
    before = stands(archive)
    (finding,) = check_archive(archive)
    assert (finding.kind, finding.what) == (
        "verdict log",
        "the log of verdicts does not agree with 4 verdicts",
    )
    (mended,) = check_archive(archive, repair=True)
    assert mended.mended and stands(archive) == before
    assert check_archive(archive) == []
