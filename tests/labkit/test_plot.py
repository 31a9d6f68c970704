"""Every figure is drawn without a warning, names its axes with units, and leaves no trace."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from labkit import plot
from labkit.plot import style

RNG = np.random.default_rng(0)
WAVE = RNG.normal(size=4000) * 0.1
MATRIX = RNG.normal(size=(50, 13))
LOG_ZERO = np.where(np.eye(4) > 0, 0.0, -np.inf)

FIGURES = {
    "waveform": lambda: plot.waveform(WAVE, 8000, "noise"),
    "waveform, long": lambda: plot.waveform(np.tile(WAVE, 40), 8000),
    "waveform, silent": lambda: plot.waveform(np.zeros(10), 8000),
    "waveform, one sample": lambda: plot.waveform([0.5], 8000),
    "spectrogram": lambda: plot.spectrogram(MATRIX.T, 8000, 80, title="s"),
    "spectrogram, counting": lambda: plot.spectrogram(MATRIX, orient="time_first"),
    "spectrogram, hop only": lambda: plot.spectrogram(MATRIX.T, hop_length=80, label="power"),
    "spectrogram, constant": lambda: plot.spectrogram(np.zeros((5, 7)), 8000, 80),
    "features": lambda: plot.features(MATRIX, 0.01, title="f"),
    "features, counting": lambda: plot.features(MATRIX, label="mel band"),
    "track": lambda: plot.track(MATRIX[:, 0], 0.01, label="level [dB]", title="t"),
    "track, gaps": lambda: plot.track([1.0, np.nan, 2.0], 0.01),
    "lines": lambda: plot.lines(
        {"a": [3, 2, 1], "b": ([0, 2], [1.0, 2.0])}, "step [count]", "loss [nats]", "l", True, {"target": 1.5}
    ),
    "lines, bare arrays": lambda: plot.lines(MATRIX[:15]),
    "lines, log of zero": lambda: plot.lines({"a": [0.0, 1.0, 10.0]}, log_y=True),
    "matrix": lambda: plot.matrix(MATRIX, "to", "from", "m"),
    "matrix, log zero": lambda: plot.matrix(
        LOG_ZERO, x_ticks=list("abcd"), y_ticks=list("efgh"), colorbar=False
    ),
    "matrix, all infinite": lambda: plot.matrix(np.full((2, 2), -np.inf)),
    "attention": lambda: plot.attention(np.eye(5, 9), "phones", "frames", "a"),
    "state_path": lambda: plot.state_path(np.arange(50) // 10, 6, MATRIX, 0.01, "p"),
    "state_path, alone": lambda: plot.state_path([0, 0, 1, 2, 2]),
    "state_path, one state": lambda: plot.state_path([0, 0], 1),
    "filterbank": lambda: plot.filterbank(np.abs(RNG.normal(size=(8, 129))), 8000, "b"),
    "confusion": lambda: plot.confusion([[3, 1], [0, 0]], ["yes", "no"], "c"),
    "bars": lambda: plot.bars({"george": 98.5, "theo": 71}, "accuracy [%]", "b"),
    "bars, undefined": lambda: plot.bars({"a": np.nan, "a very long name that needs room": -1.0}),
    "scatter": lambda: plot.scatter({"ee": MATRIX[:, :2], "oo": MATRIX[:3, 1:3]}, "F2 [Hz]", "F1 [Hz]", "s"),
    "scatter, ellipses": lambda: plot.scatter(
        {"a": MATRIX[:, :2]},
        ellipses={"1": (np.zeros(2), np.ones(2)), "2": (np.ones(2), np.array([[2.0, 1.0], [1.0, 2.0]]))},
        reverse=True,
    ),
    "compare": lambda: plot.compare({"yours": MATRIX, "library": MATRIX + 1}, 0.01, "c"),
    "stft": lambda: plot.stft(MATRIX.T + 1j, 8000, 80, "s"),
    "stft, magnitudes, silent": lambda: plot.stft(np.zeros((5, 7)), 8000, 80, range_db=60),
    "spectrograms": lambda: plot.spectrograms({"noisy": WAVE, "clean, shorter": WAVE[:900]}, 8000, "s"),
    "spectrograms, one sample": lambda: plot.spectrograms({"": [0.5]}, 8000),
    "speech": lambda: plot.speech(WAVE, 8000, title="a title that is longer than the figure is wide " * 3),
    "speech, marks": lambda: plot.speech(
        WAVE, 8000, [("sil", 0.0, 0.1), ("ˈaɪ", 0.1, 0.102), ("t", 0.102, 0.103), ("", 0.103, 0.5)], title="s"
    ),
    "speech, tracks": lambda: plot.speech(
        np.tile(WAVE, 8), 8000, [("one", 0.0, 4.0)], {"labelled": [(0.1, 0.2), [0.3, 4]], "none": []}
    ),
    "compare, two rows": lambda: plot.compare({str(i): MATRIX for i in range(4)}),
}


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_drawn_and_names_its_axes(name: str) -> None:
    figure = FIGURES[name]()
    picture = plot.png(figure)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 2000
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>" and axes.get_visible()]
    assert panels
    # the lowest panel names the horizontal axis that all share; bars name each bar instead
    assert panels[-1].get_xlabel() or panels[-1].get_xticklabels()
    assert panels[0].get_ylabel()
    if "time" in panels[-1].get_xlabel() or "frequency" in panels[-1].get_xlabel():
        assert panels[-1].get_xlabel().endswith("]"), "a physical axis names its unit"
    for bar in (axes for axes in figure.axes if axes.get_label() == "<colorbar>"):
        assert bar.get_ylabel()


@pytest.mark.parametrize(
    ("name", "x_label", "y_label"),
    [
        ("waveform", "time [s]", "amplitude\n[full scale = 1]"),
        ("spectrogram", "time [s]", "frequency [Hz]"),
        ("spectrogram, counting", "time [frames]", "frequency [bins]"),
        ("spectrogram, hop only", "time [samples]", "frequency [bins]"),
        ("features", "time [s]", "coefficient [index]"),
        ("features, counting", "time [frames]", "mel band [index]"),
        ("track", "time [s]", "level [dB]"),
        ("lines", "step [count]", "loss [nats]"),
        ("attention", "phones [index]", "frames [index]"),
        ("filterbank", "frequency [Hz]", "weight"),
        ("scatter", "F2 [Hz]", "F1 [Hz]"),
    ],
)
def test_axes_carry_units(name: str, x_label: str, y_label: str) -> None:
    axes = FIGURES[name]().axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (x_label, y_label)


def test_time_and_frequency_axes_have_the_right_scale() -> None:
    axes = plot.spectrogram(np.zeros((129, 100)), sample_rate=8000, hop_length=80).axes[0]
    assert axes.get_xlim() == pytest.approx((0, 1.0))  # 100 hops of 80 samples at 8 kHz
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] == pytest.approx(4000, abs=4000 / 128)  # up to half a bin above Nyquist


def test_loudest_bin_is_drawn_at_its_frequency() -> None:
    levels = np.zeros((129, 10))
    levels[32] = 1.0  # 32 · 4000 / 128 = 1000 Hz
    image = plot.spectrogram(levels, sample_rate=8000, hop_length=80).axes[0].images[0]
    left, right, bottom, top = image.get_extent()
    height = (top - bottom) / 129
    assert bottom + (32 + 0.5) * height == pytest.approx(1000)


def test_one_colour_scale_for_all_panels() -> None:
    figure = plot.compare({"a": np.zeros((3, 2)), "b": np.full((3, 2), 7.0)})
    assert {image.get_clim() for axes in figure.axes[:2] for image in axes.images} == {(0.0, 7.0)}


def test_a_long_waveform_keeps_its_peaks() -> None:
    wave = np.zeros(500_000)
    wave[123_456] = 1.0  # a click of one sample
    _, low, high = _envelope(wave)
    assert high.max() == 1.0
    assert low.min() == 0.0


def _envelope(wave):
    from labkit.plot.signals import envelope

    return envelope(wave)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.waveform([], 8000), "samples has shape"),
        (lambda: plot.waveform(np.zeros((2, 9)), 8000), r"samples has shape \(2, 9\)"),
        (lambda: plot.waveform([0.0], 0), "sample_rate is 0"),
        (lambda: plot.waveform(["a"], 8000), "samples has dtype"),
        (lambda: plot.spectrogram(np.zeros(5)), "values has shape"),
        (lambda: plot.spectrogram(MATRIX, orient="sideways"), "orient is 'sideways'"),
        (lambda: plot.features(MATRIX, -0.01), "hop_seconds is -0.01"),
        (lambda: plot.lines({}), "curves is an empty dict"),
        (lambda: plot.lines({"a": ([1, 2], [1])}), "2 values of x and 1 of y"),
        (lambda: plot.matrix(MATRIX, x_ticks=["a"]), "x_ticks has 1 names, expected 13"),
        (lambda: plot.state_path([0.5]), "path holds something else"),
        (lambda: plot.state_path([0, 3], 2), "path holds state 3"),
        (lambda: plot.state_path([0, 1], features=MATRIX), "features has 50 frames, expected 2"),
        (lambda: plot.confusion(np.zeros((2, 3)), ["a", "b"]), "expected a square"),
        (lambda: plot.confusion(np.zeros((2, 2)), ["a"]), "labels has 1 names, expected 2"),
        (lambda: plot.bars({}), "values is empty"),
        (lambda: plot.scatter({}), "points is empty"),
        (lambda: plot.scatter({"a": MATRIX}), "has 13 columns, expected 2"),
        (
            lambda: plot.scatter({"a": MATRIX[:, :2]}, ellipses={"1": (np.zeros(2), np.ones(3))}),
            "spread of shape",
        ),
        (lambda: plot.compare({}), "values is empty"),
    ],
)
def test_bad_input_is_named(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_an_ellipse_holds_the_points_within_two_deviations() -> None:
    covariance = np.array([[2.0, 1.2], [1.2, 1.0]])
    figure = plot.scatter({"a": MATRIX[:, :2]}, ellipses={"1": (np.array([3.0, -1.0]), covariance)})
    outline = figure.axes[0].lines[1].get_xydata() - [3.0, -1.0]
    distance = np.sqrt(np.sum(outline @ np.linalg.inv(covariance) * outline, axis=1))
    np.testing.assert_allclose(distance, 2.0, atol=1e-9)


def test_torch_tensors_are_drawn() -> None:
    torch = pytest.importorskip("torch")
    weights = torch.softmax(torch.zeros(3, 4, requires_grad=True), dim=-1)
    assert plot.png(plot.attention(weights)).startswith(b"\x89PNG")
    assert plot.png(plot.matrix(weights.detach().to(torch.bfloat16))).startswith(b"\x89PNG")


def test_drawing_leaves_matplotlib_as_it_was_and_ignores_the_users_style() -> None:
    import matplotlib

    before = plot.png(plot.lines({"a": [1, 2, 3]}))
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30, "lines.linewidth": 9}):
        settings = dict(matplotlib.rcParams)
        assert plot.png(plot.lines({"a": [1, 2, 3]})) == before
        assert dict(matplotlib.rcParams) == settings


def test_equal_figures_are_equal_bytes() -> None:
    assert plot.png(FIGURES["state_path"]()) == plot.png(FIGURES["state_path"]())


def test_text_stands_out_from_its_paper_in_any_theme() -> None:
    # the figure brings its own opaque background, so what surrounds it does not matter
    from PIL import Image

    picture = Image.open(io.BytesIO(plot.png(FIGURES["lines"]())))
    assert picture.convert("RGBA").getchannel("A").getextrema() == (255, 255)
    assert _contrast(style.INK, style.PAPER) >= 7  # WCAG 2.2, level AAA for text


def test_first_curves_stand_out_from_the_paper() -> None:
    for color in style.PALETTE[:4]:
        assert _contrast(color, style.PAPER) >= 3  # WCAG 2.2, 1.4.11 for graphics
    assert len({(style.color(i), style.stroke(i)) for i in range(24)}) == 24


def _contrast(first: str, second: str) -> float:
    bright, dark = sorted(map(_luminance, (first, second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    # WCAG 2.2, relative luminance
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_description_says_in_words_what_is_drawn() -> None:
    assert style.description(FIGURES["track"]()) == "t: level [dB] over time [s]"


def test_a_spectrogram_shows_a_tone_at_its_frequency_and_level() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    figure = plot.spectrograms({"tone": tone}, 8000)
    (image,) = figure.axes[0].images
    levels, (left, right, bottom, top) = np.asarray(image.get_array()), image.get_extent()
    middle = levels[:, levels.shape[1] // 2]
    height = bottom + (np.argmax(middle) + 0.5) * (top - bottom) / len(middle)
    assert height == pytest.approx(1000, abs=20)
    assert middle.max() == pytest.approx(20 * np.log10(0.5), abs=0.1)  # a sine of full scale is 0 dB
    assert left <= 0 and right == pytest.approx(1.0, abs=0.01)
    assert levels.min() >= levels.max() - 80.001


def test_a_track_of_truth_values_lies_where_it_is_true() -> None:
    voiced = np.zeros(100, bool)
    voiced[20:50] = voiced[99] = True
    figure = plot.speech(np.ones(8000) * 0.1, 8000, tracks={"vad": voiced})
    (bars,) = figure.axes[2].collections
    edges = [(box.get_extents().x0, box.get_extents().x1) for box in bars.get_paths()]
    np.testing.assert_allclose(edges, [(0.2, 0.5), (0.99, 1.0)], atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.stft(MATRIX[0], 8000, 80), "spectrum has shape"),
        (lambda: plot.stft(np.array([["a"]]), 8000, 80), "spectrum has dtype"),
        (lambda: plot.stft(MATRIX, 8000, 0), "hop_length is 0"),
        (lambda: plot.spectrograms({}, 8000), "signals is empty"),
        (lambda: plot.spectrograms({"a": MATRIX}, 8000), r"signals\['a'\] has shape"),
        (lambda: plot.speech(WAVE, 0), "sample_rate is 0"),
        (lambda: plot.speech(WAVE, 8000, [("a", 1.0, 0.5)]), "'a' starts at 1.0 s and ends at 0.5 s"),
        (lambda: plot.speech(WAVE, 8000, tracks={"v": [0.5, 1.0]}), r"tracks\['v'\] has shape"),
        (lambda: plot.speech(WAVE, 8000, tracks={"v": [(1.0, 0.5)]}), "ends before it starts"),
    ],
)
def test_bad_sounds_are_named(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_whole_numbers_are_counted_in_whole_numbers() -> None:
    rounds = plot.lines({"training": ([1, 2, 3], [-3.0, -2.0, -1.5])}, "round", "nats")
    seconds = plot.lines({"level": ([0.0, 0.5, 1.5], [1.0, 2.0, 3.0])}, "time [s]", "dB")
    assert np.all(rounds.axes[0].get_xticks() % 1 == 0)
    assert not np.all(seconds.axes[0].get_xticks() % 1 == 0)
