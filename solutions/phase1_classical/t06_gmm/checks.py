"""Hidden checks of the lab on Gaussian mixtures."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, oracle, picture
from labkit import plot

SEED = st.integers(0, 2**32 - 1)
MIXTURE = ("weights", "means", "variances")
# the worked example: A at 0, B at 4, both of variance 1
AB = (np.array([0.5, 0.5]), np.array([[0.0], [4.0]]), np.ones((2, 1)))

# Sums of a few hundred float64 terms of size up to 1e4 are good to about 1e-11 relative, whichever way
# the square is written out; 1e-8 leaves room for the expanded square and for nothing else.
CLOSE = {"rtol": 1e-8, "atol": 1e-8}


def random_mixture(rng, n_components, dim):
    """(weights, means, variances) of a mixture whose components overlap."""
    return (
        rng.dirichlet(np.full(n_components, 3.0)),
        rng.normal(0, 1.5, size=(n_components, dim)),
        rng.uniform(0.4, 2.0, size=(n_components, dim)),
    )


def random_states(rng, n_states, n_components, dim):
    """(weights, means, variances) of the mixtures of several states."""
    each = [random_mixture(rng, n_components, dim) for _ in range(n_states)]
    return tuple(np.stack(values) for values in zip(*each, strict=True))


def densities(x, weights, means, variances):
    """Weight times density, one scipy call per number: [frames, components]."""
    from scipy.stats import norm

    table = np.empty((len(x), len(weights)))
    for t, k in itertools.product(range(len(x)), range(len(weights))):
        table[t, k] = weights[k] * np.prod(norm.pdf(x[t], means[k], np.sqrt(variances[k])))
    return table


def random_model(rng, n_states, n_components, dim, left_to_right=False):
    """A GMM-HMM as a dict."""
    if left_to_right:
        initial = np.eye(n_states)[0]
        stay = rng.uniform(0.3, 0.8, size=n_states)
        stay[-1] = 1.0
        transition = np.diag(stay) + np.diag(1 - stay[:-1], k=1)
    else:
        initial = rng.dirichlet(np.ones(n_states))
        transition = rng.dirichlet(np.ones(n_states), size=n_states)
    mixtures = dict(zip(MIXTURE, random_states(rng, n_states, n_components, dim), strict=True))
    return {"initial": initial, "transition": transition, **mixtures}


@oracle
def enumerated(x, model, finish=False):
    """From a list of all paths: gamma [t, s], steps [s, s], component posteriors [t, s, k], log-likelihood.

    Independent of forward and backward; works for tiny models only. With `finish`, only paths to the last
    state count.
    """
    n_states = len(model["initial"])
    mixtures = list(zip(*(model[key] for key in MIXTURE), strict=True))
    table = np.stack([densities(x, *mixture) for mixture in mixtures], axis=1)
    emission = table.sum(axis=2)
    gamma, steps, total = np.zeros(emission.shape), np.zeros((n_states, n_states)), 0.0
    for path in itertools.product(range(n_states), repeat=len(x)):
        if finish and path[-1] != n_states - 1:
            continue
        weight = model["initial"][path[0]] * np.prod(emission[np.arange(len(x)), path])
        for a, b in itertools.pairwise(path):
            weight *= model["transition"][a, b]
        total += weight
        gamma[np.arange(len(x)), path] += weight
        for a, b in itertools.pairwise(path):
            steps[a, b] += weight
    gamma, steps = gamma / total, steps / total
    return gamma, steps, gamma[:, :, None] * table / emission[:, :, None], np.log(total)


def assert_same_model(got, wanted, **tolerance):
    assert set(got) == set(wanted)
    for key in wanted:
        assert np.shape(got[key]) == np.shape(wanted[key])
    numbers, expected = (np.concatenate([np.ravel(model[key]) for key in wanted]) for model in (got, wanted))
    np.testing.assert_allclose(numbers, expected, **(tolerance or CLOSE))


# --- log_gaussian --------------------------------------------------------------------------------


@checks("log_gaussian", visible=True)
def test_a_wide_bell_is_lower_than_a_narrow_one(lab):
    result = lab.log_gaussian(np.array([[1.0]]), np.array([[0.0], [0.0]]), np.array([[1.0], [4.0]]))
    np.testing.assert_allclose(result, [[-1.4189385, -1.7370857]], atol=1e-6)


@checks("log_gaussian")
@given(seed=SEED, n_components=st.integers(1, 5), dim=st.integers(1, 6), n_frames=st.integers(1, 7))
def test_every_entry_agrees_with_scipy(lab, seed, n_components, dim, n_frames):
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    x = rng.normal(0, 3, size=(n_frames, dim))
    means, variances = (
        rng.normal(0, 3, size=(n_components, dim)),
        rng.uniform(0.1, 5, size=(n_components, dim)),
    )
    result = lab.log_gaussian(x, means, variances)
    assert result.shape == (n_frames, n_components)
    expected = norm.logpdf(x[:, None], means, np.sqrt(variances)).sum(axis=2)
    np.testing.assert_allclose(result, expected, **CLOSE)


@checks("log_gaussian")
def test_each_bell_encloses_an_area_of_one(lab, rng):
    mean, variance = rng.normal(size=(1, 1)), rng.uniform(0.5, 2, size=(1, 1))
    grid = np.linspace(-30, 30, 6001)
    # the trapezoid rule is exact to rounding for a bell that is wide against the grid
    area = np.trapezoid(np.exp(lab.log_gaussian(grid[:, None], mean, variance)[:, 0]), grid)
    assert area == pytest.approx(1, abs=1e-9)


@checks("log_gaussian")
def test_a_frame_far_away_is_unlikely_but_not_impossible(lab):
    result = lab.log_gaussian(np.full((1, 39), 100.0), np.zeros((1, 39)), np.ones((1, 39)))
    assert result[0, 0] == pytest.approx(-0.5 * 39 * (np.log(2 * np.pi) + 1e4), rel=1e-12)


@checks("log_gaussian")
def test_moving_frames_and_means_together_changes_nothing(lab, rng):
    x, means = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    variances = rng.uniform(0.5, 2, size=(5, 3))
    # rounding x + 1e5 moves it by up to 1e-11; a square written out without care would lose 1e-6
    moved = lab.log_gaussian(x + 1e5, means + 1e5, variances)
    np.testing.assert_allclose(moved, lab.log_gaussian(x, means, variances), rtol=0, atol=1e-8)


@checks("log_gaussian")
@pytest.mark.parametrize("variance", [0.0, -1.0])
def test_a_variance_must_be_positive(lab, variance):
    with pytest.raises(ValueError):
        lab.log_gaussian(np.ones((2, 2)), np.zeros((1, 2)), np.array([[1.0, variance]]))


# --- e_step --------------------------------------------------------------------------------------


@checks("e_step", visible=True)
def test_frame_one_belongs_mostly_to_the_nearer_bell(lab):
    shares, log_likelihood = lab.e_step(np.array([[1.0], [2.0]]), *AB)
    np.testing.assert_allclose(shares, [[0.98201379, 0.01798621], [0.5, 0.5]], atol=1e-8)
    assert log_likelihood == pytest.approx(-2.0939363 - 2.9189385, abs=1e-6)


@checks("e_step")
@given(seed=SEED, n_components=st.integers(1, 4), dim=st.integers(1, 3), n_frames=st.integers(1, 6))
def test_shares_and_likelihood_follow_from_the_densities_one_by_one(lab, seed, n_components, dim, n_frames):
    rng = np.random.default_rng(seed)
    mixture, x = random_mixture(rng, n_components, dim), rng.normal(0, 1.5, size=(n_frames, dim))
    shares, log_likelihood = lab.e_step(x, *mixture)
    table = densities(x, *mixture)
    assert shares.shape == table.shape
    np.testing.assert_allclose(shares, table / table.sum(axis=1, keepdims=True), **CLOSE)
    assert log_likelihood == pytest.approx(np.log(table.sum(axis=1)).sum(), rel=1e-8, abs=1e-8)


@checks("e_step")
def test_shares_and_likelihood_agree_with_scikit_learn(lab, rng):
    from sklearn.mixture import GaussianMixture

    weights, means, variances = random_mixture(rng, 5, 8)
    x = rng.normal(0, 2, size=(300, 8))
    model = GaussianMixture(5, covariance_type="diag")
    model.weights_, model.means_, model.covariances_ = weights, means, variances
    model.precisions_cholesky_ = 1 / np.sqrt(variances)
    shares, log_likelihood = lab.e_step(x, weights, means, variances)
    np.testing.assert_allclose(shares, model.predict_proba(x), **CLOSE)
    assert log_likelihood == pytest.approx(model.score_samples(x).sum(), rel=1e-9)


@checks("e_step")
def test_the_likelihoods_slope_is_what_the_shares_say(lab, rng):
    """The derivative by a mean is the shared-out distance over the variance (finite differences)."""
    weights, means, variances = random_mixture(rng, 3, 2)
    x, step = rng.normal(size=(20, 2)), 1e-5
    shares, _ = lab.e_step(x, weights, means, variances)
    for k, d in itertools.product(range(3), range(2)):
        ends = []
        for sign in (1, -1):
            moved = means.copy()
            moved[k, d] += sign * step
            ends.append(lab.e_step(x, weights, moved, variances)[1])
        slope = np.sum(shares[:, k] * (x[:, d] - means[k, d])) / variances[k, d]
        # the third derivative times step²/6 is below 1e-7; rounding of sums near 1e2 over 2e-5 is 1e-9
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, abs=1e-5)


@checks("e_step")
def test_frames_with_vanishing_density_still_have_shares(lab):
    x, means = np.full((2, 39), 60.0), np.stack([np.zeros(39), np.full(39, 1.0)])
    shares, log_likelihood = lab.e_step(x, np.array([0.25, 0.75]), means, np.ones((2, 39)))
    assert np.all(np.isfinite(shares)) and np.isfinite(log_likelihood)
    np.testing.assert_allclose(shares, [[0, 1], [0, 1]], atol=1e-12)
    expected = 2 * (np.log(0.75) - 0.5 * 39 * (np.log(2 * np.pi) + 59.0**2))
    assert log_likelihood == pytest.approx(expected, rel=1e-10)


@checks("e_step")
def test_a_component_of_weight_zero_takes_nothing(lab):
    shares, log_likelihood = lab.e_step(np.array([[0.0], [4.0]]), np.array([0.0, 1.0]), *AB[1:])
    np.testing.assert_allclose(shares, [[0, 1], [0, 1]], atol=1e-12)
    assert log_likelihood == pytest.approx(-np.log(2 * np.pi) - 8, abs=1e-9)


@checks("e_step")
@pytest.mark.parametrize(
    "weights",
    [np.array([0.5, 0.6]), np.array([0.5, 0.4]), np.array([0.5, 0.50001])],
    ids=["too much", "too little", "a little too much"],
)
def test_weights_that_do_not_sum_to_one_are_refused(lab, weights):
    with pytest.raises(ValueError):
        lab.e_step(np.zeros((1, 1)), weights, *AB[1:])


@checks("e_step")
def test_weights_that_are_off_by_rounding_are_accepted(lab):
    shares, _ = lab.e_step(np.array([[2.0]]), np.array([0.5, 0.5 + 1e-8]), *AB[1:])
    np.testing.assert_allclose(shares, [[0.5, 0.5]], atol=1e-6)


@picture("e_step")
def shares_over_frames(output, x, weights, means, variances):
    shares = np.asarray(output[0] if isinstance(output, tuple) else output)
    return plot.matrix(shares, "component", "frame", "your responsibilities: each row sums to 1")


# --- m_step --------------------------------------------------------------------------------------


@checks("m_step", visible=True)
def test_the_three_frames_of_the_worked_number(lab):
    """Gives the worked number: three frames, shared by two components."""
    shares = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    weights, means, variances = lab.m_step(np.array([[1.0], [2.0], [6.0]]), shares)
    np.testing.assert_allclose(weights, [0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(means, [[4 / 3], [14 / 3]], atol=1e-9)
    np.testing.assert_allclose(variances, [[2 / 9], [32 / 9]], atol=1e-9)


@checks("m_step")
@given(seed=SEED, n_components=st.integers(1, 5), dim=st.integers(1, 4), n_frames=st.integers(2, 30))
def test_each_component_has_the_weighted_mean_and_variance(lab, seed, n_components, dim, n_frames):
    rng = np.random.default_rng(seed)
    x = rng.normal(2, 3, size=(n_frames, dim))
    shares = rng.dirichlet(np.ones(n_components), size=n_frames)
    weights, means, variances = lab.m_step(x, shares, 1e-12)
    expected = [np.average(x, axis=0, weights=column) for column in shares.T]
    spread = [np.average((x - m) ** 2, axis=0, weights=c) for m, c in zip(expected, shares.T, strict=True)]
    np.testing.assert_allclose(weights, shares.mean(axis=0), **CLOSE)
    np.testing.assert_allclose(means, expected, **CLOSE)
    np.testing.assert_allclose(variances, spread, **CLOSE)
    assert weights.sum() == pytest.approx(1, abs=1e-9)


@checks("m_step")
def test_no_small_change_makes_the_frames_likelier(lab, rng):
    """The expected log-likelihood has no slope at the answer (finite differences)."""
    from scipy.stats import norm

    x, shares = rng.normal(size=(40, 2)), rng.dirichlet(np.ones(3), size=40)
    _, means, variances = lab.m_step(x, shares, 1e-9)

    def expected(means, variances):
        log_density = norm.logpdf(x[:, None], means, np.sqrt(variances)).sum(axis=2)
        return np.sum(shares * log_density)

    for k, d in itertools.product(range(3), range(2)):
        nudge = np.zeros((3, 2))
        nudge[k, d] = 1e-5
        for slope in (
            expected(means + nudge, variances) - expected(means - nudge, variances),
            expected(means, variances + nudge) - expected(means, variances - nudge),
        ):
            # third derivatives of 40 frames are below 1e4: 1e4 · (1e-5)² / 6 is below 1e-6
            assert slope / 2e-5 == pytest.approx(0, abs=1e-4)


@checks("m_step")
def test_variances_stop_at_the_floor_and_the_others_are_untouched(lab, rng):
    x = np.column_stack([np.full(30, 0.5), rng.normal(size=30)])
    for options, floor in (({}, 1e-3), ({"variance_floor": 0.2}, 0.2)):
        _, _, variances = lab.m_step(x, np.ones((30, 1)), **options)
        np.testing.assert_allclose(variances, [[floor, x[:, 1].var()]], rtol=1e-9)


@checks("m_step")
def test_a_component_with_nothing_is_refused(lab, rng):
    with pytest.raises(ValueError):
        lab.m_step(rng.normal(size=(3, 2)), np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))


@checks("m_step")
def test_a_component_with_next_to_nothing_is_accepted(lab):
    shares = np.array([[1.0, 1e-30], [1.0, 0.0]])
    weights, means, _ = lab.m_step(np.array([[3.0], [5.0]]), shares)
    np.testing.assert_allclose(means, [[4.0], [3.0]], atol=1e-9)
    assert weights[1] == pytest.approx(5e-31, rel=1e-6)


# --- kmeans --------------------------------------------------------------------------------------


@checks("kmeans", visible=True)
def test_two_pairs_make_two_clusters(lab):
    x = np.array([[0.0], [1.0], [5.0], [6.0]])
    for seed in range(4):
        centres, labels = lab.kmeans(x, 2, seed)
        assert sorted(centres[:, 0].tolist()) == [0.5, 5.5]
        assert labels[0] == labels[1] != labels[2] == labels[3]


@checks("kmeans")
@given(seed=SEED, n_components=st.integers(1, 5), n_rounds=st.integers(1, 6))
def test_centres_agree_with_scikit_learn_from_the_same_start(lab, seed, n_components, n_rounds):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 2))
    start = x[np.random.default_rng(seed).choice(40, n_components, replace=False)]
    import warnings

    from sklearn.cluster import KMeans

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too few rounds to converge
        other = KMeans(n_components, init=start, n_init=1, max_iter=n_rounds, tol=0, algorithm="lloyd").fit(x)
    # a cluster that loses all frames is re-seeded there and kept here: such a draw says nothing
    nearest = np.argmin(((x[:, None] - start) ** 2).sum(axis=2), axis=1)
    if len(np.unique(nearest)) == n_components and len(np.unique(other.labels_)) == n_components:
        centres, labels = lab.kmeans(x, n_components, seed, n_rounds)
        assert centres.shape == (n_components, 2) and labels.shape == (40,)
        np.testing.assert_allclose(centres, other.cluster_centers_, **CLOSE)
        np.testing.assert_array_equal(labels, other.labels_)


@checks("kmeans")
def test_without_rounds_the_first_centres_are_the_drawn_frames(lab, rng):
    x, seed = rng.normal(size=(12, 3)), int(rng.integers(1000))
    centres, labels = lab.kmeans(x, 5, seed, n_rounds=0)
    expected = x[np.random.default_rng(seed).choice(12, 5, replace=False)]
    np.testing.assert_allclose(centres, expected, atol=1e-12)
    np.testing.assert_array_equal(labels, np.argmin(((x[:, None] - expected) ** 2).sum(axis=2), axis=1))


@checks("kmeans")
def test_each_label_is_the_nearest_of_the_returned_centres(lab, rng):
    x = rng.normal(size=(60, 2))
    for n_rounds in (1, 2):  # too few to settle: labels of the round before would differ
        for seed in range(5):
            centres, labels = lab.kmeans(x, 6, seed, n_rounds)
            distances = ((x[:, None] - centres) ** 2).sum(axis=2)
            np.testing.assert_allclose(distances[np.arange(60), labels], distances.min(axis=1), atol=1e-12)


@checks("kmeans")
def test_after_twenty_rounds_each_centre_is_the_mean_of_its_frames(lab, rng):
    x = np.concatenate([rng.normal(10 * k, 1, size=(15, 2)) for k in range(3)])
    centres, labels = lab.kmeans(x, 3, 1)
    for k in np.unique(labels):
        np.testing.assert_allclose(centres[k], x[labels == k].mean(axis=0), **CLOSE)


@checks("kmeans")
def test_without_being_told_there_are_twenty_rounds(lab):
    x = (np.arange(1, 301) ** 2.0)[:, None]  # six centres creep along it: they move in each of 25 rounds
    centres = {n_rounds: lab.kmeans(x, 6, 0, n_rounds)[0] for n_rounds in (19, 20, 21)}
    assert not np.allclose(centres[19], centres[20]) and not np.allclose(centres[20], centres[21])
    np.testing.assert_allclose(lab.kmeans(x, 6, 0)[0], centres[20], atol=1e-9)


@checks("kmeans")
def test_equal_distances_go_to_the_first_centre_and_an_empty_one_stays(lab):
    x = np.zeros((4, 1))  # all frames alike: the first centre takes them all
    centres, labels = lab.kmeans(x, 3, 0)
    np.testing.assert_array_equal(labels, [0, 0, 0, 0])
    np.testing.assert_allclose(centres, np.zeros((3, 1)), atol=1e-12)


@checks("kmeans")
@pytest.mark.parametrize("n_components", [0, -1, 5], ids=["none", "negative", "more than frames"])
def test_impossible_numbers_of_clusters_are_refused(lab, n_components):
    with pytest.raises(ValueError):
        lab.kmeans(np.arange(4.0)[:, None], n_components, 0)


@checks("kmeans")
def test_as_many_clusters_as_frames_leave_each_frame_alone(lab, rng):
    x = rng.normal(size=(5, 2))
    centres, labels = lab.kmeans(x, 5, 3)
    np.testing.assert_allclose(centres[labels], x, atol=1e-12)
    np.testing.assert_allclose(lab.kmeans(x, 1, 3)[0], x.mean(axis=0, keepdims=True), atol=1e-12)


# --- fit_gmm -------------------------------------------------------------------------------------


@checks("fit_gmm", visible=True)
def test_one_gaussian_takes_mean_and_variance_of_all_frames(lab):
    x = np.array([[0.0], [1.0], [5.0], [6.0]])
    weights, means, variances, history = lab.fit_gmm(x, 1, 2, 0)
    np.testing.assert_allclose([weights[0], means[0, 0], variances[0, 0]], [1, 3, 6.5], atol=1e-9)
    assert history.shape == (2,)


@oracle
def rounds_of_scikit_learn(x, labels, n_rounds):
    """Weights, means, variances and log-likelihood of a frame, from three clusters."""
    import warnings

    from sklearn.mixture import GaussianMixture

    hard = np.stack([labels == k for k in range(3)], axis=1) / np.bincount(labels, minlength=3)
    means = hard.T @ x
    variances = np.stack([hard[:, k] @ (x - means[k]) ** 2 for k in range(3)])
    weights = np.bincount(labels) / len(x)
    start = {"weights_init": weights, "means_init": means, "precisions_init": 1 / variances}
    model = GaussianMixture(3, covariance_type="diag", reg_covar=0, tol=0, max_iter=n_rounds, **start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge
        model.fit(x)
    return model.weights_, model.means_, model.covariances_, model.lower_bound_


@checks("fit_gmm")
@given(seed=SEED, n_rounds=st.integers(1, 8))
def test_rounds_agree_with_scikit_learn_from_the_same_clusters(lab, reference, seed, n_rounds):
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(0, 1, size=(40, 2)), rng.normal(3, 1, size=(40, 2))])
    seed = seed % 1000
    *expected, log_likelihood = rounds_of_scikit_learn(x, reference.kmeans(x, 3, seed)[1], n_rounds)
    got = lab.fit_gmm(x, 3, n_rounds, seed, 1e-12)
    # scikit-learn takes E[x²] - mean²; over eight rounds the lost digits grow a little
    for own, other in zip(got[:3], expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-6, atol=1e-6)
    assert got[3].shape == (n_rounds,)
    assert got[3][-1] / 80 == pytest.approx(log_likelihood, abs=1e-6)


@checks("fit_gmm")
@given(seed=SEED)
def test_the_likelihood_of_the_frames_never_falls(lab, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 2)) * [1, 3] + rng.integers(3, size=(60, 1)) * 4
    history = lab.fit_gmm(x, 4, 10, seed % 1000, 1e-9)[3]
    assert np.all(np.diff(history) > -1e-8)


@checks("fit_gmm")
def test_three_clouds_are_found(lab, rng):
    centres = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]])
    counts = (100, 200, 300)
    x = np.concatenate([rng.normal(c, 1, size=(n, 2)) for c, n in zip(centres, counts, strict=True)])
    fits = [lab.fit_gmm(x, 3, 10, seed) for seed in range(8)]
    weights, means, variances, _ = max(fits, key=lambda fit: fit[3][-1])  # k-means can start badly
    order = np.argsort(weights)
    np.testing.assert_allclose(weights[order], np.array(counts) / 600, atol=0.01)
    # means of at least 100 numbers of deviation 1 err by 0.6 at six standard deviations
    np.testing.assert_allclose(means[order], centres, atol=0.6)
    np.testing.assert_allclose(variances, 1, atol=0.9)


@checks("fit_gmm")
def test_the_history_is_that_of_the_e_steps(lab, reference, rng):
    """Each entry of the history belongs to the mixture before that round."""
    x = rng.normal(size=(30, 2))
    history = lab.fit_gmm(x, 2, 3, 4)[3]
    for n_rounds in range(3):
        before = reference.fit_gmm(x, 2, n_rounds, 4)[:3]
        assert history[n_rounds] == pytest.approx(reference.e_step(x, *before)[1], rel=1e-9)


@checks("fit_gmm")
def test_no_round_leaves_the_clusters_as_they_are(lab, reference, rng):
    x = rng.normal(size=(30, 2))
    *_, labels = reference.kmeans(x, 3, 2)
    weights, means, variances, history = lab.fit_gmm(x, 3, 0, 2)
    np.testing.assert_allclose(weights, np.bincount(labels, minlength=3) / 30, **CLOSE)
    np.testing.assert_allclose(means, [x[labels == k].mean(axis=0) for k in range(3)], **CLOSE)
    np.testing.assert_allclose(variances, [x[labels == k].var(axis=0).clip(1e-3) for k in range(3)], **CLOSE)
    assert history.shape == (0,)


@checks("fit_gmm")
def test_the_floor_reaches_every_round(lab, rng):
    x = np.column_stack([np.full(20, 0.5), rng.normal(size=20)])
    for n_rounds in (0, 3):
        for options, floor in (({}, 1e-3), ({"variance_floor": 0.3}, 0.3)):
            variances = lab.fit_gmm(x, 2, n_rounds, 0, **options)[2]
            np.testing.assert_allclose(variances[:, 0], [floor, floor], rtol=1e-9)
            assert np.all(variances >= floor)


# --- gmm_log_obs ---------------------------------------------------------------------------------


@checks("gmm_log_obs", visible=True)
def test_a_mixture_and_a_single_bell(lab):
    weights, means = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[[0.0], [4.0]], [[0.0], [4.0]]])
    log_obs = lab.gmm_log_obs(np.array([[1.0], [4.0]]), weights, means, np.ones((2, 2, 1)))
    np.testing.assert_allclose(log_obs, [[-2.0939363, -1.4189385], [-1.6117503, -8.9189385]], atol=1e-6)


@checks("gmm_log_obs")
@given(seed=SEED, n_states=st.integers(1, 4), n_components=st.integers(1, 3), dim=st.integers(1, 3))
def test_every_state_sums_its_own_weighted_densities(lab, seed, n_states, n_components, dim):
    rng = np.random.default_rng(seed)
    mixtures, x = random_states(rng, n_states, n_components, dim), rng.normal(size=(5, dim))
    log_obs = lab.gmm_log_obs(x, *mixtures)
    assert log_obs.shape == (5, n_states)
    expected = [np.log(densities(x, *one).sum(axis=1)) for one in zip(*mixtures, strict=True)]
    np.testing.assert_allclose(log_obs, np.transpose(expected), **CLOSE)


@checks("gmm_log_obs")
def test_a_recordings_likelihood_agrees_with_hmmlearn(lab, reference, rng):
    model = random_model(rng, 4, 3, 6)
    x = rng.normal(size=(60, 6))
    log_obs = lab.gmm_log_obs(x, *(model[key] for key in MIXTURE))
    with np.errstate(divide="ignore"):
        alpha = np.log(model["initial"]) + log_obs[0]
        for row in log_obs[1:]:
            alpha = np.logaddexp.reduce(alpha[:, None] + np.log(model["transition"]), axis=0) + row
    assert np.logaddexp.reduce(alpha) == pytest.approx(hmmlearn_model(model).score(x), rel=1e-9)


@checks("gmm_log_obs")
def test_one_component_is_one_gaussian(lab, reference, rng):
    _, means, variances = random_states(rng, 3, 1, 4)
    x = rng.normal(size=(7, 4))
    log_obs = lab.gmm_log_obs(x, np.ones((3, 1)), means, variances)
    np.testing.assert_allclose(log_obs, reference.log_gaussian(x, means[:, 0], variances[:, 0]), **CLOSE)


@checks("gmm_log_obs")
def test_densities_that_underflow_keep_their_logarithm(lab):
    weights, means = np.array([[0.5, 0.5], [0.0, 1.0]]), np.zeros((2, 2, 39))
    log_obs = lab.gmm_log_obs(np.full((1, 39), 50.0), weights, means, np.ones((2, 2, 39)))
    np.testing.assert_allclose(log_obs, np.full((1, 2), -0.5 * 39 * (np.log(2 * np.pi) + 2500)), rtol=1e-10)


@checks("gmm_log_obs")
def test_a_bell_without_width_is_refused(lab):
    variances = np.ones((2, 2, 1))
    variances[1, 1, 0] = 0.0
    with pytest.raises(ValueError):
        lab.gmm_log_obs(np.zeros((1, 1)), np.full((2, 2), 0.5), np.zeros((2, 2, 1)), variances)


@picture("gmm_log_obs")
def log_obs_over_time(output, x, weights, means, variances):
    return plot.matrix(np.asarray(output), "state", "frame", "your log_obs")


# --- component_posteriors ------------------------------------------------------------------------


@checks("component_posteriors", visible=True)
def test_a_state_shares_its_part_of_the_frame(lab):
    weights, means = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[[0.0], [4.0]], [[0.0], [4.0]]])
    posteriors = lab.component_posteriors(
        np.array([[1.0]]), np.array([[0.7, 0.3]]), weights, means, np.ones((2, 2, 1))
    )
    np.testing.assert_allclose(posteriors, [[[0.68740966, 0.01259034], [0.3, 0.0]]], atol=1e-7)


@checks("component_posteriors")
@given(seed=SEED, n_states=st.integers(1, 3), n_components=st.integers(1, 3), n_frames=st.integers(1, 4))
def test_posteriors_are_those_of_all_paths_listed_one_by_one(lab, seed, n_states, n_components, n_frames):
    rng = np.random.default_rng(seed)
    model, x = random_model(rng, n_states, n_components, 2), rng.normal(size=(n_frames, 2))
    gamma, _, expected, _ = enumerated(x, model)
    posteriors = lab.component_posteriors(x, gamma, *(model[key] for key in MIXTURE))
    assert posteriors.shape == (n_frames, n_states, n_components)
    np.testing.assert_allclose(posteriors, expected, **CLOSE)


@checks("component_posteriors")
@given(seed=SEED, n_frames=st.integers(1, 20))
def test_components_of_a_state_add_up_to_gamma(lab, seed, n_frames):
    rng = np.random.default_rng(seed)
    gamma = rng.dirichlet(np.ones(4), size=n_frames)
    gamma[0] = [1, 0, 0, 0]
    posteriors = lab.component_posteriors(rng.normal(size=(n_frames, 3)), gamma, *random_states(rng, 4, 3, 3))
    assert np.all(posteriors >= 0)
    np.testing.assert_allclose(posteriors.sum(axis=2), gamma, **CLOSE)
    np.testing.assert_allclose(posteriors.sum(axis=(1, 2)), 1, **CLOSE)


@checks("component_posteriors")
def test_posteriors_of_faraway_frames_are_numbers(lab, rng):
    gamma = np.full((3, 2), 0.5)
    posteriors = lab.component_posteriors(np.full((3, 39), 70.0), gamma, *random_states(rng, 2, 3, 39))
    np.testing.assert_allclose(posteriors.sum(axis=2), gamma, **CLOSE)


# --- sufficient_statistics -----------------------------------------------------------------------


@checks("sufficient_statistics", visible=True)
def test_three_frames_leave_three_sums(lab):
    occupancies, sums, squares = lab.sufficient_statistics(
        np.array([[1.0], [2.0], [6.0]]), np.array([1.0, 0.5, 0.0]).reshape(3, 1, 1)
    )
    assert (occupancies.tolist(), sums.tolist(), squares.tolist()) == ([[1.5]], [[[2.0]]], [[[3.0]]])


@checks("sufficient_statistics")
@given(seed=SEED, n_states=st.integers(1, 4), n_components=st.integers(1, 3), dim=st.integers(1, 4))
def test_sums_are_those_of_a_loop_over_frames(lab, seed, n_states, n_components, dim):
    rng = np.random.default_rng(seed)
    x = rng.normal(1, 2, size=(6, dim))
    posteriors = rng.dirichlet(np.ones(n_states * n_components), size=6).reshape(6, n_states, n_components)
    occupancies, sums, squares = lab.sufficient_statistics(x, posteriors)
    assert occupancies.shape == (n_states, n_components)
    assert sums.shape == squares.shape == (n_states, n_components, dim)
    for s, k in itertools.product(range(n_states), range(n_components)):
        own = posteriors[:, s, k]
        assert occupancies[s, k] == pytest.approx(sum(own.tolist()), abs=1e-9)
        np.testing.assert_allclose(sums[s, k], sum(w * v for w, v in zip(own, x, strict=True)), **CLOSE)
        np.testing.assert_allclose(
            squares[s, k], sum(w * v * v for w, v in zip(own, x, strict=True)), **CLOSE
        )


@checks("sufficient_statistics")
def test_two_recordings_add_up(lab, rng):
    """The statistics of two recordings together are the sum of those of each."""
    x, posteriors = rng.normal(size=(9, 2)), rng.dirichlet(np.ones(6), size=9).reshape(9, 3, 2)
    whole = lab.sufficient_statistics(x, posteriors)
    halves = [lab.sufficient_statistics(x[own], posteriors[own]) for own in (slice(0, 4), slice(4, 9))]
    for together, first, second in zip(whole, *halves, strict=True):
        np.testing.assert_allclose(together, first + second, **CLOSE)


@checks("sufficient_statistics")
def test_every_frame_is_counted_once(lab, rng):
    x, posteriors = rng.normal(size=(9, 2)), rng.dirichlet(np.ones(6), size=9).reshape(9, 3, 2)
    occupancies, sums, squares = lab.sufficient_statistics(x, posteriors)
    assert occupancies.sum() == pytest.approx(9, abs=1e-9)
    np.testing.assert_allclose(sums.sum(axis=(0, 1)), x.sum(axis=0), **CLOSE)
    np.testing.assert_allclose(squares.sum(axis=(0, 1)), (x**2).sum(axis=0), **CLOSE)


# --- reestimate ----------------------------------------------------------------------------------


@checks("reestimate", visible=True)
def test_the_worked_sums_give_the_worked_mean_and_variance(lab):
    old = np.full((1, 2), 0.5), np.zeros((1, 2, 1)), np.ones((1, 2, 1))
    new = lab.reestimate(
        *old, np.array([[1.5, 0.5]]), np.array([[[2.0], [3.0]]]), np.array([[[3.0], [18.5]]])
    )
    np.testing.assert_allclose(new[0], [[0.75, 0.25]], atol=1e-12)
    np.testing.assert_allclose(new[1], [[[4 / 3], [6.0]]], atol=1e-9)
    np.testing.assert_allclose(new[2], [[[2 / 9], [1.0]]], atol=1e-9)


@checks("reestimate")
@given(seed=SEED, n_states=st.integers(1, 4), n_components=st.integers(1, 3), dim=st.integers(1, 3))
def test_new_values_are_weighted_averages_over_the_frames(lab, seed, n_states, n_components, dim):
    rng = np.random.default_rng(seed)
    x, shape = rng.normal(1, 2, size=(25, dim)), (n_states, n_components)
    posteriors = rng.dirichlet(np.ones(n_states * n_components), size=25).reshape(25, *shape)
    occupancies = posteriors.sum(axis=0)
    sums, squares = np.einsum("tsk,td->skd", posteriors, x), np.einsum("tsk,td->skd", posteriors, x**2)
    old = random_states(rng, n_states, n_components, dim)
    weights, means, variances = lab.reestimate(*old, occupancies, sums, squares, 1e-9)
    np.testing.assert_allclose(weights, occupancies / occupancies.sum(axis=1, keepdims=True), **CLOSE)
    for s, k in itertools.product(range(n_states), range(n_components)):
        mean = np.average(x, axis=0, weights=posteriors[:, s, k])
        spread = np.average((x - mean) ** 2, axis=0, weights=posteriors[:, s, k])
        np.testing.assert_allclose(means[s, k], mean, **CLOSE)
        np.testing.assert_allclose(variances[s, k], spread.clip(1e-9), **CLOSE)


@checks("reestimate")
def test_one_state_agrees_with_the_m_step(lab, reference, rng):
    x, shares = rng.normal(size=(20, 3)), rng.dirichlet(np.ones(4), size=20)
    statistics = reference.sufficient_statistics(x, shares[:, None])
    new = lab.reestimate(*random_states(rng, 1, 4, 3), *statistics, 1e-9)
    for own, other in zip(new, reference.m_step(x, shares, 1e-9), strict=True):
        np.testing.assert_allclose(own[0], other, **CLOSE)


@checks("reestimate")
def test_what_holds_nothing_keeps_what_it_had(lab, rng):
    """A component or a state of occupancy 0 keeps its values."""
    weights, means, variances = random_states(rng, 2, 2, 2)
    variances[1] = [[1e-6, 2.0], [0.7, 1e-6]]
    occupancies = np.array([[4.0, 0.0], [0.0, 0.0]])
    sums, squares = np.zeros((2, 2, 2)), np.zeros((2, 2, 2))
    sums[0, 0], squares[0, 0] = [4.0, 8.0], [20.0, 20.0]
    new = lab.reestimate(weights, means, variances, occupancies, sums, squares)
    assert all(np.all(np.isfinite(values)) for values in new)
    np.testing.assert_allclose(new[0], [[1.0, 0.0], weights[1]], atol=1e-12)
    np.testing.assert_allclose(new[1], [[[1.0, 2.0], means[0, 1]], means[1]], atol=1e-12)
    np.testing.assert_allclose(new[2][0], [[4.0, 1.0], variances[0, 1]], atol=1e-12)
    np.testing.assert_allclose(new[2][1], [[1e-3, 2.0], [0.7, 1e-3]], atol=1e-12)


@checks("reestimate")
def test_a_component_that_holds_a_trace_is_reestimated(lab):
    occupancies = np.array([[3e-6, 1e-6]])
    sums, squares = occupancies[..., None] * 5.0, occupancies[..., None] * 27.0
    old = np.full((1, 2), 0.5), np.zeros((1, 2, 1)), np.ones((1, 2, 1))
    new = lab.reestimate(*old, occupancies, sums, squares)
    np.testing.assert_allclose(new[0], [[0.75, 0.25]], rtol=1e-6)
    np.testing.assert_allclose(new[1], np.full((1, 2, 1), 5.0), rtol=1e-6)
    np.testing.assert_allclose(new[2], np.full((1, 2, 1), 2.0), rtol=1e-6)


@checks("reestimate")
def test_new_variances_stop_at_the_floor(lab):
    one = np.ones((1, 1))
    for options, floor in (({}, 1e-3), ({"variance_floor": 0.2}, 0.2)):
        new = lab.reestimate(one, one[None], one[None], 2 * one, 6 * one[None], 18 * one[None], **options)
        np.testing.assert_allclose(new[2], [[[floor]]], rtol=1e-9)


# --- gmm_hmm_step --------------------------------------------------------------------------------


def hmmlearn_model(model, **options):
    """The same GMM-HMM in hmmlearn, set for one round of EM without priors."""
    from hmmlearn.hmm import GMMHMM

    n_states, n_components = model["weights"].shape
    other = GMMHMM(
        n_states, n_components, covariance_type="diag", init_params="", n_iter=1, tol=-np.inf, min_covar=0,
        **options,
    )  # fmt: skip
    other.n_features = model["means"].shape[2]
    other.startprob_, other.transmat_ = model["initial"], model["transition"]
    other.weights_, other.means_, other.covars_ = (model[key] for key in MIXTURE)
    return other


@oracle
def counted(sequences, model, variance_floor):
    """One round from lists of all paths; frames weighted one Gaussian at a time."""
    parts = [enumerated(x, model) for x in sequences]
    frames, posteriors = np.concatenate(sequences), np.concatenate([p[2] for p in parts])
    steps = sum(p[1] for p in parts)
    means, variances = np.empty_like(model["means"]), np.empty_like(model["means"])
    for s, k in np.ndindex(posteriors.shape[1:]):
        means[s, k] = np.average(frames, axis=0, weights=posteriors[:, s, k])
        variances[s, k] = np.average((frames - means[s, k]) ** 2, axis=0, weights=posteriors[:, s, k])
    occupancies = posteriors.sum(axis=0)
    left = steps.sum(axis=1, keepdims=True)
    return {
        "initial": np.mean([p[0][0] for p in parts], axis=0),
        "transition": np.where(left > 0, steps / np.where(left > 0, left, 1), model["transition"]),
        "weights": occupancies / occupancies.sum(axis=1, keepdims=True),
        "means": means,
        "variances": np.maximum(variances, variance_floor),
    }, sum(p[3] for p in parts)


@checks("gmm_hmm_step", visible=True)
def test_one_state_with_one_bell_takes_mean_and_variance_of_all_frames(lab):
    sequences = [np.array([[1.0, 10.0]]), np.array([[2.0, 20.0], [6.0, 0.0], [3.0, 5.0], [9.0, 1.0]])]
    one = np.ones((1, 1))
    model = {"initial": np.ones(1), "transition": one, "weights": one}
    model |= {"means": np.zeros((1, 1, 2)), "variances": np.ones((1, 1, 2))}
    new, log_likelihood = lab.gmm_hmm_step(sequences, model)
    frames = np.concatenate(sequences)
    np.testing.assert_allclose(new["means"][0, 0], frames.mean(axis=0), **CLOSE)
    np.testing.assert_allclose(new["variances"][0, 0], frames.var(axis=0), **CLOSE)
    assert log_likelihood == pytest.approx(-0.5 * np.sum(np.log(2 * np.pi) + frames**2), rel=1e-9)


@checks("gmm_hmm_step")
@given(seed=SEED, n_states=st.integers(1, 3), n_components=st.integers(1, 3), first_to_last=st.booleans())
def test_one_round_is_that_of_all_paths_listed_one_by_one(lab, seed, n_states, n_components, first_to_last):
    rng = np.random.default_rng(seed)
    model = random_model(rng, n_states, n_components, 2, first_to_last)
    sequences = [rng.normal(size=(length, 2)) for length in (4, 3, 5)]
    new, log_likelihood = lab.gmm_hmm_step(sequences, model, 1e-9)
    expected, expected_log_likelihood = counted(sequences, model, 1e-9)
    # three sums of squares lose a few digits where a Gaussian holds little: 1e-6 still tells any error
    assert_same_model(new, expected, rtol=1e-6, atol=1e-6)
    assert log_likelihood == pytest.approx(expected_log_likelihood, rel=1e-9)


@oracle
def one_round_of_hmmlearn(model, frames, lengths):
    """The model after one round, and the log-likelihood before it."""
    other = hmmlearn_model(model).fit(frames, lengths)
    # hmmlearn measures its new variances from the old means: take the distance out again
    variances = other.covars_ - (other.means_ - model["means"]) ** 2
    after = (other.startprob_, other.transmat_, other.weights_, other.means_, variances)
    keys = ("initial", "transition", *MIXTURE)
    return dict(zip(keys, after, strict=True)), hmmlearn_model(model).score(frames, lengths)


@checks("gmm_hmm_step")
def test_one_round_agrees_with_hmmlearn(lab, rng):
    model = random_model(rng, 4, 3, 3)
    lengths = [17, 30, 12]
    sequences = [rng.normal(0, 1.5, size=(length, 3)) for length in lengths]
    new, log_likelihood = lab.gmm_hmm_step(sequences, model, 1e-9)
    expected, score = one_round_of_hmmlearn(model, np.concatenate(sequences), lengths)
    assert_same_model(new, expected, rtol=1e-6, atol=1e-6)
    assert log_likelihood == pytest.approx(score, rel=1e-9)


@checks("gmm_hmm_step")
@given(seed=SEED)
def test_the_likelihood_of_the_recordings_never_falls(lab, seed):
    rng = np.random.default_rng(seed)
    model = random_model(rng, 3, 2, 2)
    sequences = [rng.normal(size=(length, 2)) * [1, 3] + [2, -1] for length in (15, 20)]
    history = []
    for _ in range(5):
        model, log_likelihood = lab.gmm_hmm_step(sequences, model, 1e-9)
        history.append(log_likelihood)
    assert np.all(np.diff(history) > -1e-7)


@checks("gmm_hmm_step")
def test_a_long_recording_neither_underflows_nor_gains_steps(lab, rng):
    model = random_model(rng, 3, 2, 13, left_to_right=True)
    x = np.repeat(model["means"][:, 0], 200, axis=0) + rng.normal(size=(600, 13))
    new, log_likelihood = lab.gmm_hmm_step([x, x[100:]], model)
    assert np.isfinite(log_likelihood) and all(np.all(np.isfinite(values)) for values in new.values())
    assert np.all(new["transition"][model["transition"] == 0] == 0)
    for key in ("transition", "weights"):
        np.testing.assert_allclose(new[key].sum(axis=1), 1, **CLOSE)
    assert new["initial"].sum() == pytest.approx(1, abs=1e-9)


@checks("gmm_hmm_step")
def test_what_no_frame_reaches_keeps_its_values(lab, rng):
    model = random_model(rng, 3, 2, 2)
    model["initial"], model["transition"] = (
        np.array([1.0, 0, 0]),
        np.array([[0.5, 0.5, 0], [0, 1, 0], [0.3, 0.3, 0.4]]),
    )
    new, _ = lab.gmm_hmm_step([rng.normal(size=(6, 2))], model)
    assert all(np.all(np.isfinite(values)) for values in new.values())
    np.testing.assert_allclose(new["transition"][2], [0.3, 0.3, 0.4], atol=1e-12)
    for key in MIXTURE:
        np.testing.assert_allclose(new[key][2], model[key][2], atol=1e-12)
    # recordings of a single frame make no step at all
    new, _ = lab.gmm_hmm_step([np.zeros((1, 2))], model)
    np.testing.assert_allclose(new["transition"], model["transition"], atol=1e-12)


@checks("gmm_hmm_step")
def test_variances_of_words_stop_at_the_floor(lab, rng):
    model = random_model(rng, 1, 1, 2)
    x = np.column_stack([np.full(30, 0.5), rng.normal(size=30)])
    for options, floor in (({}, 1e-3), ({"variance_floor": 0.2}, 0.2)):
        new, _ = lab.gmm_hmm_step([x], model, **options)
        np.testing.assert_allclose(new["variances"], [[[floor, x[:, 1].var()]]], rtol=1e-6)


@checks("gmm_hmm_step")
@pytest.mark.parametrize("sequences", [[], [np.zeros((3, 1))]], ids=["none", "impossible"])
def test_no_recordings_or_impossible_ones_are_refused(lab, sequences):
    one = np.ones((2, 1))
    model = {
        "initial": np.array([1.0, 0.0]),
        "transition": np.array([[0.0, 1.0], [0.0, 0.0]]),
        "weights": one,
    }
    model |= {"means": np.zeros((2, 1, 1)), "variances": np.ones((2, 1, 1))}
    with pytest.raises(ValueError):
        lab.gmm_hmm_step(sequences, model)


# --- join_words ----------------------------------------------------------------------------------


def vocabulary(rng, sizes, n_components=2, dim=2):
    """Left-to-right models of words "a", "b", … with the given numbers of states."""
    return {
        word: random_model(rng, size, n_components, dim, left_to_right=True)
        for word, size in zip("abcdefgh", sizes, strict=False)
    }


@checks("join_words", visible=True)
def test_two_words_of_one_state(lab):
    word = {"initial": np.ones(1), "transition": np.ones((1, 1)), "weights": np.ones((1, 1))}
    low, high = (
        {**word, "means": np.full((1, 1, 1), m), "variances": np.ones((1, 1, 1))} for m in (0.0, 9.0)
    )
    joined = lab.join_words([low, high], stay=0.75)
    assert joined["transition"].tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert joined["initial"].tolist() == [1.0, 0.0]
    assert joined["means"].tolist() == [[[0.0]], [[9.0]]]


@checks("join_words")
@given(seed=SEED, sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4), stay=st.floats(0, 0.95))
def test_states_stand_in_the_order_of_the_words(lab, reference, seed, sizes, stay):
    words = list(vocabulary(np.random.default_rng(seed), sizes).values())
    joined = lab.join_words(words, stay)
    assert set(joined) == {"initial", "transition", *MIXTURE}
    for key in MIXTURE:
        np.testing.assert_allclose(joined[key], np.concatenate([word[key] for word in words]), atol=1e-12)
    start = 0
    for number, word in enumerate(words):
        own = slice(start, start + len(word["initial"]))
        block = joined["transition"][own, own]
        np.testing.assert_allclose(block[:-1], word["transition"][:-1], atol=1e-12)
        start = own.stop
        follows = number < len(words) - 1
        assert joined["transition"][start - 1, start - 1] == pytest.approx(stay if follows else 1)
        if follows:
            assert joined["transition"][start - 1, start] == pytest.approx(1 - stay)
    np.testing.assert_allclose(joined["transition"].sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(joined["initial"], np.eye(start)[0], atol=1e-12)


@checks("join_words")
def test_it_does_not_matter_which_pair_is_joined_first(lab, rng):
    a, b, c = vocabulary(rng, (2, 3, 1)).values()
    assert_same_model(lab.join_words([lab.join_words([a, b]), c]), lab.join_words([a, b, c]))


@checks("join_words")
def test_without_being_told_a_word_is_left_with_one_fifth(lab, rng):
    a, b = vocabulary(rng, (2, 1)).values()
    np.testing.assert_allclose(lab.join_words([a, b])["transition"][1], [0, 0.8, 0.2], atol=1e-12)


@checks("join_words")
@pytest.mark.parametrize("fault", ["no words", "open end", "never left"])
def test_words_that_cannot_be_joined_are_refused(lab, rng, fault):
    words, stay = list(vocabulary(rng, (2, 2)).values()), 0.8
    if fault == "no words":
        words = []
    elif fault == "open end":
        words[0]["transition"] = np.array([[0.5, 0.5], [0.5, 0.5]])
    else:
        stay = 1.0
    with pytest.raises(ValueError):
        lab.join_words(words, stay)


# --- embedded_step -------------------------------------------------------------------------------


@oracle
def embedded_by_counting(utterances, transcripts, models, stay, variance_floor):
    """One round of embedded training from lists of all paths, frame by frame and word by word."""
    steps = {word: np.zeros_like(model["transition"]) for word, model in models.items()}
    held = {word: [[[] for _ in row] for row in model["weights"]] for word, model in models.items()}
    total = 0.0
    for x, transcript in zip(utterances, transcripts, strict=True):
        sizes = [len(models[word]["initial"]) for word in transcript]
        starts = np.cumsum([0, *sizes])
        whole = {"initial": np.zeros(starts[-1]), "transition": np.zeros((starts[-1], starts[-1]))}
        whole["initial"][: sizes[0]] = models[transcript[0]]["initial"]
        for number, word in enumerate(transcript):
            own = slice(starts[number], starts[number + 1])
            whole["transition"][own, own] = models[word]["transition"]
            if number + 1 < len(transcript):
                whole["transition"][own.stop - 1, own.stop - 1] = stay
                entry = models[transcript[number + 1]]["initial"]
                whole["transition"][own.stop - 1, own.stop : own.stop + len(entry)] = (1 - stay) * entry
        whole |= {key: np.concatenate([models[word][key] for word in transcript]) for key in MIXTURE}
        _, whole_steps, posteriors, log_likelihood = enumerated(x, whole, finish=True)
        total += log_likelihood
        for number, word in enumerate(transcript):
            own = slice(starts[number], starts[number + 1])
            steps[word] += whole_steps[own, own]
            for s, k in np.ndindex(models[word]["weights"].shape):
                held[word][s][k] += list(zip(posteriors[:, starts[number] + s, k], x, strict=True))
    new = {}
    for word, model in models.items():
        new[word] = {key: values.copy() for key, values in model.items()}
        for s, row in enumerate(held[word]):
            occupancies = np.array([sum(share for share, _ in cell) for cell in row])
            if occupancies.sum() > 0:
                new[word]["weights"][s] = occupancies / occupancies.sum()
            for k, cell in enumerate(row):
                if occupancies[k] > 0:
                    shares, frames = np.array([share for share, _ in cell]), np.array([x for _, x in cell])
                    mean = np.average(frames, axis=0, weights=shares)
                    new[word]["means"][s, k] = mean
                    new[word]["variances"][s, k] = np.average((frames - mean) ** 2, axis=0, weights=shares)
            if s < len(held[word]) - 1 and steps[word][s].sum() > 0:
                new[word]["transition"][s] = steps[word][s] / steps[word][s].sum()
        new[word]["variances"] = np.maximum(new[word]["variances"], variance_floor)
    return new, total


def assert_same_words(got, wanted, **tolerance):
    assert set(got) == set(wanted)
    for word in wanted:
        assert_same_model(got[word], wanted[word], **tolerance)


@checks("embedded_step", visible=True)
def test_two_words_share_three_frames(lab):
    one = np.ones((1, 1, 1))
    word = {"initial": np.ones(1), "transition": one[0], "weights": one[0], "variances": one}
    models = {"low": {**word, "means": 0 * one}, "high": {**word, "means": 9 * one}}
    new, _ = lab.embedded_step([np.array([[1.0], [2.0], [8.0]])], [["low", "high"]], models)
    # the shares of the other word are below e^-15
    assert new["low"]["means"].item() == pytest.approx(1.5, abs=1e-4)
    assert new["high"]["means"].item() == pytest.approx(8.0, abs=1e-4)
    assert new["low"]["variances"].item() == pytest.approx(0.25, abs=1e-4)
    assert new["low"]["transition"].tolist() == [[1.0]]


@checks("embedded_step")
@given(seed=SEED, sizes=st.lists(st.integers(1, 2), min_size=3, max_size=3), stay=st.floats(0.1, 0.9))
def test_words_learn_what_all_paths_listed_one_by_one_give_them(lab, seed, sizes, stay):
    rng = np.random.default_rng(seed)
    models = vocabulary(rng, sizes)
    transcripts = [["a", "b"], ["b"], ["c", "a"]]
    utterances = [rng.normal(size=(length, 2)) for length in (5, 4, 6)]
    new, log_likelihood = lab.embedded_step(utterances, transcripts, models, stay, 1e-9)
    expected, expected_log_likelihood = embedded_by_counting(utterances, transcripts, models, stay, 1e-9)
    # a Gaussian can hold as little as one frame, whose variance is all rounding: 1e-6 still tells any error
    assert_same_words(new, expected, rtol=1e-6, atol=1e-6)
    assert log_likelihood == pytest.approx(expected_log_likelihood, rel=1e-9)


@checks("embedded_step")
@given(seed=SEED)
def test_words_may_begin_in_any_state_and_skip_states(lab, seed):
    rng = np.random.default_rng(seed)
    models = vocabulary(rng, (3, 2))
    for model in models.values():
        size = len(model["initial"])
        model["initial"] = rng.dirichlet(np.ones(size))
        model["transition"] = np.triu(rng.uniform(0.2, 1, size=(size, size)))
        model["transition"] /= model["transition"].sum(axis=1, keepdims=True)
    utterances, transcripts = [rng.normal(size=(4, 2)), rng.normal(size=(3, 2))], [["a", "b"], ["b", "a"]]
    new, _ = lab.embedded_step(utterances, transcripts, models, 0.6, 1e-9)
    expected, _ = embedded_by_counting(utterances, transcripts, models, 0.6, 1e-9)
    assert_same_words(new, expected, rtol=1e-6, atol=1e-6)


@checks("embedded_step")
def test_a_word_said_twice_in_an_utterance_collects_twice(lab, rng):
    models = vocabulary(rng, (2, 1))
    utterances, transcripts = [rng.normal(size=(6, 2))], [["a", "b", "a"]]
    new, _ = lab.embedded_step(utterances, transcripts, models, 0.7, 1e-9)
    expected, _ = embedded_by_counting(utterances, transcripts, models, 0.7, 1e-9)
    assert_same_words(new, expected, rtol=1e-6, atol=1e-6)


@checks("embedded_step")
def test_single_words_are_trained_as_by_themselves(lab, reference, rng):
    """With one word of one state in each utterance it is the step for single words."""
    models = vocabulary(rng, (1, 1), n_components=3, dim=3)
    utterances = [rng.normal(size=(length, 3)) for length in (9, 7, 12, 8)]
    new, log_likelihood = lab.embedded_step(utterances, [["a"], ["b"], ["a"], ["b"]], models)
    first, fit = reference.gmm_hmm_step(utterances[::2], models["a"])
    second, other_fit = reference.gmm_hmm_step(utterances[1::2], models["b"])
    assert_same_words(new, {"a": first, "b": second})
    assert log_likelihood == pytest.approx(fit + other_fit, rel=1e-9)


@checks("embedded_step")
def test_as_many_frames_as_states_go_straight_through(lab, rng):
    """An utterance with as many frames as states gives each state one frame: every word is reached."""
    models = vocabulary(rng, (2, 2), n_components=1)
    x = rng.normal(size=(4, 2))
    new, _ = lab.embedded_step([x], [["b", "a"]], models)
    np.testing.assert_allclose(np.concatenate([new["b"]["means"], new["a"]["means"]])[:, 0], x, **CLOSE)
    np.testing.assert_allclose(new["a"]["transition"], [[0, 1], [0, 1]], atol=1e-9)


@checks("embedded_step")
@given(seed=SEED)
def test_the_likelihood_of_the_utterances_never_falls(lab, seed):
    rng = np.random.default_rng(seed)
    models = vocabulary(rng, (2, 3))
    transcripts = [["a", "b", "a"], ["b", "a"]]
    utterances = [rng.normal(size=(length, 2)) * [1, 2] for length in (20, 15)]
    history = []
    for _ in range(3):
        models, log_likelihood = lab.embedded_step(utterances, transcripts, models, variance_floor=1e-9)
        history.append(log_likelihood)
    assert np.all(np.diff(history) > -1e-7)


@checks("embedded_step")
def test_words_are_found_in_long_utterances_without_being_told_where(lab, rng):
    truth = {"a": -6.0, "b": 0.0, "c": 6.0}
    model = {"initial": np.ones(1), "transition": np.ones((1, 1)), "weights": np.ones((1, 1))}
    models = {
        word: {**model, "means": np.full((1, 1, 5), m + 1.0), "variances": np.full((1, 1, 5), 4.0)}
        for word, m in truth.items()
    }
    transcripts = [list("abc"), list("cab"), list("bacb")]
    utterances = [
        np.concatenate(
            [truth[word] + rng.normal(size=(int(rng.integers(60, 140)), 5)) for word in transcript]
        )
        for transcript in transcripts
    ]
    for _ in range(2):
        models, log_likelihood = lab.embedded_step(utterances, transcripts, models)
    assert np.isfinite(log_likelihood)
    for word, m in truth.items():
        # a mean over at least 180 frames of deviation 1 errs by 0.45 at six standard deviations
        np.testing.assert_allclose(models[word]["means"], m, atol=0.45)


@checks("embedded_step")
def test_a_word_that_occurs_nowhere_keeps_its_model(lab, rng):
    models = vocabulary(rng, (2, 2))
    models["b"]["variances"][0, 0] = [1e-6, 2.0]
    for options, floor in (({}, 1e-3), ({"variance_floor": 0.01}, 0.01)):
        new, _ = lab.embedded_step([rng.normal(size=(8, 2))], [["a"]], models, **options)
        expected = {**models["b"], "variances": np.maximum(models["b"]["variances"], floor)}
        assert_same_model(new["b"], expected)
        assert all(np.all(np.isfinite(values)) for values in new["a"].values())


@checks("embedded_step")
def test_without_being_told_words_are_left_with_one_fifth(lab, rng):
    models = vocabulary(rng, (1, 2))
    utterances, transcripts = [rng.normal(size=(5, 2))], [["a", "b"]]
    _, log_likelihood = lab.embedded_step(utterances, transcripts, models)
    _, expected = embedded_by_counting(utterances, transcripts, models, 0.8, 1e-3)
    assert log_likelihood == pytest.approx(expected, rel=1e-9)


@checks("embedded_step")
@pytest.mark.parametrize(
    "fault", ["too few texts", "too many texts", "no words", "unknown word", "too short"]
)
def test_utterances_that_do_not_fit_their_words_are_refused(lab, rng, fault):
    models = vocabulary(rng, (2, 2))
    x = rng.normal(size=(6, 2))
    utterances, transcripts = {
        "too few texts": ([x, x], [["a"]]),
        "too many texts": ([x], [["a"], ["b"]]),
        "no words": ([x], [[]]),
        "unknown word": ([x], [["a", "z"]]),
        "too short": ([x[:3]], [["a", "b"]]),
    }[fault]
    with pytest.raises(ValueError):
        lab.embedded_step(utterances, transcripts, models)


# --- map_adapt_means -----------------------------------------------------------------------------


@checks("map_adapt_means", visible=True)
def test_thirty_frames_pull_three_quarters_of_the_way(lab):
    means, heard = np.array([[10.0], [10.0]]), np.array([30.0, 0.0])
    new = lab.map_adapt_means(means, heard, np.array([[420.0], [0.0]]), 10)
    np.testing.assert_allclose(new, [[13.0], [10.0]], atol=1e-12)


@checks("map_adapt_means")
@given(seed=SEED, tau=st.floats(0.01, 100), shape=st.sampled_from([(4,), (2, 3), (2, 1, 3), ()]))
def test_the_old_mean_counts_as_tau_frames(lab, seed, tau, shape):
    """It is the mean of the frames heard and of tau frames at the old mean."""
    rng = np.random.default_rng(seed)
    means, occupancies = rng.normal(size=(*shape, 2)), rng.uniform(0, 50, size=shape)
    averages = rng.normal(3, 2, size=(*shape, 2))
    new = lab.map_adapt_means(
        means, np.asarray(occupancies), np.asarray(occupancies)[..., None] * averages, tau
    )
    assert new.shape == means.shape
    for place in np.ndindex(shape):
        expected = np.average(
            [means[place], averages[place]], axis=0, weights=[tau, np.asarray(occupancies)[place]]
        )
        np.testing.assert_allclose(new[place], expected, **CLOSE)


@checks("map_adapt_means")
def test_the_answer_has_the_highest_posterior(lab, rng):
    """Likelihood of the frames times a Gaussian prior around the old mean is highest there."""
    from scipy.stats import norm

    frames, old, tau = rng.normal(2, 1, size=12), rng.normal(), rng.uniform(1, 9)
    new = lab.map_adapt_means(np.array([[old]]), np.array([12.0]), np.array([[frames.sum()]]), tau).item()

    def posterior(mean):
        return norm.logpdf(frames, mean).sum() + norm.logpdf(mean, old, 1 / np.sqrt(tau))

    assert posterior(new) > max(posterior(new - 1e-3), posterior(new + 1e-3))


@checks("map_adapt_means")
def test_without_trust_in_the_old_mean_only_the_data_count(lab, rng):
    means, occupancies = rng.normal(size=(3, 2)), np.array([5.0, 0.0, 0.5])
    sums = rng.normal(size=(3, 2)) * occupancies[:, None]
    new = lab.map_adapt_means(means, occupancies, sums, 0)
    np.testing.assert_allclose(new[[0, 2]], sums[[0, 2]] / occupancies[[0, 2], None], **CLOSE)
    np.testing.assert_allclose(new[1], means[1], atol=1e-12)


@checks("map_adapt_means")
def test_with_boundless_trust_the_old_mean_stays(lab, rng):
    means, occupancies = rng.normal(size=(2, 3, 2)), rng.uniform(1, 50, size=(2, 3))
    new = lab.map_adapt_means(means, occupancies, occupancies[..., None] * 5.0, 1e12)
    # 50 · 5 / 1e12 is what is left of the data
    np.testing.assert_allclose(new, means, atol=1e-9)


@checks("map_adapt_means")
def test_a_negative_tau_is_refused(lab):
    with pytest.raises(ValueError):
        lab.map_adapt_means(np.ones((1, 1)), np.ones(1), np.ones((1, 1)), -0.1)


# --- mllr_transform ------------------------------------------------------------------------------


def new_voice(rng, n_gaussians, dim):
    """Gaussians, frames of a voice near them, and which Gaussian each frame belongs to, in part."""
    means, variances = rng.normal(0, 2, size=(n_gaussians, dim)), rng.uniform(0.3, 3, size=(n_gaussians, dim))
    owner = np.repeat(np.arange(n_gaussians), 3)
    frames = means[owner] * 1.3 - 0.7 + rng.normal(size=(len(owner), dim))
    posteriors = 0.7 * np.eye(n_gaussians)[owner] + 0.3 * rng.dirichlet(np.ones(n_gaussians), size=len(owner))
    return means, variances, frames, posteriors


def expected_log_density(transform, means, variances, frames, posteriors):
    """Sum over frames and Gaussians of the posterior times the log-density, up to a constant."""
    moved = np.array([transform @ np.append(1.0, mean) for mean in means])
    return -0.5 * np.sum(posteriors[:, :, None] * (frames[:, None] - moved) ** 2 / variances)


@checks("mllr_transform", visible=True)
def test_a_straight_line_through_two_means(lab):
    means, heard = np.array([[1.0], [3.0], [5.0]]), np.array([10.0, 20.0, 0.0])
    transform = lab.mllr_transform(means, np.ones((3, 1)), heard, np.array([[30.0], [140.0], [0.0]]))
    np.testing.assert_allclose(transform, [[1.0, 2.0]], atol=1e-9)


@checks("mllr_transform")
@given(seed=SEED, dim=st.integers(1, 4), extra=st.integers(0, 6))
def test_rows_are_weighted_least_squares_over_all_frames(lab, seed, dim, extra):
    """Each row agrees with numpy's least squares over every pair of frame and Gaussian."""
    rng = np.random.default_rng(seed)
    means, variances, frames, posteriors = new_voice(rng, dim + 2 + extra, dim)
    transform = lab.mllr_transform(means, variances, posteriors.sum(axis=0), posteriors.T @ frames)
    assert transform.shape == (dim, dim + 1)
    pairs = [(t, m) for t in range(len(frames)) for m in range(len(means))]
    rows = np.array([np.append(1.0, means[m]) for _, m in pairs])
    for d in range(dim):
        weight = np.sqrt([posteriors[t, m] / variances[m, d] for t, m in pairs])
        target = np.array([frames[t, d] for t, _ in pairs])
        expected, *_ = np.linalg.lstsq(rows * weight[:, None], target * weight, rcond=None)
        # the normal equations square the condition number of a few random means: 1e-5 is far below any error
        np.testing.assert_allclose(transform[d], expected, rtol=1e-5, atol=1e-5)


@checks("mllr_transform")
def test_no_small_change_makes_the_new_voice_likelier(lab, rng):
    means, variances, frames, posteriors = new_voice(rng, 12, 3)
    transform = lab.mllr_transform(means, variances, posteriors.sum(axis=0), posteriors.T @ frames)
    best = expected_log_density(transform, means, variances, frames, posteriors)
    for place in np.ndindex(3, 4):
        for step in (1e-3, -1e-3):
            changed = transform.copy()
            changed[place] += step
            assert expected_log_density(changed, means, variances, frames, posteriors) < best


@checks("mllr_transform")
@given(seed=SEED, dim=st.integers(1, 5))
def test_a_voice_like_the_model_leaves_the_means_alone(lab, seed, dim):
    rng = np.random.default_rng(seed)
    means, variances = rng.normal(size=(3 * dim + 3, dim)), rng.uniform(0.5, 2, size=(3 * dim + 3, dim))
    occupancies = rng.uniform(1, 40, size=len(means))
    transform = lab.mllr_transform(means, variances, occupancies, occupancies[:, None] * means)
    identity = np.hstack([np.zeros((dim, 1)), np.eye(dim)])
    np.testing.assert_allclose(transform, identity, atol=1e-6)


@checks("mllr_transform")
def test_a_known_rule_is_found_again_whatever_the_axes(lab, rng):
    """A rule that moved the means is found again, also for words × states × components."""
    rule, means = rng.normal(size=(3, 4)), rng.normal(0, 2, size=(2, 5, 4, 3))
    occupancies = rng.uniform(1, 20, size=means.shape[:-1])
    occupancies[1, 2] = 0.0  # a state that was not heard
    moved = rule[:, 0] + means @ rule[:, 1:].T
    transform = lab.mllr_transform(
        means, rng.uniform(0.5, 2, size=means.shape), occupancies, occupancies[..., None] * moved
    )
    np.testing.assert_allclose(transform, rule, atol=1e-7)


@checks("mllr_transform")
def test_narrow_gaussians_count_more_than_wide_ones(lab):
    # three means that lie on no line: the wide one must give way
    means, moved = np.array([[0.0], [1.0], [2.0]]), np.array([[0.0], [1.0], [5.0]])
    for occupancies, variances in (
        (np.array([10.0, 10, 10]), np.array([[1.0], [1], [1e8]])),
        (np.array([10.0, 10, 1e-7]), np.ones((3, 1))),
    ):
        transform = lab.mllr_transform(means, variances, occupancies, occupancies[:, None] * moved)
        np.testing.assert_allclose(transform, [[0.0, 1.0]], atol=1e-6)


@checks("mllr_transform")
@pytest.mark.parametrize("fault", ["nothing heard", "too few heard", "all on a line"])
def test_a_rule_that_is_not_determined_is_refused(lab, rng, fault):
    means, variances, occupancies = rng.normal(size=(6, 2)), np.ones((6, 2)), np.full(6, 4.0)
    if fault == "nothing heard":
        occupancies[:] = 0
    elif fault == "too few heard":
        occupancies[2:] = 0
    else:
        means[:, 1] = 3.0
    with pytest.raises(ValueError):
        lab.mllr_transform(means, variances, occupancies, occupancies[:, None] * means)


@checks("mllr_transform")
def test_as_many_gaussians_as_unknowns_are_enough(lab, rng):
    means, moved = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]), rng.normal(size=(4, 2))
    occupancies = np.array([3.0, 0.5, 8.0, 0.0])
    transform = lab.mllr_transform(means, np.ones((4, 2)), occupancies, occupancies[:, None] * moved)
    expected = np.stack([moved[0], moved[1] - moved[0], moved[2] - moved[0]], axis=1)
    np.testing.assert_allclose(transform, expected, atol=1e-9)


@picture("mllr_transform")
def transform_matrix(output, means, variances, occupancies, sums):
    return plot.matrix(np.asarray(output), "extended mean (1 first)", "dimension", "your transform")


# --- transform_means -----------------------------------------------------------------------------


@checks("transform_means", visible=True)
def test_shift_one_factor_two(lab):
    moved = lab.transform_means(np.array([[1.0, 2.0]]), np.array([[1.0], [3.0], [5.0]]))
    assert moved.tolist() == [[3.0], [7.0], [11.0]]


@checks("transform_means")
@given(seed=SEED, dim=st.integers(1, 5), shape=st.sampled_from([(4,), (2, 3), (2, 1, 3), ()]))
def test_every_mean_meets_the_matrix_with_a_one_in_front(lab, seed, dim, shape):
    rng = np.random.default_rng(seed)
    transform, means = rng.normal(size=(dim, dim + 1)), rng.normal(size=(*shape, dim))
    moved = lab.transform_means(transform, means)
    assert moved.shape == means.shape
    for place in np.ndindex(shape):
        np.testing.assert_allclose(moved[place], transform @ np.append(1.0, means[place]), **CLOSE)


@checks("transform_means")
def test_zero_shift_and_identity_change_nothing(lab, rng):
    means = rng.normal(size=(3, 2, 4))
    np.testing.assert_allclose(lab.transform_means(np.eye(4, 5, k=1), means), means, atol=1e-12)


@checks("transform_means")
@pytest.mark.parametrize(
    "shape", [(2, 2), (3, 4), (3, 2), (3, 3)], ids=["no shift", "other dim", "transposed", "a row too many"]
)
def test_a_transform_that_does_not_fit_is_refused(lab, shape):
    with pytest.raises(ValueError):
        lab.transform_means(np.zeros(shape), np.ones((4, 2)))
