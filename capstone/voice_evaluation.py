"""How much of the classical voices the recogniser of connected words understands.

Every voice says the same strings of digits, and so does "source", eSpeak's own voice, of which two of them
were made: a copy is not expected to be clearer. The strings are as long as those of the natural recordings,
with pauses as often.

The recogniser has heard a few people, and the voice of the recordings may be much higher and brighter than
theirs. So there are several manners of speaking (`CANDIDATES`): as recorded, and lowered, with pitch and
formants multiplied by less than 1, as of a larger speaker. The manner in which a voice is tested is the one
that is best understood on strings drawn with `TUNING_SEED`; what is reported comes from strings drawn with
`SEED`. What was recorded and not changed is reported too. The recogniser itself stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from capstone.audio import SAMPLE_RATE, resample
from capstone.connected import TEST_SNRS, ConnectedRecognizer
from capstone.connected_evaluation import ConnectedEvaluation, Errors, misheard, word_errors
from capstone.connected_jobs import SILENCE, connected_parts
from capstone.connected_strings import LONGEST_STRING, WITHOUT_PAUSE
from capstone.errors import CapstoneError
from capstone.recognizer import bar
from capstone.voice_speaking import PAUSE, Manner, Sound, play_slower
from capstone.voices import VOICES, ClassicalVoices, as_speech, pronounce
from capstone.workers import chunks, workers
from labkit import corpora
from labkit.corpora import CorpusError, espeak
from labkit.corpora.synthetic_sentences import VOICE

SOURCE = "source"
NAMES = {SOURCE: "eSpeak itself", **VOICES}
NATURAL = "natural"
SOURCE_RATE = 160  # words a minute, as in the corpus
SEED = 400
TUNING_SEED = 401
TUNING_WORDS = 60
FAST_TUNING_WORDS = 20
AS_RECORDED = Manner()
LOWERED = (AS_RECORDED, Manner(speed=0.9, formants=0.9), Manner(speed=0.9, formants=0.8))
CANDIDATES: dict[str, tuple[Manner, ...]] = {
    SOURCE: LOWERED,
    "units": LOWERED,
    "rules": (Manner(), Manner(speed=1.25), Manner(speed=1.5)),
    "hmm": LOWERED,
}
CLEAN: tuple[float | None, ...] = (None,)


@dataclass(frozen=True)
class Test:
    """Some of the strings, said by a voice in a manner, heard at some ratios of speech to noise."""

    voice: str
    manner: Manner
    snrs_db: tuple[float | None, ...]
    indices: list[int]


@dataclass(frozen=True)
class Heard:
    """What was understood of one voice, under all conditions.

    Attributes:
        voice: of `VOICES`, "source" or "natural".
        name: the same for readers.
        errors: "no noise", "20 dB", … → word errors.
        confusions: said → heard → how often, without noise; "" for a word that was missed or made up.
    """

    voice: str
    name: str
    manner: Manner
    errors: dict[str, Errors]
    confusions: dict[str, dict[str, int]]

    @property
    def rate(self) -> float:
        """Word error rate without noise."""
        return self.errors["no noise"].rate


def digit_strings(n_words: int, words: Sequence[str], seed: int) -> list[tuple[list[str], str]]:
    """Strings of words, each word as often: (words, text with a comma where a pause is).

    Args:
        n_words: of all strings together; more if it is no multiple of the number of words.
        words: the vocabulary.
        seed: the same seed gives the same strings.
    """
    rng = np.random.default_rng(seed)
    pool = [word for word in words for _ in range(-(-n_words // len(words)))]
    pool = [pool[k] for k in rng.permutation(len(pool))]
    strings = []
    while pool:
        count = int(rng.integers(1, LONGEST_STRING + 1))
        chosen, pool = pool[:count], pool[count:]
        pauses = [", " if rng.random() > WITHOUT_PAUSE else " " for _ in chosen[1:]]
        text = "".join(word + pause for word, pause in zip(chosen, [*pauses, ""], strict=True))
        strings.append((chosen, text))
    return strings


def say_source(texts: Sequence[str], manner: Manner) -> list[Sound]:
    """eSpeak's own voice says texts, with the times of its phones.

    Raises:
        CapstoneError: if eSpeak NG is not installed or fails.
    """
    rate = round(SOURCE_RATE * manner.speed / manner.formants)
    jobs = [{"text": f"{text}.", "voice": VOICE, "rate": rate, "pitch": 50} for text in texts]
    sounds = []
    try:
        for said in espeak.speak(jobs, seed=1):
            events = [(sample, name or PAUSE) for kind, _, sample, name in said.events if kind == "phoneme"]
            starts = [sample / said.sample_rate / manner.formants for sample, _ in events]
            samples = play_slower(said.samples / 32768, manner.formants)
            ends = [*starts[1:], len(samples) / said.sample_rate]
            phones = [(n, a, b) for (_, n), a, b in zip(events, starts, ends, strict=True)]
            sounds.append(Sound(samples, said.sample_rate, phones))
    except CorpusError as error:
        raise CapstoneError(str(error)) from error
    return sounds


def hear_voice(data: tuple, _: Any, job: dict[str, Any]) -> list[list[list[str]]]:
    """The words heard at each ratio of `job["test"]` in each of its strings.

    data: voices, recogniser, texts, (words, labels) of each text, noises at the recogniser's rate.
    """
    voices, recognizer, texts, pronounced, noises = data
    test: Test = job["test"]
    parts = recognizer.parts if recognizer.parts is not None else connected_parts()
    if test.voice == SOURCE:
        sounds = say_source([texts[k] for k in test.indices], test.manner)
        said = [as_speech(sound, []) for sound in sounds]
    else:
        said = [voices.speak(*pronounced[k], test.voice, test.manner) for k in test.indices]
    heard: list[list[list[str]]] = [[] for _ in test.snrs_db]
    for k, speech in zip(test.indices, said, strict=True):
        clean = resample(speech.samples, speech.sample_rate)
        spans = word_spans(speech.phones, SAMPLE_RATE)
        rng = np.random.default_rng([SEED, k])  # the same noise, from the same place, for every voice
        noise, start = noises[int(rng.integers(len(noises)))], int(rng.integers(2**20))
        for row, snr_db in zip(heard, test.snrs_db, strict=True):
            samples = clean
            if snr_db is not None:
                samples = parts.add_noise(clean, spans, noise, snr_db, start % len(noise))
            row.append([word for word, _, _ in recognizer.hear(samples)])
    return heard


def intelligibility(
    voices: ClassicalVoices,
    recognizer: ConnectedRecognizer,
    natural: ConnectedEvaluation,
    fast: bool = False,
    progress: bool = True,
    processes: int | None = None,
    seed: int = SEED,
) -> dict[str, Any]:
    """Word errors of the recogniser on strings of digits by each voice, beside those on recordings.

    Args:
        voices: what is tested.
        recognizer: who listens.
        natural: how well the same listener understands people.
        fast: test without noise only.
        progress: show a bar.
        processes: how many work at it; None for two.
        seed: of the strings.
    Returns:
        - "intelligibility": rows for "natural", "source" and the voices in their best manner: {"voice",
          "name", "words", "errors", "word_error_rate", "interval" [low, high], all four without noise;
          "speed", "formants"; "by_condition": condition → {"words", "errors", "word_error_rate",
          "interval"}; "confusions": said → heard → count, without noise}
        - "as_recorded": the same for what was made of the recordings, in their pitch and with their formants
        - "text": the figures as plain text
    Raises:
        CapstoneError: if the recogniser knows no word that can be said.
    """
    words = [word for word in recognizer.models if word != SILENCE]
    own = recognizer.parts if recognizer.parts is not None else connected_parts()
    training = digit_strings(FAST_TUNING_WORDS if fast else TUNING_WORDS, words, TUNING_SEED)
    strings = digit_strings(natural.by_condition["no noise"].words, words, seed)
    said = [chosen for chosen, _ in (*training, *strings)]
    texts = [text for _, text in (*training, *strings)]
    tuning, reported = list(range(len(training))), list(range(len(training), len(texts)))
    noises = list(corpora.noises(SAMPLE_RATE, announce=False))
    unheard = [np.asarray(noise.samples) for noise in noises[1::2] or noises]
    data: Any = (voices, recognizer, texts, pronounce(texts), unheard)

    def listen(tests: list[Test], description: str) -> list[Heard]:
        """All tests, in pieces of a few strings each."""
        pieces = [(number, piece) for number, t in enumerate(tests) for piece in chunks(t.indices, 20)]
        jobs = [{"test": replace(tests[number], indices=piece)} for number, piece in pieces]
        answers = dict(bar(crew.run(hear_voice, jobs), description, progress, len(jobs)))
        found = []
        for number, test in enumerate(tests):
            rows: list[list[list[str]]] = [[] for _ in test.snrs_db]
            for k, (of_test, _) in enumerate(pieces):
                if of_test == number:
                    rows = [row + more for row, more in zip(rows, answers[k], strict=True)]
            wanted = [said[k] for k in test.indices]
            errors = {
                condition(snr_db): word_errors(wanted, row, own.error_rate_interval)
                for snr_db, row in zip(test.snrs_db, rows, strict=True)
            }
            found.append(Heard(test.voice, NAMES[test.voice], test.manner, errors, misheard(wanted, rows[0])))
        return found

    with workers(data, None, processes) as crew:
        tried = listen([Test(v, m, CLEAN, tuning) for v, some in CANDIDATES.items() for m in some], "tuning")
        # of equals the first: as recorded rather than changed
        best = {v: min((h for h in tried if h.voice == v), key=lambda h: h.rate).manner for v in CANDIDATES}
        tests = [Test(v, m, CLEAN if fast else TEST_SNRS, reported) for v, m in best.items()]
        changed = [v for v, m in best.items() if m.formants != 1]
        tests += [Test(v, AS_RECORDED, CLEAN, reported) for v in changed]
        found = listen(tests, "listening")
    name = "recordings" if recognizer.about["real"] else "synthetic strings"
    people = Heard(NATURAL, name, AS_RECORDED, natural.by_condition, {})
    chosen, plain = [people, *found[: len(best)]], found[len(best) :]
    return {
        "intelligibility": [_row(heard) for heard in chosen],
        "as_recorded": [_row(heard) for heard in plain],
        "text": _text(chosen, plain, recognizer.about, len(strings)),
    }


def word_spans(phones: list[dict[str, Any]], rate: float) -> list[tuple[int, int]]:
    """First sample, and first sample behind it, of each run of phones between pauses."""
    spans: list[tuple[int, int]] = []
    before = PAUSE
    for phone in phones:
        first, behind = round(phone["start"] * rate), round(phone["end"] * rate)
        if phone["phone"] != PAUSE:
            spans = [*spans[:-1], (spans[-1][0], behind)] if before != PAUSE else [*spans, (first, behind)]
        before = phone["phone"]
    return spans


def condition(snr_db: float | None) -> str:
    """As `ConnectedEvaluation` names it."""
    return "no noise" if snr_db is None else f"{snr_db:g} dB"


def _figures(errors: Errors) -> dict[str, Any]:
    return {
        "words": errors.words,
        "errors": errors.errors,
        "word_error_rate": errors.rate,
        "interval": list(errors.interval),
    }


def _row(heard: Heard) -> dict[str, Any]:
    return {
        "voice": heard.voice,
        "name": heard.name,
        **_figures(heard.errors["no noise"]),
        "speed": heard.manner.speed,
        "formants": heard.manner.formants,
        "by_condition": {name: _figures(errors) for name, errors in heard.errors.items()},
        "confusions": heard.confusions,
    }


def _text(chosen: list[Heard], plain: list[Heard], listener: dict[str, Any], n_strings: int) -> str:
    """A page of plain text."""
    real = "recordings of people, and never heard one of these voices"
    origin = real if listener["real"] else "which is eSpeak's too: it knows such voices"
    lines = [
        f"Intelligibility: {n_strings} strings of digits, said by each voice, heard by the recogniser above.",
        f"It was trained on {listener['corpus']}, {origin}.",
        "",
        "Word errors without noise:",
        *(heard.errors["no noise"].line(heard.name) for heard in chosen),
    ]
    if plain:
        lowered = sorted({heard.manner.formants for heard in chosen if heard.manner.formants != 1})
        factors = " or ".join(f"{factor:g}" for factor in lowered)
        names = ", ".join(heard.name for heard in plain)
        lines += [
            "",
            f"Pitch and formants times {factors}, for this listener: {names}.",
            "The same strings by the same voices as recorded:",
            *(heard.errors["no noise"].line(heard.name) for heard in plain),
        ]
    conditions = list(chosen[-1].errors)
    if len(conditions) > 1:
        lines += ["", f"{'Word error rate in noise:':<26}" + "".join(f"{name:>10}" for name in conditions)]
        for heard in chosen:
            rates = "".join(f"{heard.errors[name].rate:>10.1%}" for name in conditions)
            lines.append(f"  {heard.name:<24}{rates}")
    lines += ["", "Misheard most often, without noise:"]
    for heard in chosen[1:]:
        pairs = Counter({(a, b): n for a, row in heard.confusions.items() for b, n in row.items() if a})
        often = [f"{a} {f'as {b}' if b else 'not at all'} {n}×" for (a, b), n in pairs.most_common(4)]
        lines.append(f"  {heard.name:<18} {', '.join(often) or 'nothing'}")
    return "\n".join(lines)
