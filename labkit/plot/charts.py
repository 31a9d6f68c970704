"""Figures of curves, matrices and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from labkit.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def lines(
    curves: Mapping[str, object],
    x_label: str = "",
    y_label: str = "",
    title: str = "",
    log_y: bool = False,
    hlines: Mapping[str, float] | None = None,
) -> Figure:
    """Curves in one pair of axes.

    Args:
        curves: label → y, or label → (x, y) as a tuple; each of shape [points]. An array [points] or
            [curves, points] is understood too.
        x_label: quantity and unit, such as "time [s]"; default: the index.
        y_label: quantity and unit.
        title: above the figure.
        log_y: logarithmic y axis; values that are not positive are left out.
        hlines: label → height of a dashed horizontal line, such as a target.
    Raises:
        ValueError: if there is no curve, or x and y differ in length.
    """
    pairs = {label: _pair(curve, label) for label, curve in _as_curves(curves).items()}
    with style.styled():
        figure, ((axes,),) = style.new_figure(height=3.0)
        named = len(pairs) <= 12  # a legend of forty filters helps nobody
        for number, (label, (x, y)) in enumerate(pairs.items()):
            y = np.where(np.isfinite(y), y, np.nan)
            if log_y:
                y = np.where(y > 0, y, np.nan)
            marker = "." if y.size <= 30 else None
            axes.plot(
                x,
                y,
                label=label if named else "",
                color=style.color(number),
                linestyle=style.stroke(number),
                marker=marker,
            )
        for label, height in (hlines or {}).items():
            axes.axhline(
                float(height), color=style.INK, linestyle=(0, (4, 3)), linewidth=1.0, label=str(label)
            )
        if log_y:
            axes.set_yscale("log")
        if all(np.all(x == np.round(x)) for x, _ in pairs.values()):
            style.integer_ticks(axes.xaxis, 10)  # there is no round 1.25
        axes.set(xlabel=x_label or "index", ylabel=y_label or "value", title=title)
        style.grid(axes)
        _legend(axes)
        return style.finish(figure)


def _as_curves(curves: Any) -> dict[str, object]:
    if isinstance(curves, Mapping):
        if not curves:
            raise ValueError("curves is an empty dict, expected at least one curve")
        return {str(label): curve for label, curve in curves.items()}
    if np.ndim(curves) == 2:
        return {str(number): row for number, row in enumerate(style.array(curves, "curves", 2))}
    return {"": style.array(curves, "curves", 1)}


def _pair(curve: Any, label: str) -> tuple[np.ndarray, np.ndarray]:
    name = f"curves[{label!r}]"
    if isinstance(curve, tuple) and len(curve) == 2 and np.ndim(curve[0]) == 1:
        x, y = style.array(curve[0], f"x of {name}", 1), style.array(curve[1], f"y of {name}", 1)
        if x.size != y.size:
            raise ValueError(f"{name} has {x.size} values of x and {y.size} of y, expected equally many")
        return x, y
    y = style.array(curve, name, 1)
    return np.arange(y.size), y


def _legend(axes: Any) -> None:
    if any(label for label in axes.get_legend_handles_labels()[1]):
        # "best" would try every corner against every point; beside the axes nothing is hidden
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)


def matrix(
    values: Float[np.ndarray, "rows columns"],
    x_label: str = "",
    y_label: str = "",
    title: str = "",
    x_ticks: Sequence[str] | None = None,
    y_ticks: Sequence[str] | None = None,
    colorbar: bool = True,
) -> Figure:
    """A matrix as printed: row 0 on top. Entries that are not finite (such as log 0) stay blank.

    Args:
        values: shape [rows, columns].
        x_label, y_label: what the columns and the rows are.
        title: above the figure.
        x_ticks, y_ticks: a name for every column and every row; default: their index.
        colorbar: whether to show which colour is which value.
    Raises:
        ValueError: if `values` is not a matrix, or there are not as many names as columns or rows.
    """
    array = style.array(values, "values", 2)
    rows, columns = array.shape
    width, height = _matrix_size(rows, columns)
    with style.styled():
        figure, ((axes,),) = style.new_figure(width=width, height=height)
        square = 0.2 <= rows / columns <= 5
        image = style.picture(axes, array, origin="upper", aspect="equal" if square else "auto")
        _name_ticks(axes.xaxis, columns, x_ticks, "x_ticks")
        _name_ticks(axes.yaxis, rows, y_ticks, "y_ticks")
        axes.set(xlabel=x_label or "column [index]", ylabel=y_label or "row [index]", title=title)
        if colorbar:
            style.color_bar(figure, image, axes, "value")
        return style.finish(figure)


def _matrix_size(rows: int, columns: int) -> tuple[float, float]:
    # 1.1 inches for title, labels and ticks, or a wide matrix at equal aspect would cover them
    height = float(np.clip(1.1 + (style.WIDTH - 2.0) * rows / columns, 2.2, 4.8))
    return float(np.clip(height * columns / rows + 2.0, 4.0, style.WIDTH)), height


def _name_ticks(axis: Any, count: int, names: Sequence[str] | None, argument: str) -> None:
    if names is None:
        style.integer_ticks(axis, count)
        return
    if len(names) != count:
        raise ValueError(f"{argument} has {len(names)} names, expected {count}: one for each")
    step = -(-count // 40)  # more names than this would overlap
    shown = range(0, count, step)
    axis.set_ticks(list(shown), [str(names[i]) for i in shown])
    if axis.axis_name == "x" and max(len(str(names[i])) for i in shown) * len(shown) > 60:
        axis.set_tick_params(labelrotation=90)


def attention(
    weights: Float[np.ndarray, "queries keys"],
    x_label: str = "keys",
    y_label: str = "queries",
    title: str = "",
) -> Figure:
    """Attention weights: row 0 (the first query) on top, colour from 0 to the largest weight.

    Args:
        weights: shape [queries, keys], each row from 0 to 1.
        x_label, y_label: what the keys and the queries are.
        title: above the figure.
    Raises:
        ValueError: if `weights` is not a matrix.
    """
    array = style.array(weights, "weights", 2)
    rows, columns = array.shape
    width, height = _matrix_size(rows, columns)
    high = style.color_limits([array])[1]
    with style.styled():
        figure, ((axes,),) = style.new_figure(width=width, height=height)
        image = style.picture(axes, array, origin="upper", limits=(0.0, high if high > 0 else 1.0))
        style.integer_ticks(axes.xaxis, columns)
        style.integer_ticks(axes.yaxis, rows)
        axes.set(xlabel=_counted(x_label), ylabel=_counted(y_label), title=title)
        style.color_bar(figure, image, axes, "weight")
        return style.finish(figure)


def _counted(label: str) -> str:
    return label if "[" in label else f"{label} [index]"


def filterbank(weights: Float[np.ndarray, "filters bins"], sample_rate: int, title: str = "") -> Figure:
    """Filters over frequency.

    Args:
        weights: shape [filters, bins]; bins are evenly spaced from 0 Hz to sample_rate / 2.
        sample_rate: in Hz.
        title: above the figure.
    Raises:
        ValueError: if `weights` is not a matrix or `sample_rate` is not positive.
    """
    array = style.array(weights, "weights", 2)
    frequency = np.linspace(0, style.positive(sample_rate, "sample_rate") / 2, array.shape[1])
    with style.styled():
        figure, ((axes,),) = style.new_figure(height=2.4)
        for number, row in enumerate(array):
            # neighbours overlap: three colours in turn keep them apart
            axes.plot(frequency, row, color=style.color(number % 3), linewidth=1.2)
        axes.set_xlim(0, frequency[-1] or 1)
        axes.set(xlabel="frequency [Hz]", ylabel="weight", title=title)
        style.grid(axes)
        return style.finish(figure)


def confusion(matrix: Int[np.ndarray, "classes classes"], labels: Sequence[str], title: str = "") -> Figure:
    """Confusion matrix: rows are what was said, columns what was recognised; counts in the cells.

    Args:
        matrix: counts, shape [classes, classes].
        labels: a name for every class.
        title: above the figure.
    Raises:
        ValueError: if `matrix` is not square, or there are not as many labels as classes.
    """
    counts = style.array(matrix, "matrix", 2)
    size = len(counts)
    if counts.shape != (size, size):
        raise ValueError(f"matrix has shape {counts.shape}, expected a square: a row and a column per class")
    if len(labels) != size:
        raise ValueError(f"labels has {len(labels)} names, expected {size}: one for each class")
    totals = counts.sum(axis=1, keepdims=True)
    share = counts / np.where(
        totals == 0, 1, totals
    )  # colour is the share of the row; rows may differ in size
    edge = float(np.clip(0.5 * size, 2.6, 6.5))
    with style.styled():
        figure, ((axes,),) = style.new_figure(width=edge + 2.2, height=edge + 0.8)
        image = style.picture(axes, share, origin="upper", limits=(0.0, 1.0), aspect="equal")
        if size <= 20:
            for row, column in np.argwhere(counts):
                axes.text(
                    column,
                    row,
                    f"{counts[row, column]:g}",
                    ha="center",
                    va="center",
                    fontsize=9,
                    color="black" if share[row, column] > 0.55 else "white",
                )
        _name_ticks(axes.xaxis, size, labels, "labels")
        _name_ticks(axes.yaxis, size, labels, "labels")
        axes.set(xlabel="recognised [word]", ylabel="said [word]", title=title)
        style.color_bar(figure, image, axes, "share of the row")
        return style.finish(figure)


def bars(values: Mapping[str, float], y_label: str = "", title: str = "") -> Figure:
    """One bar per label, its value on top.

    Args:
        values: label → height.
        y_label: quantity and unit.
        title: above the figure.
    Raises:
        ValueError: if `values` is empty or holds something that is not a number.
    """
    if not isinstance(values, Mapping) or not values:
        raise ValueError("values is empty or not a dict, expected at least one label with a number")
    labels = [str(label) for label in values]
    heights = style.array([float(value) for value in values.values()], "values", 1)
    with style.styled():
        figure, ((axes,),) = style.new_figure(width=min(style.WIDTH, 1.6 + 0.9 * len(labels)), height=2.8)
        drawn = np.where(np.isfinite(heights), heights, 0.0)
        boxes = axes.bar(range(len(labels)), drawn, width=0.7, color=style.color(0))
        axes.bar_label(boxes, [f"{height:.4g}" for height in heights], padding=2, fontsize=9)
        axes.margins(y=0.12)
        axes.axhline(0, color=style.INK, linewidth=0.8)
        axes.set_xticks(range(len(labels)), labels)
        if max(map(len, labels)) * len(labels) > 70:
            axes.tick_params(axis="x", labelrotation=90)
        axes.set(ylabel=y_label or "value", title=title)
        style.grid(axes, "y")
        return style.finish(figure)


def scatter(
    points: Mapping[str, object],
    x_label: str = "",
    y_label: str = "",
    title: str = "",
    ellipses: Mapping[str, tuple[object, object]] | None = None,
    deviations: float = 2.0,
    reverse: bool = False,
) -> Figure:
    """Points in the plane, coloured by class, and outlines of Gaussians.

    Args:
        points: label → array of shape [points, 2], x first.
        x_label, y_label: quantity and unit.
        title: above the figure.
        ellipses: label → (mean [2], variances [2] or covariance [2, 2]); the label stands at the mean.
        deviations: size of the ellipses in standard deviations; within 2 lie 86 % of a Gaussian.
        reverse: both axes run backwards, as in a chart of vowels.
    Raises:
        ValueError: if `points` is empty, or an array does not have two columns.
    """
    if not isinstance(points, Mapping) or not points:
        raise ValueError("points is empty or not a dict, expected at least one label with its points")
    with style.styled():
        figure, ((axes,),) = style.new_figure(width=6.4, height=4.4)
        for number, (label, values) in enumerate(points.items()):
            array = style.array(values, f"points[{label!r}]", 2)
            if array.shape[1] != 2:
                raise ValueError(f"points[{label!r}] has {array.shape[1]} columns, expected 2: x and y")
            axes.plot(*array.T, ".", markersize=4, alpha=0.6, color=style.color(number), label=str(label))
        for label, (mean, spread) in (ellipses or {}).items():
            centre = style.array(mean, f"mean of ellipses[{label!r}]", 1)
            axes.plot(*_outline(centre, spread, label, deviations).T, color=style.INK, linewidth=1.4)
            axes.annotate(str(label), centre, ha="center", va="center", fontsize=10, fontweight="bold")
        if reverse:
            axes.invert_xaxis()
            axes.invert_yaxis()
        axes.set(xlabel=x_label or "x", ylabel=y_label or "y", title=title)
        style.grid(axes)
        _legend(axes)
        return style.finish(figure)


def _outline(centre: np.ndarray, spread: Any, label: str, deviations: float) -> np.ndarray:
    shape = np.shape(spread)
    if centre.size != 2 or shape not in ((2,), (2, 2)):
        raise ValueError(
            f"ellipses[{label!r}] has a mean of {centre.size} numbers and a spread of shape {shape}, "
            "expected 2 numbers and shape (2,) or (2, 2)"
        )
    covariance = np.diag(spread) if len(shape) == 1 else np.asarray(spread, dtype=float)
    sizes, directions = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    return centre + deviations * (directions * np.sqrt(np.maximum(sizes, 0)) @ circle).T
