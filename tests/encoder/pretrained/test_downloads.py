"""Downloads from a server on this machine that answers, lies, hangs or is not there."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hashtag_archive.encoder import EncoderError
from hashtag_archive.encoder.pretrained import downloads
from hashtag_archive.encoder.pretrained.downloads import download
from hashtag_archive.encoder.pretrained.torchvision_networks import TorchvisionNetwork
from hashtag_archive.indexer.progress import silent

CONTENT = bytes(range(256)) * 9000
DIGEST = hashlib.sha256(CONTENT).hexdigest()[:8]


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/hang":
            self.server.released.wait(30)  # type: ignore[attr-defined]
            return
        if self.path == "/gone":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: 5000 if self.path == "/short" else None])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    httpd.released = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.released.set()  # type: ignore[attr-defined]
    httpd.shutdown()


def test_a_file_appears_when_it_is_whole_and_progress_is_reported(server: str, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    download(f"{server}/w.pth", tmp_path / "sub/w.pth", DIGEST, lambda *step: seen.append(step))
    assert (tmp_path / "sub/w.pth").read_bytes() == CONTENT
    assert seen[-1] == ("downloading w.pth", len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("page", "digest", "reason"),
    [
        ("w.pth", "00000000", "its sha256 begins with"),
        ("short", DIGEST, "not downloaded"),
        ("gone", DIGEST, "Not Found"),
        ("hang", DIGEST, "timed out"),
    ],
)
def test_nothing_appears_when_a_download_fails(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str, digest: str, reason: str
) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT", 0.5)
    with pytest.raises(EncoderError, match=reason) as caught:
        download(f"{server}/{page}", tmp_path / "w.pth", digest, silent)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_name_asked_for_without_a_network_ends_in_one_line_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(
            EncoderError, match=r"not downloaded: .*--weights .*--backbone efficientnet-lite0"
        ):
            TorchvisionNetwork("resnet50").pretrained(silent)
