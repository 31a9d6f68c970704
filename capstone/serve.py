"""`speechlab capstone serve`: a page on this machine that speaks what is typed and reads what is said.

A tornado server with one set of models. Work is done in one thread beside the loop, so that the page
answers meanwhile. It listens on this machine only unless told otherwise, answers no page of another origin,
and hands out nothing but its own page with its sounds and pictures.

    GET  /api/status            what is loaded, and the limits
    GET  /api/sentences         sentences to pick from, and the voices
    POST /api/speak             {"text", "voice"} -> audio/wav, or JSON where that is asked for
    POST /api/transcribe        a sound file -> words and their times
    GET  /api/recordings        recordings to pick from; /api/recordings/<id> -> audio/wav

What the user can cause is answered as {"error": sentence}.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import ipaddress
import json
import logging
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import responses
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado import httpserver, web

from capstone import live_page
from capstone.commands import say
from capstone.errors import CapstoneError
from capstone.live_models import LARGEST_RECORDING, Models, find_page, load, longest_text, voice_names
from labkit.corpora import CorpusError
from labkit.parts import PartsError

HOST, PORT = "127.0.0.1", 8765
PORTS_TRIED = 20  # from PORT on, before any free one is taken
LARGEST_TEXT = 64 * 2**10  # bytes of JSON
LARGEST_BODY = 2**30  # bytes; what is larger than allowed is read and dropped, so that the sentence arrives
SERVED = (".html", ".png", ".wav")
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "media-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


# --- requests --------------------------------------------------------------------------------------------


def may_ask(host: str, own: str) -> bool:
    """Whether a request under this Host header is answered: a number, localhost, or what `--host` says.

    A page of somebody else can have its own name point to this machine and would then be let in by the
    browser; its name gives it away.
    """
    name = _hostname(host)
    if name in ("localhost", own.lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class Guarded(web.RequestHandler):
    """Answers the page that this server serves, and nobody else's."""

    def set_default_headers(self) -> None:
        self.set_header("Server", "speechlab")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Referrer-Policy", "no-referrer")

    def prepare(self) -> None:
        host = self.request.headers.get("Host", "")
        if not may_ask(host, self.settings["own_host"]):
            raise web.HTTPError(403, reason="Unknown host name")
        origin = self.request.headers.get("Origin")
        if self.request.method == "POST" and origin is not None and urlsplit(origin).netloc != host:
            raise web.HTTPError(403, reason="Another page may not ask")

    def write_error(self, status_code: int, **details: Any) -> None:
        error = details.get("exc_info", (None, None))[1]
        reason = error.reason if isinstance(error, web.HTTPError) else None
        self.answer_error(reason or responses.get(status_code, f"status {status_code}"))

    def answer_error(self, sentence: str) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps({"error": sentence}, ensure_ascii=False))

    def answer(self, found: Any) -> None:
        """JSON, which only this page may read and nobody keeps."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(found, ensure_ascii=False))

    @property
    def models(self) -> Models:
        return self.settings["models"]


@web.stream_request_body
class Work(Guarded):
    """A request with a body, and work to be done for it in the thread beside the loop."""

    largest = LARGEST_TEXT
    what = "the request"

    def initialize(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def data_received(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= self.largest:
            self._pieces.append(chunk)
        else:
            self._pieces.clear()

    async def work(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """What `action` returns; None if it failed, and the answer then says why."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.settings["executor"], action, *arguments)
        except (CapstoneError, CorpusError) as error:
            self.set_status(400)
            self.answer_error(str(error))
        except PartsError as error:
            self.set_status(500)
            self.answer_error(str(error))
        return None

    def body(self) -> bytes | None:
        """The body; None if it is too large, and the answer then says so."""
        if self._size > self.largest:
            self.set_status(413)
            limit = f"{self.largest / 2**20:g} MB" if self.largest >= 2**20 else f"{self.largest} bytes"
            self.answer_error(f"{self.what} has {self._size} bytes, expected at most {limit}")
            return None
        return b"".join(self._pieces)


class Speak(Work):
    async def post(self) -> None:
        data = self.body()
        if data is None:
            return
        try:
            asked = json.loads(data)
            said, voice = asked["text"], asked["voice"]
            understood = isinstance(said, str) and isinstance(voice, str)
        except (ValueError, KeyError, TypeError):
            understood = False
        if not understood:
            self.set_status(400)
            self.answer_error('the request is not understood, expected {"text": "…", "voice": "…"} as JSON')
            return
        found = await self.work(self.models.speak, said, voice)
        if found is None:
            return
        if "application/json" in self.request.headers.get("Accept", ""):
            self.answer(found | {"wav": base64.b64encode(found["wav"]).decode("ascii")})
            return
        self.set_header("Content-Type", "audio/wav")
        self.set_header("Cache-Control", "no-store")
        self.finish(found["wav"])


class Transcribe(Work):
    largest = LARGEST_RECORDING
    what = "the recording"

    async def post(self) -> None:
        data = self.body()
        if data is None:
            return
        found = await self.work(self.models.transcribe, data)
        if found is not None:
            self.answer(found)


class Status(Guarded):
    def get(self) -> None:
        self.answer(self.models.status())


class Sentences(Guarded):
    def get(self) -> None:
        from capstone.voices import SENTENCES

        self.answer({"sentences": list(SENTENCES), "voices": voice_names(), "longest_text": longest_text()})


class RecordingList(Guarded):
    def get(self) -> None:
        shown = [
            {"id": name, "name": entry["name"], "said": entry["said"]}
            for name, entry in self.models.recordings.items()
            if entry["file"].is_file()
        ]
        self.answer(shown)


class Recording(Guarded):
    def get(self, name: str) -> None:
        entry = self.models.recordings.get(name)
        if entry is None or not entry["file"].is_file():
            raise web.HTTPError(404, reason="there is no such recording")
        self.set_header("Content-Type", "audio/wav")
        self.finish(entry["file"].read_bytes())


class Page(Guarded):
    """The server's own page, made when it is asked for."""

    def get(self) -> None:
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Cache-Control", "no-cache")
        self.finish(live_page.own_page(self.models.result, self.models.folder, self.settings["command"]))


class Files(Guarded, web.StaticFileHandler):
    """The page of `make demo`, or the sounds and pictures of the server's own: nothing else of the folder."""

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        path = Path(absolute_path)
        inside = path.resolve().is_relative_to(Path(root).resolve())  # links may lead out of the folder
        if not inside or (path.suffix not in SERVED and path != Path(root)):
            raise web.HTTPError(404)
        return super().validate_absolute_path(root, absolute_path)

    def get_content_type(self) -> str:
        return "audio/wav" if str(self.absolute_path).endswith(".wav") else super().get_content_type()

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")
        if str(self.absolute_path) == str(Path(self.root) / str(self.default_filename)):
            self.set_header("Content-Security-Policy", POLICY)


class Nothing(Guarded):
    def prepare(self) -> None:
        super().prepare()
        raise web.HTTPError(404, reason="there is nothing at this address")


def application(
    models: Models, executor: ThreadPoolExecutor, page: Path | None, own_host: str = HOST, command: str = ""
) -> web.Application:
    """The server's addresses.

    Args:
        page: of `make demo`, served with what lies beside it; None for the server's own.
        own_host: the name or number that it listens on.
        command: that serves the page, shown on it.
    """
    own: list[Any] = [("/", Page), (r"/(.*)", Files, {"path": str(models.folder)})]
    if page is not None:
        own = [(r"/(.*)", Files, {"path": str(page.parent), "default_filename": page.name})]
    return web.Application(
        [
            ("/api/status", Status),
            ("/api/sentences", Sentences),
            ("/api/speak", Speak),
            ("/api/transcribe", Transcribe),
            ("/api/recordings", RecordingList),
            (r"/api/recordings/([^/]+)", Recording),
            (r"/api/.*", Nothing),
            *own,
        ],
        models=models,
        executor=executor,
        own_host=own_host,
        command=command,
        log_function=lambda handler: None,  # no line for every request
    )


# --- the server ------------------------------------------------------------------------------------------


def listen(host: str, port: int | None) -> socket.socket:
    """A socket at a port; None takes PORT, one of the next, or any free one.

    Raises:
        CapstoneError: if the port is taken, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for tried in [*range(PORT, PORT + PORTS_TRIED), 0] if port is None else [port]:
        try:
            found = socket.create_server((host, tried), family=family, backlog=128)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port is None:
                continue
            if error.errno == errno.EADDRINUSE:
                raise CapstoneError(
                    f"port {tried} of {host} is taken: choose another one with --port, or 0 for any free one"
                ) from error
            raise CapstoneError(
                f"port {tried} of {host} cannot be used: {error.strerror or error}"
            ) from error
        found.setblocking(False)
        return found
    raise CapstoneError(f"no port of {host} is free")


def address(bound: socket.socket) -> str:
    """Where a browser finds the server."""
    host, port = bound.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = HOST
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(
    folder: Path, host: str = HOST, port: int | None = None, console: Any = None, command: str = ""
) -> None:
    """Serve until Ctrl-C.

    Args:
        folder: of `make demo`, or one that `speechlab capstone demo --stage classical` has filled.
        host, port: where to listen; see `listen`.
        console: to print on.
        command: that the user gave, shown on the page for the next time.
    Raises:
        CapstoneError: if the port is taken, or there are no models; the message says what to do.
    """
    page, place = find_page(folder.resolve())
    bound = listen(host, port)
    executor = ThreadPoolExecutor(1, "speech")
    try:
        models = load(place, console)
        for problem in models.problems:
            say(console, problem)
        if ipaddress.ip_address(bound.getsockname()[0]).is_unspecified:
            say(console, "Whoever reaches this machine can use it: there is no password.")
        say(console, f"Open {address(bound)} in a browser. Ctrl-C stops the server.")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(until_stopped(application(models, executor, page, host, command), bound))
        say(console, "Stopped.")
    finally:
        bound.close()
        executor.shutdown(wait=False, cancel_futures=True)


async def until_stopped(app: web.Application, bound: socket.socket) -> None:
    """Serve until the task is cancelled, which is what Ctrl-C does, or SIGTERM comes."""
    stopped = asyncio.Event()
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    logging.getLogger("tornado.general").setLevel(logging.ERROR)  # what clients send wrong is their business
    server = httpserver.HTTPServer(app, max_body_size=LARGEST_BODY)
    server.add_sockets([bound])
    try:
        await stopped.wait()
    finally:
        server.stop()
        await server.close_all_connections()
