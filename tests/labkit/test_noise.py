"""Noise of known kind, and speech with noise at a known level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labkit import corpora
from labkit.corpora import Clip, Corpus, CorpusError, CorpusNotFound, noise
from labkit.measure import snr_db


def _clip(samples: np.ndarray, rate: int = 8000, **facts) -> Clip:
    known = {"text": "one", "label": 1, "speaker": "a", "split": "test", "index": 0, **facts}
    return Clip(
        sample_rate=rate, duration=samples.size / rate, read=lambda: samples.astype(np.float32), **known
    )


SPEECH = Corpus(
    "speech",
    True,
    8000,
    [
        _clip(0.3 * np.sin(np.arange(4000) * 0.1 * (number + 1)), speaker=f"s{number}", index=number)
        for number in range(4)
    ],
)


def _slope(samples: np.ndarray, rate: int) -> float:
    """Decibels an octave, from the mean power in the octaves from 125 Hz to 2 kHz."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    frequency = np.fft.rfftfreq(samples.size, 1 / rate)
    edges = 125 * 2.0 ** np.arange(5)
    levels = [10 * np.log10(power[(frequency >= low) & (frequency < 2 * low)].mean()) for low in edges[:-1]]
    return float(np.polyfit(np.arange(4), levels, 1)[0])


def test_white_noise_is_flat_and_pink_falls_three_decibels_an_octave() -> None:
    kinds = {clip.label: clip for clip in corpora.generated_noises(8000, 20.0)}
    # 125 Hz to 250 Hz holds 2500 bins here: their mean power is known to a tenth of a dB
    assert _slope(kinds["white"].samples, 8000) == pytest.approx(0.0, abs=0.3)
    assert _slope(kinds["pink"].samples, 8000) == pytest.approx(-10 * np.log10(2), abs=0.3)


def test_hum_has_its_power_at_multiples_of_fifty_hertz() -> None:
    (hum,) = [clip for clip in corpora.generated_noises(8000, 2.0) if clip.label == "hum"]
    power = np.abs(np.fft.rfft(hum.samples.astype(np.float64))) ** 2  # bins 0.5 Hz apart
    assert power[100:2001:100].sum() > 0.95 * power.sum()
    assert np.argmax(power) == 100


def test_generated_noise_has_the_length_and_peak_asked_for_and_is_the_same_again() -> None:
    first, again = (
        [clip.samples for clip in corpora.generated_noises(11025, 1.5) if clip.label != "babble"]
        for _ in range(2)
    )
    for one, two in zip(first, again, strict=True):
        assert one.shape == (round(1.5 * 11025),)
        assert one.dtype == np.float32
        assert np.abs(one).max() == pytest.approx(noise.PEAK)
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_babble_is_speech_without_pauses(fresh_cache) -> None:
    (babble,) = [clip for clip in corpora.generated_noises(16000, 5.0) if clip.label == "babble"]
    frames = babble.samples.reshape(-1, 800)
    level = 10 * np.log10((frames.astype(np.float64) ** 2).mean(axis=1))
    assert level.max() - level.min() < 25  # one voice alone falls by 60 dB and more
    power = np.abs(np.fft.rfft(babble.samples.astype(np.float64))) ** 2
    assert power[: power.size // 2].sum() > 0.9 * power.sum()  # below 4 kHz, as in speech


def test_bad_arguments_of_generated_noise_are_named() -> None:
    with pytest.raises(ValueError, match="seconds is 0"):
        corpora.generated_noises(8000, 0)


@pytest.mark.parametrize("snr", [-5.0, 0.0, 12.5])
def test_the_ratio_is_the_one_asked_for(snr) -> None:
    noises = corpora.generated_noises(8000, 1.0)[:2]
    mixed = noise.add_noise(SPEECH, noises, [snr], "mixed")
    assert len(mixed) == len(SPEECH)
    for clip, clean in zip(mixed, SPEECH, strict=True):
        assert clip.info["clean"] is clean
        assert clip.info["noise"] in ("white", "pink")
        # float32 keeps seven digits: the ratio is off by far less than a thousandth of a dB
        assert snr_db(clean.samples, clip.samples) == pytest.approx(snr, abs=1e-3)
        assert clip.info["snr_db"] == snr
        assert (clip.text, clip.split, clip.duration) == (clean.text, clean.split, clean.duration)


def test_a_selection_gets_the_same_noise_as_the_whole_and_always_the_same() -> None:
    noises = corpora.generated_noises(8000, 1.0)[:2]
    whole = noise.add_noise(SPEECH, noises, [10.0, 0.0], "mixed")
    part = noise.add_noise(SPEECH[2:3], noises, [10.0, 0.0], "mixed")
    for one, two in zip(whole[4:6], part, strict=True):
        np.testing.assert_array_equal(one.samples, two.samples)
    assert len({clip.info["noise"] for clip in whole}) == 2


def test_a_clip_longer_than_the_noise_hears_it_again() -> None:
    short = Corpus("n", False, 8000, [_clip(np.random.default_rng(0).normal(size=700), label="tick")])
    (clip,) = noise.add_noise(SPEECH[:1], short, [0.0], "mixed")
    added = clip.samples - clip.info["clean"].samples
    np.testing.assert_allclose(added[:700], added[700:1400], atol=1e-6)


def test_noise_that_is_silent_in_places_is_heard_elsewhere() -> None:
    gaps = np.zeros(40_000)
    gaps[20_000:28_000] = np.random.default_rng(0).normal(size=8000)
    noises = Corpus("n", False, 8000, [_clip(gaps, label="gaps")])
    for clip in noise.add_noise(SPEECH, noises, [0.0], "mixed"):
        assert np.isfinite(clip.samples).all()
        assert np.abs(clip.samples).max() < 3
    silent = Corpus("n", False, 8000, [_clip(np.zeros(8000), label="nothing")])
    with pytest.raises(CorpusError, match="'nothing' is silent"):
        _ = noise.add_noise(SPEECH[:1], silent, [0.0], "mixed")[0].samples


def test_recorded_noises_are_those_of_the_mirror_at_any_rate(mirror, monkeypatch) -> None:
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(mirror))
    if corpora.info("noise_rir").state == "absent":
        pytest.skip("the mirror holds no noise_rir")
    native, half = noise.recorded(16000), noise.recorded(8000)
    assert [clip.label for clip in native] == [f"noise{number}" for number in range(1, 6)]
    for one, two in zip(native, half, strict=True):
        assert two.sample_rate == 8000
        assert two.samples.size == pytest.approx(one.samples.size / 2, abs=1)
        # below 3 kHz nothing is lost
        spectra = [np.abs(np.fft.rfft(clip.samples.astype(np.float64))) for clip in (one, two)]
        bins = int(3000 * one.duration)
        assert np.sum(spectra[1][:bins] ** 2) * 4 == pytest.approx(np.sum(spectra[0][:bins] ** 2), rel=0.01)


def test_without_a_mirror_there_is_no_recorded_noise(fresh_cache) -> None:
    with pytest.raises(CorpusNotFound, match="SPEECHLAB_MIRROR"):
        noise.recorded()


def test_clips_travel_to_other_processes_without_their_samples() -> None:
    import pickle

    clip = corpora.generated_noises(8000, 1.0)[0]
    twin = pickle.loads(pickle.dumps(clip))
    np.testing.assert_array_equal(twin.samples, clip.samples)
    assert replace(clip, label="x").label == "x"
