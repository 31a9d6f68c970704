"""Synthetic digits: enough of them, the same every time, never half made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labkit import corpora
from labkit.corpora import CorpusError, espeak, synthetic_digits
from labkit.corpora.synthetic_digits import RECIPE

SMALL = replace(RECIPE, train_voices=RECIPE.train_voices[:2], test_voices=RECIPE.test_voices[:1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    """The whole corpus, made once for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("SPEECHLAB_MIRROR", raising=False)
        corpus = corpora.synth_digits()
        for clip in corpus:
            _ = clip.samples
    return corpus


def test_enough_voices_and_rates() -> None:
    assert len(RECIPE.train_voices) + len(RECIPE.test_voices) >= 20
    assert len(set(RECIPE.rates)) == 3
    assert len(RECIPE.entries()) == 1440


@pytest.mark.slow
def test_corpus_is_what_its_recipe_says(whole) -> None:
    assert (whole.name, whole.real, whole.sample_rate) == ("synth_digits", False, 8000)
    assert len(whole) == 1440
    assert len(whole.speakers) == 24
    assert whole.words == list(synthetic_digits.WORDS)
    assert {clip.info["rate"] for clip in whole} == set(RECIPE.rates)
    assert all(clip.label == synthetic_digits.WORDS.index(clip.text) for clip in whole)
    assert {clip.index for clip in whole} == set(range(6))


@pytest.mark.slow
def test_no_test_voice_is_heard_in_training(whole) -> None:
    assert not set(whole.split("train").speakers) & set(whole.split("test").speakers)
    assert len(whole.split("test").speakers) == 6
    assert len(whole.split("train")) + len(whole.split("test")) == len(whole)


@pytest.mark.slow
def test_every_clip_is_a_sound_of_its_own(whole) -> None:
    for clip in whole:
        assert clip.samples.dtype == np.float32
        assert 0.05 < np.abs(clip.samples).max() <= 1  # 1000 of 32 768 before resampling, at least
        assert 0.25 < clip.duration < 1.5
        assert clip.samples.size == round(clip.duration * 8000)
    assert len({clip.samples.tobytes() for clip in whole}) == len(whole)


@pytest.mark.slow
def test_faster_speech_is_shorter(whole) -> None:
    length = {
        rate: np.mean([clip.duration for clip in whole if clip.info["rate"] == rate]) for rate in RECIPE.rates
    }
    assert length[130] > 1.1 * length[165] > 1.2 * length[200]


@pytest.mark.slow
def test_margins_are_faint_noise_and_not_zeros(whole) -> None:
    step = 1 / 32768
    margins = np.concatenate([clip.samples[:300] for clip in whole])
    assert 0.3 * step < margins.std() < 2 * step


@pytest.mark.slow
def test_two_fresh_caches_hold_the_same_bytes(tmp_path, monkeypatch) -> None:
    assert SMALL.test_voices[0][0] == "alicia"  # a breathy voice, whose noise is drawn at random
    made = []
    for name in ("one", "two"):
        monkeypatch.setenv("SPEECHLAB_CACHE", str(tmp_path / name))
        synthetic_digits.load(SMALL)
        made.append({f.name: f.read_bytes() for f in synthetic_digits.folder(SMALL).iterdir()})
        # eSpeak's own seed is the time in seconds: the second corpus must be made in another one
        time.sleep(1.0)
    assert set(made[0]) == {"samples.s16", "clips.jsonl", "corpus.json"}
    assert made[0] == made[1]


def test_another_recipe_is_another_folder(fresh_cache, monkeypatch) -> None:
    folders = {synthetic_digits.folder(recipe) for recipe in (RECIPE, SMALL, replace(RECIPE, version=2))}
    monkeypatch.setattr(espeak, "package_version", lambda: "99")
    folders.add(synthetic_digits.folder(RECIPE))
    assert len(folders) == 4


def test_second_time_nothing_is_made(fresh_cache, monkeypatch) -> None:
    tiny = replace(SMALL, rates=(165,), pitches=(50,))
    first = synthetic_digits.load(tiny)
    monkeypatch.setattr(espeak, "synthesize", None)  # would fail if called
    second = synthetic_digits.load(tiny)
    assert [c.samples.tobytes() for c in first] == [c.samples.tobytes() for c in second]


@pytest.mark.parametrize("file", ["samples.s16", "clips.jsonl", "corpus.json"])
def test_damaged_cache_is_noticed_and_made_again(fresh_cache, capsys, file) -> None:
    tiny = replace(
        SMALL, train_voices=SMALL.train_voices[:1], rates=(165,), pitches=(50,), words=("two", "six")
    )
    good = [clip.samples for clip in synthetic_digits.load(tiny)]
    place = synthetic_digits.folder(tiny) / file
    content = place.read_bytes()
    place.write_bytes(content[:-3])
    again = [clip.samples for clip in synthetic_digits.load(tiny)]
    assert "making it again" in capsys.readouterr().out
    assert place.read_bytes() == content
    for a, b in zip(good, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_unknown_voice_is_an_error_that_names_it_and_leaves_nothing(fresh_cache) -> None:
    broken = replace(SMALL, test_voices=(("ghost", "xx-yy+ghost"),), rates=(165,), pitches=(50,))
    with pytest.raises(CorpusError, match="no voice 'xx-yy\\+ghost'"):
        synthetic_digits.load(broken)
    assert _left_behind(fresh_cache) == []


def test_two_voices_that_sound_the_same_are_an_error(fresh_cache) -> None:
    voice = RECIPE.train_voices[0][1]
    twins = replace(
        SMALL, train_voices=(("a", voice), ("b", voice)), test_voices=(), rates=(165,), pitches=(50,)
    )
    # the first word of a process may differ from its repetition; one of ten is the same at the latest
    with pytest.raises(CorpusError, match="same sound"):
        synthetic_digits.load(replace(twins, words=("six",) * 10))


def test_silence_is_an_error(fresh_cache) -> None:
    with pytest.raises(CorpusError, match="silence for ' '"):
        synthetic_digits.load(replace(SMALL, words=(" ",), rates=(165,), pitches=(50,)))


def _left_behind(cache: Path) -> list[str]:
    return [
        f.name
        for f in cache.rglob("*")
        if (not f.name.endswith(".lock") and f.is_file()) or ".partial" in f.name
    ]


def _start(cache: Path, code: str) -> subprocess.Popen:
    script = f"from labkit.corpora import synthetic_digits\n{code}"
    environment = {**os.environ, "SPEECHLAB_CACHE": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_interrupt_leaves_nothing_half_made(fresh_cache) -> None:
    process = _start(fresh_cache, "synthetic_digits.load()")
    limit = time.monotonic() + 30
    while not list(fresh_cache.rglob("*.partial/samples.s16")):
        assert process.poll() is None, "it should have been caught in the middle"
        assert time.monotonic() < limit
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    process.stdout.close()
    assert process.returncode != 0
    assert _left_behind(fresh_cache) == []


@pytest.mark.slow
def test_two_processes_at_once_end_with_one_whole_corpus(fresh_cache) -> None:
    code = (
        "from dataclasses import replace\n"
        "r = synthetic_digits.RECIPE\n"
        "r = replace(r, train_voices=r.train_voices[:2], test_voices=r.test_voices[:1])\n"
        "c = synthetic_digits.load(r); print(len(c), float(sum(abs(x.samples).sum() for x in c)))"
    )
    processes = [_start(fresh_cache, code) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert answers[0] == answers[1] != ""
    assert [name for name in _left_behind(fresh_cache) if ".partial" in name] == []
