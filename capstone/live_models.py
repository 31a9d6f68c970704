"""What `speechlab capstone serve` answers with: a recogniser, voices, recordings to pick, read once."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from capstone.classical import VOICES_FILE
from capstone.commands import say
from capstone.connected import LONGEST, ConnectedRecognizer
from capstone.errors import CapstoneError

LARGEST_RECORDING = 16 * 2**20  # bytes; a minute of stereo at 48 kHz and 16 bits has 11.5 million
HIGHEST_RATE = 384_000  # samples a second
MODELS = {"recognizer": "connected.npz", "voices": VOICES_FILE}
RESULT = "classical.json"  # what the demo found, beside the models
DEMO_FOLDER = Path("capstone") / "classical"  # of the models in the folder of `make demo`
MAKE = "`speechlab capstone demo --stage classical`"


@dataclass(frozen=True)
class Models:
    """What the server answers with.

    Attributes:
        recognizer, voices: None where there is no model.
        result: what `capstone.classical.demo` returned when the models were made; None if that is not known.
        folder: where its sounds and pictures lie.
        problems: what is missing, a sentence each.
        parts: who wrote the parts that answer: [{"lab", "part", "by": "yours" | "reference"}].
    """

    recognizer: ConnectedRecognizer | None
    voices: Any
    result: dict[str, Any] | None
    folder: Path
    problems: list[str] = field(default_factory=list)
    parts: list[dict[str, str]] = field(default_factory=list)

    @property
    def recordings(self) -> dict[str, dict[str, Any]]:
        """id → a recording to pick."""
        clips = (self.result or {}).get("clips", [])
        return {
            Path(clip["wav"]).stem: {
                "name": f"{clip['speaker']}: {clip['said']}",
                "said": clip["said"],
                "file": self.folder / Path(clip["wav"]).name,
            }
            for clip in clips
        }

    def status(self) -> dict[str, Any]:
        """What the page needs to know."""
        heard = self.recognizer
        return {
            "recognizer": heard and {"about": _short(heard.about)},
            "voices": self.voices and {"about": _short(self.voices.about), "names": voice_names()},
            "problems": self.problems,
            "parts": self.parts,
            "longest_text": longest_text(),
            "longest_seconds": LONGEST,
            "largest_bytes": LARGEST_RECORDING,
        }

    def speak(self, text: str, voice: str) -> dict[str, Any]:
        """Speech with its phones, and the sound as a WAV file.

        Raises:
            CapstoneError: if there are no voices, or the text cannot be said.
        """
        from labkit.players import wav_bytes

        if self.voices is None:
            raise CapstoneError(_missing(self.folder / MODELS["voices"]))
        speech = self.voices.say(text, voice)
        return {
            "text": speech.text,
            "words": speech.words,
            "phones": speech.phones,
            "seconds": len(speech.samples) / speech.sample_rate,
            "sample_rate": speech.sample_rate,
            "wav": wav_bytes(speech.samples, speech.sample_rate),
        }

    def transcribe(self, data: bytes) -> dict[str, Any]:
        """The words of a sound file, as `capstone.classical.transcribe` gives them.

        Raises:
            CapstoneError: if there is no recogniser, or the file cannot be used; the message says why.
        """
        if self.recognizer is None:
            raise CapstoneError(_missing(self.folder / MODELS["recognizer"]))
        with tempfile.TemporaryDirectory(prefix="speechlab-") as folder:
            path = Path(folder) / "recording"
            path.write_bytes(data)
            try:
                _refuse_endless(path)
                found = self.recognizer.transcribe(path)
            except CapstoneError as error:
                raise CapstoneError(str(error).replace(str(path), "the recording")) from error
        about = self.recognizer.about
        found.pop("file")
        return found | {"real": about["real"], "corpus": about["corpus"]}


def voice_names() -> dict[str, str]:
    """Short name of each voice → its name in words."""
    from capstone.voices import VOICES

    return dict(VOICES)


def longest_text() -> int:
    """Characters that a voice says at most."""
    from capstone.voices import LONGEST_TEXT

    return LONGEST_TEXT


def load(folder: Path, console: Any = None) -> Models:
    """The models in a folder that `speechlab capstone demo --stage classical` has filled.

    Raises:
        CapstoneError: if there is none, or one is damaged.
    """
    from labkit.parts import report

    paths = {kind: folder / name for kind, name in MODELS.items()}
    problems = [_missing(path) for path in paths.values() if not path.is_file()]
    if len(problems) == len(paths):
        names = " and ".join(MODELS.values())
        raise CapstoneError(f"{folder} holds no models ({names}): make them first with {MAKE}")
    heard = ConnectedRecognizer.load(paths["recognizer"]) if paths["recognizer"].is_file() else None
    voices = None
    if paths["voices"].is_file():
        from capstone.voices import ClassicalVoices

        voices = ClassicalVoices.load(paths["voices"])
    # whose parts these are is found out here: it may run checks, which wants the main thread
    labs = dict.fromkeys(p["lab"] for m in (heard, voices) if m is not None for p in m.about["parts"])
    say(console, "Looking up whose parts these are …")
    parts = report(list(labs))
    if heard is not None:
        heard.graph  # noqa: B018  (made once, now, and not while somebody waits)
    return Models(heard, voices, read_result(folder), folder, problems, parts)


def _missing(path: Path) -> str:
    return f"{path} does not exist: {MAKE} makes it"


def read_result(folder: Path) -> dict[str, Any] | None:
    """What the demo found, None if there is no file of it.

    Raises:
        CapstoneError: if it is damaged.
    """
    try:
        found = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CapstoneError(f"{folder / RESULT} cannot be read ({error}): {MAKE} makes it again") from error
    if not isinstance(found, dict) or not {"clips", "voices"} <= set(found):
        raise CapstoneError(
            f"{folder / RESULT} holds no results of the classical stage: {MAKE} makes it again"
        )
    return found


def _refuse_endless(path: Path) -> None:
    """A small file may announce hours of sound, or a rate that no sound has: it is not unpacked."""
    import soundfile

    try:
        about = soundfile.info(path)
    except soundfile.SoundFileError:
        return  # the recogniser says what is wrong with it
    if about.duration > LONGEST:
        raise CapstoneError(f"{path} lasts longer than {LONGEST:g} s, which is the most that is read")
    if about.samplerate > HIGHEST_RATE:
        raise CapstoneError(
            f"{path} has {about.samplerate} samples a second, expected at most {HIGHEST_RATE}"
        )


def _short(about: dict[str, Any]) -> dict[str, Any]:
    """What is shown of where a model comes from."""
    return {name: value for name, value in about.items() if name not in ("parts", "development")}


def find_page(folder: Path) -> tuple[Path | None, Path]:
    """The page of `make demo` in a folder, None if there is none; and the folder of the models.

    Raises:
        CapstoneError: if the folder does not exist.
    """
    if not folder.is_dir():
        raise CapstoneError(
            f"{folder} does not exist: `make demo` makes the folder demo; "
            "`speechlab capstone demo --stage classical` makes models of your own"
        )
    page = folder / "index.html"
    return (page, folder / DEMO_FOLDER) if page.is_file() else (None, folder)
