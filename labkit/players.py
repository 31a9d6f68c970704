"""Audio players in the notebook."""

from __future__ import annotations

import base64
import html
import io
import math
import wave
from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.notebook import in_notebook, show


def play(samples: Any, sample_rate: int) -> None:
    """Show one audio player, or several side by side.

    A signal whose peak is above 1 is scaled down to 1 and the label says so; several signals are then
    scaled by the same factor, so that louder stays louder. Quiet signals stay quiet.

    Args:
        samples: waveform of shape [time] or [channels, time] in [-1, 1], or a dict from label to
            waveform. Integers of 16 bits are understood; torch tensors too.
        sample_rate: in Hz.
    Raises:
        ValueError: if a waveform is empty, not finite, has more than two dimensions, or `sample_rate`
            is not a positive whole number.
    """
    rate = _checked_rate(sample_rate)
    signals = samples if isinstance(samples, Mapping) else {"": samples}
    if not signals:
        raise ValueError("samples is an empty dict, expected at least one label with a waveform")
    signals = {str(label): _checked_samples(signal, str(label)) for label, signal in signals.items()}
    if not in_notebook():
        return
    show({"text/html": players_html(signals, rate), "text/plain": _described(signals, rate)})


def play_ab(samples: Mapping[str, Any], sample_rate: int) -> None:
    """Show players of sounds to be compared, A, B, C …, in the order given and equally loud.

    What is louder seems better. So all are brought to the same level (root mean square over the stretches
    within 30 dB of the loudest one); the label says by how many dB each was changed. For sounds whose
    difference is their level, use `play`.

    Args:
        samples: label → waveform of shape [time] or [channels, time]; two or more.
        sample_rate: in Hz.
    Raises:
        ValueError: as `play`, or if there is only one sound.
    """
    rate = _checked_rate(sample_rate)
    if not isinstance(samples, Mapping) or len(samples) < 2:
        raise ValueError("samples holds fewer than two sounds, expected a dict from label to waveform")
    signals = equally_loud(
        {str(label): _checked_samples(signal, str(label)) for label, signal in samples.items()}, rate
    )
    if not in_notebook():
        return
    show({"text/html": players_html(signals, rate), "text/plain": _described(signals, rate)})


def equally_loud(signals: Mapping[str, np.ndarray], sample_rate: int) -> dict[str, np.ndarray]:
    """The signals at one level, none with a peak above 1, labelled A, B, C …; see `play_ab`."""
    levels = {label: _speech_level(array, sample_rate) for label, array in signals.items()}
    heard = [label for label, level in levels.items() if level > 0]
    # as loud as the loudest, or as loud as every one of them can be without clipping
    room = [levels[label] * 0.99 / float(np.abs(signals[label]).max()) for label in heard]
    target = min([max(levels.values()), *room])
    result = {}
    for number, (label, array) in enumerate(signals.items()):
        gain = target / levels[label] if levels[label] > 0 else 1.0
        change = f"{20 * math.log10(gain):+.1f} dB" if levels[label] > 0 else "silent"
        result[f"{_letter(number)} · {label} ({change})"] = (array * np.float32(gain)).astype(np.float32)
    return result


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else str(number + 1)


def _speech_level(array: np.ndarray, sample_rate: int) -> float:
    """Root mean square over the frames of 50 ms that are within 30 dB of the loudest."""
    size = min(array.shape[-1], max(1, round(0.05 * sample_rate)))
    whole = array.shape[-1] // size * size
    frames = np.atleast_2d(array).astype(np.float64)[:, :whole].reshape(-1, whole // size, size)
    power = np.mean(frames**2, axis=(0, 2))
    return float(np.sqrt(power[power >= power.max() * 1e-3].mean()))


def players_html(signals: Mapping[str, object], sample_rate: int) -> str:
    """HTML of one player for each labelled waveform, the sound embedded; see `play`."""
    rate = _checked_rate(sample_rate)
    arrays = {str(label): _checked_samples(signal, str(label)) for label, signal in signals.items()}
    peak = max(float(np.abs(array).max()) for array in arrays.values())
    gain = 1 / peak if peak > 1 else 1.0
    note = f" (peak {peak:.2g}: scaled to 1)" if peak > 1 else ""
    boxes = []
    for label, array in arrays.items():
        data = base64.b64encode(wav_bytes(array * gain, rate)).decode("ascii")
        # labels inherit the page's own text colour, so they read on light and dark
        boxes.append(
            '<figure style="display:inline-block;margin:2px 16px 6px 0;vertical-align:top">'
            f'<figcaption style="font-size:90%;margin-bottom:2px">{html.escape(label + note)}</figcaption>'
            f'<audio controls preload="metadata" style="width:260px;height:36px" '
            f'aria-label="{html.escape(label or "audio", quote=True)}" '
            f'src="data:audio/wav;base64,{data}"></audio></figure>'
        )
    return '<div style="display:flex;flex-wrap:wrap">' + "".join(boxes) + "</div>"


def wav_bytes(samples: Any, sample_rate: int) -> bytes:
    """A 16-bit WAV file of a waveform in [-1, 1], shape [time] or [channels, time].

    Values outside [-1, 1] are clipped.
    """
    array = np.atleast_2d(_checked_samples(samples, ""))
    pcm = np.rint(np.clip(array, -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(pcm.shape[0])
        file.setsampwidth(2)
        file.setframerate(_checked_rate(sample_rate))
        file.writeframes(pcm.T.tobytes())
    return buffer.getvalue()


def _checked_rate(sample_rate: Any) -> int:
    if not (isinstance(sample_rate, (int, float, np.number)) and math.isfinite(sample_rate)):
        raise ValueError(f"sample_rate is {sample_rate!r}, expected a number of samples per second")
    if sample_rate < 1 or sample_rate != int(sample_rate):
        raise ValueError(f"sample_rate is {sample_rate}, expected a positive whole number of Hz")
    return int(sample_rate)


def _checked_samples(samples: Any, label: str) -> np.ndarray:
    name = f"samples[{label!r}]" if label else "samples"
    if hasattr(samples, "detach"):
        samples = samples.detach().cpu().numpy()
    array = np.asarray(samples)
    if array.dtype == np.int16:
        array = array / np.float32(32768)
    elif array.dtype.kind not in "fiu":
        raise ValueError(f"{name} has dtype {array.dtype}, expected real numbers")
    array = array.astype(np.float32, copy=False)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}, expected [time] or [channels, time]")
    if array.size == 0:
        raise ValueError(f"{name} is empty, expected at least one sample")
    if array.ndim == 2 and array.shape[0] > 8:
        raise ValueError(
            f"{name} has shape {array.shape}: {array.shape[0]} channels; expected [channels, time]"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity, expected finite numbers")
    return array


def _described(signals: Mapping[str, np.ndarray], rate: int) -> str:
    return "\n".join(
        f"audio {label or ''}: {array.shape[-1] / rate:.2f} s at {rate} Hz"
        for label, array in signals.items()
    )
