"""The page of `make demo`: marks, feedback, and what the capstone does, in one HTML file.

It works from `file://` without the internet, in light and dark. Feedback keeps its pictures and players
inside; the capstone's lie beside the page and are linked by relative paths. `make serve` serves the page, and
its controls then speak and listen.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import demo_course
from demo_course import MISTAKEN, STUDENTS, UNTOUCHED, WORKED, Mark, Planted

from autograder.course import Course, Lab
from capstone import live_page, markup
from capstone.markup import beside_target, figure, link, parts_list, player, table, text, verdict

STYLE = Path(__file__).with_name("demo_page.css")
CAPSTONE_FOLDER = "capstone"  # beside the page
CLASSICAL_FOLDER = "capstone/classical"  # where `speechlab capstone serve` looks for models
ABOUT = {
    UNTOUCHED: "the notebooks as a learner gets them, with nothing filled in",
    WORKED: "every part filled in with the reference",
    MISTAKEN: "the worked one with three named mistakes put in",
}


@dataclass(frozen=True)
class Story:
    """What the grading gave, verified."""

    course: Course
    assignments: tuple[str, ...]
    planted: list[Planted]
    marks: list[Mark]

    @property
    def labs(self) -> list[Lab]:
        return [lab for lab in self.course.labs if lab.phase in self.assignments]

    def total(self, student: str, lab: str | None = None) -> tuple[float, float]:
        """(score, maximum) of a student, in one lab or in all."""
        own = [m for m in self.marks if m.student == student and lab in (None, m.lab)]
        return sum(m.score for m in own), sum(m.max_score for m in own)


def marks_section(story: Story, folder: Path) -> str:
    """The table of marks with links to nbgrader's feedback pages, and what was verified."""
    rows = []
    for student in STUDENTS:
        cells = [f"{text(student)}"]
        for lab in story.labs:
            score, maximum = story.total(student, lab.name)
            page = demo_course.feedback_page(story.course.root, student, lab)
            cells.append(f"{link(folder, page, f'{score:g} of {maximum:g}')}")
        score, maximum = story.total(student)
        rows.append([*cells, f"{score:g} of {maximum:g}", f"<strong>{score / maximum:.0%}</strong>"])
    head = ["submission", *(text(lab.title) for lab in story.labs), "together", "share"]
    about = "".join(
        f"<li><strong>{text(student)}</strong>: {text(ABOUT[student])}</li>" for student in STUDENTS
    )
    lost = ", ".join(
        f"{text(p.part)} ({story.course.lab(p.lab).part(p.part).points:g})" for p in story.planted
    )
    claims = [
        "The untouched submission has 0 % and the worked one 100 %, in every single part.",
        f"The third submission lost the points of exactly these parts, and no others: {lost}.",
        "The table that <code>nbgrader export</code> wrote agrees with the gradebook.",
        "nbgrader's feedback pages name each mistake to the third student, and none to the worked one.",
    ]
    return f"""
<h2 id="marks">Three submissions, marked by nbgrader</h2>
<p>Three students handed in the labs of phase 0 and phase 1. nbgrader's own commands graded them;
speechlab ran the hidden checks. Each mark leads to the feedback page that nbgrader wrote for the student.</p>
<ul>{about}</ul>
{table(head, rows, "Marks of the three submissions", range(1, len(head)))}
<p>Verified while this page was made:</p>
<ul class="claims">{"".join(f"<li>{claim}</li>" for claim in claims)}</ul>
"""


def mistakes_section(story: Story, folder: Path) -> str:
    """Each planted mistake: the learner's code, and the feedback as nbgrader shows it."""
    pieces = []
    for number, mistake in enumerate(story.planted, 1):
        lab = story.course.lab(mistake.lab)
        feedback = demo_course.part_feedback(story.course.root, MISTAKEN, lab)[mistake.part]
        page = demo_course.feedback_page(story.course.root, MISTAKEN, lab)
        pieces.append(f"""
<section aria-labelledby="mistake{number}">
<h3 id="mistake{number}">{number}. <code>{text(mistake.part)}</code> in {text(lab.title)}</h3>
<details><summary>The learner's code</summary><pre><code>{text(mistake.code)}</code></pre></details>
<div class="feedback">{feedback}</div>
<p>{link(folder, page, f"The whole feedback page of {lab.name}")}</p>
</section>""")
    return f"""
<h2 id="feedback">Three mistakes, each told by its name</h2>
<p>This is the feedback that the third student reads in nbgrader's pages, and in the notebook where
<code>check({text(story.planted[0].part)})</code> runs. It says what went wrong and where to look. It does not
show what the answer would have been.</p>
{"".join(pieces)}
"""


def share(result: dict[str, Any]) -> str:
    return f"{result['right']} of {result['total']} right, {result['accuracy']:.1%}"


def clip_item(clip: dict[str, Any], folder: str) -> str:
    said, answered = text(clip["said"]), text(clip["answered"])
    sound = player(f"{folder}/{clip['wav']}", f"{clip['said']}, said by {clip['speaker']}")
    judged = verdict(clip["right"], "right" if clip["right"] else "wrong")
    plot = figure(
        folder, clip["plot"], f"State path through the features of {clip['said']}: one state after another"
    )
    return (
        f"<li><p><strong>{said}</strong>, said by {text(clip['speaker'])}<br>"
        f"recognised as <strong>{answered}</strong> {judged}</p>"
        f"{sound}"
        f"<details><summary>Which state, when</summary>{plot}</details></li>"
    )


def accuracy_section(capstone: dict[str, Any], folder: str) -> str:
    """How good it is on unheard clips and on unheard speakers."""
    official, voices, plots = capstone["official"], capstone["new_voices"], capstone["plots"]
    targets = capstone["targets"] or {"official": None, "new_voices": None}
    low, high = official["interval"]
    who = (
        "Training heard other clips of the same people."
        if capstone["real"]
        else "Training heard other voices."
    )
    axes = "rows are what was said, columns what was answered"
    rows = [
        [text(name), str(result["right"]), str(result["total"]), f"{result['accuracy']:.1%}"]
        for name, result in voices["speakers"].items()
    ]
    left_out = table(
        ["left-out speaker", "right", "of", "share"], rows, "Accuracy on each left-out speaker", [1, 2, 3]
    )
    confusion = figure(folder, plots["confusion"], f"Confusion matrix, {share(official)}: {axes}")
    confusion_left_out = figure(
        folder, plots["confusion_new_voices"], f"Confusion matrix of all left-out speakers: {axes}"
    )
    return f"""
<h3>Clips that it had not heard</h3>
<p>{share(official)} (95 % interval {low:.1%} to {high:.1%}). {who}
{beside_target(official["accuracy"], targets["official"])}</p>
{confusion}
<h3>Speakers whom it had not heard</h3>
<p>{len(rows)} speakers were left out of training, one at a time, and then recognised:
{voices["mean"]:.1%} right on average.
{beside_target(voices["mean"], targets["new_voices"])}</p>
{left_out}
{confusion_left_out}
"""


def capstone_section(capstone: dict[str, Any], folder: str) -> str:
    """What the recogniser is made of, how good it is, and its answers to hear.

    Args:
        capstone: what `capstone.commands.demo` returned.
        folder: of its plots and clips, as seen from the page.
    """
    names = ", ".join(text(name) for name in capstone["speakers"])
    clips = "".join(clip_item(clip, folder) for clip in capstone["clips"])
    fast = "<p>This was the fast mode: a part of the data, so the figures are lower.</p>"
    training = figure(
        folder,
        capstone["plots"]["training"],
        "Log-likelihood per frame of one word's models over the rounds of Baum-Welch",
        "Each round of Baum-Welch must raise the log-likelihood. It is the oldest test of the algorithm.",
    )
    return f"""
<h2 id="capstone">The parts at work: a recogniser of spoken digits</h2>
<p><strong>Data: {text(capstone["corpus"])}, {text(capstone["kind"])}.</strong>
{capstone["clips_in_corpus"]} clips of {len(capstone["speakers"])} speakers ({names}).
Licence: {text(capstone["licence"])}.</p>
{fast if capstone["fast"] else ""}
<p>The recogniser turns a clip into MFCCs, scores it with hidden Markov models of each word, and answers with
the word that fits best. The models were trained by Baum-Welch in {capstone["seconds"]["training"]:.0f} s.
Every step is a part of a lab. “Yours” is the worked submission here, and your notebooks on your machine.</p>
{parts_list(capstone["parts"])}
{accuracy_section(capstone, folder)}
<h3>How it learnt</h3>
{training}
<h3>Listen</h3>
<p>One clip of each word from the test split, all brought to one level.</p>
<ul class="clips">{clips}</ul>
"""


def commands_section(commands: Sequence[str]) -> str:
    shown = "\n".join(text(command) for command in commands)
    return f"""
<h2 id="commands">The commands</h2>
<p>What ran in <code>demo/course</code>, a course with a gradebook of its own. In your copy of speechlab
the same commands work on your students' submissions. <code>demo/course/log.txt</code> holds their
output.</p>
<pre><code>{shown}</code></pre>
"""


def serve_command(folder: Path) -> str:
    """What makes the page's controls work."""
    usual = folder == STYLE.parent.parent / "demo"
    return "make serve" if usual else f"speechlab capstone serve --folder {folder}"


def render(
    story: Story,
    commands: Sequence[str],
    capstone: dict[str, Any],
    classical: dict[str, Any],
    folder: Path,
    seconds: float,
) -> str:
    """The page.

    Args:
        commands: that made the marks.
        capstone: what `capstone.commands.demo` returned.
        classical: what `capstone.classical.demo` returned; its files lie in CLASSICAL_FOLDER.
        folder: where the page will lie.
        seconds: that all stages took when they last ran.
    """
    official, voices, noisy = capstone["official"], capstone["new_voices"], classical["noisy"]
    facts = [
        ("100 %", "for the worked submission, 0 % for the untouched one"),
        (f"{len(story.planted)} of {len(story.planted)}", "planted mistakes named in the feedback"),
        (
            f"{official['accuracy']:.1%}",
            f"of {official['total']} unheard clips recognised ({capstone['kind']})",
        ),
        (f"{voices['mean']:.1%}", f"on speakers left out of training ({capstone['kind']})"),
        (f"{noisy['rate']:.1%}", f"of {noisy['words']} connected words in noise wrong ({classical['kind']})"),
    ]
    live = live_page.live_section(serve_command(folder))
    cards = "".join(f"<li><strong>{text(big)}</strong>{text(small)}</li>" for big, small in facts)
    made = time.strftime("%Y-%m-%d %H:%M")
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>speechlab: the demo</title>
<link rel="icon" href="data:,">
<style>
{markup.STYLE.read_text(encoding="utf-8")}{STYLE.read_text(encoding="utf-8")}{live_page.style()}</style>
</head>
<body>
<main>
<h1>speechlab: the demo</h1>
<p class="lead">Notebooks were built and handed in, nbgrader marked them, and the parts of the worked
submission became recognisers, of single digits and of strings of them in noise, and three voices.</p>
<ul class="facts">{cards}</ul>
{marks_section(story, folder)}
{mistakes_section(story, folder)}
{capstone_section(capstone, CAPSTONE_FOLDER)}
{live_page.classical_section(classical, folder, CLASSICAL_FOLDER, live)}
{commands_section(commands)}
</main>
<footer>Made {text(made)} by <code>make demo</code>; its stages took {seconds:.0f} s on this machine
({text(machine)}).</footer>
{live_page.script()}
</body>
</html>
"""
