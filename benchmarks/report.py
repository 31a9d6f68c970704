"""Results as JSON, as a table on the screen and as the page docs/benchmarks.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.files import write_atomic
from benchmarks.measure import Row, Spread
from benchmarks.suite import module

if TYPE_CHECKING:
    from rich.table import Table

TITLES = {
    "mfcc": "MFCC against librosa",
    "fourier": "Fourier transforms against NumPy and librosa",
    "preprocessing": "Resampling against SciPy, loudness against pyloudnorm",
    "synthesis": "Making the synthetic corpora",
    "hmm": "Forward and Viterbi against hmmlearn",
    "mixtures": "Gaussian mixtures against scikit-learn",
    "ngrams": "Language models against NLTK and KenLM",
    "decoding": "Beam search over a graph",
    "linear-prediction": "Linear prediction against SciPy and librosa",
    "unit-selection": "Unit selection",
    "pitch": "Pitch against librosa and WORLD",
    "check": "What check() costs",
    "pipe": "What a question to the sandbox costs",
    "cold-start": "Cold start",
    "one-submission": "Grading one submission",
    "grading": "Grading a class",
}
UNITS = ("s", "ms", "MB", "%")  # all others are of something: ratios
INTRODUCTION = """\
# Benchmarks

Written by `python -m benchmarks [NAME]… --write-docs`. Do not edit.

Each figure is the median of repeated measurements, with the quartiles in brackets: half of the
measurements lie between them. What is compared was run in turns within one run, after a warm-up that
does not count, with one thread. A ratio is formed round by round; below 1, speechlab is the faster one.
`make bench` measures again and shows the same tables.
"""


def as_json(results: dict[str, Any]) -> str:
    """Results as text.

    `benchmarks.<name>.rows` is a list of objects with the attributes of `benchmarks.measure.Row` and
    `met` (true, false, or null where no goal is set); rows with `detail` stand here only. Times in
    `seconds` are seconds per call as {median, low, high, count}.
    """
    plain = dict(results)
    plain["benchmarks"] = {
        name: {**entry, "rows": [{**asdict(row), "met": row.met} for row in entry["rows"]]}
        for name, entry in results["benchmarks"].items()
    }
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def number(value: float) -> str:
    """Three digits, no exponent."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def figure(row: Row) -> str:
    """The row's figure with its quartiles and unit."""
    said = number(row.figure.median)
    if row.figure.count > 1:
        said += f" ({number(row.figure.low)}–{number(row.figure.high)})"
    return f"{said} {row.unit if row.unit in UNITS else '× ' + row.unit.removeprefix('of ')}"


def goal(row: Row) -> str:
    return "" if row.goal is None else f"≤ {number(row.goal)}"


def verdict(row: Row) -> str:
    return {None: "", True: "met", False: "not met"}[row.met]


def timed(row: Row) -> str:
    """What was timed for a ratio, in milliseconds."""
    if row.unit in UNITS:
        return ""
    return ", ".join(f"{name} {_milliseconds(seconds)}" for name, seconds in row.seconds.items())


def _milliseconds(seconds: Spread) -> str:
    value = seconds.median
    return f"{number(value)} s" if value >= 1 else f"{number(1000 * value)} ms"


def remarks(row: Row) -> str:
    return "; ".join(text for text in (timed(row), row.note) if text)


def shown(rows: list[Row]) -> list[Row]:
    return [row for row in rows if not row.detail]


def table(name: str, rows: list[Row]) -> Table:
    """Rows for the screen."""
    from rich.table import Table

    made = Table(title=TITLES[name], title_justify="left", show_edge=False)
    for heading in ("what", "median (quartiles)", "goal", "", "remarks"):
        made.add_column(heading)
    colours = {None: "", True: "green", False: "yellow"}
    for row in shown(rows):
        made.add_row(
            row.what,
            figure(row),
            goal(row),
            f"[{c}]{verdict(row)}" if (c := colours[row.met]) else "",
            remarks(row),
        )
    return made


def conditions(results: dict[str, Any]) -> str:
    """Where and when, in one paragraph."""
    loads = [results["load_before"], results["load_after"]]
    return f"Measured {results['date'][:10]} on {_machine(results)}. {_load(loads)}"


def _machine(results: dict[str, Any]) -> str:
    at = results["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in at["libraries"].items())
    return f"{at['cores']} cores of {at['processor']}, {at['system']}, Python {at['python']}, {libraries}"


def _load(loads: list[float | None]) -> str:
    said = "not known" if None in loads else " and ".join(f"{load:.1f}" for load in loads)
    return f"Load average before and after: {said}."


def page(results: dict[str, Any], before: str = "") -> str:
    """docs/benchmarks.md.

    Args:
        before: the page as it was: sections of benchmarks that were not run now are kept.
    """
    sections = _sections(before)
    for name, entry in results["benchmarks"].items():
        sections[TITLES[name]] = "\n".join(_section(results, name, entry))
    kept = [sections[title] for title in TITLES.values() if title in sections]
    return "\n".join([INTRODUCTION, *kept])


def _sections(text: str) -> dict[str, str]:
    """What stands under each heading of a page, with it."""
    pieces = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {piece.split("\n")[0].removeprefix("## "): piece.rstrip("\n") + "\n" for piece in pieces}


def _section(results: dict[str, Any], name: str, entry: dict[str, Any]) -> Iterator[str]:
    yield f"## {TITLES[name]}\n"
    yield module(name).ABOUT + "\n"
    yield f"{results['date'][:10]}, {_machine(results)}. {_load(entry['load'])}\n"
    yield "| what | median (quartiles) | goal | | remarks |"
    yield "|---|---|---|---|---|"
    for row in shown(entry["rows"]):
        yield f"| {row.what} | {figure(row)} | {goal(row)} | {verdict(row)} | {remarks(row)} |"
    yield ""


def write_json(results: dict[str, Any], path: Path) -> None:
    write_atomic(path, as_json(results))


def write_page(results: dict[str, Any], path: Path) -> None:
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    write_atomic(path, page(results, before))
