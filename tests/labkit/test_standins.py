"""Corpora by purpose: recordings where they are, a stand-in where not, and a line that says which."""

from __future__ import annotations

import numpy as np
import pytest

from labkit import corpora
from labkit.corpora import segments, synthetic_digits
from labkit.measure import snr_db


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """A cache of this module, and no mirror: everything is a stand-in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("SPEECHLAB_MIRROR", raising=False)
        yield


CASES = {
    "noises": (corpora.noises, "noise_rir", 16000),
    "ljspeech": (corpora.ljspeech, "ljspeech", 22050),
    "vctk": (corpora.vctk, "vctk", 16000),
    "speech_segments": (corpora.speech_segments, "speechbrain_speech", 16000),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_without_a_mirror_there_is_a_stand_in_that_says_so(made, capsys, name) -> None:
    function, _, rate = CASES[name]
    corpus = function()
    said = capsys.readouterr().out
    assert not corpus.real
    assert "synthetic clips" in said and f"{rate} Hz" in said and corpus.name in said
    assert said.count("\n") == 1
    assert corpus.sample_rate == rate
    assert all(clip.sample_rate == rate and clip.samples.size for clip in corpus[:3])
    assert function(announce=False).name == corpus.name
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", CASES)
def test_with_a_mirror_they_are_recordings_and_say_so(mirror, monkeypatch, capsys, name) -> None:
    function, source, rate = CASES[name]
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(mirror))
    if corpora.info(source).state == "absent":
        pytest.skip(f"the mirror holds no {source}")
    corpus = function()
    said = capsys.readouterr().out
    assert corpus.real
    assert corpus.sample_rate == rate
    assert "recordings" in said and source in said and corpus.licence in said


def _marks_hold(corpus) -> None:
    for clip in corpus:
        marks = np.array(clip.info["speech_segments"])
        until = clip.info["labelled_until"]
        assert (marks[:, 0] < marks[:, 1]).all() and (marks[:-1, 1] <= marks[1:, 0]).all()
        assert marks.min() >= 0 and marks.max() <= until <= clip.duration + 1e-6


def test_recorded_segments_lie_within_their_clips(mirror, monkeypatch) -> None:
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(mirror))
    if corpora.info("speechbrain_speech").state == "absent":
        pytest.skip("the mirror holds no speechbrain_speech")
    corpus = segments.recorded()
    assert len(corpus) == 2
    _marks_hold(corpus)


@pytest.mark.slow
def test_synthetic_segments_are_where_the_sound_is(made) -> None:
    corpus = segments.synthetic()
    assert len(corpus) == segments.SPEAKERS
    _marks_hold(corpus)
    for clip in corpus:
        assert clip.samples.size == round(clip.duration * clip.sample_rate)
        assert len(clip.info["speech_segments"]) >= segments.UTTERANCES
        times = np.arange(clip.samples.size) / clip.sample_rate
        speech = np.zeros(clip.samples.size, bool)
        for start, end in clip.info["speech_segments"]:
            speech |= (times >= start - 0.002) & (times < end + 0.002)
        outside = clip.samples[~speech]
        assert outside.size > 0.2 * clip.samples.size
        assert outside.std() == pytest.approx(segments.FLOOR, rel=0.05)  # the room's noise and nothing else
        assert clip.samples[speech].std() > 30 * segments.FLOOR
    again = segments.synthetic()
    np.testing.assert_array_equal(again[0].samples, corpus[0].samples)


@pytest.mark.slow
def test_noisy_digits_come_at_every_ratio_and_say_of_what_they_are_made(made, capsys) -> None:
    digits = corpora.digits(announce=False)[:6]
    corpus = corpora.noisy_digits([15, -5], speech=digits)
    said = capsys.readouterr().out
    assert "Noises: synth_noises" in said
    assert len(corpus) == 12
    assert [clip.info["snr_db"] for clip in corpus[:2]] == [15.0, -5.0]
    for clip in corpus:
        assert snr_db(clip.info["clean"].samples, clip.samples) == pytest.approx(
            clip.info["snr_db"], abs=1e-3
        )
    assert not corpus.real
    whole = corpora.noisy_digits(announce=False)
    assert capsys.readouterr().out == ""
    info = corpora.info("noisy_digits")
    assert (len(whole), len(whole.speakers), whole.sample_rate) == (
        info.clips,
        info.speakers,
        info.sample_rate,
    )
    assert whole.seconds == pytest.approx(info.seconds, abs=0.06)
    assert len(corpora.load("noisy_digits")) == len(whole)
    assert info.path == corpora.get("noisy_digits") == synthetic_digits.folder()


@pytest.mark.slow
def test_noisy_digits_of_recordings_in_recorded_noise(mirror, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(mirror))
    if "absent" in (corpora.info("fsdd").state, corpora.info("noise_rir").state):
        pytest.skip("the mirror holds no fsdd or no noise_rir")
    corpus = corpora.noisy_digits([0.0], speech=corpora.fsdd().split("test"))
    assert corpus.real
    assert "noise_rir" in capsys.readouterr().out
    assert {clip.info["noise"] for clip in corpus} == {f"noise{number}" for number in range(1, 6)}
    assert snr_db(corpus[0].info["clean"].samples, corpus[0].samples) == pytest.approx(0.0, abs=1e-3)


def test_bad_arguments_of_noisy_digits_are_named(made) -> None:
    noises = corpora.generated_noises(16000, 0.5)[:1]
    with pytest.raises(ValueError, match="snrs_db is empty"):
        corpora.noisy_digits([])
    with pytest.raises(ValueError, match=r"noise has 16000 Hz and speech 8000 Hz.*noises\(8000\)"):
        corpora.noisy_digits([0], speech=corpora.generated_noises(8000, 0.5), noise=noises)


def test_phones_of_the_mirror_become_phonemes_with_times(mirror, monkeypatch) -> None:
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(mirror))
    if corpora.info("speechbrain_speech").state == "absent":
        pytest.skip("the mirror holds no speechbrain_speech")
    labelled = [clip for clip in corpora.mirror("speechbrain_speech") if clip.phonemes]
    assert len(labelled) == 8
    for clip in labelled:
        assert " ".join(label for label, _, _ in clip.phonemes) == clip.info["phones"]
        assert clip.phonemes[0][1] == 0
        assert clip.phonemes[-1][2] <= clip.duration
        assert all(end > start for _, start, end in clip.phonemes)
