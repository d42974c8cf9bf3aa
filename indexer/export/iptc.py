"""IPTC keywords: which fields a photo has, and how they change with this product's tags."""

from typing import Any

from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_tags import note_before, noted_before, places_of

_WITH_IPTC = {"JPEG", "TIFF"}  # few programs read IPTC in other types
_NO_IPTC = {"SourceFile", "FileType", "IPTCDigest", "CurrentIPTCDigest"}
# exiftool adds these itself
_RECORD = ("EnvelopeRecordVersion", "CodedCharacterSet", "ApplicationRecordVersion")


class IptcChange:
    """The change of IPTC keywords from `old` to `new` ones of ours; `expected` are all keywords afterwards."""

    def __init__(self, iptc: dict[str, Any], keywords: list[str], old: list[str], new: list[str]) -> None:
        self._iptc, self._old, self._new = iptc, old, new
        gone = {word for word in old if word not in new}
        self._added = [word for word in new if word not in old or word not in keywords]
        self.expected = [word for word in keywords if word not in gone] + self._added

    def arguments(self, had: list[str] | None) -> list[str]:
        """Return exiftool's arguments; `had` are the fields of `_RECORD` before ours, None if unknown."""
        known = set(self._iptc) - _NO_IPTC
        if self._old and not self.expected and not had and not known - {"Keywords", *_RECORD}:
            return ["-IPTC:all="]  # the photo had no IPTC before
        gone = [word for word in self._old if word not in self._new]
        arguments = [f"-IPTC:Keywords-={word}" for word in gone]
        arguments += [f"-IPTC:Keywords+={word}" for word in self._added]
        if self._added and not known:
            arguments.append("-IPTC:CodedCharacterSet=UTF8")
        if gone and not self._new and had is not None:
            arguments += [f"-IPTC:{name}=" for name in _RECORD if name not in had and name in known]
        if arguments and "IPTCDigest" in self._iptc:
            is_current = self._iptc["IPTCDigest"] == self._iptc.get("CurrentIPTCDigest")
            arguments += ["-IPTCDigest=new"] if is_current else []
        return arguments


def note_record(xmp: Xmp, iptc: dict[str, Any]) -> list[str] | None:
    """Return which fields of `_RECORD` a photo had before ours; note it in its XMP while that has ours in IPTC."""
    noted = noted_before(xmp, "iptc")
    if noted is None and "iptc" in places_of(xmp):
        noted = " ".join(name for name in _RECORD if name in iptc)
    if noted is not None:
        note_before(xmp, "iptc", noted if "iptc" in places_of(xmp) else None)
    return None if noted is None else noted.split()


def has_iptc(iptc: dict[str, Any]) -> bool:
    """Whether IPTC can be written; ours is UTF-8, which could garble texts of undeclared encoding."""
    known = set(iptc) - _NO_IPTC
    return iptc.get("FileType") in _WITH_IPTC and (not known or iptc.get("CodedCharacterSet") == "UTF8")


def listed(value: Any) -> list[str]:
    """Return a field's texts; exiftool gives one that reads `true` or `false` without quotes."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
