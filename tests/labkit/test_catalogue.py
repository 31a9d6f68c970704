"""The list of corpora, the mirror's corpora, and their cards."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import soundfile

from labkit import corpora
from labkit.corpora import CorpusDamaged, CorpusNotFound, write_manifest

NAMES = [info.name for info in corpora.list_corpora()]
MADE_HERE = ["synth_digits", "synth_ljs", "synth_voices", "synth_timit", "synth_langs", "noisy_digits"]
MIRROR_ONLY = [name for name in NAMES if name not in (*MADE_HERE, "fsdd")]


def test_nothing_is_here_at_first_but_synthetic_speech_can_be_made(fresh_cache) -> None:
    assert {info.state for info in corpora.list_corpora()} == {"absent"}
    assert [info.name for info in corpora.available()] == MADE_HERE
    assert list(fresh_cache.rglob("*")) == []  # looking changes nothing


def test_states_follow_mirror_and_cache(fresh_cache, tmp_path, monkeypatch) -> None:
    _small_mirror(tmp_path / "mirror", "vctk")
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(tmp_path / "mirror"))
    corpora.synthetic_digits.folder().mkdir(parents=True)
    state = {info.name: (info.state, info.path) for info in corpora.list_corpora()}
    assert state["vctk"] == ("mirror", tmp_path / "mirror" / "vctk")
    assert state["synth_digits"] == ("cached", corpora.synthetic_digits.folder())
    assert state["jfk"] == ("absent", None)


def test_unknown_name_is_an_error_that_names_the_known_ones() -> None:
    for call in (corpora.info, corpora.load, corpora.get):
        with pytest.raises(CorpusNotFound, match="no corpus 'timit'.*fsdd"):
            call("timit")


@pytest.mark.parametrize("name", MIRROR_ONLY)
def test_corpus_that_only_a_mirror_has_says_what_to_do(fresh_cache, tmp_path, monkeypatch, name) -> None:
    for call in (corpora.mirror, corpora.load, corpora.get):
        with pytest.raises(CorpusNotFound, match=f"SPEECHLAB_MIRROR is not set.*{name}/manifest.jsonl"):
            call(name)
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(tmp_path))
    with pytest.raises(CorpusNotFound, match="there is no .*manifest.jsonl"):
        corpora.mirror(name)


def _small_mirror(root, name, rates=(16000, 16000)) -> None:
    (root / name).mkdir(parents=True)
    entries = []
    for number, rate in enumerate(rates):
        soundfile.write(root / name / f"{number}.flac", np.full((rate // 2, 2), [0.25, -0.125]), rate)
        entries.append({"audio_filepath": f"{number}.flac", "duration": 0.5, "text": None, "phones": "a b"})
    write_manifest(root / name / "manifest.jsonl", entries)


def test_any_folder_with_a_manifest_is_a_corpus(tmp_path, monkeypatch) -> None:
    _small_mirror(tmp_path, "our_own")
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(tmp_path))
    corpus = corpora.mirror("our_own")
    assert (corpus.real, corpus.sample_rate, len(corpus)) == (True, 16000, 2)
    clip = corpus[1]
    assert (clip.text, clip.speaker, clip.split, clip.index) == (None, None, None, 1)
    assert clip.info == {"phones": "a b"}
    assert clip.path == tmp_path / "our_own" / "1.flac"
    np.testing.assert_allclose(clip.samples, 0.0625, atol=1e-4)  # the mean of two channels


def test_mixed_sample_rates_are_refused(tmp_path, monkeypatch) -> None:
    _small_mirror(tmp_path, "mixed", (8000, 16000))
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(tmp_path))
    with pytest.raises(CorpusDamaged, match=r"\[8000, 16000\] Hz"):
        corpora.mirror("mixed")


def test_of_many_microphones_the_first_is_taken(tmp_path, monkeypatch) -> None:
    (tmp_path / "rir").mkdir()
    soundfile.write(tmp_path / "rir" / "a.wav", np.tile([0.5, 0.25, 0.125], (800, 1)), 16000)
    write_manifest(
        tmp_path / "rir" / "manifest.jsonl", [{"audio_filepath": "a.wav", "duration": 0.05, "text": None}]
    )
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(tmp_path))
    assert corpora.mirror("rir")[0].samples.max() == 0.5


@pytest.mark.parametrize("name", MIRROR_ONLY)
def test_catalogue_tells_the_truth_about_the_mirror(mirror, monkeypatch, name) -> None:
    monkeypatch.setenv("SPEECHLAB_MIRROR", str(mirror))
    info = corpora.info(name)
    if info.state == "absent":
        pytest.skip(f"the mirror holds no {name}")
    corpus = corpora.load(name)
    assert len(corpus) == info.clips
    assert len(corpus.speakers) == info.speakers
    assert corpus.sample_rate == info.sample_rate
    assert corpus.seconds == pytest.approx(info.seconds, abs=0.06)
    assert corpus.licence == info.licence
    assert corpora.get(name) == info.path
    for clip in corpus.clips[:2]:
        assert clip.samples.size == pytest.approx(clip.duration * clip.sample_rate, abs=1)
        assert 0 < np.abs(clip.samples).max() <= 1


@pytest.mark.slow
def test_catalogue_tells_the_truth_about_what_is_made() -> None:
    recipe = corpora.synthetic_digits.RECIPE
    info = corpora.info("synth_digits")
    assert info.clips == len(recipe.entries())
    assert info.speakers == len(recipe.train_voices) + len(recipe.test_voices)
    assert info.sample_rate == recipe.sample_rate


@pytest.mark.parametrize("name", NAMES)
def test_card_says_what_the_catalogue_says(name) -> None:
    info = corpora.info(name)
    assert info.card is not None, f"datasets/{name}/card.md is missing"
    text = info.card.read_text("utf-8")
    fields = dict(re.findall(r"^- \*\*(.+?):\*\* (.+)$", text, re.MULTILINE))
    assert {"Source", "Licence", "Size", "Speakers", "Splits", "Use"} <= set(fields)
    assert f"({name})" in text.splitlines()[0]
    assert fields["Size"].startswith(f"{info.clips} clip")
    assert f"{info.seconds} s" in fields["Size"]
    assert f"{info.megabytes} MB" in fields["Size"]
    assert f"{info.sample_rate} Hz" in fields["Size"]
    if info.speakers:
        assert fields["Speakers"].startswith(str(info.speakers))
    assert fields["Licence"].startswith(info.licence.split(";")[0])
    assert "## Beware" in text
    assert f"[{name}]({name}/card.md)" in (info.card.parents[1] / "README.md").read_text("utf-8")


def test_infos_are_plain_facts() -> None:
    for info in corpora.list_corpora():
        facts = {key: value for key, value in vars(info).items() if key not in ("path", "card")}
        assert json.loads(json.dumps(facts)) == facts
