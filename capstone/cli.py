"""`speechlab capstone …`: thin commands over `capstone.commands`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

MODEL = "model.npz"
CONNECTED_MODEL = "connected.npz"
FOLDER = "capstone"  # in the course's folder for what is made

model_option = click.option(
    "--model",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The model file. Default: .speechlab/capstone/model.npz (connected.npz for strings of words)",
)
stage_option = click.option(
    "--stage",
    type=click.Choice(["digits", "classical"]),
    default="digits",
    show_default=True,
    help="Single digits; or strings of them in noise, and voices.",
)
fast_option = click.option(
    "--fast", is_flag=True, help="A fifth of the recordings: quick, and a worse model."
)


def _folder() -> Path:
    """Where the model and the demo's files go: the command line knows the course, else it is here."""
    state = getattr(click.get_current_context().find_root().obj, "state_folder", None)
    return (Path(state) if state else Path(".speechlab")) / FOLDER


def _is_fast(asked: bool) -> bool:
    from labkit import fast_mode

    return asked or fast_mode()


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False)


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """What can go wrong is said by the command line, in one sentence."""
    from capstone.errors import CapstoneError

    try:
        yield
    except CapstoneError as error:
        raise click.ClickException(str(error)) from error


@click.group(
    epilog="""\b
Examples:
  speechlab capstone parts
  speechlab capstone demo
  speechlab capstone transcribe seven.wav
  speechlab capstone speak "Call 5 5 2." --voice rules
  speechlab capstone serve"""
)
def capstone() -> None:
    """What your own parts become: recognisers of digits and of strings of them, and voices.

    A part that you have not passed yet is filled by the reference, and the list says so.
    """


@capstone.command(short_help="Which parts are yours.", epilog="\b\nExample:\n  speechlab capstone parts")
def parts() -> None:
    """Which parts of the recogniser are yours, and which are the reference's."""
    from capstone import commands

    with _sentences():
        wrote = commands.who_wrote()
        click.echo(commands.parts_text(wrote))
    yours = sum(part["by"] == "yours" for part in wrote)
    click.echo(f"{yours} of {len(wrote)} parts are yours.")


@capstone.command(
    short_help="Train on spoken digits.",
    epilog="""\b
Examples:
  speechlab capstone train
  speechlab capstone train --fast
  speechlab capstone train --model digits.npz""",
)
@model_option
@fast_option
def train(model: Path | None, fast: bool) -> None:
    """Train the recogniser on the spoken digits at hand, and keep the model.

    An older model is replaced only when the new one is complete.
    """
    from capstone import commands

    with _sentences():
        commands.train(model or _folder() / MODEL, fast=_is_fast(fast), console=_console())


@capstone.command(
    short_help="Train, test, and show recordings.",
    epilog="""\b
Examples:
  speechlab capstone demo
  speechlab capstone demo --stage classical
  speechlab capstone demo --fast --to pages/""",
)
@stage_option
@model_option
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for sounds and plots. Default: .speechlab/capstone",
)
@fast_option
def demo(stage: str, model: Path | None, folder: Path | None, fast: bool) -> None:
    """Train, test on recordings that were left out, and show some of them.

    The stage "digits" recognises single words: on the official split, and on speakers who were left out of
    training. "classical" recognises strings of words in noise, by Gaussian mixtures, a language model and
    beam search; and it speaks with three voices: unit selection, formant rules, and HMMs with WORLD.
    """
    place = folder or _folder()
    with _sentences():
        if stage == "classical":
            from capstone import classical

            classical.demo(model or _folder() / CONNECTED_MODEL, place, _is_fast(fast), _console())
        else:
            from capstone import commands

            commands.demo(model or _folder() / MODEL, place, fast=_is_fast(fast), console=_console())
    click.echo(f"Sounds and plots: {place}")


@capstone.command(
    short_help="What is spoken in a file.",
    epilog="""\b
Examples:
  speechlab capstone transcribe seven.wav
  speechlab capstone transcribe number.wav --stage classical
  speechlab capstone transcribe recording.mp3 --model digits.npz""",
)
@click.argument("file", type=click.Path(path_type=Path))
@stage_option
@model_option
def transcribe(file: Path, stage: str, model: Path | None) -> None:
    """What is spoken in FILE: WAV, FLAC, MP3 or OGG.

    One digit of 0.1 to 5 seconds; with the stage "classical", digits one after the other, with their times.
    """
    with _sentences():
        if stage == "classical":
            from capstone import classical

            classical.transcribe(model or _folder() / CONNECTED_MODEL, file, _console())
        else:
            from capstone import commands

            commands.transcribe(model or _folder() / MODEL, file, console=_console())


@capstone.command(
    short_help="Say a text.",
    epilog="""\b
Examples:
  speechlab capstone speak "Call 5 5 2."
  speechlab capstone speak "Call 5 5 2." --voice hmm --to call.wav""",
)
@click.argument("text")
@click.option(
    "--voice",
    type=click.Choice(["units", "rules", "hmm"]),
    default="units",
    show_default=True,
    help="Unit selection, formant rules, or HMM and WORLD.",
)
@click.option(
    "--to",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The WAV file to write. Default: .speechlab/capstone/spoken-VOICE.wav",
)
@click.option(
    "--model",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of the voices. Default: .speechlab/capstone/voices.npz",
)
def speak(text: str, voice: str, file: Path | None, model: Path | None) -> None:
    """Write a sound file in which a voice says TEXT: English, numbers digit by digit.

    The voices are those that `speechlab capstone demo --stage classical` has made; the rules need none.
    """
    with _sentences():
        from capstone import classical

        target = file or _folder() / f"spoken-{voice}.wav"
        classical.speak(model or _folder() / classical.VOICES_FILE, text, voice, target, _console())


@capstone.command(
    short_help="A page that speaks and listens.",
    epilog="""\b
Examples:
  speechlab capstone serve
  speechlab capstone serve --folder demo
  speechlab capstone serve --port 9000""",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Who may come: 0.0.0.0 lets everybody.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: 8765, or the next that is free.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="What `make demo` made, or where the models lie. Default: .speechlab/capstone",
)
def serve(host: str, port: int | None, folder: Path | None) -> None:
    """Serve a page on this machine: type a text and hear it, choose or make a recording and read it.

    The models are those that `speechlab capstone demo --stage classical` has made. Ctrl-C stops the server.
    """
    with _sentences():
        from capstone import serve as server

        asked = f" --folder {folder}" if folder else ""
        server.serve(folder or _folder(), host, port, _console(), f"speechlab capstone serve{asked}")
