"""Making the synthetic corpora, against eSpeak NG alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from unittest import mock

from benchmarks.measure import Row, by_turns, ratio, spread, spreads

ABOUT = """\
A synthetic corpus made into an empty cache: eSpeak NG says every sentence, the times of phonemes and words
are worked out and checked against the sound, it is resampled, levelled, compressed and written, and read
back. Against the same sentences said by eSpeak NG alone, in the same voices, with nothing done to them. The
remark says how much speech there is for each second of waiting."""

NAME = "synthesis"


def sizes(quick: bool) -> dict[str, Callable]:
    """Corpus → what makes some of it."""
    from labkit import corpora

    return {
        "synth_ljs": lambda: corpora.synth_ljs(50 if quick else 200),
        "synth_voices": lambda: corpora.synth_voices(2 if quick else 10, 5),
        "synth_timit": lambda: corpora.synth_timit(4 if quick else 10),
        "synth_langs": lambda: corpora.synth_langs(["de", "es"] if quick else None),
    }


def run(quick: bool) -> list[Row]:
    """A row for each corpus."""
    from labkit.corpora import espeak

    rows = []
    with tempfile.TemporaryDirectory(prefix="speechlab-bench-") as folder, mock.patch.dict(os.environ):
        os.environ.pop("SPEECHLAB_MIRROR", None)
        for name, load in sizes(quick).items():
            count = 0

            def ours(load: Callable = load) -> None:
                nonlocal count
                count += 1
                os.environ["SPEECHLAB_CACHE"] = f"{folder}/{count}"
                load()

            ours()
            clips = list(load())
            jobs = [
                {"text": clip.text, **{key: clip.info[key] for key in ("voice", "rate", "pitch")}}
                for clip in clips
            ]
            theirs = lambda jobs=jobs: list(espeak.synthesize(jobs, seed=0))  # noqa: E731
            times = by_turns({"ours": ours, "eSpeak NG": theirs}, 2 if quick else 5)
            seconds = sum(clip.duration for clip in clips)
            fast = seconds / spread(times["ours"]).median
            rows.append(
                Row(
                    NAME,
                    f"{name}, {len(clips)} clips, {seconds:.0f} s of speech",
                    ratio(times, "ours", "eSpeak NG"),
                    "of eSpeak NG's time",
                    None,
                    spreads(times),
                    f"{fast:.0f} s of speech a second",
                )
            )
    return rows
