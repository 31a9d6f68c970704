"""Reading sound files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from labkit.corpora.errors import UnreadableAudio


def read_audio(path: str | Path) -> tuple[Float[np.ndarray, "time"], int]:
    """The sound in a WAV, FLAC, MP3 or OGG file, several channels averaged to one.

    Args:
        path: of the file.
    Returns:
        Samples (float32; full scale is 1) and sample rate in Hz.
    Raises:
        UnreadableAudio: if the file is missing, empty, damaged or of another kind. It is a ValueError.
    """
    import soundfile

    path = Path(path)
    if not path.exists():
        raise UnreadableAudio(f"{path} does not exist")
    if path.is_dir():
        raise UnreadableAudio(f"{path} is a folder, expected a sound file (WAV, FLAC, MP3 or OGG)")
    try:
        size = path.stat().st_size
        if size == 0:
            raise UnreadableAudio(f"{path} is an empty file (0 bytes)")
        samples, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except PermissionError as error:
        raise UnreadableAudio(f"{path} may not be read: {error.strerror}") from error
    except soundfile.LibsndfileError as error:
        raise UnreadableAudio(
            f"{path} is not a readable WAV, FLAC, MP3 or OGG file ({size} bytes): {error.error_string}"
        ) from error
    if len(samples) == 0:
        raise UnreadableAudio(f"{path} holds no samples")
    if not np.isfinite(samples).all():
        raise UnreadableAudio(f"{path} holds samples that are not numbers (NaN or infinity)")
    # one channel is returned as it stands; averaging is exact for two equal ones
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    return np.ascontiguousarray(mono), int(sample_rate)
