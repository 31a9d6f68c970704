"""Reading sound files; manifests."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from labkit.corpora import CorpusDamaged, UnreadableAudio, read_audio, read_manifest, write_manifest

TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_four_formats_are_read(tmp_path, kind) -> None:
    file = tmp_path / f"tone.{kind}"
    soundfile.write(file, TONE, 16000)
    samples, rate = read_audio(file)
    assert rate == 16000
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    # lossy formats pad and change a little; the level of the tone stays
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_lossless_files_give_exactly_their_samples(tmp_path) -> None:
    pcm = np.random.default_rng(0).integers(-32768, 32768, 500).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", pcm, 8000)
    samples, _ = read_audio(str(tmp_path / "a.flac"))
    np.testing.assert_array_equal(samples, pcm / np.float32(32768))


def test_channels_are_averaged(tmp_path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([TONE, 0 * TONE], axis=1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav")[0], TONE / 2, atol=1e-7)  # float32


def _write(path, content: bytes):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: d / "none.wav", "does not exist"),
        (lambda d: d, "is a folder"),
        (lambda d: _write(d / "a.wav", b""), "empty file"),
        (
            lambda d: _write(d / "a.wav", b"This is a letter, not a sound."),
            "not a readable WAV, FLAC, MP3 or OGG",
        ),
        (lambda d: _write(d / "a.flac", b"fLaC" + bytes(100)), "not a readable"),
    ],
)
def test_unreadable_files_are_named(tmp_path, make, message) -> None:
    with pytest.raises(UnreadableAudio, match=message) as caught:
        read_audio(make(tmp_path))
    assert str(tmp_path) in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_file_without_samples_is_refused(tmp_path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 8000)
    with pytest.raises(UnreadableAudio, match="no samples"):
        read_audio(tmp_path / "a.wav")


def test_samples_that_are_not_numbers_are_refused(tmp_path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    with pytest.raises(UnreadableAudio, match="NaN"):
        read_audio(tmp_path / "a.wav")


ENTRIES = [
    {"audio_filepath": "a.wav", "duration": 1.5, "text": "grüße, “seven”", "speaker": "x"},
    {"audio_filepath": "b.wav", "duration": 1, "text": None},
]


def test_manifest_comes_back_as_written(tmp_path) -> None:
    path = tmp_path / "new" / "m.jsonl"
    assert write_manifest(path, ENTRIES) == 2
    assert read_manifest(path) == ENTRIES
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == ENTRIES
    assert [file.name for file in path.parent.iterdir()] == ["m.jsonl"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"audio_filepath": "a", "duration": 1}, "lacks 'text'"),
        ({"audio_filepath": "a", "duration": 0, "text": ""}, "duration is 0"),
        ({"audio_filepath": "a", "duration": float("nan"), "text": ""}, "duration is nan"),
        ({"audio_filepath": "a", "duration": "1", "text": ""}, "duration is '1'"),
        ({"audio_filepath": "", "duration": 1, "text": ""}, "audio_filepath is ''"),
    ],
)
def test_wrong_entries_are_refused_both_ways_and_nothing_is_written(tmp_path, entry, message) -> None:
    path = tmp_path / "m.jsonl"
    with pytest.raises(ValueError, match=f"entry 3.*{message}"):
        write_manifest(path, [*ENTRIES, entry])
    assert list(tmp_path.iterdir()) == []
    path.write_text(json.dumps(ENTRIES[0]) + "\n\n" + json.dumps(entry) + "\n")
    with pytest.raises(CorpusDamaged, match=f"m.jsonl, line 3.*{message}"):
        read_manifest(path)


def test_lines_that_are_not_json_objects_are_named(tmp_path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"audio_filepath": \xff')
    with pytest.raises(CorpusDamaged, match="line 1 is not JSON"):
        read_manifest(path)
    path.write_text("[1]")
    with pytest.raises(CorpusDamaged, match="line 1 is a list"):
        read_manifest(path)
