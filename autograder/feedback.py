"""Results as text and as HTML.

Whatever comes from a learner's code is text here, never markup: it is escaped in HTML, kept from
MathJax (whose formulas can hold links), and freed of control characters in a terminal.
"""

from __future__ import annotations

import base64
import html
import io
import re
import unicodedata
import wave

import numpy as np

from autograder.diagnosis import Diagnosis
from autograder.grading import LabResult, PartResult

MAX_MESSAGE = 600
MAX_DETAIL = 20_000
MAX_MARKS = 2  # accents on one letter
SHOWN_CHECKS = 6
SHOWN_FLAGS = 5

# what a terminal obeys: colours and cursor moves, window titles and links
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
# letters by their class that are drawn as nothing
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# pages of nbgrader and Jupyter hand everything to MathJax but what is in such an element
_NO_MATH = "tex2jax_ignore mathjax_ignore"


def clean(text: str, most: int = MAX_MESSAGE) -> str:
    """Text that shows what it is: no colours, cursor moves, direction marks, invisible letters, towers of
    accents; shortened."""
    text = _ESCAPES.sub("", text[: 4 * most]).replace("\t", "    ")
    kept: list[str] = []
    marks = 0
    for letter in text:
        kind = unicodedata.category(letter)
        if kind in ("Zl", "Zp"):  # a line of its own for some programs, and not for others
            letter = " "
        marks = marks + 1 if kind[0] == "M" else 0
        if letter == "\n" or (kind[0] != "C" and letter not in _BLANK and marks <= MAX_MARKS):
            kept.append(letter)
    shown = "".join(kept)
    return shown if len(shown) <= most else shown[:most] + " …"


def one_line(text: str) -> str:
    """The same without line breaks: what stands below a result must be the program's own words."""
    return " ".join(clean(text).split("\n"))


def number(points: float) -> str:
    return f"{points:g}"


def marks(result: PartResult) -> str:
    unit = "point" if result.max_points == 1 else "points"
    return f"{number(result.points)}/{number(result.max_points)} {unit}"


def _praise(result: PartResult) -> str:
    count = f"{len(result.checks)} check{'s' if len(result.checks) != 1 else ''} passed"
    return f"{count}. {result.note}" if result.note else f"{marks(result)}, {count}"


def part_text(result: PartResult) -> str:
    """A part's result for a terminal: one line if it passed, else the mistake and what was asked."""
    flags = [f"  note: {one_line(flag)}" for flag in result.flags[:SHOWN_FLAGS]]
    if result.diagnosis is None:
        return "\n".join([f"✓ {result.part}: {_praise(result)}", *flags])
    diagnosis = result.diagnosis
    lines = [f"✗ {result.part}: {marks(result)}", f"  {_indented(diagnosis.sentence)}", *flags]
    lines += [f"    line {line}: {one_line(text)}" for line, _, text in diagnosis.trace[-3:] if text]
    if diagnosis.asked:
        lines.append("  Asked and not met:")
        lines += [f"    · {one_line(title)}" for title in diagnosis.asked[:SHOWN_CHECKS]]
        if len(diagnosis.asked) > SHOWN_CHECKS:
            lines.append(f"    · and {len(diagnosis.asked) - SHOWN_CHECKS} more")
    return "\n".join(lines)


def _indented(text: str) -> str:
    return clean(text).replace("\n", "\n    ")


def lab_text(result: LabResult) -> str:
    lines = [f"{result.lab}: {number(result.points)} of {number(result.max_points)} points"]
    lines += [f"  {one_line(remark)}" for remark in result.remarks]
    lines += [part_text(part) for part in result.parts]
    return "\n".join(lines)


def png_tag(picture: bytes, alt: str) -> str:
    data = base64.b64encode(picture).decode()
    alt = html.escape(alt, quote=True)
    # plots are drawn at twice the density that they are shown at; the PNG's head holds its width
    size = f'width="{int.from_bytes(picture[16:20], "big") // 2}" style="max-width:100%;height:auto"'
    return f'<img alt="{alt}" {size} src="data:image/png;base64,{data}">'


def wav_bytes(samples: np.ndarray, sample_rate: int) -> bytes:
    """16-bit WAV; louder than full scale is scaled down, quieter stays as it is."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    pcm = (samples / max(peak, 1.0) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(sample_rate))
        file.writeframes(pcm.tobytes())
    return buffer.getvalue()


def audio_tag(label: str, samples: np.ndarray, sample_rate: int) -> str:
    data = base64.b64encode(wav_bytes(samples, sample_rate)).decode()
    style = "display:inline-block;margin:4px 12px 4px 0"
    return (
        f'<figure class="{_NO_MATH}" style="{style}"><figcaption>{html.escape(one_line(label))}</figcaption>'
        f'<audio controls preload="metadata" src="data:audio/wav;base64,{data}"></audio></figure>'
    )


_BOX = (
    "border-left:4px solid {colour};padding:4px 12px;margin:6px 0;font-family:system-ui,sans-serif;"
    "overflow-wrap:anywhere"
)
_PRE = "margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere"


def _box(colour: str, content: str) -> str:
    return f'<div class="{_NO_MATH}" style="{_BOX.format(colour=colour)}">{content}</div>'


def part_html(result: PartResult) -> str:
    """A part's result for a page or a notebook; readable on light and dark."""
    name, points = html.escape(result.part), html.escape(marks(result))
    flags = "".join(
        f'<p style="margin:4px 0">Note: {html.escape(one_line(flag))}</p>'
        for flag in result.flags[:SHOWN_FLAGS]
    )
    if result.diagnosis is None:
        return _box("#009E73", f"<b>✓ <code>{name}</code></b> {html.escape(_praise(result))}{flags}")
    content = f"<b>✗ <code>{name}</code></b> {points}{flags}{_diagnosis_html(result.diagnosis)}"
    return _box("#D55E00", content)


def part_detail_html(result: PartResult) -> str:
    """What only the instructor may read of a part; empty if there is nothing.

    It holds texts that the learner's code has made of hidden inputs. Never put it on a student's page.
    """
    flags = "".join(f"<li>{html.escape(one_line(flag))}</li>" for flag in result.flags)
    pieces = [f"<p><b>For you to judge:</b></p><ul>{flags}</ul>"] if flags else []
    if result.fault:
        pieces.append(f"<p>What ended the worker: {html.escape(one_line(result.fault))}</p>")
    if result.detail:
        pieces.append(f'<pre style="{_PRE}">{html.escape(clean(result.detail, MAX_DETAIL))}</pre>')
    if not pieces:
        return ""
    name = html.escape(result.part)
    return (
        f'<details class="{_NO_MATH}" style="overflow-wrap:anywhere">'
        f"<summary>For the instructor: <code>{name}</code></summary>{''.join(pieces)}</details>"
    )


def _diagnosis_html(diagnosis: Diagnosis) -> str:
    sentence = html.escape(clean(diagnosis.sentence))
    pieces = [f'<p style="font-size:1.05em;margin:6px 0">{sentence}</p>']
    rows = "\n".join(f"line {line}: {one_line(text)}" for line, _, text in diagnosis.trace[-3:] if text)
    if rows:
        pieces.append(f'<pre style="{_PRE}">{html.escape(rows)}</pre>')
    if diagnosis.asked:
        items = "".join(
            f"<li>{html.escape(one_line(title))}</li>" for title in diagnosis.asked[:SHOWN_CHECKS]
        )
        more = len(diagnosis.asked) - SHOWN_CHECKS
        items += f"<li>and {more} more</li>" if more > 0 else ""
        pieces.append(
            "<details open><summary>Asked and not met</summary>"
            f'<ul style="margin:4px 0">{items}</ul></details>'
        )
    if diagnosis.picture:
        pieces.append(png_tag(diagnosis.picture, "what your code returned"))
    for label, (samples, sample_rate) in diagnosis.sounds.items():
        pieces.append(audio_tag(label, samples, sample_rate))
    return "".join(pieces)
