"""What a record must be like, and the table that is made of records."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

from tests.attacks.case import CLASSES, PARTS, Case
from tests.attacks.cases import CASES

Record = dict[str, Any]
Records = dict[str, Record]  # by name of the case

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
STOCK = Path(__file__).with_name("stock.json")
BEGIN, END = "<!-- attack table: begin -->", "<!-- attack table: end -->"
HEAD = (
    "| submission | what it does | marks | neighbours | the instructor is told "
    "| stock: marks | neighbour | stock |\n"
    "|---|---|---|---|---|---|---|---|\n"
)
SHOWN = 110  # characters of a sentence in the table
ALL = sum(PARTS.values())
SHOWS_TESTS = "its page shows a hidden test"
MARKUP = ("<", "onerror", "href")  # what begins so is harmless in plain text


def faults(case: Case, found: Record) -> list[str]:
    """All that is wrong with a record; nothing if the grader survived and gave everybody their due."""
    if "grader" in found:
        return [f"the grader {found['grader']}: {found['told'][-500:]}"]
    wrong = []
    due = None if case.due is None else dict(case.due)
    if found["points"] != due:
        wrong.append(f"{found['points']} points, due were {due}")
    if found["ours"]:
        wrong.append("it is told as a fault of the grader's own")
    if not re.search(case.told, found["told"]):
        wrong.append(f"the instructor was told {found['told'][:800]!r}, expected {case.told!r}")
    for word in case.never:
        if word in found["page"] or (not word.startswith(MARKUP) and word in found["text"]):
            wrong.append(f"the student sees {word[:60]!r}")
    for what in ("stolen", "processes", "files", "changed"):
        if found[what]:
            wrong.append(f"{what}: {found[what][:5]}")
    if found["neighbours"] != [PARTS, PARTS]:
        wrong.append(f"the neighbours got {found['neighbours']}")
    return wrong


def told(case: Case, found: Record) -> str:
    """The sentence that tells the instructor, without what differs from run to run."""
    whole = found.get("told", "")
    match = re.search(case.told, whole)
    if match is None:
        return "nothing of use"
    before, after = whole[: match.start()], whole[match.end() :]
    text = before.rpartition("\n")[2] + match.group() + re.split(r"\. |\n", after, maxsplit=1)[0]
    text = re.sub(r"^\S*\.ipynb: ", "", " ".join(text.split()))
    text = re.sub(r"(refused after|made|wrote|sent|carried_?) ?-?(?!0\b)[\d.e-]+", r"\1 …", text)
    text = re.sub(r"0x[0-9a-f]{6,}|(?<=127\.0\.0\.1:)\d+", "…", text)
    text = re.sub(r"'/(?!proc|dev)[^']*'", "a file", text)
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"


def marks(case: Case, found: Record) -> str:
    points = found.get("points")
    return "not graded" if points is None else f"{sum(points.values()):g} of {ALL:g}"


def neighbours(found: Record) -> str:
    given = {sum(points.values()) for points in found.get("neighbours", [{}])}
    return " and ".join(f"{points:g}" for points in sorted(given)) + f" of {ALL:g}"


def _cell(text: str) -> str:
    """Text as it stands in a table of Markdown: nothing in it is markup."""
    return re.sub(r"([\\|*_`\[\]!])", r"\\\1", text).replace("<", "&lt;").replace("\n", " ")


def by_backend(values: dict[str, str]) -> str:
    """One text if all back ends agree, else each with its name."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return "; ".join(f"{name}: {value}" for name, value in values.items())


def row(case: Case, runs: dict[str, Records], stock: Record | None) -> str:
    """One line of the table.

    Args:
        runs: back end → records.
        stock: of stock nbgrader.
    """
    found = {backend: records[case.name] for backend, records in runs.items()}
    cells = [
        case.name.replace("_", " "),
        case.does,
        by_backend({backend: marks(case, r) for backend, r in found.items()}),
        by_backend({backend: neighbours(r) for backend, r in found.items()}),
        by_backend({backend: told(case, r) for backend, r in found.items()}),
        *(stock_cells(stock) if stock else ("", "", "")),
    ]
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def stock_cells(found: Record) -> tuple[str, str, str]:
    def given(points: float | None) -> str:
        return "none" if points is None else f"{points:g} of {ALL:g}"

    # the first is of nearly all, and told in the summary; the second is told better by the names
    dull = rf"{SHOWS_TESTS}|changed: \d+ files"
    notes = [note for note in found["notes"] if not re.fullmatch(dull, note)]
    return given(found["points"]), given(found["neighbour"]), "; ".join(notes).strip()


def stock_results() -> dict[str, Any]:
    """What `python -m tests.attacks.stock` has kept."""
    return json.loads(STOCK.read_text()) if STOCK.exists() else {"cases": {}}


def summary(runs: dict[str, Records], stock: dict[str, Any]) -> str:
    """What the table says in two sentences."""
    kept = stock["cases"]
    count = len(CASES)
    text = f"{count} submissions, on {' and '.join(runs)}. Neighbours are graded before and after each."
    if kept:
        due = {case.name: sum((case.due or {}).values()) for case in CASES}
        more = sum((r["points"] or 0) > due[name] for name, r in kept.items())
        fewer = sum((r["points"] or 0) < due[name] for name, r in kept.items())
        lost = sum(r["neighbour"] != ALL for r in kept.values())
        found = sum(
            any(note.startswith(("found:", "changed:")) for note in r["notes"]) for r in kept.values()
        )
        shown = sum(SHOWS_TESTS in r["notes"] for r in kept.values())
        text += (
            f" The last three columns are stock nbgrader {stock['nbgrader']}, which runs equivalent hidden"
            f" tests in the student's own kernel: {more} submissions got more marks than here, {fewer} fewer;"
            f" in {lost} cases the neighbour did not get its marks; {found} submissions found or changed what"
            f" they should not; in {shown} the student's page shows the text of a hidden test."
        )
    return text


def table(runs: dict[str, Records], stock: dict[str, Any]) -> str:
    """The generated section."""
    lines = [summary(runs, stock)]
    for kind in CLASSES:
        rows = [row(case, runs, stock["cases"].get(case.name)) for case in CASES if case.kind == kind]
        lines += ["", f"### {kind.capitalize()}", "", HEAD + "\n".join(rows)]
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the generated section into the page, whose other text stays."""
    from autograder.files import write_atomic

    page = PAGE.read_text() if PAGE.exists() else f"# Security\n\n{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    write_atomic(PAGE, f"{before}{BEGIN}\n{text}\n{END}{after}")


def written() -> dict[str, list[str]]:
    """Cells of the table in the page by name of the case."""
    _, _, rest = PAGE.read_text().partition(BEGIN)
    section, _, _ = rest.partition(END)
    found = {}
    for line in section.split("\n"):
        if line.startswith("| "):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            found[cells[0].replace(" ", "_")] = cells
    return found


def differs(case: Case, runs: dict[str, Records], stock: Record, cells: list[str]) -> list[str]:
    """Where a row of the page is not what the run gave; a back end that is not here is not compared."""
    wrong = [] if cells[1] == _cell(case.does) else [f"what it does: {cells[1]!r}"]
    if cells[5:] != [_cell(text) for text in stock_cells(stock)]:
        wrong.append(f"stock: {stock}, the page says {cells[5:]}")
    for column, say in ((2, marks), (3, lambda _, r: neighbours(r)), (4, told)):
        for backend, records in runs.items():
            own = _cell(say(case, records[case.name]))
            if own != cells[column] and f"{backend}: {own}" not in cells[column]:
                wrong.append(f"{backend}: {own!r}, the page says {cells[column]!r}")
    return wrong
