"""What an attack is: a submission that is broken on purpose, and what it must get."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CLASSES = (
    "endless work",
    "leaving",
    "exhaustion",
    "tampering",
    "lying values",
    "stealing",
    "forging",
    "smuggling",
    "answers without work",
    "damaged files",
)
LAB = "t00_decibels"
ASSIGNMENT = "phase0_signal_processing"
PARTS = {"rms": 2.0, "power_to_db": 3.0}

HONEST_RMS = (
    "def rms(samples):\n"
    "    if samples.size == 0:\n"
    "        raise ValueError('samples is empty')\n"
    "    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))\n"
)
HONEST_DB = (
    "def power_to_db(power, reference=1.0, floor_db=-80.0):\n"
    "    if reference <= 0 or np.any(power < 0):\n"
    "        raise ValueError('no power')\n"
    "    lowest = reference * 10 ** (floor_db / 10)\n"
    "    return 10 * np.log10(np.maximum(power, lowest) / reference)\n"
)

# In an attack on the pipe: the descriptors that are sockets, whatever objects there may be for them.
LINKS = (
    "import os\nimport stat\n\n"
    "def is_socket(number):\n"
    "    try:\n        return stat.S_ISSOCK(os.fstat(number).st_mode)\n"
    "    except OSError:\n        return False\n\n"
    "LINKS = [number for number in range(1024) if is_socket(number)]\n"
)

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One attack on the grader.

    In every text the names in `@…@` are replaced by what the scene knows: see `filled`.

    Attributes:
        name: of the case, also the student's folder.
        kind: its class, one of CLASSES.
        does: one sentence for the table.
        cells: part → text of its cell instead of the honest one.
        before: texts of cells of the learner's own, in front of the parts.
        after: the same behind the parts.
        edit: changes the notebook as data.
        raw: makes the file's bytes of the notebook.
        place: puts the file there itself, in place of writing the bytes to the path.
        due: points by part; None if the file cannot be graded and has to be told as a problem.
        told: a regular expression on what the instructor is told; what it matches goes into the table.
        never: what must not stand in the student's page nor, unless it is markup, in the student's text.
        limits: options of `grade`, for endless cases.
        harmless: may run where no outer guard can be set up.
        finds: the attack reports what it finds; without isolation it does find something.
    """

    name: str
    kind: str
    does: str
    cells: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    edit: Callable[[Notebook], Any] | None = None
    raw: Callable[[Notebook], bytes] | None = None
    place: Callable[[Path, bytes], Any] | None = None
    due: Mapping[str, float] | None = field(default_factory=lambda: {"rms": 0, "power_to_db": 3})
    told: str = ""
    never: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    harmless: bool = False
    finds: bool = False

    def notebook(self, page: Notebook, names: Mapping[str, str]) -> Notebook:
        """The submission as data: the released page with honest answers, and the attack in it.

        Args:
            page: of `source_notebook`.
            names: what replaces `@NAME@` in the attack's texts.
        """
        page = copy.deepcopy(page)
        honest = {"rms": HONEST_RMS, "power_to_db": HONEST_DB}
        for part, text in {**honest, **self.cells}.items():
            cell_of(page, part)["source"] = filled(text, names)
        first = page["cells"].index(cell_of(page, "rms"))
        own = [own_cell(filled(text, names), f"own{i}") for i, text in enumerate(self.before)]
        page["cells"][first:first] = own
        page["cells"] += [own_cell(filled(text, names), f"late{i}") for i, text in enumerate(self.after)]
        if self.edit:
            self.edit(page)
        return page

    def write(self, path: Path, page: Notebook, names: Mapping[str, str]) -> None:
        """Put the submission at `path`."""
        notebook = self.notebook(page, names)
        data = self.raw(notebook) if self.raw else json.dumps(notebook).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.place:
            self.place(path, data)
        else:
            path.write_bytes(data)


def filled(text: str, names: Mapping[str, str]) -> str:
    """Text with `@COURSE@` and the like replaced."""
    for name, value in names.items():
        text = text.replace(f"@{name}@", value)
    return text


def own_cell(source: str, cell_id: str) -> dict[str, Any]:
    """A code cell that is no part of the page."""
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def cell_of(page: Notebook, grade_id: str) -> dict[str, Any]:
    """The cell that carries an id of nbgrader's."""
    for cell in page["cells"]:
        if cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") == grade_id:
            return cell
    raise LookupError(f"no cell {grade_id!r}")


def rms_that(body: str, prelude: str = "") -> dict[str, str]:
    """The cell of rms: `prelude`, and a function with this body, indented here."""
    lines = "\n".join("    " + line for line in body.strip("\n").split("\n"))
    return {"rms": f"{prelude.strip()}\n\ndef rms(samples):\n{lines}\n"}
