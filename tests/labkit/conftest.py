"""Caches of their own for the tests of labkit, and a web server that can break off."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# read before any test takes it away for a while
CHOSEN = os.environ.get("SPEECHLAB_MIRROR", "").strip()


@pytest.fixture
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and no mirror."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("SPEECHLAB_CACHE", str(cache))
    monkeypatch.delenv("SPEECHLAB_MIRROR", raising=False)
    return cache


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real recordings, as the person who runs the tests has set it."""
    if not CHOSEN:
        pytest.skip("SPEECHLAB_MIRROR is not set: no recordings to test with")
    return Path(CHOSEN)


class FileServer:
    """Serves one file under any path, with HTTP Range; `cut_after` breaks the next answers off."""

    def __init__(self) -> None:
        self.content = b""
        self.etag: str | None = '"first"'
        self.ranges = True
        self.cut_after: list[int] = []  # bytes after which each of the next answers ends
        self.status: list[int] = []  # statuses of the next answers, instead of the file
        self.requests: list[dict[str, str]] = []
        self.sent: list[int] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(dict(self.headers))
                if server.status:
                    self.send_error(server.status.pop(0))
                    return
                start = server.start_of(self.headers)
                if start is not None and start >= len(server.content):
                    self.send_error(416)
                    return
                body = server.content[start or 0 :]
                self.send_response(200 if start is None else 206)
                self.send_header("Content-Length", str(len(body)))
                if server.etag:
                    self.send_header("ETag", server.etag)
                if start is not None:
                    last = len(server.content)
                    self.send_header("Content-Range", f"bytes {start}-{last - 1}/{last}")
                self.end_headers()
                body = body[: server.cut_after.pop(0)] if server.cut_after else body
                server.sent.append(len(body))  # before: who has read all may look at once
                self.wfile.write(body)
                self.close_connection = True

            def log_message(self, *args) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/archive.tar.gz"

    def start_of(self, headers) -> int | None:
        asked = headers.get("Range")
        if not self.ranges or asked is None:
            return None
        if headers.get("If-Range") not in (None, self.etag):
            return None  # another version by now: the whole file
        return int(asked.removeprefix("bytes=").rstrip("-"))

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses between attempts are noted, not made."""
    pauses: list[float] = []
    sleep: Callable[[float], None] = pauses.append
    monkeypatch.setattr("labkit.corpora.download.time.sleep", sleep)
    return pauses
