"""Two charts as inline SVG: they follow the page's colours, light or dark, and need no image."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

MOST_BARS = 20
WIDTH, HEIGHT = 720, 220
LEFT, BOTTOM, TOP = 40, 36, 14


def histogram(values: Sequence[float], most: float, label: str) -> Markup:
    """How many values lie where between 0 and `most`; a bar per whole number if there are few of them."""
    bars = bins(values, most)
    highest = max((count for _, _, count in bars), default=0) or 1
    step = _step(highest)
    top = step * math.ceil(highest / step)
    width = (WIDTH - LEFT) / max(len(bars), 1)
    plot = HEIGHT - BOTTOM - TOP
    pieces = []
    for tick in range(0, top + 1, step):
        y = TOP + plot * (1 - tick / top)
        pieces.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        pieces.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
    every = math.ceil(len(bars) / 11)
    for place, (low, high, count) in enumerate(bars):
        x, tall = LEFT + place * width, plot * count / top
        span = f"{low:g}" if high == low else f"{low:g} to {high:g}"
        pieces.append(
            f'<rect class="bar" x="{x + width * 0.08:.1f}" y="{TOP + plot - tall:.1f}" '
            f'width="{width * 0.84:.1f}" height="{tall:.1f}"><title>{span} points: {count}</title></rect>'
        )
        if place % every == 0 or place == len(bars) - 1:
            middle = x + width / 2
            text = f"{low:g}" if high == low else f"{low:g}–{high:g}"
            where = f'x="{middle:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle"'
            pieces.append(f'<text class="tick" {where}>{text}</text>')
    axis = f'<text class="tick" x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 3}" text-anchor="middle">points</text>'
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{Markup.escape(label)}">'
        f"{''.join(pieces)}{axis}</svg>"
    )


def bins(values: Sequence[float], most: float) -> list[tuple[float, float, int]]:
    """(lowest, highest, how many): whole numbers of points, joined to at most `MOST_BARS` bars.

    The last bar holds what is above `most` too: extra credit must not fall out of the chart.
    """
    whole = math.floor(most)
    size = max(1, math.ceil((whole + 1) / MOST_BARS))
    count = max(1, math.ceil((whole + 1) / size))
    found = [0] * count
    for value in values:
        found[min(max(int(value // size), 0), count - 1)] += 1
    # a half point lies in the bar of the whole number below it
    return [(n * size, min((n + 1) * size - 1, whole), found[n]) for n in range(count)]


def _step(highest: int) -> int:
    """Distance of the grid lines: 1, 2 or 5 times a power of ten, with at most six lines."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if highest <= 5 * factor * size:
                return factor * size
        size *= 10
