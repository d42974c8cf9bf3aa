"""All targets of the fuzzers, each defined once."""

from tests.fuzz.target import Target
from tests.fuzz.targets import crawls, databases, models, photos, texts, xmp

TARGETS: dict[str, Target] = {
    target.name: target for file in (texts, crawls, xmp, photos, models, databases) for target in file.TARGETS
}
