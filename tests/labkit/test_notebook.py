"""Tables and bars in text, and everything once in a real kernel."""

from __future__ import annotations

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from labkit import progress, table


def test_table_is_aligned_text_outside_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    table(
        [
            {"speaker": "theo", "accuracy [%]": 71.25},
            {"speaker": "george", "accuracy [%]": 98.0, "new": True},
        ],
        "LOSO",
    )
    assert capsys.readouterr().out.splitlines() == [
        "LOSO",
        "speaker  accuracy [%]  new",
        "───────  ────────────  ───",
        "theo            71.25",
        "george           98.0  yes",
    ]


def test_numbers_are_short_and_empty_cells_empty(capsys: pytest.CaptureFixture[str]) -> None:
    table([{"a": np.float32(1 / 3), "b": np.int64(12345678), "c": None, "d": 1e-9}])
    row = capsys.readouterr().out.splitlines()[-1].split()
    assert row == ["0.3333", "12345678", "1e-09"]


def test_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    table([], "results")
    assert capsys.readouterr().out == "results\n(no rows)\n"


def test_row_must_be_a_mapping() -> None:
    with pytest.raises(TypeError, match=r"rows\[1\] is a list"):
        table([{}, []])


def test_progress_hands_on_every_item_and_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress(iter([3, 1, 2]), "training", total=3)
    assert list(bar) == [3, 1, 2]
    assert capsys.readouterr() == ("", "")


CELLS = [
    "from labkit import play, plot, progress, table\nimport numpy as np",
    "plot.lines({'a': [1, 2, 3]}, title='once')",  # last line of the cell: still shown once
    "figure = plot.lines({'a': [1, 2, 3]}); x = 1",
    "figure",  # asked for in a later cell: shown again
    "play({'<tone>': np.zeros(80), 'other': np.ones(80)}, 8000)",
    "table([{'<a>': 1.5}], title='numbers')",
    "for item in progress(range(3), 'walk'): pass",
    "import sys; 'matplotlib.pyplot' in sys.modules",
]


@pytest.fixture(scope="module")
def outputs() -> list[list[dict]]:
    """Outputs of CELLS, run in a kernel."""
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(page, timeout=120, kernel_name="python3").execute()
    return [cell.outputs for cell in page.cells]


def _shown(cell_outputs: list[dict], kind: str) -> list[str]:
    return [output["data"][kind] for output in cell_outputs if kind in output.get("data", {})]


@pytest.mark.slow
def test_notebook_shows_each_figure_once_per_request(outputs) -> None:
    assert [len(_shown(outputs[cell], "image/png")) for cell in (1, 2, 3)] == [1, 1, 1]
    assert [len(outputs[cell]) for cell in (1, 2, 3)] == [1, 1, 1]
    assert _shown(outputs[1], "text/plain") == ["once: value over index"]


@pytest.mark.slow
def test_notebook_shows_players_tables_and_bars(outputs) -> None:
    (page,) = _shown(outputs[4], "text/html")
    assert page.count("<audio controls") == 2
    assert "&lt;tone&gt;" in page
    (page,) = _shown(outputs[5], "text/html")
    assert "&lt;a&gt;" in page and "numbers" in page and "1.5" in page
    assert "walk" in "".join(output.get("text", "") for output in outputs[6])


@pytest.mark.slow
def test_notebook_never_loads_pyplot(outputs) -> None:
    assert outputs[7][0]["data"]["text/plain"] == "False"
