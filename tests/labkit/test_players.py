"""Audio players."""

from __future__ import annotations

import base64
import io
import re
import wave

import numpy as np
import pytest

from labkit import play, play_ab
from labkit.players import equally_loud, players_html, wav_bytes

TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(800) / 8000)


def _sounds(page: str) -> list[tuple[np.ndarray, int]]:
    found = []
    for data in re.findall(r'src="data:audio/wav;base64,([^"]+)"', page):
        with wave.open(io.BytesIO(base64.b64decode(data))) as file:
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
            found.append((pcm / 32767, file.getframerate()))
    return found


def test_the_embedded_sound_is_the_one_given() -> None:
    ((samples, rate),) = _sounds(players_html({"tone": TONE}, 8000))
    assert rate == 8000
    np.testing.assert_allclose(
        samples[:, 0], TONE, atol=0.5 / 32767 + 1e-6
    )  # half a step of 16 bits, float32


def test_every_label_has_its_own_player_and_is_escaped() -> None:
    page = players_html({"<b>yours": TONE, "library": TONE}, 8000)
    assert len(_sounds(page)) == 2
    assert "<b>yours" not in page
    assert "&lt;b&gt;yours" in page


def test_loud_signals_are_scaled_together_and_the_label_says_so() -> None:
    page = players_html({"loud": 4 * TONE, "soft": TONE}, 8000)
    (loud, _), (soft, _) = _sounds(page)
    assert np.abs(loud).max() == pytest.approx(1.0, abs=1e-3)
    assert np.abs(soft).max() == pytest.approx(0.25, abs=1e-3)
    assert "peak 2: scaled to 1" in page


def test_soft_signals_stay_soft() -> None:
    ((samples, _),) = _sounds(players_html({"": 0.01 * TONE}, 8000))
    assert np.abs(samples).max() == pytest.approx(0.005, abs=1e-4)


def test_two_channels_and_16_bit_integers_are_understood() -> None:
    pcm = (np.stack([TONE, -TONE]) * 32767).astype(np.int16)
    ((samples, _),) = _sounds(players_html({"": pcm}, 8000))
    np.testing.assert_allclose(samples.T, [TONE, -TONE], atol=1e-4)


def test_torch_tensors_are_understood() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(TONE, requires_grad=True)
    assert wav_bytes(tensor, 8000) == wav_bytes(TONE, 8000)


def test_outside_a_notebook_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert play(TONE, 8000) is None
    assert play({"a": TONE, "b": TONE}, np.int64(8000)) is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(0), 8000, "empty"),
        ({}, 8000, "empty dict"),
        (np.array([0.0, np.nan]), 8000, "NaN"),
        (np.zeros((2, 3, 4)), 8000, r"shape \(2, 3, 4\)"),
        (np.zeros((800, 2)), 8000, "channels"),
        (np.array(["a"]), 8000, "dtype"),
        ({"yours": np.zeros(0)}, 8000, "'yours'"),
        (TONE, 0, "sample_rate is 0"),
        (TONE, 8000.5, "sample_rate is 8000.5"),
        (TONE, None, "sample_rate is None"),
    ],
)
def test_bad_input_is_named(samples, rate, message) -> None:
    with pytest.raises(ValueError, match=message):
        play(samples, rate)


def _spoken_level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def test_sounds_to_compare_are_equally_loud_in_the_order_given() -> None:
    made = equally_loud({"quiet": 0.1 * TONE, "loud": TONE}, 8000)
    assert list(made) == ["A · quiet (+20.0 dB)", "B · loud (+0.0 dB)"]
    quiet, loud = made.values()
    np.testing.assert_allclose(quiet, loud, rtol=1e-5, atol=1e-6)


def test_none_of_the_sounds_to_compare_is_clipped() -> None:
    # the click would need a peak of 8 to be as loud as the tone: all are turned down instead
    click = np.zeros(400)
    click[::40] = 0.9
    made = equally_loud({"tone": TONE, "click": click}, 8000)
    assert max(np.abs(sound).max() for sound in made.values()) == pytest.approx(0.99, abs=1e-3)
    tone, clicks = (_spoken_level(sound) for sound in made.values())
    assert tone == pytest.approx(clicks, rel=0.01)


def test_pauses_do_not_make_a_sound_louder() -> None:
    paused = np.concatenate([TONE, np.zeros(8000), TONE])
    labels = list(equally_loud({"whole": TONE, "with a pause": paused}, 8000))
    assert labels == ["A · whole (+0.0 dB)", "B · with a pause (+0.0 dB)"]


def test_silence_stays_silent_beside_a_sound() -> None:
    made = equally_loud({"sound": TONE, "nothing": np.zeros(800)}, 8000)
    assert list(made)[1] == "B · nothing (silent)"
    assert not np.any(made["B · nothing (silent)"])
    assert not np.any(next(iter(equally_loud({"a": np.zeros(8), "b": np.zeros(8)}, 8000).values())))


def test_one_sound_cannot_be_compared() -> None:
    for given in ({"a": TONE}, TONE):
        with pytest.raises(ValueError, match="fewer than two sounds"):
            play_ab(given, 8000)
    assert play_ab({"a": TONE, "b": -TONE}, 8000) is None
