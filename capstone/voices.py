"""Three classical voices: text in, speech out, with the learner's own parts.

"units" joins pieces of recordings, "rules" needs no recording at all, "hmm" is a statistical model of the
phones whose output the WORLD vocoder speaks. The recordings are the synthetic sentences of
`corpora.synth_ljs`, whose phones have known times.

    voices = train()
    voices.save("voices.npz")
    speech = voices.say("Call 5 5 2, and ask for the farmer.", "hmm")
"""

from __future__ import annotations

import json
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from capstone.connected_jobs import lab
from capstone.errors import CapstoneError
from capstone.model_file import write_arrays
from capstone.voice_speaking import PAUSE, Manner, Sound, speak_hmm, speak_rules, speak_units
from capstone.voice_training import learn
from labkit import corpora
from labkit.corpora import Corpus, CorpusError, espeak

BY_RULE = "rules"  # learnt from nothing
VOICES = {"units": "unit selection", BY_RULE: "formant rules", "hmm": "HMM and WORLD"}
SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "My voice is made of pieces, and nobody ever said this sentence.",
    "Please call me at 5 0 7, 2 4 9 3.",
    "The north wind and the sun argued about who was stronger.",
    "A rainbow is a division of white light into many beautiful colors.",
    "Can you hear the difference between these three machines?",
)
LONGEST_TEXT = 200  # characters
N_SENTENCES = 300  # 16 minutes of speech; twice as many were no more intelligible
FAST_SENTENCES = 60
PEAK = 0.9
FORMAT = 1
KIND = "classical voices"
LABS = (
    "t03_mel_features",
    "t05_hmm",
    "t06_gmm",
    "t08a_formants_and_lpc",
    "t08b_unit_selection",
    "t08c_world_vocoder",
    "c01_digit_recognizer",
    "c03_classical_voice",
)
LABELS = ("left", "right", "previous", "next")  # of the units
PHONE_KEYS = (
    "means",
    "variances",
    "duration_means",
    "duration_variances",
    "f0_means",
    "f0_variances",
    "f0_voiced",
)
PLAIN = Manner()


@dataclass(frozen=True)
class Speech:
    """Something that a voice said.

    Attributes:
        samples: float64, peak 0.9.
        text: as said: words, and a comma where a pause is.
        phones: [{"phone", "start", "end"}] in seconds; the phone as eSpeak writes it, "sil" for a pause.
    """

    samples: Float[np.ndarray, "time"]
    sample_rate: int
    text: str
    words: list[str]
    phones: list[dict[str, Any]]


@dataclass(frozen=True)
class ClassicalVoices:
    """What the three voices know.

    Attributes:
        inventory: the units of all recordings, as `build_inventory` gives them.
        model: of the phones: "phones" (label → arrays), "sample_rate", "hop_length", "n_fft", "alpha",
            "global_variance".
        about: where they come from: "corpus", "real", "sentences", "speech_seconds", "units", "phones",
            "seconds" of training, "fast", "parts".
    """

    inventory: dict[str, Any]
    model: dict[str, Any]
    about: dict[str, Any]

    def say(self, text: str, voice: str, manner: Manner = PLAIN) -> Speech:
        """Text as speech.

        Args:
            text: English, at most LONGEST_TEXT characters; numbers are read digit by digit.
            voice: one of VOICES.
            manner: how it is said.
        Raises:
            CapstoneError: if the text is empty, too long or cannot be said, or there is no such voice.
        """
        check_voice(voice)
        words, labels = pronounce([text])[0]
        return self.speak(words, labels, voice, manner)

    def speak(self, words: list[str], labels: list[str], voice: str, manner: Manner = PLAIN) -> Speech:
        """Phones as speech.

        Args:
            words, labels: as from `pronounce`.
            voice, manner: as in `say`.
        Raises:
            CapstoneError: if the voice cannot say a phone, or there is no such voice.
        """
        check_voice(voice)
        try:
            if voice == "units":
                sound = speak_units(self.inventory, labels, manner)
            elif voice == BY_RULE:
                sound = speak_rules(labels, manner)
            else:
                sound = speak_hmm(self.model, labels, manner)
        except ValueError as error:
            raise CapstoneError(f"the voice “{VOICES[voice]}” cannot say this: {error}") from error
        return as_speech(sound, words)

    def save(self, path: str | Path) -> None:
        """Write the voices as one npz file; an older one is replaced only when the new one is complete.

        Raises:
            CapstoneError: if the file cannot be written.
        """
        units, phones = self.inventory, self.model["phones"]
        names = sorted({label for key in LABELS for label in units[key]})
        number = {name: k for k, name in enumerate(names)}
        plain = [key for key in units if key not in (*LABELS, "samples", "sample_rate")]
        arrays = {f"units/{key}": np.array([number[label] for label in units[key]]) for key in LABELS}
        arrays |= {f"units/{key}": np.asarray(units[key]) for key in plain}
        arrays["units/samples"] = _in_16_bits(units["samples"])
        arrays["hmm/states"] = np.array([len(phone["f0_voiced"]) for phone in phones.values()])
        for key in PHONE_KEYS:
            arrays[f"hmm/{key}"] = np.concatenate([phone[key] for phone in phones.values()])
        arrays["hmm/global_variance"] = self.model["global_variance"]
        header = {
            "format": FORMAT,
            "kind": KIND,
            "labels": names,
            "units": plain,
            "unit_rate": units["sample_rate"],
            "phones": list(phones),
            "model": {key: self.model[key] for key in ("sample_rate", "hop_length", "n_fft", "alpha")},
            "about": self.about,
        }
        write_arrays(Path(path), header, arrays)

    @classmethod
    def load(cls, path: str | Path) -> ClassicalVoices:
        """The voices in a file that `save` wrote.

        Raises:
            CapstoneError: if it does not exist, is damaged or of another kind.
        """
        path = Path(path)
        if not path.is_file():
            raise CapstoneError(
                f"{path} does not exist: `speechlab capstone demo --stage classical` trains the voices"
            )
        try:
            with np.load(path, allow_pickle=False) as file:
                header = json.loads(str(file["header"]))
                if header.get("kind") != KIND or header["format"] != FORMAT:
                    raise CapstoneError(f"{path} holds no classical voices of format {FORMAT}")
                names = header["labels"]
                inventory: dict[str, Any] = {key: [names[k] for k in file[f"units/{key}"]] for key in LABELS}
                inventory |= {key: file[f"units/{key}"] for key in header["units"]}
                inventory["samples"] = _from_16_bits(file["units/samples"])
                inventory["sample_rate"] = header["unit_rate"]
                ends = np.cumsum(file["hmm/states"])
                tables = {key: np.split(file[f"hmm/{key}"], ends[:-1]) for key in PHONE_KEYS}
                phones = {
                    label: {key: tables[key][k] for key in PHONE_KEYS}
                    for k, label in enumerate(header["phones"])
                }
                model = {"phones": phones, "global_variance": file["hmm/global_variance"], **header["model"]}
            return cls(inventory, model, header["about"])
        except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise CapstoneError(
                f"{path} holds no classical voices, or is damaged ({type(error).__name__}): train again with "
                "`speechlab capstone demo --stage classical`"
            ) from error


def train(
    fast: bool = False,
    console: Any = None,
    corpus: Corpus | None = None,
    progress: bool = True,
    processes: int | None = None,
) -> ClassicalVoices:
    """Cut the units of a corpus, and train the models of its phones.

    Args:
        fast: use a fifth of the sentences.
        console: to print on.
        corpus: clips of one voice with `phonemes`; None for sentences of `corpora.synth_ljs`.
        progress: show bars.
        processes: how many work at it; None for two.
    Raises:
        CapstoneError: if there are no sentences to learn from.
    """
    from capstone.commands import say

    if corpus is None:
        try:
            corpus = corpora.synth_ljs(FAST_SENTENCES if fast else N_SENTENCES)
        except CorpusError as error:
            raise CapstoneError(str(error)) from error
    clips = [clip for clip in corpus if clip.phonemes]
    if not clips:
        raise CapstoneError(f"the corpus {corpus.name} has no clips whose phones have times")
    started = time.perf_counter()
    of = "a person" if corpus.real else "a synthetic voice, not of a person"
    say(console, f"Voices: {corpus.name}, {len(clips)} sentences of {of}")
    rate = corpus.sample_rate
    inventory, model = learn([(c.samples, list(c.phonemes or ())) for c in clips], rate, progress, processes)
    about = {
        "corpus": corpus.name,
        "real": corpus.real,
        "sentences": len(clips),
        "speech_seconds": round(len(inventory["samples"]) / rate, 1),
        "units": len(inventory["left"]),
        "phones": len(model["phones"]),
        "seconds": round(time.perf_counter() - started, 2),
        "fast": fast,
        "parts": who_wrote(),
    }
    return ClassicalVoices(inventory, model, about)


def pronounce(texts: list[str]) -> list[tuple[list[str], list[str]]]:
    """Words and phones of texts: (words and "," for a pause, eSpeak's phones with "sil" for a pause).

    Raises:
        CapstoneError: if a text is empty, too long, or cannot be said.
    """
    said: list[list[str]] = []
    for text in texts:
        if not text.strip():
            raise CapstoneError("there is no text to say")
        if len(text) > LONGEST_TEXT:
            raise CapstoneError(f"the text has {len(text)} characters, expected at most {LONGEST_TEXT}")
        try:
            said.append(lab("c03_classical_voice").number_words(text))
        except ValueError as error:
            raise CapstoneError(f"this text cannot be said: {error}") from error
    clauses = [" ".join(words).split(" , ") for words in said]
    try:
        spelled = iter(espeak.phonemize([clause for some in clauses for clause in some]))
    except CorpusError as error:
        raise CapstoneError(str(error)) from error
    found = []
    for words, some in zip(said, clauses, strict=True):
        labels = [PAUSE]
        for clause in some:
            phones = [phone for phone in next(spelled).replace(" ", "_").split("_") if phone]
            if not phones:
                raise CapstoneError(f"nobody knows how to say “{clause}”")
            labels += [*phones, PAUSE]
        found.append((words, labels))
    return found


def as_speech(sound: Sound, words: list[str]) -> Speech:
    """The sound at one level, with what was said."""
    samples = np.asarray(sound.samples, dtype=np.float64)
    samples = samples * (PEAK / max(float(np.abs(samples).max(initial=0.0)), 1e-9))
    phones = [{"phone": label, "start": start, "end": end} for label, start, end in sound.phones]
    text = " ".join(words).replace(" ,", ",")
    return Speech(samples, sound.sample_rate, text, [word for word in words if word != ","], phones)


def check_voice(voice: str) -> None:
    """Whether there is such a voice.

    Raises:
        CapstoneError: if not.
    """
    if voice not in VOICES:
        raise CapstoneError(f"there is no voice {voice!r}, expected {', '.join(VOICES)}")


def who_wrote() -> list[dict[str, str]]:
    """Every part of the labs and who answers it: [{"lab", "part", "by": "yours" | "reference"}]."""
    from labkit.parts import report

    return report(list(LABS))


def _in_16_bits(samples: np.ndarray) -> np.ndarray:
    """Samples that came from 16 bits as these; others as they are."""
    whole = np.round(samples * 32768)
    exact = np.array_equal(whole / 32768, samples) and whole.min() >= -32768 and whole.max() <= 32767
    return whole.astype(np.int16) if exact else samples


def _from_16_bits(samples: np.ndarray) -> np.ndarray:
    return samples / 32768 if samples.dtype == np.int16 else samples
