"""Searches a folder for what students must not get: solutions, hidden checks, mistakes.

Every file is searched, also inside notebooks and archives. What the lab's page says in public anyway
(its text, its hints, its stubs) is no secret.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder import percent
from autograder.course import Course, Lab
from autograder.errors import CourseError
from autograder.visible import read_checks, visible_checks

SHORTEST = 20  # characters of a line: shorter ones stand in any program
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
_SOLUTION = re.compile(rf"{BEGIN}\n(.*?){END}", re.S)
# files of a lab's folder, which have no place in a release under any name of their folder
_NAMES = {"lab.py", "checks.py", "mistakes.py", "mutants.toml"}


_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Secret:
    """A text that must not be found, and what it is."""

    text: str
    what: str

    @cached_property
    def inner_words(self) -> frozenset[str]:
        """Words that stand as whole words wherever the text does: all but the first and the last."""
        return frozenset(_WORD.findall(self.text)[1:-1])

    def stands_in(self, text: str, words: set[str]) -> bool:
        """Whether it is in a text that has these words: most are told apart by a word, which is quicker."""
        return self.inner_words <= words and self.text in text


def secrets_of(course: Course) -> list[Secret]:
    """Every line of every solution and hidden check, their names, and every mistake's name and sentence."""
    public = "\n".join(_public(lab) for lab in course.labs)
    words = set(_WORD.findall(public))
    found: dict[str, Secret] = {}
    for lab in course.labs:
        for secret in [*_solutions(lab), *_hidden_checks(lab), *_mistakes(lab)]:
            if not secret.stands_in(public, words):
                found.setdefault(secret.text, secret)
    return list(found.values())


def _public(lab: Lab) -> str:
    """The page without its solutions, and the visible checks."""
    _, cells = percent.read(lab.source)
    page = "\n".join(_SOLUTION.sub("", cell.source) for cell in cells)
    return page + "\n" + visible_checks(lab)


def _lines(text: str) -> Iterator[str]:
    yield from (line.strip() for line in text.split("\n"))


def _solutions(lab: Lab) -> Iterator[Secret]:
    _, cells = percent.read(lab.source)
    for cell in cells:
        for block in _SOLUTION.findall(cell.source) if cell.part else ():
            for line in _lines(block):
                if len(line) > SHORTEST:
                    yield Secret(line, f"solution of {lab.name}.{cell.part}")


def _hidden_checks(lab: Lab) -> Iterator[Secret]:
    text = lab.checks.read_text(encoding="utf-8").split("\n")
    for check in read_checks(lab):
        if check.visible:
            continue
        yield Secret(check.name, f"hidden check of {lab.name}")
        for line in _lines("\n".join(text[check.node.lineno : check.node.end_lineno])):
            if len(line) > SHORTEST:
                yield Secret(line, f"hidden check {check.name} of {lab.name}")


def _mistakes(lab: Lab) -> Iterator[Secret]:
    """Names and sentences, read without running anything."""
    for node in ast.parse(lab.mistakes.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "mistake":
                what = f"mistake {node.name} of {lab.name}"
                yield Secret(_sentence(lab, mark), what)
                yield Secret(f"{'class' if isinstance(node, ast.ClassDef) else 'def'} {node.name}", what)
                if "_" in node.name:  # one word alone stands in any program
                    yield Secret(node.name, what)


def _sentence(lab: Lab, mark: ast.Call) -> str:
    try:
        return ast.literal_eval(mark.args[1])
    except (ValueError, IndexError):
        where = f"{lab.mistakes}:{mark.lineno}"
        raise CourseError(
            f"{where}: the sentence of a mistake is no plain text, so it cannot be searched for"
        ) from None


def find_leaks(course: Course, folder: Path) -> list[str]:
    """What must not be in `folder` and is: one line each, with the file."""
    secrets = secrets_of(course)
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        for inner, text in _texts(name, path.read_bytes()):
            if Path(inner).name in _NAMES and Path(inner).parent.name in {lab.name for lab in course.labs}:
                found.append(f"{inner}: a file of a lab's folder")
            words = set(_WORD.findall(text))
            found += [f"{inner}: {s.what}: {s.text[:70]}" for s in secrets if s.stands_in(text, words)]
            found += [f"{inner}: the mark {mark!r}" for mark in _marks(inner, text)]
    return found


def _marks(name: str, text: str) -> list[str]:
    # the program itself speaks of these marks; a page must not hold any
    return [mark for mark in (BEGIN, END) if mark in text] if not name.endswith(".py") else []


def _texts(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    """Name and text of a file, and of every file in it if it is an archive."""
    stream = io.BytesIO(data)
    if zipfile.is_zipfile(stream):
        with zipfile.ZipFile(stream) as archive:
            for inner in archive.namelist():
                yield from _texts(f"{name}/{inner}", archive.read(inner))
        return
    stream.seek(0)
    try:
        with tarfile.open(fileobj=stream) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None:
                    yield from _texts(f"{name}/{member.name}", file.read())
        return
    except tarfile.TarError:
        pass
    text = data.decode("utf-8", "replace")
    yield name, text
    if name.endswith((".ipynb", ".json")):
        # in JSON a line break and a quotation mark look different
        yield name, "\n".join(_strings(json.loads(text)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        lines = [item for item in value if isinstance(item, str)]
        if lines:
            yield "".join(lines)  # a cell's source may be a list of lines
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
