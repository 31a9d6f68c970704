"""MFCCs of 60 s of sound against librosa."""

from __future__ import annotations

import numpy as np

from benchmarks.measure import Row, by_turns, ratio, spreads

ABOUT = """\
The reference parts of the lab on mel features against `librosa.feature.mfcc` on 60 s of noise at
16 000 Hz, one thread each. Both start from the same float32 samples. Ours computes in double precision,
librosa in single. `mfcc` and librosa have the same sizes (25 ms frames every 10 ms, FFT of 512, 40
filters, 13 coefficients) but their own recipes; ours has the pre-emphasis on top. `mfcc_like_librosa`
computes the same numbers as librosa with librosa's default sizes (frames of 2048, hop 512, 128 filters,
20 coefficients); that they are the same is asserted in double precision before anything is timed."""

NAME = "mfcc"
SAMPLE_RATE = 16_000
GOAL = 1.0
# librosa rounds its filters to single precision: the lab derives this bound
AGREEMENT = 1e-5

SAME_SIZES = {"n_mfcc": 13, "n_mels": 40, "n_fft": 512, "hop_length": 160, "win_length": 400}


def run(quick: bool) -> list[Row]:
    """Two rows: `mfcc`, and `mfcc_like_librosa`."""
    import librosa

    from autograder.course import load_course
    from autograder.loading import reference_of

    lab = reference_of(load_course(), "t03_mel_features")
    seconds, repeat = (2, 2) if quick else (60, 15)
    samples = np.random.default_rng(0).normal(0, 0.1, seconds * SAMPLE_RATE).astype(np.float32)

    exact = samples.astype(np.float64)
    theirs = librosa.feature.mfcc(y=exact, sr=SAMPLE_RATE).T
    difference = np.abs(lab.mfcc_like_librosa(exact, SAMPLE_RATE) - theirs).max()
    assert difference < AGREEMENT, f"mfcc_like_librosa and librosa differ by {difference}"

    pairs = {
        "mfcc": (
            lambda: lab.mfcc(samples, SAMPLE_RATE),
            lambda: librosa.feature.mfcc(y=samples, sr=SAMPLE_RATE, **SAME_SIZES),
            "same sizes, own recipes",
        ),
        "mfcc_like_librosa": (
            lambda: lab.mfcc_like_librosa(samples, SAMPLE_RATE),
            lambda: librosa.feature.mfcc(y=samples, sr=SAMPLE_RATE),
            f"same numbers: largest difference {difference:.0e}",
        ),
    }
    rows = []
    for what, (ours, librosas, note) in pairs.items():
        times = by_turns({"ours": ours, "librosa": librosas}, repeat)
        rows.append(
            Row(
                NAME,
                f"{what}, {seconds} s of sound",
                ratio(times, "ours", "librosa"),
                "of librosa's time",
                GOAL,
                spreads(times),
                note,
            )
        )
    return rows
