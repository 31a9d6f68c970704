"""How the classical voices learn: units are cut, and the phones of the statistical voice get their models.

`cut_or_analyse` and `train_phone` run in the processes of `capstone.workers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from capstone.connected_jobs import lab
from capstone.recognizer import bar
from capstone.workers import chunks, scale_to, workers

Phones = list[tuple[str, float, float]]  # label, start and end in seconds
Sentence = tuple[Float[np.ndarray, "time"], Phones]
Tables = tuple[Float[np.ndarray, "frames"], Float[np.ndarray, "frames parameters"]]

HOP_LENGTH = 110  # samples from frame to frame, 5 ms at 22 050 Hz
N_FFT = 1024
ALPHA = 0.455  # of the mel-cepstrum, for 22 050 Hz
ORDER = 24  # last coefficient of the mel-cepstrum
N_BANDS = 5  # of the aperiodicity
QUIETEST_POWER = 1e-10  # of an envelope: digital silence has no logarithm
N_STATES = (5, 3, 1)  # of a phone: as many as nearly all of its recordings have frames for
NEARLY_ALL = 0.9
SELF_LOOP = 0.8
N_ROUNDS = 3  # of Baum-Welch
VARIANCE_FLOOR = 0.01  # in squared standard deviations of all frames
DURATION_FLOOR = 1.0  # squared frames
MIXTURE = ("weights", "means", "variances")


def learn(
    sentences: Sequence[Sentence], rate: int, progress: bool = True, processes: int | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inventory of units, and the model of the statistical voice.

    Args:
        sentences: waveform and phones of each; the phones without gaps.
        rate: sample rate in Hz.
        progress: show bars.
        processes: how many work at it; None for two.
    """
    jobs: list[dict[str, Any]] = [{"indices": piece} for piece in chunks(range(len(sentences)), 10)]
    jobs = [{**job, "rate": rate} for job in ({}, *jobs)]  # the first one cuts the units
    data: Any = list(sentences)
    with workers(data, None, processes) as crew:
        answers = dict(bar(crew.run(cut_or_analyse, jobs), "voices", progress, len(jobs)))
    tables = [pair for number in range(1, len(jobs)) for pair in answers[number]]
    return answers[0], phone_models([phones for _, phones in sentences], tables, rate, progress, processes)


def cut_or_analyse(data: list[Sentence], _: Any, job: dict[str, Any]) -> Any:
    """`analyse` of the sentences `job["indices"]`; without these, the units of all sentences."""
    if "indices" in job:
        return [analyse(data[k][0], job["rate"]) for k in job["indices"]]
    utterances = [{"samples": samples, "phones": phones} for samples, phones in data]
    return lab("t08b_unit_selection").build_inventory(utterances, job["rate"])


def analyse(samples: Float[np.ndarray, "time"], rate: int) -> Tables:
    """f0 in Hz, and mel-cepstrum and aperiodicity in bands, of each frame."""
    world = lab("t08c_world_vocoder")
    recording = np.array(samples, dtype=np.float64)
    f0 = world.yin(recording, rate, HOP_LENGTH)
    envelope = world.spectral_envelope(recording, f0, rate, HOP_LENGTH, N_FFT)
    breath = world.aperiodicity(recording, f0, rate, HOP_LENGTH, N_FFT)
    loud_enough = np.maximum(envelope, QUIETEST_POWER)
    parameters = lab("c03_classical_voice").voice_parameters(loud_enough, breath, ORDER, N_BANDS, ALPHA)
    return f0, parameters


def states_for(lengths: list[int]) -> int:
    """How many states the model of a phone gets, from the lengths of its recordings in frames."""
    return next(n for n in N_STATES if n == 1 or np.mean(np.array(lengths) >= n) >= NEARLY_ALL)


def train_phone(data: dict[str, list[np.ndarray]], _: Any, job: dict[str, Any]) -> dict[str, Any]:
    """The model of the phone `job["label"]`, and how long each recording of it stays in each state.

    Started from equal slices, trained by Baum-Welch, aligned by Viterbi. A recording with fewer frames than
    states is left out of the training; its frames are shared out evenly.
    """
    hmm, gmm, voice = lab("t05_hmm"), lab("t06_gmm"), lab("c03_classical_voice")
    recordings = [np.asarray(x, dtype=np.float64) for x in data[job["label"]]]
    n_states = states_for([len(x) for x in recordings])
    usable = [x for x in recordings if len(x) >= n_states]
    frames = np.concatenate(usable)
    slices = np.concatenate([_even_path(len(x), n_states) for x in usable])
    initial, transition = hmm.left_to_right(n_states, SELF_LOOP)
    model = {
        "initial": initial,
        "transition": transition,
        "weights": np.ones((n_states, 1)),
        "means": np.array([[frames[slices == k].mean(axis=0)] for k in range(n_states)]),
        "variances": np.array([[frames[slices == k].var(axis=0)] for k in range(n_states)]),
    }
    model["variances"] = np.maximum(model["variances"], VARIANCE_FLOOR)
    for _round in range(N_ROUNDS):
        model, _likelihood = gmm.gmm_hmm_step(usable, model, VARIANCE_FLOOR)
    durations = []
    for x in recordings:
        if len(x) < n_states:
            durations.append(np.bincount(_even_path(len(x), n_states), minlength=n_states))
            continue
        log_obs = np.array(gmm.gmm_log_obs(x, *(model[key] for key in MIXTURE)))
        log_obs[-1, :-1] = -np.inf  # the phone was said to its end
        path, _likelihood = hmm.viterbi(model["initial"], model["transition"], log_obs)
        durations.append(voice.state_durations(path, n_states))
    known = [d for d, x in zip(durations, recordings, strict=True) if len(x) >= n_states]
    of_time = voice.duration_model(known, DURATION_FLOOR)
    return {
        "means": model["means"],
        "variances": model["variances"],
        "duration_means": of_time["means"],
        "duration_variances": of_time["variances"],
        "stays": durations,
    }


def _even_path(n_frames: int, n_states: int) -> Int[np.ndarray, "frames"]:
    return np.arange(n_frames) * n_states // n_frames


def phone_models(
    phones: Sequence[Phones],
    tables: Sequence[Tables],
    rate: int,
    progress: bool = True,
    processes: int | None = None,
) -> dict[str, Any]:
    """The model of the statistical voice, from the frames of each phone between its known times.

    Args:
        phones: of each sentence.
        tables: of each sentence, as from `analyse`.
        rate, progress, processes: as in `learn`.
    """
    voice = lab("c03_classical_voice")
    features = [voice.append_deltas(parameters) for _, parameters in tables]
    scale = lab("c01_digit_recognizer").feature_scale(features)
    spans = [frame_spans(own, len(x), rate) for own, x in zip(phones, features, strict=True)]
    recordings: dict[str, list[np.ndarray]] = {}
    for x, own in zip(features, spans, strict=True):
        scaled = scale_to(x, scale).astype(np.float32)  # half of what has to be sent
        for label, first, behind in own:
            recordings.setdefault(label, []).append(scaled[first:behind])
    # the longest first, so that no process waits at the end
    labels = sorted(recordings, key=lambda label: -sum(map(len, recordings[label])))
    jobs = [{"label": label} for label in labels]
    data: Any = recordings
    with workers(data, None, processes) as crew:
        answers = dict(bar(crew.run(train_phone, jobs), "phones", progress, len(jobs)))
    trained = {label: answers[number] for number, label in enumerate(labels)}
    sizes = [len(trained[label]["duration_means"]) for label in labels]
    own_states = {
        label: slice(end - size, end)
        for label, size, end in zip(labels, sizes, np.cumsum(sizes).tolist(), strict=True)
    }
    turns = {label: iter(phone["stays"]) for label, phone in trained.items()}
    paths = []
    for own in spans:
        lasting = [(own_states[label], next(turns[label])) for label, _, _ in own]
        paths.append(np.concatenate([np.repeat(np.arange(s.start, s.stop), d) for s, d in lasting]))
    pitch = voice.state_pitch([f0 for f0, _ in tables], paths, sum(sizes))
    models = {}
    for label in labels:
        own, states = trained[label], own_states[label]
        models[label] = {
            "means": own["means"] * scale["deviation"] + scale["mean"],
            "variances": own["variances"] * scale["deviation"] ** 2,
            "duration_means": own["duration_means"],
            "duration_variances": own["duration_variances"],
            "f0_means": pitch["means"][states],
            "f0_variances": pitch["variances"][states],
            "f0_voiced": pitch["voiced"][states],
        }
    cepstra = [parameters[:, 1 : ORDER + 1] for _, parameters in tables]
    return {
        "phones": models,
        "sample_rate": rate,
        "hop_length": HOP_LENGTH,
        "n_fft": N_FFT,
        "alpha": ALPHA,
        "global_variance": np.mean([x.var(axis=0) for x in cepstra], axis=0),
    }


def frame_spans(phones: Phones, n_frames: int, rate: int) -> list[tuple[str, int, int]]:
    """(label, first frame, first frame behind it) of each phone; all frames, and each phone at least one."""
    wanted = [round(start * rate / HOP_LENGTH) for _, start, _ in phones[1:]]
    edges = [0, *wanted, n_frames]
    for k in range(1, len(phones)):
        edges[k] = min(max(edges[k], edges[k - 1] + 1), n_frames - len(phones) + k)
    return [(label, a, b) for (label, _, _), (a, b) in zip(phones, pairwise(edges), strict=True)]
