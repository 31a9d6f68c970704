"""Hidden checks of the lab on programming for speech."""

import ctypes
import functools
import heapq
import itertools
import json
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, picture

# Two orders of summation of at most a few thousand float64 terms of size 1 differ by some 1e-13.
EXACT = 1e-11


def noise(seed, shape, size=1.0):
    return np.random.default_rng(seed).normal(0, size, shape)


def cut(samples, seed):
    """The samples in blocks of 0 to 9, and at times one long block."""
    lengths, place, blocks = np.random.default_rng(seed), 0, []
    while place < len(samples):
        length = int(lengths.integers(0, 10)) if lengths.random() < 0.9 else 60
        blocks.append(samples[place : place + length])
        place += length
    return blocks


# --- frame_layout ------------------------------------------------------------------------------------


def as_lists(layout):
    return {key: [int(number) for number in layout[key]] for key in ("shape", "strides")}


@checks("frame_layout")
@given(
    length=st.integers(1, 60),
    step=st.sampled_from([1, 2, 3, -1, -2]),
    kind=st.sampled_from(["f8", "f4", "i2", "i1"]),
    frame_length=st.integers(1, 20),
    hop_length=st.integers(1, 25),
)
def test_agrees_with_numpys_own_view_of_any_array(lab, length, step, kind, frame_length, hop_length):
    from hypothesis import assume

    assume(frame_length <= length)
    samples = np.zeros(3 * length, dtype=kind)[::step][:length]
    expected = np.lib.stride_tricks.sliding_window_view(samples, frame_length)[::hop_length]
    layout = as_lists(lab.frame_layout(length, samples.strides[0], frame_length, hop_length))
    assert layout["shape"] == list(expected.shape)
    assert layout["strides"][1] == expected.strides[1]
    assert layout["strides"][0] == hop_length * samples.strides[0]


@checks("frame_layout", visible=True)
def test_ten_numbers_in_frames_of_four(lab):
    layout = as_lists(lab.frame_layout(10, 4, 4, 3))
    assert layout == {"shape": [3, 4], "strides": [12, 4]}


@checks("frame_layout")
def test_only_frames_that_fit_wholly_count(lab):
    """The last frame must end inside the array, and none that fits may be missing."""
    for length in range(5, 16):
        frames = as_lists(lab.frame_layout(length, 8, 5, 3))["shape"][0]
        assert (frames - 1) * 3 + 5 <= length < frames * 3 + 5


@checks("frame_layout")
def test_strides_are_bytes_of_the_array_that_is_there(lab):
    """Both strides must grow with the stride of the array: not every array has 8 bytes a number."""
    for stride in (2, 16, -8):
        assert as_lists(lab.frame_layout(100, stride, 10, 7))["strides"] == [7 * stride, stride]


@checks("frame_layout")
def test_one_frame_that_fills_the_array_is_allowed(lab):
    assert as_lists(lab.frame_layout(7, 8, 7, 3))["shape"] == [1, 7]
    assert as_lists(lab.frame_layout(1, 8, 1, 1))["shape"] == [1, 1]


@checks("frame_layout")
@pytest.mark.parametrize(
    ("length", "frame_length", "hop_length"),
    [(10, 0, 1), (10, -3, 1), (10, 4, 0), (10, 4, -2), (3, 4, 1), (0, 1, 1)],
)
def test_lengths_that_make_no_frame_are_refused(lab, length, frame_length, hop_length):
    with pytest.raises(ValueError):
        lab.frame_layout(length, 8, frame_length, hop_length)


# --- pairwise_distances ------------------------------------------------------------------------------


@checks("pairwise_distances")
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7), m=st.integers(1, 7), d=st.integers(1, 9))
def test_agrees_with_scipys_cdist(lab, seed, n, m, d):
    from scipy.spatial.distance import cdist

    x, y = noise(seed, (n, d)), noise(seed + 1, (m, d))
    result = np.asarray(lab.pairwise_distances(x, y))
    assert result.shape == (n, m)
    np.testing.assert_allclose(result, cdist(x, y), rtol=EXACT, atol=1e-14)


@checks("pairwise_distances", visible=True)
def test_three_and_four_make_five(lab):
    result = lab.pairwise_distances(np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([[4.0, 5.0]]))
    np.testing.assert_allclose(result, [[5.0], [np.sqrt(41)]], rtol=1e-12)


@checks("pairwise_distances")
def test_small_differences_of_long_vectors_are_not_lost(lab, rng):
    """Far from the origin the distances must be as exact as near it: subtract first."""
    near = rng.integers(-9, 10, (6, 5)).astype(np.float64)
    far = near + 1e8  # whole numbers: exact in float64
    expected = np.sqrt([[sum((a - b) ** 2) for b in near] for a in near])
    np.testing.assert_allclose(lab.pairwise_distances(far, far), expected, rtol=1e-12)


@checks("pairwise_distances")
@pytest.mark.parametrize("kind", ["uint8", "int16"])
def test_differences_of_small_integers_do_not_wrap(lab, kind):
    """Integers of 8 or 16 bits must be converted before anything is subtracted or squared."""
    x, y = np.array([[3, 250], [0, 0]], dtype=kind), np.array([[250, 3], [200, 100]], dtype=kind)
    expected = [[np.hypot(247, 247), np.hypot(197, 150)], [np.hypot(250, 3), np.hypot(200, 100)]]
    np.testing.assert_allclose(lab.pairwise_distances(x, y), expected, rtol=1e-12)


@checks("pairwise_distances")
def test_single_precision_is_computed_in_double(lab, rng):
    """The result must have the 16 digits of float64, also for vectors in float32."""
    x, y = rng.normal(size=(2, 4, 6)).astype(np.float32)
    result = np.asarray(lab.pairwise_distances(x, y))
    assert result.dtype == np.float64
    expected = [[np.linalg.norm(a.astype(float) - b.astype(float)) for b in y] for a in x]
    np.testing.assert_allclose(result, expected, rtol=1e-12)


@checks("pairwise_distances")
def test_the_distance_of_a_vector_to_itself_is_zero(lab, rng):
    x = rng.normal(size=(9, 4))
    result = np.asarray(lab.pairwise_distances(x, x))
    assert result.shape == (9, 9)
    assert np.all(np.diagonal(result) == 0)
    np.testing.assert_allclose(result, result.T, rtol=1e-12)


@checks("pairwise_distances")
@pytest.mark.parametrize(
    ("x_shape", "y_shape"),
    [
        ((3,), (4, 3)),
        ((4, 3), (3,)),
        ((4, 3), (4, 2)),
        ((4, 1), (4, 3)),
        ((4, 3), (4, 1)),
        ((2, 2, 3), (4, 3)),
    ],
    ids=["x is a vector", "y is a vector", "y is short", "x has one", "y has one", "x has three axes"],
)
def test_what_is_no_pair_of_matrices_is_refused(lab, x_shape, y_shape):
    """Two matrices with rows of one length must come; a length of 1 must not be repeated."""
    with pytest.raises(ValueError):
        lab.pairwise_distances(np.ones(x_shape), np.ones(y_shape))


@picture("pairwise_distances")
def distances_matrix(output, x, y):
    from labkit import plot

    return plot.matrix(output, x_label="row of y", y_label="row of x", title="your distances")


# --- running_mean ------------------------------------------------------------------------------------


@checks("running_mean")
@given(seed=st.integers(0, 10**6), length=st.integers(0, 50), width=st.integers(1, 60))
def test_agrees_with_the_mean_of_every_window(lab, seed, length, width):
    samples = noise(seed, length)
    result = np.asarray(lab.running_mean(samples, width))
    expected = [np.mean(samples[max(0, i + 1 - width) : i + 1]) for i in range(length)]
    assert result.shape == (length,)
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)


@checks("running_mean", visible=True)
def test_five_numbers_and_a_width_of_two(lab):
    result = lab.running_mean(np.array([2.0, 4.0, 8.0, 0.0, 1.0]), 2)
    np.testing.assert_allclose(result, [2.0, 3.0, 6.0, 4.0, 0.5], rtol=1e-12)


@checks("running_mean")
def test_agrees_with_a_convolution_where_the_window_is_full(lab, rng):
    samples = rng.normal(size=400)
    result = np.asarray(lab.running_mean(samples, 37))[36:]
    np.testing.assert_allclose(result, np.convolve(samples, np.ones(37) / 37, "valid"), atol=1e-12)


@checks("running_mean")
def test_single_precision_does_not_spoil_long_signals(lab, rng):
    """The sums must be kept in float64, or the mean drowns after some hundred thousand samples."""
    samples = (1000 + rng.normal(size=300_000)).astype(np.float32)
    result = np.asarray(lab.running_mean(samples, 100))
    assert result.shape == (300_000,)
    exact = [np.mean(samples[i - 99 : i + 1], dtype=np.float64) for i in range(290_000, 300_000, 500)]
    # sums near 3e8 are exact to 6e-8 in float64, of which a hundredth is seen; in float32, to 32
    np.testing.assert_allclose(result[290_000::500], exact, rtol=0, atol=1e-6)


@checks("running_mean")
def test_integers_come_out_as_fractions(lab):
    """Sixteen-bit integers must not overflow in the sum, nor be rounded in the mean."""
    samples = np.full(10, 30_001, dtype=np.int16)
    samples[0] = 30_000
    np.testing.assert_allclose(
        lab.running_mean(samples, 4)[:5], [30_000, 30_000.5, 30_000 + 2 / 3, 30_000.75, 30_001]
    )


@checks("running_mean")
def test_the_future_does_not_count(lab, rng):
    """A change at one moment must leave everything before it as it was."""
    samples = rng.normal(size=60)
    changed = samples.copy()
    changed[40] += 1.0
    before, after = np.asarray(lab.running_mean(samples, 9)), np.asarray(lab.running_mean(changed, 9))
    difference = after - before
    np.testing.assert_allclose(difference[:40], 0, atol=1e-13)
    np.testing.assert_allclose(difference[40:49], 1 / 9, atol=1e-12)
    np.testing.assert_allclose(difference[49:], 0, atol=1e-12)


@checks("running_mean")
@pytest.mark.parametrize("width", [0, -1])
def test_the_width_must_be_positive(lab, width):
    with pytest.raises(ValueError):
        lab.running_mean(np.ones(5), width)


@checks("running_mean")
@pytest.mark.parametrize("shape", [(), (3, 4), (1, 4)], ids=["a number", "a matrix", "a row"])
def test_only_one_channel_has_a_running_mean(lab, shape):
    with pytest.raises(ValueError):
        lab.running_mean(np.ones(shape), 2)


@picture("running_mean")
def the_mean_and_its_samples(output, samples, width):
    from labkit import plot

    return plot.lines({"samples": samples, "yours": output}, title=f"your running mean, width {width}")


# --- split_by_mask -----------------------------------------------------------------------------------


@checks("split_by_mask")
@given(seed=st.integers(0, 10**6), length=st.integers(0, 40), share=st.floats(0, 1))
def test_each_sample_is_in_one_of_the_two(lab, seed, length, share):
    samples = noise(seed, length)
    keep = np.random.default_rng(seed + 1).random(length) < share
    result = lab.split_by_mask(samples, keep)
    np.testing.assert_array_equal(result["kept"], np.where(keep, samples, 0.0))
    np.testing.assert_array_equal(result["removed"], np.where(keep, 0.0, samples))


@checks("split_by_mask", visible=True)
def test_kept_and_removed_are_two_arrays(lab):
    """Zeros written into one of the results must not appear in the other."""
    result = lab.split_by_mask(np.array([1.0, 2.0, 3.0]), np.array([True, False, True]))
    assert np.asarray(result["kept"]).tolist() == [1.0, 0.0, 3.0]
    assert np.asarray(result["removed"]).tolist() == [0.0, 2.0, 0.0]


@checks("split_by_mask")
@pytest.mark.parametrize("kind", ["int16", "float32", "float64"])
def test_the_number_type_stays(lab, kind):
    result = lab.split_by_mask(np.array([5, -7, 9], dtype=kind), np.array([False, True, True]))
    for name, expected in {"kept": [0, -7, 9], "removed": [5, 0, 0]}.items():
        assert np.asarray(result[name]).dtype == kind
        np.testing.assert_array_equal(result[name], expected)


@checks("split_by_mask")
def test_infinity_in_what_goes_does_no_harm(lab):
    """Where a sample is infinite or NaN and does not belong, a plain 0 must stand."""
    samples = np.array([np.inf, 1.0, np.nan, -np.inf])
    result = lab.split_by_mask(samples, np.array([False, True, False, True]))
    np.testing.assert_array_equal(result["kept"], [0.0, 1.0, 0.0, -np.inf])
    np.testing.assert_array_equal(result["removed"], [np.inf, 0.0, np.nan, 0.0])


@checks("split_by_mask")
def test_numbers_are_no_mask(lab):
    """Zeros and ones must be refused: as an index they would be places."""
    for kind in ("int64", "float64", "uint8"):
        with pytest.raises(ValueError):
            lab.split_by_mask(np.arange(4.0), np.array([1, 0, 1, 1], dtype=kind))


@checks("split_by_mask")
def test_the_mask_must_have_the_shape_of_the_samples(lab):
    for length in (1, 3, 5):
        with pytest.raises(ValueError):
            lab.split_by_mask(np.arange(4.0), np.ones(length, dtype=bool))


# --- runs --------------------------------------------------------------------------------------------


def runs_by_groups(mask):
    """By itertools: groups of equal neighbours."""
    place, found = 0, []
    for value, group in itertools.groupby(mask.tolist()):
        length = len(list(group))
        if value:
            found.append([place, place + length])
        place += length
    return np.array(found, dtype=int).reshape(-1, 2)


@checks("runs")
@given(mask=st.lists(st.booleans(), max_size=40))
def test_agrees_with_groups_of_equal_neighbours(lab, mask):
    mask = np.array(mask, dtype=bool)
    result = np.asarray(lab.runs(mask))
    expected = runs_by_groups(mask)
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)


@checks("runs", visible=True)
def test_two_runs_of_which_one_ends_the_mask(lab):
    result = lab.runs(np.array([False, True, True, False, False, True]))
    assert np.asarray(result).tolist() == [[1, 3], [5, 6]]


@checks("runs")
def test_a_run_may_start_the_mask_or_be_all_of_it(lab):
    assert np.asarray(lab.runs(np.array([True, True, False]))).tolist() == [[0, 2]]
    assert np.asarray(lab.runs(np.ones(4, dtype=bool))).tolist() == [[0, 4]]
    assert np.asarray(lab.runs(np.ones(1, dtype=bool))).tolist() == [[0, 1]]


@checks("runs")
def test_without_a_run_the_result_has_no_rows(lab):
    for length in (0, 1, 7):
        assert np.asarray(lab.runs(np.zeros(length, dtype=bool))).shape == (0, 2)


@checks("runs")
def test_runs_as_slices_give_back_the_mask(lab, rng):
    mask = rng.random(2000) < 0.6
    painted = np.zeros(2000, dtype=bool)
    found = np.asarray(lab.runs(mask))
    assert found.ndim == 2 and found.shape[1] == 2
    for start, end in found:
        assert not painted[start:end].any()
        painted[start:end] = True
    np.testing.assert_array_equal(painted, mask)
    assert np.all(found[1:, 0] > found[:-1, 1])


@checks("runs")
def test_what_is_no_mask_is_refused(lab):
    """Numbers instead of True and False, or two dimensions, must raise ValueError."""
    for wrong in (np.array([0, 1, 1]), np.array([0.0, 1.0]), np.ones((2, 3), dtype=bool), np.array(True)):
        with pytest.raises(ValueError):
            lab.runs(wrong)


# --- RingBuffer --------------------------------------------------------------------------------------


def as_list(samples):
    return np.asarray(samples).tolist()


@checks("RingBuffer")
@given(
    capacity=st.integers(1, 9),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 14)), max_size=25),
    policy=st.sampled_from(["drop_oldest", "drop_newest"]),
)
def test_agrees_with_a_plain_queue_whatever_is_done(lab, capacity, steps, policy):
    """After any writes and reads, what is read, lost and left must be that of a queue of that size."""
    ring, queue, counter = lab.RingBuffer(capacity, policy), deque(), itertools.count(1)
    for is_write, count in steps:
        if is_write:
            samples = [float(next(counter)) for _ in range(count)]
            lost = 0
            for sample in samples:
                if len(queue) < capacity:
                    queue.append(sample)
                    continue
                lost += 1
                if policy == "drop_oldest":
                    queue.popleft()
                    queue.append(sample)
            assert ring.write(np.array(samples)) == lost
        else:
            expected = [queue.popleft() for _ in range(min(count, len(queue)))]
            assert as_list(ring.read(count)) == expected
        assert ring.available == len(queue)


@checks("RingBuffer", visible=True)
def test_what_is_written_is_read_in_order_round_the_end(lab):
    ring = lab.RingBuffer(5)
    assert ring.write(np.array([1.0, 2.0, 3.0, 4.0])) == 0
    assert as_list(ring.read(2)) == [1.0, 2.0]
    assert ring.write(np.array([5.0, 6.0])) == 0
    assert ring.available == 4
    assert as_list(ring.read(4)) == [3.0, 4.0, 5.0, 6.0]
    assert ring.available == 0


@checks("RingBuffer")
def test_a_deque_with_a_longest_length_keeps_the_same(lab, rng):
    """With drop_oldest, what is left must be what collections.deque(maxlen=capacity) keeps."""
    ring, queue = lab.RingBuffer(50), deque(maxlen=50)
    for _ in range(30):
        samples = rng.normal(size=int(rng.integers(0, 40)))
        ring.write(samples)
        queue.extend(samples.tolist())
    assert ring.available == len(queue)
    assert as_list(ring.read(50)) == list(queue)


@checks("RingBuffer")
def test_all_places_can_be_filled(lab):
    """A buffer of capacity 3 must hold 3 samples, at any position of its beginning."""
    ring = lab.RingBuffer(3, "drop_newest")
    for turn in range(4):
        assert ring.write(np.array([1.0, 2.0, 3.0]) + turn) == 0
        assert ring.available == 3
        assert as_list(ring.read(3)) == [1.0 + turn, 2.0 + turn, 3.0 + turn]
        assert ring.write(np.array([9.0])) == 0
        assert as_list(ring.read(1)) == [9.0]


@checks("RingBuffer")
def test_drop_oldest_keeps_the_newest_and_counts_the_lost(lab):
    ring = lab.RingBuffer(4, "drop_oldest")
    assert ring.write(np.array([1.0, 2.0, 3.0])) == 0
    assert ring.write(np.array([4.0, 5.0, 6.0])) == 2
    assert as_list(ring.read(4)) == [3.0, 4.0, 5.0, 6.0]


@checks("RingBuffer")
def test_drop_newest_keeps_what_is_there_and_counts_the_lost(lab):
    ring = lab.RingBuffer(4, "drop_newest")
    assert ring.write(np.array([1.0, 2.0, 3.0])) == 0
    assert ring.write(np.array([4.0, 5.0, 6.0])) == 2
    assert as_list(ring.read(4)) == [1.0, 2.0, 3.0, 4.0]


@checks("RingBuffer")
def test_a_block_longer_than_the_buffer_is_cut_by_the_policy(lab):
    """Of nine samples, a buffer for four keeps the last four or the first four, and loses five."""
    for policy, kept in {"drop_oldest": [6.0, 7.0, 8.0, 9.0], "drop_newest": [1.0, 2.0, 3.0, 4.0]}.items():
        ring = lab.RingBuffer(4, policy)
        assert ring.write(np.arange(1.0, 10.0)) == 5
        assert as_list(ring.read(9)) == kept


@checks("RingBuffer")
def test_without_a_policy_the_oldest_go(lab):
    ring = lab.RingBuffer(2)
    assert ring.write(np.array([1.0, 2.0, 3.0])) == 1
    assert as_list(ring.read(2)) == [2.0, 3.0]


@checks("RingBuffer")
def test_reading_more_than_there_is_gives_what_there_is(lab):
    ring = lab.RingBuffer(6)
    ring.write(np.array([1.0, 2.0]))
    assert as_list(ring.read(5)) == [1.0, 2.0]
    assert as_list(ring.read(5)) == []
    assert as_list(ring.read(0)) == []
    assert ring.available == 0


@checks("RingBuffer")
def test_two_buffers_know_nothing_of_each_other(lab):
    left, right = lab.RingBuffer(3), lab.RingBuffer(3)
    left.write(np.array([1.0, 2.0]))
    right.write(np.array([7.0]))
    assert (left.available, right.available) == (2, 1)
    assert as_list(left.read(3)) == [1.0, 2.0]
    assert as_list(right.read(3)) == [7.0]


@checks("RingBuffer")
@pytest.mark.parametrize("capacity", [0, -4])
def test_a_buffer_without_room_is_refused(lab, capacity):
    with pytest.raises(ValueError):
        lab.RingBuffer(capacity)


@checks("RingBuffer")
def test_an_unknown_policy_and_a_negative_count_are_refused(lab):
    for policy in ("wait", "", "drop"):
        with pytest.raises(ValueError):
            lab.RingBuffer(4, policy)
    ring = lab.RingBuffer(4)
    ring.write(np.array([1.0, 2.0]))
    with pytest.raises(ValueError):
        ring.read(-1)
    assert ring.available == 2


# --- OnePole -----------------------------------------------------------------------------------------


def one_pole(samples, pole):
    """By the impulse response, (1 - pole) pole^n: a convolution."""
    response = (1 - pole) * pole ** np.arange(len(samples))
    return np.convolve(np.asarray(samples, dtype=np.float64), response)[: len(samples)]


@checks("OnePole")
@given(seed=st.integers(0, 10**6), pole=st.floats(0, 0.99))
def test_agrees_with_scipys_lfilter(lab, seed, pole):
    from scipy.signal import lfilter

    samples = noise(seed, 80)
    result = lab.OnePole(pole).process(samples)
    np.testing.assert_allclose(result, lfilter([1 - pole], [1, -pole], samples), rtol=1e-9, atol=1e-13)


@checks("OnePole")
@given(seed=st.integers(0, 10**6), pole=st.floats(0.1, 0.99))
def test_cut_where_you_like_the_output_is_the_same(lab, seed, pole):
    """Blocks of any lengths, empty ones too, must give the output of the whole signal."""
    samples = 1 + noise(seed, 120)
    smooth = lab.OnePole(pole)
    blocks = [np.asarray(smooth.process(block)) for block in cut(samples, seed)]
    np.testing.assert_allclose(np.concatenate(blocks), one_pole(samples, pole), rtol=1e-9, atol=1e-13)


@checks("OnePole", visible=True)
def test_a_step_comes_up_by_halves(lab):
    smooth = lab.OnePole(0.5)
    np.testing.assert_allclose(smooth.process(np.ones(3)), [0.5, 0.75, 0.875], rtol=1e-12)
    np.testing.assert_allclose(smooth.process(np.ones(1)), [0.9375], rtol=1e-12)


@checks("OnePole")
def test_the_pole_is_the_share_of_the_past(lab):
    """With pole 0.9, a single 1 must come out as 0.1, then 0.09, then 0.081."""
    np.testing.assert_allclose(
        lab.OnePole(0.9).process(np.array([1.0, 0.0, 0.0])), [0.1, 0.09, 0.081], rtol=1e-12
    )


@checks("OnePole")
def test_a_pole_of_zero_changes_nothing(lab, rng):
    samples = rng.normal(size=23)
    np.testing.assert_allclose(lab.OnePole(0).process(samples), samples, rtol=1e-12)


@checks("OnePole")
def test_integers_give_fractions(lab):
    """Blocks of integers must be filtered in float64, and the state must not be rounded."""
    smooth = lab.OnePole(0.75)
    first = np.asarray(smooth.process(np.array([1, 2], dtype=np.int16)))
    assert first.dtype == np.float64
    np.testing.assert_allclose(first, [0.25, 0.6875], rtol=1e-12)
    np.testing.assert_allclose(smooth.process(np.array([0], dtype=np.int16)), [0.515625], rtol=1e-12)


@checks("OnePole")
def test_two_filters_remember_separately(lab, rng):
    left, right = lab.OnePole(0.8), lab.OnePole(0.8)
    a, b = rng.normal(size=(2, 30))
    heard_left, heard_right = [], []
    for start in range(0, 30, 10):
        heard_left.append(np.asarray(left.process(a[start : start + 10])))
        heard_right.append(np.asarray(right.process(b[start : start + 10])))
    np.testing.assert_allclose(np.concatenate(heard_left), one_pole(a, 0.8), atol=1e-13)
    np.testing.assert_allclose(np.concatenate(heard_right), one_pole(b, 0.8), atol=1e-13)


@checks("OnePole")
def test_reset_makes_it_new(lab, rng):
    smooth = lab.OnePole(0.9)
    smooth.process(5 + rng.normal(size=10))
    smooth.reset()
    samples = rng.normal(size=10)
    np.testing.assert_allclose(smooth.process(samples), one_pole(samples, 0.9), atol=1e-13)


@checks("OnePole")
def test_an_empty_block_changes_nothing(lab):
    smooth = lab.OnePole(0.5)
    assert as_list(smooth.process(np.zeros(0))) == []
    np.testing.assert_allclose(smooth.process(np.array([4.0])), [2.0], rtol=1e-12)
    assert as_list(smooth.process(np.zeros(0))) == []
    np.testing.assert_allclose(smooth.process(np.array([4.0])), [3.0], rtol=1e-12)


@checks("OnePole")
@pytest.mark.parametrize("pole", [1.0, -0.001, 1.5, float("nan")])
def test_a_pole_outside_its_range_is_refused(lab, pole):
    with pytest.raises(ValueError):
        lab.OnePole(pole)


@picture("OnePole")
def filtered(output, *args, **options):
    from labkit import plot

    return plot.lines({"your output": output}, title="what your filter gave back")


# --- run_stages --------------------------------------------------------------------------------------


@checks("run_stages")
@given(
    steps=st.lists(st.tuples(st.integers(-3, 3), st.integers(-9, 9)), max_size=6), start=st.integers(-9, 9)
)
def test_agrees_with_the_closed_form_of_affine_stages(lab, steps, start):
    """x ↦ a x + b, one after the other, must give the product and sum that algebra gives."""
    stages = [lambda x, a=a, b=b: a * x + b for a, b in steps]
    scale, shift = functools.reduce(
        lambda whole, ab: (ab[0] * whole[0], ab[0] * whole[1] + ab[1]), steps, (1, 0)
    )
    result = lab.run_stages(stages, np.array([float(start)]))
    np.testing.assert_array_equal(result, [scale * start + shift])


@checks("run_stages", visible=True)
def test_the_first_in_the_list_comes_first(lab):
    result = lab.run_stages([lambda x: x + 1, lambda x: 10 * x], np.array([1.0, 2.0]))
    np.testing.assert_array_equal(result, [20.0, 30.0])


@checks("run_stages")
def test_no_stages_give_the_value_back(lab, rng):
    value = rng.normal(size=4)
    np.testing.assert_array_equal(lab.run_stages([], value), value)


@checks("run_stages")
def test_each_stage_is_called_once(lab, rng):
    """A stage may have a memory: it must be called once, with what the stage before gave."""
    calls = []

    def stage(number):
        def called(x):
            calls.append((number, np.asarray(x).tolist()))
            return x + len(calls)

        return called

    start = float(rng.integers(0, 50))
    result = lab.run_stages([stage(0), stage(1), stage(2)], np.array([start]))
    np.testing.assert_array_equal(result, [start + 6])
    assert calls == [(0, [start]), (1, [start + 1]), (2, [start + 3])]


@checks("run_stages")
def test_one_stage_may_stand_in_the_row_twice(lab):
    def double(x):
        return 2 * x

    np.testing.assert_array_equal(lab.run_stages([double] * 3, np.array([1.0])), [8.0])


# --- stream_frames -----------------------------------------------------------------------------------


class Source:
    """Blocks one at a time. At their end the line breaks, or (`ends`) None is said once."""

    def __init__(self, blocks, ends=False):
        self.blocks, self.ends, self.asked = list(blocks), ends, 0

    def __call__(self):
        self.asked += 1
        if self.asked <= len(self.blocks):
            return self.blocks[self.asked - 1]
        if self.ends and self.asked == len(self.blocks) + 1:
            return None
        raise ConnectionError("the line is dead")


def next_frame(frames):
    """The next frame, None if the line broke before there was one."""
    try:
        return np.asarray(frames.send(None))
    except ConnectionError:
        return None


def has_ended(frames):
    """Whether a generator has nothing more. Behind a handle, its StopIteration comes as another error."""
    try:
        frames.send(None)
    except Exception as error:
        return "StopIteration" in (getattr(error, "remote_type", ""), *str(error).split())
    return False


def expect(frames, expected):
    """The next frames are these. Each is compared when it comes."""
    for wanted in expected:
        frame = next_frame(frames)
        assert frame is not None and frame.shape == np.shape(wanted)
        np.testing.assert_array_equal(frame, wanted)


@checks("stream_frames")
@given(
    seed=st.integers(0, 10**6),
    frame_length=st.integers(1, 12),
    hop=st.floats(0, 1),
    length=st.integers(0, 90),
)
def test_agrees_with_frames_of_the_whole_signal(lab, seed, frame_length, hop, length):
    """However the signal is cut into blocks, the frames must be those of the whole."""
    hop_length = 1 + round(hop * (frame_length - 1))
    samples = noise(seed, length)
    expected = np.zeros((0, frame_length))
    if length >= frame_length:
        expected = np.lib.stride_tricks.sliding_window_view(samples, frame_length)[::hop_length]
    frames = lab.stream_frames(Source(cut(samples, seed)), frame_length, hop_length)
    expect(frames, expected)
    assert next_frame(frames) is None


@checks("stream_frames", visible=True)
def test_frames_of_four_with_a_hop_of_two(lab):
    blocks = [np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0]), np.array([6.0, 7.0, 8.0, 9.0])]
    frames = lab.stream_frames(Source(blocks), 4, 2)
    expect(frames, [[1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7, 8]])
    assert next_frame(frames) is None


@checks("stream_frames")
def test_a_frame_comes_as_soon_as_it_is_complete(lab):
    """No block may be asked for before it is needed: in a live call it does not exist yet."""
    source = Source([np.arange(2.0), np.arange(2.0, 4.0), np.arange(4.0, 9.0), np.arange(9.0, 12.0)])
    frames = lab.stream_frames(source, 3, 2)
    assert source.asked == 0
    # frames end at samples 3, 5, 7, 9 and 11; blocks at 2, 4, 9 and 12
    for number, asked in enumerate([2, 3, 3, 3, 4]):
        expect(frames, [2.0 * number + np.arange(3.0)])
        assert source.asked == asked


@checks("stream_frames")
def test_what_is_complete_is_not_lost_when_the_line_breaks(lab):
    """If reading fails, all frames that were complete before must have been handed over."""
    frames = lab.stream_frames(Source([np.arange(3.0), np.arange(3.0, 6.0)]), 2, 2)
    expect(frames, [[0, 1], [2, 3], [4, 5]])
    with pytest.raises(ConnectionError):
        frames.send(None)


@checks("stream_frames")
def test_an_empty_block_is_not_the_end(lab):
    blocks = [np.zeros(0), np.array([1.0]), np.zeros(0), np.array([2.0, 3.0]), np.zeros(0), np.array([4.0])]
    expect(lab.stream_frames(Source(blocks), 2, 1), [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]])


@checks("stream_frames")
@pytest.mark.parametrize("length", [0, 1, 3, 5, 7])
def test_the_rest_at_the_end_is_left_out(lab, length):
    """After None, samples that fill no frame must not come, not even filled up with zeros."""
    frames = lab.stream_frames(Source([np.ones(length)], ends=True), 4, 4)
    expect(frames, np.ones((length // 4, 4)))
    assert has_ended(frames)


@checks("stream_frames")
def test_after_the_end_nothing_more_is_asked(lab):
    source = Source([np.arange(3.0)], ends=True)
    frames = lab.stream_frames(source, 2, 2)
    expect(frames, [[0, 1]])
    assert has_ended(frames)
    assert has_ended(frames)
    assert source.asked == 2


@checks("stream_frames")
@pytest.mark.parametrize(("frame_length", "hop_length"), [(4, 0), (4, -1), (4, 5), (0, 1), (0, 0)])
def test_hops_that_skip_samples_or_stand_still_are_refused(lab, frame_length, hop_length):
    with pytest.raises(ValueError):
        lab.stream_frames(Source([np.ones(9)]), frame_length, hop_length).send(None)


# --- event_loop --------------------------------------------------------------------------------------


def simulate(pauses):
    """A list of sleepers in the order in which they fell asleep; the first of the earliest wakes."""
    sleeping = [(0.0, name, list(row)) for name, row in pauses.items()]
    log = []
    while sleeping:
        earliest = min(moment for moment, _, _ in sleeping)
        number = next(i for i, sleeper in enumerate(sleeping) if sleeper[0] == earliest)
        now, name, left = sleeping.pop(number)
        if left:
            log.append((now, name))
            sleeping.append((now + left[0], name, left[1:]))
    return log


def eighths(rng, count):
    """Pauses that floats hold exactly, and that often make two wake at once."""
    return (rng.integers(0, 9, count) / 8).tolist()


def same_log(found, expected):
    return [(float(moment), str(name)) for moment, name in found] == expected


@checks("event_loop")
@given(seed=st.integers(0, 10**6), count=st.integers(0, 5))
def test_agrees_with_a_list_of_sleepers(lab, seed, count):
    """Whoever wakes first speaks first; of equals, whoever fell asleep first."""
    rng = np.random.default_rng(seed)
    pauses = {f"{letter}": eighths(rng, int(rng.integers(0, 6))) for letter in "dbeac"[:count]}
    assert same_log(lab.event_loop(pauses), simulate(pauses))


@checks("event_loop", visible=True)
def test_two_talkers_take_turns(lab):
    found = lab.event_loop({"a": [2.0, 2.0, 1.0], "b": [3.0, 3.0]})
    assert same_log(found, [(0.0, "a"), (0.0, "b"), (2.0, "a"), (3.0, "b"), (4.0, "a")])


@checks("event_loop")
def test_each_talker_speaks_at_the_sums_of_its_pauses(lab, rng):
    pauses = {name: eighths(rng, 7) for name in ("x", "y", "z")}
    found = lab.event_loop(pauses)
    for name, row in pauses.items():
        moments = [float(moment) for moment, who in found if who == name]
        np.testing.assert_allclose(moments, np.cumsum([0.0, *row])[:-1], atol=1e-12)
    moments = [float(moment) for moment, _ in found]
    assert moments == sorted(moments) and len(moments) == 21


@checks("event_loop")
def test_those_that_wake_together_speak_in_the_order_of_falling_asleep(lab):
    """At equal times the one that fell asleep first must be first, whatever the names."""
    found = lab.event_loop({"z": [2.0, 1.0], "m": [1.0, 1.0, 1.0], "a": [2.0, 1.0]})
    expected = [(0.0, "z"), (0.0, "m"), (0.0, "a"), (1.0, "m"), (2.0, "z"), (2.0, "a"), (2.0, "m")]
    assert same_log(found, expected)


@checks("event_loop")
def test_one_that_is_done_does_not_stop_the_others(lab):
    found = lab.event_loop({"short": [1.0], "long": [2.0, 2.0, 2.0], "none": []})
    assert same_log(found, [(0.0, "short"), (0.0, "long"), (2.0, "long"), (4.0, "long")])


@checks("event_loop")
def test_nobody_or_silence_give_an_empty_log(lab):
    assert lab.event_loop({}) == []
    assert lab.event_loop({"a": [], "b": []}) == []


@checks("event_loop")
def test_a_pause_of_nothing_lets_the_others_speak(lab):
    """A pause of 0 must put the talker behind those who are already waiting for this moment."""
    found = lab.event_loop({"a": [0.0, 0.0, 1.0], "b": [0.0, 1.0]})
    assert same_log(found, [(0.0, "a"), (0.0, "b"), (0.0, "a"), (0.0, "b"), (0.0, "a")])


@checks("event_loop")
def test_time_does_not_run_backwards(lab):
    """A negative pause must raise ValueError, whoever makes it and whenever."""
    for pauses in ({"a": [-1.0]}, {"a": [1.0], "b": [1.0, -0.125]}):
        with pytest.raises(ValueError):
            lab.event_loop(pauses)


# --- transcribe_all ----------------------------------------------------------------------------------


class Service:
    """A speech service with a book of what happened. Its texts tell how and when they were made."""

    def __init__(self, seconds, failing=()):
        self.seconds, self.failing = dict(seconds), set(failing)
        self.book, self.open, self.most = [], set(), 0

    def __call__(self, event, clip, now):
        self.book.append((str(event), str(clip), float(now)))
        if event == "start":
            self.open.add(clip)
            self.most = max(self.most, len(self.open))
            return self.seconds[clip]
        self.open.discard(clip)
        if event == "finish":
            if clip in self.failing:
                raise ConnectionError(f"the service could not read {clip}")
            return f"{clip}, at {now:.3f} s, {len(self.open)} beside it"
        return None

    def times(self, event):
        return {clip: now for what, clip, now in self.book if what == event}


def starts_of(seconds, limit):
    """When each clip starts, if it takes the place that becomes free first."""
    free = [0.0] * limit
    starts = {}
    for clip, duration in seconds.items():
        starts[clip] = heapq.heappop(free)
        heapq.heappush(free, starts[clip] + duration)
    return starts


@checks("transcribe_all")
@given(seed=st.integers(0, 10**6), count=st.integers(0, 12), limit=st.integers(1, 6))
def test_a_free_place_is_taken_at_once_by_the_next_clip(lab, seed, count, limit):
    """Each clip must start when the first of the places becomes free, in the order given."""
    rng = np.random.default_rng(seed)
    seconds = {f"clip {i}": float(rng.integers(1, 40)) / 8 for i in range(count)}
    service = Service(seconds)
    texts = lab.transcribe_all(list(seconds), service, limit)
    assert [text.split(",")[0] for text in texts] == list(seconds)
    starts = service.times("start")
    assert [clip for what, clip, _ in service.book if what == "start"] == list(seconds)
    for clip, moment in starts_of(seconds, limit).items():
        assert starts[clip] == pytest.approx(moment, abs=1e-6)  # a clock of nanoseconds
        assert service.times("finish")[clip] == pytest.approx(moment + seconds[clip], abs=1e-6)


@checks("transcribe_all", visible=True)
def test_texts_come_in_the_order_of_the_clips(lab):
    service = Service({"slow": 3.0, "quick": 1.0, "middle": 2.0})
    texts = lab.transcribe_all(["slow", "quick", "middle"], service, 3)
    assert [text.split(",")[0] for text in texts] == ["slow", "quick", "middle"]


@checks("transcribe_all")
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 9])
def test_never_more_at_once_than_allowed_and_never_fewer_than_possible(lab, limit):
    service = Service({f"c{i}": 1.0 for i in range(6)})
    lab.transcribe_all(list(service.seconds), service, limit)
    assert service.most == min(limit, 6)
    assert max(service.times("finish").values()) == pytest.approx(-(-6 // limit), abs=1e-6)


@checks("transcribe_all")
def test_a_slow_clip_does_not_hold_up_the_others(lab):
    """No fixed groups: while one clip takes long, the others must go on through the other place."""
    service = Service({"long": 8.0, "a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0})
    lab.transcribe_all(list(service.seconds), service, 2)
    starts = service.times("start")
    assert [starts[clip] for clip in "abcd"] == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=1e-6)


@checks("transcribe_all")
def test_the_error_of_a_clip_comes_out_as_it_is(lab):
    """What the service raises must be what the caller gets."""
    service = Service({"a": 1.0, "b": 2.0, "c": 3.0}, failing={"b"})
    with pytest.raises(ConnectionError):
        lab.transcribe_all(["a", "b", "c"], service, 2)


@checks("transcribe_all")
def test_after_an_error_all_others_are_hung_up_and_none_starts(lab):
    """When a clip fails, requests under way must be cancelled at that moment; later ones must not start."""
    seconds = {"a": 5.0, "bad": 1.0, "b": 5.0, "c": 1.0, "d": 1.0, "e": 1.0}
    service = Service(seconds, failing={"bad"})
    with pytest.raises(ConnectionError):
        lab.transcribe_all(list(seconds), service, 3)
    assert max(now for _, _, now in service.book) == pytest.approx(1.0, abs=1e-6)
    assert service.open == set()
    assert set(service.times("hang up")) >= {"a", "b"}
    assert "e" not in service.times("start")


@checks("transcribe_all")
def test_an_error_at_the_start_ends_it_too(lab):
    def service(event, clip, now):
        if event == "start" and clip == "bad":
            raise PermissionError("no key for this service")
        return 1.0 if event == "start" else "text"

    with pytest.raises(PermissionError):
        lab.transcribe_all(["good", "bad"], service, 1)


@checks("transcribe_all")
def test_no_clips_give_no_texts(lab):
    assert list(lab.transcribe_all([], Service({}), 2)) == []


@checks("transcribe_all")
@pytest.mark.parametrize("limit", [0, -1])
def test_the_limit_must_be_at_least_one(lab, limit):
    service = Service({"a": 1.0})
    with pytest.raises(ValueError):
        lab.transcribe_all(["a"], service, limit)
    assert service.book == []


# --- read_blocks -------------------------------------------------------------------------------------


class Head(ctypes.LittleEndianStructure):
    """Laid out by ctypes, which pads as C compilers do."""

    _fields_ = [
        ("channel", ctypes.c_uint8),
        ("first", ctypes.c_uint32),
        ("count", ctypes.c_uint16),
        ("gain", ctypes.c_float),
    ]


def sent(channel, first, integers, gain, junk=0):
    head = bytearray([junk] * ctypes.sizeof(Head))
    view = Head.from_buffer(head)
    view.channel, view.first, view.count, view.gain = channel, first, len(integers), gain
    del view
    return bytes(head) + np.asarray(integers, dtype="<i2").tobytes()


@checks("read_blocks")
@given(seed=st.integers(0, 10**6), n_blocks=st.integers(0, 5), junk=st.integers(0, 255))
def test_agrees_with_the_layout_of_ctypes(lab, seed, n_blocks, junk):
    """Fields must be read from where a C compiler puts them, whatever is in the padding."""
    rng = np.random.default_rng(seed)
    data, expected = b"", []
    for _ in range(n_blocks):
        channel, first = int(rng.integers(0, 256)), int(rng.integers(0, 2**32))
        integers = rng.integers(-32768, 32768, int(rng.integers(0, 9)))
        gain = float(np.float32(rng.uniform(0.01, 2)))
        data += sent(channel, first, integers, gain, junk)
        expected.append((channel, first, [int(i) / 32768 * gain for i in integers]))
    found = lab.read_blocks(data)
    assert [(int(block["channel"]), int(block["first"])) for block in found] == [e[:2] for e in expected]
    for block, (_, _, samples) in zip(found, expected, strict=True):
        assert np.asarray(block["samples"]).shape == (len(samples),)
        np.testing.assert_allclose(block["samples"], samples, rtol=1e-12)


@checks("read_blocks", visible=True)
def test_two_samples_behind_one_struct(lab):
    # channel 3, first 2, count 2, gain 0.5; then 16384 and -32768
    head = bytes([3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0x3F])
    [block] = lab.read_blocks(head + bytes([0, 64, 0, 128]))
    assert (block["channel"], block["first"]) == (3, 2)
    np.testing.assert_allclose(block["samples"], [0.25, -0.5], rtol=1e-12)


@checks("read_blocks")
def test_the_lowest_byte_comes_first(lab):
    """Numbers of several bytes must be read as little-endian, in the struct and in the samples."""
    [block] = lab.read_blocks(sent(1, 0x01020304, [1, 256], 1.0))
    assert block["first"] == 0x01020304
    np.testing.assert_allclose(block["samples"], [1 / 32768, 256 / 32768], rtol=1e-12)


@checks("read_blocks")
def test_numbers_without_sign_reach_their_upper_half(lab):
    [block] = lab.read_blocks(sent(255, 2**32 - 1, [0] * 40_000, 1.0))
    assert (block["channel"], block["first"]) == (255, 2**32 - 1)
    assert np.asarray(block["samples"]).shape == (40_000,)


@checks("read_blocks")
def test_full_scale_is_a_power_of_two(lab):
    """The integer -32768 must become exactly minus the gain."""
    [block] = lab.read_blocks(sent(0, 0, [-32768], 0.25))
    assert np.asarray(block["samples"]).tolist() == [-0.25]
    assert np.asarray(block["samples"]).dtype == np.float64


@checks("read_blocks")
def test_each_block_has_its_own_gain_and_length(lab):
    found = lab.read_blocks(sent(0, 0, [16384], 1.0) + sent(1, 1, [], 2.0) + sent(2, 1, [8192] * 3, 4.0))
    assert [as_list(block["samples"]) for block in found] == [[0.5], [], [1.0, 1.0, 1.0]]


@checks("read_blocks")
def test_no_bytes_give_no_blocks(lab):
    assert lab.read_blocks(b"") == []


@checks("read_blocks")
def test_data_that_ends_too_early_is_refused(lab):
    """Every length that is not the end of a block must raise ValueError."""
    data = sent(1, 0, [5, 6, 7], 1.0) + sent(1, 3, [8, 9], 1.0)
    ends = {0, 22, 42}
    for length in range(len(data) + 1):
        if length in ends:
            assert len(lab.read_blocks(data[:length])) == sorted(ends).index(length)
        else:
            with pytest.raises(ValueError):
                lab.read_blocks(data[:length])


# --- summarise_manifest ------------------------------------------------------------------------------


def line_of(path, duration, speaker=None, text="something", **more):
    entry = {"audio_filepath": path, "duration": duration, "text": text, **more}
    if speaker is not None:
        entry["speaker"] = speaker
    return json.dumps(entry, ensure_ascii=False)


@checks("summarise_manifest")
@given(
    clips=st.lists(
        st.tuples(st.integers(1, 400), st.sampled_from(["ann", "bob", "çağ", None]), st.text(max_size=5)),
        max_size=9,
    )
)
def test_agrees_with_sums_over_the_entries(lab, clips):
    clips = [(eighths / 8, speaker, text) for eighths, speaker, text in clips]  # sums are exact
    clips = [(s, who, text.encode("utf-8", "ignore").decode()) for s, who, text in clips]
    text = "".join(line_of(f"{n}.wav", s, who, said) + "\n" for n, (s, who, said) in enumerate(clips))
    result = lab.summarise_manifest(text)
    assert result["clips"] == len(clips)
    assert result["seconds"] == sum(s for s, _, _ in clips)
    names = {who or "unknown" for _, who, _ in clips}
    assert result["speakers"] == {n: sum(s for s, who, _ in clips if (who or "unknown") == n) for n in names}
    longest = max(range(len(clips)), key=lambda n: clips[n][0], default=None)  # the first of equals
    assert result["longest"] == (None if longest is None else f"{longest}.wav")


@checks("summarise_manifest", visible=True)
def test_three_clips_of_two_speakers(lab):
    lines = [line_of("a.wav", 1.5, "ann"), line_of("b.wav", 2, "bob"), line_of("c.wav", 0.25, "ann")]
    assert lab.summarise_manifest("\n".join(lines)) == {
        "clips": 3,
        "seconds": 3.75,
        "longest": "b.wav",
        "speakers": {"ann": 1.75, "bob": 2.0},
    }


@checks("summarise_manifest")
def test_empty_lines_do_not_count(lab):
    text = "\n\n" + line_of("a.wav", 1.0, "ann") + "\n   \n" + line_of("b.wav", 1.0, "ann") + "\n\n"
    result = lab.summarise_manifest(text)
    assert (result["clips"], result["seconds"]) == (2, 2.0)


@checks("summarise_manifest")
def test_an_empty_manifest_has_no_longest_clip(lab):
    for text in ("", "\n", "  \n\n"):
        result = lab.summarise_manifest(text)
        assert result == {"clips": 0, "seconds": 0.0, "longest": None, "speakers": {}}


@checks("summarise_manifest")
@pytest.mark.parametrize("code", [0x2028, 0x2029, 0x85, 0x0B, 0x1C], ids=["LS", "PS", "NEL", "VT", "FS"])
def test_only_a_line_feed_ends_a_line(lab, code):
    """A character inside a text that other programs take for a line break must not split the line."""
    text = line_of("a.wav", 1.0, "ann", f"one{chr(code)}two").replace(json.dumps(chr(code))[1:-1], chr(code))
    try:
        json.loads(text)
    except ValueError:  # control characters must be escaped in JSON
        text = line_of("a.wav", 1.0, "ann", f"one{chr(code)}two")
    assert lab.summarise_manifest(text + "\n")["clips"] == 1


@checks("summarise_manifest")
def test_windows_line_ends_do_no_harm(lab):
    text = line_of("a.wav", 1.0, "ann") + "\r\n" + line_of("b.wav", 2.0, "ann") + "\r\n"
    assert lab.summarise_manifest(text)["seconds"] == 3.0


@checks("summarise_manifest")
def test_a_missing_speaker_and_null_are_unknown(lab):
    lines = [
        line_of("a.wav", 1.0),
        json.dumps({"audio_filepath": "b.wav", "duration": 2.0, "speaker": None}),
        line_of("c.wav", 4.0, "ann"),
    ]
    assert lab.summarise_manifest("\n".join(lines))["speakers"] == {"unknown": 3.0, "ann": 4.0}


@checks("summarise_manifest")
def test_of_clips_of_one_length_the_first_is_the_longest(lab):
    lines = [line_of("short.wav", 1.0), line_of("first.wav", 3.0), line_of("second.wav", 3.0)]
    assert lab.summarise_manifest("\n".join(lines))["longest"] == "first.wav"


@checks("summarise_manifest")
@pytest.mark.parametrize(
    "duration",
    ["0", "-1.5", "NaN", "Infinity", '"6.01"', "null", "true", "[1]"],
    ids=["zero", "negative", "NaN", "infinity", "text", "null", "true", "list"],
)
def test_a_duration_must_be_a_finite_number_above_zero(lab, duration):
    good = line_of("a.wav", 1.0)
    with pytest.raises(ValueError):
        lab.summarise_manifest(good + '\n{"audio_filepath": "b.wav", "duration": ' + duration + "}\n" + good)


@checks("summarise_manifest")
@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        '{"audio_filepath": "a.wav", "duration": 1.0',
        '{"duration": 1.0}',
        '{"audio_filepath": "a"}',
        "[]",
        "3",
    ],
    ids=["no JSON", "cut off", "no path", "no duration", "a list", "a number"],
)
def test_a_line_that_is_no_clip_is_refused(lab, line):
    with pytest.raises(ValueError):
        lab.summarise_manifest(line_of("a.wav", 1.0) + "\n" + line)


@checks("summarise_manifest")
@pytest.mark.parametrize(
    "wrong",
    ["not JSON", '{"audio_filepath": "a", "duration": 0}', '{"duration": 1}'],
    ids=["JSON", "zero", "path"],
)
def test_the_message_names_the_line(lab, wrong):
    """The error's message must hold the number of the line, counted from 1, empty lines included."""
    lines = ["", line_of("a.wav", 1.0), "", line_of("b.wav", 1.0), *[""] * 37, wrong]
    with pytest.raises(ValueError, match=r"(?<!\d)42(?!\d)"):
        lab.summarise_manifest("\n".join(lines))
