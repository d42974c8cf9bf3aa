"""How many of twitter-text's published cases of hashtags hold on the reader of captions.

    python -m benchmarks.quality.twitter_text extract.yml

The file is `conformance/extract.yml` of https://github.com/twitter/twitter-text, which is not part of this project.
A case holds if the words are the expected ones, character by character; indices are not compared, because the
reader gives none. Reading the file needs PyYAML, which the extras `timm` and `dev` bring along.
"""

import argparse
import importlib
from pathlib import Path
from typing import Any

from hashtag_archive.indexer.caption_text import caption_words

SECTIONS = ("hashtags", "hashtags_from_astral", "hashtags_with_indices")


def main() -> None:
    """Print the cases that do not hold, and how many do."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    cases = _cases(parser.parse_args().file)
    held = 0
    for section, case in cases:
        expected = [item["hashtag"] if isinstance(item, dict) else item for item in case["expected"]]
        found = caption_words(case["text"])
        held += found == expected
        if found != expected:
            print(f"{section}: {case['description']}\n  {case['text']!r}: {found}, expected {expected}")
    print(f"{held} of {len(cases)} cases hold ({', '.join(SECTIONS)})")


def _cases(file: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError:
        raise SystemExit("PyYAML is not installed: pip install pyyaml") from None
    tests = yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
    return [(section, case) for section in SECTIONS for case in tests[section]]


if __name__ == "__main__":
    main()
