"""The command `speechlab`.

Each command lives in a module of its own that is imported when the command is used, so that
`speechlab status` does not wait for what grading needs. Other packages add commands under the entry
point group `speechlab.commands`.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

# Exit codes
NOT_PASSED = 1
BAD_INPUT = 2
STOPPED = 130

# name → (module, what the list of commands says); a command's own --help says more
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Learn": {
        "status": ("status", "Where you are and what is next."),
        "lab": ("jupyter", "Open a lab in JupyterLab."),
        "check": ("check", "Check the saved notebook of a lab, or one part of it."),
        "watch": ("watch", "Check again whenever you save, on one screen."),
        "hint": ("hint", "The next hint for a part."),
        "reset": ("reset", "Renew a notebook or a part; your work is backed up."),
        "data": ("data", "The speech that labs work on: list, get, info."),
    },
    "Teach": {
        "grade": ("grade", "Grade submitted notebooks."),
        "similarity": ("similarity", "Write the class's code for a tool that finds similar code."),
        "isolation": ("isolation", "How strangers' code is kept apart on this machine."),
        "release": ("release", "Write the bundle that students get."),
    },
    "Build": {
        "build": ("maintain", "Build the notebooks in phases/ from solutions/."),
        "prove": ("maintain", "Prove the checks of a lab by its mistakes and by mutants."),
        "coverage": ("maintain", "Write docs/coverage.md: where each topic is taught."),
    },
}
# commands whose module a student release leaves out are not offered there
NEEDS = {
    "grade": "batch/run.py",
    "similarity": "results/similarity.py",
    "release": "bundle.py",
    "prove": "proof.py",
    "coverage": "coverage.py",
}
PLUGINS = "Run"

EPILOG = """\b
Examples:
  speechlab                     where you are and what is next
  speechlab lab t03             open that lab
  speechlab check t03           check the notebook as saved
  speechlab watch t03           check on every save
  speechlab hint mel_filterbank one hint at a time

\b
Exit codes: 0 all is well; 1 a part is not passed, or the work failed;
2 a wrong argument or bad input; 130 stopped by Ctrl-C.
SPEECHLAB_DEBUG=1 shows the traceback behind an error."""


class Commands(click.Group):
    """Commands by name, imported on use; errors as one sentence, exit codes as promised above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in self._sections().values() for name in section]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        for commands in SECTIONS.values():
            if name in commands and _offered(name):
                module = importlib.import_module(f"autograder.cli.{commands[name][0]}")
                return getattr(module, name)
        for entry in _plugins():
            if entry.name == name:
                return entry.load()
        return None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            ask = f"did you mean {near[0]!r}?" if near else "`speechlab --help` lists the commands."
            raise click.UsageError(f"there is no command {args[0]!r}; {ask}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, commands in self._sections().items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()))

    def _sections(self) -> dict[str, dict[str, str]]:
        sections = {
            title: {name: text for name, (_, text) in commands.items() if _offered(name)}
            for title, commands in SECTIONS.items()
        }
        sections[PLUGINS] = {entry.name: _about(entry) for entry in _plugins()}
        return {title: commands for title, commands in sections.items() if commands}

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, standalone_mode: bool = True, **extra: Any
    ) -> Any:
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **extra)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal that cannot show ✓ shows ?
        sys.exit(_run(lambda: super(Commands, self).main(args, standalone_mode=False, **extra)))


def _offered(name: str) -> bool:
    return name not in NEEDS or (Path(__file__).parent.parent / NEEDS[name]).is_file()


def _plugins() -> list[Any]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group="speechlab.commands"), key=lambda entry: entry.name)


def _about(entry: Any) -> str:
    try:
        return entry.load().get_short_help_str(80)
    except Exception as error:
        return f"(cannot be loaded: {error})"


def _run(work: Any) -> int:
    """The exit code of a command, with whatever went wrong said in one sentence on stderr."""
    try:
        code = work()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as error:
        error.show()
        return BAD_INPUT
    except click.ClickException as error:  # how commands of other packages say what is wrong
        if _debugging():
            raise
        click.echo(f"speechlab: {error.format_message()}", err=True)
        return BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nStopped.", err=True)
        return STOPPED
    except BrokenPipeError:
        # the reader (`| head`) has gone; nothing is left to say, also not at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_PASSED
    except Exception as error:
        if _debugging():
            raise
        code, sentence = _explain(error)
        click.echo(f"speechlab: {sentence}", err=True)
        return code


def _debugging() -> bool:
    return os.environ.get("SPEECHLAB_DEBUG", "") not in ("", "0")


def _explain(error: Exception) -> tuple[int, str]:
    from autograder.errors import GradingError, SpeechlabError
    from labkit.corpora.errors import CorpusError, CorpusNotFound
    from labkit.parts import PartsError

    if isinstance(error, GradingError):
        return NOT_PASSED, str(error)
    if isinstance(error, SpeechlabError | CorpusNotFound):
        return BAD_INPUT, str(error)
    if isinstance(error, CorpusError | PartsError):
        return NOT_PASSED, str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return NOT_PASSED, f"{where}{error.strerror or error}"
    kind = type(error).__name__
    return NOT_PASSED, f"internal error, {kind}: {error} (SPEECHLAB_DEBUG=1 shows where; please report it)"


class Folders:
    """What commands of other packages may ask about the course, read when they ask."""

    @property
    def state_folder(self) -> Path:
        from autograder.course import load_course

        return load_course().state_folder


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="speechlab", message="speechlab %(version)s")
@click.option("--verbose", is_flag=True, help="Show the traceback behind an error.")
@click.pass_context
def cli(context: click.Context, verbose: bool) -> Any:
    """Build speech recognition and speech synthesis from nothing, one checked part at a time."""
    context.obj = Folders()
    if verbose:
        os.environ["SPEECHLAB_DEBUG"] = "1"
    if context.invoked_subcommand is None:
        command = cli.get_command(context, "status")
        assert command is not None
        return context.invoke(command)
    return None


def main() -> None:
    """Entry point of `speechlab`."""
    cli(prog_name="speechlab")
