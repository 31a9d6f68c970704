"""Corpora made in blocks: only what is asked for, the same bytes every time, never half made."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from labkit import corpora
from labkit.corpora import CorpusError, blocks, espeak, store, synthetic_sentences
from labkit.corpora.sentences import sentences

VOICES = ("en-us+Alicia", "en-us+Andy")  # Alicia is breathy: her noise is drawn at random
ENTRIES = tuple(
    {
        "audio_filepath": f"{number}.wav",
        "text": sentences()[number],
        "speaker": "ab"[number % 2],
        "split": "train",
        "index": 0,
        "voice": VOICES[number % 2],
        "rate": 170,
        "pitch": 50,
        "language": "en",
        "block": number // 4,
    }
    for number in range(8)
)
SMALL = blocks.BlockRecipe("small", ENTRIES, 16000)


def _blocks_made(cache) -> list[str]:
    return sorted(place.name for place in cache.rglob("block_*") if place.is_dir())


def test_only_the_blocks_asked_for_are_made(fresh_cache) -> None:
    assert blocks.state(SMALL) == ("absent", None)
    corpus = blocks.load(SMALL, lambda entry: entry["audio_filepath"] == "5.wav")
    assert [clip.text for clip in corpus] == [sentences()[5]]
    assert _blocks_made(fresh_cache) == ["block_001"]
    assert blocks.state(SMALL) == ("partly", blocks.folder(SMALL))
    blocks.load(SMALL)
    assert blocks.state(SMALL)[0] == "cached"


def test_clips_know_what_the_recipe_says(fresh_cache) -> None:
    corpus = blocks.load(SMALL)
    assert (corpus.name, corpus.real, corpus.sample_rate, len(corpus)) == ("small", False, 16000, 8)
    assert corpus.languages == ["en"]
    assert corpus.filter(language="en", speaker="b").clips[0].text == sentences()[1]
    with pytest.raises(ValueError, match="language is 'fr', expected one of: en"):
        corpus.filter(language="fr")
    for clip, entry in zip(corpus, ENTRIES, strict=True):
        assert (clip.text, clip.speaker, clip.language) == (entry["text"], entry["speaker"], "en")
        assert clip.info == {key: entry[key] for key in ("voice", "rate", "pitch")}
        assert clip.samples.size == round(clip.duration * 16000)
        assert clip.phonemes and clip.words


def test_second_time_nothing_is_made(fresh_cache, monkeypatch) -> None:
    first = blocks.load(SMALL)
    monkeypatch.setattr(espeak, "speak", None)  # would fail if called
    second = blocks.load(SMALL)
    assert [c.samples.tobytes() for c in first] == [c.samples.tobytes() for c in second]
    assert [c.phonemes for c in first] == [c.phonemes for c in second]


def test_what_a_read_only_cache_lacks_is_made_elsewhere(fresh_cache, monkeypatch, capsys) -> None:
    first = blocks.load(SMALL, lambda entry: entry["block"] == 0)
    monkeypatch.setattr(store, "_writable", lambda folder: False)
    store._passing_folder.cache_clear()
    whole = blocks.load(SMALL)
    assert "cannot be written" in capsys.readouterr().out
    assert len(whole) == 8
    np.testing.assert_array_equal(whole[0].samples, first[0].samples)
    assert _blocks_made(fresh_cache) == ["block_000"]
    store._passing_folder.cache_clear()


def test_a_damaged_block_is_noticed_and_made_again(fresh_cache, capsys) -> None:
    blocks.load(SMALL)
    place = blocks.folder(SMALL) / "block_000" / "samples.s16"
    content = place.read_bytes()
    place.write_bytes(content[:-2])
    blocks.load(SMALL)
    assert "making it again" in capsys.readouterr().out
    assert place.read_bytes() == content


def test_another_recipe_is_another_folder(fresh_cache, monkeypatch) -> None:
    recipes = [SMALL, replace(SMALL, version=2), replace(SMALL, seed=2), replace(SMALL, entries=ENTRIES[:4])]
    folders = {blocks.folder(recipe) for recipe in recipes}
    monkeypatch.setattr(espeak, "package_version", lambda: "99")
    folders.add(blocks.folder(SMALL))
    assert len(folders) == 5


def test_silence_and_unknown_voices_are_errors_that_leave_nothing(fresh_cache) -> None:
    for change, message in (({"text": " "}, "silence"), ({"voice": "xx-yy"}, "no voice 'xx-yy'")):
        with pytest.raises(CorpusError, match=message):
            blocks.load(replace(SMALL, entries=({**ENTRIES[0], **change},)))
    assert _blocks_made(fresh_cache) == []


def _ask_elsewhere(cache, code: str) -> str:
    script = (
        "import hashlib\n"
        "from labkit import corpora\n"
        f"clip = {code}\n"
        "print(hashlib.sha256(clip.samples.tobytes()).hexdigest(), clip.phonemes, clip.words)"
    )
    environment = {**os.environ, "SPEECHLAB_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("alone", "among_others"),
    [
        ("corpora.synth_ljs(53)[52]", "corpora.synth_ljs(120)[52]"),
        ("corpora.synth_voices(4, 3)[4]", "corpora.synth_voices(8, 12).filter(speaker='w02')[1]"),
        (
            "corpora.synth_langs(['fr'])[7]",
            "corpora.synth_langs(['de', 'fr', 'zh']).filter(language='fr')[7]",
        ),
        (
            "corpora.synth_timit(4).filter(speaker='malex0')[3]",
            "corpora.synth_timit(8).filter(speaker='malex0')[3]",
        ),
    ],
)
def test_two_processes_give_the_same_bytes_whatever_else_was_asked_for(
    tmp_path, monkeypatch, alone, among_others
) -> None:
    monkeypatch.delenv("SPEECHLAB_MIRROR", raising=False)
    first = _ask_elsewhere(tmp_path / "one", alone)
    assert first == _ask_elsewhere(tmp_path / "two", among_others)


def test_every_corpus_can_be_asked_for_in_parts_and_says_what_there_is(fresh_cache) -> None:
    for call, message in (
        (lambda: corpora.synth_ljs(1601), "sentences is 1601, expected 1 to 1600"),
        (lambda: corpora.synth_voices(41), "speakers is 41, expected 1 to 40"),
        (lambda: corpora.synth_voices(2, 31), "sentences is 31, expected 1 to 30"),
        (lambda: corpora.synth_timit(3), "speakers is 3, expected 4 to 32"),
        (lambda: corpora.synth_langs(["xx"]), "language is 'xx', expected one of: cs, de"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert _blocks_made(fresh_cache) == []


def test_a_few_sentences_make_one_block(fresh_cache) -> None:
    assert len(corpora.synth_ljs(3)) == 3
    assert _blocks_made(fresh_cache) == ["block_000"]
    assert np.abs(corpora.synth_ljs(3)[0].samples).max() > 0.1
    assert corpora.info("synth_ljs").state == "partly"
    assert corpora.info("synth_ljs").path == blocks.folder(synthetic_sentences.recipe())
