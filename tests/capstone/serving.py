"""A running server for tests: on a free port, in a thread of its own, with quick models that pretend."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import urlsplit

import numpy as np

from capstone import serve
from capstone.errors import CapstoneError
from capstone.live_models import Models
from labkit.corpora import UnreadableAudio, read_audio
from labkit.players import wav_bytes

RATE = 8000
PARTS = [
    {"lab": "c02_connected_words", "part": "decode_string", "by": "yours"},
    {"lab": "t05_hmm", "part": "viterbi", "by": "reference"},
]


def tone(seconds: float = 1.2, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


class PretendedRecognizer:
    """Hears "four two" in everything that has samples."""

    about: ClassVar = {"corpus": "tones", "real": False, "parts": PARTS, "development": [1]}

    def transcribe(self, path: Path) -> dict[str, Any]:
        try:
            samples, rate = read_audio(path)
        except UnreadableAudio as error:
            raise CapstoneError(str(error)) from error
        if not np.any(samples):
            raise CapstoneError(f"{path} is silent, expected spoken words")
        words = [{"word": "four", "start": 0.1, "end": 0.5}, {"word": "two", "start": 0.6, "end": 1.0}]
        return {"file": str(path), "text": "four two", "words": words, "seconds": len(samples) / rate}


class PretendedVoices:
    """Says everything as a tone."""

    about: ClassVar = {"corpus": "tones", "fast": False, "parts": PARTS}

    def say(self, text: str, voice: str) -> SimpleNamespace:
        if voice not in serve.voice_names():
            raise CapstoneError(f"there is no voice {voice!r}")
        if "%" in text:
            raise CapstoneError("“%” cannot be said")
        phones = [{"phone": "ɹ", "start": 0.0, "end": 0.5}, {"phone": "<b>", "start": 0.5, "end": 1.2}]
        words = text.split()
        return SimpleNamespace(samples=tone(), sample_rate=RATE, text=text, words=words, phones=phones)


def errors(wrong: int, words: int, low: float, high: float) -> dict[str, Any]:
    kinds = {"substitutions": wrong, "deletions": 0, "insertions": 0}
    return {"rate": wrong / words, "interval": [low, high], "words": words, **kinds}


def result(folder: Path) -> dict[str, Any]:
    """What `capstone.classical.demo` returns, as far as pages read it; its sounds are written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("string-0-<ann>", "voice-0-units", "voice-0-rules", "voice-0-hmm"):
        (folder / f"{name}.wav").write_bytes(wav_bytes(tone(), RATE))
        (folder / f"{name}.png").write_bytes(b"\x89PNG")
    names = serve.voice_names()

    def row(voice: str, name: str, wrong: int = 7, **manner: float) -> dict[str, Any]:
        found = {"words": 100, "errors": wrong, "word_error_rate": wrong / 100, "interval": [0.03, 0.12]}
        noisy = {"no noise": found, "20 dB": {**found, "word_error_rate": 0.5}}
        return {
            **{"voice": voice, "name": name, "speed": 1.0, "formants": 1.0, **found, **manner},
            **{"by_condition": noisy, "confusions": {}},
        }

    spoken = {"natural": "natural recordings", "source": "the source voice", **names}
    return {
        "corpus": "fsdd",
        "real": True,
        "kind": "recordings of people",
        "fast": False,
        "noisy": errors(45, 900, 0.04, 0.06),
        "by_condition": {"no noise": errors(0, 300, 0.0, 0.013), "20 dB": errors(3, 300, 0.001, 0.02)},
        "in_white": {"5 dB": errors(60, 300, 0.17, 0.24)},
        "real_time_factor": 0.03,
        "target": 0.08,
        "parts": copy.deepcopy(PARTS),
        "clips": [
            {
                "said": "four two",
                "heard": "four nine",
                "words": [
                    {"word": "four", "start": 0.1, "end": 0.5},
                    {"word": "nine", "start": 0.6, "end": 1.0},
                ],
                "right": False,
                "speaker": "<ann>",
                "snr_db": 10.0,
                "noise": "noise4",
                "wav": "string-0-<ann>.wav",
                "plot": "string-0-<ann>.png",
            }
        ],
        "voices": {
            "intelligibility": [
                row(voice, name, formants=0.8 if voice == "units" else 1.0) for voice, name in spoken.items()
            ],
            "as_recorded": [row("units", names["units"], 33)],
            "examples": [
                {
                    "text": "Is it <ten>?",
                    "voice": voice,
                    "name": name,
                    "wav": f"voice-0-{voice}.wav",
                    "plot": f"voice-0-{voice}.png",
                }
                for voice, name in names.items()
            ],
            "sentences": ["Is it <ten>?"],
            "about": {
                "corpus": "synth_ljs",
                "real": False,
                "sentences": 300,
                "fast": False,
                "parts": copy.deepcopy(PARTS),
            },
        },
    }


def models(folder: Path, **changed: Any) -> Models:
    """Quick models with one recording to pick."""
    found: dict[str, Any] = {
        "recognizer": PretendedRecognizer(),
        "voices": PretendedVoices(),
        "result": result(folder),
        "folder": folder,
        "parts": PARTS,
    }
    return Models(**{**found, **changed})


@contextmanager
def running(loaded: Models, page: Path | None = None, own_host: str = serve.HOST) -> Iterator[str]:
    """The address of a server that runs until the end of the block."""
    executor = ThreadPoolExecutor(1)
    bound = serve.listen("127.0.0.1", 0)
    app = serve.application(loaded, executor, page, own_host, "speechlab capstone serve")
    loop = asyncio.new_event_loop()
    task = loop.create_task(serve.until_stopped(app, bound))

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield serve.address(bound)
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()
        executor.shutdown()


class Answer(SimpleNamespace):
    """status, headers, body; and what is in it."""

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"].startswith("application/json"), self.headers["Content-Type"]
        return json.loads(self.body)

    @property
    def error(self) -> str:
        assert list(self.json) == ["error"]
        return self.json["error"]


def ask(address: str, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
    """One request; `headers` are named with _ for -."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, named, encode_chunked=hasattr(body, "__next__"))
        response = connection.getresponse()
        return Answer(status=response.status, headers=response.headers, body=response.read())
    finally:
        connection.close()


def post(address: str, path: str, body: Any, **headers: str) -> Answer:
    """A POST; what is no bytes is sent as JSON."""
    data = body if isinstance(body, bytes) or hasattr(body, "__next__") else json.dumps(body).encode()
    if hasattr(data, "__next__"):
        headers["Transfer_Encoding"] = "chunked"
    return ask(address, path, "POST", data, **headers)
