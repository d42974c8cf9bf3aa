"""What the user is told when a command ends, besides its result."""

import threading


class Notes:
    """Sentences, and remarks on photos, which are counted. Threads may share it."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._remarks: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()

    def add(self, sentence: str) -> None:
        """Note a sentence, once."""
        with self._lock:
            if sentence not in self._sentences:
                self._sentences.append(sentence)

    def remark(self, path: str, remark: str) -> None:
        """Note a remark on a photo."""
        with self._lock:
            first, count = self._remarks.get(remark, (path, 0))
            self._remarks[remark] = first, count + 1

    def lines(self) -> list[str]:
        """Return all of it as lines, and forget it."""
        with self._lock:
            remarks = [
                f"{first}: {remark}" + (f" (others too: {count - 1:,})" if count > 1 else "")
                for remark, (first, count) in self._remarks.items()
            ]
            lines = [*remarks, *self._sentences]
            self._sentences, self._remarks = [], {}
        return lines
