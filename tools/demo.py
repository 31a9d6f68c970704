"""What `make demo` does: build the labs, grade three submissions, train and run the capstone, show it.

    .venv/bin/python tools/demo.py [--fresh] [--fast] [--folder DIR]

Everything is written into `demo/`; the page to open is `demo/index.html`. Stages whose inputs have not
changed since the last run are skipped. Each claim of the demo (0 % for the untouched submission, 100 %
for the worked one, three mistakes named) is verified from what nbgrader wrote; if one does not hold, the
program says which and exits with 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import demo_course
import demo_page
from rich.console import Console
from rich.table import Table

from autograder.course import load_course
from autograder.errors import SpeechlabError
from autograder.files import write_atomic
from capstone import live_page

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = ("phase0_signal_processing", "phase1_classical")
# (lab, part, mistake): one that is heard, one that is seen, one that all who learn about HMMs meet
MISTAKES = (
    ("t03_mel_features", "preemphasis", "feeds_back"),
    ("t03_mel_features", "log_mel", "base_ten"),
    ("t05_hmm", "forward", "forward_in_probabilities"),
)
STAGES = "stages.json"

Say = Callable[[str], None]


class Stages:
    """Which stages are done, by the key of their inputs; remembered in the demo's folder."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._path = folder / STAGES
        self._console = console
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            found = {}
        self._done: dict[str, Any] = found if isinstance(found, dict) else {}

    def run(
        self, name: str, title: str, key: str, output: Path, action: Callable[[Say], Any], quiet: bool = True
    ) -> Any:
        """Run a stage unless it is done; what it returns is kept and must be JSON.

        Args:
            key: of the inputs; another one makes the stage run again.
            output: a file that the stage leaves; if it is gone, the stage runs again.
            action: called with a function that shows what is being done.
            quiet: the action prints nothing itself, so that a spinner can turn.
        """
        entry = self._done.get(name, {})
        if entry.get("key") == key and output.exists():
            self._console.print(f"[green]✓[/] {title} [dim](as in the last run)[/]")
            return entry["result"]
        self._done.pop(name, None)
        self._write()
        started = time.perf_counter()
        with self._showing(title, quiet) as say:
            result = action(say)
        seconds = time.perf_counter() - started
        self._done[name] = {"key": key, "result": result, "seconds": round(seconds, 1)}
        self._write()
        self._console.print(f"[green]✓[/] {title} [dim]({seconds:.0f} s)[/]")
        return result

    def seconds(self) -> float:
        """How long the stages took together when they last ran."""
        return sum(entry["seconds"] for entry in self._done.values())

    def _write(self) -> None:
        write_atomic(self._path, json.dumps(self._done, indent=1) + "\n")

    @contextmanager
    def _showing(self, title: str, quiet: bool) -> Iterator[Say]:
        if not (quiet and self._console.is_terminal):
            self._console.print(f"… {title}")
            yield lambda text: None
            return
        with self._console.status(title) as status:
            yield lambda text: status.update(f"{title} [dim]{text[:90]}[/]" if text else title)


def digest(paths: Iterable[Path], *texts: str) -> str:
    """Changes when a file or a text does."""
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(f"{path}\0".encode() + path.read_bytes())
    for text in texts:
        found.update(text.encode() + b"\0")
    return found.hexdigest()


def sources(root: Path, *folders: str) -> list[Path]:
    """Files of the project that decide what a stage gives."""
    paths = (path for folder in folders for path in (root / folder).rglob("*"))
    return [path for path in paths if path.suffix in (".py", ".toml") and path.is_file()]


def grade(
    course_folder: Path,
    root: Path,
    assignments: Sequence[str],
    mistakes: Sequence[tuple[str, str, str]],
    say: Say = lambda text: None,
) -> list[str]:
    """Build, submit, grade, give feedback, export: in a scratch course that starts empty.

    Returns:
        The commands that ran in it.
    """
    demo_course.lay_out(root, course_folder)
    ran: list[str] = []

    def run(*command: str) -> None:
        say(" ".join(command))
        demo_course.run(command, course_folder, lambda line: say(demo_course.news(line)))
        ran.append(" ".join(command))

    run("speechlab", "build")
    for assignment in assignments:
        run("nbgrader", "generate_assignment", assignment, "--force")
    course = load_course(course_folder)
    planted = demo_course.plant_all(course, assignments, mistakes)
    demo_course.write_submissions(course, assignments, planted)
    for assignment in assignments:
        run("nbgrader", "autograde", assignment)
    for assignment in assignments:
        run("nbgrader", "generate_feedback", assignment)
    run("nbgrader", "export", "--to=grades.csv")
    return ran


def verified_story(course_folder: Path, assignments: Sequence[str], mistakes: Any) -> demo_page.Story:
    """What the grading gave, read from nbgrader's files.

    Raises:
        DemoError: if a claim of the demo does not hold.
    """
    course = load_course(course_folder)
    planted = demo_course.plant_all(course, assignments, mistakes)
    marks = demo_course.read_marks(course_folder, assignments)
    problems = demo_course.broken_claims(course, assignments, planted, marks)
    if problems:
        raise demo_course.DemoError("The demo's claims do not all hold:\n" + "\n".join(problems))
    return demo_page.Story(course, tuple(assignments), planted, marks)


def run_capstone(folder: Path, fast: bool, console: Console) -> dict[str, Any]:
    """Train and test the recogniser of digits with the worked submission's parts.

    Returns:
        What `capstone.commands.demo` returns.
    Raises:
        DemoError: if it fails, or a part of the worked submission is not used.
    """
    from capstone import commands

    with capstone_errors():
        result = commands.demo(folder / "model.npz", folder, fast=fast, console=console)
    refuse_foreign(result["parts"])
    return result


def run_classical(folder: Path, fast: bool, console: Console) -> dict[str, Any]:
    """Train and test the classical stage with the worked submission's parts.

    Returns:
        What `capstone.classical.demo` returns.
    Raises:
        DemoError: if it fails, or a part of the worked submission is not used.
    """
    from capstone import classical

    with capstone_errors():
        result = classical.demo(folder / "connected.npz", folder, fast=fast, console=console)
    refuse_foreign(result["parts"])
    refuse_foreign(result["voices"]["about"]["parts"])
    return result


@contextmanager
def capstone_errors() -> Iterator[None]:
    """What goes wrong in the capstone is the demo's error.

    Raises:
        DemoError: with the capstone's own sentence.
    """
    from capstone.errors import CapstoneError
    from labkit.parts import PartsError

    try:
        yield
    except (CapstoneError, PartsError) as error:
        raise demo_course.DemoError(f"the capstone: {error}") from error


def refuse_foreign(parts: Sequence[dict[str, str]]) -> None:
    """See that every part is the worked submission's.

    Raises:
        DemoError: if one is not; it names it.
    """
    foreign = [f"{entry['lab']}.{entry['part']}" for entry in parts if entry["by"] != "yours"]
    if foreign:
        raise demo_course.DemoError(
            f"the capstone took {', '.join(foreign)} from the reference, expected the worked submission's"
        )


def print_capstone(result: dict[str, Any], console: Console) -> None:
    """Accuracy in a table."""
    official, voices = result["official"], result["new_voices"]
    table = Table(title=f"Spoken digits: {result['corpus']}, {result['kind']}", title_justify="left")
    for heading in ("recognised", "right", "target"):
        table.add_column(heading, justify="left" if heading == "recognised" else "right")
    targets = result["targets"] or {}

    def target(name: str) -> str:
        return f"{targets[name]:.0%}" if name in targets else "none for this data"

    table.add_row(f"{official['total']} unheard clips", f"{official['accuracy']:.1%}", target("official"))
    table.add_row(
        f"{len(voices['speakers'])} speakers left out in turn", f"{voices['mean']:.1%}", target("new_voices")
    )
    console.print(table)


def print_classical(result: dict[str, Any], console: Console) -> None:
    """Word error rates in tables."""
    title = f"Connected words in noise: {result['corpus']}, {result['kind']}"
    table = Table(title=title, title_justify="left")
    for heading in ("words to noise", "words", "wrong", "target"):
        table.add_column(heading, justify="left" if heading == "words to noise" else "right")
    noisy, target = result["noisy"], result["target"]
    aim = "none for this data" if target is None else f"{target:.0%}"
    table.add_row("20, 10, 5 dB together", str(noisy["words"]), f"{noisy['rate']:.1%}", aim)
    white = {f"white noise, {name}": errors for name, errors in result["in_white"].items()}
    for name, errors in {**result["by_condition"], **white}.items():
        table.add_row(name, str(errors["words"]), f"{errors['rate']:.1%}", "")
    console.print(table)
    table = Table(title="Digit strings that each voice speaks, heard by the recogniser", title_justify="left")
    for heading in ("who speaks", "words", "wrong"):
        table.add_column(heading, justify="left" if heading == "who speaks" else "right")
    voices = result["voices"]
    rows = [(entry, live_page.manner(entry)) for entry in voices["intelligibility"]]
    for entry, manner in [*rows, *((entry, "as recorded") for entry in voices["as_recorded"])]:
        name = f"{entry['name']}, {manner}" if manner else entry["name"]
        table.add_row(name, str(entry["words"]), f"{entry['word_error_rate']:.1%}")
    console.print(table)


def print_marks(story: demo_page.Story, console: Console) -> None:
    """The table of marks, as nbgrader has them."""
    table = Table(title="Marks in nbgrader's gradebook", title_justify="left")
    table.add_column("submission")
    for lab in story.labs:
        table.add_column(lab.name, justify="right")
    table.add_column("together", justify="right")
    for student in demo_course.STUDENTS:
        cells = ["{:g} of {:g}".format(*story.total(student, lab.name)) for lab in story.labs]
        score, maximum = story.total(student)
        table.add_row(student, *cells, f"{score:g} of {maximum:g} = {score / maximum:.0%}")
    console.print(table)
    console.print("Named in the feedback of three-mistakes:")
    for mistake in story.planted:
        console.print(f"  {mistake.part}: {mistake.sentence}", markup=False, highlight=False)


def make(folder: Path, fresh: bool, fast: bool, console: Console) -> Path:
    """Run every stage; returns the page.

    Raises:
        SpeechlabError: if a stage fails or a claim does not hold.
    """
    course_folder = folder / "course"
    os.environ.update(demo_course.environment(course_folder))
    if fresh:
        (folder / STAGES).unlink(missing_ok=True)
    stages = Stages(folder, console)
    engine = [*sources(ROOT, "solutions", "autograder", "labkit"), ROOT / "nbgrader_config.py"]
    key = digest(
        [*engine, ROOT / "tools" / "demo_course.py"], sys.version, sys.prefix, repr((ASSIGNMENTS, MISTAKES))
    )
    ran = stages.run(
        "grading",
        "Labs built, three submissions graded with nbgrader",
        key,
        course_folder / "grades.csv",
        lambda say: grade(course_folder, ROOT, ASSIGNMENTS, MISTAKES, say),
    )
    story = verified_story(course_folder, ASSIGNMENTS, MISTAKES)
    print_marks(story, console)

    data = os.environ.get("SPEECHLAB_MIRROR", ""), os.environ.get("SPEECHLAB_CACHE", "")
    capstone = stages.run(
        "capstone",
        "Capstone trained and run with the worked submission's parts",
        digest(sources(ROOT, "capstone"), key, repr((fast, data))),
        folder / demo_page.CAPSTONE_FOLDER / "model.npz",
        lambda say: run_capstone(folder / demo_page.CAPSTONE_FOLDER, fast, console),
        quiet=False,
    )
    print_capstone(capstone, console)
    classical = stages.run(
        "classical",
        "Classical stage trained and run with the worked submission's parts",
        digest(sources(ROOT, "capstone"), key, repr((fast, data))),
        folder / demo_page.CLASSICAL_FOLDER / "connected.npz",
        lambda say: run_classical(folder / demo_page.CLASSICAL_FOLDER, fast, console),
        quiet=False,
    )
    print_classical(classical, console)
    page = folder / "index.html"
    write_atomic(page, demo_page.render(story, ran, capstone, classical, folder, stages.seconds()))
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--fresh", action="store_true", help="redo every stage")
    parser.add_argument(
        "--fast", action="store_true", help="a smaller capstone: less data, seconds instead of minutes"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "demo", help="where to write (default: demo/)")
    options = parser.parse_args(arguments)
    console = Console()
    started = time.perf_counter()
    try:
        page = make(options.folder.resolve(), options.fresh, options.fast, console)
    except SpeechlabError as error:
        console.print("[bold red]make demo failed.[/]", end=" ")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped. Finished stages are kept; `make demo` goes on from there.")
        return 130
    console.print(f"Done in {time.perf_counter() - started:.0f} s. Open this page in a browser:")
    console.print(str(page), markup=False, highlight=False, soft_wrap=True, style="bold")
    console.print(
        "`make serve` serves it: it then speaks what you type and reads what you say.", highlight=False
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
