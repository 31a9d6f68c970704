"""Hidden checks of the lab on hidden Markov models."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, oracle, picture
from labkit import plot

SEED = st.integers(0, 2**32 - 1)
WORKED = (np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]]), np.log([[0.9, 0.3], [0.1, 0.7]]))

# Sums of a few hundred logarithms of size up to 1e4 in float64 are good to about 1e-11 relative; the
# order of summation is free. 1e-9 leaves room for that and for nothing else.
TIGHT = {"rtol": 1e-9, "atol": 1e-9}


def random_model(rng, n_states, n_frames, zeros=False, spread=3.0):
    """(initial, transition, log_obs); with `zeros`, some steps and starts are impossible."""
    initial = rng.dirichlet(np.ones(n_states))
    transition = rng.dirichlet(np.ones(n_states), size=n_states)
    if zeros:
        keep = rng.random((n_states, n_states)) < 0.6
        keep[np.arange(n_states), rng.integers(n_states, size=n_states)] = True
        transition = np.where(keep, transition, 0.0)
        transition /= transition.sum(axis=1, keepdims=True)
        initial[rng.permutation(n_states)[: n_states // 2]] = 0.0
        initial /= initial.sum()
    return initial, transition, rng.normal(-2, spread, size=(n_frames, n_states))


def all_paths(initial, transition, log_obs):
    """Every path, and the logarithm of its probability together with the observations."""
    n_frames, n_states = log_obs.shape
    paths = np.array(list(itertools.product(range(n_states), repeat=n_frames)))
    with np.errstate(divide="ignore"):
        log_probs = np.log(initial)[paths[:, 0]] + log_obs[np.arange(n_frames), paths].sum(axis=1)
        for t in range(1, n_frames):
            log_probs = log_probs + np.log(transition)[paths[:, t - 1], paths[:, t]]
    return paths, log_probs


def log_total(log_probs):
    """Logarithm of a sum, by numpy's own pairwise function; of nothing it is -inf."""
    return np.logaddexp.reduce(log_probs)


def hmmlearn_model(initial, transition, means, variances, **options):
    """The same Gaussian HMM in hmmlearn, without priors, set for one round of EM."""
    from hmmlearn.hmm import GaussianHMM

    model = GaussianHMM(
        len(initial), "diag", init_params="", n_iter=1, tol=-np.inf, min_covar=0, covars_prior=0, **options
    )
    model.n_features = means.shape[1]
    model.startprob_, model.transmat_, model.means_, model.covars_ = initial, transition, means, variances
    return model


def gaussian_model(rng, n_states, n_dimensions):
    """(initial, transition, means, variances), every step possible."""
    return (
        rng.dirichlet(np.ones(n_states)),
        rng.dirichlet(np.ones(n_states), size=n_states),
        rng.normal(size=(n_states, n_dimensions)),
        rng.uniform(0.5, 2.0, size=(n_states, n_dimensions)),
    )


# --- stationary_distribution ---------------------------------------------------------------------


@checks("stationary_distribution", visible=True)
def test_pauses_take_two_thirds_of_the_time(lab):
    shares = lab.stationary_distribution(np.array([[0.9, 0.1], [0.2, 0.8]]))
    np.testing.assert_allclose(shares, [2 / 3, 1 / 3], atol=1e-12)


@checks("stationary_distribution")
@given(begin=st.floats(0.01, 1), end=st.floats(0.01, 1))
def test_two_states_share_time_as_their_traffic_says(lab, begin, end):
    shares = lab.stationary_distribution(np.array([[1 - begin, begin], [end, 1 - end]]))
    # closed form; the equations are at worst 1/0.01 times more sensitive than float64's 1e-16
    np.testing.assert_allclose(shares, np.array([end, begin]) / (begin + end), atol=1e-11)


@checks("stationary_distribution")
@given(seed=SEED, n_states=st.integers(2, 8))
def test_shares_are_where_many_steps_lead_and_one_more_step_changes_nothing(lab, seed, n_states):
    transition = np.random.default_rng(seed).dirichlet(np.ones(n_states), size=n_states)
    shares = lab.stationary_distribution(transition)
    assert shares.shape == (n_states,)
    np.testing.assert_allclose(shares @ transition, shares, atol=1e-12)
    # independent: after 2^20 steps every start has been forgotten
    np.testing.assert_allclose(shares, np.linalg.matrix_power(transition, 2**20)[0], atol=1e-8)


@checks("stationary_distribution")
@given(seed=SEED, n_states=st.integers(2, 6))
def test_a_chain_that_goes_round_for_ever_has_equal_shares(lab, seed, n_states):
    cycle = np.roll(np.eye(n_states), 1, axis=1)
    shuffle = np.random.default_rng(seed).permutation(n_states)
    shares = lab.stationary_distribution(cycle[shuffle][:, shuffle])
    np.testing.assert_allclose(shares, np.full(n_states, 1 / n_states), atol=1e-12)


@checks("stationary_distribution")
def test_states_that_are_left_for_ever_have_no_share_and_no_share_is_negative(lab, rng):
    for _ in range(30):
        transition = np.zeros((7, 7))
        transition[:4] = rng.dirichlet(np.ones(7), size=4)
        transition[4:, 4:] = rng.dirichlet(np.ones(3), size=3)
        shares = lab.stationary_distribution(transition)
        np.testing.assert_allclose(shares[:4], 0, atol=1e-12)
        assert np.all(shares >= 0) and abs(shares.sum() - 1) < 1e-12


@checks("stationary_distribution")
@pytest.mark.parametrize(
    "transition",
    [
        pytest.param(np.full((2, 3), 1 / 3), id="not square"),
        pytest.param(np.ones((3, 1)), id="one column"),
        pytest.param(np.array([[0.5, 0.5, 0.0], [0.7, 0.5, -0.2], [0.3, 0.3, 0.4]]), id="negative"),
        pytest.param(np.array([[0.5, 0.4], [0.5, 0.5]]), id="row sums to 0.9"),
        pytest.param(np.array([[0.5, 0.5], [0.5, 0.501]]), id="row sums to 1.001"),
        pytest.param(np.array([[0.9, 0.2], [0.1, 0.8]]), id="columns sum to 1"),
        pytest.param(np.eye(2), id="two chains"),
        pytest.param(np.kron(np.eye(2), np.full((2, 2), 0.5)), id="two chains of two states"),
    ],
)
def test_what_is_no_single_chain_is_refused(lab, transition):
    with pytest.raises(ValueError):
        lab.stationary_distribution(transition)


@checks("stationary_distribution")
def test_a_row_that_is_off_by_rounding_is_accepted(lab):
    shares = lab.stationary_distribution(np.array([[0.5, 0.5 - 1e-8], [0.5, 0.5]]))
    np.testing.assert_allclose(shares, 0.5, atol=1e-6)


# --- sample_states -------------------------------------------------------------------------------


@checks("sample_states", visible=True)
def test_each_number_falls_into_a_stretch_of_the_right_row(lab):
    """Each random number falls into a stretch of the row of the state before."""
    states = lab.sample_states(WORKED[0], WORKED[1], np.array([0.2, 0.95, 0.5, 0.1, 0.3]))
    assert states.tolist() == [0, 1, 1, 0, 0]


@checks("sample_states")
@given(seed=SEED, n_states=st.integers(1, 6))
def test_every_step_is_an_inverse_cumulative_lookup(lab, seed, n_states):
    rng = np.random.default_rng(seed)
    initial, transition, _ = random_model(rng, n_states, 1, zeros=True)
    uniforms = rng.random(40)
    states = lab.sample_states(initial, transition, uniforms)
    assert states.dtype.kind in "iu" and states.shape == (40,)
    row = initial
    for state, uniform in zip(states.tolist(), uniforms, strict=True):
        below = row[:state].sum()
        assert below - 1e-12 <= uniform < below + row[state] + 1e-12
        row = transition[state]


@checks("sample_states")
def test_a_number_on_the_border_belongs_to_the_stretch_that_begins_there(lab):
    quarters = np.full(4, 0.25)
    states = lab.sample_states(quarters, np.tile(quarters, (4, 1)), np.array([0.25, 0.0, 0.5, 0.75, 0.49]))
    assert states.tolist() == [1, 0, 2, 3, 1]


@checks("sample_states")
def test_a_state_of_probability_zero_is_never_drawn(lab):
    initial = np.array([0.0, 0.5, 0.0, 0.5, 0.0])
    states = lab.sample_states(initial, np.tile(initial, (5, 1)), np.array([0.0, 0.5, 0.0, 1 - 2**-53, 0.49]))
    assert states.tolist() == [1, 3, 1, 3, 1]


@checks("sample_states")
def test_ten_tenths_reach_up_to_the_last_state(lab):
    tenths = np.full(10, 0.1)  # their running sum ends at 0.9999999999999999
    states = lab.sample_states(tenths, np.tile(tenths, (10, 1)), np.full(3, 1 - 2**-53))
    assert states.tolist() == [9, 9, 9]


@checks("sample_states")
def test_a_long_walk_spends_its_time_as_the_chain_says(lab, rng):
    transition = np.array([[0.6, 0.3, 0.1], [0.1, 0.7, 0.2], [0.3, 0.3, 0.4]])
    states = lab.sample_states(np.array([0.0, 0.0, 1.0]), transition, rng.random(20_000))
    assert states[0] == 2
    for state in range(3):
        following = states[1:][states[:-1] == state]
        seen = np.bincount(following, minlength=3) / len(following)
        # at least 3000 draws each: a share is off by 0.05 only at more than 5 standard deviations
        np.testing.assert_allclose(seen, transition[state], atol=0.05)


@checks("sample_states")
@given(seed=SEED, changed=st.integers(0, 19))
def test_a_number_decides_its_own_frame_and_none_before_it(lab, seed, changed):
    rng = np.random.default_rng(seed)
    initial, transition, _ = random_model(rng, 4, 1)
    uniforms = rng.random(20)
    before = lab.sample_states(initial, transition, uniforms)
    uniforms[changed] = 0.0
    after = lab.sample_states(initial, transition, uniforms)
    assert before[:changed].tolist() == after[:changed].tolist()
    assert after[changed] == 0


@checks("sample_states")
@pytest.mark.parametrize("uniform", [1.0, -0.001, 7.0])
def test_numbers_outside_zero_to_one_are_refused(lab, uniform):
    with pytest.raises(ValueError):
        lab.sample_states(WORKED[0], WORKED[1], np.array([0.5, uniform, 0.2]))


# --- categorical_log_obs -------------------------------------------------------------------------


@checks("categorical_log_obs", visible=True)
def test_quiet_then_loud(lab):
    log_obs = lab.categorical_log_obs(np.array([0, 1]), np.array([[0.9, 0.1], [0.3, 0.7]]))
    np.testing.assert_allclose(log_obs, [[-0.10536, -1.20397], [-2.30259, -0.35667]], atol=1e-5)


@checks("categorical_log_obs")
@given(seed=SEED, n_states=st.integers(1, 5), n_symbols=st.integers(1, 7), n_frames=st.integers(1, 9))
def test_every_entry_is_the_logarithm_of_one_emission(lab, seed, n_states, n_symbols, n_frames):
    rng = np.random.default_rng(seed)
    emission = rng.dirichlet(np.ones(n_symbols), size=n_states)
    symbols = rng.integers(n_symbols, size=n_frames)
    log_obs = lab.categorical_log_obs(symbols, emission)
    assert log_obs.shape == (n_frames, n_states)
    for t, state in itertools.product(range(n_frames), range(n_states)):
        assert log_obs[t, state] == pytest.approx(float(np.log(emission[state, symbols[t]])), abs=1e-12)


@checks("categorical_log_obs")
def test_hearing_each_symbol_once_every_state_accounts_for_everything(lab, rng):
    """Over all symbols, the probabilities of a state sum to 1."""
    log_obs = lab.categorical_log_obs(np.arange(6), rng.dirichlet(np.ones(6), size=4))
    np.testing.assert_allclose(np.exp(log_obs).sum(axis=0), np.ones(4), atol=1e-12)


@checks("categorical_log_obs")
def test_the_likelihood_of_a_word_agrees_with_hmmlearn(lab, reference, rng):
    from hmmlearn.hmm import CategoricalHMM

    initial, transition, _ = random_model(rng, 4, 1)
    model = CategoricalHMM(4, init_params="")
    model.startprob_, model.transmat_ = initial, transition
    model.emissionprob_ = rng.dirichlet(np.ones(6), size=4)
    symbols = rng.integers(6, size=50)
    symbols[0] = 5
    log_obs = lab.categorical_log_obs(symbols, model.emissionprob_)
    log_likelihood = reference.log_sum_exp(reference.forward(initial, transition, log_obs)[-1])
    np.testing.assert_allclose(log_likelihood, model.score(symbols[:, None]), **TIGHT)


@checks("categorical_log_obs")
def test_what_a_state_never_emits_has_log_probability_minus_infinity(lab):
    log_obs = lab.categorical_log_obs(np.array([2, 0, 1]), np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]))
    assert np.isneginf(log_obs).tolist() == [[True, False], [False, True], [False, False]]


@checks("categorical_log_obs")
@pytest.mark.parametrize("symbol", [2, -1])
def test_a_symbol_without_a_column_is_refused(lab, symbol):
    with pytest.raises(ValueError):
        lab.categorical_log_obs(np.array([0, symbol, 1]), np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]]))


# --- log_sum_exp ---------------------------------------------------------------------------------


@checks("log_sum_exp", visible=True)
def test_two_tiny_numbers_add_up_to_twice_as_much(lab):
    assert lab.log_sum_exp(np.array([-1000.0, -1000.0])) == pytest.approx(-1000 + np.log(2), abs=1e-9)


@checks("log_sum_exp")
@given(
    seed=SEED, shape=st.sampled_from([(5,), (3, 4), (2, 3, 4), (1, 6), (6, 1)]), spread=st.floats(0.1, 300)
)
def test_agrees_with_scipy_along_every_axis(lab, seed, shape, spread):
    from scipy.special import logsumexp

    values = np.random.default_rng(seed).normal(0, spread, size=shape)
    for axis in range(-len(shape), len(shape)):
        result = np.asarray(lab.log_sum_exp(values, axis=axis))
        assert result.shape == np.sum(values, axis=axis).shape
        np.testing.assert_allclose(result, logsumexp(values, axis=axis), rtol=1e-12, atol=1e-12)


@checks("log_sum_exp")
def test_without_an_axis_the_last_one_is_summed(lab, rng):
    from scipy.special import logsumexp

    values = rng.normal(size=(3, 4, 5))
    np.testing.assert_allclose(lab.log_sum_exp(values), logsumexp(values, axis=-1), rtol=1e-12)


@checks("log_sum_exp")
@given(
    values=st.lists(st.floats(-50, 50), min_size=1, max_size=6), shift=st.sampled_from([-1e5, -800, 800, 1e5])
)
def test_moving_all_values_moves_the_result(lab, values, shift):
    values = np.array(values)
    moved = lab.log_sum_exp(values + shift)
    # adding 1e5 rounds each value by up to 1e-11
    assert moved == pytest.approx(np.log(np.sum(np.exp(values))) + shift, abs=1e-10)


@checks("log_sum_exp")
def test_rows_far_apart_do_not_disturb_each_other(lab):
    values = np.array([[0.0, 0.0], [-3000.0, -3000.0], [2000.0, 2000.0]])
    np.testing.assert_allclose(lab.log_sum_exp(values), np.array([0, -3000, 2000]) + np.log(2), atol=1e-9)


@checks("log_sum_exp")
def test_a_sum_of_zeros_is_minus_infinity_and_a_zero_adds_nothing(lab):
    values = np.array([[-np.inf, -np.inf], [-np.inf, 3.0], [1.0, -np.inf]])
    np.testing.assert_array_equal(lab.log_sum_exp(values), [-np.inf, 3.0, 1.0])


# --- log_step ------------------------------------------------------------------------------------


@checks("log_step", visible=True)
def test_one_step_of_the_worked_example(lab):
    result = lab.log_step(np.log([0.45, 0.15]), WORKED[1])
    np.testing.assert_allclose(np.exp(result), [0.435, 0.165], atol=1e-12)


@checks("log_step")
@given(
    seed=SEED, rows=st.integers(1, 6), columns=st.integers(1, 6), spread=st.sampled_from([1.0, 30.0, 400.0])
)
def test_step_agrees_with_scipys_weighted_log_sum(lab, seed, rows, columns, spread):
    """Agrees with scipy's weighted log-sum-exp, on matrices with zeros, square or not."""
    from scipy.special import logsumexp

    rng = np.random.default_rng(seed)
    log_weights = rng.normal(0, spread, size=rows)
    matrix = rng.random((rows, columns)) * (rng.random((rows, columns)) < 0.7)
    result = lab.log_step(log_weights, matrix)
    assert result.shape == (columns,)
    # scipy shifts by one maximum per column only over entries that count, so it is exact here
    with np.errstate(divide="ignore"):
        expected = [logsumexp(log_weights + np.log(column)) for column in matrix.T]
    np.testing.assert_allclose(result, expected, **TIGHT)


@checks("log_step")
@given(gap=st.floats(600, 5000), seed=SEED)
def test_a_target_that_only_a_faint_state_reaches_is_exact(lab, gap, seed):
    rng = np.random.default_rng(seed)
    faint, link = np.array([0.0, -gap, -gap - 3.0]), rng.uniform(0.1, 1, size=2)
    matrix = np.array([[0.3, 0.0], [0.2, link[0]], [0.1, link[1]]])
    expected = -gap + np.log(link[0] + link[1] * np.exp(-3.0))
    np.testing.assert_allclose(
        lab.log_step(faint + 100, matrix), [100 + np.log(0.3), 100 + expected], **TIGHT
    )


@checks("log_step")
def test_weights_of_zero_contribute_nothing(lab):
    result = lab.log_step(np.array([-np.inf, np.log(0.5)]), np.array([[0.5, 0.5, 0.0], [0.0, 0.4, 0.6]]))
    np.testing.assert_allclose(np.exp(result), [0.0, 0.2, 0.3], atol=1e-12)
    assert np.isneginf(result[0])


@checks("log_step")
def test_no_weight_at_all_stays_no_weight(lab):
    result = lab.log_step(np.full(3, -np.inf), np.full((3, 2), 0.5))
    np.testing.assert_array_equal(result, [-np.inf, -np.inf])


@checks("log_step")
@given(shift=st.sampled_from([-1e4, -900.0, 900.0, 1e4]), seed=SEED)
def test_scaling_all_weights_scales_the_result(lab, shift, seed):
    rng = np.random.default_rng(seed)
    log_weights, matrix = rng.normal(size=4), rng.random((4, 4))
    expected = np.log(np.exp(log_weights) @ matrix) + shift
    np.testing.assert_allclose(lab.log_step(log_weights + shift, matrix), expected, **TIGHT)


# --- forward -------------------------------------------------------------------------------------


@checks("forward", visible=True)
def test_quiet_loud_fills_the_worked_table(lab):
    log_alpha = lab.forward(*WORKED)
    np.testing.assert_allclose(np.exp(log_alpha), [[0.45, 0.15], [0.0435, 0.1155]], atol=1e-12)


@checks("forward")
@given(seed=SEED, n_states=st.integers(1, 4), n_frames=st.integers(1, 5))
def test_forward_sums_all_paths_that_end_in_a_state(lab, seed, n_states, n_frames):
    """Equals the sum over all paths, listed one by one."""
    initial, transition, log_obs = random_model(np.random.default_rng(seed), n_states, n_frames)
    log_alpha = lab.forward(initial, transition, log_obs)
    assert log_alpha.shape == log_obs.shape
    for t in range(n_frames):
        paths, log_probs = all_paths(initial, transition, log_obs[: t + 1])
        expected = [log_total(log_probs[paths[:, -1] == state]) for state in range(n_states)]
        np.testing.assert_allclose(log_alpha[t], expected, **TIGHT)


@checks("forward")
@given(seed=SEED)
def test_what_no_path_reaches_is_minus_infinity(lab, seed):
    initial, transition, log_obs = random_model(np.random.default_rng(seed), 4, 4, zeros=True)
    log_alpha = lab.forward(initial, transition, log_obs)
    for t in range(4):
        paths, log_probs = all_paths(initial, transition, log_obs[: t + 1])
        expected = [log_total(log_probs[paths[:, -1] == state]) for state in range(4)]
        np.testing.assert_allclose(log_alpha[t], expected, **TIGHT)


@checks("forward")
def test_thousands_of_frames_do_not_underflow(lab, reference, rng):
    model = gaussian_model(rng, 5, 13)
    frames = 3 * rng.normal(size=(2000, 13))
    log_obs = reference.gaussian_log_obs(frames, *model[2:])
    log_alpha = lab.forward(*model[:2], log_obs)
    expected = hmmlearn_model(*model).score(frames)
    np.testing.assert_allclose(log_total(log_alpha[-1]), expected, **TIGHT)


@checks("forward")
def test_states_thousands_of_nats_apart_stay_exact(lab):
    initial, transition = np.array([0.25, 0.75]), np.eye(2)  # no way from one state to the other
    log_obs = np.column_stack([np.full(50, -1.0), np.full(50, -90.0)])
    log_alpha = lab.forward(initial, transition, log_obs)
    expected = np.log(initial) + np.arange(1, 51)[:, None] * np.array([-1.0, -90.0])
    np.testing.assert_allclose(log_alpha, expected, **TIGHT)


@checks("forward")
def test_an_impossible_sequence_has_likelihood_zero_and_no_nan(lab):
    log_obs = np.array([[0.0, -np.inf], [-np.inf, -np.inf], [-1.0, -1.0]])
    log_alpha = lab.forward(np.array([0.0, 1.0]), np.full((2, 2), 0.5), log_obs)
    assert np.all(np.isneginf(log_alpha))


@checks("forward")
def test_a_sequence_without_frames_is_refused(lab):
    with pytest.raises(ValueError):
        lab.forward(WORKED[0], WORKED[1], np.zeros((0, 2)))


@picture("forward")
def log_alpha_over_time(output, initial, transition, log_obs):
    return plot.lines(
        {f"state {state}": column for state, column in enumerate(np.atleast_2d(output).T[:8])},
        x_label="frame",
        y_label="log_alpha [nat]",
        title="your log_alpha: it follows the log-likelihood downwards, frame by frame",
    )


# --- viterbi -------------------------------------------------------------------------------------


def path_score(path, initial, transition, log_obs):
    """ln P(observations, path), added up along the path."""
    with np.errstate(divide="ignore"):
        score = np.log(initial)[path[0]] + log_obs[0, path[0]]
        for t in range(1, len(path)):
            score = score + np.log(transition)[path[t - 1], path[t]] + log_obs[t, path[t]]
    return score


@checks("viterbi", visible=True)
def test_speech_explains_quiet_loud_best(lab):
    path, log_prob = lab.viterbi(*WORKED)
    assert path.tolist() == [1, 1]
    assert log_prob == pytest.approx(np.log(0.084), abs=1e-12)


@checks("viterbi")
@given(seed=SEED, n_states=st.integers(1, 4), n_frames=st.integers(1, 5), zeros=st.booleans())
def test_no_other_path_is_better(lab, seed, n_states, n_frames, zeros):
    """The path is the best of all paths, listed one by one."""
    model = random_model(np.random.default_rng(seed), n_states, n_frames, zeros)
    path, log_prob = lab.viterbi(*model)
    paths, log_probs = all_paths(*model)
    assert path.tolist() == paths[np.argmax(log_probs)].tolist()
    assert log_prob == pytest.approx(log_probs.max(), abs=1e-9)


@checks("viterbi")
@given(seed=SEED, n_states=st.integers(2, 6), n_frames=st.integers(20, 60))
def test_the_path_has_the_probability_that_is_reported(lab, seed, n_states, n_frames):
    model = random_model(np.random.default_rng(seed), n_states, n_frames, zeros=True, spread=1.0)
    path, log_prob = lab.viterbi(*model)
    assert path.shape == (n_frames,) and path.dtype.kind in "iu"
    assert np.isfinite(log_prob)
    assert path_score(path, *model) == pytest.approx(log_prob, abs=1e-9)


@checks("viterbi")
def test_path_and_score_agree_with_hmmlearn_on_a_long_recording(lab, reference, rng):
    model = gaussian_model(rng, 6, 3)
    frames = rng.normal(size=(1500, 3))
    log_prob, path = hmmlearn_model(*model).decode(frames)
    own_path, own_log_prob = lab.viterbi(*model[:2], reference.gaussian_log_obs(frames, *model[2:]))
    assert own_path.tolist() == path.tolist()
    assert own_log_prob == pytest.approx(log_prob, rel=1e-9)


@checks("viterbi")
def test_a_good_looking_start_is_given_up_when_the_end_asks_for_it(lab):
    """A start that looks good is given up when the end demands it."""
    initial = np.array([0.5, 0.5])
    stuck = np.array([[1.0, 0.0], [0.0, 1.0]])
    log_obs = np.log([[0.9, 0.1], [0.9, 0.1], [1e-9, 0.1]])
    assert lab.viterbi(initial, stuck, log_obs)[0].tolist() == [1, 1, 1]


@checks("viterbi")
def test_a_left_to_right_model_is_walked_from_left_to_right(lab, reference):
    initial, transition = reference.left_to_right(3, 0.5)
    log_obs = np.full((7, 3), -5.0)
    for t, state in enumerate([0, 0, 1, 1, 1, 1, 2]):
        log_obs[t, state] = 0.0
    path, log_prob = lab.viterbi(initial, transition, log_obs)
    assert path.tolist() == [0, 0, 1, 1, 1, 1, 2]
    assert log_prob == pytest.approx(6 * np.log(0.5), abs=1e-9)


@checks("viterbi")
def test_where_all_paths_are_equal_any_will_do(lab):
    model = np.full(3, 1 / 3), np.full((3, 3), 1 / 3), np.zeros((4, 3))
    path, log_prob = lab.viterbi(*model)
    assert path.shape == (4,) and set(path.tolist()) <= {0, 1, 2}
    assert log_prob == pytest.approx(4 * np.log(1 / 3), abs=1e-12)


@checks("viterbi")
def test_if_no_path_is_possible_the_score_is_minus_infinity(lab):
    log_obs = np.array([[0.0, -np.inf], [-np.inf, 0.0]])
    assert lab.viterbi(np.array([0.5, 0.5]), np.eye(2), log_obs)[1] == -np.inf


@checks("viterbi")
def test_no_frames_no_path(lab):
    """A sequence without frames is refused."""
    with pytest.raises(ValueError):
        lab.viterbi(WORKED[0], WORKED[1], np.zeros((0, 2)))


@picture("viterbi")
def path_over_time(output, initial, transition, log_obs):
    path = np.asarray(output[0] if isinstance(output, tuple) else output)
    return plot.state_path(path, n_states=len(initial), title="your path")


# --- backward ------------------------------------------------------------------------------------


@checks("backward", visible=True)
def test_the_future_of_quiet_is_the_worked_table(lab):
    log_beta = lab.backward(WORKED[1], WORKED[2])
    np.testing.assert_allclose(np.exp(log_beta), [[0.16, 0.58], [1, 1]], atol=1e-12)


@checks("backward")
@given(seed=SEED, n_states=st.integers(1, 4), n_frames=st.integers(1, 5), zeros=st.booleans())
def test_backward_sums_all_futures(lab, seed, n_states, n_frames, zeros):
    """Equals the sum over all futures, listed one by one."""
    _, transition, log_obs = random_model(np.random.default_rng(seed), n_states, n_frames, zeros)
    log_beta = lab.backward(transition, log_obs)
    assert log_beta.shape == log_obs.shape
    np.testing.assert_array_equal(log_beta[-1], 0)
    for t in range(n_frames - 1):
        # all continuations, entered through the row of the state at t
        expected = [log_total(all_paths(row, transition, log_obs[t + 1 :])[1]) for row in transition]
        np.testing.assert_allclose(log_beta[t], expected, **TIGHT)


@checks("backward")
@given(seed=SEED, n_states=st.integers(1, 6), n_frames=st.integers(1, 40))
def test_past_and_future_give_the_same_total_at_every_frame(lab, reference, seed, n_states, n_frames):
    initial, transition, log_obs = random_model(np.random.default_rng(seed), n_states, n_frames, zeros=True)
    log_beta = lab.backward(transition, log_obs)
    log_alpha = reference.forward(initial, transition, log_obs)
    totals = [log_total(row) for row in log_alpha + log_beta]
    np.testing.assert_allclose(totals, totals[-1], **TIGHT)
    np.testing.assert_allclose(totals[0], log_total(log_alpha[-1]), **TIGHT)


@checks("backward")
def test_a_long_future_does_not_underflow(lab, rng):
    initial, transition, log_obs = random_model(rng, 5, 1500)
    log_beta = lab.backward(transition, log_obs - 50)
    assert np.all(np.isfinite(log_beta))
    # independent: hmmlearn's likelihood, reached from the first row
    from hmmlearn import _hmmc

    expected, _ = _hmmc.forward_log(initial, transition, log_obs - 50)
    np.testing.assert_allclose(log_total(np.log(initial) + log_obs[0] - 50 + log_beta[0]), expected, **TIGHT)


@checks("backward")
def test_a_dead_end_has_no_future(lab):
    transition = np.array([[0.5, 0.5], [0.0, 1.0]])
    log_obs = np.array([[0.0, 0.0], [0.0, -1.0], [0.0, -np.inf]])
    log_beta = lab.backward(transition, log_obs)
    expected = [[2 * np.log(0.5), -np.inf], [np.log(0.5), -np.inf], [0.0, 0.0]]
    np.testing.assert_allclose(log_beta, expected, **TIGHT)


@checks("backward")
def test_a_future_without_frames_is_refused(lab):
    with pytest.raises(ValueError):
        lab.backward(WORKED[1], np.zeros((0, 2)))


# --- state_posteriors ----------------------------------------------------------------------------


def counted_posteriors(initial, transition, log_obs):
    """gamma and xi from a list of all paths, and the log-likelihood."""
    paths, log_probs = all_paths(initial, transition, log_obs)
    log_likelihood = log_total(log_probs)
    weights = np.exp(log_probs - log_likelihood)
    n_frames, n_states = log_obs.shape
    gamma = np.zeros((n_frames, n_states))
    xi = np.zeros((n_frames - 1, n_states, n_states))
    for t in range(n_frames):
        np.add.at(gamma[t], paths[:, t], weights)
        if t > 0:
            np.add.at(xi[t - 1], (paths[:, t - 1], paths[:, t]), weights)
    return gamma, xi, log_likelihood


@checks("state_posteriors", visible=True)
def test_seen_from_the_end_the_start_was_speech(lab):
    gamma = lab.state_posteriors(np.log([[0.45, 0.15], [0.0435, 0.1155]]), np.log([[0.16, 0.58], [1, 1]]))
    np.testing.assert_allclose(gamma, np.array([[0.072, 0.087], [0.0435, 0.1155]]) / 0.159, atol=1e-12)


@checks("state_posteriors")
@given(seed=SEED, n_states=st.integers(1, 4), n_frames=st.integers(1, 5), zeros=st.booleans())
def test_gamma_is_the_weight_of_all_paths_through_a_state(lab, reference, seed, n_states, n_frames, zeros):
    model = random_model(np.random.default_rng(seed), n_states, n_frames, zeros)
    gamma = lab.state_posteriors(reference.forward(*model), reference.backward(*model[1:]))
    np.testing.assert_allclose(gamma, counted_posteriors(*model)[0], atol=1e-9)


@checks("state_posteriors")
def test_gamma_agrees_with_hmmlearn_on_a_long_recording(lab, reference, rng):
    model = gaussian_model(rng, 5, 4)
    frames = rng.normal(size=(1200, 4))
    log_obs = reference.gaussian_log_obs(frames, *model[2:])
    gamma = lab.state_posteriors(
        reference.forward(*model[:2], log_obs), reference.backward(model[1], log_obs)
    )
    # exp of numbers near -1e4 that are good to 1e-11 relative
    np.testing.assert_allclose(gamma, hmmlearn_model(*model).predict_proba(frames), atol=1e-6)


@checks("state_posteriors")
@given(seed=SEED, n_states=st.integers(1, 6), n_frames=st.integers(1, 30))
def test_at_every_frame_the_states_share_one(lab, seed, n_states, n_frames):
    rng = np.random.default_rng(seed)
    shape = (n_frames, n_states)
    # any two tables whose rows have the same total make a valid pair
    log_alpha, log_beta = rng.normal(-500, 5, size=shape), rng.normal(-900, 5, size=shape)
    log_beta -= np.log(np.sum(np.exp(log_alpha + log_beta + 1400), axis=1, keepdims=True))
    gamma = lab.state_posteriors(log_alpha, log_beta)
    assert gamma.shape == shape and np.all(gamma >= 0)
    np.testing.assert_allclose(gamma.sum(axis=1), 1, atol=1e-9)


@checks("state_posteriors")
@pytest.mark.parametrize("frames", [slice(None), slice(1, 2)], ids=["everywhere", "at one frame"])
def test_a_sequence_that_cannot_be_is_refused(lab, frames):
    """An impossible sequence is refused, not answered with NaN."""
    log_alpha = np.zeros((3, 2))
    log_alpha[frames] = -np.inf
    with pytest.raises(ValueError):
        lab.state_posteriors(log_alpha, np.zeros((3, 2)))


@picture("state_posteriors")
def gamma_over_time(output, log_alpha, log_beta):
    return plot.matrix(
        np.asarray(output).T, x_label="frame", y_label="state", title="your gamma: columns sum to 1"
    )


# --- transition_posteriors -----------------------------------------------------------------------


def tables(reference, model):
    """Arguments of transition_posteriors for (initial, transition, log_obs)."""
    initial, transition, log_obs = model
    log_alpha, log_beta = reference.forward(*model), reference.backward(transition, log_obs)
    return log_alpha, log_beta, transition, log_obs


@checks("transition_posteriors", visible=True)
def test_the_four_paths_are_the_four_steps(lab):
    xi = lab.transition_posteriors(
        np.log([[0.45, 0.15], [0.0435, 0.1155]]), np.log([[0.16, 0.58], [1, 1]]), WORKED[1], WORKED[2]
    )
    np.testing.assert_allclose(xi, np.array([[[0.0405, 0.0315], [0.003, 0.084]]]) / 0.159, atol=1e-12)


@checks("transition_posteriors")
@given(seed=SEED, n_states=st.integers(1, 4), n_frames=st.integers(1, 5), zeros=st.booleans())
def test_xi_is_the_weight_of_all_paths_through_a_step(lab, reference, seed, n_states, n_frames, zeros):
    model = random_model(np.random.default_rng(seed), n_states, n_frames, zeros)
    xi = lab.transition_posteriors(*tables(reference, model))
    assert xi.shape == (n_frames - 1, n_states, n_states)
    np.testing.assert_allclose(xi, counted_posteriors(*model)[1], atol=1e-9)


@checks("transition_posteriors")
@given(seed=SEED, n_states=st.integers(2, 6), n_frames=st.integers(2, 40))
def test_steps_out_of_a_state_and_into_one_add_up_to_its_gamma(lab, reference, seed, n_states, n_frames):
    model = random_model(np.random.default_rng(seed), n_states, n_frames, zeros=True)
    arguments = tables(reference, model)
    xi = lab.transition_posteriors(*arguments)
    gamma = reference.state_posteriors(*arguments[:2])
    np.testing.assert_allclose(xi.sum(axis=2), gamma[:-1], atol=1e-9)
    np.testing.assert_allclose(xi.sum(axis=1), gamma[1:], atol=1e-9)
    assert np.all(xi[:, model[1] == 0] == 0)


@checks("transition_posteriors")
def test_at_every_step_of_a_long_recording_the_pairs_share_one(lab, reference, rng):
    initial, transition, log_obs = random_model(rng, 4, 800)
    xi = lab.transition_posteriors(*tables(reference, (initial, transition, log_obs - 40)))
    # 800 frames near -42 make totals near -3e4, good to 1e-11 relative
    np.testing.assert_allclose(xi.sum(axis=(1, 2)), 1, atol=1e-6)


@checks("transition_posteriors")
def test_one_frame_makes_no_step(lab, reference, rng):
    xi = lab.transition_posteriors(*tables(reference, random_model(rng, 3, 1)))
    assert xi.shape == (0, 3, 3)


@checks("transition_posteriors")
def test_steps_of_an_impossible_sequence_are_refused(lab):
    impossible = np.full((3, 2), -np.inf)
    with pytest.raises(ValueError):
        lab.transition_posteriors(impossible, np.zeros((3, 2)), np.full((2, 2), 0.5), impossible)


# --- gaussian_log_obs ----------------------------------------------------------------------------


@checks("gaussian_log_obs", visible=True)
def test_a_wide_bell_is_punished_for_its_width(lab):
    log_obs = lab.gaussian_log_obs(np.array([[1.0]]), np.array([[0.0], [0.0]]), np.array([[1.0], [4.0]]))
    np.testing.assert_allclose(log_obs, [[-1.418939, -1.737086]], atol=1e-6)


@checks("gaussian_log_obs")
@given(seed=SEED, n_frames=st.integers(1, 6), n_states=st.integers(1, 4), n_dimensions=st.integers(1, 7))
def test_agrees_with_scipys_normal_distribution(lab, seed, n_frames, n_states, n_dimensions):
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(seed)
    frames = rng.normal(0, 3, size=(n_frames, n_dimensions))
    means = rng.normal(0, 3, size=(n_states, n_dimensions))
    variances = rng.uniform(0.1, 5, size=(n_states, n_dimensions))
    log_obs = lab.gaussian_log_obs(frames, means, variances)
    assert log_obs.shape == (n_frames, n_states)
    for state in range(n_states):
        expected = multivariate_normal(means[state], np.diag(variances[state])).logpdf(frames)
        np.testing.assert_allclose(log_obs[:, state], expected, rtol=1e-9, atol=1e-9)


@checks("gaussian_log_obs")
@given(mean=st.floats(-3, 3), variance=st.floats(0.05, 4))
def test_a_density_has_area_one(lab, mean, variance):
    grid = np.linspace(-30, 30, 4001)
    log_obs = lab.gaussian_log_obs(grid[:, None], np.array([[mean]]), np.array([[variance]]))
    # the trapezoid rule is exact to rounding for a bell that is wide against the grid
    assert np.trapezoid(np.exp(log_obs[:, 0]), grid) == pytest.approx(1, abs=1e-9)


@checks("gaussian_log_obs")
def test_a_frame_far_from_every_mean_is_unlikely_but_not_impossible(lab):
    log_obs = lab.gaussian_log_obs(np.full((1, 39), 100.0), np.zeros((1, 39)), np.ones((1, 39)))
    assert log_obs[0, 0] == pytest.approx(-0.5 * 39 * (np.log(2 * np.pi) + 1e4), rel=1e-12)


@checks("gaussian_log_obs")
def test_small_differences_on_large_values_survive(lab):
    log_obs = lab.gaussian_log_obs(np.array([[1e6 + 0.5]]), np.array([[1e6]]), np.array([[0.25]]))
    # 1e6 + 0.5 is exact in float64, and so is its distance from 1e6
    assert log_obs[0, 0] == pytest.approx(-0.5 * (np.log(2 * np.pi * 0.25) + 1), abs=1e-9)


@checks("gaussian_log_obs")
@pytest.mark.parametrize("variance", [0.0, -1.0])
def test_a_variance_must_be_positive(lab, variance):
    with pytest.raises(ValueError):
        lab.gaussian_log_obs(np.ones((2, 2)), np.zeros((1, 2)), np.array([[1.0, variance]]))


# --- left_to_right -------------------------------------------------------------------------------


@checks("left_to_right", visible=True)
def test_three_states_stay_or_go_on(lab):
    initial, transition = lab.left_to_right(3, self_loop=0.75)
    np.testing.assert_allclose(initial, [1, 0, 0])
    np.testing.assert_allclose(transition, [[0.75, 0.25, 0], [0, 0.75, 0.25], [0, 0, 1]])


@checks("left_to_right")
@given(n_states=st.integers(1, 12), self_loop=st.floats(0, 0.99))
def test_every_row_is_a_distribution_on_this_state_and_the_next(lab, n_states, self_loop):
    initial, transition = lab.left_to_right(n_states, self_loop)
    assert initial.shape == (n_states,) and transition.shape == (n_states, n_states)
    assert initial[0] == 1 and initial.sum() == 1
    np.testing.assert_allclose(transition.sum(axis=1), 1, atol=1e-12)
    assert not np.any(np.tril(transition, -1)) and not np.any(np.triu(transition, 2))
    np.testing.assert_allclose(np.diag(transition)[:-1], self_loop, atol=1e-12)


@checks("left_to_right")
@given(n_states=st.integers(2, 10), self_loop=st.floats(0, 0.95))
def test_reaching_the_end_takes_as_long_as_the_states_last(lab, n_states, self_loop):
    _, transition = lab.left_to_right(n_states, self_loop)
    # closed form: expected steps until absorption are (I - Q)^-1 · 1 for the states before the end
    before = transition[:-1, :-1]
    steps = np.linalg.solve(np.eye(n_states - 1) - before, np.ones(n_states - 1))
    assert steps[0] == pytest.approx((n_states - 1) / (1 - self_loop), rel=1e-9)


@checks("left_to_right")
def test_without_being_told_a_state_stays_with_four_fifths(lab):
    np.testing.assert_allclose(lab.left_to_right(2)[1], [[0.8, 0.2], [0, 1]], atol=1e-12)


@checks("left_to_right")
@pytest.mark.parametrize(("n_states", "self_loop"), [(0, 0.8), (-2, 0.8), (3, 1.0), (3, -0.1), (3, 1.5)])
def test_numbers_that_make_no_model_are_refused(lab, n_states, self_loop):
    with pytest.raises(ValueError):
        lab.left_to_right(n_states, self_loop)


# --- join_models ---------------------------------------------------------------------------------


def random_word(rng, n_states):
    """A model whose last state is never left, and that may begin anywhere."""
    transition = rng.dirichlet(np.ones(n_states), size=n_states)
    transition[-1] = np.eye(n_states)[-1]
    return rng.dirichlet(np.ones(n_states)), transition


@checks("join_models", visible=True)
def test_two_and_one_make_three(lab):
    models = [(np.array([1.0, 0.0]), np.array([[0.5, 0.5], [0.0, 1.0]])), (np.ones(1), np.ones((1, 1)))]
    initial, transition = lab.join_models(models, stay=0.75)
    np.testing.assert_allclose(initial, [1, 0, 0])
    np.testing.assert_allclose(transition, [[0.5, 0.5, 0], [0, 0.75, 0.25], [0, 0, 1]])


@checks("join_models")
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5), self_loop=st.floats(0, 0.95))
def test_short_chains_make_the_long_chain(lab, reference, sizes, self_loop):
    """Left-to-right models joined make the left-to-right model of all their states."""
    models = [reference.left_to_right(size, self_loop) for size in sizes]
    initial, transition = lab.join_models(models, stay=self_loop)
    expected = reference.left_to_right(sum(sizes), self_loop)
    np.testing.assert_allclose(initial, expected[0], atol=1e-12)
    np.testing.assert_allclose(transition, expected[1], atol=1e-12)


@checks("join_models")
@given(seed=SEED, sizes=st.lists(st.integers(1, 4), min_size=3, max_size=3), stay=st.floats(0, 0.95))
def test_it_does_not_matter_which_pair_is_joined_first(lab, seed, sizes, stay):
    rng = np.random.default_rng(seed)
    first, second, third = (random_word(rng, size) for size in sizes)
    together = lab.join_models([first, second, third], stay)
    in_turn = lab.join_models([lab.join_models([first, second], stay), third], stay)
    for a, b in zip(together, in_turn, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    np.testing.assert_allclose(together[1].sum(axis=1), 1, atol=1e-12)


@checks("join_models")
@given(seed=SEED, stay=st.floats(0, 0.95))
def test_the_next_model_is_entered_where_it_begins(lab, seed, stay):
    rng = np.random.default_rng(seed)
    first, second = random_word(rng, 2), random_word(rng, 3)
    initial, transition = lab.join_models([first, second], stay)
    np.testing.assert_allclose(initial, np.append(first[0], np.zeros(3)), atol=1e-12)
    np.testing.assert_allclose(transition[1], [0, stay, *((1 - stay) * second[0])], atol=1e-12)
    np.testing.assert_allclose(transition[0], [*first[1][0], 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(transition[2:], np.hstack([np.zeros((3, 2)), second[1]]), atol=1e-12)


@checks("join_models")
def test_one_model_stays_as_it_is(lab, rng):
    model = random_word(rng, 4)
    for joined, own in zip(lab.join_models([model]), model, strict=True):
        np.testing.assert_allclose(joined, own, atol=1e-12)


@checks("join_models")
def test_without_being_told_the_joint_stays_with_four_fifths(lab):
    one = (np.ones(1), np.ones((1, 1)))
    np.testing.assert_allclose(lab.join_models([one, one])[1], [[0.8, 0.2], [0, 1]], atol=1e-12)


@checks("join_models")
@pytest.mark.parametrize(
    "fault", ["no models", "stay is 1", "stay is negative", "first is left", "last is left"]
)
def test_what_cannot_be_joined_is_refused(lab, reference, fault):
    sound = reference.left_to_right(2)
    leaking = (np.array([1.0, 0.0]), np.array([[0.5, 0.5], [0.5, 0.5]]))
    models = {"no models": [], "first is left": [leaking, sound], "last is left": [sound, leaking]}
    stay = {"stay is 1": 1.0, "stay is negative": -0.2}
    with pytest.raises(ValueError):
        lab.join_models(models.get(fault, [sound, sound]), stay.get(fault, 0.8))


@picture("join_models")
def joined_matrix(output, models, stay=0.8):
    return plot.matrix(
        output[1], x_label="to state", y_label="from state", title="your transition: rows sum to 1"
    )


# --- baum_welch_step -----------------------------------------------------------------------------


def assert_same_step(result, expected, atol=1e-8):
    """Compare (initial, transition, means, variances, log_likelihood)."""
    for got, wanted in zip(result[:4], expected[:4], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-8, atol=atol)
    np.testing.assert_allclose(result[4], expected[4], **TIGHT)


@checks("baum_welch_step", visible=True)
def test_one_state_takes_mean_and_variance_of_all_frames(lab):
    """With one state, the new mean and variance are those of all frames together."""
    sequences = [np.array([[1.0, 10.0]]), np.array([[2.0, 20.0], [6.0, 0.0], [3.0, 5.0], [9.0, 1.0]])]
    result = lab.baum_welch_step(sequences, np.ones(1), np.ones((1, 1)), np.zeros((1, 2)), np.ones((1, 2)))
    frames = np.concatenate(sequences)
    old_log_likelihood = -0.5 * np.sum(np.log(2 * np.pi) + frames**2)
    expected = np.ones(1), np.ones((1, 1)), [frames.mean(axis=0)], [frames.var(axis=0)], old_log_likelihood
    assert_same_step(result, expected)


@oracle
def round_of_hmmlearn(model, frames, lengths):
    """(initial, transition, means, variances) after one round, and the log-likelihood before it."""
    other = hmmlearn_model(*model).fit(frames, lengths)
    variances = np.stack([np.diag(covariance) for covariance in other.covars_])
    score = hmmlearn_model(*model).score(frames, lengths)
    return other.startprob_, other.transmat_, other.means_, variances, score


@checks("baum_welch_step")
@given(seed=SEED, n_states=st.integers(2, 4), n_dimensions=st.integers(1, 3))
def test_one_round_agrees_with_hmmlearn(lab, seed, n_states, n_dimensions):
    rng = np.random.default_rng(seed)
    model = gaussian_model(rng, n_states, n_dimensions)
    lengths = [7, 25, 12]
    sequences = [rng.normal(0, 1.5, size=(length, n_dimensions)) for length in lengths]
    result = lab.baum_welch_step(sequences, *model, 1e-12)
    # hmmlearn computes E[x²] - mean², which loses up to six digits; its exponentials lose a few more
    assert_same_step(result, round_of_hmmlearn(model, np.concatenate(sequences), lengths), 1e-7)


@checks("baum_welch_step")
@given(seed=SEED, n_states=st.integers(1, 3))
def test_weights_are_those_of_all_paths_listed_one_by_one(lab, reference, seed, n_states):
    rng = np.random.default_rng(seed)
    model = gaussian_model(rng, n_states, 2)
    sequences = [rng.normal(size=(length, 2)) for length in (4, 1, 5)]
    counted = [counted_posteriors(*model[:2], reference.gaussian_log_obs(s, *model[2:])) for s in sequences]
    gamma, frames = np.concatenate([c[0] for c in counted]), np.concatenate(sequences)
    steps = sum(c[1].sum(axis=0) for c in counted)
    means = [np.average(frames, axis=0, weights=column) for column in gamma.T]
    pairs = zip(gamma.T, means, strict=True)
    variances = [np.average((frames - mean) ** 2, axis=0, weights=column) for column, mean in pairs]
    initial = np.mean([c[0][0] for c in counted], axis=0)
    expected = initial, steps / steps.sum(axis=1, keepdims=True), means, variances, sum(c[2] for c in counted)
    assert_same_step(lab.baum_welch_step(sequences, *model, 1e-12), expected)


@checks("baum_welch_step")
@given(seed=SEED)
def test_the_likelihood_never_falls(lab, seed):
    rng = np.random.default_rng(seed)
    model = gaussian_model(rng, 3, 2)
    sequences = [rng.normal(size=(length, 2)) * [1, 3] + [2, -1] for length in (15, 20)]
    history = []
    for _ in range(6):
        *model, log_likelihood = lab.baum_welch_step(sequences, *model, 1e-9)
        history.append(log_likelihood)
    assert np.all(np.diff(history) > -1e-9)


@checks("baum_welch_step")
def test_the_old_likelihood_is_reported(lab, rng):
    """The log-likelihood is that of the parameters passed in, summed over the recordings."""
    model = gaussian_model(rng, 4, 3)
    sequences = [rng.normal(size=(length, 3)) for length in (30, 40)]
    expected = hmmlearn_model(*model).score(np.concatenate(sequences), [30, 40])
    assert lab.baum_welch_step(sequences, *model)[4] == pytest.approx(expected, rel=1e-9)


@checks("baum_welch_step")
def test_hearing_everything_twice_changes_only_the_likelihood(lab, rng):
    model = gaussian_model(rng, 3, 2)
    sequences = [rng.normal(size=(length, 2)) for length in (9, 14)]
    once, twice = lab.baum_welch_step(sequences, *model), lab.baum_welch_step(sequences * 2, *model)
    assert_same_step(twice, (*once[:4], 2 * once[4]))


@checks("baum_welch_step")
def test_no_variance_is_below_the_floor_and_the_others_are_untouched(lab, rng):
    model = (*gaussian_model(rng, 1, 2)[:2], np.zeros((1, 2)), np.ones((1, 2)))
    frames = np.column_stack([np.full(30, 0.5), rng.normal(size=30)])
    for options, floor in (({}, 1e-3), ({"variance_floor": 0.2}, 0.2)):
        variances = lab.baum_welch_step([frames], *model, **options)[3]
        np.testing.assert_allclose(variances, [[floor, frames[:, 1].var()]], rtol=1e-9)


@checks("baum_welch_step")
def test_a_state_that_nothing_belongs_to_keeps_what_it_had(lab, rng):
    initial, transition = np.array([1.0, 0.0, 0.0]), np.array([[0.5, 0.5, 0], [0, 1, 0], [0.3, 0.3, 0.4]])
    means, variances = rng.normal(size=(3, 2)), np.array([[1.0, 2.0], [2.0, 1.0], [0.7, 1e-6]])
    new = lab.baum_welch_step([rng.normal(size=(6, 2))], initial, transition, means, variances)
    assert all(np.all(np.isfinite(values)) for values in new)
    np.testing.assert_allclose(new[0], initial, atol=1e-12)
    np.testing.assert_allclose(new[1][2], transition[2], atol=1e-12)
    np.testing.assert_allclose(new[2][2], means[2], atol=1e-12)
    np.testing.assert_allclose(new[3][2], [0.7, 1e-3], atol=1e-12)
    assert not np.allclose(new[2][0], means[0])


@checks("baum_welch_step")
def test_a_state_seen_only_at_the_end_keeps_its_transitions_but_learns_its_mean(lab):
    # every sequence is one frame long: there is no step to count
    transition = np.array([[0.6, 0.4], [0.3, 0.7]])
    sequences = [np.array([[-5.0]]), np.array([[5.0]]), np.array([[7.0]])]
    new = lab.baum_welch_step(
        sequences, np.array([0.5, 0.5]), transition, np.array([[-5.0], [6.0]]), np.ones((2, 1)), 0.01
    )
    np.testing.assert_allclose(new[1], transition, atol=1e-12)
    # the other state's share of each frame is below e^-40
    np.testing.assert_allclose(new[0], [1 / 3, 2 / 3], atol=1e-9)
    np.testing.assert_allclose(new[2], [[-5.0], [6.0]], atol=1e-9)
    np.testing.assert_allclose(new[3], [[0.01], [1.0]], atol=1e-9)


@checks("baum_welch_step")
def test_a_long_recording_is_learnt_and_impossible_steps_stay_impossible(lab, reference, rng):
    initial, transition = reference.left_to_right(4, 0.9)
    truth = np.repeat(np.arange(4), 13).reshape(4, 13) * 6.0
    frames = np.repeat(truth, 100, axis=0) + 2 * rng.normal(size=(400, 13))
    new = lab.baum_welch_step([frames, frames[50:]], initial, transition, truth + 1.5, np.full((4, 13), 4.0))
    assert all(np.all(np.isfinite(values)) for values in new)
    # a mean over at least 100 different frames of deviation 2 errs by 1.2 at six standard deviations
    np.testing.assert_allclose(new[2], truth, atol=1.2)
    # state 0 is left twice in 150 frames
    np.testing.assert_allclose(new[1][0], [1 - 2 / 150, 2 / 150, 0, 0], atol=0.003)
    assert np.all(new[1][transition == 0] == 0) and np.all(new[0][1:] == 0)
    np.testing.assert_allclose(new[1].sum(axis=1), 1, atol=1e-9)


@checks("baum_welch_step")
def test_no_recordings_nothing_to_learn(lab):
    """An empty list of recordings is refused."""
    with pytest.raises(ValueError):
        lab.baum_welch_step([], np.ones(1), np.ones((1, 1)), np.zeros((1, 2)), np.ones((1, 2)))


@checks("baum_welch_step")
def test_a_recording_that_the_model_cannot_make_is_refused(lab):
    # two frames, but the only way on from the start is to a place that leads nowhere
    with pytest.raises(ValueError):
        lab.baum_welch_step(
            [np.zeros((3, 1))],
            np.array([1.0, 0.0]),
            np.array([[0.0, 1.0], [0.0, 0.0]]),
            np.zeros((2, 1)),
            np.ones((2, 1)),
        )
