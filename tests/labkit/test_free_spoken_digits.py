"""FSDD: from the mirror, from the internet, from the cache; checked everywhere."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from labkit import corpora
from labkit.corpora import CorpusDamaged, CorpusNotFound, DownloadFailed, free_spoken_digits, standins
from labkit.corpora.free_spoken_digits import RECIPE, Recipe

NAMES = [
    f"{digit}_{speaker}_{index}" for digit in (0, 7) for speaker in ("george", "theo") for index in (4, 5, 11)
]


def _sounds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {name: rng.integers(-9000, 9000, int(rng.integers(3000, 6000))).astype(np.int16) for name in NAMES}


def _wav(pcm: np.ndarray, rate: int = 8000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def _archive(files: dict[str, bytes]) -> bytes:
    """As GitHub packs a commit: one folder at the top, and more in it than the recordings."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in {"top/README.md": b"# FSDD", "top/acquire/say.py": b"pass", **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("top/recordings/9_george_0.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return buffer.getvalue()


def _recipe(url: str, sounds: dict[str, np.ndarray], checksums: Path) -> Recipe:
    sums = {name: hashlib.sha256(pcm.tobytes()).hexdigest() for name, pcm in sounds.items()}
    checksums.write_text("# comment\n" + "".join(f"{name} {value[:16]}\n" for name, value in sums.items()))
    return Recipe(url, "test", len(sounds), 8000, free_spoken_digits.digest(sums), checksums)


@pytest.fixture
def small(server, tmp_path, fresh_cache, no_waiting):
    """A small recording archive in upstream's layout, served on this machine, and its recipe."""
    sounds = _sounds()
    server.content = _archive({f"top/recordings/{name}.wav": _wav(pcm) for name, pcm in sounds.items()})
    return _recipe(server.url, sounds, tmp_path / "checksums.txt")


def _files(cache: Path) -> set[str]:
    return {f.name for f in cache.rglob("*") if f.is_file() and not f.name.endswith(".lock")}


PACK = {"samples.s16", "clips.jsonl", "corpus.json"}


def test_archive_in_upstreams_layout_is_fetched_checked_and_stored(small, fresh_cache, capsys) -> None:
    place = free_spoken_digits.get(small, progress=False)
    assert "CC BY-SA 4.0" in capsys.readouterr().out
    assert _files(fresh_cache) == PACK  # no archive is kept
    assert {f.name for f in place.iterdir()} == PACK
    corpus = free_spoken_digits.load(small)
    sounds = _sounds()
    assert len(corpus) == len(sounds)
    for clip in corpus:
        pcm = sounds[f"{clip.label}_{clip.speaker}_{clip.index}"]
        np.testing.assert_array_equal(clip.samples, pcm / np.float32(32768))
        assert clip.split == ("test" if clip.index < 5 else "train")
        assert clip.text == {0: "zero", 7: "seven"}[clip.label]
    assert corpus.clip("seven", "theo").info["gender"] == "male"
    assert [c.index for c in corpus.filter(speaker="theo", text="zero")] == [4, 5, 11]


def test_second_get_uses_no_network(small, server) -> None:
    first = free_spoken_digits.get(small, progress=False)
    server.requests.clear()
    assert free_spoken_digits.get(small, progress=False) == first
    assert server.requests == []


def test_connection_cut_in_the_middle_is_resumed(small, server) -> None:
    half = len(server.content) // 2
    server.cut_after = [half]
    free_spoken_digits.get(small, progress=False)
    assert server.requests[1]["Range"] == f"bytes={half}-"
    assert len(free_spoken_digits.load(small)) == len(NAMES)


def test_offline_says_so_and_load_still_says_what_to_do(small, server, fresh_cache) -> None:
    server.http.server_close()
    with pytest.raises(DownloadFailed, match="Is this machine online"):
        free_spoken_digits.get(small, progress=False)
    assert _files(fresh_cache) == set()
    with pytest.raises(CorpusNotFound, match="SPEECHLAB_MIRROR is not set.*speechlab data get fsdd"):
        free_spoken_digits.load(small)


def test_changed_sound_is_refused_by_name_and_nothing_is_left(small, server, fresh_cache) -> None:
    sounds = _sounds()
    sounds["7_theo_5"][100] += 1  # one step of 65 536, in one sample
    server.content = _archive({f"top/recordings/{name}.wav": _wav(pcm) for name, pcm in sounds.items()})
    with pytest.raises(CorpusDamaged, match="1 clips differ, the first is 7_theo_5"):
        free_spoken_digits.get(small, progress=False)
    assert _files(fresh_cache) == set()


def test_missing_recording_is_refused(small, server, fresh_cache) -> None:
    sounds = list(_sounds().items())[:-1]
    server.content = _archive({f"top/recordings/{name}.wav": _wav(pcm) for name, pcm in sounds})
    with pytest.raises(CorpusDamaged, match="11 clips, expected 12"):
        free_spoken_digits.get(small, progress=False)
    assert _files(fresh_cache) == set()


def test_cut_archive_of_the_right_length_is_refused(small, server, fresh_cache) -> None:
    server.content = server.content[: len(server.content) // 2]  # the server itself holds half a file
    with pytest.raises(CorpusDamaged, match="archive is damaged"):
        free_spoken_digits.get(small, progress=False)
    assert _files(fresh_cache) == set()


def test_page_instead_of_an_archive_is_refused(small, server, fresh_cache) -> None:
    server.content = b"<html>Please log in to the network of this hotel</html>"
    with pytest.raises(CorpusDamaged, match="archive is damaged"):
        free_spoken_digits.get(small, progress=False)
    assert _files(fresh_cache) == set()


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.wav",
        "/tmp/evil.wav",
        "top/recordings/../../../0_george_0.wav",
        "top/deep/recordings/0_a_0.wav",
    ],
)
def test_names_that_lead_out_of_the_archive_lead_nowhere(small, server, fresh_cache, tmp_path, name) -> None:
    files = {f"top/recordings/{n}.wav": _wav(pcm) for n, pcm in _sounds().items()}
    server.content = _archive({**files, name: _wav(np.ones(9, np.int16))})
    before = {f for f in tmp_path.rglob("*") if fresh_cache not in f.parents}
    free_spoken_digits.get(small, progress=False)
    assert _files(fresh_cache) == PACK
    assert {f for f in tmp_path.rglob("*") if fresh_cache not in f.parents} - {fresh_cache} == before


@pytest.mark.parametrize(
    "content", [b"not a sound", _wav(np.ones(99, np.int16), 16000), _wav(np.ones((99, 2), np.int16))]
)
def test_recording_of_another_kind_is_refused_by_name(small, server, fresh_cache, content) -> None:
    files = {f"top/recordings/{n}.wav": _wav(pcm) for n, pcm in _sounds().items()}
    server.content = _archive({**files, "top/recordings/0_theo_4.wav": content})
    with pytest.raises(CorpusDamaged, match="0_theo_4.wav"):
        free_spoken_digits.get(small, progress=False)
    assert _files(fresh_cache) == set()


@pytest.mark.parametrize(("folder", "kind"), [("fsdd", "flac"), ("free-spoken-digit-dataset-master", "wav")])
def test_both_layouts_of_a_mirror_are_read_and_left_alone(small, tmp_path, monkeypatch, folder, kind) -> None:
    recordings = tmp_path / "mirror" / folder / "recordings"
    recordings.mkdir(parents=True)
    for name, pcm in _sounds().items():
        soundfile.write(recordings / f"{name}.{kind}", pcm, 8000)
    (recordings / "notes.txt").write_text("hello")
    before = sorted(recordings.iterdir())
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(tmp_path / "mirror"))
    corpus = free_spoken_digits.load(small)
    assert len(corpus) == len(NAMES)
    assert corpus.real
    assert sorted(recordings.iterdir()) == before


def test_mirror_and_internet_give_the_same_bytes(small, tmp_path, monkeypatch) -> None:
    place = free_spoken_digits.get(small, progress=False)
    fetched = {f.name: f.read_bytes() for f in place.iterdir()}
    recordings = tmp_path / "mirror" / "fsdd" / "recordings"
    recordings.mkdir(parents=True)
    for name, pcm in _sounds().items():
        soundfile.write(recordings / f"{name}.flac", pcm, 8000)
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("SPEECHLAB_CACHE", str(tmp_path / "other"))
    free_spoken_digits.load(small)
    assert {f.name: f.read_bytes() for f in free_spoken_digits.folder(small).iterdir()} == fetched


def test_damaged_mirror_is_refused(small, tmp_path, monkeypatch, fresh_cache) -> None:
    recordings = tmp_path / "mirror" / "fsdd" / "recordings"
    recordings.mkdir(parents=True)
    soundfile.write(recordings / "0_george_0.flac", np.ones(800, np.int16), 8000)
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(CorpusDamaged, match="1 clips, expected 12"):
        free_spoken_digits.load(small)
    assert _files(fresh_cache) == set()


def test_damaged_cache_is_noticed(small, server, capsys) -> None:
    place = free_spoken_digits.get(small, progress=False)
    file = place / "samples.s16"
    content = bytearray(file.read_bytes())
    content[1000] ^= 1  # one bit
    file.write_bytes(content)
    with pytest.raises(
        CorpusDamaged, match="samples.s16 is not what its checksum promises.*speechlab data get fsdd"
    ):
        free_spoken_digits.load(small)
    free_spoken_digits.get(small, progress=False)
    content[1000] ^= 1
    assert file.read_bytes() == bytes(content)


def test_damaged_cache_is_read_again_from_the_mirror(small, tmp_path, monkeypatch, capsys) -> None:
    place = free_spoken_digits.get(small, progress=False)
    (place / "clips.jsonl").unlink()
    recordings = tmp_path / "mirror" / "fsdd" / "recordings"
    recordings.mkdir(parents=True)
    for name, pcm in _sounds().items():
        soundfile.write(recordings / f"{name}.flac", pcm, 8000)
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(tmp_path / "mirror"))
    assert len(free_spoken_digits.load(small)) == len(NAMES)
    assert "reading it from the mirror again" in capsys.readouterr().out


def test_damaged_pack_that_claims_another_kind_of_content_is_noticed(small) -> None:
    place = free_spoken_digits.get(small, progress=False)
    (place / "corpus.json").write_text(json.dumps([1, 2]))
    with pytest.raises(CorpusDamaged, match="not a whole corpus"):
        free_spoken_digits.load(small)


def test_unwritable_cache_still_gives_the_corpus(small, server, tmp_path, monkeypatch, capsys) -> None:
    obstacle = tmp_path / "a file"
    obstacle.write_text("")
    monkeypatch.setenv("SPEECHLAB_CACHE", str(obstacle / "cache"))
    free_spoken_digits.get(small, progress=False)
    assert len(free_spoken_digits.load(small)) == len(NAMES)
    assert "cannot be written" in capsys.readouterr().out


def test_checksum_file_and_recipe_agree() -> None:
    lines = RECIPE.checksums.read_text().splitlines()
    sums = dict(line.split() for line in lines if not line.startswith("#"))
    assert len(sums) == RECIPE.clips == 3000
    assert all(len(value) == 16 for value in sums.values())
    assert RECIPE.sha256 in lines[1]
    assert RECIPE.sha256 in (RECIPE.checksums.parent / "card.md").read_text()
    assert len({name.split("_")[1] for name in sums}) == 6


# --- the real recordings ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recordings(mirror, tmp_path_factory):
    """FSDD from the mirror, in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHLAB_MIRROR", str(mirror))
        patch.setenv("SPEECHLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        if free_spoken_digits.in_mirror() is None:
            pytest.skip("the mirror holds no FSDD")
        corpus = corpora.digits()
        for clip in corpus:
            _ = clip.samples
    return corpus


@pytest.mark.slow
def test_recordings_in_the_mirror_are_the_3000_of_the_commit(recordings) -> None:
    assert recordings.real
    assert len(recordings) == 3000
    assert recordings.speakers == sorted(free_spoken_digits.SPEAKERS)
    assert recordings.words == list(free_spoken_digits.WORDS)
    assert (len(recordings.split("train")), len(recordings.split("test"))) == (2700, 300)
    assert recordings.seconds == pytest.approx(1312.3, abs=0.05)


@pytest.mark.slow
def test_clip_holds_exactly_what_is_in_its_file(recordings, mirror) -> None:
    samples, rate = corpora.read_audio(mirror / "fsdd" / "recordings" / "7_theo_12.flac")
    clip = recordings.clip("seven", "theo", 12)
    assert clip.sample_rate == rate == 8000
    np.testing.assert_array_equal(clip.samples, samples)


@pytest.mark.slow
def test_manifest_of_the_mirror_agrees_with_the_corpus(recordings, mirror) -> None:
    entries = corpora.read_manifest(mirror / "fsdd" / "manifest.jsonl")
    assert len(entries) == len(recordings)
    by_key = {(clip.label, clip.speaker, clip.index): clip for clip in recordings}
    for entry in entries:
        clip = by_key[entry["label"], entry["speaker"], entry["index"]]
        assert (clip.text, clip.split) == (entry["text"], entry["split"])
        assert clip.duration == pytest.approx(entry["duration"], abs=1e-6)
        assert (clip.info["gender"], clip.info["accent"]) == (entry["gender"], entry["accent"])


# --- which digits --------------------------------------------------------------------------------------


def test_digits_are_synthetic_without_recordings_and_say_so(fresh_cache, monkeypatch, capsys) -> None:
    from labkit.corpora import synthetic_digits

    recipe = synthetic_digits.RECIPE
    tiny = replace(recipe, train_voices=recipe.train_voices[:1], test_voices=(), rates=(165,), pitches=(50,))
    monkeypatch.setattr(standins, "synth_digits", lambda: synthetic_digits.load(tiny))
    corpus = corpora.digits()
    assert not corpus.real
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Digits: synthetic, 10 clips by 1 voices")
    assert corpora.digits(announce=False).name == "synth_digits"
    assert capsys.readouterr().out == ""


def test_digits_are_the_recordings_where_they_are_cached(small, monkeypatch, capsys) -> None:
    free_spoken_digits.get(small, progress=False)
    capsys.readouterr()
    monkeypatch.setattr(standins, "fsdd", lambda: free_spoken_digits.load(small))
    assert corpora.digits().real
    assert capsys.readouterr().out == "Digits: FSDD, 12 recordings of 2 people (CC BY-SA 4.0).\n"


def test_damaged_recordings_are_not_passed_over_in_silence(small, monkeypatch) -> None:
    place = free_spoken_digits.get(small, progress=False)
    (place / "samples.s16").write_bytes(b"")
    monkeypatch.setattr(standins, "fsdd", lambda: free_spoken_digits.load(small))
    with pytest.raises(CorpusDamaged):
        corpora.digits()
