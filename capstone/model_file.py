"""The recogniser on disk: one npz file, written whole or not at all."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from capstone.errors import CapstoneError

FORMAT = 1
ARRAYS = ("initial", "transition", "means", "variances", "log_likelihoods")


def write_model(
    path: Path, about: dict[str, Any], scale: dict[str, np.ndarray], words: dict[str, list[dict]]
) -> None:
    """Write a model so that a reader, or a crash, sees the old file or the new one, never a part.

    Args:
        path: of the file; folders are made.
        about: what JSON can hold: corpus, sample rate and so on.
        scale, words: as from `feature_scale` and `train_voices`.
    Raises:
        CapstoneError: if the file cannot be written.
    """
    arrays = {f"scale/{name}": value for name, value in scale.items()}
    names = []
    for w, (word, voices) in enumerate(words.items()):
        names.append({"word": word, "voices": [voice["voice"] for voice in voices]})
        for v, voice in enumerate(voices):
            arrays |= {f"{w}/{v}/{name}": np.asarray(voice[name]) for name in ARRAYS}
    write_arrays(path, {"format": FORMAT, "words": names, **about}, arrays)


def write_arrays(path: Path, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write arrays and a header, which JSON can hold, as one npz file: whole or not at all.

    Raises:
        CapstoneError: if the file cannot be written.
    """
    buffer = io.BytesIO()
    text = json.dumps(header, ensure_ascii=False)
    np.savez_compressed(buffer, **({"header": np.array(text)} | arrays))  # type: ignore[arg-type]
    write_whole(path, buffer.getvalue())


def read_model(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, list[dict]]]:
    """(about, scale, words) of a model file.

    Raises:
        CapstoneError: if there is no such file, or it is damaged or of another kind.
    """
    if not path.is_file():
        raise CapstoneError(f"{path} does not exist: `speechlab capstone train` makes a model")
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["header"]))
            if about["format"] != FORMAT:
                raise CapstoneError(
                    f"{path} has format {about['format']}, expected {FORMAT}: train again with "
                    "`speechlab capstone train`"
                )
            scale = {name: file[f"scale/{name}"] for name in ("mean", "deviation")}
            words = {
                entry["word"]: [
                    {name: file[f"{w}/{v}/{name}"] for name in ARRAYS} | {"voice": voice}
                    for v, voice in enumerate(entry["voices"])
                ]
                for w, entry in enumerate(about.pop("words"))
            }
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise CapstoneError(
            f"{path} is no model of this recogniser, or damaged ({type(error).__name__}): train again with "
            "`speechlab capstone train`"
        ) from error
    return about, scale, words


def write_whole(path: Path, data: bytes) -> None:
    """Write a file by renaming a finished one into place.

    Raises:
        CapstoneError: if that is not possible.
    """
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise CapstoneError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)  # there only if something went wrong
