"""Hidden checks of the lab on linear algebra and probability."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, oracle, picture

# Sums of some dozen float64 products in another order differ by some 1e-15 of their size; solving and
# inverting well-conditioned systems of that size costs a few digits more.
EXACT = 1e-10

SEEDS = st.integers(0, 10**6)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def spread_out(seed, d):
    """A covariance matrix with eigenvalues from 0.2 to 2: well away from singular."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    covariance = (turn * rng.uniform(0.2, 2.0, d)) @ turn.T
    return (covariance + covariance.T) / 2


def symmetric_with(values, rng):
    """A symmetric matrix with these eigenvalues, and its eigenvectors."""
    turn, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    matrix = (turn * values) @ turn.T
    return (matrix + matrix.T) / 2, turn


def same_direction(a, b):
    """Whether columns agree up to their signs; eigenvalues must be well apart."""
    return np.allclose(np.abs(np.sum(np.asarray(a) * b, axis=0)), 1, atol=1e-9)


# --- cosine_similarity -------------------------------------------------------------------------------


@checks("cosine_similarity", visible=True)
def test_known_angles_have_their_known_cosines(lab):
    """Angles of 0, 45, 90 and 180 degrees must give 1, 0.707, 0 and -1."""
    x = np.array([[2.0, 0.0]])
    y = np.array([[5.0, 0.0], [3.0, 3.0], [0.0, 7.0], [-1.0, 0.0]])
    np.testing.assert_allclose(lab.cosine_similarity(x, y), [[1, np.sqrt(0.5), 0, -1]], atol=1e-12)


@checks("cosine_similarity")
@given(seed=SEEDS, n=st.integers(1, 6), m=st.integers(1, 6), d=st.integers(1, 8))
def test_every_row_is_compared_with_every_row_as_sklearn_does(lab, seed, n, m, d):
    from sklearn.metrics.pairwise import cosine_similarity

    x, y = normal(seed, n, d), normal(seed + 1, m, d)
    np.testing.assert_allclose(lab.cosine_similarity(x, y), cosine_similarity(x, y), rtol=EXACT, atol=1e-12)


@checks("cosine_similarity")
@given(seed=SEEDS, louder=st.floats(1e-3, 1e3))
def test_a_louder_spectrum_has_the_same_similarity(lab, seed, louder):
    x, y = normal(seed, 3, 5), normal(seed + 1, 4, 5)
    expected = np.asarray(lab.cosine_similarity(x, y))
    assert expected.shape == (3, 4)
    np.testing.assert_allclose(lab.cosine_similarity(louder * x, y), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(lab.cosine_similarity(x, louder * y), expected, rtol=1e-9, atol=1e-12)


@checks("cosine_similarity")
def test_a_row_of_zeros_has_similarity_zero(lab):
    x, y = np.array([[0.0, 0.0], [1.0, 2.0]]), np.array([[1.0, 2.0], [0.0, 0.0]])
    np.testing.assert_allclose(lab.cosine_similarity(x, y), [[0, 0], [1, 0]], atol=1e-12)


@checks("cosine_similarity")
def test_integers_do_not_overflow(lab):
    """16-bit integers must be converted before their products are taken."""
    x = np.array([[30_000, 20_000]], dtype=np.int16)
    np.testing.assert_allclose(lab.cosine_similarity(x, x), [[1.0]], rtol=1e-12)
    y = np.array([[-20_000, 30_000]], dtype=np.int16)
    np.testing.assert_allclose(lab.cosine_similarity(x, y), [[0.0]], atol=1e-12)


@checks("cosine_similarity")
@pytest.mark.parametrize(
    ("x_shape", "y_shape"),
    [((2, 3), (2, 4)), ((3,), (2, 3)), ((2, 3), (3,)), ((2, 3, 1), (2, 3)), ((2, 3), (2, 3, 3))],
    ids=[
        "different lengths",
        "first no matrix",
        "second no matrix",
        "first of three axes",
        "second of three",
    ],
)
def test_rows_that_cannot_be_compared_are_refused(lab, x_shape, y_shape):
    with pytest.raises(ValueError):
        lab.cosine_similarity(np.ones(x_shape), np.ones(y_shape))


# --- least_squares -----------------------------------------------------------------------------------


@checks("least_squares", visible=True)
def test_a_line_through_points_is_found(lab):
    """Points exactly on the line 2 + 3t must give the weights 2 and 3."""
    t = np.array([0.0, 1.0, 2.0, 5.0])
    x = lab.least_squares(np.stack([np.ones(4), t], axis=1), 2 + 3 * t)
    np.testing.assert_allclose(x, [2, 3], rtol=1e-10)


@checks("least_squares")
@given(seed=SEEDS, k=st.integers(1, 6), extra=st.integers(0, 20))
def test_weights_are_those_of_numpys_own_least_squares(lab, seed, k, extra):
    a = np.vstack([np.eye(k), normal(seed, extra, k)])  # the identity on top keeps it well-conditioned
    b = normal(seed + 1, k + extra)
    expected = np.linalg.lstsq(a, b, rcond=None)[0]
    np.testing.assert_allclose(lab.least_squares(a, b), expected, rtol=1e-8, atol=1e-10)


@checks("least_squares")
def test_what_is_left_over_is_at_right_angles_to_every_column(lab, rng):
    a, b = rng.normal(size=(40, 4)), rng.normal(size=40)
    x = np.asarray(lab.least_squares(a, b))
    assert x.shape == (4,)
    np.testing.assert_allclose(a.T @ (b - a @ x), 0, atol=1e-9)


@checks("least_squares")
@pytest.mark.parametrize("which", ["equal columns", "a column of zeros", "a sum of two", "more than rows"])
def test_columns_that_depend_on_each_other_are_refused(lab, rng, which):
    a = rng.normal(size=(12, 3))
    dependent = {
        "equal columns": np.column_stack([a, a[:, 1]]),
        "a column of zeros": np.column_stack([a, np.zeros(12)]),
        "a sum of two": np.column_stack([a, a[:, 0] + a[:, 2]]),
        "more than rows": a[:2],
    }[which]
    with pytest.raises(ValueError):
        lab.least_squares(dependent, np.ones(len(dependent)))


@checks("least_squares")
@pytest.mark.parametrize(
    ("a_shape", "b_shape"),
    [((5, 2), (4,)), ((5,), (5,)), ((5, 2), (5, 1))],
    ids=["target too short", "no matrix", "target no vector"],
)
def test_shapes_that_do_not_fit_are_refused(lab, rng, a_shape, b_shape):
    """A target that is not as long as the columns, or is no vector, must raise ValueError."""
    with pytest.raises(ValueError):
        lab.least_squares(rng.normal(size=a_shape), rng.normal(size=b_shape))


# --- power_iteration ---------------------------------------------------------------------------------


@checks("power_iteration", visible=True)
def test_the_worked_example_turns_step_by_step(lab):
    """From (1, 0) the vector must go through the directions (2, 1), (5, 4) and (14, 13)."""
    matrix, start = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([1.0, 0.0])
    for n, direction in ((1, [2.0, 1.0]), (2, [5.0, 4.0]), (3, [14.0, 13.0])):
        _, vector = lab.power_iteration(matrix, start, n)
        np.testing.assert_allclose(vector, direction / np.linalg.norm(direction), rtol=1e-12)


@checks("power_iteration")
def test_no_step_only_scales_the_start(lab):
    """With n_steps = 0 the vector must be the start at length 1, and the value its Rayleigh quotient."""
    value, vector = lab.power_iteration(np.diag([1.0, 10.0]), np.array([3.0, 4.0]), 0)
    np.testing.assert_allclose(vector, [0.6, 0.8], rtol=1e-12)
    assert value == pytest.approx(0.36 + 6.4, rel=1e-12)


@checks("power_iteration")
@given(seed=SEEDS, d=st.integers(2, 6))
def test_the_largest_eigenvalue_is_numpys(lab, seed, d):
    """After many steps the value and the vector must be the leading ones of numpy.linalg.eigh."""
    rng = np.random.default_rng(seed)
    matrix, turn = symmetric_with(np.append(2.0, rng.uniform(-1.2, 1.2, d - 1)), rng)
    # the error shrinks by at least 1.2 / 2 each step: 0.6^80 = 2e-18
    value, vector = lab.power_iteration(matrix, turn.sum(axis=1), 80)
    assert value == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-9)
    assert same_direction(np.reshape(vector, (d, 1)), turn[:, :1])


@checks("power_iteration")
def test_largest_size_counts_even_if_the_eigenvalue_is_negative(lab, rng):
    matrix, turn = symmetric_with(np.array([-3.0, 1.0, 0.5]), rng)
    value, _ = lab.power_iteration(matrix, turn.sum(axis=1), 60)
    assert value == pytest.approx(-3, rel=1e-9)


@checks("power_iteration")
def test_value_is_the_rayleigh_quotient_of_the_vector(lab, rng):
    """Also before it has settled, the value must be vector · matrix vector for the vector returned."""
    matrix, start = rng.normal(size=(4, 4)), rng.normal(size=4)
    value, vector = lab.power_iteration(matrix, start, 3)
    expected = matrix @ matrix @ matrix @ start
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), rtol=1e-9, atol=1e-12)
    vector = np.asarray(vector)
    assert np.linalg.norm(vector) == pytest.approx(1, rel=1e-12)
    assert value == pytest.approx(vector @ matrix @ vector, rel=1e-9)


@checks("power_iteration")
def test_many_steps_do_not_overflow(lab):
    """The vector must be scaled in every step: 1000 times a factor of 10 is more than a float holds."""
    value, vector = lab.power_iteration(np.diag([10.0, 1.0]), np.array([1.0, 1.0]), 1000)
    assert value == pytest.approx(10, rel=1e-12)
    np.testing.assert_allclose(vector, [1, 0], atol=1e-12)


@checks("power_iteration")
@pytest.mark.parametrize(
    ("shape", "length"),
    [((3, 2), 2), ((2, 3), 2), ((3, 3), 2), ((4,), 4)],
    ids=["too tall", "too wide", "start too short", "no matrix"],
)
def test_matrix_and_start_must_fit(lab, shape, length):
    with pytest.raises(ValueError):
        lab.power_iteration(np.ones(shape), np.ones(length), 3)


@checks("power_iteration")
def test_a_vector_that_becomes_zero_is_refused(lab):
    """Zero has no direction, at the start or after a step: it must raise ValueError."""
    with pytest.raises(ValueError):
        lab.power_iteration(np.eye(2), np.zeros(2), 3)
    with pytest.raises(ValueError):
        lab.power_iteration(np.diag([1.0, 0.0]), np.array([0.0, 1.0]), 1)


# --- symmetric_eigen ---------------------------------------------------------------------------------


@checks("symmetric_eigen", visible=True)
def test_the_two_by_two_example_comes_out(lab):
    """[[2, 1], [1, 2]] must give 3 and 1, along (1, 1) and (1, -1)."""
    values, vectors = lab.symmetric_eigen(np.array([[2.0, 1.0], [1.0, 2.0]]))
    np.testing.assert_allclose(values, [3, 1], rtol=1e-12)
    assert same_direction(vectors, np.array([[1, 1], [1, -1]]) / np.sqrt(2))


@checks("symmetric_eigen")
@given(seed=SEEDS, d=st.integers(1, 8))
def test_values_are_numpys_from_the_largest_to_the_smallest(lab, seed, d):
    matrix = normal(seed, d, d)
    matrix = matrix + matrix.T
    values, _ = lab.symmetric_eigen(matrix)
    # off-diagonal rests of 1e-14 move an eigenvalue by their square at most; rounding costs 1e-15
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[::-1], atol=1e-11 * np.abs(matrix).max())


@checks("symmetric_eigen")
@given(seed=SEEDS, d=st.integers(2, 8))
def test_the_matrix_only_stretches_each_of_its_eigenvectors(lab, seed, d):
    matrix = normal(seed, d, d)
    matrix = matrix + matrix.T
    values, vectors = map(np.asarray, lab.symmetric_eigen(matrix))
    assert values.shape == (d,) and vectors.shape == (d, d)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-11 * np.abs(matrix).max())


@checks("symmetric_eigen")
def test_eigenvectors_have_length_one_and_right_angles(lab, rng):
    """Also where an eigenvalue occurs twice, the columns must be at right angles and of length 1."""
    matrix, _ = symmetric_with(np.array([4.0, 2.0, 2.0, -1.0, 0.0]), rng)
    values, vectors = map(np.asarray, lab.symmetric_eigen(matrix))
    np.testing.assert_allclose(values, [4, 2, 2, 0, -1], atol=1e-11)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(5), atol=1e-11)


@checks("symmetric_eigen")
def test_signs_are_those_of_fix_signs(lab, rng):
    """The first large entry of each eigenvector (over half of its largest) must be positive."""
    matrix, _ = symmetric_with(np.array([9.0, 5.0, 2.0, -1.0, -6.0, 3.0]), rng)
    vectors = np.asarray(lab.symmetric_eigen(matrix)[1])
    for column in vectors.T:
        assert column[np.abs(column) > 0.5 * np.abs(column).max()][0] > 0


@checks("symmetric_eigen")
def test_a_matrix_of_thirty_rows_is_solved_to_the_last_digits(lab, rng):
    """Sweeps must go on until nothing is left beside the diagonal, not stop after two or three."""
    matrix, turn = symmetric_with(np.arange(30.0, 0.0, -1.0), rng)
    values, vectors = lab.symmetric_eigen(matrix)
    np.testing.assert_allclose(values, np.arange(30.0, 0.0, -1.0), rtol=1e-11)
    assert same_direction(vectors, turn)


@checks("symmetric_eigen")
def test_tiny_and_huge_matrices_are_solved_as_well(lab, rng):
    """What counts as nothing must be measured against the size of the matrix."""
    matrix, _ = symmetric_with(np.array([3.0, 2.0, 1.0, -2.0]), rng)
    for size in (1e-20, 1e20):
        values, _ = lab.symmetric_eigen(size * matrix)
        np.testing.assert_allclose(np.asarray(values) / size, [3, 2, 1, -2], rtol=1e-10)


@checks("symmetric_eigen")
def test_a_diagonal_matrix_is_only_sorted(lab):
    values, vectors = lab.symmetric_eigen(np.diag([1, 5, -3]))
    np.testing.assert_allclose(values, [5, 1, -3], rtol=1e-12)
    np.testing.assert_allclose(vectors, [[0, 1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)


@checks("symmetric_eigen")
def test_a_matrix_of_zeros_has_only_zeros(lab):
    values, vectors = lab.symmetric_eigen(np.zeros((3, 3)))
    np.testing.assert_allclose(values, 0, atol=1e-300)
    np.testing.assert_allclose(np.asarray(vectors).T @ np.asarray(vectors), np.eye(3), atol=1e-12)


@checks("symmetric_eigen")
@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[1.0, 2.0], [3.0, 1.0]]),
        np.array([[1.0, 2.0], [2.0 + 2.4e-8, 1.0]]),  # 1.2e-8 of the largest
        1e-6 * np.array([[1.0, 2.0], [3.0, 1.0]]),
        np.ones((2, 3)),
        np.ones((1, 3)),
        np.ones(3),
    ],
    ids=["not symmetric", "nearly symmetric", "small and not", "not square", "one row", "no matrix"],
)
def test_a_matrix_that_is_not_symmetric_is_refused(lab, matrix):
    with pytest.raises(ValueError):
        lab.symmetric_eigen(matrix)


@checks("symmetric_eigen")
def test_rounding_of_a_symmetric_matrix_is_forgiven(lab):
    """Entries that differ by 1e-12 of the largest are rounding: such a matrix must be accepted."""
    values, _ = lab.symmetric_eigen(np.array([[2.0, 1.0, 0.0], [1.0 + 1e-12, 2.0, 0.0], [0.0, 0.0, 2.0]]))
    np.testing.assert_allclose(values, [3, 2, 1], atol=1e-10)
    values, _ = lab.symmetric_eigen(np.array([[2.0, 1.0], [1.0 + 1.6e-8, 2.0]]))  # 0.8e-8 of the largest
    np.testing.assert_allclose(values, [3, 1], atol=1e-7)


@picture("symmetric_eigen")
def eigenvectors(output, matrix, **options):
    from labkit import plot

    return plot.matrix(output, title="yours") if np.ndim(output) == 2 else plot.lines(output, title="yours")


# --- svd ---------------------------------------------------------------------------------------------


@checks("svd", visible=True)
def test_the_worked_example_has_its_singular_values(lab):
    """[[2, 2], [1, -1]] must give the roots of 8 and 2."""
    _, sizes, _ = lab.svd(np.array([[2.0, 2.0], [1.0, -1.0]]))
    np.testing.assert_allclose(sizes, np.sqrt([8, 2]), rtol=1e-10)


@checks("svd")
@given(seed=SEEDS, n=st.integers(1, 9), d=st.integers(1, 9))
def test_the_three_factors_make_the_matrix_again(lab, seed, n, d):
    matrix = normal(seed, n, d)
    u, sizes, vt = map(np.asarray, lab.svd(matrix))
    r = len(sizes)
    assert u.shape == (n, r) and vt.shape == (r, d)
    # squaring the matrix costs half of the digits: 1e-8 of the largest; a rank that rounding decides is left
    np.testing.assert_allclose((u * sizes) @ vt, matrix, atol=1e-6 * np.abs(matrix).max() * max(n, d))


@checks("svd")
@given(seed=SEEDS, n=st.integers(1, 9), d=st.integers(1, 9))
def test_singular_values_are_numpys(lab, seed, n, d):
    matrix = normal(seed, n, d)
    expected = np.linalg.svd(matrix, compute_uv=False)
    sizes = np.asarray(lab.svd(matrix)[1])
    expected = expected[: len(sizes)] if expected[-1] < 1e-6 * expected[0] else expected
    # sizes come from squares: an error of 1e-15 of the largest square is 1e-9 of the size at size 1e-6
    np.testing.assert_allclose(sizes, expected, rtol=1e-6, atol=1e-7 * expected[0])


@checks("svd")
@pytest.mark.parametrize("shape", [(7, 4), (4, 7)], ids=["tall", "wide"])
def test_columns_of_u_and_rows_of_vt_are_at_right_angles(lab, rng, shape):
    u, _ = np.linalg.qr(rng.normal(size=(shape[0], 4)))
    v, _ = np.linalg.qr(rng.normal(size=(shape[1], 4)))
    matrix = (u * [5.0, 3.0, 2.0, 1.0]) @ v.T
    mine_u, sizes, mine_vt = map(np.asarray, lab.svd(matrix))
    np.testing.assert_allclose(sizes, [5, 3, 2, 1], rtol=1e-10)
    np.testing.assert_allclose(mine_u.T @ mine_u, np.eye(4), atol=1e-10)
    np.testing.assert_allclose(mine_vt @ mine_vt.T, np.eye(4), atol=1e-10)
    assert same_direction(mine_u, u) and same_direction(mine_vt.T, v)


@checks("svd")
@pytest.mark.parametrize("shape", [(9, 5), (5, 9)], ids=["tall", "wide"])
def test_singular_values_that_are_zero_are_left_out(lab, rng, shape):
    """A matrix made of two patterns must give two singular values, without NaN."""
    matrix = rng.normal(size=(shape[0], 2)) @ rng.normal(size=(2, shape[1]))
    u, sizes, vt = map(np.asarray, lab.svd(matrix))
    assert u.shape == (shape[0], 2) and sizes.shape == (2,) and vt.shape == (2, shape[1])
    np.testing.assert_allclose((u * sizes) @ vt, matrix, atol=1e-9)


@checks("svd")
def test_a_singular_value_of_a_millionth_is_kept_and_smaller_ones_are_not(lab):
    """Above 1e-7 of the largest a singular value must stay, below it must go."""
    _, sizes, _ = lab.svd(np.diag([1000.0, 1e-3, 5e-6, 0.0]))
    np.testing.assert_allclose(sizes, [1000, 1e-3], rtol=1e-4)
    _, sizes, _ = lab.svd(np.diag([1000.0, 1.2e-4, 0.8e-4]))
    assert len(sizes) == 2


@checks("svd")
def test_a_matrix_of_zeros_has_rank_zero(lab):
    u, sizes, vt = lab.svd(np.zeros((4, 3)))
    assert np.shape(u) == (4, 0) and np.shape(sizes) == (0,) and np.shape(vt) == (0, 3)


@checks("svd")
@pytest.mark.parametrize("shape", [(4,), (0, 3), (2, 2, 2)], ids=["a vector", "no rows", "three axes"])
def test_what_is_no_matrix_is_refused(lab, shape):
    with pytest.raises(ValueError):
        lab.svd(np.ones(shape))


@checks("svd")
@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (8, 8)], ids=["tall", "wide", "square"])
def test_signs_are_fixed_on_the_eigenvectors_found(lab, rng, shape):
    """The first large entry of each row of vt (of each column of u, for a wide matrix) must be positive."""
    u, _, vt = map(np.asarray, lab.svd(rng.normal(size=shape)))
    for vector in vt if shape[0] >= shape[1] else u.T:
        assert vector[np.abs(vector) > 0.5 * np.abs(vector).max()][0] > 0


# --- low_rank ----------------------------------------------------------------------------------------


def decomposed(seed, n, d):
    return np.linalg.svd(normal(seed, n, d), full_matrices=False)


@checks("low_rank", visible=True)
def test_one_term_is_one_column_times_one_row(lab):
    u, vt = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.6, 0.8], [0.8, -0.6]])
    closest, error = lab.low_rank(u, np.array([10.0, 3.0]), vt, 1)
    np.testing.assert_allclose(closest, [[6, 8], [0, 0]], atol=1e-12)
    assert error == pytest.approx(3, rel=1e-12)


@checks("low_rank")
@given(seed=SEEDS, n=st.integers(2, 9), d=st.integers(2, 9), share=st.floats(0, 1))
def test_error_told_is_the_error_measured(lab, seed, n, d, share):
    """The error from the dropped singular values must be the distance of the approximation."""
    u, sizes, vt = decomposed(seed, n, d)
    rank = round(share * len(sizes))
    closest, error = lab.low_rank(u, sizes, vt, rank)
    distance = np.linalg.norm((u * sizes) @ vt - np.asarray(closest))
    assert error == pytest.approx(distance, rel=1e-8, abs=1e-10)


@checks("low_rank")
@given(seed=SEEDS, rank=st.integers(0, 4))
def test_approximation_is_the_truncated_svd_of_numpy(lab, seed, rank):
    u, sizes, vt = decomposed(seed, 7, 5)
    expected = sum((sizes[i] * np.outer(u[:, i], vt[i]) for i in range(rank)), np.zeros((7, 5)))
    closest, error = lab.low_rank(u, sizes, vt, rank)
    np.testing.assert_allclose(closest, expected, atol=1e-12)
    assert error == pytest.approx(np.sqrt(sum(sizes[i] ** 2 for i in range(rank, 5))), rel=1e-10)


@checks("low_rank")
def test_no_other_matrix_of_that_rank_comes_closer(lab, rng):
    """Eckart and Young: sums of other patterns of the same rank must all be further away."""
    matrix = rng.normal(size=(8, 6))
    u, sizes, vt = np.linalg.svd(matrix, full_matrices=False)
    closest, error = lab.low_rank(u, sizes, vt, 2)
    assert np.shape(closest) == (8, 6) and np.linalg.matrix_rank(np.asarray(closest)) == 2
    for _ in range(20):
        left = rng.normal(size=(8, 2))
        best = left @ np.linalg.lstsq(left, matrix, rcond=None)[0]
        assert np.linalg.norm(matrix - best) >= error


@checks("low_rank")
def test_full_rank_leaves_nothing_out_and_rank_zero_everything(lab, rng):
    u, sizes, vt = np.linalg.svd(rng.normal(size=(5, 4)), full_matrices=False)
    closest, error = lab.low_rank(u, sizes, vt, 4)
    np.testing.assert_allclose(closest, (u * sizes) @ vt, atol=1e-12)
    assert error == 0
    closest, error = lab.low_rank(u, sizes, vt, 0)
    np.testing.assert_array_equal(closest, np.zeros((5, 4)))
    assert error == pytest.approx(np.sqrt(np.sum(sizes**2)), rel=1e-12)


@checks("low_rank")
@pytest.mark.parametrize("rank", [-1, 5])
def test_a_rank_that_is_not_there_is_refused(lab, rank):
    """A rank below 0 or above the number of singular values must raise ValueError."""
    u, sizes, vt = decomposed(3, 6, 4)
    with pytest.raises(ValueError):
        lab.low_rank(u, sizes, vt, rank)


# --- principal_components ----------------------------------------------------------------------------


def cloud(seed, n, d):
    """Points with clearly different variances along their axes, away from the origin."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return rng.normal(size=(n, d)) * 2.0 ** -np.arange(d) @ turn.T + rng.uniform(-5, 5, d)


@checks("principal_components", visible=True)
def test_points_on_a_diagonal_need_one_number(lab):
    points = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    coordinates, components, variances = lab.principal_components(points, 1)
    np.testing.assert_allclose(coordinates, [[-np.sqrt(2)], [0], [np.sqrt(2)]], atol=1e-10)
    np.testing.assert_allclose(components, [[np.sqrt(0.5), np.sqrt(0.5)]], rtol=1e-10)
    np.testing.assert_allclose(variances, [2], rtol=1e-10)


@checks("principal_components")
@pytest.mark.parametrize("whiten", [False, True], ids=["plain", "whitened"])
@given(seed=SEEDS, k=st.integers(1, 4), n=st.integers(12, 40))
def test_coordinates_are_those_of_sklearn(lab, whiten, seed, k, n):
    from sklearn.decomposition import PCA

    points = cloud(seed, n, 4)
    theirs = PCA(k, whiten=whiten, svd_solver="full").fit(points)
    coordinates, components, variances = map(np.asarray, lab.principal_components(points, k, whiten=whiten))
    assert coordinates.shape == (n, k) and components.shape == (k, 4)
    np.testing.assert_allclose(variances, theirs.explained_variance_, rtol=1e-8)
    signs = np.sign(np.sum(components * theirs.components_, axis=1))
    np.testing.assert_allclose(components, theirs.components_ * signs[:, None], atol=1e-6)
    np.testing.assert_allclose(coordinates, theirs.transform(points) * signs, atol=1e-6 * 50)


@checks("principal_components")
def test_coordinates_lead_back_to_the_points(lab, rng):
    """With all components, mean + coordinates @ components must give the points again."""
    points = rng.normal(size=(20, 5)) + 7
    coordinates, components, _ = map(np.asarray, lab.principal_components(points, 5))
    np.testing.assert_allclose(points.mean(axis=0) + coordinates @ components, points, atol=1e-9)


@checks("principal_components")
@given(seed=SEEDS)
def test_variance_along_each_component_is_the_one_told(lab, seed):
    points = cloud(seed, 30, 4)
    coordinates, _, variances = lab.principal_components(points, 3)
    np.testing.assert_allclose(np.var(coordinates, axis=0, ddof=1), variances, rtol=1e-8)
    assert list(variances) == sorted(variances, reverse=True)


@checks("principal_components")
def test_whitened_coordinates_have_variance_one_and_do_not_move_together(lab, rng):
    points = cloud(int(rng.integers(10**6)), 50, 4)
    coordinates, _, variances = lab.principal_components(points, 3, whiten=True)
    np.testing.assert_allclose(np.cov(np.asarray(coordinates).T), np.eye(3), atol=1e-8)
    # the variances told are those before whitening
    np.testing.assert_allclose(variances, np.linalg.eigvalsh(np.cov(points.T))[::-1][:3], rtol=1e-8)


@checks("principal_components")
def test_moving_all_points_changes_no_coordinate(lab, rng):
    """The mean is taken out first: points moved by 100 must have the same coordinates."""
    points = cloud(int(rng.integers(10**6)), 25, 3)
    before, after = (lab.principal_components(points + shift, 2)[0] for shift in (0, 100))
    np.testing.assert_allclose(before, after, atol=1e-9)


@checks("principal_components")
def test_signs_of_components_are_those_of_fix_signs(lab, rng):
    """The first large entry of each component (over half of its largest) must be positive."""
    _, components, _ = lab.principal_components(cloud(int(rng.integers(10**6)), 30, 6), 6)
    for row in np.asarray(components):
        assert row[np.abs(row) > 0.5 * np.abs(row).max()][0] > 0


@checks("principal_components")
@pytest.mark.parametrize(
    ("shape", "k"),
    [((9, 4), 0), ((9, 4), 5), ((3, 6), 3), ((1, 2), 1)],
    ids=["none", "more than numbers", "as many as points", "one point"],
)
def test_a_number_of_components_that_cannot_be_is_refused(lab, rng, shape, k):
    with pytest.raises(ValueError):
        lab.principal_components(rng.normal(size=shape), k)


@checks("principal_components")
def test_the_most_components_that_can_be_are_given(lab, rng):
    """min(n − 1, d) components are allowed."""
    assert np.shape(lab.principal_components(rng.normal(size=(3, 6)), 2)[1]) == (2, 6)
    assert np.shape(lab.principal_components(rng.normal(size=(9, 2)), 2)[1]) == (2, 2)


# --- gaussian_log_density ----------------------------------------------------------------------------


@checks("gaussian_log_density", visible=True)
def test_the_standard_normal_has_its_known_values(lab):
    """With mean 0 and variance 1: -0.9189 at 0 and 2 less at a distance of 2."""
    output = lab.gaussian_log_density(np.array([[0.0], [2.0], [-2.0]]), np.zeros(1), np.eye(1))
    top = -0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(output, [top, top - 2, top - 2], rtol=1e-12)


@checks("gaussian_log_density")
@given(seed=SEEDS, d=st.integers(1, 6), n=st.integers(1, 8))
def test_densities_are_those_of_scipy(lab, seed, d, n):
    from scipy.stats import multivariate_normal

    points, mean, covariance = normal(seed, n, d) * 2, normal(seed + 1, d), spread_out(seed, d)
    expected = np.reshape(multivariate_normal(mean, covariance).logpdf(points), n)
    np.testing.assert_allclose(
        lab.gaussian_log_density(points, mean, covariance), expected, rtol=1e-9, atol=1e-9
    )


@checks("gaussian_log_density")
def test_the_density_adds_up_to_one(lab):
    """Over a fine grid of the plane, density times area must sum to 1."""
    axis = np.arange(-12, 12, 0.1)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    covariance = np.array([[2.0, 0.9], [0.9, 1.0]])
    density = np.exp(lab.gaussian_log_density(points, np.array([0.5, -0.3]), covariance))
    assert density.sum() * 0.01 == pytest.approx(1, abs=1e-8)  # the rectangle rule is exact for smooth bumps


@checks("gaussian_log_density")
def test_a_far_away_point_has_a_finite_log_density(lab):
    """40 standard deviations away the density underflows; its logarithm must not."""
    output = np.asarray(lab.gaussian_log_density(np.array([[40.0], [1e6]]), np.zeros(1), np.eye(1)))
    np.testing.assert_allclose(output, [-800 - 0.918938533, -5e11 - 0.918938533], rtol=1e-12)


@checks("gaussian_log_density")
@pytest.mark.parametrize("variance", [1e-4, 1e4], ids=["small variances", "large variances"])
def test_four_hundred_dimensions_do_not_underflow(lab, rng, variance):
    """The determinant of 400 dimensions is too small or too large for a float; its logarithm is not."""
    points = rng.normal(size=(2, 400)) * np.sqrt(variance)
    expected = [-0.5 * (400 * np.log(2 * np.pi * variance) + (p**2).sum() / variance) for p in points]
    output = lab.gaussian_log_density(points, np.zeros(400), variance * np.eye(400))
    np.testing.assert_allclose(output, expected, rtol=1e-9)


@checks("gaussian_log_density")
@pytest.mark.parametrize(
    "covariance",
    [
        np.array([[1.0, 2.0], [2.0, 1.0]]),
        np.array([[1.0, 0.0], [0.0, 0.0]]),
        np.array([[-1.0, 0.0], [0.0, -1.0]]),
        np.array([[2.0, 0.5], [0.3, 2.0]]),
        1e-6 * np.array([[2.0, 0.5], [0.3, 2.0]]),
        np.array([[1.0, 0.5], [0.5 + 1.2e-8, 1.0]]),
    ],
    ids=["a negative direction", "no variance", "negative", "not symmetric", "small and not", "nearly"],
)
def test_what_is_no_covariance_is_refused(lab, covariance):
    with pytest.raises(ValueError):
        lab.gaussian_log_density(np.zeros((1, 2)), np.zeros(2), covariance)


@checks("gaussian_log_density")
def test_rounding_of_a_symmetric_covariance_is_forgiven(lab):
    """A covariance whose halves differ by less than 1e-8 of its largest entry must be accepted."""
    for difference in (1e-12, 0.8e-8):
        covariance = np.array([[1.0, 0.5, 0.0], [0.5 + difference, 1.0, 0.0], [0.0, 0.0, 1.0]])
        output = lab.gaussian_log_density(np.zeros((1, 3)), np.zeros(3), covariance)
        np.testing.assert_allclose(output, [-1.5 * np.log(2 * np.pi) - 0.5 * np.log(0.75)], rtol=1e-7)


# --- maximum_likelihood ------------------------------------------------------------------------------


@checks("maximum_likelihood", visible=True)
def test_three_formants_give_their_mean_and_variance(lab):
    mean, covariance = lab.maximum_likelihood(np.array([[480.0], [500.0], [520.0]]))
    np.testing.assert_allclose(mean, [500], rtol=1e-12)
    np.testing.assert_allclose(covariance, [[800 / 3]], rtol=1e-12)


@checks("maximum_likelihood")
@given(seed=SEEDS, n=st.integers(1, 30), d=st.integers(1, 5))
def test_mean_and_covariance_are_numpys_with_n_in_the_denominator(lab, seed, n, d):
    points = normal(seed, n, d) + 3
    mean, covariance = lab.maximum_likelihood(points)
    assert np.shape(mean) == (d,) and np.shape(covariance) == (d, d)
    np.testing.assert_allclose(mean, points.mean(axis=0), rtol=EXACT, atol=1e-12)
    expected = np.cov(points.T, bias=True).reshape(d, d) if n > 1 else np.zeros((d, d))
    np.testing.assert_allclose(covariance, expected, atol=1e-12)


@checks("maximum_likelihood")
def test_no_other_gaussian_makes_the_points_more_probable(lab, rng):
    """Every change of the mean or the covariance must lower the likelihood of the points."""
    from scipy.stats import multivariate_normal

    points = rng.normal(size=(60, 2)) @ np.array([[2.0, 0.7], [0.0, 0.5]]) + [4, -1]
    mean, covariance = map(np.asarray, lab.maximum_likelihood(points))
    best = multivariate_normal(mean, covariance).logpdf(points).sum()
    for _ in range(10):
        assert multivariate_normal(mean + rng.normal(0, 0.05, 2), covariance).logpdf(points).sum() < best
    for factor in (0.97, 0.985, 1.015, 1.03):
        assert multivariate_normal(mean, factor * covariance).logpdf(points).sum() < best


@checks("maximum_likelihood")
def test_points_far_from_zero_lose_no_digits(lab, rng):
    """Deviations must be taken before squaring: at 1e8, the mean square minus the squared mean is noise."""
    points = rng.normal(size=(50, 2))
    _, near = lab.maximum_likelihood(points)
    _, far = lab.maximum_likelihood(points + 1e8)
    # adding 1e8 itself rounds each point by 1.5e-8
    np.testing.assert_allclose(far, near, atol=1e-6)


@checks("maximum_likelihood")
@pytest.mark.parametrize("shape", [(0, 3), (5,), (2, 2, 2)], ids=["no points", "a vector", "three axes"])
def test_what_is_no_list_of_points_is_refused(lab, shape):
    with pytest.raises(ValueError):
        lab.maximum_likelihood(np.ones(shape))


# --- numerical_gradient ------------------------------------------------------------------------------


@checks("numerical_gradient", visible=True)
def test_gradient_of_the_worked_example(lab):
    """x²y at (3, 2) has the gradient (12, 9)."""
    output = lab.numerical_gradient(lambda p: p[0] ** 2 * p[1], np.array([3.0, 2.0]))
    np.testing.assert_allclose(output, [12, 9], rtol=1e-7)


@checks("numerical_gradient")
@given(seed=SEEDS, d=st.integers(1, 5))
def test_gradient_of_a_quadratic_form_is_the_formula(lab, seed, d):
    """For x·Ax + b·x the gradient must be (A + Aᵀ)x + b."""
    a, b, x = normal(seed, d, d), normal(seed + 1, d), normal(seed + 2, d)
    output = lab.numerical_gradient(lambda p: float(p @ a @ p + b @ p), x)
    # no third derivative, so only rounding is left: 1e-15 / 1e-5
    np.testing.assert_allclose(output, (a + a.T) @ x + b, atol=1e-7)


@checks("numerical_gradient")
@given(x=st.floats(-2, 2), step=st.floats(0.05, 0.5))
def test_error_on_a_cube_is_the_square_of_the_step(lab, x, step):
    """Looking both ways at x³ must give 3x² + h² for any step h, not only a small one."""
    # ((x + h)³ - (x - h)³) / 2h = 3x² + h², exactly
    output = lab.numerical_gradient(lambda p: float(p[0] ** 3), np.array([x]), step)
    np.testing.assert_allclose(output, [3 * x**2 + step**2], atol=1e-10)


@checks("numerical_gradient")
def test_only_one_number_moves_at_a_time(lab):
    """For each axis the function must be asked at two places that differ from the point in one entry."""
    asked = []

    def spy(p):
        asked.append(np.array(p))
        return 0.0

    point = np.array([5.0, 6.0, 7.0])
    lab.numerical_gradient(spy, point, 0.5)
    moved = [place - point for place in asked if np.any(place != point)]
    assert len(moved) == 6
    assert all(np.count_nonzero(move) == 1 and np.abs(move).max() == 0.5 for move in moved)


@checks("numerical_gradient")
def test_agrees_with_scipy_on_a_curved_function(lab, rng):
    from scipy.optimize import approx_fprime

    def function(p):
        return float(np.sin(p[0]) * np.exp(0.3 * p[1]) + np.log(1 + p[2] ** 2))

    point = rng.normal(size=3)
    expected = approx_fprime(point, function, 1e-7)  # one-sided: some 1e-7 off
    np.testing.assert_allclose(lab.numerical_gradient(function, point), expected, atol=1e-5)


@checks("numerical_gradient")
def test_a_point_of_integers_is_moved_too(lab):
    """A step of 1e-5 must not vanish in an array of integers."""
    output = lab.numerical_gradient(lambda p: float(p[0] ** 2), np.array([3]))
    np.testing.assert_allclose(output, [6], rtol=1e-7)


@checks("numerical_gradient")
def test_the_default_step_is_small(lab):
    """Without being told, h is 1e-5: on x³ at 0 the answer is h²."""
    output = lab.numerical_gradient(lambda p: float(p[0] ** 3), np.zeros(1))
    np.testing.assert_allclose(output, [1e-10], rtol=1e-6)


@checks("numerical_gradient")
@pytest.mark.parametrize("step", [0.0, -1e-3, float("nan")], ids=["zero", "negative", "not a number"])
def test_a_step_that_is_not_positive_is_refused(lab, step):
    with pytest.raises(ValueError):
        lab.numerical_gradient(lambda p: float(p[0]), np.ones(2), step)


# --- gaussian_gradient -------------------------------------------------------------------------------


def mean_log_likelihood(observations, mean, log_deviation):
    from scipy.stats import norm

    return float(np.mean(norm.logpdf(observations, mean, np.exp(log_deviation))))


@checks("gaussian_gradient", visible=True)
def test_gradient_of_two_numbers(lab):
    """For 1 and 3, mean 0 and log deviation 0, the slopes are 2 and 4."""
    np.testing.assert_allclose(lab.gaussian_gradient(np.array([1.0, 3.0]), 0.0, 0.0), [2, 4], rtol=1e-12)


@checks("gaussian_gradient")
@given(seed=SEEDS, n=st.integers(1, 20), mean=st.floats(-2, 2), log_deviation=st.floats(-1, 1))
def test_slopes_are_those_seen_by_moving_each_parameter(lab, seed, n, mean, log_deviation):
    """The slopes must be those of scipy's log-density, measured by finite differences."""
    x, h = normal(seed, n), 1e-5
    by_mean = mean_log_likelihood(x, mean + h, log_deviation) - mean_log_likelihood(
        x, mean - h, log_deviation
    )
    by_log = mean_log_likelihood(x, mean, log_deviation + h) - mean_log_likelihood(x, mean, log_deviation - h)
    output = lab.gaussian_gradient(x, mean, log_deviation)
    assert np.shape(output) == (2,)
    # the error is h² times a third derivative, up to 4 e² · 20, plus rounding of 1e-14 / 1e-5
    np.testing.assert_allclose(output, [by_mean / (2 * h), by_log / (2 * h)], rtol=1e-6, atol=1e-6)


@checks("gaussian_gradient")
def test_agrees_with_automatic_differentiation(lab, rng):
    """The slopes must be those that torch finds by backpropagation."""
    import torch

    x = rng.normal(2, 3, size=50)
    parameters = torch.tensor([1.0, 0.7], dtype=torch.float64, requires_grad=True)
    density = torch.distributions.Normal(parameters[0], torch.exp(parameters[1]))
    density.log_prob(torch.tensor(x)).mean().backward()
    np.testing.assert_allclose(lab.gaussian_gradient(x, 1.0, 0.7), parameters.grad.numpy(), rtol=1e-9)


@checks("gaussian_gradient")
def test_at_the_maximum_likelihood_nothing_rises(lab, rng):
    """With the mean and deviation of the numbers themselves, both slopes must be 0."""
    x = rng.normal(500, 30, size=40)
    output = lab.gaussian_gradient(x, x.mean(), np.log(x.std()))
    np.testing.assert_allclose(output, [0, 0], atol=1e-10)


@checks("gaussian_gradient")
def test_no_observation_is_refused(lab):
    with pytest.raises(ValueError):
        lab.gaussian_gradient(np.zeros(0), 0.0, 0.0)


# --- gradient_ascent ---------------------------------------------------------------------------------


@checks("gradient_ascent", visible=True)
def test_the_worked_example_halves_each_time(lab):
    """On the slope -2x with a rate of 0.25 the places are 1, 0.5, 0.25 and 0.125."""
    path = lab.gradient_ascent(lambda x: -2 * x, np.array([1.0]), 0.25, 3)
    np.testing.assert_allclose(path, [[1], [0.5], [0.25], [0.125]], rtol=1e-12)


@checks("gradient_ascent")
@given(seed=SEEDS, d=st.integers(1, 4), rate=st.floats(0.01, 0.5), n=st.integers(0, 12))
def test_places_on_a_bowl_are_the_powers_of_the_formula(lab, seed, d, rate, n):
    """On a slope of c − x the distance to c must shrink by 1 − rate each step."""
    centre, start = normal(seed, d), normal(seed + 1, d)
    path = lab.gradient_ascent(lambda x: centre - x, start, rate, n)
    expected = [centre + (1 - rate) ** k * (start - centre) for k in range(n + 1)]
    assert np.shape(path) == (n + 1, d)
    np.testing.assert_allclose(path, expected, atol=1e-10)


@checks("gradient_ascent")
def test_the_gradient_is_asked_where_we_stand(lab):
    """Each step must use the gradient at the newest place; here it turns on the way."""
    path = lab.gradient_ascent(lambda x: np.array([-x[1], x[0]]), np.array([1.0, 0.0]), 0.1, 5)
    turn = np.array([[1.0, -0.1], [0.1, 1.0]])
    expected = [np.linalg.matrix_power(turn, k) @ [1.0, 0.0] for k in range(6)]
    np.testing.assert_allclose(path, expected, rtol=1e-10, atol=1e-12)


@checks("gradient_ascent")
def test_it_climbs_to_the_maximum_likelihood(lab, reference, rng):
    """On a Gaussian's gradient it must arrive at the mean and deviation of the numbers."""
    x = rng.normal(1, 0.8, size=50)
    path = np.asarray(
        lab.gradient_ascent(lambda p: reference.gaussian_gradient(x, p[0], p[1]), np.zeros(2), 0.2, 300)
    )
    # slowest slope about 1/0.64 at a rate of 0.2: (1 - 0.3)^300 is nothing
    np.testing.assert_allclose(path[-1], [x.mean(), np.log(x.std())], atol=1e-8)


@checks("gradient_ascent")
def test_a_start_of_integers_is_climbed_from_too(lab):
    path = lab.gradient_ascent(lambda x: np.array([0.5, 0.25]), np.array([0, 0]), 1.0, 2)
    np.testing.assert_allclose(path, [[0, 0], [0.5, 0.25], [1.0, 0.5]], rtol=1e-12)


@checks("gradient_ascent")
@pytest.mark.parametrize(
    ("rate", "n"), [(0.0, 3), (-0.1, 3), (float("nan"), 3), (0.1, -1)],
    ids=["rate zero", "rate negative", "rate not a number", "negative steps"],
)  # fmt: skip
def test_a_rate_or_a_number_of_steps_that_makes_no_sense_is_refused(lab, rate, n):
    with pytest.raises(ValueError):
        lab.gradient_ascent(lambda x: -x, np.ones(2), rate, n)


# --- map_mean ----------------------------------------------------------------------------------------


@checks("map_mean", visible=True)
def test_one_observation_as_sure_as_the_prior_meets_it_half_way(lab):
    """500 ± 50 and one observation of 600 ± 50 must give 550, with half the variance."""
    one = np.array([[2500.0]])
    mean, covariance = lab.map_mean(np.array([[600.0]]), one, np.array([500.0]), one)
    np.testing.assert_allclose(mean, [550], rtol=1e-12)
    np.testing.assert_allclose(covariance, [[1250]], rtol=1e-12)


@checks("map_mean")
@given(seed=SEEDS, n=st.integers(0, 10), d=st.integers(1, 4))
def test_the_posterior_is_flat_at_its_mean(lab, seed, n, d):
    """The gradient of the log of likelihood times prior must vanish at the mean returned."""
    points, covariance = normal(seed, n, d) + 2, spread_out(seed, d)
    prior_mean, prior_covariance = normal(seed + 1, d), spread_out(seed + 2, d)
    mean, _ = lab.map_mean(points, covariance, prior_mean, prior_covariance)
    assert np.shape(mean) == (d,)
    slope = np.linalg.solve(covariance, (points - mean).sum(axis=0))
    slope += np.linalg.solve(prior_covariance, prior_mean - mean)
    np.testing.assert_allclose(slope, 0, atol=1e-8)


@checks("map_mean")
def test_agrees_with_bayes_rule_on_a_grid(lab, rng):
    """Multiplying scipy's densities point by point must give the same mean and variance."""
    from scipy.stats import norm

    x = rng.normal(1, 0.7, size=5)
    grid = np.linspace(-6, 8, 14_001)
    log = norm.logpdf(grid, -0.5, 1.3) + sum(norm.logpdf(value, grid, 0.7) for value in x)
    weight = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
    expected = np.sum(weight * grid)
    mean, covariance = lab.map_mean(x[:, None], np.array([[0.49]]), np.array([-0.5]), np.array([[1.69]]))
    np.testing.assert_allclose(mean, [expected], rtol=1e-8)
    np.testing.assert_allclose(covariance, [[np.sum(weight * (grid - expected) ** 2)]], rtol=1e-6)


@checks("map_mean")
@given(seed=SEEDS, first=st.integers(0, 5), second=st.integers(0, 5))
def test_learning_in_two_portions_is_learning_at_once(lab, seed, first, second):
    """The posterior of the first portion, as prior for the second, must give the same belief."""
    points, covariance, prior = normal(seed, first + second, 2), spread_out(seed, 2), spread_out(seed + 1, 2)
    at_once = lab.map_mean(points, covariance, np.ones(2), prior)
    half = lab.map_mean(points[:first], covariance, np.ones(2), prior)
    then = lab.map_mean(points[first:], covariance, np.asarray(half[0]), np.asarray(half[1]))
    np.testing.assert_allclose(then[0], at_once[0], atol=1e-9)
    np.testing.assert_allclose(then[1], at_once[1], atol=1e-9)


@checks("map_mean")
def test_without_observations_the_prior_stays(lab):
    prior_mean, prior = np.array([1.0, 2.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
    mean, covariance = lab.map_mean(np.zeros((0, 2)), np.eye(2), prior_mean, prior)
    np.testing.assert_allclose(mean, prior_mean, rtol=1e-10)
    np.testing.assert_allclose(covariance, prior, rtol=1e-10)


@checks("map_mean")
def test_many_observations_drown_the_prior(lab, rng):
    """After 100 000 observations the mean must be theirs and the belief nearly certain."""
    points = np.tile(rng.normal(3, 1, size=(1000, 2)), (100, 1))
    mean, covariance = lab.map_mean(points, np.eye(2), np.array([-5.0, -5.0]), np.eye(2))
    np.testing.assert_allclose(mean, points.mean(axis=0), atol=2e-4)  # the prior weighs 8 / 100 000
    np.testing.assert_allclose(covariance, np.eye(2) / 100_001, rtol=1e-9, atol=1e-15)


@checks("map_mean")
@pytest.mark.parametrize("shape", [(4, 3), (4,)], ids=["three columns for two", "a vector"])
def test_observations_of_another_dimension_are_refused(lab, shape):
    with pytest.raises(ValueError):
        lab.map_mean(np.ones(shape), np.eye(2), np.zeros(2), np.eye(2))


# --- log_posterior -----------------------------------------------------------------------------------


@checks("log_posterior", visible=True)
def test_very_unlikely_observations_still_get_an_answer(lab):
    """Log-likelihoods of -1000 and -1002 must give 88 % and 12 %, not NaN."""
    output = lab.log_posterior(np.array([[-1000.0, -1002.0]]), np.array([0.5, 0.5]))
    share = 1 / (1 + np.exp(-2))
    np.testing.assert_allclose(np.exp(output), [[share, 1 - share]], rtol=1e-10)


@checks("log_posterior")
@given(seed=SEEDS, n=st.integers(1, 6), k=st.integers(1, 6), size=st.sampled_from([1.0, 1e3, 1e5]))
def test_posteriors_are_those_of_scipys_log_softmax(lab, seed, n, k, size):
    from scipy.special import log_softmax

    scores = size * normal(seed, n, k)
    prior = np.random.default_rng(seed).dirichlet(np.full(k, 3.0))
    expected = log_softmax(scores + np.log(prior), axis=1)
    np.testing.assert_allclose(lab.log_posterior(scores, prior), expected, rtol=1e-9, atol=1e-9 * size)


@checks("log_posterior")
@given(seed=SEEDS)
def test_probabilities_of_each_row_sum_to_one(lab, seed):
    scores = 300 * normal(seed, 5, 4) - 800
    output = np.asarray(lab.log_posterior(scores, np.array([0.1, 0.2, 0.3, 0.4])))
    assert output.shape == (5, 4)
    np.testing.assert_allclose(np.exp(output).sum(axis=1), 1, rtol=1e-10)


@checks("log_posterior")
def test_bayes_rule_in_plain_numbers(lab):
    """A test that is right 9 times of 10, for something that one in 100 has: 8.3 %."""
    likelihoods = np.array([[0.9, 0.1], [0.1, 0.9]])
    output = np.exp(lab.log_posterior(np.log(likelihoods), np.array([0.01, 0.99])))
    expected = np.array([[0.009, 0.099], [0.001, 0.891]])
    np.testing.assert_allclose(output, expected / expected.sum(axis=1, keepdims=True), rtol=1e-10)


@checks("log_posterior")
def test_a_constant_on_a_row_changes_nothing(lab, rng):
    """Only differences between classes count: 1e4 more on every class must leave the posterior as it is."""
    scores, prior = rng.normal(size=(4, 3)), np.array([0.2, 0.5, 0.3])
    before = lab.log_posterior(scores, prior)
    for shift in (1e4, -1e4):
        # 1e4 has a rounding of 1e-12
        np.testing.assert_allclose(lab.log_posterior(scores + shift, prior), before, atol=1e-10)


@checks("log_posterior")
def test_a_class_of_prior_zero_stays_impossible(lab):
    output = np.asarray(lab.log_posterior(np.array([[0.0, 5.0, 1.0]]), np.array([0.5, 0.0, 0.5])))
    assert output[0, 1] == -np.inf
    np.testing.assert_allclose(np.exp(output[0, [0, 2]]), [1 / (1 + np.e), np.e / (1 + np.e)], rtol=1e-10)


@checks("log_posterior")
@pytest.mark.parametrize(
    "prior",
    [np.array([0.5, 0.6]), np.array([0.5, 0.4]), np.array([1.5, -0.5]), np.array([0.5, 0.5000012])],
    ids=["too much", "too little", "negative", "a little too much"],
)
def test_a_prior_that_is_no_distribution_is_refused(lab, prior):
    with pytest.raises(ValueError):
        lab.log_posterior(np.zeros((2, 2)), prior)


@checks("log_posterior")
def test_rounding_of_a_prior_is_forgiven(lab):
    """Shares such as ten times 0.1 do not sum to exactly 1: they must be accepted."""
    output = lab.log_posterior(np.zeros((1, 10)), np.full(10, 0.1))
    np.testing.assert_allclose(output, np.full((1, 10), np.log(0.1)), rtol=1e-10)
    output = lab.log_posterior(np.zeros((1, 2)), np.array([0.5, 0.5000008]))
    np.testing.assert_allclose(np.exp(output).sum(), 1, rtol=1e-5)


@checks("log_posterior")
def test_a_row_without_a_possible_class_is_refused(lab):
    """Where every class is impossible there is no posterior: it must raise ValueError."""
    scores = np.array([[0.0, 1.0], [-np.inf, -np.inf]])
    with pytest.raises(ValueError):
        lab.log_posterior(scores, np.array([0.5, 0.5]))
    with pytest.raises(ValueError):
        lab.log_posterior(np.array([[0.0, -np.inf]]), np.array([0.0, 1.0]))


@checks("log_posterior")
def test_one_impossible_class_leaves_the_others(lab):
    output = lab.log_posterior(np.array([[-np.inf, -2.0], [0.0, 0.0]]), np.array([0.5, 0.5]))
    np.testing.assert_allclose(np.exp(output), [[0, 1], [0.5, 0.5]], atol=1e-12)


# --- gaussian_classifier -----------------------------------------------------------------------------


def classes(seed, counts, d=2):
    """Examples of classes with different means, spreads and sizes, shuffled."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    means = rng.normal(0, 2, size=(len(counts), d))
    mixing = [np.linalg.cholesky(spread_out(seed + k, d)) for k in range(len(counts))]
    points = np.array([means[k] + mixing[k] @ rng.normal(size=d) for k in labels])
    return points, labels, rng.normal(0, 2, size=(9, d))


@checks("gaussian_classifier", visible=True)
def test_the_border_of_two_equal_classes_lies_half_way(lab):
    """Classes at -1 and 1 with variance 1: half and half at 0, and 27 % against 73 % at 0.5."""
    training, labels = np.array([[-2.0], [0.0], [0.0], [2.0]]), np.array([0, 0, 1, 1])
    for shared in (False, True):
        output = lab.gaussian_classifier(training, labels, np.array([[0.0], [0.5]]), shared)
        share = 1 / (1 + np.exp(-1))
        np.testing.assert_allclose(np.exp(output), [[0.5, 0.5], [1 - share, share]], rtol=1e-10)


@oracle
def sklearns_lda(training, labels, observations):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr").fit(training, labels).predict_log_proba(observations)


@checks("gaussian_classifier")
@given(seed=SEEDS, first=st.integers(8, 30), second=st.integers(8, 30))
def test_with_a_shared_covariance_it_is_sklearns_lda(lab, seed, first, second):
    training, labels, observations = classes(seed, (first, second, 12))
    output = lab.gaussian_classifier(training, labels, observations, shared=True)
    # sklearn's predict_log_proba floors tiny probabilities: compare where they are not
    expected = sklearns_lda(training, labels, observations)
    np.testing.assert_allclose(np.exp(output), np.exp(expected), atol=1e-8)


@checks("gaussian_classifier")
@given(seed=SEEDS, first=st.integers(8, 30), second=st.integers(8, 30))
def test_with_own_covariances_it_is_bayes_rule_on_scipys_densities(lab, seed, first, second):
    from scipy.special import log_softmax
    from scipy.stats import multivariate_normal

    training, labels, observations = classes(seed, (first, second, 12))
    scores = []
    for k in range(3):
        mine = training[labels == k]
        model = multivariate_normal(mine.mean(axis=0), np.cov(mine.T, bias=True))
        scores.append(model.logpdf(observations) + np.log(len(mine) / len(labels)))
    expected = log_softmax(np.stack(scores, axis=1), axis=1)
    output = lab.gaussian_classifier(training, labels, observations)
    np.testing.assert_allclose(output, expected, rtol=1e-7, atol=1e-7)


@checks("gaussian_classifier")
def test_a_commoner_class_wins_where_the_sound_cannot_decide(lab, rng):
    """Nine times as many examples at the same place must give nine times the probability."""
    cloud_of_ten = rng.normal(size=(10, 2))
    training = np.vstack([cloud_of_ten, np.tile(cloud_of_ten, (9, 1))])
    labels = np.repeat([0, 1], [10, 90])
    for shared in (False, True):
        output = lab.gaussian_classifier(training, labels, rng.normal(size=(4, 2)), shared)
        np.testing.assert_allclose(np.exp(output), [[0.1, 0.9]] * 4, rtol=1e-8)


@checks("gaussian_classifier")
def test_the_wider_class_wins_far_outside(lab, rng):
    """With own covariances, far away on both sides the wider class must win; a shared one cannot do that."""
    narrow, wide = np.linspace(-0.5, 0.5, 20), np.linspace(-4, 4, 20)
    training, labels = np.concatenate([narrow, wide])[:, None], np.repeat([0, 1], 20)
    places = np.array([[-6.0], [0.0], [6.0]])
    own = np.asarray(lab.gaussian_classifier(training, labels, places))
    assert own.argmax(axis=1).tolist() == [1, 0, 1]
    shared = np.asarray(lab.gaussian_classifier(training, labels, places, True))
    np.testing.assert_allclose(np.exp(shared), 0.5, atol=1e-9)


@checks("gaussian_classifier")
def test_order_of_the_examples_does_not_matter(lab, rng):
    training, labels, observations = classes(int(rng.integers(10**6)), (10, 14))
    order = rng.permutation(24)
    before = lab.gaussian_classifier(training, labels, observations)
    after = lab.gaussian_classifier(training[order], labels[order], observations)
    np.testing.assert_allclose(after, before, rtol=1e-8, atol=1e-8)


@checks("gaussian_classifier")
def test_a_shared_covariance_serves_a_class_of_one_example(lab, rng):
    """One example has no spread of its own; with a shared covariance its class must still get an answer."""
    training = np.vstack([rng.normal(size=(12, 2)), [[3.0, 3.0]]])
    labels = np.repeat([0, 1], [12, 1])
    output = np.asarray(lab.gaussian_classifier(training, labels, np.array([[3.0, 3.0], [-3.0, -3.0]]), True))
    assert output.argmax(axis=1).tolist() == [1, 0]


@checks("gaussian_classifier")
def test_a_class_without_examples_is_refused(lab, rng):
    """Labels 0 and 2 without any 1 must raise ValueError."""
    with pytest.raises(ValueError):
        lab.gaussian_classifier(rng.normal(size=(8, 2)), np.array([0, 0, 0, 0, 2, 2, 2, 2]), np.zeros((1, 2)))


@checks("gaussian_classifier")
@pytest.mark.parametrize("n_labels", [7, 9], ids=["one label too few", "one label too many"])
def test_as_many_labels_as_examples_are_needed(lab, rng, n_labels):
    with pytest.raises(ValueError):
        lab.gaussian_classifier(rng.normal(size=(8, 2)), np.arange(n_labels) % 2, np.zeros((1, 2)))
