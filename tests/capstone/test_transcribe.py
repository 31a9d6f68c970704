"""The user's own files: what is understood, and what is said about the others."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from capstone import commands
from capstone.audio import SAMPLE_RATE, read_word
from capstone.errors import CapstoneError


def fine(seconds: float, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 500 * np.arange(int(seconds * sample_rate)) / sample_rate)


class Screen:
    """A console that remembers."""

    def __init__(self) -> None:
        self.text = ""

    def print(self, text: str, **_options: object) -> None:
        self.text += text + "\n"


@pytest.mark.parametrize("name", ["two.wav", "two.flac", "two.ogg", "two.mp3"])
@pytest.mark.parametrize("sample_rate", [8000, 44100])
def test_every_format_is_understood_at_any_rate(model, recording, name, sample_rate, whistle):
    from scipy.signal import resample_poly

    samples = whistle("two", "cid", 11)
    if sample_rate != SAMPLE_RATE:
        samples = resample_poly(samples, 441, 80)
    found = commands.transcribe(model, recording(name, samples, sample_rate), console=Screen())
    assert found["word"] == "two"
    # MP3 and Vorbis may pad by a frame
    assert found["seconds"] == pytest.approx(len(samples) / sample_rate, abs=0.1)
    assert list(found["scores"]) == ["zero", "one", "two"]
    assert found["segments"][0][0] == 0 and found["segments"][0][1] == 0.0


def test_stereo_and_quiet_recordings_are_understood(model, recording, whistle):
    samples = whistle("zero", "ann", 12)
    stereo = recording("stereo.wav", np.column_stack([samples, samples]))
    quiet = recording("quiet.flac", samples * 0.01)
    for path in (stereo, quiet):
        assert commands.transcribe(model, path, console=Screen())["word"] == "zero"


def test_answer_says_that_the_model_knows_synthetic_speech_only(model, recording, whistle):
    screen = Screen()
    commands.transcribe(model, recording("one.wav", whistle("one", "ann", 13)), console=screen)
    assert screen.text.startswith("one\n")
    assert "synthetic speech only" in screen.text


def test_answer_says_when_it_is_not_sure(model, recording, monkeypatch, whistle):
    monkeypatch.setattr(commands, "UNSURE", 1e9)
    screen = Screen()
    found = commands.transcribe(model, recording("one.wav", whistle("one", "ann", 13)), console=screen)
    assert not found["sure"] and "not sure" in screen.text


def refused(model: Path, path: Path, *expected: str) -> None:
    with pytest.raises(CapstoneError) as caught:
        commands.transcribe(model, path, console=Screen())
    message = str(caught.value)
    assert str(path) in message
    for words in expected:
        assert re.search(words, message), message


def test_missing_files_and_folders_are_named(model, tmp_path):
    refused(model, tmp_path / "nothing.wav", "does not exist")
    refused(model, tmp_path, "folder")


@pytest.mark.parametrize("name", ["text.wav", "text.mp3", "text.flac", "text.ogg", "text"])
def test_files_that_hold_no_sound_are_refused(model, tmp_path, name):
    path = tmp_path / name
    path.write_text("this is no sound at all " * 50)
    refused(model, path, "not a readable WAV, FLAC, MP3 or OGG")


@pytest.mark.parametrize("name", ["empty.wav", "empty.mp3", "empty.flac", "empty.ogg"])
def test_empty_files_are_refused(model, tmp_path, name):
    (tmp_path / name).touch()
    refused(model, tmp_path / name, "empty|0 bytes")


def test_header_without_samples_is_refused(model, recording):
    refused(model, recording("header.wav", np.zeros(0)), "no samples")


@pytest.mark.parametrize("keep", [30, 200])
def test_damaged_flac_is_refused(model, recording, keep):
    path = recording("damaged.flac", fine(0.5))
    path.write_bytes(path.read_bytes()[:keep])
    refused(model, path, "not a readable|no samples|lasts")


def test_silence_is_refused(model, recording):
    refused(model, recording("silent.wav", np.zeros(4000)), "silent")
    refused(model, recording("nearly.wav", 1e-4 * fine(0.5)), "silent")


def test_numbers_that_are_none_are_refused(model, recording, tmp_path):
    import soundfile

    samples = fine(0.5)
    samples[100] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    refused(model, tmp_path / "nan.wav", "not numbers")


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_too_short_and_too_long_are_refused(model, recording, ending):
    # MP3 pads to whole frames of up to 0.14 s at 8 kHz, so that a short one is longer than asked for
    if ending != "mp3":
        refused(model, recording(f"short.{ending}", fine(0.09)), "lasts 0.0", "at least 0.1 s")
    refused(model, recording(f"long.{ending}", fine(5.3)), "lasts 5", "at most 5 s")


def test_limits_themselves_are_allowed(recording):
    assert len(read_word(recording("shortest.wav", fine(0.1)))) == 800
    assert len(read_word(recording("longest.wav", fine(5.0)))) == 40000


def test_rates_below_the_telephones_are_refused(model, recording):
    refused(model, recording("low.wav", fine(0.5, 6000), 6000), "6000 samples a second")


def test_resampling_keeps_the_sound(recording):
    # a tone of 500 Hz at 44.1 kHz is the same tone at 8 kHz, but for the filter's edges
    samples = read_word(recording("tone.wav", fine(0.5, 44100), 44100))
    assert len(samples) == 4000
    # 16-bit rounding is 1e-5 of full scale, scipy's default Kaiser filter passes 500 Hz within 1e-3
    np.testing.assert_allclose(samples[400:-400], fine(0.5)[400:-400], atol=1e-3)


def test_model_that_is_missing_or_damaged_is_named(recording, tmp_path, model, whistle):
    path = recording("one.wav", whistle("one", "ann", 13))
    for name, content in (
        ("none.npz", None),
        ("text.npz", b"no model"),
        ("half.npz", model.read_bytes()[:2000]),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(CapstoneError, match="speechlab capstone train") as caught:
            commands.transcribe(tmp_path / name, path, console=Screen())
        assert name in str(caught.value)
