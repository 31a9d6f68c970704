"""Where corpora live on disk, and how files get there whole or not at all."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

STALE_SECONDS = 24 * 3600


def cache_dir() -> Path:
    """Folder of the cache: SPEECHLAB_CACHE if set, else the platform's own place for caches."""
    chosen = os.environ.get("SPEECHLAB_CACHE", "").strip()
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("speechlab", appauthor=False))


def place_in_cache(*parts: str) -> Path:
    """Where something lies in the cache, or will lie.

    A cache that others filled may be read-only: what is there is used. For what is not, the place is
    then in a folder that lasts as long as this process, with a word about it.
    """
    place = cache_dir().joinpath(*parts)
    if place.exists() or _writable(cache_dir()):
        return place
    return _passing_folder(cache_dir()).joinpath(*parts)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


@functools.cache
def _passing_folder(wanted: Path) -> Path:
    folder = tempfile.TemporaryDirectory(prefix="speechlab-", ignore_cleanup_errors=True)
    _passing.append(folder)  # removed when the process ends
    print(f"The cache folder {wanted} cannot be written: corpora are kept for this session only.")
    return Path(folder.name)


_passing: list[tempfile.TemporaryDirectory] = []


def mirror_dir() -> Path | None:
    """Folder with copies of real recordings, named by SPEECHLAB_MIRROR; None if unset.

    It is only ever read.
    """
    chosen = os.environ.get("SPEECHLAB_MIRROR", "").strip()
    return Path(chosen).expanduser().absolute() if chosen else None


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place when the block ends well.

    If `path` exists by then, it is replaced. After an error or Ctrl-C, nothing is left behind; what a
    killed process left is removed by a later call, a day after.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(path.parent)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)  # mkdtemp makes it private; a shared cache must be readable
        if path.exists():
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
            os.replace(path, aside / "old")
            os.replace(temporary, path)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_stale(folder: Path) -> None:
    for entry in folder.glob(".*.partial"):
        with contextlib.suppress(OSError):  # another process may be removing it too
            if time.time() - entry.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Only one process at a time is inside this block for the same `path`; the others wait.

    The lock is a file beside `path`. Where the system has no file locks, all enter: work is then done
    twice, but `atomic_folder` still keeps every result whole.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f".{path.name}.lock"), "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the system however the process ends
        yield
