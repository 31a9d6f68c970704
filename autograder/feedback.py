"""Results as text and as HTML.

Whatever comes from a learner's code is text here, never markup: it is escaped in HTML and freed of
control characters in a terminal.
"""

from __future__ import annotations

import base64
import html
import io
import unicodedata
import wave

import numpy as np

from autograder.diagnosis import Diagnosis
from autograder.grading import LabResult, PartResult

MAX_MESSAGE = 600
SHOWN_CHECKS = 6


def clean(text: str) -> str:
    """Text without control characters (colours, cursor moves, direction marks), shortened."""
    text = text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + " …"
    return "".join(c for c in text if c == "\n" or unicodedata.category(c)[0] != "C")


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
    if result.diagnosis is None:
        return f"✓ {result.part}: {_praise(result)}"
    diagnosis = result.diagnosis
    lines = [f"✗ {result.part}: {marks(result)}", f"  {clean(diagnosis.sentence)}"]
    lines += [f"    line {line}: {clean(text)}" for line, _, text in diagnosis.trace[-3:] if text]
    if diagnosis.asked:
        lines.append("  Asked and not met:")
        lines += [f"    · {clean(title)}" for title in diagnosis.asked[:SHOWN_CHECKS]]
        if len(diagnosis.asked) > SHOWN_CHECKS:
            lines.append(f"    · and {len(diagnosis.asked) - SHOWN_CHECKS} more")
    return "\n".join(lines)


def lab_text(result: LabResult) -> str:
    lines = [f"{result.lab}: {number(result.points)} of {number(result.max_points)} points"]
    lines += [f"  {clean(remark)}" for remark in result.remarks]
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
    return (
        f"<figure style='display:inline-block;margin:4px 12px 4px 0'><figcaption>{html.escape(clean(label))}"
        f"</figcaption><audio controls preload='metadata' src='data:audio/wav;base64,{data}'></audio>"
        "</figure>"
    )


_BOX = "border-left:4px solid {colour};padding:4px 12px;margin:6px 0;font-family:system-ui,sans-serif"


def part_html(result: PartResult) -> str:
    """A part's result for a page or a notebook; readable on light and dark."""
    name, points = html.escape(result.part), html.escape(marks(result))
    if result.diagnosis is None:
        return (
            f'<div style="{_BOX.format(colour="#009E73")}"><b>✓ <code>{name}</code></b> '
            f"{html.escape(_praise(result))}</div>"
        )
    return (
        f'<div style="{_BOX.format(colour="#D55E00")}"><b>✗ <code>{name}</code></b> {points}'
        f"{_diagnosis_html(result.diagnosis)}</div>"
    )


def _diagnosis_html(diagnosis: Diagnosis) -> str:
    pieces = [f'<p style="font-size:1.05em;margin:6px 0">{html.escape(clean(diagnosis.sentence))}</p>']
    if diagnosis.trace:
        rows = "\n".join(f"line {line}: {clean(text)}" for line, _, text in diagnosis.trace[-3:] if text)
        pieces.append(f"<pre style='margin:4px 0'>{html.escape(rows)}</pre>")
    if diagnosis.asked:
        items = "".join(f"<li>{html.escape(clean(title))}</li>" for title in diagnosis.asked[:SHOWN_CHECKS])
        more = len(diagnosis.asked) - SHOWN_CHECKS
        items += f"<li>and {more} more</li>" if more > 0 else ""
        pieces.append(
            "<details open><summary>Asked and not met</summary>"
            f"<ul style='margin:4px 0'>{items}</ul></details>"
        )
    if diagnosis.picture:
        pieces.append(png_tag(diagnosis.picture, "what your code returned"))
    for label, (samples, sample_rate) in diagnosis.sounds.items():
        pieces.append(audio_tag(label, samples, sample_rate))
    return "".join(pieces)
