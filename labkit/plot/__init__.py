"""Figures in one style. Every function returns the matplotlib figure; a notebook shows it at once."""

from labkit.plot.charts import attention, bars, confusion, filterbank, lines, matrix, scatter
from labkit.plot.signals import compare, features, spectrogram, state_path, track, waveform
from labkit.plot.sounds import spectrograms, speech, stft
from labkit.plot.style import png

__all__ = [
    "attention",
    "bars",
    "compare",
    "confusion",
    "features",
    "filterbank",
    "lines",
    "matrix",
    "png",
    "scatter",
    "spectrogram",
    "spectrograms",
    "speech",
    "state_path",
    "stft",
    "track",
    "waveform",
]
