"""Numbers that say how far one signal is from another."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float


class MissingPackage(ImportError):
    """A measure needs a package that is not installed; the message says which and how to get it."""


def level_db(samples: Float[np.ndarray, "time"]) -> float:
    """Level of a signal in dB, root mean square, relative to full scale.

    Args:
        samples: full scale is 1.
    Returns:
        0 for a square wave of amplitude 1, −3.01 for a sine of amplitude 1, −inf for silence.
    Raises:
        ValueError: if `samples` is empty or not one channel.
    """
    power = float(np.mean(_signal(samples, "samples") ** 2))
    return 10 * float(np.log10(power)) if power > 0 else -float("inf")


def snr_db(clean: Float[np.ndarray, "time"], noisy: Float[np.ndarray, "time"]) -> float:
    """Signal-to-noise ratio in dB: energy of `clean` over energy of what was added to it.

    Also a change of level or a delay counts as noise: align first.

    Args:
        clean: the signal as it should be.
        noisy: the same with noise, or after noise was taken away; as long as `clean`.
    Returns:
        dB; inf if the two are equal.
    Raises:
        ValueError: if the lengths differ, or `clean` is silent.
    Example:
        >>> round(snr_db([1.0, -1.0, 1.0, -1.0], [1.1, -1.1, 1.1, -1.1]), 3)
        20.0
    """
    wanted, heard = _pair(clean, noisy, "clean", "noisy")
    signal, noise = float(np.sum(wanted**2)), float(np.sum((heard - wanted) ** 2))
    if signal == 0:
        raise ValueError("clean is silent: there is no signal whose ratio to the noise could be taken")
    return 10 * float(np.log10(signal / noise)) if noise > 0 else float("inf")


def stoi(clean: Float[np.ndarray, "time"], processed: Float[np.ndarray, "time"], sample_rate: int) -> float:
    """Short-time objective intelligibility: how much of the speech can be understood.

    Args:
        clean: the speech as it should be.
        processed: the same with noise or after processing; as long as `clean`, and in step with it.
        sample_rate: in Hz.
    Returns:
        About 0 (nothing) to 1 (everything).
    Raises:
        ValueError: if the lengths differ, or there is less than about half a second of speech.
        MissingPackage: if the package pystoi is not installed.
    Source: Taal et al. 2011, "An algorithm for intelligibility prediction of time–frequency weighted noisy
        speech".
    """
    wanted, heard = _pair(clean, processed, "clean", "processed")
    try:
        import pystoi
    except ImportError as error:
        raise MissingPackage("STOI needs the package pystoi: `pip install pystoi`") from error
    import warnings

    with warnings.catch_warnings():
        # pystoi only warns when there is too little speech, and returns 0.00001
        warnings.filterwarnings("error", message="Not enough STFT frames", category=RuntimeWarning)
        try:
            return float(pystoi.stoi(wanted, heard, int(sample_rate), extended=False))
        except RuntimeWarning:
            seconds = wanted.size / sample_rate
            raise ValueError(
                f"STOI needs half a second of speech or more; too little of these {seconds:.2f} s is loud"
            ) from None


def spectral_convergence(
    target: Float[np.ndarray, "bins frames"], estimate: Float[np.ndarray, "bins frames"]
) -> float:
    """How far one magnitude spectrogram is from another: ‖target − estimate‖ / ‖target‖.

    Args:
        target: magnitudes as they should be.
        estimate: magnitudes as they are; of the same shape.
    Returns:
        0 if equal, 1 if `estimate` is silent. Often given in dB: 20·log10 of it.
    Raises:
        ValueError: if the shapes differ, a value is complex, or `target` is silent.
    Source: Arık, Jun and Diamos 2018, "Fast spectrogram inversion using multi-head convolutional neural
        networks", section 3.1; norms are Frobenius norms.
    """
    wanted, found = _numbers(target, "target"), _numbers(estimate, "estimate")
    if wanted.shape != found.shape:
        raise ValueError(f"target has shape {wanted.shape} and estimate {found.shape}, expected the same")
    norm = float(np.linalg.norm(wanted))
    if norm == 0:
        raise ValueError("target is silent: nothing to compare with")
    return float(np.linalg.norm(wanted - found)) / norm


def _pair(first: Any, second: Any, name: str, other: str) -> tuple[np.ndarray, np.ndarray]:
    one, two = _signal(first, name), _signal(second, other)
    if one.size != two.size:
        raise ValueError(f"{name} has {one.size} samples and {other} {two.size}, expected equally many")
    return one, two


def _signal(values: Any, name: str) -> np.ndarray:
    array = _numbers(values, name)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}, expected [time]")
    return array


def _numbers(values: Any, name: str) -> np.ndarray:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} has dtype {array.dtype}, expected real numbers (of a spectrum, its magnitude)"
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity, expected finite numbers")
    return array.astype(np.float64)
