"""The page that is graded and shown, made from a submission without nbgrader's commands."""

from __future__ import annotations

import html

import pytest
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.autograded import (
    MAX_OWN,
    MAX_SHOWN,
    MISSING,
    answered,
    as_data,
    page_of,
    restore,
    show_remarks,
)
from autograder.build import source_notebook
from autograder.errors import CourseError
from autograder.formgrader import safe_markdown
from autograder.notebook import grade_id, source_of


@pytest.fixture
def page(lab):
    return source_notebook(lab)


def own(text: str, **more) -> dict:
    return {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], **more}


def test_own_cells_stand_behind_the_cell_that_they_stood_behind(lab, page):
    given = [source_of(cell) for cell in page["cells"]]
    for place in (len(given), given.index("check(rms)") + 1, 3, 0):
        page["cells"].insert(place, own(f"behind = {place}"))
    again = [source_of(cell) for cell in restore(as_data(page), lab).cells]
    assert again == [source_of(cell) for cell in page["cells"]]


def test_own_cells_with_ids_that_the_page_does_not_know_are_kept(lab, page):
    """Such as those of a part of an older version: other parts may call them."""
    page["cells"].insert(3, own("def helper():\n    return 1", metadata={"nbgrader": {"grade_id": "old"}}))
    page["cells"].insert(4, own("1000", metadata={"nbgrader": {"grade_id": "check_old"}}))
    restored = restore(as_data(page), lab)
    assert "def helper():\n    return 1" in [source_of(cell) for cell in restored.cells]
    assert "1000" not in [source_of(cell) for cell in restored.cells]
    assert {grade_id(cell) for cell in restored.cells} == {
        grade_id(cell) for cell in source_notebook(lab)["cells"]
    }


def test_what_was_restored_answers_what_was_submitted(lab, page):
    page["cells"] = [cell for cell in page["cells"] if grade_id(cell) != "power_to_db"]
    page["metadata"]["speechlab"].update(remarks=["forged"], problem="", missing=[])
    reading = answered(restore(as_data(page), lab), lab)
    assert reading.missing == ["power_to_db"] and reading.remarks == [
        "the cell of part power_to_db is missing"
    ]
    assert [code.part for code in reading.cells if code.part] == ["rms"]
    assert MISSING not in [code.source for code in reading.cells]


def test_a_source_of_another_version_is_refused(lab, page, tmp_path):
    source = tmp_path / "t00_decibels.ipynb"
    source.write_text('{"cells": [], "metadata": {}}')
    with pytest.raises(CourseError, match="lacks rms, check_rms.*run `speechlab build`"):
        page_of(lab.name, lab, source)
    assert page_of(lab.name, lab, tmp_path / "none.ipynb") == page
    with pytest.raises(CourseError, match="extra is no lab of this course, and there is no"):
        page_of("extra", None, tmp_path / "extra.ipynb")


def test_what_is_too_long_to_show_is_cut_after_grading(lab, page):
    page["cells"] += [own(f"x{number} = 1") for number in range(MAX_OWN + 5)]
    page["cells"].insert(1, own("#" * (MAX_SHOWN + 5)))
    restored = restore(as_data(page), lab)
    assert len(answered(restored, lab).cells) > MAX_OWN + 5
    show_remarks(restored, [])
    assert sum(cell.id.startswith("own") for cell in restored.cells) == MAX_OWN
    assert "206 cells were added to the page; the first 200 are shown" in restored.cells[0].source
    assert max(len(cell.source) for cell in restored.cells) < MAX_SHOWN + 50


def test_only_pictures_are_taken_from_attachments():
    pictures = {
        "good.png": {"image/png": "aGVsbG8="},
        "lines.jpg": {"image/jpeg": ["aGVs\n", "bG8="]},
        "script.svg": {"image/svg+xml": "PHN2Zz4="},
        "quote.png": {"image/png": '" onerror="alert(1)'},
        "number.png": {"image/png": 7},
        "list.png": [],
    }
    cell = {"cell_type": "markdown", "source": "x", "metadata": {}, "attachments": pictures}
    kept = as_data({"cells": [cell, {**cell, "attachments": ["x"]}]}).cells
    assert dict(kept[0].attachments) == {
        "good.png": {"image/png": "aGVsbG8="},
        "lines.jpg": {"image/jpeg": "aGVs\nbG8="},
    }
    assert "attachments" not in kept[1]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<a href='java&#115;cript:alert(1)'>x</a>",
        "[x](javascript:alert(1))",
        "[x]( JAVA\tSCRIPT:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        '![x](x" onerror="alert(1))',
        "![x](data:image/svg+xml;base64,PHN2Zz4=)",
        "<iframe src=//evil.example></iframe>",
        "<style>body{display:none}</style>",
        "<form action=//evil.example><input name=password></form>",
        "$$<img src=x onerror=alert(1)>$$",
        "`<img src=x onerror=alert(1)>`",
        "<details open ontoggle=alert(1)>",
        "<p style='position:fixed;background:url(//evil.example)'>x</p>",
    ],
)
def test_nothing_in_a_written_answer_runs(text):
    from html.parser import HTMLParser

    seen = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            seen.append((tag, dict(attributes)))

    Reader().feed(safe_markdown({}, text))
    for tag, attributes in seen:
        assert tag not in ("script", "svg", "iframe", "style", "form", "input")
        assert not [name for name in attributes if name.startswith("on")]
        assert set(attributes.get("style", "").split(":")) <= {""}
        for address in (attributes.get("href", ""), attributes.get("src", "")):
            assert not address or address.startswith(("https://", "http://", "#"))


def test_a_labs_own_page_is_shown_as_it_is(page):
    for cell in page["cells"]:
        if cell["cell_type"] == "markdown":
            plain = MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render(cell["source"])
            assert html.unescape(safe_markdown({}, cell["source"])) == html.unescape(plain)
