"""What the synthetic corpora promise: how many, how varied, how divided."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from labkit import corpora
from labkit.corpora import (
    espeak,
    synthetic_languages,
    synthetic_phones,
    synthetic_sentences,
    synthetic_voices,
    timit,
)
from labkit.corpora.language_texts import TEXTS, VOICES
from labkit.corpora.sentences import COUNT, number_in_words, sentences

RECIPES = {
    module.NAME: module.recipe
    for module in (synthetic_sentences, synthetic_voices, synthetic_phones, synthetic_languages)
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("SPEECHLAB_MIRROR", raising=False)
        yield


@pytest.mark.parametrize("name", RECIPES)
def test_catalogue_tells_the_truth_about_the_recipe(name) -> None:
    recipe, info = RECIPES[name](), corpora.info(name)
    assert recipe.name == name
    assert len(recipe.entries) == info.clips
    assert len({entry["speaker"] for entry in recipe.entries}) == info.speakers
    assert recipe.sample_rate == info.sample_rate
    assert len({entry["audio_filepath"] for entry in recipe.entries}) == info.clips
    assert {entry["split"] for entry in recipe.entries} == {"train", "test"}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", RECIPES)
def test_catalogue_tells_the_truth_about_what_is_made(fresh_cache, name) -> None:
    corpus, info = corpora.load(name), corpora.info(name)
    assert info.state == "cached"
    assert corpus.seconds == pytest.approx(info.seconds, abs=0.06)
    size = sum(file.stat().st_size for file in info.path.rglob("*") if file.is_file())
    assert size / 1e6 == pytest.approx(info.megabytes, abs=0.1)
    assert len({clip.samples.tobytes() for clip in corpus}) == len(corpus)
    assert corpora.get(name) == info.path
    if name == "synth_ljs":
        spoken = espeak.phonemize([clip.text for clip in corpus], synthetic_sentences.VOICE)
        for clip, phonemes in zip(corpus, spoken, strict=True):
            heard = [label for label, _, _ in clip.phonemes if label != "sil"]
            assert heard == [label for label in phonemes.replace(" ", "_").split("_") if label]


def test_sentences_are_many_different_and_always_the_same() -> None:
    texts = sentences()
    assert COUNT >= 1500
    assert len(set(texts)) == len(texts) == COUNT
    assert texts[:2] == (
        "Poor soil and a cool climate make farming hard.",
        "Nobody knew that the old sailor dropped the yellow jug.",
    )
    assert texts[-1] == sentences()[COUNT - 1]
    for text in texts:
        assert 4 <= len(text.split()) <= 20
        assert text[0].isupper() and text[-1] in ".?"
        assert not any(character.isdigit() for character in text)
        assert text.isascii()


def test_any_hundred_sentences_hold_every_sound_of_english() -> None:
    phones = []
    for spoken in espeak.phonemize(sentences(), "en-us"):
        names = [name for name in spoken.replace(" ", "_").split("_") if name]
        phones.append({timit.fold(label) for name in names for label in timit.from_ipa(name)})
    every = {phone for phone in timit.FOLD_39.values() if phone not in (None, "sil")}
    assert len(every) == 38
    # a flap and the sound of "measure" count too: "zh" folds to "sh"
    for start in range(COUNT - 99):
        assert set().union(*phones[start : start + 100]) - {None} == every, start


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (80, "eighty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (405, "four hundred and five"),
        (1001, "one thousand and one"),
        (12_340, "twelve thousand three hundred and forty"),
        (999_999, "nine hundred and ninety-nine thousand nine hundred and ninety-nine"),
    ],
)
def test_numbers_in_words(number, words) -> None:
    assert number_in_words(number) == words


def test_number_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match="number is 1000000"):
        number_in_words(1_000_000)


def test_no_voice_of_the_test_split_is_trained_on() -> None:
    for name, recipe in RECIPES.items():
        variants = {"train": set(), "test": set()}
        for entry in recipe().entries:
            variants[entry["split"]].add(entry["voice"].split("+")[1])
        if name != "synth_ljs":
            assert not variants["train"] & variants["test"], name


def test_voices_read_the_same_and_different_sentences() -> None:
    entries = synthetic_voices.recipe().entries
    readers = Counter(entry["text"] for entry in entries)
    assert len(synthetic_voices.SPEAKERS) >= 20
    assert (
        sum(count == len(synthetic_voices.SPEAKERS) for count in readers.values()) == synthetic_voices.SHARED
    )
    assert set(readers.values()) == {1, len(synthetic_voices.SPEAKERS)}
    assert all(entry["shared"] == (readers[entry["text"]] > 1) for entry in entries)


def test_any_beginning_of_the_voices_is_mixed() -> None:
    order = synthetic_voices.in_turn()
    assert sorted(speaker.name for speaker in order) == sorted(s.name for s in synthetic_voices.SPEAKERS)
    assert all({a.name[0], b.name[0]} == {"w", "m"} for a, b in zip(order[::2], order[1::2], strict=True))
    for count in range(8, 41, 8):
        assert sum(speaker.split == "test" for speaker in order[:count]) == count // 4


@pytest.mark.slow
def test_two_voices_differ_and_rates_vary(cache) -> None:
    corpus = corpora.synth_voices(4, 5)
    assert (len(corpus), corpus.speakers) == (20, ["m01", "m02", "w01", "w02"])
    assert len({clip.info["rate"] for clip in corpus.filter(speaker="w01")}) > 2
    texts = {speaker: [clip.text for clip in corpus.filter(speaker=speaker)] for speaker in corpus.speakers}
    assert len(set(map(tuple, texts.values()))) == 1  # the shared ones


def test_no_sentence_but_sa_is_in_both_splits_of_synth_timit() -> None:
    texts = {"train": set(), "test": set()}
    kinds = Counter()
    for entry in synthetic_phones.recipe().entries:
        kinds[entry["kind"]] += 1
        if entry["kind"] != "sa":
            texts[entry["split"]].add(entry["text"])
    assert not texts["train"] & texts["test"]
    speakers = len({entry["speaker"] for entry in synthetic_phones.recipe().entries})
    assert kinds == {"sa": 2 * speakers, "sx": 5 * speakers, "si": 3 * speakers}


@pytest.mark.slow
def test_synth_timit_has_timit_labels_with_times(cache) -> None:
    corpus = corpora.synth_timit(4)
    assert len(corpus) == 40
    assert {clip.split for clip in corpus} == {"train", "test"}
    for clip in corpus:
        labels = [label for label, _, _ in clip.phonemes]
        assert set(labels) <= set(timit.PHONES)
        assert labels[0] == labels[-1] == "h#"
        assert "h#" not in labels[1:-1]
        assert clip.phonemes[-1][2] == pytest.approx(clip.duration, abs=1e-6)
        for (_, _, end), (_, start, _) in itertools.pairwise(clip.phonemes):
            assert start == end
        for label, start, end in clip.phonemes:
            part = clip.samples[round(start * 16000) : round(end * 16000)]
            if timit.fold(label) == "sil":
                # resampling from 22 050 Hz rings into the first and last few samples of a silence
                assert np.abs(part[24:-24]).max(initial=0) < 0.003, (clip.text, label, start)
            else:
                assert np.abs(part).max(initial=0) > 0.003, (clip.text, label, start)
        for before, after in itertools.pairwise(labels):
            if before in ("bcl", "dcl", "gcl", "pcl", "tcl", "kcl"):
                assert before[0] == {"ch": "t", "jh": "d"}.get(after, after[0])


def test_folding_is_that_of_lee_and_hon() -> None:
    assert len(timit.PHONES) == len(set(timit.PHONES)) == 61
    assert set(timit.FOLD_39) == set(timit.PHONES)
    assert len({phone for phone in timit.FOLD_39.values() if phone}) == 39
    groups = {}
    for phone, folded in timit.FOLD_39.items():
        groups.setdefault(folded, set()).add(phone)
    assert {fold: phones for fold, phones in groups.items() if len(phones) > 1} == {
        "aa": {"aa", "ao"},
        "ah": {"ah", "ax", "ax-h"},
        "er": {"er", "axr"},
        "hh": {"hh", "hv"},
        "ih": {"ih", "ix"},
        "l": {"l", "el"},
        "m": {"m", "em"},
        "n": {"n", "en", "nx"},
        "ng": {"ng", "eng"},
        "sh": {"sh", "zh"},
        "sil": {"pcl", "tcl", "kcl", "bcl", "dcl", "gcl", "h#", "pau", "epi"},
        "uw": {"uw", "ux"},
    }
    assert groups[None] == {"q"}
    with pytest.raises(ValueError, match="label is 'xx'"):
        timit.fold("xx")


def test_at_least_twelve_languages_with_the_same_sentences() -> None:
    assert len(TEXTS) >= 12
    assert set(TEXTS) == set(VOICES)
    assert {len(texts) for texts in TEXTS.values()} == {8}
    everything = [text for texts in TEXTS.values() for text in texts]
    assert len(set(everything)) == len(everything)


@pytest.mark.slow
def test_languages_come_with_text_and_code(cache) -> None:
    corpus = corpora.synth_langs(["zh", "el"])
    assert corpus.languages == ["el", "zh"]
    assert len(corpus) == 2 * 8 * 6
    greek = corpus.filter(language="el", speaker="annie")
    assert tuple(clip.text for clip in greek) == TEXTS["el"]
    assert corpora.synth_langs("el").languages == ["el"]
