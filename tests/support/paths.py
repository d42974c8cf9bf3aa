"""Where the tests find the checkout, and data of their own and of others."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
DATA = ROOT / "tests/data"
CRAWLS = DATA / "crawls"
ARCHIVES = DATA / "archives"
