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

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
EXTRAS = "dev,cluster,peers,oracles"
# Tools that tools/install.py itself runs.
TOOLS = ("pip", "setuptools", "uv")
HEADER = """\
# Exact versions of every package that speechlab and its extras need, direct or not.
# Made by tools/lock.py on Linux with Python 3.11; do not edit by hand.
# tools/install.py uses it as a constraints file: an extra that is not asked for is not installed.
"""


def resolve(upgrade: bool) -> dict[str, str]:
    """Versions that pip would install into an empty environment, by normalized name.

    Args:
        upgrade: forget the present pins.
    Raises:
        SystemExit: with pip's exit code if it cannot resolve.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(report), f"{ROOT}[{EXTRAS}]", *TOOLS]
        if LOCK.exists() and not upgrade:
            command += ["--constraint", str(LOCK)]
        done = subprocess.run(command, check=False, cwd=folder)
        if done.returncode:
            sys.exit(done.returncode)
        return pins(json.loads(report.read_text()))


def pins(report: dict) -> dict[str, str]:
    """Name and version of each package in a report of `pip install --report`.

    A local label is dropped (2.13.0+cpu becomes 2.13.0): which build of one version is taken is the
    installer's decision, and another machine's index may name it differently.
    """
    found = {}
    for item in report["install"]:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
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
