"""Figures of things that run in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from labkit.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Above this many samples a curve is drawn as its envelope: as sharp on screen, and much faster.
MAX_POINTS = 20_000


def waveform(samples: Float[np.ndarray, "time"], sample_rate: int, title: str = "") -> Figure:
    """A waveform over time.

    Args:
        samples: one channel; full scale is 1.
        sample_rate: in Hz.
        title: above the figure.
    Raises:
        ValueError: if `samples` is empty or has more than one dimension, or `sample_rate` is not positive.
    """
    values = style.array(samples, "samples", 1)
    rate = style.positive(sample_rate, "sample_rate")
    with style.styled():
        figure, ((axes,),) = style.new_figure(height=2.0)
        if values.size > MAX_POINTS:
            starts, low, high = envelope(values)
            axes.fill_between(starts / rate, low, high, color=style.color(0), linewidth=0.4)
        else:
            axes.plot(np.arange(values.size) / rate, values, color=style.color(0), linewidth=0.9)
        finite = values[np.isfinite(values)]
        peak = float(np.abs(finite).max()) if finite.size else 0.0
        axes.set_ylim(*(np.array([-1.05, 1.05]) * (peak or 1.0)))
        axes.set_xlim(0, values.size / rate)
        axes.set(xlabel="time [s]", ylabel="amplitude\n[full scale = 1]", title=title)
        style.grid(axes)
        return style.finish(figure)


def envelope(values: np.ndarray, columns: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest and highest value in each of about `columns` stretches, and where each starts."""
    length = -(-values.size // columns)
    starts = np.arange(0, values.size, length)
    return starts, np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)


def spectrogram(
    values: Float[np.ndarray, "bins frames"],
    sample_rate: int | None = None,
    hop_length: int | None = None,
    title: str = "",
    label: str = "dB",
    orient: str = "frequency_first",
) -> Figure:
    """A spectrogram: time to the right, frequency upwards, level as colour.

    Args:
        values: levels, shape [bins, frames]; bins are evenly spaced from 0 Hz to sample_rate / 2. For
            mel bands use `features`.
        sample_rate: in Hz. Without it, the axes count bins and frames.
        hop_length: samples from one frame to the next. Without it, the time axis counts frames.
        title: above the figure.
        label: quantity and unit of the values.
        orient: "frequency_first" for [bins, frames], "time_first" for [frames, bins].
    Raises:
        ValueError: if `values` is not a matrix, or `orient` is another word.
    """
    levels = style.array(values, "values", 2)
    if orient not in ("frequency_first", "time_first"):
        raise ValueError(f"orient is {orient!r}, expected 'frequency_first' or 'time_first'")
    if orient == "time_first":
        levels = levels.T
    bins, frames = levels.shape
    hop = None
    if hop_length is not None:
        hop = style.positive(hop_length, "hop_length")
        if sample_rate is not None:
            hop /= style.positive(sample_rate, "sample_rate")
    right = frames * (hop or 1)
    with style.styled():
        figure, ((axes,),) = style.new_figure(height=3.0)
        if sample_rate is None:
            bottom, top, vertical = -0.5, bins - 0.5, "frequency [bins]"
        else:
            nyquist = style.positive(sample_rate, "sample_rate") / 2
            half = nyquist / max(bins - 1, 1) / 2  # each bin is centred on its own frequency
            bottom, top, vertical = -half, nyquist + half, "frequency [Hz]"
        image = style.picture(axes, levels, extent=(0, right, bottom, top))
        axes.set_ylim(max(bottom, 0) if sample_rate is not None else bottom, top)
        horizontal = (
            "time [frames]" if hop is None else "time [samples]" if sample_rate is None else "time [s]"
        )
        axes.set(xlabel=horizontal, ylabel=vertical, title=title)
        style.color_bar(figure, image, axes, _with_quantity(label))
        return style.finish(figure)


def _with_quantity(label: str) -> str:
    return "level [dB]" if label == "dB" else label


def features(
    values: Float[np.ndarray, "frames dimensions"],
    hop_seconds: float | None = None,
    title: str = "",
    label: str = "coefficient",
) -> Figure:
    """A feature matrix: time to the right, dimensions upwards, value as colour.

    Args:
        values: shape [frames, dimensions].
        hop_seconds: seconds from one frame to the next. Without it, the time axis counts frames.
        title: above the figure.
        label: what the dimensions are ("mel band", "coefficient").
    Raises:
        ValueError: if `values` is not a matrix.
    """
    matrix = style.array(values, "values", 2)
    with style.styled():
        figure, ((axes,),) = style.new_figure(height=2.8)
        image = _features_on(axes, matrix, hop_seconds)
        axes.set(xlabel=_time_label(hop_seconds), ylabel=_counted(label), title=title)
        style.color_bar(figure, image, axes, "value")
        return style.finish(figure)


def _features_on(
    axes: Any, matrix: np.ndarray, hop_seconds: float | None, limits: tuple[float, float] | None = None
) -> Any:
    frames, dimensions = matrix.shape
    image = style.picture(
        axes, matrix.T, extent=(0, frames * _hop(hop_seconds), -0.5, dimensions - 0.5), limits=limits
    )
    style.integer_ticks(axes.yaxis, dimensions)
    return image


def _hop(hop_seconds: float | None) -> float:
    return 1.0 if hop_seconds is None else style.positive(hop_seconds, "hop_seconds")


def _time_label(hop_seconds: float | None) -> str:
    return "time [frames]" if hop_seconds is None else "time [s]"


def _counted(label: str) -> str:
    return label if "[" in label else f"{label} [index]"


def track(
    values: Float[np.ndarray, "frames"], hop_seconds: float, label: str = "", title: str = ""
) -> Figure:
    """One number per frame over time. Gaps (NaN, such as an undefined pitch) stay gaps.

    Args:
        values: one value per frame.
        hop_seconds: seconds from one frame to the next; None counts frames.
        label: quantity and unit, such as "level [dB]".
        title: above the figure.
    Raises:
        ValueError: if `values` is empty or has more than one dimension, or `hop_seconds` is not positive.
    """
    curve = style.array(values, "values", 1)
    hop = _hop(hop_seconds)
    with style.styled():
        figure, ((axes,),) = style.new_figure(height=2.2)
        marker = "." if curve.size <= 60 else None
        axes.plot(
            np.arange(curve.size) * hop,
            np.where(np.isfinite(curve), curve, np.nan),
            marker=marker,
            color=style.color(0),
        )
        axes.set_xlim(0, curve.size * hop)
        axes.set(xlabel=_time_label(hop_seconds), ylabel=label or "value", title=title)
        style.grid(axes)
        return style.finish(figure)


def state_path(
    path: Int[np.ndarray, "frames"],
    n_states: int | None = None,
    features: Float[np.ndarray, "frames dimensions"] | None = None,
    hop_seconds: float | None = None,
    title: str = "",
) -> Figure:
    """Which state a model is in over time, below the features if given.

    Args:
        path: state numbers from 0, one per frame.
        n_states: number of states of the model; default: the highest in the path plus one.
        features: matrix [frames, dimensions] drawn above; lines mark where the state changes.
        hop_seconds: seconds from one frame to the next. Without it, the time axis counts frames.
        title: above the figure.
    Raises:
        ValueError: if `path` holds other than whole numbers in 0 … n_states − 1, or its length is not
            the number of frames.
    """
    states = style.array(path, "path", 1)
    if not np.array_equal(states, np.floor(states)) or states.min() < 0:
        raise ValueError("path holds something else than state numbers 0, 1, 2, …")
    count = int(states.max()) + 1 if n_states is None else int(n_states)
    if states.max() >= count:
        raise ValueError(f"path holds state {states.max():.0f}, expected at most n_states - 1 = {count - 1}")
    hop = _hop(hop_seconds)
    changes = (np.flatnonzero(np.diff(states)) + 1) * hop
    with style.styled():
        if features is None:
            figure, ((bottom,),) = style.new_figure(height=2.2)
            top = None
        else:
            matrix = style.array(features, "features", 2)
            if len(matrix) != states.size:
                raise ValueError(f"features has {len(matrix)} frames, expected {states.size} as in path")
            figure, axes = style.new_figure(2, height=4.2, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
            top, bottom = axes[:, 0]
            image = _features_on(top, matrix, hop_seconds)
            for position in changes:
                # dark under light: seen on every colour of the map
                top.axvline(position, color=style.INK, linewidth=2.4, alpha=0.6)
                top.axvline(position, color="white", linewidth=1.2)
            top.set_ylabel("coefficient [index]")
            style.color_bar(figure, image, top, "value")
        edges = np.arange(states.size + 1) * hop
        bottom.stairs(states, edges, baseline=None, color=style.color(1), linewidth=2)
        bottom.set_xlim(0, edges[-1])
        bottom.set_ylim(-0.5, count - 0.5)
        style.integer_ticks(bottom.yaxis, count)
        bottom.set(xlabel=_time_label(hop_seconds), ylabel="state [index]")
        (top or bottom).set_title(title)
        style.grid(bottom)
        return style.finish(figure)


def compare(
    values: Mapping[str, Float[np.ndarray, "frames dimensions"]],
    hop_seconds: float | None = None,
    title: str = "",
    label: str = "coefficient",
) -> Figure:
    """Several feature matrices side by side, in one colour scale.

    Args:
        values: label → matrix [frames, dimensions].
        hop_seconds: seconds from one frame to the next. Without it, the time axes count frames.
        title: above the figure.
        label: what the dimensions are ("mel band", "coefficient").
    Raises:
        ValueError: if `values` is empty or an entry is not a matrix.
    """
    if not isinstance(values, Mapping) or not values:
        raise ValueError("values is empty or not a dict, expected at least one label with a matrix")
    matrices = {str(label): style.array(matrix, f"values[{label!r}]", 2) for label, matrix in values.items()}
    limits = style.color_limits(matrices.values())
    columns = min(3, len(matrices))
    rows = -(-len(matrices) // columns)
    with style.styled():
        figure, axes = style.new_figure(rows, columns, height=0.3 + 2.5 * rows)
        image = None
        for position, (name, matrix) in enumerate(matrices.items()):
            panel = axes[position // columns, position % columns]
            image = _features_on(panel, matrix, hop_seconds, limits)
            panel.set(xlabel=_time_label(hop_seconds))
            panel.set_title(name, fontweight="normal", fontsize=10)
            panel.set_ylabel(_counted(label) if position % columns == 0 else "")
        for panel in axes.flat[len(matrices) :]:
            panel.set_visible(False)
        style.color_bar(figure, image, list(axes.flat[: len(matrices)]), "value")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        return style.finish(figure)
