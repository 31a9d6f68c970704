"""Executes a lab's page with the reference filled in, as a notebook."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.build import source_notebook
from autograder.course import Course, Lab

SECONDS = 1800  # for one cell: a page that hangs ends


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_page(course: Course, lab: Lab, folder: Path, fast: bool) -> Any:
    """The executed notebook of a page.

    Args:
        folder: where the kernel runs.
        fast: the same code with fewer steps (`labkit.fast_mode`).
    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.from_dict(source_notebook(lab))
    client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
    with _environment({"SPEECHLAB_FAST": "1" if fast else "0", "SPEECHLAB_COURSE": str(course.root)}):
        client.execute()
    return notebook


def section_text(notebook: Any, heading: str) -> list[str]:
    """What the code cells under the headings `## <heading>…` printed or tabulated."""
    inside, texts = False, []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for line in cell["source"].split("\n"):
                if line.startswith("## "):
                    inside = line.removeprefix("## ").lower().startswith(heading.lower())
        elif inside and cell["cell_type"] == "code":
            texts += [text for text in map(_text, cell["outputs"]) if text]
    return texts


def _text(output: Any) -> str:
    if output["output_type"] == "stream":
        text = output["text"].strip() if output["name"] == "stdout" else ""
        return "" if "%|" in text else text  # a progress bar
    data = output.get("data", {})
    if "image/png" in data or "<audio" in data.get("text/html", ""):
        return ""  # its words are a caption
    text = data.get("text/plain", "").strip()
    return "" if text.startswith(("<", "✓")) else text
