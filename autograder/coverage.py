"""Which bullet of the roadmap is taught where: `docs/coverage.md` and the README's map of labs.

`docs/roadmap.json` holds the roadmap's topics word for word; the labs' headers say under `covers` which
bullets they teach, in which part or under which heading. `speechlab coverage` writes both pages; a test
holds them in step.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder import percent
from autograder.course import Course, Lab, load_course
from autograder.errors import CourseError
from autograder.files import write_atomic

ROADMAP = Path("docs/roadmap.json")
PAGE = Path("docs/coverage.md")
README = Path("README.md")
BEGIN, END = "<!-- labs: written by speechlab coverage -->", "<!-- end of labs -->"
PASSAGE = "passage:"


@dataclass(frozen=True)
class Bullet:
    """One line of the roadmap, with the lines that stand under it."""

    text: str
    under: tuple[Bullet, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Bullet]]:
        """This bullet and all under it, with their depths, in the roadmap's order."""
        yield depth, self
        for bullet in self.under:
            yield from bullet.walk(depth + 1)


@dataclass(frozen=True)
class Topic:
    """A topic, or a section without a topic's number, such as "1.1 Mathematics".

    Attributes:
        number: 1 to 33; 0 for a section.
        name: as the roadmap writes it, number included.
        group: heading of the phase that it belongs to.
    """

    number: int
    name: str
    group: str
    bullets: tuple[Bullet, ...]

    def walk(self) -> Iterator[tuple[int, Bullet]]:
        for bullet in self.bullets:
            yield from bullet.walk()


@dataclass(frozen=True)
class Place:
    """Where a bullet is taught: a part of a lab, or a passage of its page."""

    lab: Lab
    target: str

    def markdown(self) -> str:
        link = f"[{self.lab.name}](../phases/{self.lab.phase}/{self.lab.name}.ipynb)"
        if self.target.startswith(PASSAGE):
            return f"{link}, passage “{self.target.removeprefix(PASSAGE).strip()}”"
        return f"{link}, `{self.target}`"


class Coverage:
    """The roadmap beside a course's labs."""

    def __init__(self, course: Course, topics: tuple[Topic, ...]) -> None:
        self.course = course
        self.topics = topics

    @cached_property
    def places(self) -> dict[str, list[Place]]:
        """Text of a bullet → where it is taught; several labs may share one."""
        found: dict[str, list[Place]] = {}
        for lab in self.course.labs:
            for text, target in lab.covers.items():
                found.setdefault(text, []).append(Place(lab, target))
        return found

    def covered(self, bullet: Bullet) -> bool:
        """Whether a bullet is taught: itself, or everything under it."""
        below = bool(bullet.under) and all(self.covered(lower) for lower in bullet.under)
        return bullet.text in self.places or below

    def labs_on(self, topic: Topic) -> list[Lab]:
        """Labs that are about a topic or cover a bullet of it."""
        texts = {bullet.text for _, bullet in topic.walk()}
        return [
            lab
            for lab in self.course.labs
            if (topic.number and lab.topic == topic.number) or texts & lab.covers.keys()
        ]

    def missing(self, topic: Topic) -> list[str]:
        """Bullets of a topic that no lab teaches."""
        return [bullet.text for _, bullet in topic.walk() if not self.covered(bullet)]

    def problems(self) -> list[str]:
        """What the labs' `covers` name and is not there, one sentence each."""
        known = {bullet.text for topic in self.topics for _, bullet in topic.walk()}
        found = []
        for lab in self.course.labs:
            titles = headings(lab)
            names = {part.name for part in lab.parts}
            for text, target in lab.covers.items():
                if text not in known:
                    found.append(f"{lab.name}: covers {text!r}, which is no bullet of {ROADMAP}")
                where = f"{lab.name}: {text!r} is mapped to"
                if not isinstance(target, str):
                    found.append(f"{where} {target!r}, expected a part or a passage")
                elif target.startswith(PASSAGE):
                    title = target.removeprefix(PASSAGE).strip()
                    if titles is not None and title not in titles:
                        found.append(f"{where} the heading {title!r}, which its page lacks")
                elif target not in names:
                    found.append(f"{where} {target!r}, which is no part of the lab")
        return found


def headings(lab: Lab) -> set[str] | None:
    """Headings of a lab's page; None where the page's source is not shipped."""
    if lab.folder is None:
        return None
    _, cells = percent.read(lab.source)
    lines = [line for cell in cells if cell.kind == "markdown" for line in cell.source.split("\n")]
    return {line.lstrip("#").strip() for line in lines if re.match(r"#{1,6} ", line)}


def read_roadmap(path: Path) -> tuple[Topic, ...]:
    """The roadmap's topics in order, then its sections without a number.

    Raises:
        CourseError: if the file is missing or not as expected.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        topics = [
            Topic(
                topic["number"],
                f"{topic['number']}. {topic['title']}",
                f"Phase {phase['number']}: {phase['title']}",
                _bullets(topic["bullets"]),
            )
            for phase in found["phases"]
            for topic in phase["topics"]
        ]
        for section in found["sections"]:
            name = f"{section['number']} {section['title']}"
            topics.append(Topic(0, name, "Beyond the topics", _bullets(section["bullets"])))
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{path}: is not the roadmap as data ({error!r})") from error
    return tuple(topics)


def _bullets(entries: list[Any]) -> tuple[Bullet, ...]:
    return tuple(
        Bullet(entry) if isinstance(entry, str) else Bullet(entry["text"], _bullets(entry["bullets"]))
        for entry in entries
    )


def read_coverage(course: Course) -> Coverage:
    """The course's coverage.

    Raises:
        CourseError: if `docs/roadmap.json` cannot be read.
    """
    return Coverage(course, read_roadmap(course.root / ROADMAP))


def coverage_page(course: Course) -> str:
    """The text of `docs/coverage.md`.

    Raises:
        CourseError: if a lab covers a bullet, a part or a heading that does not exist.
    """
    coverage = read_coverage(course)
    if problems := coverage.problems():
        raise CourseError("\n".join(problems))
    return _page(coverage)


def _page(coverage: Coverage) -> str:
    topics = [topic for topic in coverage.topics if topic.number]
    complete = [topic for topic in topics if not coverage.missing(topic)]
    lines = [
        "# Coverage of the roadmap",
        "",
        "Every topic of the roadmap with every one of its bullets, and where the course teaches it: a part",
        "that is graded, or a passage of the page. `speechlab coverage` writes this file from what the labs'",
        "headers say under `covers`.",
        "",
        f"{len(complete)} of {len(topics)} topics are complete. “no lab yet”: not taught yet.",
        "",
        "| topic | labs | bullets taught |",
        "|---|---|---|",
    ]
    for topic in topics:
        count = sum(1 for _ in topic.walk())
        names = ", ".join(f"`{lab.name}`" for lab in coverage.labs_on(topic)) or "no lab yet"
        lines.append(f"| {topic.name} | {names} | {count - len(coverage.missing(topic))} of {count} |")
    group = ""
    for topic in coverage.topics:
        if topic.group != group:
            group = topic.group
            lines += ["", f"## {group}"]
            if not topic.number:
                lines += ["", "What the roadmap lists outside its numbered topics."]
        lines += ["", f"### {topic.name}", ""]
        lines += [_line(coverage, depth, bullet) for depth, bullet in topic.walk()]
    return "\n".join(lines) + "\n"


def _line(coverage: Coverage, depth: int, bullet: Bullet) -> str:
    places = coverage.places.get(bullet.text, [])
    if places:
        where = "; ".join(place.markdown() for place in places)
    elif coverage.covered(bullet):
        where = "all of the following"
    elif bullet.under and any(coverage.covered(lower) for lower in bullet.under):
        where = "in part"
    else:
        where = "no lab yet"
    # a leading "1. " would start a numbered list inside the bullet
    text = re.sub(r"^(\d+)\. ", r"\1\\. ", bullet.text)
    return f"{'  ' * depth}- {text} → {where}"


def labs_table(course: Course) -> str:
    """The README's map of labs, as Markdown."""
    lines = [
        "| lab | what you build | parts | points | time | difficulty |",
        "|---|---|---|---|---|---|",
    ]
    for lab in course.labs:
        hours = f"{lab.minutes / 60:.1f}".removesuffix(".0")
        dots = "●" * lab.difficulty + "○" * (5 - lab.difficulty)
        names = ", ".join(f"`{part.name}`" for part in lab.parts)
        lines.append(
            f"| [{lab.name}](phases/{lab.phase}/{lab.name}.ipynb) | **{lab.title}**: {names} "
            f"| {len(lab.parts)} | {lab.points:g} | {hours} h | {dots} |"
        )
    return "\n".join(lines)


def with_labs(readme: str, course: Course) -> str:
    """A README whose map of labs is the course's.

    Raises:
        CourseError: if it has no place for one.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise CourseError(f"README.md lacks the lines {BEGIN!r} and {END!r} around the map of labs")
    return f"{before}{BEGIN}\n{labs_table(course)}\n{END}{after}"


def pages(course: Course) -> dict[Path, str]:
    """Generated pages: path → text as it should be."""
    readme = (course.root / README).read_text(encoding="utf-8")
    return {course.root / PAGE: coverage_page(course), course.root / README: with_labs(readme, course)}


def write_coverage(course: Course) -> Path:
    """Bring the generated pages up to date; returns the path of `docs/coverage.md`.

    Raises:
        CourseError: as `coverage_page` and `with_labs`.
    """
    for path, text in pages(course).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_atomic(path, text)
    return course.root / PAGE


def main() -> int:
    try:
        print(f"wrote {write_coverage(load_course())} and the map of labs in {README}")
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
