"""Wrong variants of the lab on programming for speech, and what to tell who wrote them."""

import asyncio
import heapq
import itertools
import json
import math
import struct
from typing import ClassVar

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


# --- frame_layout ------------------------------------------------------------------------------------


def laid_out(length, stride, frame_length, hop_length, shape=None, strides=None):
    right = reference.frame_layout(length, stride, frame_length, hop_length)
    return {"shape": shape or right["shape"], "strides": strides or right["strides"]}


@mistake(
    "frame_layout", "Your strides count numbers. They must count bytes: the array's own stride says how many."
)
def strides_in_numbers(length, stride, frame_length, hop_length):
    return laid_out(length, stride, frame_length, hop_length, strides=(hop_length, 1))


@mistake("frame_layout", "You took 8 bytes a number for granted. The stride of the array is an argument.")
def always_eight_bytes(length, stride, frame_length, hop_length):
    return laid_out(length, stride, frame_length, hop_length, strides=(8 * hop_length, 8))


@mistake(
    "frame_layout", "Your strides are in the wrong order: first from frame to frame, then within a frame."
)
def strides_swapped(length, stride, frame_length, hop_length):
    return laid_out(length, stride, frame_length, hop_length, strides=(stride, hop_length * stride))


@mistake("frame_layout", "Your frames follow each other by one number. The step between them is the hop.")
def hop_forgotten(length, stride, frame_length, hop_length):
    return laid_out(length, stride, frame_length, hop_length, strides=(stride, stride))


@mistake("frame_layout", "Your frames do not overlap: the step between them is the hop, not their length.")
def frames_end_to_end(length, stride, frame_length, hop_length):
    return laid_out(length, stride, frame_length, hop_length, strides=(frame_length * stride, stride))


@mistake("frame_layout", "One frame is missing. The first one is there before any hop: add 1.")
def one_frame_missing(length, stride, frame_length, hop_length):
    right = reference.frame_layout(length, stride, frame_length, hop_length)
    return {**right, "shape": (right["shape"][0] - 1, frame_length)}


@mistake("frame_layout", "Your last frame leaves the array. Round down: only frames that fit wholly count.")
def beyond_the_end(length, stride, frame_length, hop_length):
    right = reference.frame_layout(length, stride, frame_length, hop_length)
    return {**right, "shape": (1 + math.ceil((length - frame_length) / hop_length), frame_length)}


@mistake(
    "frame_layout", "You gave one frame for every hop. A frame that begins must also end inside the array."
)
def one_for_every_hop(length, stride, frame_length, hop_length):
    right = reference.frame_layout(length, stride, frame_length, hop_length)
    return {**right, "shape": (1 + (length - 1) // hop_length, frame_length)}


# --- pairwise_distances ------------------------------------------------------------------------------


def differences(x, y):
    reference.pairwise_distances(x, y)
    return x.astype(np.float64)[:, None, :] - y.astype(np.float64)[None, :, :]


@mistake(
    "pairwise_distances",
    "You subtracted products of whole vectors. Far from the origin that loses all digits: subtract first.",
)
def by_products(x, y):
    reference.pairwise_distances(x, y)
    x, y = x.astype(np.float64), y.astype(np.float64)
    squares = np.sum(x**2, axis=1)[:, None] + np.sum(y**2, axis=1) - 2 * x @ y.T
    return np.sqrt(np.maximum(squares, 0))


@mistake("pairwise_distances", "The root is missing: you returned squared distances.")
def root_missing(x, y):
    return np.sum(differences(x, y) ** 2, axis=2)


@mistake("pairwise_distances", "You summed absolute differences. Euclid squares them, and takes the root.")
def city_blocks(x, y):
    return np.sum(np.abs(differences(x, y)), axis=2)


@mistake("pairwise_distances", "You averaged over the coordinates. Their squares are summed.")
def averaged_coordinates(x, y):
    return np.sqrt(np.mean(differences(x, y) ** 2, axis=2))


@mistake(
    "pairwise_distances", "Rows and columns are exchanged: place [i, j] is for row i of x and row j of y."
)
def exchanged(x, y):
    return reference.pairwise_distances(x, y).T.copy()


@mistake(
    "pairwise_distances", "You compared row i with row i only. Every row of x meets every row of y: a matrix."
)
def row_by_row(x, y):
    reference.pairwise_distances(x, y)
    return np.sqrt(np.sum((x.astype(np.float64) - y.astype(np.float64)) ** 2, axis=1))


@mistake("pairwise_distances", "Small integers wrap around when you subtract them. Convert to float64 first.")
def integers_wrap(x, y):
    reference.pairwise_distances(x, y)
    return np.sqrt(np.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=2).astype(np.float64))


@mistake("pairwise_distances", "You computed in the type of the input: from float32 only 7 digits are right.")
def in_single_precision(x, y):
    reference.pairwise_distances(x, y)
    kind = np.float32 if x.dtype == np.float32 else np.float64
    return np.sqrt(np.sum((x.astype(kind)[:, None, :] - y.astype(kind)[None, :, :]) ** 2, axis=2))


@mistake(
    "pairwise_distances", "You let a row of one number be repeated. Rows of different lengths are an error."
)
def lengths_not_compared(x, y):
    if x.ndim != 2 or y.ndim != 2:
        raise ValueError("matrices, please")
    return np.sqrt(np.sum((x.astype(float)[:, None, :] - y.astype(float)[None, :, :]) ** 2, axis=2))


# --- running_mean ------------------------------------------------------------------------------------


def window_means(samples, width, first, after):
    """Means of samples[i + first : i + after], as far as there are samples."""
    reference.running_mean(samples, width)
    samples = samples.astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(samples)])
    places = np.arange(len(samples))
    starts = np.clip(places + first, 0, len(samples))
    ends = np.clip(places + after, 0, len(samples))
    return (sums[ends] - sums[starts]) / np.maximum(ends - starts, 1)


@mistake(
    "running_mean", "Your sums stay in float32. They grow and lose the last digits: give cumsum a dtype."
)
def sums_in_single_precision(samples, width):
    reference.running_mean(samples, width)
    sums = np.concatenate([[0], np.cumsum(samples)]).astype(np.cumsum(samples).dtype)
    ends = np.arange(1, len(samples) + 1)
    starts = np.maximum(ends - width, 0)
    return ((sums[ends] - sums[starts]) / (ends - starts)).astype(np.float64)


@mistake(
    "running_mean", "At the beginning you divide by the whole width. Divide by how many values there are."
)
def always_the_whole_width(samples, width):
    counts = np.minimum(np.arange(1, len(samples) + 1), max(width, 1))
    return reference.running_mean(samples, width) * counts / width


@mistake("running_mean", "Your window holds one value too many.")
def one_too_many(samples, width):
    return window_means(samples, width, -width, 1)


@mistake("running_mean", "Your window ends before this moment. The value of this moment belongs to it.")
def this_moment_left_out(samples, width):
    return window_means(samples, width, -width, 0)


@mistake("running_mean", "Your window looks ahead. In a stream the future has not come yet: look back.")
def looks_ahead(samples, width):
    return window_means(samples, width, 0, width)


@mistake("running_mean", "Your window is centred. In a stream the future has not come yet: look back.")
def centred(samples, width):
    return window_means(samples, width, -(width // 2), width - width // 2)


@mistake("running_mean", "You gave the full windows only. There must be one value for every sample.")
def full_windows_only(samples, width):
    return reference.running_mean(samples, width)[width - 1 :]


@mistake(
    "running_mean",
    "Your cumulative sum has no 0 in front: the first value falls out of the windows at the start.",
)
def no_zero_in_front(samples, width):
    reference.running_mean(samples, width)
    sums = np.cumsum(samples, dtype=np.float64)
    ends = np.arange(len(samples))
    starts = np.maximum(ends - width, 0)
    return (sums[ends] - sums[starts]) / np.minimum(ends + 1, width)


# --- split_by_mask -----------------------------------------------------------------------------------


@mistake(
    "split_by_mask",
    "Both results are one array under two names: what you wrote into one is in the other. Make copies.",
)
def two_names_for_one(samples, keep):
    reference.split_by_mask(samples, keep)
    kept = samples
    removed = samples
    kept[~keep] = 0
    removed[keep] = 0
    return {"kept": kept, "removed": removed}


@mistake(
    "split_by_mask",
    "You wrote zeros into the samples themselves before you took the rest from them. Copy before you write.",
)
def written_in_place(samples, keep):
    reference.split_by_mask(samples, keep)
    kept = samples
    kept[~keep] = 0
    return {"kept": kept.copy(), "removed": np.where(keep, samples[:1].dtype.type(0), samples)}


@mistake("split_by_mask", "Kept and removed are exchanged: True means that the sample stays.")
def sides_exchanged(samples, keep):
    right = reference.split_by_mask(samples, keep)
    return {"kept": right["removed"], "removed": right["kept"]}


@mistake(
    "split_by_mask", "You cut the samples out. They must stay in their places, with zeros for the others."
)
def cut_out(samples, keep):
    reference.split_by_mask(samples, keep)
    return {"kept": samples[keep], "removed": samples[~keep]}


@mistake("split_by_mask", "You multiplied by the mask. Infinity times 0 is NaN: write the zeros instead.")
def multiplied(samples, keep):
    reference.split_by_mask(samples, keep)
    with np.errstate(invalid="ignore"):
        return {
            "kept": (samples * keep).astype(samples.dtype),
            "removed": (samples * ~keep).astype(samples.dtype),
        }


@mistake("split_by_mask", "You changed the number type. Both results have the type of the samples.")
def type_changed(samples, keep):
    right = reference.split_by_mask(samples, keep)
    return {name: part.astype(np.float64) for name, part in right.items()}


@mistake(
    "split_by_mask",
    "You took zeros and ones for a mask. Only True and False are one; as an index, 1 is a place.",
)
def numbers_taken_for_a_mask(samples, keep):
    return reference.split_by_mask(samples, keep.astype(bool))


# --- runs --------------------------------------------------------------------------------------------


@mistake("runs", "You gave the last True of each run. The second number is the place after it.")
def end_included(mask):
    found = reference.runs(mask)
    return found - np.array([0, 1])


@mistake("runs", "You gave the length of each run. The second number is the place after its end.")
def lengths_for_ends(mask):
    found = reference.runs(mask)
    return np.stack([found[:, 0], found[:, 1] - found[:, 0]], axis=1)


@mistake("runs", "You gave the runs of False.")
def runs_of_false(mask):
    reference.runs(mask)
    return reference.runs(~mask)


@mistake("runs", "Runs that touch an end of the mask are missing. Put a False before and after it.")
def ends_forgotten(mask):
    reference.runs(mask)
    inside = mask.copy()
    return np.array([run for run in reference.runs(inside) if run[0] > 0 and run[1] < len(mask)]).reshape(
        -1, 2
    )


@mistake("runs", "A run that lasts to the end of the mask is missing. Put a False after it.")
def last_run_forgotten(mask):
    return np.array([run for run in reference.runs(mask) if run[1] < len(mask)]).reshape(-1, 2)


@mistake(
    "runs", "Everything is one place too early: a difference belongs to the later of the two neighbours."
)
def one_too_early(mask):
    return reference.runs(mask) - 1


@mistake("runs", "You gave starts in one row and ends in another. Each run is a row.")
def starts_above_ends(mask):
    return reference.runs(mask).T.copy()


# --- RingBuffer --------------------------------------------------------------------------------------


@mistake("RingBuffer", "Your write returns how many samples were stored. It must say how many were lost.")
class SaysWhatWasStored(reference.RingBuffer):
    def write(self, samples):
        lost = super().write(samples)
        return len(samples) - lost


@mistake("RingBuffer", "Your buffer drops the oldest, whatever the policy says.")
class AlwaysTheOldest(reference.RingBuffer):
    def __init__(self, capacity, policy="drop_oldest"):
        super().__init__(capacity, policy)
        super().__init__(capacity, "drop_oldest")


@mistake("RingBuffer", "Your buffer drops the newest, whatever the policy says.")
class AlwaysTheNewest(reference.RingBuffer):
    def __init__(self, capacity, policy="drop_oldest"):
        super().__init__(capacity, policy)
        super().__init__(capacity, "drop_newest")


@mistake("RingBuffer", "You exchanged the two policies.")
class PoliciesExchanged(reference.RingBuffer):
    def __init__(self, capacity, policy="drop_oldest"):
        super().__init__(capacity, policy)
        super().__init__(capacity, {"drop_oldest": "drop_newest", "drop_newest": "drop_oldest"}[policy])


@mistake("RingBuffer", "Without a policy your buffer drops the newest. The default is to drop the oldest.")
class OtherDefault(reference.RingBuffer):
    def __init__(self, capacity, policy="drop_newest"):
        super().__init__(capacity, policy)


@mistake("RingBuffer", "Your read does not take the samples out: the next one gives them again.")
class OnlyLooks(reference.RingBuffer):
    def read(self, count):
        left = self._oldest, self.available
        found = super().read(count)
        self._oldest, self.available = left
        return found


@mistake("RingBuffer", "Your read gives the newest samples. A queue gives out what came first.")
class NewestFirst(reference.RingBuffer):
    def read(self, count):
        if count < 0:
            raise ValueError("a negative count")
        everything = super().read(self.available)
        count = min(count, len(everything))
        super().write(everything[: len(everything) - count])
        return everything[len(everything) - count :]


@mistake("RingBuffer", "Your read fills up with zeros. If there are fewer samples, give fewer.")
class FillsUpWithZeros(reference.RingBuffer):
    def read(self, count):
        found = super().read(count)
        return np.concatenate([found, np.zeros(count - len(found))])


@mistake(
    "RingBuffer", "Your read gives nothing if there are fewer samples than asked for. Give what there is."
)
class AllOrNothing(reference.RingBuffer):
    def read(self, count):
        return super().read(count if count <= self.available else 0)


@mistake(
    "RingBuffer",
    "One place is never used. Empty and full look alike if you only keep two positions: keep the count.",
)
class OnePlaceUnused(reference.RingBuffer):
    def __init__(self, capacity, policy="drop_oldest"):
        super().__init__(capacity, policy)
        self._data = np.zeros(max(capacity - 1, 1))


@mistake(
    "RingBuffer",
    "Of a block longer than the buffer you kept the first samples. Drop the oldest: the last ones stay.",
)
class FirstOfALongBlock(reference.RingBuffer):
    def write(self, samples):
        capacity = len(self._data)
        if self._policy == "drop_oldest" and len(samples) > capacity:
            lost = self.available + len(samples) - capacity
            super().write(samples[:capacity])
            return lost
        return super().write(samples)


@mistake("RingBuffer", "A block that does not fit is refused as a whole. What fits must be taken.")
class WholeBlockRefused(reference.RingBuffer):
    def write(self, samples):
        if self._policy == "drop_newest" and self.available + len(samples) > len(self._data):
            return len(samples)
        return super().write(samples)


@mistake("RingBuffer", "You count as lost only what you overwrote, not what never fitted in.")
class CountsTheOverwritten(reference.RingBuffer):
    def write(self, samples):
        before = self.available
        lost = super().write(samples)
        return min(lost, before) if self._policy == "drop_oldest" else lost


# --- OnePole -----------------------------------------------------------------------------------------


@mistake(
    "OnePole", "Your filter forgets: it starts from 0 in every block. Keep the last output in the object."
)
class Forgetful(reference.OnePole):
    def process(self, samples):
        self.reset()
        return super().process(samples)


@mistake("OnePole", "Your filter remembers the last input. The formula asks for the last output.")
class RemembersTheInput(reference.OnePole):
    def process(self, samples):
        filtered = super().process(samples)
        if len(samples):
            self._last = float(samples[-1])
        return filtered


@mistake(
    "OnePole", "You exchanged the two factors: the pole belongs to the last output, 1 − pole to the input."
)
class FactorsExchanged(reference.OnePole):
    def __init__(self, pole):
        super().__init__(pole)
        self._pole = 1 - pole


@mistake("OnePole", "The factor of the input is missing: it is 1 − pole, so that a constant stays as it is.")
class InputInFull(reference.OnePole):
    def process(self, samples):
        return super().process(samples / (1 - self._pole))


@mistake(
    "OnePole", "All your filters share one memory. It belongs into __init__, as self._…, not into the class."
)
class SharedMemory(reference.OnePole):
    memory: ClassVar[list[float]] = [0.0]

    def __init__(self, pole):
        super().__init__(pole)
        self.memory[0] = 0.0

    def process(self, samples):
        self._last = self.memory[0]
        filtered = super().process(samples)
        self.memory[0] = self._last
        return filtered

    def reset(self):
        super().reset()
        self.memory[0] = 0.0


@mistake(
    "OnePole", "Your output takes the number type of the input: integers cut the fractions off. Use float64."
)
class TypeOfTheInput(reference.OnePole):
    def process(self, samples):
        filtered = np.empty_like(samples)
        for n, sample in enumerate(samples):
            self._last = (1 - self._pole) * float(sample) + self._pole * self._last
            filtered[n] = self._last
        return filtered


@mistake("OnePole", "Your reset does not forget: after it the filter goes on from its last output.")
class NoReset(reference.OnePole):
    def reset(self):
        pass


@mistake(
    "OnePole", "Your filter takes its own first input for the past. Before the first sample the output was 0."
)
class StartsAtTheInput(reference.OnePole):
    started = False

    def process(self, samples):
        if len(samples) and not self.started:
            self._last, self.started = float(samples[0]), True
        return super().process(samples)

    def reset(self):
        super().reset()
        self.started = False


@mistake("OnePole", "An empty block breaks your filter. It has no last sample: leave the state as it is.")
class BreaksOnNothing(reference.OnePole):
    def process(self, samples):
        filtered = super().process(samples)
        self._last = float(filtered[-1])
        return filtered


# --- run_stages --------------------------------------------------------------------------------------


@mistake("run_stages", "You ran the stages from the last to the first.")
def from_behind(stages, value):
    return reference.run_stages(stages[::-1], value)


@mistake("run_stages", "Every stage got the value of the beginning. It must get what the stage before gave.")
def each_from_the_beginning(stages, value):
    result = value
    for stage in stages:
        result = stage(value)
    return result


@mistake("run_stages", "Only one stage ran: your return stands inside the loop.")
def return_inside_the_loop(stages, value):
    for stage in stages:
        return stage(value)
    return value


@mistake("run_stages", "You call each stage twice. One with a memory then hears everything twice.")
def called_twice(stages, value):
    for stage in stages:
        if stage(value) is not None:
            value = stage(value)
    return value


@mistake("run_stages", "Without stages you return nothing. The value itself has to come out.")
def nothing_without_stages(stages, value):
    result = None
    for stage in stages:
        value = result = stage(value)
    return result


@mistake("run_stages", "A stage that stands in the list twice runs only once.")
def each_function_once(stages, value):
    return reference.run_stages(list(dict.fromkeys(stages)), value)


# --- stream_frames -----------------------------------------------------------------------------------


@mistake(
    "stream_frames", "You read the whole stream before the first frame. A live stream has no end to wait for."
)
def reads_everything_first(read_block, frame_length, hop_length):
    blocks = []
    while (block := read_block()) is not None:
        blocks.append(block)
    rest = iter([*blocks, None])
    yield from reference.stream_frames(lambda: next(rest), frame_length, hop_length)


@mistake("stream_frames", "You ask for the next block before the frames that are complete are out.")
def one_block_ahead(read_block, frame_length, hop_length):
    ahead = [read_block()]

    def read_ahead():
        block = ahead.pop()
        if block is not None:
            ahead.append(read_block())
        return block

    yield from reference.stream_frames(read_ahead, frame_length, hop_length)


@mistake(
    "stream_frames",
    "What is left of a block is lost. Frames reach over the seam: keep it for the next block.",
)
def rest_is_lost(read_block, frame_length, hop_length):
    while (block := read_block()) is not None:
        one = iter([block, None])
        yield from reference.stream_frames(lambda one=one: next(one), frame_length, hop_length)


@mistake("stream_frames", "Your frames do not overlap. After each frame drop only the hop from the front.")
def no_overlap(read_block, frame_length, hop_length):
    if hop_length < 1 or hop_length > frame_length:
        raise ValueError("hop_length")
    yield from reference.stream_frames(read_block, frame_length, frame_length)


@mistake("stream_frames", "Only one frame comes out of each block. A long block completes several: loop.")
def one_frame_a_block(read_block, frame_length, hop_length):
    if not 1 <= hop_length <= frame_length:
        raise ValueError("hop_length")
    waiting = np.zeros(0)
    while (block := read_block()) is not None:
        waiting = np.concatenate([waiting, block])
        if len(waiting) >= frame_length:
            yield waiting[:frame_length].copy()
            waiting = waiting[hop_length:]


@mistake(
    "stream_frames", "You filled up the rest at the end with zeros. Samples that fill no frame are left out."
)
def rest_filled_up(read_block, frame_length, hop_length):
    if not 1 <= hop_length <= frame_length:
        raise ValueError("hop_length")
    waiting = np.zeros(0)
    while (block := read_block()) is not None:
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= frame_length:
            yield waiting[:frame_length].copy()
            waiting = waiting[hop_length:]
    if len(waiting):
        yield np.concatenate([waiting, np.zeros(frame_length - len(waiting))])


@mistake("stream_frames", "You took an empty block for the end. Only None is the end.")
def empty_is_the_end(read_block, frame_length, hop_length):
    def read():
        block = read_block()
        return None if block is None or len(block) == 0 else block

    yield from reference.stream_frames(read, frame_length, hop_length)


@mistake("stream_frames", "A frame that is just complete waits for more samples. Exactly enough is enough.")
def waits_for_one_more(read_block, frame_length, hop_length):
    if not 1 <= hop_length <= frame_length:
        raise ValueError("hop_length")
    waiting = np.zeros(0)
    while (block := read_block()) is not None:
        waiting = np.concatenate([waiting, block])
        while len(waiting) > frame_length:
            yield waiting[:frame_length].copy()
            waiting = waiting[hop_length:]


# --- event_loop --------------------------------------------------------------------------------------


def talkers(pauses, log):
    """A coroutine for each name; `log` is [time now, list of who spoke when]."""
    reference.event_loop({name: [s for s in row if s < 0] for name, row in pauses.items()})
    return [
        reference.talk(name, row, lambda who: log[1].append((log[0], who))) for name, row in pauses.items()
    ]


def step(talker):
    """Its next pause, None when it is done."""
    try:
        return talker.send(None)
    except StopIteration:
        return None


@mistake("event_loop", "Each talker runs to its end before the next one begins. Wake whoever is due first.")
def one_after_the_other(pauses):
    log = [0.0, []]
    for talker in talkers(pauses, log):
        while (seconds := step(talker)) is not None:
            log[0] += seconds
    return log[1]


@mistake("event_loop", "Your talkers take turns whatever their pauses are. The one that wakes first is next.")
def in_turns(pauses):
    log = [0.0, []]
    waiting = [(0.0, talker) for talker in talkers(pauses, log)]
    while waiting:
        log[0], talker = waiting.pop(0)
        if (seconds := step(talker)) is not None:
            waiting.append((log[0] + seconds, talker))
    return log[1]


@mistake(
    "event_loop", "Two that wake together: your heap compares coroutines. Put a running number before them."
)
def coroutines_compared(pauses):
    log, sleeping = [0.0, []], []
    everybody = talkers(pauses, log)
    try:
        for talker in everybody:
            heapq.heappush(sleeping, (0.0, talker))
        while sleeping:
            log[0], talker = heapq.heappop(sleeping)
            if (seconds := step(talker)) is not None:
                heapq.heappush(sleeping, (log[0] + seconds, talker))
    finally:
        close(everybody)
    return log[1]


def close(everybody):
    """Coroutines that never ran would warn."""
    for talker in everybody:
        talker.close()


def with_heap(pauses, key, wake=lambda now, seconds: now + seconds, stop=False):
    log, counter, names = [0.0, []], itertools.count(), dict(enumerate(pauses))
    everybody = talkers(pauses, log)
    sleeping = [(0.0, key(next(counter), i, names[i]), i, talker) for i, talker in enumerate(everybody)]
    heapq.heapify(sleeping)
    while sleeping:
        log[0], _, i, talker = heapq.heappop(sleeping)
        seconds = step(talker)
        if seconds is not None:
            heapq.heappush(sleeping, (wake(log[0], seconds), key(next(counter), i, names[i]), i, talker))
        elif stop:
            break
    close(everybody)
    return log[1]


@mistake(
    "event_loop",
    "Of those that wake together you take the first in the alphabet. Who fell asleep first is first.",
)
def ties_by_name(pauses):
    return with_heap(pauses, lambda turn, i, name: name)


@mistake(
    "event_loop",
    "Of those that wake together you take the first in the list. Who fell asleep first is first.",
)
def ties_by_place(pauses):
    return with_heap(pauses, lambda turn, i, name: i)


@mistake(
    "event_loop",
    "Of those that wake together you take the one that fell asleep last. It is the other way round.",
)
def ties_from_behind(pauses):
    return with_heap(pauses, lambda turn, i, name: -turn)


@mistake("event_loop", "You took the pause for the time of waking. One wakes at the time now plus the pause.")
def pause_for_time(pauses):
    return with_heap(pauses, lambda turn, i, name: turn, wake=lambda now, seconds: seconds)


@mistake("event_loop", "When one talker is done your loop ends. The others go on.")
def ends_with_the_first(pauses):
    return with_heap(pauses, lambda turn, i, name: turn, stop=True)


@mistake("event_loop", "You note the time at which a talker will wake. Note the time at which it speaks.")
def time_of_waking(pauses):
    spoken = dict.fromkeys(pauses, 0)
    log = []
    for moment, name in reference.event_loop(pauses):
        log.append((moment + pauses[name][spoken[name]], name))
        spoken[name] += 1
    return log


@mistake("event_loop", "You let time run backwards: a negative pause is an error.")
def negative_pauses_allowed(pauses):
    log, turn = [0.0, []], itertools.count()
    sleeping = [
        (0.0, next(turn), reference.talk(name, row, lambda who: log[1].append((log[0], who))))
        for name, row in pauses.items()
    ]
    while sleeping:
        log[0], _, talker = heapq.heappop(sleeping)
        if (seconds := step(talker)) is not None:
            heapq.heappush(sleeping, (log[0] + seconds, next(turn), talker))
    return log[1]


# --- transcribe_all ----------------------------------------------------------------------------------


def checked(limit):
    if limit < 1:
        raise ValueError(f"limit is {limit}")


@mistake("transcribe_all", "You start all clips at once. At most `limit` requests may be under way.")
def no_limit(clips, service, limit):
    checked(limit)
    return reference.transcribe_all(clips, service, max(len(clips), 1))


@mistake(
    "transcribe_all", "You wait for each clip before you start the next. Up to `limit` may wait side by side."
)
def one_clip_at_a_time(clips, service, limit):
    checked(limit)
    return reference.transcribe_all(clips, service, 1)


@mistake("transcribe_all", "One request too many is under way.")
def one_more_than_allowed(clips, service, limit):
    checked(limit)
    return reference.transcribe_all(clips, service, limit + 1)


@mistake(
    "transcribe_all",
    "You work in fixed groups, and each waits for its slowest clip. A free place must be taken at once.",
)
def in_groups(clips, service, limit):
    checked(limit)

    async def everything():
        texts = []
        for start in range(0, len(clips), limit):
            group = clips[start : start + limit]
            texts += await asyncio.gather(*(reference.request(service, clip) for clip in group))
        return texts

    return reference.run_loop(everything())


@mistake(
    "transcribe_all",
    "Your texts come in the order in which they were ready. Return them in the order of the clips.",
)
def as_they_come(clips, service, limit):
    checked(limit)
    places = asyncio.Semaphore(limit)
    texts = []

    async def transcribe(clip):
        async with places:
            texts.append(await reference.request(service, clip))

    async def everything():
        await asyncio.gather(*map(transcribe, clips))

    reference.run_loop(everything())
    return texts


@mistake(
    "transcribe_all",
    "You swallow the error of a clip and go on with the others. It must come out, and end all.",
)
def errors_swallowed(clips, service, limit):
    checked(limit)
    places = asyncio.Semaphore(limit)

    async def transcribe(clip):
        async with places:
            return await reference.request(service, clip)

    async def everything():
        return await asyncio.gather(*map(transcribe, clips), return_exceptions=True)

    return ["" if isinstance(text, Exception) else text for text in reference.run_loop(everything())]


@mistake(
    "transcribe_all",
    "With return_exceptions=True errors come back among the texts. The first one must come out.",
)
def errors_among_the_texts(clips, service, limit):
    checked(limit)
    places = asyncio.Semaphore(limit)

    async def transcribe(clip):
        async with places:
            return await reference.request(service, clip)

    async def everything():
        return await asyncio.gather(*map(transcribe, clips), return_exceptions=True)

    return list(reference.run_loop(everything()))


@mistake(
    "transcribe_all", "You tell the error only when all clips are done. The others must be cancelled at once."
)
def errors_at_the_end(clips, service, limit):
    checked(limit)
    places = asyncio.Semaphore(limit)

    async def transcribe(clip):
        async with places:
            return await reference.request(service, clip)

    async def everything():
        return await asyncio.gather(*map(transcribe, clips), return_exceptions=True)

    texts = reference.run_loop(everything())
    for text in texts:
        if isinstance(text, Exception):
            raise text
    return texts


@mistake(
    "transcribe_all",
    "A TaskGroup wraps the error into an ExceptionGroup. The caller wants the error as it is.",
)
def error_in_a_group(clips, service, limit):
    checked(limit)
    places = asyncio.Semaphore(limit)

    async def transcribe(clip):
        async with places:
            return await reference.request(service, clip)

    async def everything():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(transcribe(clip)) for clip in clips]
        return [task.result() for task in tasks]

    return reference.run_loop(everything())


# --- read_blocks -------------------------------------------------------------------------------------


def blocks_by(
    data, head, samples="<i2", scale=32768, use_gain=True, bytes_counted=False, whole=True, most=None
):
    """The reference with other settings."""
    layout, blocks, place = struct.Struct(head), [], 0
    while place < len(data) and (most is None or len(blocks) < most):
        start = place + layout.size
        if start > len(data):
            if not whole:
                break
            raise ValueError("inside a struct")
        channel, first, count, gain = layout.unpack_from(data, place)
        count = count // 2 if bytes_counted else count
        place = start + 2 * count
        if place > len(data):
            if not whole:
                break
            raise ValueError("inside a block")
        found = np.frombuffer(data, samples, count, start) / scale * (gain if use_gain else 1)
        blocks.append({"channel": channel, "first": first, "samples": found})
    return blocks


HEAD = "<B3xIH2xf"


@mistake(
    "read_blocks",
    "You read the struct without padding: 11 bytes. The compiler leaves gaps; the layout shows where.",
)
def without_padding(data):
    return blocks_by(data, "<BIHf")


@mistake("read_blocks", "You read the numbers as big-endian. The lowest byte comes first.")
def big_endian(data):
    return blocks_by(data, HEAD.replace("<", ">"), ">i2")


@mistake("read_blocks", "Your samples are big-endian: they sound like noise. The lowest byte comes first.")
def samples_big_endian(data):
    return blocks_by(data, HEAD, ">i2")


@mistake("read_blocks", "You read the samples as integers without sign.")
def samples_without_sign(data):
    return blocks_by(data, HEAD, "<u2")


@mistake("read_blocks", "You read a member with a sign: numbers in the upper half come out negative.")
def members_with_sign(data):
    blocks = blocks_by(data, HEAD)
    for block in blocks:
        block["channel"] -= 256 * (block["channel"] > 127)
        block["first"] -= 2**32 * (block["first"] >= 2**31)
    return blocks


@mistake("read_blocks", "You divided by 32767. Full scale of 16 bits is 32768, so that −32768 becomes −1.")
def odd_full_scale(data):
    return blocks_by(data, HEAD, scale=32767)


@mistake("read_blocks", "You forgot the gain of the block.")
def gain_forgotten(data):
    return blocks_by(data, HEAD, use_gain=False)


@mistake("read_blocks", "You took `count` for bytes. It counts samples, of two bytes each.")
def count_in_bytes(data):
    return blocks_by(data, HEAD, bytes_counted=True)


@mistake("read_blocks", "You read the first block only. After its samples comes the next struct.")
def first_block_only(data):
    reference.read_blocks(data)
    return blocks_by(data, HEAD, most=1)


@mistake(
    "read_blocks",
    "You leave out a block that is cut off, and say nothing. Data that ends too early is an error.",
)
def cut_off_in_silence(data):
    return blocks_by(data, HEAD, whole=False)


# --- summarise_manifest ------------------------------------------------------------------------------


def summary(
    lines, test=True, speaker=lambda entry: entry.get("speaker") or "unknown", later=False, name_line=True
):
    """The reference over a list of lines, with other settings."""
    clips, longest, most, speakers = 0, None, 0.0, {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            path, duration = entry["audio_filepath"], entry["duration"]
            if test and (isinstance(duration, bool) or not 0 < duration < math.inf):
                raise ValueError("duration")
            duration + 0.0
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number}" if name_line else "a line is wrong") from error
        clips += 1
        if duration > most or (later and duration == most):
            longest, most = path, duration
        who = speaker(entry)
        if who is not None:
            speakers[who] = speakers.get(who, 0.0) + duration
    return {"clips": clips, "seconds": sum(speakers.values()), "longest": longest, "speakers": speakers}


@mistake(
    "summarise_manifest",
    "splitlines also splits inside a text, at characters such as U+2028. Only a line feed ends a line.",
)
def split_inside_a_text(text):
    return summary(text.splitlines())


@mistake("summarise_manifest", "An empty line breaks your program. Skip it.")
def empty_lines_refused(text):
    if any(not line.strip() for line in text.removesuffix("\n").split("\n")):
        raise ValueError("an empty line")
    return reference.summarise_manifest(text)


@mistake("summarise_manifest", "You counted empty lines as clips.")
def empty_lines_counted(text):
    return {**reference.summarise_manifest(text), "clips": len(text.split("\n"))}


@mistake("summarise_manifest", "For each speaker you counted clips. Their seconds are asked for.")
def numbers_of_clips(text):
    right = reference.summarise_manifest(text)
    counts = dict.fromkeys(right["speakers"], 0)
    for line in text.split("\n"):
        if line.strip():
            counts[json.loads(line).get("speaker") or "unknown"] += 1
    return {**right, "speakers": counts}


@mistake(
    "summarise_manifest",
    'Clips without a speaker are missing from the sums by speaker. They are by "unknown".',
)
def unknown_left_out(text):
    right = reference.summarise_manifest(text)
    return {**right, "speakers": {who: s for who, s in right["speakers"].items() if who != "unknown"}}


@mistake(
    "summarise_manifest",
    'A speaker that is null is a speaker that nobody knows: "unknown", as if it were missing.',
)
def null_is_a_name(text):
    right = reference.summarise_manifest(text)
    speakers = {}
    for line in text.split("\n"):
        if line.strip():
            entry = json.loads(line)
            who = str(entry.get("speaker", "unknown"))
            speakers[who] = speakers.get(who, 0.0) + entry["duration"]
    return {**right, "speakers": speakers}


@mistake("summarise_manifest", "Of several longest clips you gave the last one. The first is asked for.")
def last_of_the_longest(text):
    return summary(text.split("\n"), later=True)


@mistake("summarise_manifest", "You gave how long the longest clip is. Its path is asked for.")
def length_of_the_longest(text):
    right = reference.summarise_manifest(text)
    durations = [json.loads(line)["duration"] for line in text.split("\n") if line.strip()]
    return {**right, "longest": max(durations, default=None)}


@mistake("summarise_manifest", "You believe any duration. Zero, negative, NaN and infinite ones are errors.")
def any_duration(text):
    return summary(text.split("\n"), test=False)


@mistake(
    "summarise_manifest",
    "Your error does not name the right line. Count from 1, and count the empty ones too.",
)
def line_not_named(text):
    return summary(text.split("\n"), name_line=False)


@mistake("summarise_manifest", "You skip lines that are wrong. Say which line it is, and go no further.")
def wrong_lines_skipped(text):
    good = []
    for line in text.split("\n"):
        try:
            reference.summarise_manifest(line)
        except ValueError:
            continue
        good.append(line)
    return summary(good)
