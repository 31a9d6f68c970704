# ruff: noqa: E501  (attacks are texts; a row of a table is one line)
"""Files that are no notebook, or not as one should be."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

from tests.attacks.case import Case

KIND = "damaged files"
FULL = {"rms": 2, "power_to_db": 3}


def text_of(page: Any) -> str:
    return json.dumps(page)


def refused(name: str, does: str, raw, told: str) -> Case:
    return Case(name, KIND, does, raw=raw, due=None, told=told, harmless=True)


def graded(name: str, does: str, raw=None, edit=None, told: str = r"all checks passed", **options) -> Case:
    options = {"due": FULL, "harmless": True, **options}
    return Case(name, KIND, does, raw=raw, edit=edit, told=told, **options)


def noise(page: Any) -> bytes:
    return random.Random(1).randbytes(20_000)


def old_format(page: Any) -> bytes:
    cells = [{**cell, "input": cell["source"]} for cell in page["cells"]]
    return json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    ).encode()


def holes(page: Any) -> bytes:
    text = text_of(page)
    return (text[: len(text) // 3] + text[len(text) // 2 :]).encode()


def other_kernel(page: Any) -> None:
    page["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    page["metadata"]["language_info"] = {"name": "R", "version": "4.0"}


def windows(page: Any) -> None:
    for cell in page["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n")


def lines(page: Any) -> None:
    for cell in page["cells"]:
        cell["source"] = cell["source"].splitlines(True)


def odd_cells(page: Any) -> None:
    page["cells"] += [None, 3, "x", [], {}, {"cell_type": "code"}, {"metadata": 3, "source": {}}]
    page["cells"] += [{"cell_type": "code", "source": [1, None, "x = 1"], "metadata": None, "outputs": 7}]


def future(page: Any) -> None:
    page["nbformat"], page["nbformat_minor"] = 4, 99
    page["metadata"]["new"] = {"unknown": [1, 2, 3]}


def no_metadata(page: Any) -> None:
    page["metadata"] = {}


def large_outputs(page: Any) -> None:
    page["cells"][0].setdefault("attachments", {})["picture.png"] = {"image/png": "A" * 20_000_000}


def other_lab(page: Any) -> None:
    page["metadata"]["speechlab"]["lab"] = "t05_hmm"


def no_ids(page: Any) -> None:
    for cell in page["cells"]:
        cell["metadata"].pop("nbgrader", None)
    page["metadata"].pop("speechlab", None)


def same_cell_ids(page: Any) -> None:
    for cell in page["cells"]:
        cell["id"] = "same"


def nothing(path: Path, data: bytes) -> None:
    pass


CASES = [
    refused("empty", "is an empty file", lambda page: b"", r"the file is empty"),
    refused("spaces", "holds only spaces", lambda page: b" \n\t" * 50, r"the file is empty"),
    refused("truncated", "was cut in the middle", lambda page: text_of(page)[: len(text_of(page)) // 2].encode(), r"damaged"),
    refused("hole", "has a hole in the middle", holes, r"damaged|no Jupyter notebook"),
    refused("not_json", "is a Python program", lambda page: b"print('hello')\n", r"damaged"),
    refused("noise", "is noise", noise, r"damaged"),
    refused("zeros", "is 100 kB of zeros", lambda page: bytes(100_000), r"damaged|empty"),
    refused("compressed", "is a compressed notebook", lambda page: gzip.compress(text_of(page).encode()), r"damaged"),
    refused("json_list", "is a JSON list", lambda page: b"[1, 2, 3]", r"no Jupyter notebook"),
    refused("wrong_schema", "has cells that are a number", lambda page: b'{"cells": 3, "metadata": {}}', r"no Jupyter notebook"),
    refused("deep_json", "is a hundred thousand brackets", lambda page: b"[" * 100_000, r"damaged"),
    refused("large", "is 51 MB large", lambda page: b" " * (51 << 20) + text_of(page).encode(), r"more than 50 MB|too large"),
    refused("utf_16", "is written in UTF-16", lambda page: text_of(page).encode("utf-16"), r"damaged|encoding|UTF-8"),
    refused("latin_1", "has a Latin-1 character in it", lambda page: text_of(page).replace("Decibels", "Dezibel\\u00e9").encode().decode("unicode_escape").encode("latin-1", "replace"), r"damaged"),
    refused("old_format", "is a notebook of format 3, which has no cells", old_format, r"no Jupyter notebook|format"),
    Case("missing", KIND, "is not there", place=nothing, due=None, told=r"no notebook|cannot be read|no such", harmless=True),
    Case("other_lab", KIND, "is the notebook of another lab under this one's name", edit=other_lab, due=None, told=r"t05_hmm", harmless=True),
    graded("no_ids", "has lost all its ids", edit=no_ids, due=None, told=r"none of its parts|missing|no part"),
    graded("byte_order_mark", "begins with a byte-order mark", lambda page: b"\xef\xbb\xbf" + text_of(page).encode()),
    graded("other_kernel", "names a kernel for R", edit=other_kernel),
    graded("no_metadata", "has lost its metadata", edit=no_metadata),
    graded("windows_lines", "has line ends of Windows", edit=windows),
    graded("lists_of_lines", "has its texts as lists of lines", edit=lines),
    graded("odd_cells", "has cells that are numbers, text, nothing and lists", edit=odd_cells),
    graded("same_cell_ids", "has the same cell id everywhere", edit=same_cell_ids),
    graded("future_format", "says that it is of a later minor format", edit=future),
    graded("large_outputs", "carries a picture of 20 MB", edit=large_outputs),
    graded("json_with_nan", "has NaN and infinity in its metadata, which JSON forbids", lambda page: text_of({**page, "x": float("nan"), "y": -float("inf")}).encode()),
]  # fmt: skip
