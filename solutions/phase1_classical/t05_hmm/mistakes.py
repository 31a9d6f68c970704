"""Wrong variants of the lab on hidden Markov models, and what to tell who wrote them."""

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


def log(values):
    """Natural logarithm; ln 0 is -inf, without a warning."""
    with np.errstate(divide="ignore"):
        return np.log(values)


def refuse_no_frames(log_obs):
    if len(log_obs) == 0:
        raise ValueError("log_obs holds no frames")


# --- stationary_distribution ---------------------------------------------------------------------


@mistake(
    "stationary_distribution",
    "Every state got the same share: you solved A·π = π, for the columns. A row says where a state goes, "
    "so the shares stand on the left of the matrix: π·A = π.",
)
def equations_of_the_rows(transition):
    reference.stationary_distribution(transition)
    return np.full(len(transition), 1 / len(transition))


@mistake(
    "stationary_distribution",
    "Your shares have length 1, as eigenvectors come, but they do not sum to 1. Shares of time must.",
)
def eigenvector_as_it_comes(transition):
    shares = reference.stationary_distribution(transition)
    return shares / np.linalg.norm(shares)


@mistake(
    "stationary_distribution",
    "You let the chain run from state 0 and took where it was in the end. A chain that goes round for "
    "ever never comes to rest, and others come to rest slowly. Solve the equations instead.",
)
def fifty_steps_from_the_first_state(transition):
    reference.stationary_distribution(transition)
    return np.linalg.matrix_power(transition, 50)[0]


@mistake(
    "stationary_distribution",
    "You averaged the rows. That is where the chain is after one step from a random state, not in the "
    "long run.",
)
def mean_of_the_rows(transition):
    reference.stationary_distribution(transition)
    return transition.mean(axis=0)


# --- sample_states -------------------------------------------------------------------------------


def walk(initial, transition, uniforms, side="right"):
    """sample_states without its check of the numbers."""
    states, weights = [], initial
    for uniform in uniforms:
        ends = np.cumsum(weights)
        state = min(int(np.searchsorted(ends, uniform * ends[-1], side=side)), len(weights) - 1)
        states.append(state)
        weights = transition[state]
    return np.array(states, dtype=int)


def refuse_wrong_uniforms(uniforms):
    if np.any((uniforms < 0) | (uniforms >= 1)):
        raise ValueError("uniforms outside [0, 1)")


@mistake(
    "sample_states",
    "You drew from a column of the matrix. The probabilities of leaving a state stand in its row: "
    "transition[state].",
)
def columns_for_rows(initial, transition, uniforms):
    refuse_wrong_uniforms(uniforms)
    return walk(initial, transition.T, uniforms)


@mistake(
    "sample_states",
    "The first state is always 0 and the first random number is used for the second. The first number "
    "draws the first state, from `initial`.",
)
def starts_in_state_zero(initial, transition, uniforms):
    refuse_wrong_uniforms(uniforms)
    return walk(np.eye(len(initial))[0], transition, np.concatenate([[0.0], uniforms[:-1]]))


@mistake(
    "sample_states",
    "Every state was drawn from `initial`: your chain has no memory. After the first frame, use the row "
    "of the state before.",
)
def no_memory(initial, transition, uniforms):
    refuse_wrong_uniforms(uniforms)
    return walk(initial, np.tile(initial, (len(initial), 1)), uniforms)


@mistake(
    "sample_states",
    "A number that lies exactly on a border fell into the stretch before it, so that a state of "
    "probability 0 can be drawn. A stretch owns its left end: look at `side` of np.searchsorted, or at < "
    "and <=.",
)
def border_belongs_to_the_left(initial, transition, uniforms):
    refuse_wrong_uniforms(uniforms)
    return walk(initial, transition, uniforms, side="left")


@mistake(
    "sample_states",
    "You always went to the most probable state. A draw must use the random number of its frame.",
)
def always_the_likeliest(initial, transition, uniforms):
    refuse_wrong_uniforms(uniforms)
    states, weights = [], initial
    for _ in uniforms:
        states.append(int(np.argmax(weights)))
        weights = transition[states[-1]]
    return np.array(states, dtype=int)


# --- categorical_log_obs -------------------------------------------------------------------------


@mistake(
    "categorical_log_obs",
    "Your table lies on its side: one row per state. It must have one row per frame and one column per "
    "state.",
)
def one_row_per_state(symbols, emission):
    return reference.categorical_log_obs(symbols, emission).T


@mistake(
    "categorical_log_obs",
    "You returned probabilities. Everything from here on works with natural logarithms.",
)
def without_logarithm(symbols, emission):
    return np.exp(reference.categorical_log_obs(symbols, emission))


@mistake("categorical_log_obs", "Your logarithm is not the natural one: it has base 10.")
def base_ten(symbols, emission):
    return reference.categorical_log_obs(symbols, emission) / np.log(10)


@mistake(
    "categorical_log_obs",
    "You put a small number where a state never emits a symbol. Impossible must stay impossible: ln 0 is "
    "-inf.",
)
def small_number_for_zero(symbols, emission):
    reference.categorical_log_obs(symbols, emission)
    return np.log(np.maximum(emission, 1e-10))[:, symbols].T


@mistake(
    "categorical_log_obs",
    "You made the states share each symbol: that answers P(state | symbol). The table holds P(symbol | "
    "state), as the rows of `emission` do.",
)
def shared_among_states(symbols, emission):
    log_obs = reference.categorical_log_obs(symbols, emission)
    return log_obs - reference.log_sum_exp(log_obs, axis=1)[:, None]


# --- log_sum_exp ---------------------------------------------------------------------------------


@mistake(
    "log_sum_exp",
    "You took the exponentials as they are: they underflow to 0 or overflow. Subtract the largest value "
    "first.",
)
def naive_sum(values, axis=-1):
    with np.errstate(all="ignore"):
        return np.log(np.sum(np.exp(values), axis=axis))


@mistake("log_sum_exp", "You subtracted the largest value and did not add it back to the logarithm.")
def peak_not_added_back(values, axis=-1):
    peak = np.max(values, axis=axis, keepdims=True)
    return log(np.sum(np.exp(values - np.where(np.isfinite(peak), peak, 0)), axis=axis))


@mistake(
    "log_sum_exp",
    "A sum of zeros came out as NaN: -inf minus -inf is undefined. Decide what to subtract when every "
    "value is -inf.",
)
def nan_for_a_sum_of_zeros(values, axis=-1):
    with np.errstate(all="ignore"):
        peak = np.max(values, axis=axis, keepdims=True)
        return np.log(np.sum(np.exp(values - peak), axis=axis)) + np.squeeze(peak, axis=axis)


@mistake(
    "log_sum_exp",
    "You subtracted the largest value of the whole array. Rows far below it underflow: each row needs its "
    "own.",
)
def one_peak_for_all(values, axis=-1):
    peak = np.max(values) if np.isfinite(np.max(values)) else 0.0
    return log(np.sum(np.exp(values - peak), axis=axis)) + peak


@mistake("log_sum_exp", "You averaged the exponentials. The sum was asked for.")
def mean_for_sum(values, axis=-1):
    return reference.log_sum_exp(values, axis=axis) - np.log(values.shape[axis])


@mistake("log_sum_exp", "You summed over everything. Only the axis that was asked for disappears.")
def axis_ignored(values, axis=-1):
    return reference.log_sum_exp(np.ravel(values))


# --- log_step ------------------------------------------------------------------------------------


@mistake(
    "log_step",
    "Your matrix works the wrong way round: weights flow from column to row. Entry [i, j] leads from i to j.",
)
def against_the_arrows(log_weights, matrix):
    return reference.log_step(log_weights, matrix.T)


@mistake(
    "log_step",
    "You took the maximum over the ways into a target. That is Viterbi; here the ways are summed.",
)
def best_way_only(log_weights, matrix):
    return np.max(log_weights[:, None] + log(matrix), axis=0)


@mistake(
    "log_step",
    "You left the logarithm before the product: the exponentials of the weights underflow or overflow. "
    "Use log_sum_exp.",
)
def plain_product(log_weights, matrix):
    with np.errstate(all="ignore"):
        return np.log(np.exp(log_weights) @ matrix)


@mistake(
    "log_step",
    "You shifted all weights by the largest one and multiplied. A target that only a faint state reaches "
    "is lost that way: each target needs its own shift.",
)
def one_shift_for_all_targets(log_weights, matrix):
    peak = log_weights.max()
    peak = peak if np.isfinite(peak) else 0.0
    return log(np.exp(log_weights - peak) @ matrix) + peak


@mistake(
    "log_step",
    "You added the matrix itself to the logarithms of the weights. It holds probabilities: take their "
    "logarithm first.",
)
def matrix_taken_for_logarithms(log_weights, matrix):
    return reference.log_sum_exp(log_weights[:, None] + matrix, axis=0)


@mistake(
    "log_step",
    "You summed over the targets. The result has one number per target, summed over where it came from.",
)
def summed_over_targets(log_weights, matrix):
    return reference.log_sum_exp(log_weights[:, None] + log(matrix), axis=1)


# --- forward -------------------------------------------------------------------------------------


def forward_with(initial_log, step, log_obs):
    """forward with another start or another step; `step(row, t)` gives row t from the row before."""
    refuse_no_frames(log_obs)
    log_alpha = np.empty(log_obs.shape)
    log_alpha[0] = initial_log
    for t in range(1, len(log_obs)):
        log_alpha[t] = step(log_alpha[t - 1], t)
    return log_alpha


@mistake(
    "forward",
    "Your transition matrix is transposed: you went from j to i. Row i says where state i leads.",
)
def forward_transposed(initial, transition, log_obs):
    return reference.forward(initial, transition.T, log_obs)


@mistake(
    "forward",
    "Your first row ignores `initial`: a model that may not start in a state starts there all the same.",
)
def forward_without_initial(initial, transition, log_obs):
    return reference.forward(np.ones_like(initial), transition, log_obs)


@mistake(
    "forward",
    "You kept the best path into each state. The forward algorithm sums over all paths; the maximum is "
    "Viterbi.",
)
def forward_maximum(initial, transition, log_obs):
    def step(row, t):
        return np.max(row[:, None] + log(transition), axis=0) + log_obs[t]

    return forward_with(log(initial) + log_obs[0], step, log_obs)


@mistake(
    "forward",
    "You multiplied probabilities and took the logarithm at the end. After some frames they underflow to "
    "0. Stay in the logarithm throughout.",
)
def forward_in_probabilities(initial, transition, log_obs):
    refuse_no_frames(log_obs)
    alpha = np.empty(log_obs.shape)
    alpha[0] = initial * np.exp(log_obs[0])
    for t in range(1, len(log_obs)):
        alpha[t] = alpha[t - 1] @ transition * np.exp(log_obs[t])
    return log(alpha)


@mistake(
    "forward",
    "You are one frame off: row t accounts for the observation of frame t - 1. The step leads into frame "
    "t, so it meets the observation of frame t.",
)
def forward_observation_before(initial, transition, log_obs):
    def step(row, t):
        return reference.log_step(row, transition) + log_obs[t - 1]

    return forward_with(log(initial) + log_obs[:1].sum(axis=0), step, log_obs)


@mistake("forward", "Your first row is `initial` alone. The first frame's observation is missing.")
def forward_first_observation_missing(initial, transition, log_obs):
    def step(row, t):
        return reference.log_step(row, transition) + log_obs[t]

    return forward_with(log(initial), step, log_obs)


@mistake(
    "forward",
    "You normalised every row to sum 1. That removes underflow, but also the likelihood. Keep the "
    "logarithms as they are.",
)
def forward_normalised_rows(initial, transition, log_obs):
    log_alpha = reference.forward(initial, transition, log_obs)
    return log_alpha - reference.log_sum_exp(log_alpha, axis=1)[:, None]


@mistake(
    "forward",
    "You replaced zero probabilities by a small number. Paths through forbidden steps leak into the sum: "
    "ln 0 is -inf.",
)
def forward_small_number_for_zero(initial, transition, log_obs):
    return reference.forward(np.maximum(initial, 1e-10), np.maximum(transition, 1e-10), log_obs)


@mistake(
    "forward",
    "You returned probabilities. Return the logarithms: probabilities of long sequences are all 0.",
)
def forward_as_probabilities(initial, transition, log_obs):
    return np.exp(reference.forward(initial, transition, log_obs))


# --- viterbi -------------------------------------------------------------------------------------


def trellis(initial, transition, log_obs):
    """(delta, came_from) of the Viterbi algorithm."""
    refuse_no_frames(log_obs)
    delta = np.empty(log_obs.shape)
    came_from = np.zeros(log_obs.shape, dtype=int)
    delta[0] = log(initial) + log_obs[0]
    for t in range(1, len(log_obs)):
        candidates = delta[t - 1][:, None] + log(transition)
        came_from[t] = candidates.argmax(axis=0)
        delta[t] = candidates.max(axis=0) + log_obs[t]
    return delta, came_from


def backtrack(came_from, last):
    path = np.empty(len(came_from), dtype=int)
    path[-1] = last
    for t in range(len(came_from) - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path


@mistake(
    "viterbi",
    "Your transition matrix is transposed: you went from j to i. Row i says where state i leads.",
)
def viterbi_transposed(initial, transition, log_obs):
    return reference.viterbi(initial, transition.T, log_obs)


@mistake(
    "viterbi",
    "You took the best state of each frame as the path. It may jump where no step is allowed. Only the "
    "last frame is chosen by its score; from there, follow the notes of where each state came from.",
)
def viterbi_greedy(initial, transition, log_obs):
    delta, _ = trellis(initial, transition, log_obs)
    return delta.argmax(axis=1), float(delta[-1].max())


@mistake(
    "viterbi",
    "Your path is back to front. Backtracking finds the last frame first: fill it in from the end, or "
    "reverse it.",
)
def viterbi_back_to_front(initial, transition, log_obs):
    path, log_prob = reference.viterbi(initial, transition, log_obs)
    return path[::-1], log_prob


@mistake(
    "viterbi",
    "You always start tracing back from the last state. The path ends in whichever state scores best at "
    "the last frame.",
)
def viterbi_from_the_last_state(initial, transition, log_obs):
    delta, came_from = trellis(initial, transition, log_obs)
    return backtrack(came_from, log_obs.shape[1] - 1), float(delta[-1].max())


@mistake("viterbi", "Your first frame ignores `initial`: a path may begin where the model cannot start.")
def viterbi_without_initial(initial, transition, log_obs):
    return reference.viterbi(np.ones_like(initial), transition, log_obs)


@mistake(
    "viterbi",
    "You summed over the ways into a state, so the score is the likelihood of all paths. Viterbi keeps "
    "the best one.",
)
def viterbi_sum(initial, transition, log_obs):
    path, _ = reference.viterbi(initial, transition, log_obs)
    return path, float(reference.log_sum_exp(reference.forward(initial, transition, log_obs)[-1]))


@mistake(
    "viterbi",
    "You are one frame off when you trace back: the note that belongs to the state at frame t stands in "
    "row t, not in the row before.",
)
def viterbi_notes_one_frame_off(initial, transition, log_obs):
    delta, came_from = trellis(initial, transition, log_obs)
    path = np.empty(len(log_obs), dtype=int)
    path[-1] = delta[-1].argmax()
    for t in range(len(log_obs) - 1, 0, -1):
        path[t - 1] = came_from[t - 1, path[t]]
    return path, float(delta[-1].max())


@mistake(
    "viterbi",
    "You took the best state of every observation by itself. The transitions must have their say.",
)
def viterbi_without_transitions(initial, transition, log_obs):
    refuse_no_frames(log_obs)
    return log_obs.argmax(axis=1), float(log_obs.max(axis=1).sum())


@mistake(
    "viterbi",
    "You returned the probability of the path. Return its logarithm: the probability underflows to 0.",
)
def viterbi_probability(initial, transition, log_obs):
    path, log_prob = reference.viterbi(initial, transition, log_obs)
    return path, float(np.exp(log_prob))


# --- backward ------------------------------------------------------------------------------------


def backward_with(last, step, log_obs, stop=-1):
    """backward with another last row or another step; `step(row, t)` gives row t from the row after."""
    refuse_no_frames(log_obs)
    log_beta = np.zeros(log_obs.shape)
    log_beta[-1] = last
    for t in range(len(log_obs) - 2, stop, -1):
        log_beta[t] = step(log_beta[t + 1], t)
    return log_beta


@mistake(
    "backward",
    "Your transition matrix is transposed. Backward asks where state i can go: sum along row i.",
)
def backward_transposed(transition, log_obs):
    return reference.backward(transition.T, log_obs)


@mistake(
    "backward",
    "You are one frame off: row t uses the observation of frame t. It must look ahead to the observation "
    "of frame t + 1.",
)
def backward_own_observation(transition, log_obs):
    def step(row, t):
        return reference.log_step(log_obs[t] + row, transition.T)

    return backward_with(0.0, step, log_obs)


@mistake(
    "backward",
    "Your last row is 1. The probability of nothing more to explain is 1, and its logarithm is 0.",
)
def backward_one_for_log_one(transition, log_obs):
    return reference.backward(transition, log_obs) + 1.0


@mistake(
    "backward",
    "Your last row holds the last observation, and so does the forward table: it would be counted twice. "
    "After the last frame there is nothing left to explain.",
)
def backward_last_observation_counted(transition, log_obs):
    def step(row, t):
        return reference.log_step(log_obs[t + 1] + row, transition.T)

    return backward_with(log_obs[-1:].sum(axis=0), step, log_obs)


@mistake("backward", "You kept the best future only. The backward algorithm sums over all futures.")
def backward_maximum(transition, log_obs):
    def step(row, t):
        return np.max(log(transition) + log_obs[t + 1] + row, axis=1)

    return backward_with(0.0, step, log_obs)


@mistake(
    "backward",
    "You multiplied probabilities and took the logarithm at the end: a long future underflows to 0.",
)
def backward_in_probabilities(transition, log_obs):
    refuse_no_frames(log_obs)
    beta = np.ones(log_obs.shape)
    for t in range(len(log_obs) - 2, -1, -1):
        beta[t] = transition @ (np.exp(log_obs[t + 1]) * beta[t + 1])
    return log(beta)


@mistake("backward", "Your loop stops one frame early: the row of frame 0 was never filled.")
def backward_first_frame_missing(transition, log_obs):
    log_beta = reference.backward(transition, log_obs)
    log_beta[0] = 0.0
    return log_beta


# --- state_posteriors ----------------------------------------------------------------------------


@mistake(
    "state_posteriors",
    "You normalised over time. At each frame the states must share probability 1: normalise along the "
    "states.",
)
def gamma_over_time(log_alpha, log_beta):
    reference.state_posteriors(log_alpha, log_beta)
    log_joint = log_alpha + log_beta
    with np.errstate(invalid="ignore"):
        return np.exp(log_joint - reference.log_sum_exp(log_joint, axis=0))


@mistake("state_posteriors", "You used the past alone. The future, log_beta, is missing.")
def gamma_of_the_past(log_alpha, log_beta):
    reference.state_posteriors(log_alpha, log_beta)
    return np.exp(log_alpha - reference.log_sum_exp(log_alpha, axis=1)[:, None])


@mistake(
    "state_posteriors",
    "You did not normalise: your rows sum to the probability of the whole sequence, not to 1.",
)
def gamma_not_normalised(log_alpha, log_beta):
    reference.state_posteriors(log_alpha, log_beta)
    return np.exp(log_alpha + log_beta)


@mistake(
    "state_posteriors",
    "You took the exponentials first and divided then. On a long sequence they are all 0, and 0 / 0 is "
    "NaN: normalise in the logarithm.",
)
def gamma_exponential_too_early(log_alpha, log_beta):
    reference.state_posteriors(log_alpha, log_beta)
    joint = np.exp(log_alpha) * np.exp(log_beta)
    with np.errstate(invalid="ignore"):
        return joint / joint.sum(axis=1, keepdims=True)


@mistake("state_posteriors", "You returned logarithms. Gamma holds probabilities.")
def gamma_as_logarithm(log_alpha, log_beta):
    return log(reference.state_posteriors(log_alpha, log_beta))


# --- transition_posteriors -----------------------------------------------------------------------


def xi_from(joint_of, log_alpha):
    """xi from a table of logarithms; refuses an impossible sequence."""
    log_likelihood = reference.log_sum_exp(log_alpha[-1])
    if log_likelihood == -np.inf:
        raise ValueError("impossible sequence")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(joint_of() - log_likelihood)


@mistake(
    "transition_posteriors",
    "You are one frame off: the step from t to t + 1 ends at frame t + 1, so it meets the observation of "
    "frame t + 1.",
)
def xi_observation_at_the_start(log_alpha, log_beta, transition, log_obs):
    return xi_from(
        lambda: log_alpha[:-1, :, None] + log(transition) + (log_obs[:-1] + log_beta[1:])[:, None, :],
        log_alpha,
    )


@mistake(
    "transition_posteriors",
    "You are one frame off: what comes after the step is log_beta of frame t + 1, the frame that the step "
    "ends in.",
)
def xi_future_from_the_start(log_alpha, log_beta, transition, log_obs):
    return xi_from(
        lambda: log_alpha[:-1, :, None] + log(transition) + (log_obs[1:] + log_beta[:-1])[:, None, :],
        log_alpha,
    )


@mistake(
    "transition_posteriors",
    "The observation at the end of the step is missing. Log_beta of that frame tells only what comes "
    "after it.",
)
def xi_without_observation(log_alpha, log_beta, transition, log_obs):
    return xi_from(lambda: log_alpha[:-1, :, None] + log(transition) + log_beta[1:, None, :], log_alpha)


@mistake(
    "transition_posteriors",
    "Your steps run backwards: entry [t, i, j] is the step from i to j, not from j to i.",
)
def xi_transposed(log_alpha, log_beta, transition, log_obs):
    return np.swapaxes(reference.transition_posteriors(log_alpha, log_beta, transition, log_obs), 1, 2)


@mistake(
    "transition_posteriors",
    "You normalised every row of xi[t] to sum 1. All pairs (i, j) of one step share probability 1 together.",
)
def xi_rows_normalised(log_alpha, log_beta, transition, log_obs):
    xi = reference.transition_posteriors(log_alpha, log_beta, transition, log_obs)
    with np.errstate(invalid="ignore"):
        return xi / xi.sum(axis=2, keepdims=True)


@mistake(
    "transition_posteriors",
    "You did not divide by the likelihood of the sequence: your xi[t] sums to that, not to 1.",
)
def xi_not_normalised(log_alpha, log_beta, transition, log_obs):
    xi = reference.transition_posteriors(log_alpha, log_beta, transition, log_obs)
    return xi * np.exp(reference.log_sum_exp(log_alpha[-1]))


@mistake(
    "transition_posteriors",
    "You made all frames together sum to 1. Each step from one frame to the next has probability 1 of its "
    "own.",
)
def xi_normalised_over_time(log_alpha, log_beta, transition, log_obs):
    xi = reference.transition_posteriors(log_alpha, log_beta, transition, log_obs)
    return xi / max(len(xi), 1)


# --- gaussian_log_obs ----------------------------------------------------------------------------


def gaussian_with(observations, means, variances, term):
    """Sum over dimensions of `term(difference, variance)`."""
    if np.any(variances <= 0):
        raise ValueError("a variance is not positive")
    return term(observations[:, None, :] - means, variances)


@mistake(
    "gaussian_log_obs",
    "The width is missing: you left out the logarithm of the variances. A wide bell must be lower than a "
    "narrow one.",
)
def gaussian_without_width(observations, means, variances):
    def term(difference, variance):
        return -0.5 * np.sum(np.log(2 * np.pi) + difference**2 / variance, axis=-1)

    return gaussian_with(observations, means, variances, term)


@mistake("gaussian_log_obs", "You treated the variances as standard deviations and squared them again.")
def gaussian_variance_squared(observations, means, variances):
    reference.gaussian_log_obs(observations, means, variances)
    return reference.gaussian_log_obs(observations, means, variances**2)


@mistake(
    "gaussian_log_obs",
    "You counted ln 2π once for the whole vector. Each dimension is a Gaussian of its own and brings its "
    "own.",
)
def gaussian_constant_once(observations, means, variances):
    extra = 0.5 * np.log(2 * np.pi) * (observations.shape[1] - 1)
    return reference.gaussian_log_obs(observations, means, variances) + extra


@mistake(
    "gaussian_log_obs",
    "You computed densities and took their logarithm: far from the mean they underflow to 0. Write down "
    "the logarithm directly.",
)
def gaussian_logarithm_last(observations, means, variances):
    def term(difference, variance):
        return log(np.prod(np.exp(-0.5 * difference**2 / variance) / np.sqrt(2 * np.pi * variance), axis=-1))

    return gaussian_with(observations, means, variances, term)


@mistake("gaussian_log_obs", "The factor ½ before the squared distance is missing.")
def gaussian_without_half(observations, means, variances):
    def term(difference, variance):
        return -np.sum(0.5 * np.log(2 * np.pi * variance) + difference**2 / variance, axis=-1)

    return gaussian_with(observations, means, variances, term)


@mistake("gaussian_log_obs", "You averaged over the dimensions. Logarithms of independent dimensions add up.")
def gaussian_mean_over_dimensions(observations, means, variances):
    return reference.gaussian_log_obs(observations, means, variances) / observations.shape[1]


# --- left_to_right -------------------------------------------------------------------------------


@mistake(
    "left_to_right",
    "Your last row does not sum to 1: with some probability the model vanishes. The last state has "
    "nowhere to go, so it must stay.",
)
def last_state_leaks(n_states, self_loop=0.8):
    initial, transition = reference.left_to_right(n_states, self_loop)
    transition[-1, -1] = self_loop
    return initial, transition


@mistake(
    "left_to_right",
    "From the last state your model goes back to the first. A word does not start over.",
)
def last_state_wraps_around(n_states, self_loop=0.8):
    initial, transition = reference.left_to_right(n_states, self_loop)
    transition[-1] = 0.0
    transition[-1, -1] = self_loop
    transition[-1, 0] += 1 - self_loop
    return initial, transition


@mistake(
    "left_to_right",
    "Your model may start in any state. A left-to-right model starts at the left: in state 0.",
)
def starts_anywhere(n_states, self_loop=0.8):
    _, transition = reference.left_to_right(n_states, self_loop)
    return np.full(n_states, 1 / n_states), transition


@mistake(
    "left_to_right",
    "Staying and going on are swapped: `self_loop` is the probability of staying, on the main diagonal.",
)
def staying_and_going_swapped(n_states, self_loop=0.8):
    initial, transition = reference.left_to_right(n_states, self_loop)
    swapped = (1 - self_loop) * np.eye(n_states) + self_loop * np.eye(n_states, k=1)
    swapped[-1] = transition[-1]
    return initial, swapped


@mistake(
    "left_to_right",
    "Your model goes from right to left: the next state stands one column to the right, not the left.",
)
def right_to_left(n_states, self_loop=0.8):
    initial, transition = reference.left_to_right(n_states, self_loop)
    return initial, transition.T


# --- join_models ---------------------------------------------------------------------------------


def joints(models):
    """(last state of a model, first state of the next, initial of the next) for each joint."""
    starts = np.cumsum([0] + [len(initial) for initial, _ in models])
    return [(start - 1, start, model[0]) for start, model in zip(starts[1:-1], models[1:], strict=True)]


@mistake(
    "join_models",
    "The joints lead on, but the last states still stay with probability 1: those rows sum to more than "
    "1. Lower the staying when you add the going.",
)
def joint_row_too_heavy(models, stay=0.8):
    initial, transition = reference.join_models(models, stay)
    for last, _, _ in joints(models):
        transition[last, last] = 1.0
    return initial, transition


@mistake(
    "join_models",
    "You always enter the next model in its first state. It begins where its own initial probabilities say.",
)
def entered_in_the_first_state(models, stay=0.8):
    initial, transition = reference.join_models(models, stay)
    for last, start, own_initial in joints(models):
        transition[last, start : start + len(own_initial)] = 0.0
        transition[last, start] = 1 - stay
    return initial, transition


@mistake(
    "join_models",
    "You strung the initial probabilities of all models together: they sum to more than 1. The whole "
    "starts as the first model does.",
)
def every_model_may_start(models, stay=0.8):
    _, transition = reference.join_models(models, stay)
    return np.concatenate([initial for initial, _ in models]), transition


@mistake(
    "join_models",
    "You opened the last model as well. Nothing follows it, so its last state must stay closed.",
)
def last_model_opened(models, stay=0.8):
    initial, transition = reference.join_models(models, stay)
    transition[-1, -1] = stay
    return initial, transition


@mistake(
    "join_models",
    "Staying and leaving are swapped at the joints: `stay` is the probability of staying.",
)
def joint_swapped(models, stay=0.8):
    initial, transition = reference.join_models(models, stay)
    for last, start, own_initial in joints(models):
        transition[last, last] = 1 - stay
        transition[last, start : start + len(own_initial)] = stay * own_initial
    return initial, transition


@mistake(
    "join_models",
    "The models stand side by side but are not connected: no step leads from one into the next.",
)
def not_connected(models, stay=0.8):
    initial, transition = reference.join_models(models, stay)
    for last, start, own_initial in joints(models):
        transition[last, last] = 1.0
        transition[last, start : start + len(own_initial)] = 0.0
    return initial, transition


# --- baum_welch_step -----------------------------------------------------------------------------


def collect(sequences, initial, transition, means, variances):
    """(gammas, summed xi of each sequence, log-likelihoods); refuses what the reference refuses."""
    if not sequences:
        raise ValueError("sequences is empty")
    gammas, steps, log_likelihoods = [], [], []
    for observations in sequences:
        log_obs = reference.gaussian_log_obs(observations, means, variances)
        log_alpha, log_beta = (
            reference.forward(initial, transition, log_obs),
            reference.backward(transition, log_obs),
        )
        gammas.append(reference.state_posteriors(log_alpha, log_beta))
        steps.append(reference.transition_posteriors(log_alpha, log_beta, transition, log_obs).sum(axis=0))
        log_likelihoods.append(float(reference.log_sum_exp(log_alpha[-1])))
    return gammas, steps, log_likelihoods


def divide(numerator, weights, otherwise):
    """numerator / weights row by row; the old row where there is no weight."""
    seen = weights > 0
    return np.where(seen[:, None], numerator / np.where(seen, weights, 1.0)[:, None], otherwise)


@mistake(
    "baum_welch_step",
    "You reported the log-likelihood of the new parameters. It belongs to the old ones, those that made "
    "the weights.",
)
def likelihood_of_the_new(sequences, initial, transition, means, variances, variance_floor=1e-3):
    new = reference.baum_welch_step(sequences, initial, transition, means, variances, variance_floor)[:4]
    return (*new, reference.baum_welch_step(sequences, *new, variance_floor)[4])


@mistake(
    "baum_welch_step",
    "Your means are divided by the number of frames. Divide by the state's own share of them: the sum of "
    "its weights.",
)
def means_divided_by_frames(sequences, initial, transition, means, variances, variance_floor=1e-3):
    new = reference.baum_welch_step(sequences, initial, transition, means, variances, variance_floor)
    gamma = np.concatenate(collect(sequences, initial, transition, means, variances)[0])
    scaled = gamma.T @ np.concatenate(sequences) / len(gamma)
    return new[0], new[1], np.where(gamma.sum(axis=0)[:, None] > 0, scaled, means), *new[3:]


@mistake("baum_welch_step", "Your variances may shrink to nothing: `variance_floor` is not applied.")
def no_variance_floor(sequences, initial, transition, means, variances, variance_floor=1e-3):
    return reference.baum_welch_step(sequences, initial, transition, means, variances, 0.0)


@mistake(
    "baum_welch_step",
    "Your variances are measured from the old means. Compute the new means first, and measure from those.",
)
def variance_around_the_old_mean(sequences, initial, transition, means, variances, variance_floor=1e-3):
    new = reference.baum_welch_step(sequences, initial, transition, means, variances, variance_floor)
    gamma = np.concatenate(collect(sequences, initial, transition, means, variances)[0])
    frames = np.concatenate(sequences)
    squares = np.stack([gamma[:, n] @ (frames - means[n]) ** 2 for n in range(len(means))])
    return *new[:3], np.maximum(divide(squares, gamma.sum(axis=0), variances), variance_floor), new[4]


@mistake("baum_welch_step", "Your variances are mean squares: the mean was not subtracted.")
def mean_square_for_variance(sequences, initial, transition, means, variances, variance_floor=1e-3):
    new = reference.baum_welch_step(sequences, initial, transition, means, variances, variance_floor)
    gamma = np.concatenate(collect(sequences, initial, transition, means, variances)[0])
    squares = gamma.T @ np.concatenate(sequences) ** 2
    return *new[:3], np.maximum(divide(squares, gamma.sum(axis=0), variances), variance_floor), new[4]


@mistake(
    "baum_welch_step",
    "You returned standard deviations. The model is made of variances: do not take the root.",
)
def standard_deviations(sequences, initial, transition, means, variances, variance_floor=1e-3):
    new = reference.baum_welch_step(sequences, initial, transition, means, variances, variance_floor)
    return *new[:3], np.sqrt(new[3]), new[4]


@mistake(
    "baum_welch_step",
    "You normalised the columns of the transition counts. Each row must sum to 1: it says where one state "
    "leads.",
)
def transition_columns_normalised(sequences, initial, transition, means, variances, variance_floor=1e-3):
    new = reference.baum_welch_step(sequences, initial, transition, means, variances, variance_floor)
    steps = sum(collect(sequences, initial, transition, means, variances)[1])
    return new[0], divide(steps.T, steps.sum(axis=0), transition.T).T, *new[2:]


@mistake(
    "baum_welch_step",
    "You divided the steps out of a state by all its frames. The last frame of a recording makes no step, "
    "so your rows sum to less than 1: divide by the steps.",
)
def last_frames_counted_as_steps(sequences, initial, transition, means, variances, variance_floor=1e-3):
    new = reference.baum_welch_step(sequences, initial, transition, means, variances, variance_floor)
    gammas, steps, _ = collect(sequences, initial, transition, means, variances)
    return new[0], divide(sum(steps), np.concatenate(gammas).sum(axis=0), transition), *new[2:]


@mistake(
    "baum_welch_step",
    "Your new `initial` is the average over all frames. It should say where recordings begin: average "
    "their first frames.",
)
def initial_from_all_frames(sequences, initial, transition, means, variances, variance_floor=1e-3):
    new = reference.baum_welch_step(sequences, initial, transition, means, variances, variance_floor)
    gammas, _, _ = collect(sequences, initial, transition, means, variances)
    return np.concatenate(gammas).mean(axis=0), *new[1:]


@mistake(
    "baum_welch_step",
    "You averaged the results of the recordings, so that a short one counts as much as a long one. "
    "Collect all sums first and divide once.",
)
def average_of_recordings(sequences, initial, transition, means, variances, variance_floor=1e-3):
    if not sequences:
        raise ValueError("sequences is empty")
    each = [
        reference.baum_welch_step([one], initial, transition, means, variances, variance_floor)
        for one in sequences
    ]
    averaged = [np.mean([result[k] for result in each], axis=0) for k in range(4)]
    return (*averaged, sum(result[4] for result in each))


@mistake(
    "baum_welch_step",
    "You glued the recordings together. The end of one does not lead into the start of the next: run "
    "forward and backward on each by itself.",
)
def recordings_glued_together(sequences, initial, transition, means, variances, variance_floor=1e-3):
    if not sequences:
        raise ValueError("sequences is empty")
    return reference.baum_welch_step(
        [np.concatenate(sequences)], initial, transition, means, variances, variance_floor
    )


@mistake(
    "baum_welch_step",
    "You reported the average log-likelihood of the recordings. It should be their sum.",
)
def likelihood_averaged(sequences, initial, transition, means, variances, variance_floor=1e-3):
    new = reference.baum_welch_step(sequences, initial, transition, means, variances, variance_floor)
    return *new[:4], new[4] / len(sequences)


@mistake(
    "baum_welch_step",
    "A state that nothing belongs to was divided by its weight of 0. Let it keep the parameters that it had.",
)
def division_by_no_weight(sequences, initial, transition, means, variances, variance_floor=1e-3):
    gammas, steps, log_likelihoods = collect(sequences, initial, transition, means, variances)
    gamma, frames, total = np.concatenate(gammas), np.concatenate(sequences), sum(steps)
    with np.errstate(all="ignore"):
        weights = gamma.sum(axis=0)[:, None]
        new_means = gamma.T @ frames / weights
        squares = [gamma[:, n] @ (frames - new_means[n]) ** 2 for n in range(len(means))]
        new_variances = np.maximum(np.stack(squares) / weights, variance_floor)
        new_transition = total / total.sum(axis=1, keepdims=True)
    new_initial = np.mean([own[0] for own in gammas], axis=0)
    return new_initial, new_transition, new_means, new_variances, sum(log_likelihoods)
