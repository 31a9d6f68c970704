"""A picture and a sound of what a learner's code made, for a check that failed."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from autograder.checking.limits import TimeLimit
from autograder.checking.proxy import Call
from autograder.checking.runner import CheckResult
from autograder.course import Lab
from autograder.diagnosis import Diagnosis
from autograder.digest import digest
from autograder.loading import load_checks

MAX_SOUND_SECONDS = 10.0
MIN_SOUND_SECONDS = 0.05  # shorter is a click
MAX_PICTURE = 4 * 1024**2
MAX_DRAWN = 4_000_000  # values; more would make the page slow and show nothing new
ROOM = 16 * 1024**2  # bytes of pictures that are kept: in a class, many make the same mistake
_pictures: dict[tuple[Any, str, bytes] | None, bytes] = {}


def illustrate(lab: Lab, part: str, results: list[CheckResult], diagnosis: Diagnosis) -> list[str]:
    """Add a picture and sounds to a diagnosis.

    The picture is of the first failed check's last output that is numbers, the sounds are of the
    longest output: a check on five samples is seen, but not heard.

    Returns:
        Why there is no picture or no sound, where drawing an answer went wrong.
    """
    trouble: list[str] = []
    if diagnosis.kind not in ("mistake", "difference"):
        return trouble
    calls = [c for r in results if not r.passed for c in reversed(r.calls) if _drawable(c.output)]
    if not calls:
        return trouble
    # a student release has no checks.py: there the output is drawn as it is
    module = load_checks(lab) if lab.folder is not None else None
    with _nothing_shown():
        try:
            diagnosis.picture = _picture(_find(module, "__speechlab_picture__", part), calls[0])
        except TimeLimit:
            raise
        except Exception as error:  # numbers that no axis can hold
            trouble.append(f"there is no picture: {type(error).__name__}: {error}"[:300])
        make_sound = _find(module, "__speechlab_sound__", part)
        if make_sound is not None:
            diagnosis.sounds = _sounds(make_sound, max(calls, key=lambda call: _size(call.output)))
    return trouble


def _nothing_shown() -> AbstractContextManager[Any]:
    """In a notebook labkit's figures show themselves; here they belong into the feedback alone."""
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from IPython.utils.capture import capture_output

        if get_ipython() is not None:
            return capture_output(stdout=False, stderr=False)
    return nullcontext()


def _drawable(output: Any) -> bool:
    if isinstance(output, tuple):  # (context, weights): the lab's own drawing takes what it needs
        return any(_drawable(item) for item in output)
    return isinstance(output, np.ndarray) and output.dtype.kind in "biuf" and 1 < output.size <= MAX_DRAWN


def _size(output: Any) -> int:
    return sum(map(_size, output)) if isinstance(output, tuple) else int(np.size(output))


def _find(module: Any, attribute: str, part: str) -> Any:
    values = vars(module).values() if module is not None else ()
    return next((v for v in values if part in getattr(v, attribute, ())), None)


def _picture(draw: Any, call: Call) -> bytes | None:
    """The picture of an answer; one that was drawn before is not drawn again."""
    name = digest(call.output, call.args, call.kwargs)
    key = (draw, call.what, name) if name else None
    if key in _pictures:
        return _fitting(_pictures[key])
    picture, is_settled = _draw(draw, call)
    if key and is_settled:
        if sum(map(len, _pictures.values())) + len(picture) > ROOM:
            _pictures.clear()
        _pictures[key] = picture
    return picture


def _draw(draw: Any, call: Call) -> tuple[bytes, bool]:
    """A picture, and whether the same would be drawn again: a lack of memory depends on the moment."""
    from labkit import plot

    is_settled = True
    if draw is not None:
        try:
            return _fitting(plot.png(draw(call.output, *call.args, **call.kwargs))), True
        except TimeLimit:
            raise
        except Exception as error:
            # the lab's drawing expects the right shape; a wrong one is drawn as it is
            is_settled = not isinstance(error, MemoryError)
    first = call.output
    if isinstance(first, tuple):
        first = next(item for item in first if _drawable(item))
    output = np.asarray(first, dtype=float)
    title = f"your {call.what}: shape {output.shape}"
    if output.ndim == 1:
        lines = plot.lines({"yours": output}, x_label="position", y_label="value", title=title)
        return _fitting(plot.png(lines)), is_settled
    flat = output.reshape(-1, output.shape[-1])
    drawn = plot.matrix(flat, x_label="last axis", y_label="first axis", title=title)
    return _fitting(plot.png(drawn)), is_settled


def _fitting(picture: bytes) -> bytes:
    """The picture itself, unless the page would have to carry megabytes of it."""
    if len(picture) > MAX_PICTURE:
        raise ValueError(f"the picture has {len(picture)} bytes, expected at most {MAX_PICTURE}")
    return picture


def _sounds(make: Any, call: Call) -> dict[str, tuple[np.ndarray, int]]:
    try:
        sounds, sample_rate = make(call.output, *call.args, **call.kwargs)
        longest = int(MAX_SOUND_SECONDS * sample_rate)
        return {
            label: (np.nan_to_num(np.asarray(samples, dtype=np.float64).ravel()[:longest]), sample_rate)
            for label, samples in sounds.items()
            if np.size(samples) >= MIN_SOUND_SECONDS * sample_rate
        }
    except TimeLimit:
        raise
    except Exception:
        return {}  # an output of the wrong shape has no sound
