"""What a lab imports: corpora, players, plots, measures, parts, and a few helpers.

Nothing heavy is loaded by `import labkit` or by `from labkit import plot`: matplotlib comes with the
first drawing, IPython only inside a notebook, torch never.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit import corpora, measure, parts, plot
    from labkit.notebook import progress, table
    from labkit.players import play, play_ab
    from labkit.timing import fast_mode, stopwatch

_HOME = {
    "play": "labkit.players",
    "play_ab": "labkit.players",
    "progress": "labkit.notebook",
    "table": "labkit.notebook",
    "fast_mode": "labkit.timing",
    "stopwatch": "labkit.timing",
}
_MODULES = ("corpora", "measure", "parts", "plot")

__all__ = [
    "corpora",
    "fast_mode",
    "measure",
    "parts",
    "play",
    "play_ab",
    "plot",
    "progress",
    "stopwatch",
    "table",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"labkit.{name}")
    else:
        raise AttributeError(f"module 'labkit' has no attribute {name!r}; it has {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
