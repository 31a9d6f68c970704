"""Fetching one file: with a bar, resumed after an interruption, whole or not at all."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from labkit.corpora.errors import DownloadFailed

ATTEMPTS = 4
TIMEOUT_SECONDS = 30
CHUNK = 1 << 16


def fetch(url: str, target: Path, progress: bool = True, pause_seconds: float = 1.0) -> Path:
    """Download a file.

    What has arrived is kept in `target` + ".part" when the connection breaks, when the process is
    stopped, or when all attempts are used up; the next attempt or the next call goes on from there if
    the server can (HTTP Range), else it begins again. A server that names its files' versions (ETag) is
    asked for the rest of the same version only; for others, whoever uses the file must check it.

    Args:
        url: http or https.
        target: file to write; an existing one is returned as it is.
        progress: whether to show a bar.
        pause_seconds: before the second attempt; doubled before each further one.
    Returns:
        `target`.
    Raises:
        DownloadFailed: if no attempt gets the whole file.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _attempt(url, part, progress)
            break
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416:  # the part is not a beginning of what the server has
                _forget(part)
            elif error.code < 500 and error.code != 429:
                raise DownloadFailed(f"{url} answered {error.code} {error.reason}") from error
            reason: object = f"{error.code} {error.reason}"
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
        if attempt == ATTEMPTS:
            kept = part.stat().st_size if part.exists() else 0
            raise DownloadFailed(
                f"could not download {url}: {reason}. Is this machine online? "
                + (
                    f"{kept} bytes are kept; the same command goes on from there"
                    if kept
                    else "Nothing was kept"
                )
            )
        time.sleep(pause_seconds * 2 ** (attempt - 1))
    os.replace(part, target)
    _notes(part).unlink(missing_ok=True)
    return target


def _notes(part: Path) -> Path:
    """File beside the part that says what it is a part of."""
    return part.with_name(part.name + ".json")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


def _attempt(url: str, part: Path, progress: bool) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "speechlab", "Accept-Encoding": "identity"})
    kept_for, validator = _read_notes(part)
    have = part.stat().st_size if part.exists() and kept_for == url else 0
    if have:
        request.add_header("Range", f"bytes={have}-")
        if validator:
            request.add_header("If-Range", validator)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        resumed = answer.status == 206 and _starts_at(answer, have)
        if not resumed:
            have = 0
        tag = answer.headers.get("ETag") or ""
        # HTTP allows only strong tags in If-Range; W/ marks a weak one
        _notes(part).write_text(json.dumps({"url": url, "validator": "" if tag.startswith("W/") else tag}))
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        with open(part, "ab" if resumed else "wb") as file:
            received = have + _copy(answer, file, part.name.removesuffix(".part"), have, total, progress)
    # read1 ends without complaint when the connection does, whatever length was promised
    if total is not None and received < total:
        raise ConnectionError(f"the connection ended after {received} of {total} bytes")


def _read_notes(part: Path) -> tuple[str, str]:
    """For which URL the kept part was sent, and its ETag; empty if there are no notes."""
    try:
        notes = json.loads(_notes(part).read_text())
        return str(notes["url"]), str(notes["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _starts_at(answer: Any, have: int) -> bool:
    return (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _copy(answer: Any, file: Any, name: str, have: int, total: int | None, progress: bool) -> int:
    from tqdm import tqdm

    received = 0
    # disable=None: no bar where stderr is a file or a pipe
    with tqdm(
        desc=name, initial=have, total=total, unit="B", unit_scale=True, disable=None if progress else True
    ) as bar:
        while chunk := answer.read1(CHUNK):
            file.write(chunk)
            received += len(chunk)
            bar.update(len(chunk))
    return received
