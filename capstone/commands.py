"""What `speechlab capstone train|demo|transcribe` does.

Each function takes the path of the model file (the command line uses `.speechlab/capstone/model.npz`) and a
`console` with a method `print`, such as rich's; None prints plainly. Anything that the user can cause is a
`CapstoneError` whose message is a sentence. Ctrl-C leaves files as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from capstone.errors import CapstoneError
from capstone.evaluation import Evaluation
from capstone.model_file import write_whole
from capstone.recognizer import Recognizer, chosen_clips, evaluate, prepare, who_wrote
from capstone.recognizer import train as train_recognizer
from labkit import corpora
from labkit.corpora import Corpus

HOP_SECONDS = 0.01
# Nats per frame to the second best word. Measured on FSDD's training recordings, each speaker left out in
# turn: with a margin below 1, half of the answers were right; from 1 to 2, 74 %; above 5, 99 %.
UNSURE = 1.0


def train(model_path: str | Path, fast: bool = False, console: Any = None) -> dict[str, Any]:
    """Train on the spoken digits at hand, write the model, and test it on the test split.

    Args:
        model_path: where to; an older model is replaced only when the new one is complete.
        fast: use a fifth of the recordings.
        console: to print on.
    Returns:
        {"model": path, "corpus", "real", "recordings", "speakers", "seconds", "fast", "parts",
        "official": as from `demo`}.
    Raises:
        CapstoneError: if the corpus is damaged or the model cannot be written.
    """
    corpus = load_digits(console)
    recordings = prepare(chosen_clips(corpus, fast))
    recognizer = train_recognizer(corpus, fast=fast, recordings=recordings)
    recognizer.save(model_path)
    evaluation = evaluate(corpus, recognizer, fast=fast, recordings=recordings, left_out=0)
    say(console, parts_text(recognizer.about["parts"]))
    say(
        console,
        f"Trained on {recognizer.about['recordings']} clips of {recognizer.about['speakers']} speakers "
        f"({_kind(corpus.real)}) in {recognizer.about['seconds']:.0f} s: {model_path}",
    )
    say(console, evaluation.text())
    return {"model": str(model_path), **recognizer.about, "official": evaluation.official.to_dict()}


def demo(
    model_path: str | Path, output_dir: str | Path, fast: bool = False, console: Any = None
) -> dict[str, Any]:
    """Train, test on the official split and on left-out speakers, and show some recordings.

    Args:
        model_path: where the model trained on the way is written.
        output_dir: folder for plots (PNG) and clips (WAV); made if missing.
        fast: use a fifth of the recordings and two left-out speakers.
        console: to print on.
    Returns:
        What JSON can hold. File names are relative to `output_dir`.

        - "corpus" (name), "real" (False: synthetic speech, never to be shown as recordings), "kind" (the
          same in words), "licence", "clips_in_corpus", "speakers" (names), "words", "fast", "model" (path)
        - "official": {"accuracy", "right", "total", "interval" [low, high], "confusion" [said][answered],
          "by_speaker" {name: [right, total]}}
        - "new_voices": {"mean", "speakers" {name: as "official"}, "confusion"}
        - "targets": {"official", "new_voices"}, or None where they do not apply
        - "seconds": {"training", "evaluation"}
        - "parts": [{"lab", "part", "by": "yours" | "reference"}]
        - "clips": [{"said", "answered", "right", "speaker", "voice" (model that fitted best), "margin",
          "scores" {word: nats per frame}, "segments" [[state, start, end], in seconds], "wav", "plot"}]
        - "plots": {"confusion", "confusion_new_voices", "new_voices", "training"}: PNG file names
        - "text": the figures as plain text
    Raises:
        CapstoneError: if the corpus is damaged or a file cannot be written.
    """
    corpus = load_digits(console)
    folder = Path(output_dir)
    clips = chosen_clips(corpus, fast)
    recordings = prepare(clips)
    recognizer = train_recognizer(corpus, fast=fast, recordings=recordings)
    recognizer.save(model_path)
    evaluation = evaluate(corpus, recognizer, fast=fast, recordings=recordings)
    say(console, parts_text(recognizer.about["parts"]))
    say(console, evaluation.text())
    return {
        "corpus": corpus.name,
        "real": corpus.real,
        "kind": evaluation.kind,
        "licence": corpus.licence,
        "clips_in_corpus": len(corpus),
        "speakers": corpus.speakers,
        "words": corpus.words,
        "fast": fast,
        "model": str(model_path),
        **evaluation.to_dict(),
        "seconds": {"training": recognizer.about["seconds"], "evaluation": round(evaluation.seconds, 2)},
        "parts": recognizer.about["parts"],
        "clips": [
            _show_clip(recognizer, corpus, text, speaker, folder, number)
            for number, (text, speaker) in enumerate(_examples(corpus))
        ],
        "plots": _plots(recognizer, evaluation, folder),
        "text": evaluation.text(),
    }


def transcribe(model_path: str | Path, file: str | Path, console: Any = None) -> dict[str, Any]:
    """Say which digit is spoken in a file.

    Args:
        model_path: of a model that `train` or `demo` wrote.
        file: WAV, FLAC, MP3 or OGG with one spoken digit, 0.1 to 5 s.
        console: to print on.
    Returns:
        {"file", "seconds", "word", "voice", "scores", "margin", "segments", "sure" (whether the second
        best word is well behind), "real" (trained on recordings), "corpus"}.
    Raises:
        CapstoneError: if there is no model, or the file cannot be used; the message says why.
    """
    recognizer = Recognizer.load(model_path)
    found = recognizer.transcribe(file)
    found |= {
        "sure": found["margin"] >= UNSURE,
        "real": recognizer.about["real"],
        "corpus": recognizer.about["corpus"],
    }
    say(console, found["word"])
    if not found["sure"]:
        second = sorted(found["scores"], key=found["scores"].get)[-2]
        say(console, f"not sure: {second!r} is only {found['margin']:.2f} nats per frame behind")
    if not found["real"]:
        say(console, "This model has heard synthetic speech only. For recordings: speechlab data get fsdd")
    return found


def parts_text(parts: list[dict[str, str]]) -> str:
    """Which parts are the learner's, one line per lab."""
    lines = []
    for lab in dict.fromkeys(entry["lab"] for entry in parts):
        by: dict[str, list[str]] = {}
        for entry in parts:
            if entry["lab"] == lab:
                by.setdefault(entry["by"], []).append(entry["part"])
        shown = " · ".join(
            f"{who}: {', '.join(names)}" if len(by) > 1 else f"{who} (all {len(names)} parts)"
            for who, names in by.items()
        )
        lines.append(f"{lab}: {shown}")
    return "\n".join(lines)


def load_digits(console: Any) -> Corpus:
    try:
        corpus = corpora.digits(announce=False)
    except corpora.CorpusError as error:
        raise CapstoneError(str(error)) from error
    size = f"{len(corpus)} clips of {len(corpus.speakers)} speakers"
    say(console, f"Digits: {corpus.name}, {size}, {_kind(corpus.real)}")
    return corpus


def _kind(real: bool) -> str:
    return "recordings of people" if real else "synthetic speech"


def say(console: Any, text: str) -> None:
    if console is None:
        print(text)
    elif hasattr(console, "print"):
        try:
            # rich would read [brackets] as markup and colour the numbers
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        except TypeError:
            console.print(text)


def _examples(corpus: Corpus) -> Iterator[tuple[str, str]]:
    """One test recording of each word, the speakers in turn."""
    speakers = sorted({str(clip.speaker) for clip in corpus.split("test")})
    for number, word in enumerate(corpus.words):
        yield word, speakers[number % len(speakers)]


def _show_clip(
    recognizer: Recognizer, corpus: Corpus, text: str, speaker: str, folder: Path, number: int
) -> dict[str, Any]:
    from labkit import plot
    from labkit.players import wav_bytes

    clip = corpus.filter(split="test", text=text, speaker=speaker)[0]
    found = recognizer.answer(clip.samples, clip.sample_rate)
    features = recognizer.features(clip.samples, clip.sample_rate)
    lengths = [round((end - start) / HOP_SECONDS) for _, start, end in found["segments"]]
    path = np.repeat([state for state, _, _ in found["segments"]], lengths)
    model = next(model for model in recognizer.words[found["word"]] if model["voice"] == found["voice"])
    figure = plot.state_path(
        path,
        n_states=len(model["initial"]),
        features=features[:, : features.shape[1] // 3],
        hop_seconds=HOP_SECONDS,
        title=f"said “{text}” by {speaker}, answered “{found['word']}”",
    )
    wav, png = f"digit-{number}-{text}.wav", f"digit-{number}-{text}.png"
    # quiet speakers are brought up, so that the page plays all at one level
    loud = clip.samples / max(float(np.abs(clip.samples).max()), 1e-9) * 0.9
    write_whole(folder / wav, wav_bytes(loud, clip.sample_rate))
    write_whole(folder / png, plot.png(figure))
    return {
        "said": text,
        "answered": found["word"],
        "right": found["word"] == text,
        "speaker": speaker,
        "voice": found["voice"],
        "margin": found["margin"],
        "scores": found["scores"],
        "segments": found["segments"],
        "wav": wav,
        "plot": png,
    }


def _plots(recognizer: Recognizer, evaluation: Evaluation, folder: Path) -> dict[str, str]:
    from labkit import plot

    kind = evaluation.corpus + ("" if evaluation.real else " (synthetic speech)")
    first = evaluation.words[0]
    curves = {voice["voice"]: voice["log_likelihoods"] for voice in recognizer.words[first][:7]}
    figures = {
        "confusion": plot.confusion(
            np.array(evaluation.official.confusion),
            evaluation.words,
            title=f"{evaluation.official.accuracy:.1%} right, test split, {kind}",
        ),
        "confusion_new_voices": plot.confusion(
            np.array(evaluation.new_voice_confusion),
            evaluation.words,
            title=f"Voices left out of training, {kind}",
        ),
        "new_voices": plot.bars(
            {name: 100 * result.accuracy for name, result in evaluation.new_voices.items()},
            y_label="right [%]",
            title=f"New voices: {evaluation.new_voice_mean:.1%} on average, {kind}",
        ),
        "training": plot.lines(
            {name: (np.arange(1, len(values) + 1), values) for name, values in curves.items()},
            x_label="round of Baum-Welch",
            y_label="log-likelihood per frame [nat]",
            title=f"Training of “{first}”, {kind}",
        ),
    }
    names = {}
    for name, figure in figures.items():
        names[name] = f"{name.replace('_', '-')}.png"
        write_whole(folder / names[name], plot.png(figure))
    return names


__all__ = ["CapstoneError", "demo", "parts_text", "train", "transcribe", "who_wrote"]
