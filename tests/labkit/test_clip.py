"""Clips and corpora in memory."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from labkit.corpora import Clip, Corpus


def _zeros() -> np.ndarray:
    return np.zeros(80, dtype=np.float32)


def _corpus() -> Corpus:
    clips = [
        Clip(word, label, speaker, "test" if index == 0 else "train", index, 8000, 0.01, read=_zeros)
        for label, word in enumerate(["zero", "one"])
        for speaker in ["theo", "george"]
        for index in [1, 0, 2]
    ]
    return Corpus("small", True, 8000, clips)


def test_corpus_knows_its_speakers_sorted_and_its_words_by_number() -> None:
    corpus = _corpus()
    assert corpus.speakers == ["george", "theo"]
    assert corpus.words == ["zero", "one"]
    assert len(corpus) == len(list(corpus)) == 12
    assert corpus.seconds == pytest.approx(0.12)
    assert "12 clips, 2 speakers" in repr(corpus)


def test_filters_combine() -> None:
    chosen = _corpus().filter(split="train", speaker="theo", text=["one"])
    assert [(c.text, c.speaker, c.index) for c in chosen] == [("one", "theo", 1), ("one", "theo", 2)]
    assert len(_corpus().split("test")) == 4


def test_slices_are_corpora_and_numbers_are_clips() -> None:
    assert isinstance(_corpus()[:3], Corpus)
    assert len(_corpus()[:3]) == 3
    assert _corpus()[0].text == "zero"


def test_clip_is_found_by_word_or_number_and_name_or_position() -> None:
    corpus = _corpus()
    clip = corpus.clip("one", speaker=1, index=2)
    assert (clip.text, clip.speaker, clip.index) == ("one", "theo", 2)
    assert corpus.clip(1, "theo", 2) is clip
    assert corpus.clip("one", np.int64(1)).index == 0
    # the position among those left, so that a part of a corpus counts from 0 as well
    assert corpus.split("train").clip("one", "theo", 0).index == 1


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda c: c.filter(speaker="nobody"), "speaker is 'nobody', expected one of: george, theo"),
        (lambda c: c.filter(text=["one", "ten"]), "text is 'ten'"),
        (lambda c: c.split("dev"), "split is 'dev', expected one of: test, train"),
        (lambda c: c.clip("one", speaker=2), "speaker is 2, expected 0 to 1"),
        (lambda c: c.clip("one", index=3), "index is 3, but small has 3 clips of 'one' by 'george'"),
        (lambda c: c.clip(7), "text is 7"),
        (lambda c: c.clip("ten"), "text is 'ten'"),
    ],
)
def test_what_is_not_there_is_named(ask, message) -> None:
    with pytest.raises(ValueError, match=message):
        ask(_corpus())


def test_samples_are_read_once_and_read_only() -> None:
    clip = _corpus()[0]
    assert clip.samples is clip.samples
    with pytest.raises(ValueError, match="read-only"):
        clip.samples[0] = 1


def test_a_clip_travels_without_its_samples() -> None:
    clip = _corpus()[0]
    small = len(pickle.dumps(clip))
    _ = clip.samples
    assert len(pickle.dumps(clip)) == small
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clip)).samples, clip.samples)
