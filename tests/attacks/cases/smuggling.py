# ruff: noqa: E501  (attacks are texts; a row of a table is one line)
"""Bringing something along that acts on the trusted side, in a terminal or in a page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.attacks.case import HONEST_RMS, Case, rms_that

KIND = "smuggling"
FULL = {"rms": 2, "power_to_db": 3}
SCRIPT = "<script>alert('attack')</script><img src=x onerror=alert(1)>"
MARKUP = ("<script", "<img src=x", "onerror=alert(1)>", "\x1b", "\x07", "\u202e", "\u200b")


def case(name: str, does: str, cells: dict[str, str], told: str, **options) -> Case:
    options.setdefault("harmless", True)
    return Case(name, KIND, does, cells, told=told, **options)


PICKLED = """
import os

class Payload:
    def __reduce__(self):
        return os.system, ("touch @COURSE@/attack-pickle @HOME@/attack-pickle",)
"""


def link_to(target: str):
    def place(path: Path, data: bytes) -> None:
        path.symlink_to(path.parents[3] / target)

    return place


def link_to_honest_copy(path: Path, data: bytes) -> None:
    real = path.with_name("real.txt")
    real.write_bytes(data)
    path.symlink_to(real)


def fifo(path: Path, data: bytes) -> None:
    os.mkfifo(path)


def device(path: Path, data: bytes) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path, data: bytes) -> None:
    path.mkdir()
    (path / "inside.txt").write_bytes(data)


def lab_name(text: str):
    def edit(page: Any) -> None:
        page["metadata"]["speechlab"] = {"lab": text}

    return edit


CASES = [
    case(
        "pickle",
        "returns an object that runs a command when it is unpickled",
        rms_that("return Payload()", PICKLED),
        r"expected|another number|checks failed",
    ),
    case(
        "pickle_in_an_array",
        "returns an object array that holds such an object, and its pickle as bytes",
        rms_that(
            "import pickle\nreturn [np.array([Payload()], dtype=object), pickle.dumps(Payload())]", PICKLED
        ),
        r"dtype object|expected",
    ),
    case(
        "pickle_in_an_exception",
        "raises an exception that runs a command when it is unpickled",
        rms_that("raise Bad(Payload())", PICKLED + "\nclass Bad(Exception, Payload):\n    pass\n"),
        r"Bad|Exception",
    ),
    case(
        "yaml_and_eval",
        "returns text that would run if it were evaluated",
        rms_that("return \"__import__('os').system('touch @COURSE@/attack-eval') or 2.5\""),
        r"text|checks failed",
    ),
    case(
        "html_in_a_message",
        "raises an exception whose message is a script",
        rms_that(f"raise ValueError({SCRIPT!r}) if samples.size else KeyError({SCRIPT!r})"),
        r"ValueError",
        never=MARKUP,
    ),
    case(
        "html_in_a_type_name",
        "raises an exception whose type is named like a script",
        rms_that(f"raise type({SCRIPT!r}, (Exception,), {{}})({SCRIPT!r})"),
        r"raised (an exception of its own|Exception)",
        never=MARKUP,
    ),
    case(
        "html_in_a_line",
        "raises in a line of code that is a script",
        rms_that(f"raise ValueError  # {SCRIPT}"),
        r"ValueError",
        never=MARKUP,
    ),
    case(
        "html_in_a_key",
        "returns a dict whose keys are scripts",
        rms_that(f"return {{{SCRIPT!r}: 1, '</pre></div>': 2}}"),
        r"a dict|checks failed",
        never=MARKUP,
    ),
    case(
        "markdown",
        "raises a message of Markdown, LaTeX and a link that runs a script",
        rms_that(
            "raise ValueError('[click](javascript:alert(1)) ![x](http://127.0.0.1:@PORT@/x.png) $\\\\href{x}{y}$')"
            " if samples.size else KeyError"
        ),
        r"ValueError",
        never=('href="javascript', "<a href='javascript", '<img src="http'),
    ),
    case(
        "terminal_escapes",
        "raises a message that would move the cursor, write the clipboard and change the title",
        rms_that(
            "raise ValueError('\\x1b[2J\\x1b]52;c;YXR0YWNr\\x07\\x1b]0;full marks\\x07\\r\\x9b31mrms: 2/2 points')"
            " if samples.size else KeyError"
        ),
        r"ValueError",
        never=("\x1b", "\x07", "\x9b", "\r"),
    ),
    case(
        "direction_marks",
        "raises a message that turns the direction of writing round",
        rms_that("raise ValueError('\\u202e\\u2066stniop 2/2\\u200b\\ufeff') if samples.size else KeyError"),
        r"ValueError",
        never=("\u202e", "\u2066", "\u200b", "\ufeff"),
    ),
    case(
        "half_a_character",
        "raises a message, returns text and names a function with half a character in it",
        rms_that("raise ValueError('\\ud800 half') if samples.size else KeyError('\\udfff')"),
        r"ValueError|ended|UnicodeEncodeError|surrogates",
    ),
    Case(
        "half_a_character_in_a_cell",
        KIND,
        "has half a character in its cell, which no encoding can write, and honest answers",
        {"rms": HONEST_RMS + "\nX = '\ud800'\n"},
        told=r"all checks passed",
        due=FULL,
        harmless=True,
    ),
    Case(
        "half_a_character_in_an_own_cell",
        KIND,
        "has half a character in a cell of its own, and honest answers",
        before=("NOTE = '\ud800'",),
        told=r"all checks passed",
        due=FULL,
        harmless=True,
    ),
    case(
        "zero_bytes",
        "has bytes of zero in its cell, and honest answers",
        {"rms": HONEST_RMS + "\nX = '\x00'\n"},
        r"all checks passed",
        due=FULL,
    ),
    Case(
        "html_as_the_lab",
        KIND,
        "says in its metadata that it belongs to a lab that is named like a script; honest answers",
        edit=lab_name(SCRIPT + "\x1b[31m"),
        due=FULL,
        told=r"all checks passed",
        never=MARKUP,
        harmless=True,
    ),
    Case(
        "path_as_the_lab",
        KIND,
        "says in its metadata that its lab is a path; honest answers",
        edit=lab_name("../../../../etc/passwd"),
        due=FULL,
        told=r"all checks passed",
        harmless=True,
    ),
    Case(
        "html_in_its_file_name",
        KIND,
        "lies in a file that is named like a script, with a line break and colours",
        rms_that("return 0.0"),
        place=lambda path, data: path.with_name("<img src=x onerror=alert(1)>\n\x1b[31m.ipynb").write_bytes(
            data
        ),
        told=r"another number|checks failed",
        never=MARKUP,
        harmless=True,
    ),
    Case(
        "symbolic_link_to_the_reference",
        KIND,
        "is a symbolic link to the hidden checks",
        place=link_to("solutions/phase0_signal_processing/t00_decibels/checks.py"),
        due=None,
        told=r"is a link to another file",
        never=("Hidden checks of",),
        harmless=True,
    ),
    Case(
        "symbolic_link_to_another",
        KIND,
        "is a symbolic link to another student's honest notebook",
        place=link_to_honest_copy,
        due=None,
        told=r"is a link to another file",
        harmless=True,
    ),
    Case(
        "named_pipe",
        KIND,
        "is a named pipe, which never ends when it is read",
        place=fifo,
        due=None,
        told=r"is no plain file",
    ),
    Case(
        "device",
        KIND,
        "is a link to a device that gives zeros for ever",
        place=device,
        due=None,
        told=r"is a link to another file",
    ),
    Case(
        "folder",
        KIND,
        "is a folder that is named like a notebook",
        place=folder,
        due=None,
        told=r"Is a directory|is no plain file",
        harmless=True,
    ),
    case(
        "escapes_in_output",
        "answers rightly and prints escapes, scripts and forged marks",
        {
            "rms": "import sys\n\nprint('\\x1b[2J', file=sys.stderr)\n"
            + HONEST_RMS
            + f"\nprint({SCRIPT!r}, 'rms: 1000/2 points')\n"
        },
        r"all checks passed",
        due=FULL,
        never=("1000/2", "<script"),
    ),
]
