"""The user's own recordings: read, checked and brought to the recogniser's sample rate."""

from __future__ import annotations

from math import gcd
from pathlib import Path

import numpy as np
from jaxtyping import Float

from capstone.errors import CapstoneError
from labkit.corpora import UnreadableAudio, read_audio

SAMPLE_RATE = 8000  # Hz, of the recordings that the recogniser is trained on
SHORTEST = 0.1  # seconds; no digit is spoken faster
LONGEST = 5.0  # seconds; longer is no single word
QUIETEST = 1e-3  # peak, −60 dB of full scale: below it only noise is left in a 16-bit file


def read_word(path: str | Path) -> Float[np.ndarray, "time"]:
    """One spoken word from a WAV, FLAC, MP3 or OGG file, at SAMPLE_RATE.

    Args:
        path: of the file; any number of channels, any sample rate from 8000 Hz.
    Returns:
        The waveform, channels averaged, in the file's own level.
    Raises:
        CapstoneError: if the file is unreadable, empty, silent, shorter than SHORTEST, longer than
            LONGEST, or has less than 8000 samples a second.
    """
    path = Path(path)
    seconds = _announced_seconds(path)
    if seconds is not None and seconds > LONGEST:
        raise _too_long(path, seconds)  # before hours of it are read
    try:
        samples, sample_rate = read_audio(path)
    except UnreadableAudio as error:
        raise CapstoneError(str(error)) from error
    seconds = len(samples) / sample_rate
    if sample_rate < SAMPLE_RATE:
        raise CapstoneError(
            f"{path} has {sample_rate} samples a second, expected at least {SAMPLE_RATE}: "
            "the consonants are not in it"
        )
    if seconds < SHORTEST:
        raise CapstoneError(f"{path} lasts {seconds:.3f} s, expected a spoken digit of at least {SHORTEST} s")
    if seconds > LONGEST:
        raise _too_long(path, seconds)
    peak = float(np.abs(samples).max())
    if peak < QUIETEST:
        raise CapstoneError(
            f"{path} is silent (its peak is {peak:.1g} of full scale), expected a spoken digit"
        )
    return resample(samples, sample_rate)


def resample(samples: Float[np.ndarray, "time"], sample_rate: int) -> Float[np.ndarray, "resampled"]:
    """A waveform at SAMPLE_RATE, by polyphase filtering.

    Args:
        samples: waveform at `sample_rate` Hz.
        sample_rate: in Hz, a whole number.
    """
    if sample_rate == SAMPLE_RATE:
        return samples
    from scipy.signal import resample_poly

    common = gcd(SAMPLE_RATE, sample_rate)
    return resample_poly(samples.astype(np.float64), SAMPLE_RATE // common, sample_rate // common)


def _announced_seconds(path: Path) -> float | None:
    """Length by the file's header; None where there is no readable one."""
    import soundfile

    if not path.is_file():
        return None
    try:
        return float(soundfile.info(path).duration)
    except soundfile.SoundFileError:
        return None  # read_audio says what is wrong with it


def _too_long(path: Path, seconds: float) -> CapstoneError:
    return CapstoneError(
        f"{path} lasts {seconds:.1f} s, expected a single spoken digit of at most {LONGEST:g} s"
    )
