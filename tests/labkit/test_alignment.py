"""The times of phonemes and words: without gaps, where the sound says they are, and eSpeak's own labels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from labkit.corpora import alignment, espeak, synthetic_sentences
from labkit.corpora.alignment import Span
from labkit.corpora.blocks import BlockRecipe, load
from labkit.corpora.espeak import Utterance

STEP = 1 / 32768  # of 16 bits


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory):
    """The first fifty sentences of synth_ljs, made once for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        corpus = synthetic_sentences.load(50)
        for clip in corpus:
            _ = clip.samples
    return corpus


def _level(clip, start: float, end: float) -> float:
    first, last = (round(time * clip.sample_rate) for time in (start, end))
    return float(np.abs(clip.samples[first:last]).max(initial=0.0))


def test_phonemes_follow_one_another_from_the_first_sample_to_the_last(block) -> None:
    for clip in block:
        assert clip.phonemes[0][1] == 0.0
        assert clip.phonemes[-1][2] == pytest.approx(clip.samples.size / clip.sample_rate, abs=1e-6)
        assert all(end > start for _, start, end in clip.phonemes)
        for (_, _, end), (_, start, _) in itertools.pairwise(clip.phonemes):
            assert start == end


def test_pauses_are_silent_and_phonemes_are_not(block) -> None:
    for clip in block:
        for label, start, end in clip.phonemes:
            level = _level(clip, start, end)
            if label == "sil":
                # what eSpeak's filters ring on for (3 steps) and the dither (1 step)
                assert level <= 4.5 * STEP, (clip.text, start)
            else:
                assert level > 100 * STEP, (clip.text, label, start)


def test_labels_are_those_of_the_phonemizer_one_for_one(block) -> None:
    spoken = espeak.phonemize([clip.text for clip in block], synthetic_sentences.VOICE)
    for clip, phonemes in zip(block, spoken, strict=True):
        heard = [label for label, _, _ in clip.phonemes if label != "sil"]
        assert heard == [name for name in phonemes.replace(" ", "_").split("_") if name]


def test_a_comma_is_a_pause_and_its_place_is_between_the_words(block) -> None:
    clip = next(clip for clip in block if "," in clip.text)
    before = clip.text.split(",")[0].split()[-1]
    after = clip.text.split(",")[1].split()[0]
    (end,) = [end for word, _, end in clip.words if word == before][:1]
    start = min(start for word, start, _ in clip.words if word.startswith(after) and start > end)
    assert start - end > 0.1
    assert any(label == "sil" and a >= end - 0.05 and b <= start + 1e-6 for label, a, b in clip.phonemes)


def test_words_are_the_text_and_lie_on_their_phonemes(block) -> None:
    for clip in block:
        said = " ".join(word for word, _, _ in clip.words)
        assert said.split() == clip.text.translate(str.maketrans("", "", ".,?")).split()
        starts = {start for _, start, _ in clip.phonemes}
        assert all(start in starts for _, start, _ in clip.words)
        assert all(a[2] <= b[1] for a, b in itertools.pairwise(clip.words))
        assert all(end > start for _, start, end in clip.words)


def test_a_plosive_begins_with_its_closure(block) -> None:
    """After a pause-free vowel, t starts in silence, as its release comes later."""
    closures = []
    for clip in block:
        for (before, _, _), (label, start, end) in itertools.pairwise(clip.phonemes):
            if label == "t" and before != "sil" and end - start > 0.06:
                closures.append(_level(clip, start, start + 0.01))
    assert len(closures) > 30
    assert np.mean(np.array(closures) < 10 * STEP) > 0.8  # the others have no silence before their release


def test_a_sound_of_known_shape_is_cut_where_it_changes() -> None:
    """Events over a made-up signal: 0.1 s of each thing at 1 kHz."""
    rate = 1000
    sound, silence = np.full(100, 2000, np.int16), np.zeros(100, np.int16)
    samples = np.concatenate([silence, sound, silence, sound, sound, silence, sound, silence])
    events = [
        ("word", 0, 0, ""),
        ("phoneme", 0, 100, "ˈa"),  # 100 to 200, then silence, which is the closure of t
        ("phoneme", 0, 300, "t"),
        ("phoneme", 2, 400, "s"),  # 400 to 500, then silence, which is no closure
        ("phoneme", 2, 600, "ˈuː"),
        ("phoneme", 2, 700, "l"),  # nothing of its own: a third of the vowel, 33 samples
        ("phoneme", 9, 700, ""),
    ]
    found = alignment.spans(Utterance(samples, rate, events))
    assert found == [
        Span("sil", 0, 100, 0),
        Span("ˈa", 100, 200, 0),
        Span("t", 200, 400, 0, closure=100),
        Span("s", 400, 500, 2),
        Span("", 500, 600, 2),
        Span("ˈuː", 600, 667, 2),
        Span("l", 667, 700, 2),
        Span("sil", 700, 800, 9),
    ]
    timed = alignment.phonemes(found, 1 / rate, 0.05, 0.9)
    assert [label for label, _, _ in timed] == ["sil", "ˈa", "t", "s", "ˈuː", "l", "sil"]
    assert timed[0] == ("sil", 0.0, 0.15)
    assert timed[-1] == ("sil", 0.75, 0.9)
    words = alignment.words(found, "at soul", 1 / rate, 0.05)
    assert words == [("at", 0.15, 0.45), ("soul", 0.45, 0.75)]


def test_phonemizer_speaks_ipa_with_stress() -> None:
    assert espeak.phonemize(["one two", "Zug"], "en-us")[0] == "w_ˈʌ_n t_ˈuː"
    assert espeak.phonemize(["Zug"], "de") == ["ts_ˈuː_k"]


def _recipe(texts: list[str], voice: str) -> BlockRecipe:
    entries = tuple(
        {
            "audio_filepath": f"{number}.wav",
            "text": text,
            "speaker": "a",
            "split": None,
            "index": 0,
            "voice": voice,
            "rate": 160,
            "pitch": 50,
            "block": 0,
        }
        for number, text in enumerate(texts)
    )
    return BlockRecipe("tiny", entries, 16000)


@pytest.mark.parametrize("voice", ["de+Denis", "hi", "cmn", "ru+f2", "en-gb-scotland+klatt"])
def test_times_hold_in_other_languages_and_voices(fresh_cache, voice) -> None:
    text = {
        "de+Denis": "Der Zug, der fährt ab.",
        "hi": "कल पूरी रात बारिश हुई।",
        "cmn": "最近的医院在哪里？",
    }.get(voice, "Добрый день." if voice.startswith("ru") else "The world is full of oil.")
    (clip,) = load(_recipe([text], voice))
    assert [end for _, _, end in clip.phonemes[:-1]] == [start for _, start, _ in clip.phonemes[1:]]
    (spoken,) = espeak.phonemize([text], voice)
    heard = [label.lstrip("ˈˌ") for label, _, _ in clip.phonemes if label != "sil"]
    # the phonemizer writes the tones of Chinese as digits, the events as stress or not at all
    assert heard == [name.strip("ˈˌ12345") for name in spoken.replace(" ", "_").split("_") if name]
