"""What importing labkit costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import labkit

HEAVY = ("torch", "torchaudio", "matplotlib", "IPython", "scipy", "librosa", "soundfile", "tqdm", "rich")


def _modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_labkit_loads_nothing_heavy_and_not_even_numpy() -> None:
    loaded = _modules_after("import labkit")
    assert not loaded & {*HEAVY, "numpy"}


def test_importing_all_that_a_lab_imports_loads_nothing_heavy() -> None:
    names = ", ".join(labkit.__all__)
    loaded = _modules_after(f"from labkit import {names}")
    assert not loaded & set(HEAVY)


def test_drawing_a_figure_does_not_load_pyplot() -> None:
    loaded = _modules_after("from labkit import plot\nplot.png(plot.waveform([0.0, 1.0], 8000))")
    assert "matplotlib" in loaded
    assert "matplotlib.pyplot" not in loaded


def test_every_public_name_is_there() -> None:
    assert all(getattr(labkit, name) is not None for name in labkit.__all__)
    assert set(labkit.__all__) <= set(dir(labkit))


def test_unknown_name_is_an_attribute_error_that_names_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="plots.*it has.*plot"):
        labkit.plots


@pytest.mark.slow
def test_torchaudio_loads_beside_a_cpu_build_of_torch() -> None:
    pytest.importorskip("torch")
    script = (
        "from labkit.torchaudio_compat import import_torchaudio\n"
        "torchaudio = import_torchaudio()\n"
        "import torch\n"
        "mel = torchaudio.transforms.MelSpectrogram(16000, n_fft=512, n_mels=20)(torch.zeros(1, 1600))\n"
        "assert import_torchaudio() is torchaudio\n"
        "print(*mel.shape)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "20", "7"]  # centred frames: 1600 // 256 + 1
