"""One look for every figure, and the way a figure reaches the page.

Figures are made without pyplot, so that drawing changes no global state: no current figure, no
back end, no rcParams left behind. matplotlib is imported with the first figure.
"""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labkit.notebook import in_notebook

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of Okabe and Ito (2008), "Color Universal Design", told apart with every common kind of
# colour blindness; their yellow and black are left out, as each vanishes on one kind of background.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# With more curves than colours, the stroke changes too.
STROKES = ("-", "--", ":", "-.")
# viridis grows evenly in lightness, so it survives colour blindness and grey printing.
COLOR_MAP = "viridis"

PAPER = "#FFFFFF"
INK = "#262626"
GRID = "#C8C8C8"

WIDTH = 8.0  # inches; a page column at 90 dpi is 720 px
SCREEN_DPI = 90
PIXELS_PER_POINT = 2  # drawn at twice the density and shown at half the size: sharp on any screen


@functools.cache
def _style() -> dict[str, object]:
    return {
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "savefig.facecolor": "auto",
        "savefig.edgecolor": "none",
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.edgecolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlepad": 8,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.6,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "axes.formatter.useoffset": False,
        # learners write labels such as "$5 per hour"; only a pair of dollars is mathematics
        "text.usetex": False,
    }


@contextmanager
def styled() -> Iterator[None]:
    """matplotlib's own defaults plus our style, whatever the user's rcParams are; restored after."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcParams.update(_neutral_defaults())
        matplotlib.rcParams.update(_style())
        yield


@functools.cache
def _neutral_defaults() -> dict[str, object]:
    import matplotlib

    # "backend" has a default that resolves lazily and would load pyplot's machinery if touched
    skipped = {"backend", "backend_fallback", "toolbar", "interactive"}
    return {key: value for key, value in dict.items(matplotlib.rcParamsDefault) if key not in skipped}


@functools.cache
def _figure_class() -> type[Figure]:
    from matplotlib.figure import Figure

    class LabFigure(Figure):
        """A figure that a notebook shows once, also when the plotting call is a cell's last line."""

        _shown_in_cell: object = None

        def _ipython_display_(self) -> None:
            cell = _cell_number()
            if cell is not None and self._shown_in_cell == cell:
                self._shown_in_cell = None  # asked for a second time in this cell: then show it again
                return
            _display(self)

    return LabFigure


def new_figure(
    rows: int = 1, columns: int = 1, width: float = WIDTH, height: float = 2.6, **grid: Any
) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes, shape [rows, columns]. Call inside `styled()`."""
    figure = _figure_class()(figsize=(width, height), dpi=SCREEN_DPI, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **grid)
    return figure, axes


def finish(figure: Figure) -> Figure:
    """Show the figure if this is a notebook; return it."""
    if in_notebook():
        _display(figure)
        figure._shown_in_cell = _cell_number()  # type: ignore[attr-defined]
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file.

    Args:
        figure: what a function of this module returned, or any matplotlib figure.
    Returns:
        Bytes of the file, equal for equal figures.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    canvas, dpi = figure.canvas, figure.dpi
    with styled():
        try:
            # what `savefig` does in the end; it would draw twice, once for the layout alone
            figure.dpi = SCREEN_DPI * PIXELS_PER_POINT
            # without the Software entry, the bytes do not depend on matplotlib's version string
            FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
        finally:
            figure.dpi = dpi
            figure.set_canvas(canvas)
    return buffer.getvalue()


def _display(figure: Figure) -> None:
    from IPython.display import display

    width = round(figure.get_figwidth() * SCREEN_DPI)
    picture = base64.b64encode(png(figure)).decode("ascii")
    display(
        {"image/png": picture, "text/plain": description(figure)},
        raw=True,
        metadata={"image/png": {"width": width}},
    )


def _cell_number() -> int | None:
    if not in_notebook():
        return None
    from IPython import get_ipython

    return get_ipython().execution_count


def description(figure: Figure) -> str:
    """What the figure shows in one line, for readers that show no pictures."""
    parts = []
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            continue
        title = axes.get_title(loc="left")
        parts.append(f"{title or 'plot'}: {axes.get_ylabel()} over {axes.get_xlabel()}")
    return "; ".join(parts)


def color(index: int) -> str:
    """Colour of the curve with this number."""
    return PALETTE[index % len(PALETTE)]


def stroke(index: int) -> str:
    """Line style of the curve with this number: changes once the colours are used up."""
    return STROKES[index // len(PALETTE) % len(STROKES)]


def array(values: Any, name: str, dimensions: int) -> np.ndarray:
    """`values` as a float64 array with so many dimensions.

    Raises:
        ValueError: if it is empty, has other dimensions or is not made of real numbers.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.float().numpy() if values.dtype.is_floating_point else values.numpy()
    result = np.asarray(values)
    if result.dtype.kind not in "fiub":
        raise ValueError(f"{name} has dtype {result.dtype}, expected real numbers")
    if result.ndim != dimensions:
        raise ValueError(f"{name} has shape {result.shape}, expected {dimensions} dimension(s)")
    if result.size == 0:
        raise ValueError(f"{name} has shape {result.shape}: there is nothing to draw")
    return result.astype(np.float64)


def positive(value: Any, name: str) -> float:
    """`value` as a float.

    Raises:
        ValueError: if it is not a positive finite number.
    """
    if isinstance(value, (str, bytes)) or not (np.ndim(value) == 0 and np.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {value!r}, expected a number greater than zero")
    return float(value)


def picture(
    axes: Axes,
    values: np.ndarray,
    extent: tuple[float, float, float, float] | None = None,
    origin: Literal["lower", "upper"] = "lower",
    limits: tuple[float, float] | None = None,
    aspect: Literal["auto", "equal"] = "auto",
) -> Any:
    """Draw a matrix as colours on `axes`; entries that are not finite (such as log 0) stay blank."""
    masked = np.ma.masked_invalid(values)
    low, high = limits if limits is not None else color_limits([values])
    image = axes.imshow(
        masked,
        origin=origin,
        aspect=aspect,
        extent=extent,
        cmap=COLOR_MAP,
        vmin=low,
        vmax=high,
        interpolation="nearest",
    )
    axes.spines[:].set_visible(False)
    return image


def color_limits(matrices: Iterable[np.ndarray]) -> tuple[float, float]:
    """Lowest and highest finite value over all matrices, never equal."""
    finite = [matrix[np.isfinite(matrix)] for matrix in matrices]
    finite = [values for values in finite if values.size]
    if not finite:
        return 0.0, 1.0
    low, high = min(float(v.min()) for v in finite), max(float(v.max()) for v in finite)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def color_bar(figure: Figure, image: Any, axes: Any, label: str) -> None:
    """A colour bar beside `axes`, which may be several."""
    bar = figure.colorbar(image, ax=axes, pad=0.015, aspect=18, shrink=0.98)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2, labelsize=9)
    bar.set_label(label)


def grid(axes: Axes, which: Literal["both", "x", "y"] = "both") -> None:
    """Faint lines behind the data."""
    axes.grid(True, axis=which)


def integer_ticks(axis: Any, count: int) -> None:
    """Ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=min(10, max(1, count)), integer=True, min_n_ticks=1))
