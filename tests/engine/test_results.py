"""Pages of results: what they show, what no learner can put into them, where they lie."""

from __future__ import annotations

import base64
import gc
import hashlib
import html
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.diagnosis import Diagnosis
from autograder.errors import GradingError
from autograder.grading import LabResult, PartResult, grade
from autograder.results import class_page, read_roster, student_page, write_all
from autograder.results.charts import bins, histogram
from autograder.results.names import safe_name, unique_names
from autograder.results.summary import summarize
from autograder.submissions import Graded, Submission
from labkit import plot

EVIL = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "</title></style><svg onload=alert(1)>",
    "</pre></summary><a href='javascript:alert(1)'>x</a>",
    "{{ 7*7 }}{% raw %}",
    "\x1b[31mred\x1b[0m\x00\u202edlrow",
    "&lt;b&gt; &amp;",
    "\ud800",
]


class Structure(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data + " "

    @property
    def shape(self) -> list[tuple[str, list[str]]]:
        return [(tag, [name for name, _ in attrs]) for tag, attrs in self.tags]

    def values(self, attribute: str) -> list[str]:
        return [value or "" for _, attrs in self.tags for name, value in attrs if name == attribute]


def passed(name: str, points: float) -> PartResult:
    return PartResult(name, points, points, checks=[("All is well", True)], seconds=0.25)


def failed(name: str, points: float, diagnosis: Diagnosis, **more) -> PartResult:
    return PartResult(
        name, 0.0, points, checks=[(t, False) for t in diagnosis.asked], diagnosis=diagnosis, **more
    )


def graded(lab, student="ada", parts=None, remarks=(), path=None, seed=7) -> Graded:
    parts = parts or [passed("rms", 2), passed("power_to_db", 3)]
    result = LabResult(lab.name, parts, list(remarks), seed, "a test's own process", 1.5)
    return Graded(Submission(Path(path or f"/nowhere/{student}.ipynb"), student), lab.name, result)


def natural(seconds=0.5) -> PartResult:
    text = "Your logarithm is natural. Decibels are defined with base 10."
    return failed(
        "power_to_db", 3, Diagnosis("mistake", text, "natural_logarithm", ["Half is down"]), seconds=seconds
    )


def full(text: str) -> PartResult:
    """A part with `text` wherever something of a learner's can stand."""
    diagnosis = Diagnosis(
        "error",
        text,
        asked=["Half the amplitude is six decibels down"],
        trace=[(3, text, text)],
        picture=plot.png(plot.lines({"yours": np.arange(3.0)}, x_label="x", y_label="y")),
        sounds={text: (np.sin(np.arange(800.0)), 8000)},
    )
    return failed("rms", 2, diagnosis, fault=text, detail=text, flags=[text])


def test_a_students_page_stands_alone(lab):
    page = student_page(lab, graded(lab, parts=[full("ValueError"), passed("power_to_db", 3)]), "Ada L.")
    seen = Structure(page)
    names = {tag for tag, _ in seen.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "form", "base", "a"}
    assert not [name for _, attrs in seen.tags for name, _ in attrs if name.startswith("on")]
    assert seen.values("src") and all(value.startswith("data:") for value in seen.values("src"))
    policy = next(dict(a)["content"] for t, a in seen.tags if dict(a).get("http-equiv"))
    assert policy.startswith("default-src 'none';") and "script" not in policy and "http" not in policy
    assert "url(" not in page and "@import" not in page
    assert "width=device-width" in page and "prefers-color-scheme: dark" in page
    assert "Ada L." in seen.text and "3" in seen.text and "of 5 points" in seen.text
    assert "line 3: ValueError" in seen.text and "Half the amplitude is six decibels down" in seen.text
    assert [tag for tag, _ in seen.tags].count("audio") == 1
    assert any(value.startswith("data:image/png;base64,") for value in seen.values("src"))


def test_what_is_for_the_instructor_is_not_on_a_students_page(lab):
    part = failed("rms", 2, Diagnosis("error", "rms raised ValueError in line 3 of the cell."))
    part.detail, part.fault = "ValueError: input was [1, 2, 3]", "killed by signal 9"
    page = student_page(lab, graded(lab, parts=[part]))
    assert "input was" not in page and "signal 9" not in page


@pytest.mark.parametrize("text", EVIL)
def test_nothing_of_a_learners_becomes_markup(lab, text):
    """The page has the same tags and attributes whatever the learner wrote, and no control characters."""

    def pages(text: str) -> list[str]:
        item = graded(lab, text, [full(text), passed("power_to_db", 3)], [text], path=f"/nowhere/{text}")
        broken = Graded(Submission(Path("/nowhere/x"), text), lab.name, None, text)
        return [student_page(lab, item), student_page(lab, broken), class_page(lab, [item, broken])]

    for page, plain in zip(pages(text), pages("plain"), strict=True):
        page.encode()  # no lone surrogate is left
        assert Structure(page).shape == Structure(plain).shape
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", page)
        assert "alert(1)" not in re.sub(r"&lt;.*?&gt;", "", page) or "<script>alert" not in page


@given(st.text(max_size=60))
@example("'")
def test_no_text_at_all_becomes_markup(lab, text):
    part = failed("rms", 2, Diagnosis("error", f"a{text}", trace=[(1, "f", f"b{text}")]), detail=f"c{text}")
    plain = failed("rms", 2, Diagnosis("error", "a", trace=[(1, "f", "b")]), detail="c")
    for make in (student_page, lambda lab, item: class_page(lab, [item])):
        page = make(lab, graded(lab, parts=[part], remarks=[f"d{text}"]))
        assert Structure(page).shape == Structure(make(lab, graded(lab, parts=[plain], remarks=["d"]))).shape


def test_a_file_that_is_not_graded_gets_a_page_that_says_why(lab):
    path = Path("/home/prof/submitted/ada/t00.ipynb")
    damaged = Graded(Submission(path, "ada"), lab.name, None, f"{path}: damaged, it is no JSON")
    page = student_page(lab, damaged)
    assert "t00.ipynb: damaged, it is no JSON" in page and "prof" not in page
    ours = Graded(Submission(path, "ada"), lab.name, None, f"{path}: OSError: 1.25", ours=True)
    page = student_page(lab, ours)
    assert "not on yours" in page and "OSError" not in page and "1.25" not in page and "prof" not in page


def a_class(lab) -> list[Graded]:
    fault = Diagnosis("fault", "rms: gave no answer within 20 s.")
    looping = failed("rms", 2, fault, fault="gave no answer within 20 s", detail="killed: 20 s", seconds=20.0)
    flagged = passed("rms", 2)
    flagged.flags = ["np.linalg.norm is used in line 4"]
    unknown = failed("power_to_db", 3, Diagnosis("difference", "power_to_db has other values."))
    return [
        graded(lab, "ada", [passed("rms", 2), natural()]),
        graded(lab, "bob", [flagged, natural(4.0)], ["part rms has several cells; the first one counts"]),
        graded(lab, "carol", [looping, unknown]),
        graded(lab, "dan"),
        Graded(Submission(Path("/x/eve.ipynb"), "eve"), "", None, "/x/eve.ipynb: the file is empty"),
        Graded(Submission(Path("/x/fay.ipynb"), "fay"), lab.name, None, "disk full", ours=True),
    ]


def test_the_class_in_numbers(lab):
    summary = summarize(lab, a_class(lab))
    assert summary.totals == [2, 2, 0, 5] and summary.perfect == 1
    assert (summary.mean, summary.median) == (2.25, 2)
    rms, decibels = summary.parts
    assert (rms.passed, rms.graded, rms.share) == (3, 4, 0.75)
    assert (decibels.kinds["mistake"], decibels.unnamed, decibels.passed) == (2, 1, 1)
    assert (rms.longest, rms.slowest.submission.student, rms.median) == (20.0, "carol", 0.25)
    (mistake,) = summary.mistakes
    assert (mistake.name, [g.submission.student for g in mistake.students]) == (
        "natural_logarithm",
        ["ada", "bob"],
    )
    assert [(f.part, f.text, f.detail) for f in summary.faults] == [
        ("rms", "gave no answer within 20 s", "killed: 20 s")
    ]
    assert summary.isolation == {"a test's own process": 4} and summary.seeds == {7: 4}


def test_the_class_page_shows_the_class(lab):
    items = a_class(lab)
    links = {place: f"feedback/{item.submission.student}.html" for place, item in enumerate(items)}
    page = class_page(lab, items, links=links, refused={3: "it holds a solution"}, notes=["a note"])
    seen = Structure(page)
    text = " ".join(seen.text.split())
    for told in (
        "4 graded",
        "2 not graded",
        "1 fault 1 to be judged",
        "the file is empty",
        "The reason lies with this machine",
        "np.linalg.norm is used in line 4",
        "Your logarithm is natural",
        "killed: 20 s",
        "the first one counts",
        "Isolation: a test's own process (4)",
        "No page was written for dan",
        "a note",
        "20.00",
    ):
        assert told in text, told
    assert set(seen.values("href")) == set(links.values())


def test_the_class_pages_one_script_is_the_one_that_its_policy_allows(lab):
    page = class_page(lab, a_class(lab))
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    assert f"script-src 'sha256-{digest}'" in policy and policy.startswith("default-src 'none'")


def test_a_class_of_nobody_has_a_page(lab):
    assert "0</b><span>graded" in class_page(lab, [])


@pytest.mark.parametrize(
    ("values", "most", "expected"),
    [
        ([], 2, [(0, 0, 0), (1, 1, 0), (2, 2, 0)]),
        ([0, 0.5, 2, 2.5], 2.5, [(0, 0, 2), (1, 1, 0), (2, 2, 2)]),
        ([7, -1], 1, [(0, 0, 1), (1, 1, 1)]),
        ([0, 1, 34], 34, [(0, 1, 2), *((n, n + 1, 0) for n in range(2, 34, 2)), (34, 34, 1)]),
    ],
)
def test_bars_hold_every_total(values, most, expected):
    assert bins(values, most) == expected
    assert histogram(values, most, "points").count('class="bar"') == len(expected)


@given(st.lists(st.text(max_size=90), max_size=8))
@example(["ada", "Ada", "ADA", "ada"])
@example(
    [
        "../x",
        "a/b",
        "a\\b",
        "..",
        "",
        ".",
        "x\0y",
        "x" * 300,
        "CON",
        "nul.txt",
        "com1",
        "aux",
        "LPT9.a.b",
        "ad\u0430",
    ]
)
@example(["ada-2", "ada", "ada"])
def test_file_names_are_safe_and_distinct(students):
    names = unique_names(students)
    assert len({name.casefold() for name in names}) == len(students)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?", name) and len(name) <= 90, name
        stem = name.split(".")[0].lower()
        assert not re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", stem)


def test_an_ordinary_id_is_its_own_file_name():
    assert unique_names(["ada", "s123", "j.doe"]) == ["ada", "s123", "j.doe"]
    assert safe_name("Zoë") != safe_name("Zoe") == "Zoe"
    assert unique_names(["ada", "Ada", "ada"])[0] == "ada"


@pytest.mark.slow
def test_everything_is_written_and_nothing_elsewhere(course, lab, tmp_path):
    items = [graded(lab, name) for name in ("ada", "../../evil", "a/b", "CON", "Ada", "x" * 300, "\udcff")]
    items += a_class(lab)[4:]
    folder = tmp_path / "in" / "results"
    written = write_all(folder, course, lab, items)
    assert not written.refused and len(written.pages) == len(items)
    on_disk = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert on_disk == set(written.files)
    assert all(path.is_relative_to(folder) for path in on_disk)
    links = Structure((folder / "class.html").read_text()).values("href")
    assert links and all((folder / link).is_file() for link in links)
    told = json.loads((folder / "marks.json").read_text())
    assert [entry["feedback"] for entry in told["submissions"]] == [
        written.pages[n].relative_to(folder).as_posix() for n in range(len(items))
    ]
    again = write_all(folder, course, lab, items)
    assert set(again.files) == on_disk


def test_a_page_that_holds_something_hidden_is_refused_and_the_rest_is_written(course, lab, tmp_path):
    line = "assert lab.rms(sine) == pytest.approx(amplitude / np.sqrt(2), rel=1e-9)"
    leaking = failed("rms", 2, Diagnosis("error", f"rms raised AssertionError: {line}"))
    old = tmp_path / "feedback" / "ada.html"
    old.parent.mkdir()
    old.write_text("an older page")
    written = write_all(tmp_path, course, lab, [graded(lab, "ada", [leaking]), graded(lab, "bob")])
    assert list(written.refused) == [0] and "hidden check" in written.refused[0]
    assert line not in written.refused[0] and not old.exists()
    assert (tmp_path / "feedback" / "bob.html").is_file()
    page = (tmp_path / "class.html").read_text()
    assert "No page was written for ada" in page
    assert json.loads((tmp_path / "marks.json").read_text())["submissions"][0]["feedback"] is None


def test_pictures_are_let_go_of_one_by_one(course, lab, tmp_path):
    """Results may be read from a log as they are asked for: a large class has more than memory holds."""
    pictures: list[bytes] = []

    def reading():
        for number in range(5):
            item = graded(lab, f"s{number}", [full("x")])
            pictures.append(bytes(item.result.parts[0].diagnosis.picture))
            item.result.parts[0].diagnosis.picture = pictures[-1]
            yield item
            del item
            gc.collect()
            held = [sys.getrefcount(pictures[n]) for n in range(number)]
            assert held == [2] * number, "an older picture is still held"  # by the list and by the question

    written = write_all(tmp_path, course, lab, reading())
    assert len(written.pages) == 5 and "data:image/png" in written.pages[4].read_text()


def test_results_of_another_lab_are_refused(course, lab, tmp_path):
    item = graded(lab)
    with pytest.raises(GradingError, match="results of t99"):
        write_all(tmp_path, course, lab, [Graded(item.submission, "t99", item.result)])


def test_several_labs_have_a_folder_each(course, lab, tmp_path):
    written = write_all(tmp_path, course, None, [graded(lab, "ada")])
    assert written.pages[0] == tmp_path / lab.name / "feedback" / "ada.html"
    assert (tmp_path / lab.name / "class.html").is_file() and (tmp_path / "canvas.csv").is_file()


def test_the_roster_names_students_and_tells_who_is_missing(course, lab, tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("student_id,first_name,last_name\nada,Ada,Lovelace\nbob,Bob,<b>\n")
    write_all(tmp_path / "out", course, lab, [graded(lab, "ada")], roster=read_roster(path))
    page = (tmp_path / "out" / "class.html").read_text()
    assert "Ada Lovelace" in page and "1 on the roster handed in nothing" in page and "Bob &lt;b&gt;" in page
    assert "Ada Lovelace" in (tmp_path / "out" / "feedback" / "ada.html").read_text()


@pytest.mark.slow
def test_a_graded_class_becomes_pages(course, lab, answers, tmp_path):
    """From code to pages: the named mistake, the player, the learner's own line, the fault."""
    made = {
        "ada": answers(),
        "bob": answers(
            power_to_db="def power_to_db(power, reference=1.0, floor_db=-80.0):\n"
            "    if reference <= 0 or np.any(power < 0):\n        raise ValueError\n"
            "    lowest = reference * 10 ** (floor_db / 10)\n"
            "    return 10 * np.log(np.maximum(power, lowest) / reference)"
        ),
        "carol": answers(rms="def rms(samples):\n    table = {}\n    return table['<i>']"),
        "dan": answers(rms="def rms(samples):\n    import os\n    os._exit(1)"),
    }
    items = [
        Graded(Submission(tmp_path / f"{name}.ipynb", name), lab.name, grade(course, lab, reading, seed=3))
        for name, reading in made.items()
    ]
    written = write_all(tmp_path / "out", course, lab, items)
    assert not written.refused
    pages = {name: written.pages[n].read_text() for n, name in enumerate(made)}
    assert "5</b>" in pages["ada"]
    assert "Your logarithm is natural" in pages["bob"] and "<audio" in pages["bob"] and "<img" in pages["bob"]
    assert "line 3: return table[" in Structure(pages["carol"]).text
    summary = (tmp_path / "out" / "class.html").read_text()
    assert "Your logarithm is natural" in summary and "1</b><span>fault<" in summary
