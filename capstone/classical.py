"""What `speechlab capstone demo --stage classical` does: words in noise become text, text becomes speech.

Classical means: no neural network. The recogniser is the one of `capstone.connected`, made of the learner's
own mixtures, n-grams and transducers. The voices are those of `capstone.voices`; the recogniser hears them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from capstone import connected, voices
from capstone.commands import load_digits, parts_text, say
from capstone.connected_evaluation import ConnectedEvaluation
from capstone.connected_jobs import connected_parts
from capstone.connected_strings import make_strings
from capstone.errors import CapstoneError
from capstone.model_file import write_whole
from capstone.recognizer import chosen_clips
from capstone.voice_evaluation import intelligibility
from capstone.voice_speaking import PAUSE
from labkit import corpora
from labkit.corpora import Corpus

EXAMPLES = 6  # strings to listen to
EXAMPLE_SNR = 10.0  # dB
VOICES_FILE = "voices.npz"  # beside the recogniser's model
EXAMPLE_TEXTS = ("3 1 4, 1 5 9 2.", *voices.SENTENCES[:2])  # said by every voice; the first one in fast mode


def demo(
    model_path: str | Path, output_dir: str | Path, fast: bool = False, console: Any = None
) -> dict[str, Any]:
    """Train the recogniser of connected words and three voices, test them, and show some of each.

    Args:
        model_path: where the model is written, and the voices as `VOICES_FILE` in the same folder; older ones
            are replaced only when the new ones are complete.
        output_dir: folder for clips (WAV), plots (PNG) and `classical.json`; made if missing.
        fast: use a fifth of the recordings.
        console: to print on.
    Returns:
        What JSON can hold. File names are relative to `output_dir`.

        - "corpus", "real" (False: synthetic speech or noise), "kind" (the same in words), "fast", "model"
        - as from `ConnectedEvaluation.to_dict`: "noisy", "by_condition", "by_speaker", "by_noise",
          "in_white", "real_time_factor", "target"
        - "parts": [{"lab", "part", "by": "yours" | "reference"}]
        - "clips": [{"said" (text), "heard" (text), "words" [{"word", "start", "end"}, in seconds], "right",
          "speaker", "snr_db", "noise", "wav", "plot"}]
        - "voices": as from `show_voices`
        - "text": the figures as plain text
    Raises:
        CapstoneError: if the corpus is damaged or a file cannot be written.
    """
    corpus = load_digits(console)
    recognizer = connected.train(corpus, fast=fast)
    recognizer.save(model_path)
    say(console, parts_text(recognizer.about["parts"]))
    evaluation = connected.evaluate(corpus, recognizer, fast=fast)
    say(console, evaluation.text())
    folder = Path(output_dir)
    spoken = show_voices(
        Path(model_path).with_name(VOICES_FILE), folder, recognizer, evaluation, fast, console
    )
    found = {
        "corpus": corpus.name,
        "real": evaluation.real,
        "kind": evaluation.kind,
        "fast": fast,
        "model": str(model_path),
        **evaluation.to_dict(),
        "parts": recognizer.about["parts"],
        "clips": _examples(recognizer, corpus, folder, fast),
        "voices": spoken,
        "text": f"{evaluation.text()}\n\n{spoken['text']}",
    }
    write_whole(folder / "classical.json", (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
    for clip in found["clips"]:
        say(console, f"{clip['wav']}: said “{clip['said']}”, heard “{clip['heard']}”")
    for example in spoken["examples"]:
        say(console, f"{example['wav']}: {example['name']}: “{example['text']}”")
    return found


def show_voices(
    path: Path,
    folder: Path,
    recognizer: connected.ConnectedRecognizer,
    natural: ConnectedEvaluation,
    fast: bool = False,
    console: Any = None,
) -> dict[str, Any]:
    """Train the three voices, keep them, measure how well they are understood, and let them speak.

    Args:
        path: of the file of the voices.
        folder: for clips and plots.
        recognizer: who listens.
        natural: how well it understands people.
        fast: use a fifth of the sentences, and listen without noise only.
        console: to print on.
    Returns:
        - "intelligibility", "as_recorded", "text": as from `voice_evaluation.intelligibility`
        - "examples": [{"text", "voice", "name", "wav", "plot"}], in the voices' own manner
        - "sentences": some that are not in the corpus, to pick from
        - "about": of the voices; "model": the file
    """
    trained = voices.train(fast, console)
    trained.save(path)
    about = trained.about
    say(console, parts_text(about["parts"]))
    say(
        console,
        f"{about['sentences']} sentences, {about['speech_seconds'] / 60:.0f} minutes: {about['units']} "
        f"units, models of {about['phones']} phones, in {about['seconds']:.0f} s: {path}",
    )
    found = intelligibility(trained, recognizer, natural, fast)
    say(console, found["text"])
    return {
        **found,
        "examples": _voice_examples(trained, folder, fast),
        "sentences": list(voices.SENTENCES),
        "about": about,
        "model": str(path),
    }


def transcribe(model_path: str | Path, file: str | Path, console: Any = None) -> dict[str, Any]:
    """Say which words are spoken in a file, and when.

    Args:
        model_path: of a model that `demo` wrote.
        file: WAV, FLAC, MP3 or OGG with words that the model knows.
        console: to print on.
    Returns:
        As from `ConnectedRecognizer.transcribe`, and "real" (trained on recordings), "corpus".
    Raises:
        CapstoneError: if there is no model, or the file cannot be used; the message says why.
    """
    recognizer = connected.ConnectedRecognizer.load(model_path)
    found = recognizer.transcribe(file)
    found |= {"real": recognizer.about["real"], "corpus": recognizer.about["corpus"]}
    say(console, found["text"])
    for word in found["words"]:
        say(console, f"{word['start']:7.2f} s to {word['end']:.2f} s  {word['word']}")
    if not found["real"]:
        say(console, "This model has heard synthetic speech only. For recordings: speechlab data get fsdd")
    return found


def speak(
    model_path: str | Path, text: str, voice: str, file: str | Path, console: Any = None
) -> dict[str, Any]:
    """Write a sound file in which a voice says a text.

    Args:
        model_path: of voices that `demo` wrote. The voice by rule needs none.
        text: English; numbers are read digit by digit.
        voice: one of `voices.VOICES`.
        file: the WAV file to write; an older one is replaced only when the new one is complete.
        console: to print on.
    Returns:
        "text" (as said), "voice", "name", "seconds", "sample_rate", "phones", "file".
    Raises:
        CapstoneError: if there are no voices, the text cannot be said, or the file cannot be written.
    """
    from labkit.players import wav_bytes

    target = Path(file)
    if target.suffix.lower() != ".wav":
        raise CapstoneError(
            f"{target} is no name of a sound file that can be written, expected one that ends in .wav"
        )
    voices.check_voice(voice)
    if voice == voices.BY_RULE and not Path(model_path).exists():
        trained = voices.ClassicalVoices({}, {}, {})
    else:
        trained = voices.ClassicalVoices.load(model_path)
    speech = trained.say(text, voice)
    write_whole(target, wav_bytes(speech.samples, speech.sample_rate))
    seconds = len(speech.samples) / speech.sample_rate
    say(console, f"{target}: “{speech.text}”, {seconds:.1f} s by {voices.VOICES[voice]}")
    return {
        "text": speech.text,
        "voice": voice,
        "name": voices.VOICES[voice],
        "seconds": seconds,
        "sample_rate": speech.sample_rate,
        "phones": speech.phones,
        "file": str(target),
    }


def _examples(
    recognizer: connected.ConnectedRecognizer, corpus: Corpus, folder: Path, fast: bool
) -> list[dict[str, Any]]:
    """Strings of the test split, one of each speaker in turn, with what was heard and when."""
    from labkit import plot
    from labkit.players import wav_bytes

    clips = [clip for clip in chosen_clips(corpus, fast) if clip.split == "test"]
    noises = list(corpora.noises(connected.SAMPLE_RATE, announce=False))[1::2]
    strings = make_strings(clips, noises, (EXAMPLE_SNR,), seed=300, parts=connected_parts())
    longest = {s.speaker: s for s in sorted(strings, key=lambda s: len(s.words))}
    shown = []
    for number, speaker in enumerate(sorted(longest)[:EXAMPLES]):
        string = longest[speaker]
        found = recognizer.transcribe(string.samples)
        wav, png = f"string-{number}-{speaker}.wav", f"string-{number}-{speaker}.png"
        figure = plot.speech(
            string.samples,
            connected.SAMPLE_RATE,
            marks=[(w["word"], w["start"], w["end"]) for w in found["words"]],
            title=f"said by {speaker}: {' '.join(string.words)}",
        )
        loud = string.samples / max(float(np.abs(string.samples).max()), 1e-9) * 0.9
        write_whole(folder / wav, wav_bytes(loud, connected.SAMPLE_RATE))
        write_whole(folder / png, plot.png(figure))
        shown.append(
            {
                "said": " ".join(string.words),
                "heard": found["text"],
                "words": found["words"],
                "right": string.words == found["text"].split(),
                "speaker": speaker,
                "snr_db": string.snr_db,
                "noise": string.noise,
                "wav": wav,
                "plot": png,
            }
        )
    return shown


def _voice_examples(trained: voices.ClassicalVoices, folder: Path, fast: bool) -> list[dict[str, Any]]:
    """Some texts by every voice, with the times of their phones."""
    from labkit import plot
    from labkit.players import wav_bytes

    shown = []
    for number, text in enumerate(EXAMPLE_TEXTS[:1] if fast else EXAMPLE_TEXTS):
        for voice, name in voices.VOICES.items():
            speech = trained.say(text, voice)
            wav, png = f"voice-{number}-{voice}.wav", f"voice-{number}-{voice}.png"
            figure = plot.speech(
                speech.samples,
                speech.sample_rate,
                marks=[(p["phone"], p["start"], p["end"]) for p in speech.phones if p["phone"] != PAUSE],
                title=f"{name}: {speech.text}",
            )
            write_whole(folder / wav, wav_bytes(speech.samples, speech.sample_rate))
            write_whole(folder / png, plot.png(figure))
            shown.append({"text": speech.text, "voice": voice, "name": name, "wav": wav, "plot": png})
    return shown
