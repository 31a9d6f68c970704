"""Write requirements.lock: exact versions of everything that any extra of this project needs.

    .venv/bin/python tools/lock.py              add what is missing, keep what is pinned
    .venv/bin/python tools/lock.py --upgrade    the newest versions that the ranges allow

pip resolves; nothing is installed. Run the tests before you commit the result.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
EXTRAS = "dev,cluster,peers,oracles"
OLDEST_PYTHON = "3.11.0"  # a package may ask for 3.11.5, and systems ship older ones (Debian 12: 3.11.2)
# Tools that tools/install.py itself runs.
TOOLS = ("pip", "setuptools", "uv")
HEADER = """\
# Exact versions of every package that speechlab and its extras need, direct or not.
# Made by tools/lock.py on Linux with Python 3.11; do not edit by hand.
# tools/install.py uses it as a constraints file: an extra that is not asked for is not installed.
"""


def resolve(upgrade: bool) -> dict[str, str]:
    """Versions that pip would install into an empty environment, by normalized name.

    They all run on the oldest Python that this project promises, whichever one this is.

    Args:
        upgrade: forget the present pins.
    Raises:
        SystemExit: with pip's exit code if it cannot resolve.
    """
    constraints = dict(_pinned()) if LOCK.exists() and not upgrade else {}
    while True:
        report = _dry_run(constraints)
        found = pins(report)
        too_new = needing_newer_python(report)
        if not too_new:
            return found
        for name in too_new:
            constraints[name] = f"{name}<{found[name]}"


def _pinned() -> list[tuple[str, str]]:
    lines = LOCK.read_text().splitlines()
    return [(line.split("==")[0], line) for line in lines if "==" in line]


def _dry_run(constraints: dict[str, str]) -> dict:
    """pip's report of what it would install under these constraints."""
    with tempfile.TemporaryDirectory() as folder:
        report, lines = Path(folder) / "report.json", Path(folder) / "constraints.txt"
        lines.write_text("".join(f"{line}\n" for line in constraints.values()))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(report), "--constraint", str(lines), f"{ROOT}[{EXTRAS}]", *TOOLS]
        done = subprocess.run(command, check=False, cwd=folder)
        if done.returncode:
            sys.exit(done.returncode)
        return json.loads(report.read_text())


def needing_newer_python(report: dict) -> list[str]:
    """Normalized names of the packages in a report that do not run on `OLDEST_PYTHON`."""
    return [
        _normalized(item["metadata"]["name"])
        for item in report["install"]
        if OLDEST_PYTHON not in SpecifierSet(item["metadata"].get("requires_python", ""))
    ]


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(report: dict) -> dict[str, str]:
    """Name and version of each package in a report of `pip install --report`.

    A local label is dropped (2.13.0+cpu becomes 2.13.0): which build of one version is taken is the
    installer's decision, and another machine's index may name it differently.
    """
    found = {}
    for item in report["install"]:
        name = _normalized(item["metadata"]["name"])
        if name != "speechlab":
            found[name] = item["metadata"]["version"].split("+")[0]
    return dict(sorted(found.items()))


def write(versions: dict[str, str]) -> None:
    text = HEADER + "".join(f"{name}=={version}\n" for name, version in versions.items())
    unfinished = LOCK.with_suffix(".tmp")
    unfinished.write_text(text)
    os.replace(unfinished, LOCK)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest versions, not the pinned ones"
    )
    write(resolve(parser.parse_args().upgrade))
    print(f"wrote {LOCK.name}")
