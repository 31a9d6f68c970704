"""The commands of the capstone: what they pass on, and what they say when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone import commands
from capstone.errors import CapstoneError


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple]:
    """Replaces the work itself; says what each command asked for."""
    seen: dict[str, tuple] = {}

    def keep(name: str):
        def run(*arguments, console, **options):
            seen[name] = (*arguments, options)
            return {}

        return run

    for name in ("train", "demo", "transcribe"):
        monkeypatch.setattr(commands, name, keep(name))
    monkeypatch.delenv("SPEECHLAB_FAST", raising=False)
    return seen


def test_the_model_lies_in_the_course_s_own_folder(desk, calls):
    home = desk.course.state_folder / "capstone"
    assert desk.run("capstone", "train").exit_code == 0
    assert desk.run("capstone", "demo", "--fast").exit_code == 0
    assert desk.run("capstone", "transcribe", "seven.wav").exit_code == 0
    assert calls["train"] == (home / "model.npz", {"fast": False})
    assert calls["demo"] == (home / "model.npz", home, {"fast": True})
    assert calls["transcribe"] == (home / "model.npz", Path("seven.wav"), {})


def test_other_places_can_be_named(desk, calls, tmp_path):
    assert desk.run("capstone", "demo", "--model", tmp_path / "m.npz", "--to", tmp_path / "x").exit_code == 0
    assert calls["demo"][:2] == (tmp_path / "m.npz", tmp_path / "x")


def test_what_goes_wrong_is_one_sentence(desk, monkeypatch):
    def fail(*_, **__):
        raise CapstoneError("seven.wav is empty")

    monkeypatch.setattr(commands, "transcribe", fail)
    result = desk.run("capstone", "transcribe", "seven.wav")
    assert result.exit_code == 2
    assert result.stderr.strip() == "speechlab: seven.wav is empty"


def test_ctrl_c_stops(desk, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "train", stop)
    result = desk.run("capstone", "train")
    assert result.exit_code == 130
    assert "Stopped" in result.stderr


def test_parts_say_whose_they_are(desk, monkeypatch):
    wrote = [
        {"lab": "t05_hmm", "part": "forward", "by": "yours"},
        {"lab": "t05_hmm", "part": "viterbi", "by": "reference"},
    ]
    monkeypatch.setattr(commands, "who_wrote", lambda: wrote)
    output = desk.run("capstone", "parts").output
    assert "yours: forward" in output and "1 of 2 parts are yours" in output


@pytest.mark.parametrize("name", ["missing.wav", "text.wav"])
def test_without_a_model_or_a_sound_it_is_a_sentence(desk, tmp_path, name):
    (tmp_path / "text.wav").write_text("no sound")
    result = desk.run("capstone", "transcribe", tmp_path / name)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_speak_writes_where_it_is_told(desk, monkeypatch, tmp_path):
    from capstone import classical

    seen: list[tuple] = []
    monkeypatch.setattr(classical, "speak", lambda *given: seen.append(given[:-1]))
    home = desk.course.state_folder / "capstone"
    assert desk.run("capstone", "speak", "4 2").exit_code == 0
    to = ("--voice", "hmm", "--to", tmp_path / "x.wav", "--model", tmp_path / "v.npz")
    assert desk.run("capstone", "speak", "hello", *to).exit_code == 0
    assert seen == [
        (home / "voices.npz", "4 2", "units", home / "spoken-units.wav"),
        (tmp_path / "v.npz", "hello", "hmm", tmp_path / "x.wav"),
    ]


def test_speak_knows_every_voice(desk):
    from capstone.cli import speak
    from capstone.voices import VOICES

    (choice,) = [option.type for option in speak.params if option.name == "voice"]
    assert list(choice.choices) == list(VOICES)
