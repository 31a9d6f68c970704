"""Make .venv and install speechlab into it, in the versions of requirements.lock.

    python3.11 tools/install.py                  what the Makefile runs; a second run returns at once
    python3.11 tools/install.py --extras peers   with the systems of others that we compare with

Only the standard library is used, and the file reads in any Python from 3.7 on, so that a wrong Python
is told so in a sentence. Nothing outside the environment's folder is changed. An interrupted run is continued
by the next: the stamp that says "complete" is written last.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WANTED = (3, 11)
ALWAYS = ("dev", "cluster")  # the Makefile's own commands and tests need them
# What some tests compare with and no lab needs. A machine without a C++ compiler cannot build all of it.
IF_POSSIBLE = ("oracles",)
# Packages that only a CUDA build of PyTorch asks for; together they are several gigabytes.
CUDA_ONLY = re.compile(r"^(nvidia|cuda|triton)\b", re.IGNORECASE)
UNREACHABLE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries exceeded"
    r"|Name or service not known|Temporary failure in name resolution|Network is unreachable"
    r"|Connection refused|dns error|client error \(Connect\)|\(from versions: none\)"
)
OFFLINE = """\
A package could not be downloaded: the package index does not answer, or does not have it.
Connect to the internet, or point pip at a mirror or a folder of wheels
(`pip config set global.index-url ...`, `pip config set global.find-links ...`), and run this again.
It goes on where it stopped."""


class Stop(Exception):
    """A sentence for the person at the keyboard; the installation ends with it."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="default: .venv in this folder")
    parser.add_argument("--extras", default="", help="comma-separated, e.g. peers")
    options = parser.parse_args(arguments)
    extras = sorted({*ALWAYS, *filter(None, options.extras.split(","))})
    try:
        install(options.venv, extras)
    except Stop as reason:
        print(f"\n{reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again: it goes on from here.", file=sys.stderr)
        return 130
    return 0


def install(venv: Path, extras: list[str]) -> None:
    """Bring `venv` to the state that pyproject.toml and requirements.lock describe.

    Args:
        venv: folder of the environment; made if missing.
        extras: of pyproject.toml. Extras that an earlier run installed are kept up to date too.
    Raises:
        Stop: with the reason and what to do, if it cannot be done.
    """
    check_version(sys.version_info[:2])
    stamp = venv / "speechlab.json"
    key = fingerprint(venv)
    before = read_stamp(stamp)
    python = venv_python(venv)
    if before.get("key") == key and set(extras) <= set(before.get("extras", [])) and python.exists():
        return
    extras = sorted({*extras, *before.get("extras", [])})
    stamp.unlink(missing_ok=True)
    if not works(python):
        print(f"Making {venv.name} ...", flush=True)
        make_venv(venv)
    lock = read_lock(ROOT / "requirements.lock")
    # An old pip fetches a whole wheel to learn what it needs; the pinned one reads its metadata.
    if installed_version(python, "pip") != lock["pip"]:
        pip(python, "install", f"pip=={lock['pip']}")
    install_torch(python, lock)
    print(f"Installing speechlab[{','.join(extras)}] ...", flush=True)
    pip(
        python, "install", "--constraint", str(ROOT / "requirements.lock"),
        "--editable", f"{ROOT}[{','.join(extras)}]",
    )  # fmt: skip
    for extra in IF_POSSIBLE:
        install_if_possible(python, extra)
    write_stamp(stamp, {"key": key, "extras": extras})
    print("Done.", flush=True)


def install_if_possible(python: Path, extra: str) -> None:
    """Install an extra that is not needed; say so in a sentence where that does not work."""
    for need in requirements_of(extra):
        try:
            pip(
                python, "install", "--constraint", str(ROOT / "requirements.lock"), need,
            )  # fmt: skip
        except Stop:
            name = re.split(r"[<>=!~ ;]", need)[0]
            print(f"{name} could not be installed: tests that compare with it are skipped.", flush=True)


def requirements_of(extra: str) -> list[str]:
    """What pyproject.toml lists for an extra."""
    import tomllib  # of Python 3.11, which is checked before

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["optional-dependencies"][extra]


# --- PyTorch ---------------------------------------------------------------------------------------


def install_torch(python: Path, lock: dict[str, str]) -> None:
    """Install the pinned torch in its CPU build, unless that version is there in any build."""
    version = installed_version(python, "torch")
    if version is not None and version.split("+")[0] == lock["torch"]:
        return
    pin = f"torch=={lock['torch']}"
    if sys.platform.startswith("linux") and needs_cuda(torch_report(python, pin)):
        print(f"Installing {pin}, CPU build ...", flush=True)
        pip(python, "install", f"uv=={lock['uv']}")
        # uv knows where PyTorch keeps its CPU builds; pip would take the CUDA build of the index.
        run(
            [str(python), "-m", "uv", "pip", "install", "--python", str(python), "--no-deps", pin]
            + ["--torch-backend=cpu"]
        )
    else:
        print(f"Installing {pin} ...", flush=True)
        pip(python, "install", "--constraint", str(ROOT / "requirements.lock"), pin)


def torch_report(python: Path, pin: str) -> dict:
    """What pip would install for `pin`, without its dependencies, as pip reports it."""
    text = pip(
        python, "install", "--dry-run", "--no-deps", "--ignore-installed", "--report", "-", pin, capture=True
    )
    return json.loads(text)


def needs_cuda(report: dict) -> bool:
    """Whether a package of pip's report asks for CUDA libraries on Linux.

    Args:
        report: of `pip install --dry-run --no-deps --report`.
    Raises:
        Stop: if the report holds no package.
    """
    if not report.get("install"):
        raise Stop("pip found no build of torch for this machine and this Python.")
    needs = [need for item in report["install"] for need in item["metadata"].get("requires_dist", [])]
    return any(CUDA_ONLY.match(need) and not re.search(r"\bextra\s*==", need) for need in needs)


# --- the environment -------------------------------------------------------------------------------


def check_version(version: tuple[int, ...]) -> None:
    if tuple(version) != WANTED:
        have = ".".join(map(str, version))
        want = ".".join(map(str, WANTED))
        raise Stop(
            f"speechlab needs Python {want}; {sys.executable} is Python {have}.\n"
            f"Install Python {want}, or name it: make PYTHON=/path/to/python{want}\n"
            "With conda: conda env create -f environment.yml && conda activate speechlab"
        )


def make_venv(venv: Path) -> None:
    """A fresh environment with pip; what an interrupted attempt left is cleared away."""
    if venv.exists() and any(venv.iterdir()) and not (venv / "pyvenv.cfg").exists():
        raise Stop(f"{venv} is there, but is no virtual environment. Move it away and run this again.")
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise Stop(
            f"Python could not make the environment {venv}:\n{done.stdout.strip()}\n"
            "On Debian and Ubuntu the package python3.11-venv is needed for it."
        )


def venv_python(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def works(python: Path) -> bool:
    """Whether `python` runs, is the wanted version and has pip (an interrupted venv may lack it)."""
    code = f"import sys, pip; sys.exit(sys.version_info[:2] != {WANTED})"
    try:
        done = subprocess.run([str(python), "-c", code], check=False, stderr=subprocess.DEVNULL)
    except OSError:
        return False
    return done.returncode == 0


def installed_version(python: Path, package: str) -> str | None:
    code = (
        "import importlib.metadata as m, sys\n"
        "try: print(m.version(sys.argv[1]))\n"
        "except m.PackageNotFoundError: pass"
    )
    done = subprocess.run([str(python), "-c", code, package], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip() or None


def pip(python: Path, *arguments: str, capture: bool = False) -> str:
    quiet = [] if sys.stdout.isatty() and not capture else ["--quiet"]
    return run([str(python), "-m", "pip", "--disable-pip-version-check", *arguments, *quiet], capture)


def run(command: list[str], capture: bool = False) -> str:
    """Run an installer; its complaints pass through, and are read for what is wrong.

    Returns:
        Its standard output where `capture`, else "".
    Raises:
        Stop: if it fails.
    """
    process = subprocess.Popen(
        command,
        # Build tools of other people warn about habits of still others; errors are errors all the same.
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    complaints: list[str] = []

    def pass_through() -> None:
        for line in process.stderr or ():
            complaints.append(line)
            sys.stderr.write(line)

    reader = threading.Thread(target=pass_through)
    reader.start()
    try:
        output = process.stdout.read() if process.stdout else ""
        process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        reader.join()
    if process.returncode:
        if UNREACHABLE.search("".join(complaints)):
            raise Stop(OFFLINE)
        raise Stop(f"The installation stopped: `{' '.join(command[1:])}` failed. The reason stands above.")
    return output


# --- what is wanted, what is there -----------------------------------------------------------------


def read_lock(path: Path) -> dict[str, str]:
    """Versions by package name; comments and markers are skipped."""
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;#]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name.lower(): version for name, version in pins}


def fingerprint(venv: Path) -> str:
    """Changes with everything that decides what is installed, and when the folder was moved."""
    digest = hashlib.sha256(f"{ROOT}\0{venv.absolute()}\0{WANTED}".encode())
    for name in ("pyproject.toml", "requirements.lock", "tools/install.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def read_stamp(path: Path) -> dict:
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing or cut short: then nothing is known to be installed
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(path: Path, content: dict) -> None:
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(content) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


if __name__ == "__main__":
    sys.exit(main())
