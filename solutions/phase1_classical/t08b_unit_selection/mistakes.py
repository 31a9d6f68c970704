"""Wrong variants of the lab on unit selection, and what to tell who wrote them."""

from itertools import pairwise

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


# --- pitch_marks -------------------------------------------------------------------------------------


def walked(
    samples, f0, hop_length, sample_rate, tolerance, pick=np.argmax, period_at=None, first=None, last=0
):
    """The right walk, with one step of it exchanged."""
    reference.pitch_marks(samples, f0, hop_length, sample_rate, tolerance)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], f0 > 0, [False]])))
    marks = []
    for a, b in zip(edges[::2], edges[1::2] - 1, strict=True):
        start, end = a * hop_length, b * hop_length
        low = start
        high = min(start + round(sample_rate / f0[a]) - 1, end)
        if first is not None:
            high = min(first(start, sample_rate / f0[a]), end)
        while high <= end:
            mark = low + int(pick(samples[low : high + 1 - last]))
            marks.append(mark)
            frame = int(np.clip(round(mark / hop_length), a, b))
            period = sample_rate / f0[a if period_at == "start" else frame]
            low = mark + max(round((1 - tolerance) * period), 1)
            high = max(mark + round((1 + tolerance) * period), low + last)
    return np.array(marks, dtype=np.int64)


@mistake("pitch_marks", "Your marks sit in the valleys. Take the highest sample, not the lowest.")
def valleys(samples, f0, hop_length, sample_rate, tolerance=0.1):
    return walked(samples, f0, hop_length, sample_rate, tolerance, pick=np.argmin)


@mistake(
    "pitch_marks", "You took the largest absolute value. A deep valley is no peak: do not drop the sign."
)
def without_sign(samples, f0, hop_length, sample_rate, tolerance=0.1):
    return walked(
        samples, f0, hop_length, sample_rate, tolerance, pick=lambda piece: np.argmax(np.abs(piece))
    )


@mistake(
    "pitch_marks",
    "You kept the period of the start for the whole stretch. The pitch glides: ask at each mark.",
)
def one_period_for_all(samples, f0, hop_length, sample_rate, tolerance=0.1):
    return walked(samples, f0, hop_length, sample_rate, tolerance, period_at="start")


@mistake("pitch_marks", "The last sample of each range is never looked at: a slice leaves out its end.")
def range_without_its_end(samples, f0, hop_length, sample_rate, tolerance=0.1):
    return walked(samples, f0, hop_length, sample_rate, tolerance, last=1)


@mistake(
    "pitch_marks",
    "Your first mark is at the start of the stretch itself. Look for the peak of its first period.",
)
def first_mark_at_the_start(samples, f0, hop_length, sample_rate, tolerance=0.1):
    return walked(samples, f0, hop_length, sample_rate, tolerance, first=lambda start, period: start)


@mistake(
    "pitch_marks",
    "You marked the frames without voice too, with a period from somewhere else. They get no mark.",
)
def unvoiced_at_the_voiced_rate(samples, f0, hop_length, sample_rate, tolerance=0.1):
    reference.pitch_marks(samples, f0, hop_length, sample_rate, tolerance)
    if not np.any(f0 > 0):
        return np.arange(0, len(samples), 100)
    filled = np.where(f0 > 0, f0, f0[f0 > 0].mean())
    return reference.pitch_marks(samples, filled, hop_length, sample_rate, tolerance)


@mistake("pitch_marks", "Your marks are counted in frames. They should be samples.")
def in_frames(samples, f0, hop_length, sample_rate, tolerance=0.1):
    return reference.pitch_marks(samples, f0, hop_length, sample_rate, tolerance) // hop_length


# --- fill_marks --------------------------------------------------------------------------------------


@mistake(
    "fill_marks",
    "You filled the gaps at the rate of the voice. Where there is no voice, use the given distance.",
)
def filled_at_the_voiced_rate(marks, length, spacing, longest):
    reference.fill_marks(marks, length, spacing, longest)
    gaps = np.diff(marks)
    gaps = gaps[gaps <= longest]
    return reference.fill_marks(marks, length, float(gaps.mean()) if len(gaps) else spacing, longest)


@mistake("fill_marks", "You called the new marks voiced. Only those that were given belong to the voice.")
def all_voiced(marks, length, spacing, longest):
    every, _ = reference.fill_marks(marks, length, spacing, longest)
    return every, np.ones(len(every), dtype=bool)


@mistake(
    "fill_marks",
    "You divided every gap, the periods of the voice too. Only gaps above `longest` are divided.",
)
def periods_divided(marks, length, spacing, longest):
    return reference.fill_marks(marks, length, spacing, 0.0)


@mistake("fill_marks", "Nothing marks the first and the last sample, so the ends of the signal get lost.")
def without_the_ends(marks, length, spacing, longest):
    every, voiced = reference.fill_marks(marks, length, spacing, longest)
    return (every[1:-1], voiced[1:-1]) if len(every) > 2 else (every[:0], voiced[:0])


@mistake(
    "fill_marks",
    "Your steps are always `spacing` long, and the last of a gap is what is left. Make them equal.",
)
def a_short_last_step(marks, length, spacing, longest):
    reference.fill_marks(marks, length, spacing, longest)
    known = np.union1d(marks, [0, length - 1]).astype(np.int64)
    pieces = [
        np.round(np.arange(a, b, spacing)) if b - a > longest else np.array([a]) for a, b in pairwise(known)
    ]
    every = np.unique(np.append(np.concatenate(pieces), length - 1)).astype(np.int64)
    return every, np.isin(every, marks)


@mistake("fill_marks", "You rounded the number of steps down. Take the nearest number.")
def steps_rounded_down(marks, length, spacing, longest):
    reference.fill_marks(marks, length, spacing, longest)
    known = np.union1d(marks, [0, length - 1]).astype(np.int64)
    pieces = []
    for a, b in pairwise(known):
        steps = max(int((b - a) // spacing), 1) if b - a > longest else 1
        pieces.append(a + np.round(np.arange(steps) * (b - a) / steps))
    every = np.append(np.concatenate(pieces), length - 1).astype(np.int64)
    return every, np.isin(every, marks)


# --- synthesis_marks ---------------------------------------------------------------------------------


def stepped(times, periods, choose, rounded=False, until=None, step=None):
    reference.synthesis_marks(times, periods)
    marks, grains, t = [], [], times[0]
    while t <= times[-1] and (until is None or t < until or not marks):
        grain = int(choose(t))
        marks.append(round(t))
        grains.append(grain)
        t = (round(t) if rounded else t) + (periods[grain] if step is None else step(grain))
    return np.array(marks, dtype=np.int64), np.array(grains, dtype=np.int64)


def nearest_to(times):
    return lambda t: np.argmin(np.abs(times - t))


@mistake(
    "synthesis_marks", "You walk on from the rounded mark. The errors add up: round only what you return."
)
def rounding_adds_up(times, periods):
    return stepped(times, np.maximum(periods, 0.51), nearest_to(times), rounded=True)


@mistake(
    "synthesis_marks",
    "You take the grains one after another. Each place needs the nearest one in time, which may come "
    "twice or not at all.",
)
def every_grain_in_turn(times, periods):
    counter = iter(range(10**9))
    return stepped(times, periods, lambda t: min(next(counter), len(times) - 1))


@mistake("synthesis_marks", "You take the last grain before each place. Take the nearest, on either side.")
def grain_rounded_down(times, periods):
    return stepped(times, periods, lambda t: max(int(np.searchsorted(times, t, side="right")) - 1, 0))


@mistake("synthesis_marks", "Your walk stops one step early. A mark on the last time still counts.")
def stops_early(times, periods):
    marks, grains = reference.synthesis_marks(times, periods)
    return (marks[:-1], grains[:-1]) if len(marks) > 1 else (marks, grains)


@mistake("synthesis_marks", "Your walk starts at zero. It starts at the time of the first grain.")
def starts_at_zero(times, periods):
    marks, grains = reference.synthesis_marks(times, periods)
    return marks - marks[0], grains


@mistake(
    "synthesis_marks",
    "You step by one mean period. Each step is the period of the grain that was just placed.",
)
def mean_period(times, periods):
    reference.synthesis_marks(times, periods)
    return stepped(times, periods, nearest_to(times), step=lambda grain: float(np.mean(periods)))


# --- psola -------------------------------------------------------------------------------------------


def overlapped(samples, marks, sources, positions, length, gains, window, normalise=None, weigh_gain=False):
    """Grains with another window: window(rise, fall) → rising and falling half."""
    gains = np.ones(len(sources)) if gains is None else gains
    reference.psola(samples, marks, sources, positions, length, gains)
    before, after = np.diff(marks, prepend=marks[0]), np.diff(marks, append=marks[-1] + 1)
    result, weight = np.zeros(length), np.zeros(length)
    for source, position, gain in zip(sources, positions, gains, strict=True):
        shape = np.concatenate(window(int(before[source]), int(after[source])))
        first, offset = marks[source] - before[source], position - before[source]
        low, high = max(0, -offset), min(len(shape), length - offset)
        if low < high:
            piece = samples[first : first + len(shape)]
            result[offset + low : offset + high] += (gain * shape * piece)[low:high]
            weight[offset + low : offset + high] += (gain if weigh_gain else 1) * shape[low:high]
    return result / (np.maximum(weight, 1.0) if normalise is None else normalise(weight))


def hann_halves(rise, fall):
    return (
        0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / max(rise, 1)),
        0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / fall),
    )


@mistake(
    "psola",
    "Your window is one period long in all. It needs two: one period on either side of the mark.",
)
def one_period_window(samples, marks, sources, positions, length, gains=None):
    def window(rise, fall):
        left = np.abs(np.arange(rise) - rise) / max(rise, 1)
        right = np.arange(fall) / fall
        return (
            np.where(left < 0.5, 0.5 + 0.5 * np.cos(2 * np.pi * left), 0),
            np.where(right < 0.5, 0.5 + 0.5 * np.cos(2 * np.pi * right), 0),
        )

    return overlapped(samples, marks, sources, positions, length, gains, window)


@mistake("psola", "You cut the grains without fading them. Each needs its window before it is added.")
def without_a_window(samples, marks, sources, positions, length, gains=None):
    return overlapped(
        samples, marks, sources, positions, length, gains, lambda rise, fall: (np.ones(rise), np.ones(fall))
    )


@mistake("psola", "You never divide by the sum of the windows. Where grains crowd, the sound gets louder.")
def not_divided(samples, marks, sources, positions, length, gains=None):
    return overlapped(samples, marks, sources, positions, length, gains, hann_halves, np.ones_like)


@mistake(
    "psola",
    "You divide by the sum of the windows also where it is below one. That blows up the gaps of a low voice.",
)
def divided_everywhere(samples, marks, sources, positions, length, gains=None):
    return overlapped(
        samples,
        marks,
        sources,
        positions,
        length,
        gains,
        hann_halves,
        lambda weight: np.where(weight > 1e-9, weight, 1.0),
    )


@mistake("psola", "You count the gains in the sum of windows, so that dividing takes them out again.")
def gains_in_the_weight(samples, marks, sources, positions, length, gains=None):
    return overlapped(samples, marks, sources, positions, length, gains, hann_halves, weigh_gain=True)


@mistake(
    "psola",
    "Your grains start at the new mark instead of one period before it: the mark is the grain's middle.",
)
def grain_starts_at_the_mark(samples, marks, sources, positions, length, gains=None):
    reference.psola(samples, marks, sources, positions, length, gains)
    before = np.diff(marks, prepend=marks[0])
    return reference.psola(samples, marks, sources, positions + before[sources], length, gains)


@mistake(
    "psola",
    "Your fading halves are swapped: the grain must be loudest at its mark and silent at both ends.",
)
def swapped_halves(samples, marks, sources, positions, length, gains=None):
    return overlapped(
        samples,
        marks,
        sources,
        positions,
        length,
        gains,
        lambda rise, fall: (1 - hann_halves(rise, fall)[0], 1 - hann_halves(rise, fall)[1]),
    )


@mistake("psola", "You left the gains out.")
def no_gains(samples, marks, sources, positions, length, gains=None):
    reference.psola(samples, marks, sources, positions, length, gains)
    return reference.psola(samples, marks, sources, positions, length)


# --- cut_diphones ------------------------------------------------------------------------------------


@mistake(
    "cut_diphones",
    "You cut at the borders of the phones. The transition is there: cut in the middles, where it is calm.",
)
def at_the_borders(phones):
    return [
        {**one, "start": a[1], "end": b[2]}
        for one, (a, b) in zip(reference.cut_diphones(phones), pairwise(phones), strict=True)
    ]


@mistake(
    "cut_diphones",
    "Your border is in the middle of the diphone. It is where the right phone starts.",
)
def border_in_the_middle(phones):
    return [{**one, "border": (one["start"] + one["end"]) / 2} for one in reference.cut_diphones(phones)]


@mistake("cut_diphones", "`previous` and `next` are the phones around the pair, not the pair itself.")
def neighbours_are_the_pair(phones):
    return [{**one, "previous": one["left"], "next": one["right"]} for one in reference.cut_diphones(phones)]


@mistake("cut_diphones", "You cut whole phones. A diphone has two: from one middle to the next middle.")
def whole_phones(phones):
    return [
        {**one, "start": a[1], "border": (a[1] + a[2]) / 2, "end": a[2]}
        for one, a in zip(reference.cut_diphones(phones), phones, strict=False)
    ]


@mistake(
    "cut_diphones", "You skip every other pair. Diphones share their ends: each phone is in two of them."
)
def every_other_pair(phones):
    return reference.cut_diphones(phones)[::2]


# --- unit_features -----------------------------------------------------------------------------------


@mistake(
    "unit_features",
    "The zeros of the unvoiced frames are in your mean pitch. A zero is no pitch: leave it out.",
)
def zeros_in_the_mean(diphones, mfcc, f0, levels, hop_length, sample_rate):
    right = reference.unit_features(diphones, mfcc, f0, levels, hop_length, sample_rate)
    frames = np.minimum(np.round(right["cuts"] / hop_length).astype(int), len(f0) - 1)
    return {**right, "f0": np.array([f0[a : b + 1].mean() for a, _, b in frames])}


@mistake("unit_features", "Start and end are swapped in your join features.")
def ends_swapped(diphones, mfcc, f0, levels, hop_length, sample_rate):
    right = reference.unit_features(diphones, mfcc, f0, levels, hop_length, sample_rate)
    swapped = {}
    for key in ("mfcc", "f0", "level"):
        swapped |= {f"{key}_start": right[f"{key}_end"], f"{key}_end": right[f"{key}_start"]}
    return {**right, **swapped}


@mistake(
    "unit_features",
    "Your join features come from the border inside the unit. Joins are at its two ends.",
)
def at_the_inner_border(diphones, mfcc, f0, levels, hop_length, sample_rate):
    right = reference.unit_features(diphones, mfcc, f0, levels, hop_length, sample_rate)
    frames = np.minimum(np.round(right["cuts"][:, 1] / hop_length).astype(int), len(f0) - 1)
    changed = {}
    for key, track in (("mfcc", mfcc), ("f0", f0), ("level", levels)):
        changed |= {f"{key}_start": track[frames], f"{key}_end": track[frames]}
    return {**right, **changed}


@mistake(
    "unit_features", "You rounded frames down. The frame at a sample is the one with the nearest centre."
)
def frames_rounded_down(diphones, mfcc, f0, levels, hop_length, sample_rate):
    right = reference.unit_features(diphones, mfcc, f0, levels, hop_length, sample_rate)
    frames = np.minimum(right["cuts"] // hop_length, len(f0) - 1)
    changed = {}
    for key, track in (("mfcc", mfcc), ("f0", f0), ("level", levels)):
        changed |= {f"{key}_start": track[frames[:, 0]], f"{key}_end": track[frames[:, 2]]}
    inside = [f0[a : b + 1] for a, _, b in frames]
    mean = np.array([x[x > 0].mean() if np.any(x > 0) else 0.0 for x in inside])
    return {**right, **changed, "f0": mean}


@mistake(
    "unit_features", "The frame at the end cut is missing in your mean pitch: a slice leaves out its end."
)
def last_frame_missing(diphones, mfcc, f0, levels, hop_length, sample_rate):
    right = reference.unit_features(diphones, mfcc, f0, levels, hop_length, sample_rate)
    frames = np.minimum(np.round(right["cuts"] / hop_length).astype(int), len(f0) - 1)
    inside = [f0[a:b] for a, _, b in frames]
    return {**right, "f0": np.array([x[x > 0].mean() if np.any(x > 0) else 0.0 for x in inside])}


@mistake("unit_features", "Your durations are those of the whole unit. Both halves are needed, one by one.")
def whole_durations(diphones, mfcc, f0, levels, hop_length, sample_rate):
    right = reference.unit_features(diphones, mfcc, f0, levels, hop_length, sample_rate)
    return {**right, "durations": np.repeat(right["durations"].sum(axis=1)[:, None], 2, axis=1)}


@mistake("unit_features", "Your position counts units. It is a share of the time.")
def position_by_count(diphones, mfcc, f0, levels, hop_length, sample_rate):
    right = reference.unit_features(diphones, mfcc, f0, levels, hop_length, sample_rate)
    return {**right, "position": np.arange(len(diphones)) / max(len(diphones) - 1, 1)}


# --- build_inventory ---------------------------------------------------------------------------------


def offsets(utterances, result):
    """For each unit and each mark the samples of all utterances before its own."""
    starts = np.cumsum([0] + [len(one["samples"]) for one in utterances])
    of_units = starts[np.searchsorted(starts, result["cuts"][:, 1], side="right") - 1]
    of_marks = starts[np.searchsorted(starts, result["marks"], side="right") - 1]
    return of_units, of_marks


@mistake("build_inventory", "The cuts of later recordings still count from their own start.")
def cuts_stay(utterances, sample_rate):
    result = reference.build_inventory(utterances, sample_rate)
    return {**result, "cuts": result["cuts"] - offsets(utterances, result)[0][:, None]}


@mistake("build_inventory", "The marks of later recordings still count from their own start.")
def marks_stay(utterances, sample_rate):
    result = reference.build_inventory(utterances, sample_rate)
    return {**result, "marks": result["marks"] - offsets(utterances, result)[1]}


@mistake("build_inventory", "Only the first recording is in your inventory.")
def first_only(utterances, sample_rate):
    return reference.build_inventory(utterances[:1], sample_rate)


@mistake("build_inventory", "Only the last recording is in your inventory: collect them, do not overwrite.")
def last_only(utterances, sample_rate):
    return reference.build_inventory(utterances[-1:], sample_rate)


@mistake(
    "build_inventory",
    "You kept the pitch marks only. Where there is no voice, marks are needed too: `all_marks`.",
)
def pitch_marks_only(utterances, sample_rate):
    result = reference.build_inventory(utterances, sample_rate)
    return {
        **result,
        "marks": result["marks"][result["voiced"]],
        "voiced": result["voiced"][result["voiced"]],
    }


# --- phone_distance ----------------------------------------------------------------------------------


def symbols(a, b, side):
    bare = ["".join(s for s in label if s not in reference.MARKS) for label in (a, b)]
    return [x if x in reference.FEATURES else (x[-1] if side == "end" else x[0]) for x in bare]


@mistake(
    "phone_distance", 'Your sides are swapped: "end" is about the last symbols, "start" about the first.'
)
def sides_swapped(a, b, side):
    reference.phone_distance(a, b, side)
    return reference.phone_distance(a, b, {"end": "start", "start": "end"}[side])


@mistake("phone_distance", "Manner weighs no more than the rest in your sum. It counts three times.")
def all_weigh_one(a, b, side):
    right = reference.phone_distance(a, b, side)
    first, second = symbols(a, b, side)
    if right < 2 or first not in reference.FEATURES or second not in reference.FEATURES:
        return right
    return 1 + sum(x != y for x, y in zip(reference.FEATURES[first], reference.FEATURES[second], strict=True))


@mistake("phone_distance", "Two labels that differ only in stress or length are 0 apart for you: that is 1.")
def stress_for_free(a, b, side):
    right = reference.phone_distance(a, b, side)
    return 0 if right == 1 else right


@mistake("phone_distance", "The 1 for labels that differ at all is missing.")
def without_the_one(a, b, side):
    return max(reference.phone_distance(a, b, side) - 1, 0)


@mistake("phone_distance", 'You read "sil" letter by letter. A label that is in the table is one symbol.')
def pause_spelled_out(a, b, side):
    right = reference.phone_distance(a, b, side)
    if "sil" not in (a, b) or a == b:
        return right
    a, b = (x if x != "sil" else ("l" if side == "end" else "s") for x in (a, b))
    return max(reference.phone_distance(a, b, side), 1)


@mistake("phone_distance", "Stress and length marks are read as symbols. Take them off first.")
def marks_as_symbols(a, b, side):
    right = reference.phone_distance(a, b, side)
    if a == b:
        return right
    first, second = (x if x in reference.FEATURES else (x[-1] if side == "end" else x[0]) for x in (a, b))
    if first == second:
        return 1
    if first not in reference.FEATURES or second not in reference.FEATURES:
        return 6
    differs = [x != y for x, y in zip(reference.FEATURES[first], reference.FEATURES[second], strict=True)]
    return 1 + 3 * differs[0] + differs[1] + differs[2]


# --- target_cost -------------------------------------------------------------------------------------


def one_term(targets, units, weights, name, value):
    """The right cost with one term exchanged."""
    return reference.target_cost(targets, units, {**weights, name: 0.0}) + weights[name] * value


@mistake(
    "target_cost", "You compare durations by difference. Twice and half as long cost the same: logarithm."
)
def difference_of_durations(targets, units, weights):
    value = np.abs(targets["durations"][:, None] - units["durations"][None]).sum(axis=2)
    return one_term(targets, units, weights, "duration", value)


@mistake(
    "target_cost",
    "You compare the whole durations. A half too long and a half too short must not cancel out.",
)
def halves_cancel(targets, units, weights):
    reference.target_cost(targets, units, weights)
    ratio = targets["durations"].sum(axis=1)[:, None] / units["durations"].sum(axis=1)[None]
    return one_term(targets, units, weights, "duration", np.abs(np.log(ratio)))


@mistake("target_cost", "Your pitch distance is in hertz. The ear counts octaves: logarithm to base 2.")
def hertz(targets, units, weights):
    wanted, there = targets["f0"][:, None], units["f0"][None]
    value = np.where((wanted > 0) & (there > 0), np.abs(wanted - there), 0.0)
    return one_term(targets, units, weights, "f0", value)


@mistake(
    "target_cost",
    "You took a pitch of 0 for a very low one. Where one of the two has no voice, the term is 0.",
)
def zero_is_low(targets, units, weights):
    wanted, there = np.maximum(targets["f0"], 1.0)[:, None], np.maximum(units["f0"], 1.0)[None]
    return one_term(targets, units, weights, "f0", np.abs(np.log2(wanted / there)))


@mistake("target_cost", "You took the natural logarithm for the pitch. Octaves need base 2.")
def nepers(targets, units, weights):
    right = reference.target_cost(targets, units, {**dict.fromkeys(weights, 0.0), "f0": 1.0})
    return one_term(targets, units, weights, "f0", right * np.log(2))


@mistake("target_cost", "Context counts once for you, whether one neighbour differs or both. It adds up.")
def context_once(targets, units, weights):
    right = reference.target_cost(targets, units, {**dict.fromkeys(weights, 0.0), "context": 1.0})
    return one_term(targets, units, weights, "context", np.minimum(right, 1.0))


@mistake(
    "target_cost", "Context counts where the neighbours are equal. It is a cost: count where they differ."
)
def equal_context_costs(targets, units, weights):
    right = reference.target_cost(targets, units, {**dict.fromkeys(weights, 0.0), "context": 1.0})
    return one_term(targets, units, weights, "context", 2.0 - right)


@mistake("target_cost", "The table is transposed: targets are the rows, units the columns.")
def transposed(targets, units, weights):
    return reference.target_cost(targets, units, weights).T


# --- join_cost ---------------------------------------------------------------------------------------


@mistake(
    "join_cost",
    "You compared the wrong ends: the left unit's start with the right unit's end. They do not touch.",
)
def wrong_ends(units, lefts, rights, weights):
    swapped = {}
    for key in ("mfcc", "f0", "level"):
        swapped |= {f"{key}_start": units[f"{key}_end"], f"{key}_end": units[f"{key}_start"]}
    return reference.join_cost({**units, **swapped}, lefts, rights, weights)


@mistake(
    "join_cost",
    "You compared starts with starts. A unit's end meets the other one's start.",
)
def starts_with_starts(units, lefts, rights, weights):
    same = {f"{key}_end": units[f"{key}_start"] for key in ("mfcc", "f0", "level")}
    return reference.join_cost({**units, **same}, lefts, rights, weights)


@mistake(
    "join_cost",
    "Units that were neighbours in the recording cost something. There is no join between them: 0.",
)
def neighbours_cost(units, lefts, rights, weights):
    apart = {**units, "cuts": np.stack([np.arange(len(units["cuts"]))] * 3, axis=1) * [1, 1, -1] - [0, 0, 1]}
    return reference.join_cost(apart, lefts, rights, weights)


@mistake(
    "join_cost",
    "You took units with neighbouring indices for neighbours. They may come from two "
    "recordings: compare cuts.",
)
def neighbours_by_index(units, lefts, rights, weights):
    cost = neighbours_cost(units, lefts, rights, weights)
    return np.where(lefts[:, None] + 1 == rights[None, :], 0.0, cost)


@mistake(
    "join_cost",
    "You give the zero to the reversed pair as well. Neighbours have an order: first the left one.",
)
def both_orders_free(units, lefts, rights, weights):
    right = reference.join_cost(units, lefts, rights, weights)
    reversed_pair = units["cuts"][lefts, 0][:, None] == units["cuts"][rights, 2][None, :]
    return np.where(reversed_pair, 0.0, right)


@mistake(
    "join_cost",
    "You took a pitch of 0 for a very low one. Voice against no voice has a term of its own.",
)
def silence_is_low(units, lefts, rights, weights):
    right = reference.join_cost(units, lefts, rights, {**weights, "f0": 0.0, "voicing": 0.0})
    end = np.maximum(units["f0_end"][lefts], 1.0)[:, None]
    start = np.maximum(units["f0_start"][rights], 1.0)[None, :]
    neighbours = units["cuts"][lefts, 2][:, None] == units["cuts"][rights, 0][None, :]
    return np.where(neighbours, 0.0, right + weights["f0"] * np.abs(np.log2(end / start)))


@mistake("join_cost", "Your spectral distance is squared. It is the length of the difference: take the root.")
def squared_distance(units, lefts, rights, weights):
    right = reference.join_cost(units, lefts, rights, {**weights, "spectrum": 0.0})
    alone = reference.join_cost(units, lefts, rights, {**dict.fromkeys(weights, 0.0), "spectrum": 1.0})
    return right + weights["spectrum"] * alone**2


# --- best_path ---------------------------------------------------------------------------------------


def path_and_total(path, total):
    return np.array(path, dtype=np.int64), float(total)


@mistake("best_path", "You forgot the costs of the first target. The walk starts with them, not with zero.")
def first_target_forgotten(target_costs, join_costs):
    reference.best_path(target_costs, join_costs)
    return reference.best_path([np.zeros_like(target_costs[0]), *target_costs[1:]], join_costs)


@mistake("best_path", "You took the cheapest next step each time. A cheap step can lead to a dear end.")
def greedy(target_costs, join_costs):
    reference.best_path(target_costs, join_costs)
    path = [int(np.argmin(target_costs[0]))]
    total = target_costs[0][path[0]]
    for own, joins in zip(target_costs[1:], join_costs, strict=True):
        step = joins[path[-1]] + own
        path.append(int(np.argmin(step)))
        total += step[path[-1]]
    return path_and_total(path, total)


@mistake("best_path", "You looked at target costs alone. The joins belong to the total.")
def joins_ignored(target_costs, join_costs):
    reference.best_path(target_costs, join_costs)
    return reference.best_path(target_costs, [np.zeros_like(joins) for joins in join_costs])


def traced(target_costs, join_costs, follow):
    """The right walk, with another way to follow the pointers back."""
    reference.best_path(target_costs, join_costs)
    cheapest, came_from = target_costs[0], []
    for own, joins in zip(target_costs[1:], join_costs, strict=True):
        ways = cheapest[:, None] + joins
        came_from.append(np.argmin(ways, axis=0))
        cheapest = np.min(ways, axis=0) + own
    return path_and_total(follow(came_from, int(np.argmin(cheapest)), target_costs), np.min(cheapest))


@mistake(
    "best_path",
    "Your way back is off by one: each pointer is followed from a candidate of the wrong target.",
)
def pointers_off_by_one(target_costs, join_costs):
    def follow(came_from, last, costs):
        path = [last]
        for t in range(len(came_from) - 1, -1, -1):
            back = came_from[max(t - 1, 0)]
            path.append(int(back[min(path[-1], len(back) - 1)]) % len(costs[t]))
        return path[::-1]

    return traced(target_costs, join_costs, follow)


@mistake("best_path", "Your path runs backwards. What is followed from the end must be turned round.")
def not_reversed(target_costs, join_costs):
    path, total = reference.best_path(target_costs, join_costs)
    return path[::-1].copy(), total


@mistake(
    "best_path",
    "You took the cheapest candidate of each column instead of following the pointers back from the end.",
)
def cheapest_of_each_column(target_costs, join_costs):
    reference.best_path(target_costs, join_costs)
    cheapest = target_costs[0]
    path = [int(np.argmin(cheapest))]
    for own, joins in zip(target_costs[1:], join_costs, strict=True):
        cheapest = np.min(cheapest[:, None] + joins, axis=0) + own
        path.append(int(np.argmin(cheapest)))
    return path_and_total(path, np.min(cheapest))


@mistake("best_path", "You return the dearest way. Costs are to be small: minimum, not maximum.")
def dearest(target_costs, join_costs):
    reference.best_path(target_costs, join_costs)
    path, total = reference.best_path([-c for c in target_costs], [-j for j in join_costs])
    return path, -total


# --- select_units ------------------------------------------------------------------------------------


def chosen_with(targets, units, n_best, target_weights, join_weights, distances=None, order=None, final=True):
    """The right selection with one step exchanged."""
    reference.select_units(targets, units, n_best, target_weights, join_weights)
    target_weights = target_weights or reference.TARGET_WEIGHTS
    join_weights = join_weights or reference.JOIN_WEIGHTS
    costs = reference.target_cost(targets, units, target_weights)
    found = []
    for row, left, right in zip(costs, targets["left"], targets["right"], strict=True):
        distance = distances(left, right)
        nearest = np.flatnonzero(distance == distance.min())
        ranked = nearest[np.argsort(row[nearest] if order is None else order(row[nearest]), kind="stable")]
        found.append(ranked[:n_best])
    own = [row[one] for row, one in zip(costs, found, strict=True)]
    joins = [reference.join_cost(units, a, b, join_weights) for a, b in pairwise(found)]
    path, _ = reference.best_path(own, joins)
    return np.array([one[k] for one, k in zip(found, path, strict=True)]) if final else path


def distances_of(units, end="end", start="start", left_weight=1, right_weight=1):
    def distances(left, right):
        return np.array(
            [
                left_weight * reference.phone_distance(left, a, end)
                + right_weight * reference.phone_distance(right, b, start)
                for a, b in zip(units["left"], units["right"], strict=True)
            ]
        )

    return distances


@mistake(
    "select_units",
    "You return the numbers of the candidates. Look up which units they are.",
)
def candidate_numbers(targets, units, n_best=40, target_weights=None, join_weights=None):
    return chosen_with(targets, units, n_best, target_weights, join_weights, distances_of(units), final=False)


@mistake(
    "select_units",
    "You keep the candidates that come first, whatever they cost. Sort them by target cost before you cut.",
)
def the_first_candidates(targets, units, n_best=40, target_weights=None, join_weights=None):
    return chosen_with(
        targets, units, n_best, target_weights, join_weights, distances_of(units), np.zeros_like
    )


@mistake(
    "select_units",
    "Sides are swapped in your back-off. The left phone takes part with its end, the right "
    "one with its start.",
)
def back_off_sides_swapped(targets, units, n_best=40, target_weights=None, join_weights=None):
    distances = distances_of(units, "start", "end")
    return chosen_with(targets, units, n_best, target_weights, join_weights, distances)


@mistake("select_units", "Your candidates fit the left phone only. Both phones of the diphone count.")
def left_phone_only(targets, units, n_best=40, target_weights=None, join_weights=None):
    distances = distances_of(units, right_weight=0)
    return chosen_with(targets, units, n_best, target_weights, join_weights, distances)


@mistake("select_units", "Every unit is a candidate for every target: the wrong sounds will be said.")
def any_unit(targets, units, n_best=40, target_weights=None, join_weights=None):
    distances = distances_of(units, left_weight=0, right_weight=0)
    return chosen_with(targets, units, n_best, target_weights, join_weights, distances)


@mistake("select_units", "You take the best-fitting unit for each target and leave the joins out of it.")
def without_joins(targets, units, n_best=40, target_weights=None, join_weights=None):
    zero = dict.fromkeys(reference.JOIN_WEIGHTS, 0.0)
    return reference.select_units(targets, units, n_best, target_weights, zero)


@mistake("select_units", "You use the weights of the page even if others are given.")
def weights_ignored(targets, units, n_best=40, target_weights=None, join_weights=None):
    return reference.select_units(targets, units, n_best)


# --- spread_steps ------------------------------------------------------------------------------------


def spread(track, joins, width, left, right, fade=None):
    reference.spread_steps(track, joins, width)
    result = np.array(track, dtype=np.float64)
    for join in joins:
        step = track[join] - track[join - 1]
        for i in range(width):
            share = 1 - i / width if fade is None else fade(i)
            if join - 1 - i >= 0:
                result[join - 1 - i] += left * step * share
            if join + i < len(track):
                result[join + i] += right * step * share
    return result


@mistake("spread_steps", "Each side moves by the whole step, so they pass each other. Half of it each.")
def whole_step_each(track, joins, width):
    return spread(track, joins, width, 1.0, -1.0)


@mistake("spread_steps", "Your signs are reversed: both sides move away from each other.")
def away_from_each_other(track, joins, width):
    return spread(track, joins, width, -0.5, 0.5)


@mistake("spread_steps", "Only the right side moves in your track. Both give way, each by half.")
def right_side_only(track, joins, width):
    return spread(track, joins, width, 0.0, -1.0)


@mistake("spread_steps", "Your correction does not fade. Then the step only moves to another place.")
def without_fading(track, joins, width):
    return spread(track, joins, width, 0.5, -0.5, fade=lambda i: 1.0)


@mistake("spread_steps", "Your fading starts one place too early: right at the join the full half is due.")
def fades_too_early(track, joins, width):
    return spread(track, joins, width, 0.5, -0.5, fade=lambda i: 1 - (i + 1) / width)


@mistake(
    "spread_steps",
    "You read the steps from the track while you change it. All steps are those of the given one.",
)
def steps_of_the_changed_track(track, joins, width):
    result = np.array(track, dtype=np.float64)
    reference.spread_steps(track, joins, width)
    for join in joins:
        result = reference.spread_steps(result, np.array([join]), width)
    return result


# --- chain_units -------------------------------------------------------------------------------------


@mistake(
    "chain_units",
    "You stretch the unit as a whole. Each half has its own length, or the border lands in the wrong place.",
)
def stretched_as_a_whole(indices, inventory, wanted):
    grains, _, joins = reference.chain_units(indices, inventory, wanted)
    marks, times, clock = inventory["marks"], [], 0.0
    for (start, _, end), total in zip(inventory["cuts"][indices], np.sum(wanted, axis=1), strict=True):
        inside = marks[(start <= marks) & (marks < end)]
        times.extend(clock + (inside - start) / (end - start) * total)
        clock += total
    return grains, np.array(times), joins


@mistake(
    "chain_units", "Your clock stands still: every unit starts at time 0. It begins where the last ended."
)
def clock_stands_still(indices, inventory, wanted):
    grains, _, joins = reference.chain_units(indices, inventory, wanted)
    times = [
        reference.chain_units(indices[n : n + 1], inventory, wanted[n : n + 1])[1]
        for n in range(len(indices))
    ]
    return grains, np.concatenate(times), joins


@mistake(
    "chain_units", "You see a join between any two units. Between neighbours of a recording there is none."
)
def joins_everywhere(indices, inventory, wanted):
    strangers = {**inventory, "cuts": inventory["cuts"] + 0}
    grains, times, _ = reference.chain_units(indices, strangers, wanted)
    counts = [
        len(reference.chain_units(indices[n : n + 1], inventory, wanted[n : n + 1])[0])
        for n in range(len(indices))
    ]
    ends = np.cumsum([count for count in counts if count])
    return grains, times, ends[:-1].astype(np.int64)


@mistake("chain_units", "Your joins are numbers of units. They should be positions in the chain of grains.")
def joins_as_units(indices, inventory, wanted):
    grains, times, _ = reference.chain_units(indices, inventory, wanted)
    cuts = inventory["cuts"][indices]
    return grains, times, 1 + np.flatnonzero(cuts[:-1, 2] != cuts[1:, 0])


@mistake(
    "chain_units",
    "A mark on the end cut is in your unit, and again in the next one. The end is not included.",
)
def end_included(indices, inventory, wanted):
    reference.chain_units(indices, inventory, wanted)
    marks, grains, times, clock = inventory["marks"], [], [], 0.0
    joins, last_end = [], -1
    for cut, (left, right) in zip(inventory["cuts"][indices], wanted, strict=True):
        inside = np.flatnonzero((marks >= cut[0]) & (marks <= cut[2]))
        if len(inside):
            if grains and last_end != cut[0]:
                joins.append(len(grains))
            last_end = cut[2]
        grains.extend(inside)
        times.extend(np.interp(marks[inside], cut, [clock, clock + left, clock + left + right]))
        clock += left + right
    return np.array(grains, dtype=np.int64), np.array(times), np.array(joins, dtype=np.int64)


# --- synthesize_units --------------------------------------------------------------------------------


def said(indices, inventory, durations, f0, smooth, periods_of=None, gain_sign=1.0, limit=None):
    """The right synthesis with one step exchanged."""
    reference.synthesize_units(indices, inventory, durations, f0, smooth)
    rate, marks = inventory["sample_rate"], inventory["marks"]
    wanted = np.diff(inventory["cuts"][indices], axis=1) if durations is None else durations * rate
    grains, times, joins = reference.chain_units(indices, inventory, wanted)
    ends = np.cumsum(np.sum(wanted, axis=1))
    middles = ends - np.sum(wanted, axis=1) / 2
    voiced = inventory["voiced"][grains]
    own = np.diff(marks, append=marks[-1] + 1)[grains].astype(np.float64)
    periods = own
    if f0 is not None and np.any(f0 > 0):
        contour = np.interp(times, middles[f0 > 0], f0[f0 > 0])
        periods = np.where(voiced, rate / contour, own)
        if periods_of:
            periods = periods_of(own, rate, times, middles, f0, contour, voiced)
    elif smooth:
        sung = joins[voiced[joins] & voiced[joins - 1]]
        periods = np.where(voiced, np.exp(reference.spread_steps(np.log(own), sung, reference.WIDTH)), own)
    gains = np.ones(len(grains))
    if smooth:
        levels = reference.grain_levels(inventory, grains)
        change = reference.spread_steps(levels, joins, reference.WIDTH) - levels
        most = reference.LARGEST_GAIN_DB if limit is None else limit
        gains = 10 ** (gain_sign * np.clip(change, -most, most) / 20)
    positions, chosen = reference.synthesis_marks(times, periods)
    return reference.psola(
        inventory["samples"], marks, grains[chosen], positions, round(ends[-1]), gains[chosen]
    )


@mistake("synthesize_units", "The noise gets the pitch of the voice: only voiced grains follow the contour.")
def noise_sings(indices, inventory, durations=None, f0=None, smooth=True):
    return said(
        indices,
        inventory,
        durations,
        f0,
        smooth,
        lambda own, rate, times, middles, f0, contour, voiced: rate / contour,
    )


@mistake(
    "synthesize_units",
    "A wanted pitch of 0 is in your contour. It is no wish: draw the contour through the others.",
)
def zeros_in_the_contour(indices, inventory, durations=None, f0=None, smooth=True):
    return said(
        indices,
        inventory,
        durations,
        f0,
        smooth,
        lambda own, rate, times, middles, f0, contour, voiced: np.where(
            voiced, rate / np.maximum(np.interp(times, middles, f0), 20.0), own
        ),
    )


@mistake("synthesize_units", "You ignore the wanted pitch.")
def pitch_ignored(indices, inventory, durations=None, f0=None, smooth=True):
    reference.synthesize_units(indices, inventory, durations, f0, smooth)
    return reference.synthesize_units(indices, inventory, durations, None, smooth)


@mistake("synthesize_units", "You ignore the wanted durations.")
def durations_ignored(indices, inventory, durations=None, f0=None, smooth=True):
    reference.synthesize_units(indices, inventory, durations, f0, smooth)
    return reference.synthesize_units(indices, inventory, None, f0, smooth)


@mistake("synthesize_units", "Your gains are upside down: the louder side of a join gets louder still.")
def gains_upside_down(indices, inventory, durations=None, f0=None, smooth=True):
    return said(indices, inventory, durations, f0, smooth, gain_sign=-1.0)


@mistake("synthesize_units", "You turned decibels into a gain with 10. A gain of the amplitude needs 20.")
def gains_of_power(indices, inventory, durations=None, f0=None, smooth=True):
    return said(indices, inventory, durations, f0, smooth, gain_sign=2.0)


@mistake(
    "synthesize_units", "Nothing limits your gains. Next to a pause they can become enormous: clip them."
)
def gains_not_clipped(indices, inventory, durations=None, f0=None, smooth=True):
    return said(indices, inventory, durations, f0, smooth, limit=1000.0)


@mistake(
    "synthesize_units",
    "The contour is drawn through the ends of the units. Each pitch belongs to the middle of its unit.",
)
def contour_through_the_ends(indices, inventory, durations=None, f0=None, smooth=True):
    rate = inventory["sample_rate"]
    wanted = np.diff(inventory["cuts"][indices], axis=1) if durations is None else durations * rate
    ends = np.cumsum(np.sum(wanted, axis=1))
    return said(
        indices,
        inventory,
        durations,
        f0,
        smooth,
        lambda own, rate, times, middles, f0, contour, voiced: np.where(
            voiced, rate / np.interp(times, ends[f0 > 0], f0[f0 > 0]), own
        ),
    )


# --- plan_targets ------------------------------------------------------------------------------------


@mistake(
    "plan_targets",
    "The zeros of units without voice are in your median pitch. Leave them out.",
)
def zeros_in_the_median(labels, inventory):
    right = reference.plan_targets(labels, inventory)
    return {**right, "f0": np.median(inventory["f0"]) * (1.1 - 0.2 * right["position"])}


@mistake("plan_targets", "Your voice rises. In a statement it falls towards the end.")
def rises(labels, inventory):
    right = reference.plan_targets(labels, inventory)
    start = right["f0"] / (1.1 - 0.2 * right["position"])
    return {**right, "f0": start * (0.9 + 0.2 * right["position"])}


@mistake(
    "plan_targets",
    "You swapped the halves: the left phone's *second* half is in the units that have it on their left.",
)
def halves_swapped(labels, inventory):
    reference.plan_targets(labels, inventory)
    swapped = {
        **inventory,
        "left": inventory["right"],
        "right": inventory["left"],
        "durations": inventory["durations"][:, ::-1],
    }
    return reference.plan_targets(labels, swapped)


@mistake("plan_targets", "Every phone lasts as long as the mean of all. Average the units of *this* phone.")
def one_length_for_all(labels, inventory):
    right = reference.plan_targets(labels, inventory)
    durations = np.tile(inventory["durations"].mean(axis=0), (len(labels) - 1, 1))
    ends = np.cumsum(durations.sum(axis=1))
    position = (ends - durations[:, 1]) / ends[-1]
    median = right["f0"] / (1.1 - 0.2 * right["position"])
    return {**right, "durations": durations, "position": position, "f0": median * (1.1 - 0.2 * position)}


@mistake("plan_targets", "Your position is the end of each target. It is the border between its phones.")
def position_of_the_end(labels, inventory):
    right = reference.plan_targets(labels, inventory)
    ends = np.cumsum(right["durations"].sum(axis=1))
    median = right["f0"] / (1.1 - 0.2 * right["position"])
    return {**right, "position": ends / ends[-1], "f0": median * (1.1 - 0.2 * ends / ends[-1])}
