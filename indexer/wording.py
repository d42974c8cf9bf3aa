"""Words of messages: numbers with their nouns."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 photo`, `2,000 photos`; `plural` replaces the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
