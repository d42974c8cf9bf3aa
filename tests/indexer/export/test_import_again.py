"""Our own sidecars, imported: what a person accepted is a person's word once, and a guess is nobody's."""

from pathlib import Path

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.learning.corpus import read_corpus
from tests.indexer.export.conftest import done, give_verdict, subjects


def learnt(archive: Archive, photo: Path) -> list[str]:
    """The hashtags of a photo that a rebuild would learn from."""
    corpus = read_corpus(archive.store)
    id = archive.store.exports.photo_ids([str(photo)])[str(photo)]
    if id not in corpus.photo_ids:
        return []
    return [corpus.texts[hashtag] for hashtag in corpus.photo_hashtags[corpus.photo_ids.tolist().index(id)]]


def test_an_accepted_hashtag_counts_once_whether_it_is_read_back_or_not(
    tagged: Archive, photos: Path
) -> None:
    red = photos / "red.png"
    give_verdict(tagged, red, "lunch", True)
    done(tagged, "export", "--to", "xmp", "--threshold", "0.2", photos)
    assert set(subjects(red)) > {"lunch", "red"}
    assert learnt(tagged, red) == ["lunch"]
    done(tagged, "import", "--format", "keywords", photos)
    assert learnt(tagged, red) == ["lunch"]
    assert dict(tagged.store.posts.most_frequent(-1))["lunch"] == 1
    assert learnt(tagged, photos / "blue.png") == []


def test_a_hashtag_that_is_rejected_later_goes_with_the_next_export_and_import(
    tagged: Archive, photos: Path
) -> None:
    red = photos / "red.png"
    give_verdict(tagged, red, "lunch", True)
    for accepted in (True, False):
        give_verdict(tagged, red, "lunch", accepted)
        done(tagged, "export", "--to", "xmp", photos)
        done(tagged, "import", "--format", "keywords", photos)
        assert ("lunch" in dict(tagged.store.posts.most_frequent(-1))) == accepted
        assert learnt(tagged, red) == (["lunch"] if accepted else [])
