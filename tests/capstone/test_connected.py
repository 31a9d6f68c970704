"""Connected words: on whistles; with recordings and real noise where they are at hand."""

from __future__ import annotations

import dataclasses
import json
import os

import numpy as np
import pytest

from capstone.connected import TRAINING_SNRS, ConnectedRecognizer, evaluate, train
from capstone.connected_evaluation import TARGET, word_errors
from capstone.connected_jobs import SILENCE, STAY, connected_parts
from capstone.connected_strings import make_strings, white_noise
from capstone.errors import CapstoneError
from capstone.model_file import read_model
from labkit import corpora
from labkit.corpora import Clip, Corpus

RATE = 8000


@pytest.fixture(scope="module")
def hisses() -> Corpus:
    """Four noises of two colours: the first and the third are for training."""
    clips = []
    for number in range(4):
        rng = np.random.default_rng(number)
        samples = rng.normal(size=4 * RATE)
        if number % 2:
            samples = np.convolve(samples, np.ones(3) / 3, mode="same")
        samples = (0.2 * samples / np.abs(samples).max()).astype(np.float32)
        clips.append(
            Clip(
                text=None,
                label=f"hiss{number}",
                speaker=None,
                split=None,
                index=0,
                sample_rate=RATE,
                duration=4.0,
                read=lambda samples=samples: samples,
            )
        )
    return Corpus("hisses", False, RATE, clips, "made here")


@pytest.fixture(scope="module")
def connected(corpus: Corpus, hisses: Corpus) -> ConnectedRecognizer:
    return train(corpus, progress=False, processes=1, noises=hisses)


def in_a_row(whistle, words: list[str], speaker: str = "ann") -> np.ndarray:
    return np.concatenate([whistle(word, speaker, 20 + k) for k, word in enumerate(words)])


def test_every_recording_is_used_once_and_lies_where_its_span_says(corpus, hisses):
    parts = connected_parts()
    clips = list(corpus.split("train"))
    strings = make_strings(clips, list(hisses), (None, 10.0), 3, parts)
    assert sum(len(s.words) for s in strings) == len(clips)
    for word in corpus.words:
        assert sum(s.words.count(word) for s in strings) == sum(c.text == word for c in clips)
    for s in strings:
        assert len(s.spans) == len(s.words) and len(s.pauses) == len(s.words) + 1 and len(s.words) <= 7
        assert sum(s.pauses) + sum(b - a for a, b in s.spans) == len(s.samples)
        if s.snr_db is None:
            assert s.noise is None
            loud = [np.square(s.samples[a:b]).mean() for a, b in s.spans]
            assert min(loud) > 0 and s.samples[: s.pauses[0]].max(initial=0) == 0
    assert {s.snr_db for s in strings} == {None, 10.0}
    again = make_strings(clips, list(hisses), (None, 10.0), 3, parts)
    assert [s.words for s in again] == [s.words for s in strings]
    np.testing.assert_array_equal(again[1].samples, strings[1].samples)
    assert [s.words for s in make_strings(clips, list(hisses), (None,), 4, parts)] != [
        s.words for s in strings
    ]


def test_strings_of_whistles_are_read_in_noise(corpus, connected, hisses):
    result = evaluate(corpus, connected, progress=False, processes=1, noises=hisses)
    assert result.noisy.words == 3 * 18 and result.noisy.rate <= TARGET
    assert list(result.by_condition) == ["no noise", "20 dB", "10 dB", "5 dB", "0 dB"]
    assert {errors.words for errors in result.by_condition.values()} == {18}
    assert list(result.by_speaker) == ["ann", "bob", "cid"]
    assert set(result.by_noise) <= {"hiss1", "hiss3"}  # those that training did not hear
    assert {name: errors.words for name, errors in result.in_white.items()} == {
        "20 dB": 18,
        "10 dB": 18,
        "5 dB": 18,
    }
    low, high = result.noisy.interval
    assert 0 <= low <= result.noisy.rate <= high
    assert result.to_dict()["target"] is None  # whistles are no recordings of people
    json.dumps(result.to_dict())
    text = result.text()
    assert "20, 10, 5 dB" in text and "Real-time factor" in text and "Target" not in text


def test_white_noise_is_the_same_every_time_and_has_all_frequencies():
    noise, again = white_noise(4.0, RATE), white_noise(4.0, RATE)
    np.testing.assert_array_equal(noise.samples, again.samples)
    power = np.abs(np.fft.rfft(noise.samples)) ** 2
    quarters = [part.mean() for part in np.array_split(power, 4)]
    # means of 4000 exponential values each: their deviation is 1.6 %
    assert max(quarters) / min(quarters) < 1.1 and noise.label == "white"


def test_words_come_with_their_times(connected, whistle):
    said = ["one", "two", "two", "zero"]
    found = connected.transcribe(in_a_row(whistle, said))
    assert found["text"] == " ".join(said)
    edges = np.cumsum([0, *(len(whistle(word, "ann", 20 + k)) for k, word in enumerate(said))]) / RATE
    for word, start, end in zip(found["words"], edges[:-1], edges[1:], strict=True):
        # each whistle lies between two silences of at most 0.1 s
        assert start - 0.03 <= word["start"] < word["end"] <= end + 0.03
    assert "file" not in found and found["seconds"] == pytest.approx(edges[-1])


def test_file_at_another_rate_is_read(connected, whistle, recording):
    samples = np.repeat(in_a_row(whistle, ["two", "one"]), 2)  # crude, and good enough for a whistle
    found = connected.transcribe(recording("number.wav", samples, 16000))
    assert found["text"] == "two one" and found["file"].endswith("number.wav")


def test_tuning_never_sees_the_test_split_nor_training_its_strings(corpus, hisses, monkeypatch):
    reference, seen = connected_parts(), {"connect": []}

    class Mine:
        def __getattr__(self, name):
            return getattr(reference, name)

        def connect_words(self, recordings, pauses):
            seen["connect"] += [len(r) for r in recordings]
            return reference.connect_words(recordings, pauses)

    found = train(corpus, parts=Mine(), progress=False, noises=hisses)
    assert len(seen["connect"]) == sum(clip.split == "train" for clip in corpus)
    assert found.about["recordings"] == sum(c.split == "train" and c.index != 5 for c in corpus)
    assert found.about["parts"] == [] and len(found.about["development"]) == 16


@pytest.mark.slow
def test_two_processes_give_the_same_model_as_one(corpus, hisses, connected):
    shared = train(corpus, progress=False, processes=2, noises=hisses)
    assert list(shared.models) == list(connected.models) == ["zero", "one", "two", SILENCE]
    for word, model in connected.models.items():
        np.testing.assert_allclose(shared.models[word]["means"], model["means"], rtol=1e-7, atol=1e-7)
    assert (shared.language_weight, shared.word_penalty) == (
        connected.language_weight,
        connected.word_penalty,
    )


def test_graph_leaves_words_as_training_does():
    one = {"transition": np.ones((1, 1))}
    grammar = {"start": 0, "arcs": [(0, 0, "a", "a", 0.0)], "finals": {"0": 0.0}}
    graph, _ = connected_parts().decoding_graph({"a": one, SILENCE: one}, grammar)
    loop = next(arc for arc in graph["arcs"] if arc[0] == arc[1] and arc[2] == "a_0")
    assert loop[4] == pytest.approx(-np.log(STAY))
    assert None in TRAINING_SNRS


def test_kept_model_hears_alike(connected, whistle, tmp_path):
    path = tmp_path / "connected.npz"
    connected.save(path)
    loaded = ConnectedRecognizer.load(path)
    samples = in_a_row(whistle, ["one", "zero", "two"], "bob")
    assert loaded.transcribe(samples) == connected.transcribe(samples)
    assert loaded.about == json.loads(json.dumps(connected.about))
    assert loaded.word_penalty == connected.word_penalty
    with pytest.raises(CapstoneError, match="no model of this recogniser"):
        read_model(path)  # the digit recogniser says so, too


def test_file_that_is_no_such_model_is_a_sentence(model, tmp_path):
    with pytest.raises(CapstoneError, match="does not exist"):
        ConnectedRecognizer.load(tmp_path / "none.npz")
    with pytest.raises(CapstoneError, match="no model of connected words"):
        ConnectedRecognizer.load(model)  # the model of single digits
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(CapstoneError, match="damaged"):
        ConnectedRecognizer.load(tmp_path / "text.npz")


@pytest.mark.parametrize(
    ("samples", "rate", "sentence"),
    [
        (np.zeros(8000), 8000, "is silent"),
        (np.ones(400), 8000, "lasts 0.05 s"),
        (np.ones(61 * 8000), 8000, "lasts 61.00 s"),
        (np.ones(8000), 4000, "4000 samples a second"),
    ],
    ids=["silent", "short", "long", "low rate"],
)
def test_recordings_that_cannot_be_used_are_a_sentence(connected, samples, rate, sentence):
    with pytest.raises(CapstoneError, match=sentence):
        connected.transcribe(samples, rate)


def test_missing_and_damaged_files_are_a_sentence(connected, tmp_path):
    for name, content in {"none.wav": None, "text.wav": "no sound"}.items():
        if content:
            (tmp_path / name).write_text(content)
        with pytest.raises(CapstoneError, match=name):
            connected.transcribe(tmp_path / name)


def test_corpus_without_what_is_needed_is_refused(corpus, connected, hisses):
    with pytest.raises(CapstoneError, match="to train on"):
        train(corpus.split("test"), progress=False, processes=1, noises=hisses)
    with pytest.raises(CapstoneError, match="test split"):
        evaluate(corpus.split("train"), connected, progress=False, processes=1, noises=hisses)


def test_errors_are_counted_by_kind_and_rate_can_pass_one():
    said, heard = [["one", "two"], ["two"], ["one"]], [["one"], ["two", "two", "one"], ["zero"]]
    errors = word_errors(said, heard, connected_parts().error_rate_interval)
    assert (errors.substitutions, errors.deletions, errors.insertions, errors.words) == (1, 1, 2, 4)
    assert errors.rate == 1.0
    nothing = word_errors([["one"]], [[]], connected_parts().error_rate_interval)
    assert nothing.deletions == 1 and "100.0%" in nothing.line("x")
    perfect = word_errors([["one"]] * 300, [["one"]] * 300, connected_parts().error_rate_interval)
    # Wilson's interval of 300 of 300 right ends at z² / (n + z²) = 3.8416 / 303.8416
    assert perfect.interval == pytest.approx((0.0, 3.8416 / 303.8416))


def test_target_is_shown_for_recordings_alone(corpus, connected, hisses):
    result = evaluate(corpus, connected, progress=False, processes=1, noises=hisses, snrs_db=(20.0,))
    as_if = dataclasses.replace(result, real=True)
    assert as_if.to_dict()["target"] == TARGET and "Target 8%" in as_if.text()
    assert dataclasses.replace(as_if, fast=True).to_dict()["target"] is None


@pytest.mark.slow
def test_the_classical_stage_trains_tests_and_shows_what_it_hears(corpus, hisses, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from capstone.cli import capstone
    from capstone.voices import SENTENCES, VOICES, ClassicalVoices
    from labkit.players import wav_bytes

    few = corpora.synth_ljs(6)
    monkeypatch.setattr(corpora, "synth_ljs", lambda count: few)
    monkeypatch.setattr(corpora, "digits", lambda announce=True: corpus)
    monkeypatch.setattr(corpora, "noises", lambda rate=16000, announce=True: hisses)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    model, folder = tmp_path / "connected.npz", tmp_path / "out"
    options = ["--stage", "classical", "--model", str(model)]
    done = CliRunner().invoke(capstone, ["demo", *options, "--to", str(folder)])
    assert done.exit_code == 0, done.output
    assert "synthetic speech" in done.output and "20, 10, 5 dB" in done.output
    found = json.loads((folder / "classical.json").read_text(encoding="utf-8"))
    assert found["real"] is False and found["target"] is None
    assert [clip["speaker"] for clip in found["clips"]] == ["ann", "bob", "cid"]
    for clip in found["clips"]:
        assert clip["right"] == (clip["said"] == clip["heard"])
        assert (folder / clip["wav"]).read_bytes()[:4] == b"RIFF"
        assert (folder / clip["plot"]).read_bytes()[1:4] == b"PNG"
    spoken = found["voices"]
    assert [row["voice"] for row in spoken["intelligibility"]] == ["natural", "source", *VOICES]
    for row in spoken["intelligibility"]:
        low, high = row["interval"]
        assert (
            row["word_error_rate"] == row["errors"] / row["words"] and low <= row["word_error_rate"] <= high
        )
        # whistles are all that this recogniser understands: 18 natural ones, and as many words by each voice
        assert (row["word_error_rate"] < 0.1) == (row["voice"] == "natural") and row["words"] == 18
        assert list(row["by_condition"]) == ["no noise", "20 dB", "10 dB", "5 dB", "0 dB"]
        assert row["by_condition"]["no noise"]["errors"] == row["errors"]
    assert [example["voice"] for example in spoken["examples"]] == list(VOICES) * 3
    for number, example in enumerate(spoken["examples"]):
        assert example["wav"] == f"voice-{number // 3}-{example['voice']}.wav"
        assert (folder / example["wav"]).read_bytes()[:4] == b"RIFF"
        assert (folder / example["plot"]).read_bytes()[1:4] == b"PNG"
    assert spoken["sentences"] == list(SENTENCES) and spoken["about"]["sentences"] == 6
    assert ClassicalVoices.load(model.with_name("voices.npz")).about == spoken["about"]
    assert spoken["text"] in found["text"] and "eSpeak itself" in done.output
    file = tmp_path / "two words.wav"
    file.write_bytes(wav_bytes(read_string(corpus, ["zero", "one"]), RATE))
    done = CliRunner().invoke(capstone, ["transcribe", str(file), *options])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == "zero one" and "synthetic speech only" in done.output
    done = CliRunner().invoke(capstone, ["transcribe", str(tmp_path / "none.wav"), *options])
    assert done.exit_code == 1 and "none.wav" in done.output


def read_string(corpus: Corpus, words: list[str]) -> np.ndarray:
    """Test recordings of one speaker, one after the other."""
    clips = [corpus.filter(split="test", text=word, speaker="ann")[0] for word in words]
    return np.concatenate([clip.samples for clip in clips])


@pytest.mark.slow
def test_target_is_reached_on_recordings_in_real_noise():
    """A third of FSDD's training recordings and its whole test split, in the mirror's noises."""
    try:
        digits, noises = corpora.fsdd(), corpora.noises(RATE, announce=False)
    except corpora.CorpusNotFound:
        pytest.skip("FSDD is not on this machine")
    if not noises.real or os.environ.get("SPEECHLAB_MIRROR") is None:
        pytest.skip("there is no recorded noise on this machine")
    clips = [
        c for c in digits if c.split == "test" or c.index % 3 == 2
    ]  # 5 of 15 kept indices are for tuning
    smaller = Corpus(digits.name, True, digits.sample_rate, clips, digits.licence)
    recognizer = train(smaller, progress=False, noises=noises)
    result = evaluate(smaller, recognizer, progress=False, noises=noises, snrs_db=(None, 20.0, 10.0, 5.0))
    assert result.noisy.words == 900
    assert result.noisy.rate <= TARGET
    assert result.by_condition["no noise"].rate <= TARGET
