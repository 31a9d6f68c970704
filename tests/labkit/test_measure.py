"""Measures: the values that arithmetic gives, and errors that name what is wrong."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from labkit import measure

RNG = np.random.default_rng(0)
TONE = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)


def test_level_of_known_signals() -> None:
    assert measure.level_db(np.ones(10)) == 0
    assert measure.level_db(TONE) == pytest.approx(-3.0103, abs=1e-4)
    assert measure.level_db(0.1 * TONE) == pytest.approx(-23.0103, abs=1e-4)
    assert measure.level_db(np.zeros(4)) == -np.inf


def test_snr_of_known_signals() -> None:
    noise = RNG.normal(size=8000)
    noise *= np.linalg.norm(TONE) / np.linalg.norm(noise)
    for ratio in (-10.0, 0.0, 30.0):
        assert measure.snr_db(TONE, TONE + noise * 10 ** (-ratio / 20)) == pytest.approx(ratio, abs=1e-9)
    assert measure.snr_db(TONE, TONE) == np.inf
    assert measure.snr_db(TONE, 0 * TONE) == 0


def test_torch_tensors_and_integers_are_understood() -> None:
    torch = pytest.importorskip("torch")
    assert measure.snr_db(torch.tensor([3.0, 4.0], requires_grad=True), [3, 3]) == pytest.approx(
        10 * np.log10(25)
    )


def test_spectral_convergence_of_known_matrices() -> None:
    target = np.abs(RNG.normal(size=(5, 7)))
    assert measure.spectral_convergence(target, target) == 0
    assert measure.spectral_convergence(target, 0 * target) == 1
    assert measure.spectral_convergence(target, 0.9 * target) == pytest.approx(0.1)
    assert measure.spectral_convergence([[3.0, 4.0]], [[3.0, 1.0]]) == pytest.approx(3 / 5)


def test_stoi_falls_with_noise() -> None:
    pytest.importorskip("pystoi")
    # three seconds of noise whose loudness goes up and down four times a second, as that of speech does
    time = np.arange(30_000) / 10_000
    speech = RNG.normal(size=time.size) * (1.1 + np.sin(2 * np.pi * 4 * time))
    noise = RNG.normal(size=time.size)
    scores = [measure.stoi(speech, speech + gain * noise, 10_000) for gain in (0.0, 0.3, 1.0, 5.0)]
    assert scores[0] == pytest.approx(1.0)
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.5


def test_stoi_of_too_little_speech_is_an_error() -> None:
    pytest.importorskip("pystoi")
    with pytest.raises(ValueError, match="half a second"):
        measure.stoi(TONE[:1000], TONE[:1000], 8000)


def test_without_pystoi_the_message_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pystoi", None)
    with pytest.raises(measure.MissingPackage, match="pip install pystoi"):
        measure.stoi(TONE, TONE, 8000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measure.snr_db(TONE, TONE[:-1]), "clean has 8000 samples and noisy 7999"),
        (lambda: measure.snr_db(0 * TONE, TONE), "clean is silent"),
        (lambda: measure.snr_db(TONE[None], TONE), r"clean has shape \(1, 8000\), expected \[time\]"),
        (lambda: measure.level_db([]), "samples is empty"),
        (lambda: measure.level_db([np.nan]), "NaN"),
        (lambda: measure.level_db(["a"]), "dtype"),
        (lambda: measure.spectral_convergence(np.ones((2, 3)), np.ones((3, 2))), "shape"),
        (lambda: measure.spectral_convergence(np.zeros((2, 3)), np.ones((2, 3))), "target is silent"),
        (lambda: measure.spectral_convergence(np.ones(3) * 1j, np.ones(3)), "its magnitude"),
        (lambda: measure.stoi(TONE, TONE[1:], 8000), "equally many"),
    ],
)
def test_bad_input_is_named(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
