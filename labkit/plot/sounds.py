"""Figures of sound: spectrograms with their units, and what is said or marked at which time."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Complex, Float

from labkit.plot import style
from labkit.plot.signals import MAX_POINTS, envelope

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANGE_DB = 80.0  # below the loudest; what is fainter gets the colour of the floor
WINDOW_SECONDS = 0.025
HOP_SECONDS = 0.005
MAX_COLUMNS = 2000
LABEL_ROWS = 3

Marks = Sequence[tuple[str, float, float]]


def stft(
    spectrum: Complex[np.ndarray, "bins frames"] | Float[np.ndarray, "bins frames"],
    sample_rate: int,
    hop_length: int,
    title: str = "",
    range_db: float = RANGE_DB,
) -> Figure:
    """A short-time Fourier transform: level in dB, 0 dB at its loudest point.

    Args:
        spectrum: complex values or their magnitudes, shape [bins, frames]; bins are evenly spaced from
            0 Hz to sample_rate / 2.
        sample_rate: in Hz.
        hop_length: samples from one frame to the next; frame 0 is drawn centred on 0 s.
        title: above the figure.
        range_db: how far the colours reach down from 0 dB.
    Raises:
        ValueError: if `spectrum` is not a matrix of numbers, or another argument is not positive.
    """
    matrix = style.array(np.abs(_plain(spectrum)), "spectrum", 2)
    rate, hop = style.positive(sample_rate, "sample_rate"), style.positive(hop_length, "hop_length")
    reach = style.positive(range_db, "range_db")
    levels, _ = _levels([matrix], reach, loudest=True)
    with style.styled():
        figure, ((axes,),) = style.new_figure(height=3.0)
        image = _draw(axes, levels[0], rate, hop / rate, -hop / rate / 2, (-reach, 0.0))
        axes.set_title(title)
        axes.set_xlabel("time [s]")
        style.color_bar(figure, image, axes, "level [dB re maximum]")
        return style.finish(figure)


def spectrograms(
    signals: Mapping[str, Float[np.ndarray, "time"]],
    sample_rate: int,
    title: str = "",
    range_db: float = RANGE_DB,
) -> Figure:
    """Spectrograms of several sounds below one another, in one colour scale.

    Windows of 25 ms (Hann), 5 ms apart. 0 dB is a sine of full scale.

    Args:
        signals: label → waveform.
        sample_rate: in Hz, of all of them.
        title: above the figure.
        range_db: how far the colours reach down from the loudest point of all.
    Raises:
        ValueError: if `signals` is empty, or an entry is not one channel of numbers.
    """
    if not isinstance(signals, Mapping) or not signals:
        raise ValueError("signals is empty or not a dict, expected at least one label with a waveform")
    rate = style.positive(sample_rate, "sample_rate")
    reach = style.positive(range_db, "range_db")
    waves = {str(label): style.array(wave, f"signals[{label!r}]", 1) for label, wave in signals.items()}
    hop = _hop(max(wave.size for wave in waves.values()), rate)
    levels, limits = _levels([_magnitudes(wave, rate, hop) for wave in waves.values()], reach)
    with style.styled():
        figure, axes = style.new_figure(len(waves), height=0.4 + 2.0 * len(waves), sharex=True)
        image = None
        for panel, label, level in zip(axes[:, 0], waves, levels, strict=True):
            image = _draw(panel, level, rate, hop / rate, -hop / rate / 2, limits)
            panel.set_title(label, fontweight="normal", fontsize=10)
        axes[-1, 0].set_xlabel("time [s]")
        axes[-1, 0].set_xlim(0, max(wave.size for wave in waves.values()) / rate)
        style.color_bar(figure, image, list(axes[:, 0]), "level [dB re full scale]")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        return style.finish(figure)


def speech(
    samples: Float[np.ndarray, "time"],
    sample_rate: int,
    marks: Marks | None = None,
    tracks: Mapping[str, Any] | None = None,
    title: str = "",
) -> Figure:
    """A sound as waveform and spectrogram, with what is said and what is marked at which time.

    Args:
        samples: one channel; full scale is 1.
        sample_rate: in Hz.
        marks: (label, start, end) in seconds, such as `clip.phonemes` or `clip.words`; drawn over both.
        tracks: label → where something holds, a bar each below: a list of (start, end) in seconds, or an
            array of truth values for evenly spaced frames from the first sample to the last.
        title: above the figure.
    Raises:
        ValueError: if `samples` is not one channel of numbers, or a mark or track ends before it starts.
    """
    wave = style.array(samples, "samples", 1)
    rate = style.positive(sample_rate, "sample_rate")
    seconds = wave.size / rate
    bars = {str(label): _spans(track, seconds, str(label)) for label, track in (tracks or {}).items()}
    for label, start, end in marks or ():
        if not start <= end:
            raise ValueError(f"marks: {label!r} starts at {start} s and ends at {end} s")
    hop = _hop(wave.size, rate)
    levels, limits = _levels([_magnitudes(wave, rate, hop)], RANGE_DB)
    ratios = [2.0, 3.0] + ([0.5 + 0.35 * len(bars)] if bars else [])
    with style.styled():
        figure, axes = style.new_figure(
            len(ratios), height=0.9 * sum(ratios), sharex=True, gridspec_kw={"height_ratios": ratios}
        )
        top, middle, bottom = axes[0, 0], axes[1, 0], axes[-1, 0]
        _draw_wave(top, wave, rate)
        image = _draw(middle, levels[0], rate, hop / rate, -hop / rate / 2, limits)
        style.color_bar(figure, image, middle, "level [dB]")
        rows = _draw_marks(top, middle, marks or (), seconds)
        if bars:
            _draw_tracks(bottom, bars)
        bottom.set_xlim(0, seconds)
        bottom.set_xlabel("time [s]")
        if title:
            top.set_title(textwrap.fill(title, 80), pad=8 + 10 * rows)
        return style.finish(figure)


def _plain(spectrum: Any) -> np.ndarray:
    if hasattr(spectrum, "detach"):
        spectrum = spectrum.detach().cpu().numpy()
    array = np.asarray(spectrum)
    if array.dtype.kind not in "fiubc":
        raise ValueError(f"spectrum has dtype {array.dtype}, expected numbers")
    return array


def _hop(size: int, rate: float) -> int:
    """5 ms, or more where the picture would have more columns than anybody sees."""
    return max(1, round(HOP_SECONDS * rate), -(-size // MAX_COLUMNS))


def _magnitudes(wave: np.ndarray, rate: float, hop: int) -> np.ndarray:
    """Magnitudes [bins, frames], frames centred on multiples of `hop`; a sine of full scale gives 1."""
    size = max(16, round(WINDOW_SECONDS * rate))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    padded = np.pad(wave, (size // 2, size))
    starts = np.arange(0, wave.size, hop)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[starts] * window
    points = 1 << (2 * size - 1).bit_length()  # twice the window or more: a smooth picture
    return np.abs(np.fft.rfft(frames, points)).T / (window.sum() / 2)


def _levels(
    magnitudes: list[np.ndarray], reach: float, loudest: bool = False
) -> tuple[list[np.ndarray], tuple[float, float]]:
    """Levels in dB, no lower than `reach` below the highest of all, and the limits of their colours."""
    peak = max(float(matrix.max()) for matrix in magnitudes) or 1.0
    top = 20 * np.log10(peak)
    floor = peak * 10 ** (-reach / 20)
    shift = top if loudest else 0.0
    levels = [20 * np.log10(np.maximum(matrix, floor)) - shift for matrix in magnitudes]
    return levels, (top - reach - shift, top - shift)


def _draw(
    axes: Any, levels: np.ndarray, rate: float, hop: float, left: float, limits: tuple[float, float]
) -> Any:
    bins, frames = levels.shape
    half = rate / 2 / max(bins - 1, 1) / 2  # each bin is centred on its own frequency
    image = style.picture(
        axes, levels, extent=(left, left + frames * hop, -half, rate / 2 + half), limits=limits
    )
    axes.set_ylim(0, rate / 2)
    axes.set_xlim(max(left, 0.0), left + frames * hop)
    axes.set_ylabel("frequency [Hz]")
    return image


def _draw_wave(axes: Any, wave: np.ndarray, rate: float) -> None:
    if wave.size > MAX_POINTS:
        starts, low, high = envelope(wave)
        axes.fill_between(starts / rate, low, high, color=style.color(0), linewidth=0.4)
    else:
        axes.plot(np.arange(wave.size) / rate, wave, color=style.color(0), linewidth=0.9)
    peak = float(np.abs(wave[np.isfinite(wave)]).max(initial=0.0)) or 1.0
    axes.set_ylim(-1.05 * peak, 1.05 * peak)
    axes.set_ylabel("amplitude\n[full scale = 1]")


def _draw_marks(top: Any, middle: Any, marks: Marks, seconds: float) -> int:
    """Boundaries over both panels, labels above the upper one, in as many rows as keep them apart.

    Returns:
        How many rows there are.
    """
    free = [-1.0] * LABEL_ROWS  # up to where each row is taken, as a share of the width
    used = 0
    for label, start, end in marks:
        for axes, ink in ((top, style.INK), (middle, "white")):
            axes.axvline(start, color=ink, linewidth=0.6, alpha=0.7)
        if not label or end == start:
            continue
        centre, half = (start + end) / 2 / seconds, 0.0055 * len(label)
        row = next((row for row, taken in enumerate(free) if taken < centre - half), None)
        if row is None:
            continue  # no room: the boundary is drawn, the label is not
        free[row] = centre + half + 0.004
        used = max(used, row + 1)
        top.annotate(
            label,
            (centre * seconds, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2 + 9 * row),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    return used


def _draw_tracks(axes: Any, tracks: Mapping[str, list[tuple[float, float]]]) -> None:
    for row, spans in enumerate(tracks.values()):
        axes.broken_barh(
            [(start, end - start) for start, end in spans], (row - 0.35, 0.7), color=style.color(row)
        )
    axes.set_yticks(range(len(tracks)), list(tracks))
    axes.set_ylim(len(tracks) - 0.5, -0.5)  # the first on top
    style.grid(axes, "x")


def _spans(track: Any, seconds: float, label: str) -> list[tuple[float, float]]:
    """A track as (start, end) in seconds."""
    array = np.asarray(track)
    if array.ndim == 1 and array.dtype.kind == "b":
        edges = np.flatnonzero(np.diff(np.concatenate([[False], array, [False]]).astype(np.int8)))
        times = edges * seconds / array.size
        return [(float(start), float(end)) for start, end in times.reshape(-1, 2)]
    if array.size == 0:
        return []
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"tracks[{label!r}] has shape {array.shape} and dtype {array.dtype}, expected truth values "
            "[frames] or pairs of seconds"
        )
    if (array[:, 1] < array[:, 0]).any():
        raise ValueError(f"tracks[{label!r}] has a stretch that ends before it starts")
    return [(float(start), float(end)) for start, end in array]
