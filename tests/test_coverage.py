"""docs/coverage.md and the README's map of labs are what the labs and the roadmap give."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from autograder.course import Course, load_course
from autograder.coverage import (
    ROADMAP,
    Bullet,
    Coverage,
    Topic,
    coverage_page,
    pages,
    read_coverage,
    read_roadmap,
    with_labs,
    write_coverage,
)
from autograder.errors import CourseError

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


@pytest.fixture(scope="module")
def coverage(course: Course) -> Coverage:
    return read_coverage(course)


def test_the_roadmap_has_33_topics_in_order() -> None:
    topics = [topic for topic in read_roadmap(ROOT / ROADMAP) if topic.number]
    assert [topic.number for topic in topics] == list(range(1, 34))
    assert all(topic.bullets for topic in topics)
    assert sum(1 for topic in topics for _ in topic.walk()) == 214


def test_no_bullet_stands_twice_so_that_its_words_identify_it() -> None:
    texts = [bullet.text for topic in read_roadmap(ROOT / ROADMAP) for _, bullet in topic.walk()]
    assert len(texts) == len(set(texts))


def test_what_the_labs_cover_exists(coverage: Coverage) -> None:
    assert coverage.problems() == []


@pytest.mark.parametrize("number", [3, 5, 11])
def test_topics_of_this_release_are_complete(coverage: Coverage, number: int) -> None:
    topic = next(topic for topic in coverage.topics if topic.number == number)
    assert coverage.missing(topic) == []


def test_a_topic_that_has_a_lab_is_complete(coverage: Coverage) -> None:
    begun = {lab.topic for lab in coverage.course.labs}
    missing = {t.name: coverage.missing(t) for t in coverage.topics if t.number in begun and t.number}
    assert {name: bullets for name, bullets in missing.items() if bullets} == {}


def test_generated_pages_are_in_step_with_the_labs(course: Course) -> None:
    for path, text in pages(course).items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path.name} is out of date: run `speechlab coverage`"
        )


def test_every_topic_and_every_bullet_is_on_the_page(course: Course, coverage: Coverage) -> None:
    page = coverage_page(course)
    for topic in coverage.topics:
        assert f"### {topic.name}\n" in page
        for _, bullet in topic.walk():
            assert f"- {bullet.text} → " in page.replace("\\.", ".")


def small(course: Course, covers: dict, *bullets: Bullet) -> Coverage:
    """Coverage of one topic by the lab on mel features with other `covers`."""
    lab = dataclasses.replace(course.lab("t03"), covers=covers)
    return Coverage(Course(course.root, (lab,)), (Topic(3, "3. Small", "Phase 0", bullets),))


def test_unknown_bullets_parts_and_headings_are_named(course: Course) -> None:
    covers = {"a": "no_such_part", "b": "passage: No such heading", "c": "preemphasis", "d": 3}
    problems = small(course, covers, Bullet("a"), Bullet("b"), Bullet("d")).problems()
    assert len(problems) == 4
    assert "'no_such_part', which is no part of the lab" in problems[0]
    assert "'No such heading', which its page lacks" in problems[1]
    assert "covers 'c', which is no bullet" in problems[2]
    assert "expected a part or a passage" in problems[3]


def test_a_bullet_counts_when_everything_under_it_is_taught(course: Course) -> None:
    tree = Bullet("all", (Bullet("one"), Bullet("two")))
    assert small(course, {"one": "frame"}, tree).missing(Topic(3, "", "", (tree,))) == ["all", "two"]
    assert small(course, {"one": "frame", "two": "delta"}, tree).missing(Topic(3, "", "", (tree,))) == []
    assert small(course, {"all": "frame"}, tree).missing(Topic(3, "", "", (tree,))) == ["one", "two"]


def test_wrong_covers_are_refused_before_anything_is_written(course: Course, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "roadmap.json").write_bytes((ROOT / ROADMAP).read_bytes())
    (tmp_path / "README.md").write_text("unchanged")
    lab = dataclasses.replace(course.labs[0], covers={"Sampling and quantization": "no_such_part"})
    with pytest.raises(CourseError, match="no_such_part"):
        write_coverage(Course(tmp_path, (lab,)))
    assert not (tmp_path / "docs" / "coverage.md").exists()
    assert (tmp_path / "README.md").read_text() == "unchanged"


def test_a_readme_without_a_place_for_the_map_is_an_error(course: Course) -> None:
    with pytest.raises(CourseError, match="lacks the lines"):
        with_labs("# speechlab\n", course)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"phases": []}', '{"phases": [{"topics": [{}]}], "sections": []}']
)
def test_a_damaged_roadmap_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roadmap.json"
    path.write_text(text)
    with pytest.raises(CourseError, match=r"roadmap\.json"):
        read_roadmap(path)


def test_a_missing_roadmap_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="cannot be read"):
        read_roadmap(tmp_path / "roadmap.json")
