"""Wrong variants of the lab on Gaussian mixtures, and what to tell who wrote them."""

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)
MIXTURE = ("weights", "means", "variances")


def log(values):
    """Natural logarithm; ln 0 is -inf, without a warning."""
    with np.errstate(divide="ignore"):
        return np.log(values)


def log_sum_exp(values, axis):
    return np.logaddexp.reduce(values, axis=axis)


# --- log_gaussian --------------------------------------------------------------------------------


def summed(x, means, variances, term):
    """Sum over dimensions of term(distance², variance)."""
    if np.any(variances <= 0):
        raise ValueError("a variance is not positive")
    return term((x[:, None] - means) ** 2, variances).sum(axis=2)


@mistake(
    "log_gaussian",
    "The logarithm of the variances is missing. Without it a wide bell is never lower than a narrow one.",
)
def without_width(x, means, variances):
    return summed(x, means, variances, lambda d, v: -0.5 * (np.log(2 * np.pi) + d / v))


@mistake(
    "log_gaussian",
    "The distance is divided by the standard deviation only. It is the squared distance, so divide by the"
    " variance.",
)
def distance_over_deviation(x, means, variances):
    return summed(x, means, variances, lambda d, v: -0.5 * (np.log(2 * np.pi * v) + d / np.sqrt(v)))


@mistake("log_gaussian", "The factor ½ stands before only one of the two terms. It belongs to both.")
def half_of_one_term(x, means, variances):
    return summed(x, means, variances, lambda d, v: -0.5 * np.log(2 * np.pi * v) - d / v)


@mistake(
    "log_gaussian",
    "You computed the density and then its logarithm. Far from the mean the density underflows to 0: "
    "write the logarithm down directly.",
)
def density_first(x, means, variances):
    if np.any(variances <= 0):
        raise ValueError("a variance is not positive")
    bells = np.exp(-0.5 * (x[:, None] - means) ** 2 / variances) / np.sqrt(2 * np.pi * variances)
    return log(bells.prod(axis=2))


@mistake(
    "log_gaussian",
    "You wrote the square out as x² − 2xm + m² with the numbers as they come. When frames and means are "
    "large, their difference is lost in rounding: subtract a common centre first.",
)
def square_without_centre(x, means, variances):
    reference.log_gaussian(x, means, variances)
    distance = x**2 @ (1 / variances).T - 2 * x @ (means / variances).T + (means**2 / variances).sum(axis=1)
    return -0.5 * (distance + np.log(2 * np.pi * variances).sum(axis=1))


@mistake("log_gaussian", "Your constant holds ln 2π once. Each dimension brings its own.")
def constant_once(x, means, variances):
    extra = 0.5 * np.log(2 * np.pi) * (x.shape[1] - 1)
    return reference.log_gaussian(x, means, variances) + extra


# --- e_step --------------------------------------------------------------------------------------


def log_joint_of(x, weights, means, variances):
    if abs(weights.sum() - 1) > 1e-6:
        raise ValueError("weights do not sum to 1")
    return log(weights) + reference.log_gaussian(x, means, variances)


@mistake(
    "e_step",
    "Your columns sum to 1: you shared each component out over time. Each *frame* is shared out among the"
    " components.",
)
def normalised_over_time(x, weights, means, variances):
    joint = log_joint_of(x, weights, means, variances)
    _, log_likelihood = reference.e_step(x, weights, means, variances)
    with np.errstate(invalid="ignore"):
        return np.exp(joint - log_sum_exp(joint, 0)), log_likelihood


@mistake("e_step", "The weights are missing: a rare component takes as much as a common one.")
def shares_without_weights(x, weights, means, variances):
    log_joint_of(x, weights, means, variances)
    joint = reference.log_gaussian(x, means, variances)
    total = log_sum_exp(joint, 1)
    return np.exp(joint - total[:, None]), float(total.sum())


@mistake(
    "e_step",
    "You took exponentials before dividing. Far from all means they are all 0, and 0 / 0 is not a number:"
    " use the log-sum-exp.",
)
def exponentials_first(x, weights, means, variances):
    joint = np.exp(log_joint_of(x, weights, means, variances))
    with np.errstate(all="ignore"):
        return joint / joint.sum(axis=1, keepdims=True), float(np.log(joint.sum(axis=1)).sum())


@mistake("e_step", "Your log-likelihood is a mean over the frames. Asked for is the sum.")
def mean_likelihood(x, weights, means, variances):
    shares, log_likelihood = reference.e_step(x, weights, means, variances)
    return shares, log_likelihood / len(x)


@mistake(
    "e_step",
    "You gave each frame entirely to its best component. That is k-means; EM keeps the shares.",
)
def hard_decisions(x, weights, means, variances):
    shares, log_likelihood = reference.e_step(x, weights, means, variances)
    return np.eye(len(weights))[shares.argmax(axis=1)], log_likelihood


@mistake("e_step", "You returned logarithms. Responsibilities are probabilities.")
def logarithmic_shares(x, weights, means, variances):
    shares, log_likelihood = reference.e_step(x, weights, means, variances)
    return log(shares), log_likelihood


# --- m_step --------------------------------------------------------------------------------------


@mistake(
    "m_step",
    "There is no variance floor: a component that sits on a single frame gets the variance 0 and an "
    "infinite density.",
)
def no_floor(x, responsibilities, variance_floor=1e-3):
    return reference.m_step(x, responsibilities, 0.0)


@mistake(
    "m_step",
    "You divided by the number of all frames. Means and variances are averages over what the component "
    "holds: divide by the sum of its shares.",
)
def divided_by_all_frames(x, responsibilities, variance_floor=1e-3):
    weights, _, _ = reference.m_step(x, responsibilities, variance_floor)
    means = responsibilities.T @ x / len(x)
    spread = [r @ (x - m) ** 2 / len(x) for r, m in zip(responsibilities.T, means, strict=True)]
    return weights, means, np.maximum(spread, variance_floor)


@mistake("m_step", "Your weights are counts of frames. They are shares of all frames and sum to 1.")
def weights_are_counts(x, responsibilities, variance_floor=1e-3):
    weights, means, variances = reference.m_step(x, responsibilities, variance_floor)
    return weights * len(x), means, variances


@mistake("m_step", "Your variances are standard deviations: you took the square root.")
def deviations(x, responsibilities, variance_floor=1e-3):
    weights, means, variances = reference.m_step(x, responsibilities, 0.0)
    return weights, means, np.maximum(np.sqrt(variances), variance_floor)


@mistake(
    "m_step",
    "Your variances are measured from the mean of all frames. Each component's are measured from its own "
    "new mean.",
)
def about_the_common_mean(x, responsibilities, variance_floor=1e-3):
    weights, means, _ = reference.m_step(x, responsibilities, variance_floor)
    spread = responsibilities.T @ (x - x.mean(axis=0)) ** 2 / responsibilities.sum(axis=0)[:, None]
    return weights, means, np.maximum(spread, variance_floor)


@mistake(
    "m_step",
    "You added the floor to the variances. A floor is a lower bound: it leaves larger variances alone.",
)
def floor_added(x, responsibilities, variance_floor=1e-3):
    weights, means, variances = reference.m_step(x, responsibilities, 0.0)
    return weights, means, variances + variance_floor


# --- kmeans --------------------------------------------------------------------------------------


def clusters(x, n_components, seed, n_rounds, first=None, nearest=None, move=None):
    """kmeans with one step replaced."""
    if not 1 <= n_components <= len(x):
        raise ValueError("impossible number of clusters")
    rng = np.random.default_rng(seed)
    centres = x[rng.choice(len(x), n_components, replace=False)] if first is None else first()
    nearest = nearest or (lambda centres: ((x[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1))

    def keep_empty(centres, labels):
        for k in np.unique(labels):
            centres[k] = x[labels == k].mean(axis=0)
        return centres

    for _ in range(n_rounds):
        centres = (move or keep_empty)(centres.copy(), nearest(centres))
    return centres, nearest(centres)


@mistake(
    "kmeans",
    "Your labels belong to the centres of the round before. Look for the nearest centre once more at the "
    "end.",
)
def labels_one_round_late(x, n_components, seed, n_rounds=20):
    centres, labels = clusters(x, n_components, seed, n_rounds)
    if n_rounds > 0:
        labels = clusters(x, n_components, seed, n_rounds - 1)[1]
    return centres, labels


@mistake("kmeans", "You started from the first frames of the data. The seed draws the frames to start from.")
def started_from_the_first_frames(x, n_components, seed, n_rounds=20):
    return clusters(x, n_components, seed, n_rounds, first=lambda: x[:n_components])


@mistake(
    "kmeans",
    "A centre that lost all its frames became not-a-number: the mean of nothing. It stays where it is.",
)
def mean_of_nothing(x, n_components, seed, n_rounds=20):
    def move(centres, labels):
        with np.errstate(invalid="ignore"):
            sums = np.eye(n_components)[labels].T
            return sums @ x / sums.sum(axis=1, keepdims=True)

    return clusters(x, n_components, seed, n_rounds, move=move)


@mistake(
    "kmeans",
    "You drew with replacement, so that two centres can start on the same frame and stay together for ever.",
)
def drawn_with_replacement(x, n_components, seed, n_rounds=20):
    def first():
        return x[np.random.default_rng(seed).choice(len(x), n_components)]

    return clusters(x, n_components, seed, n_rounds, first=first)


@mistake(
    "kmeans",
    "Only the first dimension decides which centre is nearest in your code. A distance sums over all "
    "dimensions.",
)
def nearest_in_one_dimension(x, n_components, seed, n_rounds=20):
    def nearest(centres):
        return np.abs(x[:, None, 0] - centres[:, 0]).argmin(axis=1)

    return clusters(x, n_components, seed, n_rounds, nearest=nearest)


@mistake("kmeans", "Your centres are medians. In k-means a centre is the mean of its frames.")
def medians(x, n_components, seed, n_rounds=20):
    def move(centres, labels):
        for k in np.unique(labels):
            centres[k] = np.median(x[labels == k], axis=0)
        return centres

    return clusters(x, n_components, seed, n_rounds, move=move)


# --- fit_gmm -------------------------------------------------------------------------------------


def start_of(x, n_components, seed, variance_floor):
    labels = reference.kmeans(x, n_components, seed)[1]
    return reference.m_step(x, np.eye(n_components)[labels], variance_floor)


@mistake(
    "fit_gmm",
    "Your history begins after the first round: it holds the log-likelihood of the new mixture. Each "
    "entry is that of the E step of its round.",
)
def history_one_round_late(x, n_components, n_rounds, seed, variance_floor=1e-3):
    longer = reference.fit_gmm(x, n_components, n_rounds + 1, seed, variance_floor)[3]
    return *reference.fit_gmm(x, n_components, n_rounds, seed, variance_floor)[:3], longer[1:]


@mistake(
    "fit_gmm",
    "The floor did not reach the M step inside the rounds: hand it on wherever variances are made.",
)
def floor_forgotten_in_rounds(x, n_components, n_rounds, seed, variance_floor=1e-3):
    mixture, history = start_of(x, n_components, seed, variance_floor), []
    for _ in range(n_rounds):
        shares, log_likelihood = reference.e_step(x, *mixture)
        mixture = reference.m_step(x, shares)
        history.append(log_likelihood)
    return *mixture, np.array(history, dtype=float)


@mistake(
    "fit_gmm",
    "You began with equal weights and the variances of all frames, and took only the means from k-means. "
    "The clusters tell all three: turn the labels into responsibilities.",
)
def only_centres_from_kmeans(x, n_components, n_rounds, seed, variance_floor=1e-3):
    centres, _ = reference.kmeans(x, n_components, seed)
    spread = np.tile(np.maximum(x.var(axis=0), variance_floor), (n_components, 1))
    mixture, history = (np.full(n_components, 1 / n_components), centres, spread), []
    for _ in range(n_rounds):
        shares, log_likelihood = reference.e_step(x, *mixture)
        mixture = reference.m_step(x, shares, variance_floor)
        history.append(log_likelihood)
    return *mixture, np.array(history, dtype=float)


@mistake("fit_gmm", "Your history is per frame. It should be the log-likelihood of all frames together.")
def history_per_frame(x, n_components, n_rounds, seed, variance_floor=1e-3):
    *mixture, history = reference.fit_gmm(x, n_components, n_rounds, seed, variance_floor)
    return *mixture, history / len(x)


@mistake("fit_gmm", "The seed is not handed on: k-means always draws the same frames.")
def seed_ignored(x, n_components, n_rounds, seed, variance_floor=1e-3):
    return reference.fit_gmm(x, n_components, n_rounds, 0, variance_floor)


# --- gmm_log_obs ---------------------------------------------------------------------------------


def log_joint_of_states(x, weights, means, variances):
    """[frames, states, components]."""
    each = [reference.log_gaussian(x, m, v) for m, v in zip(means, variances, strict=True)]
    return log(weights) + np.stack(each, axis=1)


@mistake(
    "gmm_log_obs",
    "You took only the best component of each state. The state's density is the sum over its components.",
)
def best_component_only(x, weights, means, variances):
    return log_joint_of_states(x, weights, means, variances).max(axis=2)


@mistake(
    "gmm_log_obs",
    "The weights are missing: each state's density counts all of its components fully and is too high.",
)
def states_without_weights(x, weights, means, variances):
    return log_sum_exp(log_joint_of_states(x, np.ones_like(weights), means, variances), 2)


@mistake(
    "gmm_log_obs",
    "You mixed the logarithms: a weighted average of log-densities. Densities are added; their logarithms"
    " are not.",
)
def average_of_logarithms(x, weights, means, variances):
    return (weights * log_joint_of_states(x, np.ones_like(weights), means, variances)).sum(axis=2)


@mistake(
    "gmm_log_obs",
    "The log-sum-exp is missing: taken by themselves, the exponentials of speech frames are all 0, and "
    "the logarithm of 0 is -inf.",
)
def plain_sum_of_exponentials(x, weights, means, variances):
    return log(np.exp(log_joint_of_states(x, weights, means, variances)).sum(axis=2))


@mistake(
    "gmm_log_obs",
    "You divided each frame by its sum over the states, as if the states shared it. log_obs holds "
    "densities, one state at a time.",
)
def states_share_a_frame(x, weights, means, variances):
    log_obs = reference.gmm_log_obs(x, weights, means, variances)
    return log_obs - log_sum_exp(log_obs, 1)[:, None]


# --- component_posteriors ------------------------------------------------------------------------


@mistake(
    "component_posteriors",
    "Gamma is missing: you returned the responsibilities inside each state, as if every state had the "
    "frame for itself.",
)
def responsibilities_only(x, gamma, weights, means, variances):
    return reference.component_posteriors(x, np.ones_like(gamma), weights, means, variances)


@mistake(
    "component_posteriors",
    "You normalised over all components of all states together. What the HMM knows about the states "
    "(gamma) is counted twice then: normalise inside each state.",
)
def normalised_over_all_states(x, gamma, weights, means, variances):
    joint = log(gamma)[:, :, None] + log_joint_of_states(x, weights, means, variances)
    total = log_sum_exp(joint.reshape(len(x), -1), 1)
    return np.exp(joint - total[:, None, None])


@mistake(
    "component_posteriors",
    "You shared gamma out by the weights alone. The densities of the frame decide as well.",
)
def shared_by_weights(x, gamma, weights, means, variances):
    return gamma[:, :, None] * weights[None]


@mistake("component_posteriors", "You took exponentials before dividing: far from all means that is 0 / 0.")
def posteriors_by_plain_division(x, gamma, weights, means, variances):
    joint = np.exp(log_joint_of_states(x, weights, means, variances))
    with np.errstate(invalid="ignore"):
        return gamma[:, :, None] * joint / joint.sum(axis=2, keepdims=True)


@mistake("component_posteriors", "Your axes are (state, frame, component). The frame comes first.")
def states_before_frames(x, gamma, weights, means, variances):
    return np.swapaxes(reference.component_posteriors(x, gamma, weights, means, variances), 0, 1)


# --- sufficient_statistics -----------------------------------------------------------------------


@mistake(
    "sufficient_statistics",
    "You squared the posteriors as well. Squares are weighted sums of squared *features*: the weight "
    "stays as it is.",
)
def squared_posteriors(x, posteriors):
    occupancies, sums, _ = reference.sufficient_statistics(x, posteriors)
    return occupancies, sums, np.einsum("tsk,td->skd", posteriors**2, x**2)


@mistake(
    "sufficient_statistics",
    "Your squares are the squares of the sums. Square each frame first, then add.",
)
def squares_of_sums(x, posteriors):
    occupancies, sums, _ = reference.sufficient_statistics(x, posteriors)
    return occupancies, sums, sums**2


@mistake(
    "sufficient_statistics",
    "You divided by the number of frames. Statistics are plain sums; only sums can be added over recordings.",
)
def averages_over_frames(x, posteriors):
    return tuple(values / len(x) for values in reference.sufficient_statistics(x, posteriors))


@mistake(
    "sufficient_statistics",
    "Your sums are already divided by the occupancies. Leave the division to the end: averages cannot be "
    "added up.",
)
def averages_over_shares(x, posteriors):
    occupancies, sums, squares = reference.sufficient_statistics(x, posteriors)
    with np.errstate(all="ignore"):
        return occupancies, sums / occupancies[..., None], squares / occupancies[..., None]


# --- reestimate ----------------------------------------------------------------------------------


@mistake("reestimate", "Your variances are the means of the squares. Subtract the square of the new mean.")
def second_moments(weights, means, variances, occupancies, sums, squares, variance_floor=1e-3):
    new = reference.reestimate(weights, means, variances, occupancies, sums, squares, 0.0)
    held = occupancies[..., None] > 0
    return new[0], new[1], np.maximum(np.where(held, new[2] + new[1] ** 2, variances), variance_floor)


@mistake("reestimate", "Your variances are measured from the old means. The frames lie around the new ones.")
def about_the_old_mean(weights, means, variances, occupancies, sums, squares, variance_floor=1e-3):
    new = reference.reestimate(weights, means, variances, occupancies, sums, squares, 0.0)
    held = occupancies[..., None] > 0
    spread = np.where(held, new[2] + (new[1] - means) ** 2, variances)
    return new[0], new[1], np.maximum(spread, variance_floor)


@mistake(
    "reestimate",
    "Your weights are shares of all frames, so those of one state do not sum to 1. Divide by the "
    "occupancy of the state.",
)
def weights_over_all_states(weights, means, variances, occupancies, sums, squares, variance_floor=1e-3):
    new = reference.reestimate(weights, means, variances, occupancies, sums, squares, variance_floor)
    seen = occupancies.sum(axis=1, keepdims=True) > 0
    return np.where(seen, occupancies / max(occupancies.sum(), 1e-300), weights), *new[1:]


@mistake("reestimate", "The weights came back as they went in. They are re-estimated, too.")
def weights_not_updated(weights, means, variances, occupancies, sums, squares, variance_floor=1e-3):
    return weights, *reference.reestimate(
        weights, means, variances, occupancies, sums, squares, variance_floor
    )[1:]


@mistake("reestimate", "Something that holds no frame was divided by 0. Let it keep what it had.")
def nothing_divided_by_nothing(weights, means, variances, occupancies, sums, squares, variance_floor=1e-3):
    with np.errstate(all="ignore"):
        new_means = sums / occupancies[..., None]
        spread = squares / occupancies[..., None] - new_means**2
        return (
            occupancies / occupancies.sum(axis=1, keepdims=True),
            new_means,
            np.maximum(spread, variance_floor),
        )


@mistake("reestimate", "The variance floor is missing.")
def reestimated_without_floor(weights, means, variances, occupancies, sums, squares, variance_floor=1e-3):
    return reference.reestimate(weights, means, variances, occupancies, sums, squares, -np.inf)


# --- gmm_hmm_step --------------------------------------------------------------------------------


def insides(sequences, model):
    """(gamma, steps, log-likelihood) of each recording; refuses an empty list."""
    if not sequences:
        raise ValueError("no recordings")
    return [reference.forward_backward(x, model) for x in sequences]


@mistake(
    "gmm_hmm_step",
    "You reported the log-likelihood of the new model. It belongs to the old one, which made the posteriors.",
)
def likelihood_of_the_new_model(sequences, model, variance_floor=1e-3):
    new, _ = reference.gmm_hmm_step(sequences, model, variance_floor)
    return new, sum(fit for *_, fit in insides(sequences, new))


@mistake(
    "gmm_hmm_step",
    "You glued the recordings end to end and counted steps across the seams. Each recording is a sequence"
    " of its own.",
)
def glued_recordings(sequences, model, variance_floor=1e-3):
    insides(sequences, model)
    return reference.gmm_hmm_step([np.concatenate(sequences)], model, variance_floor)


@mistake(
    "gmm_hmm_step",
    "You averaged the new models of the recordings, so that a short one counts as much as a long one. Add"
    " up all sums first, and divide once.",
)
def averaged_models(sequences, model, variance_floor=1e-3):
    insides(sequences, model)
    each = [reference.gmm_hmm_step([x], model, variance_floor) for x in sequences]
    return {key: np.mean([new[key] for new, _ in each], axis=0) for key in model}, sum(fit for _, fit in each)


@mistake(
    "gmm_hmm_step",
    "Your initial probabilities are averaged over all frames. They say where recordings begin: average "
    "the first frames only.",
)
def initial_over_all_frames(sequences, model, variance_floor=1e-3):
    new, fit = reference.gmm_hmm_step(sequences, model, variance_floor)
    gammas = np.concatenate([gamma for gamma, *_ in insides(sequences, model)])
    return {**new, "initial": gammas.mean(axis=0)}, fit


@mistake("gmm_hmm_step", "The transitions came back as they went in. They are re-estimated from the steps.")
def transitions_not_updated(sequences, model, variance_floor=1e-3):
    new, fit = reference.gmm_hmm_step(sequences, model, variance_floor)
    return {**new, "transition": model["transition"]}, fit


@mistake(
    "gmm_hmm_step",
    "You divided the steps by the occupancy of the state in all frames. From the last frame of a "
    "recording no step is made: divide each row by its own sum.",
)
def steps_over_all_frames(sequences, model, variance_floor=1e-3):
    new, fit = reference.gmm_hmm_step(sequences, model, variance_floor)
    found = insides(sequences, model)
    steps, held = sum(s for _, s, _ in found), sum(gamma.sum(axis=0) for gamma, *_ in found)[:, None]
    moved = np.where(held > 0, steps / np.where(held > 0, held, 1), model["transition"])
    return {**new, "transition": moved}, fit


@mistake("gmm_hmm_step", "The floor is not handed on to the re-estimation of the mixtures.")
def word_floor_forgotten(sequences, model, variance_floor=1e-3):
    return reference.gmm_hmm_step(sequences, model)


# --- join_words ----------------------------------------------------------------------------------


@mistake(
    "join_words",
    "The mixtures stand in the reverse order of the words, so that the states do not fit their transitions.",
)
def mixtures_reversed(models, stay=0.8):
    joined = reference.join_words(models, stay)
    return {**joined, **{key: np.concatenate([m[key] for m in models[::-1]]) for key in MIXTURE}}


@mistake(
    "join_words",
    "The argument `stay` is not handed on: words are always left with the same probability.",
)
def stay_ignored(models, stay=0.8):
    reference.join_words(models, stay)
    return reference.join_words(models)


@mistake(
    "join_words",
    "The words stand side by side without a way from one to the next. The last state of a word must open.",
)
def words_not_connected(models, stay=0.8):
    joined = reference.join_words(models, stay)
    transition, start = joined["transition"].copy(), 0
    for model in models:
        end = start + len(model["initial"])
        transition[start:end] = 0.0
        transition[start:end, start:end] = model["transition"]
        start = end
    return {**joined, "transition": transition}


@mistake("join_words", "Every word may begin the utterance in your model. Only the first one does.")
def any_word_first(models, stay=0.8):
    joined = reference.join_words(models, stay)
    return {**joined, "initial": np.concatenate([model["initial"] for model in models]) / len(models)}


# --- embedded_step -------------------------------------------------------------------------------


def embedded(utterances, transcripts, models, stay, variance_floor, finish=True, take=None, wrong_rows=None):
    """embedded_step with one thing done otherwise."""
    reference.embedded_step(utterances, transcripts, models, stay, variance_floor)  # for what it refuses
    sums = {
        word: [np.zeros_like(model[key]) for key in ("transition", "weights", "means", "means")]
        for word, model in models.items()
    }
    total = 0.0
    for x, transcript in zip(utterances, transcripts, strict=True):
        joined = reference.join_words([models[word] for word in transcript], stay)
        gamma, steps, fit = reference.forward_backward(x, joined, finish=finish)
        posteriors = reference.component_posteriors(x, gamma, *(joined[key] for key in MIXTURE))
        statistics = reference.sufficient_statistics(x, posteriors)
        total, start = total + fit, 0
        for word in transcript:
            own = slice(start, start + len(models[word]["initial"]))
            start = own.stop
            mine = (steps[own, own], *(values[own] for values in statistics))
            sums[word] = (take or (lambda old, new: [a + b for a, b in zip(old, new, strict=True)]))(
                sums[word], mine
            )
    new_models = {}
    for word, model in models.items():
        steps, *statistics = sums[word]
        left = steps.sum(axis=1, keepdims=True)
        left[-1] = 0
        if wrong_rows:
            left = wrong_rows(steps, statistics[0])
        rows = np.where(left > 0, steps / np.where(left > 0, left, 1), model["transition"])
        new = reference.reestimate(*(model[key] for key in MIXTURE), *statistics, variance_floor)
        new_models[word] = {**model, "transition": rows, **dict(zip(MIXTURE, new, strict=True))}
    return new_models, total


@mistake(
    "embedded_step",
    "A word takes only what its last occurrence brings: the sums of the occurrences before are "
    "overwritten. Add.",
)
def last_occurrence_only(utterances, transcripts, models, stay=0.8, variance_floor=1e-3):
    return embedded(utterances, transcripts, models, stay, variance_floor, take=lambda old, new: list(new))


@mistake(
    "embedded_step",
    "Your paths may end anywhere, so an utterance can stop before its last word. Every word was said: "
    "only paths that finish count.",
)
def may_stop_early(utterances, transcripts, models, stay=0.8, variance_floor=1e-3):
    return embedded(utterances, transcripts, models, stay, variance_floor, finish=False)


@mistake(
    "embedded_step",
    "Every utterance was cut into equal pieces, one for each word, and each word trained on its pieces. "
    "Where the words are is what forward and backward over the whole utterance find out.",
)
def equal_pieces(utterances, transcripts, models, stay=0.8, variance_floor=1e-3):
    _, total = reference.embedded_step(utterances, transcripts, models, stay, variance_floor)
    pieces = {word: [] for word in models}
    for x, transcript in zip(utterances, transcripts, strict=True):
        for word, piece in zip(transcript, np.array_split(x, len(transcript)), strict=True):
            pieces[word].append(piece)
    new = dict(models)
    for word, own in pieces.items():
        if own:
            new[word] = reference.gmm_hmm_step(own, models[word], variance_floor)[0]
    return new, total


@mistake(
    "embedded_step",
    "Steps out of a state are divided by the state's occupancy, which counts frames that no step inside "
    "the word leaves. Divide each row by its own sum.",
)
def rows_over_occupancy(utterances, transcripts, models, stay=0.8, variance_floor=1e-3):
    def rows(steps, occupancies):
        # a frame more than there are steps: what the last frame of the utterance adds to some state
        left = steps.sum(axis=1, keepdims=True)
        left[:-1] = occupancies[:-1].sum(axis=1, keepdims=True) + 0.5 * (left[:-1] > 0)
        left[-1] = 0
        return left

    return embedded(utterances, transcripts, models, stay, variance_floor, wrong_rows=rows)


@mistake("embedded_step", "The argument `stay` does not reach the joined model.")
def embedded_without_stay(utterances, transcripts, models, stay=0.8, variance_floor=1e-3):
    reference.embedded_step(utterances, transcripts, models, stay, variance_floor)
    return reference.embedded_step(utterances, transcripts, models, 0.8, variance_floor)


@mistake(
    "embedded_step",
    "You divided after every utterance, so that each starts from the models that the one before left "
    "behind. Collect over all utterances, then divide once.",
)
def updated_after_each_utterance(utterances, transcripts, models, stay=0.8, variance_floor=1e-3):
    _, total = reference.embedded_step(utterances, transcripts, models, stay, variance_floor)
    for x, transcript in zip(utterances, transcripts, strict=True):
        models, _ = reference.embedded_step([x], [transcript], models, stay, variance_floor)
    return models, total


# --- map_adapt_means -----------------------------------------------------------------------------


def refuse_negative(tau):
    if tau < 0:
        raise ValueError("tau is negative")


def over(numerator, counts, otherwise):
    return reference.divide(numerator, counts[..., None], otherwise)


@mistake(
    "map_adapt_means",
    "Your limits are reversed: a large tau should keep the old mean, and tau = 0 should leave only the data.",
)
def limits_reversed(means, occupancies, sums, tau):
    refuse_negative(tau)
    average = over(sums, np.asarray(occupancies), means)
    return over(
        np.asarray(occupancies)[..., None] * means + tau * average, np.asarray(tau + occupancies), means
    )


@mistake(
    "map_adapt_means",
    "You took the sums for averages and multiplied them by the occupancies again. They are sums of frames"
    " already.",
)
def sums_weighted_again(means, occupancies, sums, tau):
    refuse_negative(tau)
    return over(tau * means + np.asarray(occupancies)[..., None] * sums, np.asarray(tau + occupancies), means)


@mistake(
    "map_adapt_means",
    "You mix old and new with one and the same share for all Gaussians. One that heard more must move "
    "further: the share is occupancy / (tau + occupancy).",
)
def one_share_for_all(means, occupancies, sums, tau):
    refuse_negative(tau)
    occupancies = np.asarray(occupancies)
    share = occupancies.mean() / (tau + occupancies.mean()) if tau + occupancies.mean() > 0 else 0.0
    average = over(sums, occupancies, means)
    return (1 - share) * means + share * average


@mistake("map_adapt_means", "The old mean enters without its weight tau.")
def old_mean_without_tau(means, occupancies, sums, tau):
    refuse_negative(tau)
    return over(means + sums, np.asarray(tau + occupancies), means)


@mistake(
    "map_adapt_means",
    "With tau = 0, a Gaussian that heard nothing became 0 / 0. It should stay where it is.",
)
def unheard_divided_by_zero(means, occupancies, sums, tau):
    refuse_negative(tau)
    with np.errstate(all="ignore"):
        return (tau * means + sums) / np.asarray(tau + occupancies)[..., None]


# --- mllr_transform ------------------------------------------------------------------------------


def regression(means, variances, occupancies, sums, left=None, right=None):
    """mllr_transform with another weight on the left side (N / variance) or on the right (1 / variance)."""
    reference.mllr_transform(means, variances, occupancies, sums)
    dim = means.shape[-1]
    means, variances, sums = (values.reshape(-1, dim) for values in (means, variances, sums))
    occupancies = occupancies.reshape(-1)
    extended = np.insert(means, 0, 1.0, axis=1)
    rows = []
    for d in range(dim):
        on_left = occupancies / variances[:, d] if left is None else left(occupancies, variances[:, d])
        on_right = (
            sums[:, d] / variances[:, d] if right is None else right(occupancies, variances[:, d], sums[:, d])
        )
        rows.append(np.linalg.lstsq((extended.T * on_left) @ extended, extended.T @ on_right, rcond=None)[0])
    return np.array(rows)


@mistake(
    "mllr_transform",
    "The shift stands in the last column of your matrix. The extended mean has its 1 in front, so the "
    "shift is column 0.",
)
def shift_at_the_end(means, variances, occupancies, sums):
    return np.roll(reference.mllr_transform(means, variances, occupancies, sums), -1, axis=1)


@mistake(
    "mllr_transform",
    "All Gaussians count alike whatever their width. Weight each by one over its variance in that dimension.",
)
def unweighted_by_variance(means, variances, occupancies, sums):
    return regression(means, variances, occupancies, sums, lambda n, v: n, lambda n, v, s: s)


@mistake(
    "mllr_transform",
    "All Gaussians count alike however much they heard: you fitted the averages without the occupancies "
    "as weights.",
)
def unweighted_by_occupancy(means, variances, occupancies, sums):
    def right(n, v, s):
        return np.where(n > 0, s / np.where(n > 0, n, 1), 0) / v

    return regression(means, variances, occupancies, sums, lambda n, v: (n > 0) / v, right)


@mistake(
    "mllr_transform",
    "Both sides are weighted by the deviation instead of the variance: a square root too many.",
)
def weighted_by_deviation(means, variances, occupancies, sums):
    return regression(
        means, variances, occupancies, sums, lambda n, v: n / np.sqrt(v), lambda n, v, s: s / np.sqrt(v)
    )


@mistake(
    "mllr_transform",
    "Your rule has no shift: it goes through the origin. Put a 1 in front of every mean.",
)
def without_shift(means, variances, occupancies, sums):
    reference.mllr_transform(means, variances, occupancies, sums)
    dim = means.shape[-1]
    means, variances, sums = (values.reshape(-1, dim) for values in (means, variances, sums))
    occupancies, rows = occupancies.reshape(-1), []
    for d in range(dim):
        left = (means.T * (occupancies / variances[:, d])) @ means
        rows.append(np.linalg.lstsq(left, means.T @ (sums[:, d] / variances[:, d]), rcond=None)[0])
    return np.insert(np.array(rows), 0, 0.0, axis=1)


@mistake(
    "mllr_transform",
    "Your matrix takes the new voice to the model. It must take the model's means to the new voice.",
)
def the_other_way_round(means, variances, occupancies, sums):
    transform = reference.mllr_transform(means, variances, occupancies, sums)
    back = np.linalg.pinv(transform[:, 1:])
    return np.insert(back, 0, -back @ transform[:, 0], axis=1)


# --- transform_means -----------------------------------------------------------------------------


def refuse_misfit(transform, means):
    if transform.shape != (means.shape[-1], means.shape[-1] + 1):
        raise ValueError("the transform does not fit")


@mistake("transform_means", "You took the last column for the shift. The 1 stands in front of the mean.")
def shift_from_the_last_column(transform, means):
    refuse_misfit(transform, means)
    return transform[:, -1] + means @ transform[:, :-1].T


@mistake("transform_means", "The shift is missing: column 0 is added to every mean.")
def shift_left_out(transform, means):
    refuse_misfit(transform, means)
    return means @ transform[:, 1:].T


@mistake(
    "transform_means",
    "The matrix stands the wrong way round: dimension d of the result is row d of the transform times the"
    " mean.",
)
def matrix_transposed(transform, means):
    refuse_misfit(transform, means)
    return transform[:, 0] + means @ transform[:, 1:]


@mistake("transform_means", "You added the change to the old mean. The transform gives the new mean itself.")
def change_added(transform, means):
    return means + reference.transform_means(transform, means)
