"""Files that are never half-written and never lost."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
import time
from pathlib import Path


def write_atomic(path: Path, data: str | bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = data.encode("utf-8") if isinstance(data, str) else data
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, name)
        else:
            os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def clear_parts(path: Path) -> None:
    """Remove what writers of this file that were killed have left beside it.

    For whoever is its only writer: another one's part would be lost too.
    """
    for part in path.parent.glob(f".{glob.escape(path.name)}.*"):
        part.unlink(missing_ok=True)


def back_up(path: Path, folder: Path) -> Path:
    """Copy a file into `folder` under its name and the time; never over another backup."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    target = folder / f"{path.stem}-{stamp}{path.suffix}"
    count = 1
    while target.exists():
        count += 1
        target = folder / f"{path.stem}-{stamp}-{count}{path.suffix}"
    shutil.copy2(path, target)
    return target
