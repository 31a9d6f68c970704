"""The documents lead somewhere: links, commands, modules and pictures exist."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "datasets").glob("**/*.md")],
    key=str,
)
FOR_STUDENTS = ("learners.md", "glossary.md")  # shipped in a release, where the other pages are not
LINK = re.compile(r"(?<!\\)!?\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchors(path: Path) -> set[str]:
    """Anchors of a page as GitHub makes them from its headings."""
    titles = re.findall(r"^#{1,6} (.+)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def shell_lines(text: str) -> list[str]:
    """Commands in fenced shell blocks, without their comments."""
    blocks = [body for language, body in FENCE.findall(text) if language == "sh"]
    lines = [line.split("#")[0].strip() for block in blocks for line in block.split("\n")]
    return [command.strip() for line in lines for command in line.split("&&") if command.strip()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_to_files_and_headings(path: Path) -> None:
    dead = []
    for _, target in LINK.findall(without_code(path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        if not place.exists() or (anchor and anchor not in anchors(place)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_pictures_have_words_for_who_cannot_see_them(path: Path) -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\(", without_code(path.read_text(encoding="utf-8")))
    assert all(len(words) > 20 for words in pictures)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_commands_of_speechlab_and_make_exist(path: Path) -> None:
    from autograder.cli import cli

    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    known = set(cli.list_commands(click.Context(cli)))
    unknown = []
    text = path.read_text(encoding="utf-8")
    spoken = re.findall(r"`((?:speechlab|make) [a-z-]+)", FENCE.sub("", text))
    for command in [*shell_lines(text), *spoken]:
        words = re.sub(r"^\.venv/bin/", "", command).split()
        second = words[1] if len(words) > 1 else ""
        if words[0] == "speechlab" and second and not second.startswith("-") and second not in known:
            unknown.append(command)
        if words[0] == "make" and second and "=" not in second and second not in targets:
            unknown.append(command)
    assert unknown == []


def test_pages_for_students_need_no_other_page() -> None:
    for page in FOR_STUDENTS:
        text = without_code((ROOT / "docs" / page).read_text(encoding="utf-8"))
        others = [target for _, target in LINK.findall(text) if not re.match(r"https?:|#", target)]
        assert [t for t in others if Path(t).name not in FOR_STUDENTS] == []


def test_the_readme_tells_what_it_must() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for wanted in (
        "make demo",
        "make test",
        "docs/images/feedback.png",
        "docs/coverage.md",
        "docs/learners.md",
    ):
        assert wanted in text
    for heading in ("## For learners", "## For instructors", "## For builders"):
        assert heading in text
    assert {"make demo", "make test"} <= set(shell_lines(text))


def test_the_picture_of_feedback_is_small() -> None:
    data = (ROOT / "docs" / "images" / "feedback.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert len(data) < 200_000
    assert 600 <= width <= 2400 and height <= 2000


def test_architecture_names_every_module_of_the_engine() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.split("## The engine's rooms")[1].split("\n## ")[0]
    first_column = " ".join(line.split("|")[1] for line in table.split("\n") if line.startswith("|"))
    named = {word.removesuffix("/") for word in re.findall(r"`([\w/]+)`", first_column)}
    rooms = {
        path.stem
        for path in (ROOT / "autograder").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").is_file()) and not path.stem.startswith("_")
    }
    assert rooms - named == set(), "modules that docs/architecture.md does not place"
    assert named - rooms == set(), "modules that docs/architecture.md names and that do not exist"


def test_words_of_the_workplace_stay_out() -> None:
    machine_paths = re.compile(r"(?<![\w.])/(?:work|tmp|root|home)/")
    found = [name(p) for p in DOCUMENTS if machine_paths.search(p.read_text(encoding="utf-8"))]
    assert found == []
