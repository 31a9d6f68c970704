# ---
# jupyter:
#   lab:
#     title: Hidden Markov models
#     topic: 5
#     minutes: 240
#     difficulty: 4
#     needs: [t03_mel_features]
#     libraries: [numpy]
#     covers:
#       "Markov chains and state transitions": sample_states
#       "HMM components: states, observations, transition matrix, emission matrix": categorical_log_obs
#       "Three HMM problems:": "passage: The idea: three questions"
#       "1. Evaluation — Forward algorithm": forward
#       "2. Decoding — Viterbi algorithm": viterbi
#       "3. Learning — Baum-Welch (EM algorithm)": baum_welch_step
#       "HMM for phoneme modeling": join_models
#       "Practice: Implement HMM for digit recognition": "passage: Practice: recognise spoken digits"
#       "Viterbi: HMM decoding, best path": viterbi
#       "Baum-Welch: HMM training": baum_welch_step
# ---

# %% [markdown]
# # Hidden Markov models
#
# Play both clips. One person says one word, twice.

# %%
import numpy as np
from jaxtyping import Float, Int

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table
from labkit.parts import t03_mel_features as mel_features

digits = corpora.digits()
speaker = digits.speakers[-1]
sevens = sorted(digits.filter(text="seven", speaker=speaker), key=lambda clip: clip.duration)
shortest, longest = sevens[len(sevens) // 20], sevens[-1 - len(sevens) // 20]
play(
    {f"seven, {clip.duration:.2f} s": clip.samples for clip in (shortest, longest)},
    digits.sample_rate,
)

# %% [markdown]
# You heard the same word. A program that compares them frame by frame does not: when the short clip is
# at its end, the long one is still in the middle of the word.
#
# Speech is elastic. What stays the same is the *order* of the sounds: s, then e, then v, then e,
# then n. A **hidden Markov model** (HMM) knows that order and lets each sound last as long as it
# likes.
#
# ## What you will build
#
# Fourteen short functions. Together they learn a model of each digit from recordings, tell which
# digit a new recording is, and mark where in it each sound begins. Nothing but numpy.
#
# HMMs carried speech recognition from about 1980 to 2012. They still work where *times* are needed:
# the Montreal Forced Aligner, built on Kaldi, cuts the recordings that speech synthesisers are
# trained on into phonemes. It does so with the Viterbi algorithm that you write here.

# %% [markdown]
# ## The idea: three questions
#
# Somebody talks next door. You cannot hear words, only whether each second is *quiet* or *loud*.
# Behind the wall the talker is in one of two **states**: 0, a pause, or 1, speech. The state is
# hidden. You see only **observations** that depend on it.
#
# Three tables describe everything:
#
# | table | here | meaning |
# |---|---|---|
# | `initial` | 0.5, 0.5 | the first second is as likely a pause as speech |
# | `transition` | row 0: 0.9, 0.1 · row 1: 0.2, 0.8 | row *i*: from state *i*, where next? |
# | `emission` | row 0: 0.9, 0.1 · row 1: 0.3, 0.7 | row *i*: in state *i*, quiet or loud? |
#
# You hear *quiet, loud*. Two hidden states in two seconds make four **paths**. Each path has a
# probability: initial × emission × transition × emission.
#
# | path | product | probability |
# |---|---|---|
# | pause, pause | 0.5 · 0.9 · 0.9 · 0.1 | 0.0405 |
# | pause, speech | 0.5 · 0.9 · 0.1 · 0.7 | 0.0315 |
# | speech, pause | 0.5 · 0.3 · 0.2 · 0.1 | 0.0030 |
# | speech, speech | 0.5 · 0.3 · 0.8 · 0.7 | 0.0840 |
#
# Those four numbers answer the three questions that everything in this lab is about:
#
# 1. **Evaluation**: how likely is *quiet, loud* at all? Add the paths: 0.159. Ask ten word models
#    and you have a recogniser. (The forward algorithm.)
# 2. **Decoding**: what happened behind the wall? Take the best path: speech all along, although the
#    first second was quiet. (The Viterbi algorithm.)
# 3. **Learning**: were the tables right? Speech explains the first second with weight
#    (0.0030 + 0.0840) / 0.159 = 0.55. Count with such weights, and improve the tables.
#    (The Baum-Welch algorithm.)
#
# Listing paths works for two seconds. With $N$ states and $T$ frames there are $N^T$ paths: for 10
# states and half a second of speech, $10^{50}$. The three algorithms need $N^2 T$ steps: 5000.
#
# **The formula.** For states $s_1 \dots s_T$ and observations $o_1 \dots o_T$,
#
# $$P(o, s) = \pi_{s_1}\, b_{s_1}(o_1) \prod_{t=2}^{T} a_{s_{t-1} s_t}\, b_{s_t}(o_t)$$
#
# $\pi$ is `initial`, $a$ is `transition`, $b$ is the emission. Keep the two-second example at hand:
# you will meet its numbers in every part.

# %%
initial = np.array([0.5, 0.5])
transition = np.array([[0.9, 0.1], [0.2, 0.8]])
emission = np.array([[0.9, 0.1], [0.3, 0.7]])  # columns: quiet, loud
heard = np.array([0, 1])

# %% [markdown]
# ## Part 1: where a chain settles
#
# Forget the observations for a moment. The states alone are a **Markov chain**: tomorrow depends on
# today, not on yesterday. Row $i$ of `transition` says where the chain goes from state $i$.
#
# In the long run, how much of the time is speech? Count the traffic. Speech begins with probability
# 0.1 whenever there is a pause, and ends with probability 0.2 whenever there is speech. Over a long
# time as many begin as end: $0.1\,\pi_0 = 0.2\,\pi_1$. So pauses take two thirds of the time.
#
# In general, one step of the chain must leave the shares $\pi$ as they are:
# $\pi_j = \sum_i \pi_i\, a_{ij}$, and the shares sum to 1.


# %% part="stationary_distribution" points=3 difficulty=2 minutes=15 forbids="hmmlearn"
def stationary_distribution(transition: Float[np.ndarray, "states states"]) -> Float[np.ndarray, "states"]:
    """Shares of time that a Markov chain spends in its states in the long run.

    Args:
        transition: transition[i, j] is the probability of going from state i to state j.
    Returns:
        Probabilities that one step of the chain leaves unchanged. They exist for chains that
        alternate for ever, too.
    Raises:
        ValueError: if `transition` is not square, holds a negative number, has a row that does not
            sum to 1 (within 1e-6), or leaves several answers because the chain falls apart.
    Source: Norris, Markov Chains (1997), section 1.7.
    Example:
        >>> stationary_distribution(np.array([[0.9, 0.1], [0.2, 0.8]])).round(3).tolist()
        [0.667, 0.333]
    """
    ### BEGIN SOLUTION
    n_states = len(transition)
    if transition.shape != (n_states, n_states):
        raise ValueError(f"transition has shape {transition.shape}, expected a square matrix")
    if np.any(transition < 0):
        raise ValueError(f"transition holds {transition.min()}, expected no negative probability")
    if np.any(np.abs(transition.sum(axis=1) - 1) > 1e-6):
        raise ValueError(f"rows of transition sum to {transition.sum(axis=1)}, expected 1 for each")
    # N equations "what flows in, flows out" and one "all shares together are 1", for N unknowns
    equations = np.vstack([transition.T - np.eye(n_states), np.ones(n_states)])
    shares, _, rank, _ = np.linalg.lstsq(equations, np.eye(n_states + 1)[-1], rcond=None)
    if rank < n_states:
        raise ValueError("transition splits into separate chains, expected one: the answer is not unique")
    return np.maximum(shares, 0)  # rounding can leave -1e-17 where the share is 0
    ### END SOLUTION


# %% [markdown] hints="stationary_distribution"
# 1. "One step changes nothing" is a set of linear equations in the unknown shares. How many
#    equations, how many unknowns?
# 2. $\pi A = \pi$ is $(A^\top - I)\,\pi = 0$. That alone allows $\pi = 0$: add the equation that all
#    shares sum to 1. Multiplying the chain out many times is no way: a chain that alternates between
#    two states never comes to rest.
# 3. Stack $A^\top - I$ on a row of ones, and solve for the right-hand side $0, \dots, 0, 1$ with
#    `np.linalg.lstsq`. It returns the rank as well: fewer than N means several answers.

# %% [markdown]
# ## Part 2: let the chain run
#
# Now draw a path. The chain is in a state; its row of `transition` is a loaded die. How do you throw
# a loaded die with one uniform random number $u$ between 0 and 1?
#
# Lay the probabilities end to end. For 0.9 and 0.1, state 0 owns the stretch from 0 to 0.9 and state
# 1 the stretch from 0.9 to 1. The number $u = 0.93$ falls into the stretch of state 1. A stretch owns
# its left end but not its right end, so that a state with probability 0 owns nothing.


# %% part="sample_states" points=3 difficulty=2 minutes=10
def sample_states(
    initial: Float[np.ndarray, "states"],
    transition: Float[np.ndarray, "states states"],
    uniforms: Float[np.ndarray, "frames"],
) -> Int[np.ndarray, "frames"]:
    """A random walk of a Markov chain, drawn with given random numbers.

    Args:
        initial: probabilities of the first state.
        transition: transition[i, j] is the probability of going from state i to state j.
        uniforms: one number in [0, 1) per frame; uniforms[t] decides the state of frame t.
    Returns:
        State numbers. Frame t takes state j if uniforms[t] lies between the cumulative
        probabilities of the states below j (included) and of the states up to j (excluded).
    Raises:
        ValueError: if a number in `uniforms` is not in [0, 1).
    Source: Devroye, Non-Uniform Random Variate Generation (1986), section III.2.
    Example:
        >>> walk = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> sample_states(np.array([0.5, 0.5]), walk, np.array([0.2, 0.95, 0.5])).tolist()
        [0, 1, 1]
    """
    ### BEGIN SOLUTION
    if np.any((uniforms < 0) | (uniforms >= 1)):
        raise ValueError(f"uniforms span {uniforms.min()} to {uniforms.max()}, expected [0, 1)")
    states = np.empty(len(uniforms), dtype=int)
    weights = initial
    for t, uniform in enumerate(uniforms):
        ends = np.cumsum(weights)
        # ends[-1] may be 0.9999999999999999: measured in it, the last stretch ends exactly at 1
        states[t] = np.searchsorted(ends, uniform * ends[-1], side="right")
        weights = transition[states[t]]
    return states
    ### END SOLUTION


# %% [markdown] hints="sample_states"
# 1. Two things change from frame to frame: the random number and the row of probabilities. Which row
#    counts for the first frame?
# 2. `np.cumsum` of a row gives the right ends of the stretches. You look for the first end that is
#    greater than $u$.
# 3. `np.searchsorted(ends, u, side="right")` is that search. Start with `initial`, then always use the
#    row of the state just drawn.

# %% [markdown]
# Hear it. Every state is a tone. The first chain may go anywhere at any time. The second can only
# stay or climb: it is the kind that models a word.

# %%
TONES = np.array([262.0, 330.0, 392.0, 523.0])  # Hz


def sonify(states, seconds_per_frame=0.12, sample_rate=8000):
    """One short tone per frame of a state path."""
    time = np.arange(int(seconds_per_frame * sample_rate)) / sample_rate
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.01)
    return np.concatenate([0.3 * fade * np.sin(2 * np.pi * TONES[state] * time) for state in states])


uniforms = np.random.default_rng(5).uniform(size=24)
anywhere = np.full((4, 4), 0.25)
climbing = np.array([[0.8, 0.2, 0, 0], [0, 0.8, 0.2, 0], [0, 0, 0.8, 0.2], [0, 0, 0, 1]])
walks = {
    "goes anywhere": sample_states(np.full(4, 0.25), anywhere, uniforms),
    "stays or climbs": sample_states(np.eye(4)[0], climbing, uniforms),
}
plot.lines(walks, x_label="frame", y_label="state", title="Two Markov chains, the same random numbers")
play({name: sonify(walk) for name, walk in walks.items()}, 8000)

# %% [markdown]
# ## Part 3: the emission matrix
#
# Back to the wall. The talker's state is hidden; what you get is *quiet* (symbol 0) or *loud*
# (symbol 1). Row $i$ of the **emission matrix** says how probable each symbol is in state $i$.
#
# All that the algorithms need to know about an observation is one number per state: how well does
# this state explain it? From here on that number is a *logarithm*, for a reason that Part 4 shows.
# The table of these numbers is `log_obs`, one row per frame, one column per state. For *quiet, loud*:
#
# | | pause | speech |
# |---|---|---|
# | quiet | ln 0.9 = −0.105 | ln 0.3 = −1.204 |
# | loud | ln 0.1 = −2.303 | ln 0.7 = −0.357 |


# %% part="categorical_log_obs" points=2 difficulty=1 minutes=10
def categorical_log_obs(
    symbols: Int[np.ndarray, "frames"], emission: Float[np.ndarray, "states symbols"]
) -> Float[np.ndarray, "frames states"]:
    """Log-probability of every observed symbol in every state.

    Args:
        symbols: observed symbol numbers, from 0.
        emission: emission[i, k] is the probability that state i emits symbol k; zeros are allowed.
    Returns:
        Natural logarithms; -inf where the probability is zero.
    Raises:
        ValueError: if a symbol has no column in `emission`.
    Source: Rabiner 1989, section II.D, the distribution B.
    Example:
        >>> speech = np.array([[0.9, 0.1], [0.3, 0.7]])
        >>> categorical_log_obs(np.array([0, 1]), speech).round(3).tolist()
        [[-0.105, -1.204], [-2.303, -0.357]]
    """
    ### BEGIN SOLUTION
    n_symbols = emission.shape[1]
    if np.any((symbols < 0) | (symbols >= n_symbols)):
        raise ValueError(f"symbols span {symbols.min()} to {symbols.max()}, expected 0 to {n_symbols - 1}")
    with np.errstate(divide="ignore"):  # ln 0 = -inf is what we want, not a warning
        return np.log(emission)[:, symbols].T
    ### END SOLUTION


# %% [markdown] hints="categorical_log_obs"
# 1. Which column of `emission` belongs to the symbol of frame $t$? And which way round is the result?
# 2. numpy picks many columns at once: `emission[:, symbols]` has one row per *state*. A symbol of −1
#    would quietly pick the last column: refuse it first.
# 3. Logarithm, columns, transpose. `with np.errstate(divide="ignore"):` keeps ln 0 silent.

# %% [markdown]
# ## Part 4: adding without leaving the logarithm
#
# Products of probabilities die. Take a frame that every state explains with probability $10^{-30}$,
# an ordinary value for speech features. After 11 frames the product is $10^{-330}$. The smallest
# float64 is about $5 \cdot 10^{-324}$: your number is now 0, and so is every number after it.
#
# Logarithms do not die: $-69$ per frame, $-760$ after eleven. Products become sums. But question 1
# asks for a *sum* of probabilities, and there is no rule for the logarithm of a sum.
#
# **A number first.** Add $e^{-1000}$ and $e^{-1000}$, given as $-1000$ and $-1000$. Both underflow.
# Pull out the larger one: $e^{-1000}(1 + 1)$. So the answer is $-1000 + \ln 2 = -999.307$. Nothing
# underflowed.
#
# $$\ln \sum_i e^{v_i} = m + \ln \sum_i e^{v_i - m}, \qquad m = \max_i v_i$$
#
# One case needs thought: all $v_i = -\infty$, a sum of zeros. Then $v_i - m$ is $\infty - \infty$,
# which is not a number. The answer must be $-\infty$.


# %% part="log_sum_exp" points=3 difficulty=2 minutes=10 forbids="scipy.special hmmlearn"
def log_sum_exp(values: Float[np.ndarray, "*shape"], axis: int = -1) -> Float[np.ndarray, "*rest"]:
    """Logarithm of the sum of exponentials along an axis, without overflow or underflow.

    Args:
        values: natural logarithms of what is to be added; -inf stands for zero.
        axis: the axis to add along; the result does not have it any more.
    Returns:
        ln Σ exp(values); -inf where every value is -inf. A scalar for a vector.
    Source: Blanchard, Higham & Higham, Accurately computing the log-sum-exp (2021), section 3.
    Example:
        >>> log_sum_exp(np.array([-1000.0, -1000.0])).round(3).item()
        -999.307
    """
    ### BEGIN SOLUTION
    peak = np.max(values, axis=axis, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0.0)  # -inf - (-inf) would be NaN
    with np.errstate(divide="ignore"):
        return np.log(np.sum(np.exp(values - peak), axis=axis)) + np.squeeze(peak, axis=axis)
    ### END SOLUTION


# %% [markdown] hints="log_sum_exp"
# 1. What number can you subtract from all values so that the largest exponential is exactly 1? What
#    must you then do to the result?
# 2. The maximum is taken along the same axis as the sum; `keepdims=True` makes the subtraction line up.
#    If that maximum is $-\infty$, subtract 0 instead.
# 3. `peak = values.max(axis, keepdims=True)`, replace what is not finite by 0, then
#    `np.log(np.exp(values - peak).sum(axis))` plus the squeezed peak.

# %% [markdown]
# ## Part 5: one step of the chain, in logarithms
#
# Suppose frame 1 left the weights 0.45 for pause and 0.15 for speech. One step of the chain mixes
# them: pause gets $0.45 \cdot 0.9 + 0.15 \cdot 0.2 = 0.435$, speech gets
# $0.45 \cdot 0.1 + 0.15 \cdot 0.8 = 0.165$. That is a vector times a matrix. You have the logarithms
# of the weights and want the logarithms of the result:
#
# $$\text{next}_j = \ln \sum_i e^{w_i}\, a_{ij} = \operatorname{logsumexp}_i\,(w_i + \ln a_{ij})$$
#
# This one line is the engine of both the forward and the backward algorithm.


# %% part="log_step" points=3 difficulty=2 minutes=10
def log_step(
    log_weights: Float[np.ndarray, "states"], matrix: Float[np.ndarray, "states targets"]
) -> Float[np.ndarray, "targets"]:
    """Logarithm of a vector of weights times a matrix, for weights given as logarithms.

    Args:
        log_weights: natural logarithms of non-negative weights; -inf stands for zero.
        matrix: non-negative numbers, not logarithms; zeros are allowed.
    Returns:
        ln Σ_i exp(log_weights[i]) · matrix[i, j] for every j; -inf where all products are zero.
        Exact however far apart the weights are.
    Source: Rabiner 1989, section V.A, gives the other remedy, scaling.
    Example:
        >>> log_step(np.log([0.45, 0.15]), np.array([[0.9, 0.1], [0.2, 0.8]])).round(3).tolist()
        [-0.832, -1.802]
    """
    ### BEGIN SOLUTION
    # In plain words: log_sum_exp(log_weights[:, None] + np.log(matrix), axis=0). The detour below
    # gives the same numbers twice as fast: shifted so that the largest weight is 1, one matrix
    # product does it. Weights below e^-745 become 0 there, which matters only to a target that
    # nearly nothing else reaches; those few are done again one pair at a time, by np.logaddexp.
    peak = log_weights.max()
    if peak == -np.inf:
        return np.full(matrix.shape[1], -np.inf)
    sums = np.exp(log_weights - peak) @ matrix
    if sums.min() > 1e-290:
        return np.log(sums) + peak
    with np.errstate(divide="ignore"):
        result = np.log(sums) + peak
        faint = sums <= 1e-290
        result[faint] = np.logaddexp.reduce(log_weights[:, None] + np.log(matrix[:, faint]), axis=0)
    return result
    ### END SOLUTION


# %% [markdown] hints="log_step"
# 1. Write the product of a vector and a matrix as a sum. Which index is summed over?
# 2. You need a table with one entry per pair (from, to): the weight of *from* plus the logarithm of
#    the matrix entry. Then `log_sum_exp` along the axis of *from*.
# 3. `log_sum_exp(log_weights[:, None] + np.log(matrix), axis=0)`, inside
#    `with np.errstate(divide="ignore"):` because of the zeros.

# %% [markdown]
# ## Part 6: the forward algorithm
#
# Question 1: how likely are the observations? Walk through time and keep, for each state, the summed
# probability of *all* paths that end there and explain everything so far. This is $\alpha$.
#
# | | pause | speech |
# |---|---|---|
# | quiet | 0.5 · 0.9 = 0.45 | 0.5 · 0.3 = 0.15 |
# | loud | (0.45 · 0.9 + 0.15 · 0.2) · 0.1 = 0.0435 | (0.45 · 0.1 + 0.15 · 0.8) · 0.7 = 0.1155 |
#
# The last row sums to 0.159: the same as the four paths, but two numbers per frame were enough. That
# is the whole trick. Paths that meet in a state share their future, so they can be added where they
# meet.
#
# $$\alpha_1(j) = \pi_j\, b_j(o_1), \qquad
# \alpha_t(j) = \Big(\sum_i \alpha_{t-1}(i)\, a_{ij}\Big)\, b_j(o_t)$$


# %% part="forward" points=5 difficulty=3 minutes=20 forbids="hmmlearn"
def forward(
    initial: Float[np.ndarray, "states"],
    transition: Float[np.ndarray, "states states"],
    log_obs: Float[np.ndarray, "frames states"],
) -> Float[np.ndarray, "frames states"]:
    """Forward algorithm: log-probability of the past and the present, ending in each state.

    Args:
        initial: probabilities of the first state; zeros are allowed.
        transition: transition[i, j] is the probability of going from state i to state j; zeros are
            allowed.
        log_obs: natural log-probability (or density) of each frame's observation in each state.
    Returns:
        log_alpha: log_alpha[t, j] = ln P(observations 0 to t, state j at t); -inf where impossible.
        log_sum_exp(log_alpha[-1]) is the log-likelihood of the sequence.
    Raises:
        ValueError: if `log_obs` holds no frames.
    Source: Rabiner 1989, equations 19 to 21.
    Example:
        >>> log_obs = np.log([[0.9, 0.3], [0.1, 0.7]])
        >>> alpha = np.exp(forward(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]]), log_obs))
        >>> alpha.round(4).tolist()
        [[0.45, 0.15], [0.0435, 0.1155]]
    """
    ### BEGIN SOLUTION
    if len(log_obs) == 0:
        raise ValueError("log_obs holds no frames, expected at least one")
    log_alpha = np.empty(log_obs.shape)
    with np.errstate(divide="ignore"):
        log_alpha[0] = np.log(initial) + log_obs[0]
    for t in range(1, len(log_obs)):
        log_alpha[t] = log_step(log_alpha[t - 1], transition) + log_obs[t]
    return log_alpha
    ### END SOLUTION


# %% [markdown] hints="forward"
# 1. Every frame does two things: take one step of the chain, then account for what was observed. The
#    first frame has no step to take. What stands in its place?
# 2. Products are sums of logarithms. `log_step` of the row before gives all states at once.
# 3. `log_alpha[0] = np.log(initial) + log_obs[0]`, then for every later frame
#    `log_step(log_alpha[t - 1], transition) + log_obs[t]`.

# %% [markdown]
# ## Part 7: the Viterbi algorithm
#
# Question 2: which path? Replace the sum by a maximum, and remember who won.
#
# | | pause | speech |
# |---|---|---|
# | quiet | 0.45 | 0.15 |
# | loud | max(**0.45 · 0.9**, 0.15 · 0.2) · 0.1 = 0.0405 | max(0.45 · 0.1, **0.15 · 0.8**) · 0.7 = 0.0840 |
# | came from | pause | speech |
#
# At the end the best is 0.0840, in speech. Where did it come from? Speech. Read the notes from the
# last frame to the first, and you have the path.
#
# After *quiet* alone, pause was three times as likely as speech. A program that decides frame by
# frame would have said "pause" there and could not take it back. Viterbi decides only at the end.
#
# $$\delta_t(j) = \max_i \big(\delta_{t-1}(i) + \ln a_{ij}\big) + \ln b_j(o_t)$$


# %% part="viterbi" points=5 difficulty=3 minutes=25 forbids="hmmlearn"
def viterbi(
    initial: Float[np.ndarray, "states"],
    transition: Float[np.ndarray, "states states"],
    log_obs: Float[np.ndarray, "frames states"],
) -> tuple[Int[np.ndarray, "frames"], float]:
    """Viterbi algorithm: the most probable path through the states.

    Args:
        initial: probabilities of the first state; zeros are allowed.
        transition: transition[i, j] is the probability of going from state i to state j; zeros are
            allowed.
        log_obs: natural log-probability (or density) of each frame's observation in each state.
    Returns:
        The path, one state number per frame, and ln P(observations, path). If several paths are
        equally good, any of them. If none is possible, the log-probability is -inf and the path
        means nothing.
    Raises:
        ValueError: if `log_obs` holds no frames.
    Source: Rabiner 1989, equations 32 to 35; Viterbi 1967.
    Example:
        >>> log_obs = np.log([[0.9, 0.3], [0.1, 0.7]])
        >>> path, log_prob = viterbi(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]]), log_obs)
        >>> path.tolist(), round(float(np.exp(log_prob)), 4)
        ([1, 1], 0.084)
    """
    ### BEGIN SOLUTION
    n_frames, n_states = log_obs.shape
    if n_frames == 0:
        raise ValueError("log_obs holds no frames, expected at least one")
    with np.errstate(divide="ignore"):
        best = np.log(initial) + log_obs[0]
        # row j: all ways into state j, side by side in memory, where argmax is fastest
        log_into = np.ascontiguousarray(np.log(transition).T)
    came_from = np.empty((n_frames, n_states), dtype=int)
    candidates = np.empty((n_states, n_states))  # one buffer for all frames
    every_state = np.arange(n_states)
    for t in range(1, n_frames):
        np.add(log_into, best, out=candidates)
        winners = candidates.argmax(axis=1)
        best = candidates[every_state, winners] + log_obs[t]
        came_from[t] = winners

    path = np.empty(n_frames, dtype=int)
    path[-1] = best.argmax()
    for t in range(n_frames - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path, float(best.max())
    ### END SOLUTION


# %% [markdown] hints="viterbi"
# 1. It is the forward algorithm with a maximum in place of the sum, and a second table: for each frame
#    and state, which state before it gave that maximum?
# 2. Build the table (from, to) of $\delta_{t-1}(i) + \ln a_{ij}$; take `max` and `argmax` along *from*.
#    Only the last frame is chosen by its own score. Every earlier state is looked up.
# 3. After the loop: `path[-1] = best.argmax()`, then for t from the last frame down to 1:
#    `path[t - 1] = came_from[t, path[t]]`.

# %% [markdown]
# ## Part 8: the backward algorithm
#
# Question 3 needs to know what each state did *in the light of everything*, also of what came later.
# Forward looked at the past. Backward does the same for the future: $\beta_t(i)$ is the probability of
# all observations *after* frame $t$, given state $i$ at $t$.
#
# After the last frame nothing remains to be explained, which is certain: 1. One frame earlier:
#
# | | pause | speech |
# |---|---|---|
# | quiet | 0.9 · 0.1 + 0.1 · 0.7 = 0.16 | 0.2 · 0.1 + 0.8 · 0.7 = 0.58 |
# | loud | 1 | 1 |
#
# Test it with the first row of $\alpha$: $0.45 \cdot 0.16 + 0.15 \cdot 0.58 = 0.159$. The same total,
# from the other side. It comes out at *every* frame, which is a fine way to find errors.
#
# $$\beta_T(i) = 1, \qquad \beta_t(i) = \sum_j a_{ij}\, b_j(o_{t+1})\, \beta_{t+1}(j)$$


# %% part="backward" points=4 difficulty=3 minutes=15 forbids="hmmlearn"
def backward(
    transition: Float[np.ndarray, "states states"], log_obs: Float[np.ndarray, "frames states"]
) -> Float[np.ndarray, "frames states"]:
    """Backward algorithm: log-probability of the future, from each state.

    Args:
        transition: transition[i, j] is the probability of going from state i to state j; zeros are
            allowed.
        log_obs: natural log-probability (or density) of each frame's observation in each state.
    Returns:
        log_beta: log_beta[t, i] = ln P(observations t+1 to the end | state i at t); -inf where
        impossible, 0 in the last row.
    Raises:
        ValueError: if `log_obs` holds no frames.
    Source: Rabiner 1989, equations 24 and 25.
    Example:
        >>> log_obs = np.log([[0.9, 0.3], [0.1, 0.7]])
        >>> np.exp(backward(np.array([[0.9, 0.1], [0.2, 0.8]]), log_obs)).round(2).tolist()
        [[0.16, 0.58], [1.0, 1.0]]
    """
    ### BEGIN SOLUTION
    if len(log_obs) == 0:
        raise ValueError("log_obs holds no frames, expected at least one")
    log_beta = np.zeros(log_obs.shape)
    for t in range(len(log_obs) - 2, -1, -1):
        log_beta[t] = log_step(log_obs[t + 1] + log_beta[t + 1], transition.T)
    return log_beta
    ### END SOLUTION


# %% [markdown] hints="backward"
# 1. The last row is ln 1. From there, which frame's observation do you need to fill the row before?
# 2. $\sum_j a_{ij} w_j$ sums over the *columns* of the matrix, and `log_step` sums over its rows. What
#    do you have to do to the matrix?
# 3. From `t = T - 2` down to 0: `log_step(log_obs[t + 1] + log_beta[t + 1], transition.T)`.

# %% [markdown]
# ## Part 9: which state, when?
#
# Past times future: $\alpha_1 \beta_1$ is $0.45 \cdot 0.16 = 0.072$ for pause and
# $0.15 \cdot 0.58 = 0.087$ for speech. Divided by their sum 0.159: 0.453 and 0.547. Looking back from
# the end, the first second was more likely speech. These shares are $\gamma$, the **state
# posteriors**.
#
# $$\gamma_t(i) = \frac{\alpha_t(i)\, \beta_t(i)}{\sum_k \alpha_t(k)\, \beta_t(k)}$$


# %% part="state_posteriors" points=3 difficulty=2 minutes=10 forbids="hmmlearn"
def state_posteriors(
    log_alpha: Float[np.ndarray, "frames states"], log_beta: Float[np.ndarray, "frames states"]
) -> Float[np.ndarray, "frames states"]:
    """Probability of every state at every frame, given all observations.

    Args:
        log_alpha: from `forward`.
        log_beta: from `backward`.
    Returns:
        gamma: probabilities, not logarithms; each row sums to 1.
    Raises:
        ValueError: if the sequence is impossible: no state has a probability above zero at some frame.
    Source: Rabiner 1989, equation 27.
    Example:
        >>> log_alpha = np.log([[0.45, 0.15], [0.0435, 0.1155]])
        >>> log_beta = np.log([[0.16, 0.58], [1.0, 1.0]])
        >>> state_posteriors(log_alpha, log_beta).round(3).tolist()
        [[0.453, 0.547], [0.274, 0.726]]
    """
    ### BEGIN SOLUTION
    log_joint = log_alpha + log_beta
    log_total = log_sum_exp(log_joint, axis=1)
    if np.any(log_total == -np.inf):
        raise ValueError(f"frame {np.argmin(log_total)} of log_alpha + log_beta is -inf: impossible sequence")
    return np.exp(log_joint - log_total[:, None])
    ### END SOLUTION


# %% [markdown] hints="state_posteriors"
# 1. At one frame, all states together must have probability 1. So which axis is summed over?
# 2. Normalise while still in the logarithm: subtract the log of the sum. Exponentials taken too early
#    are all zero on a long sequence.
# 3. `log_joint = log_alpha + log_beta`; subtract `log_sum_exp(log_joint, axis=1)[:, None]`; only then
#    `np.exp`.

# %% [markdown]
# ## Part 10: which step, when?
#
# To improve `transition` we must count steps from $i$ to $j$. They are hidden, too, so again we count
# with weights. Between quiet and loud only one step was made, and its four possibilities are the four
# paths of the first table: 0.0405, 0.0315, 0.0030 and 0.0840, divided by 0.159. Those are $\xi$:
#
# | from \ to | pause | speech |
# |---|---|---|
# | pause | 0.255 | 0.198 |
# | speech | 0.019 | 0.528 |
#
# Summed along a row, they give $\gamma$ of the first frame: 0.453 and 0.547.
#
# $$\xi_t(i, j) = \frac{\alpha_t(i)\, a_{ij}\, b_j(o_{t+1})\, \beta_{t+1}(j)}{P(o)}$$


# %% part="transition_posteriors" points=4 difficulty=3 minutes=20 forbids="hmmlearn"
def transition_posteriors(
    log_alpha: Float[np.ndarray, "frames states"],
    log_beta: Float[np.ndarray, "frames states"],
    transition: Float[np.ndarray, "states states"],
    log_obs: Float[np.ndarray, "frames states"],
) -> Float[np.ndarray, "frames-1 states states"]:
    """Probability of every transition between each frame and the next, given all observations.

    Args:
        log_alpha: from `forward`.
        log_beta: from `backward`.
        transition: transition[i, j] is the probability of going from state i to state j.
        log_obs: natural log-probability (or density) of each frame's observation in each state.
    Returns:
        xi: xi[t, i, j] = P(state i at t, state j at t + 1 | all observations). Probabilities, not
        logarithms; each xi[t] sums to 1. Shape [0, states, states] for a single frame.
    Raises:
        ValueError: if the sequence is impossible.
    Source: Rabiner 1989, equation 37.
    Example:
        >>> log_alpha = np.log([[0.45, 0.15], [0.0435, 0.1155]])
        >>> log_beta = np.log([[0.16, 0.58], [1.0, 1.0]])
        >>> walk, log_obs = np.array([[0.9, 0.1], [0.2, 0.8]]), np.log([[0.9, 0.3], [0.1, 0.7]])
        >>> transition_posteriors(log_alpha, log_beta, walk, log_obs).round(3).tolist()
        [[[0.255, 0.198], [0.019, 0.528]]]
    """
    ### BEGIN SOLUTION
    log_likelihood = log_sum_exp(log_alpha[-1])
    if log_likelihood == -np.inf:
        raise ValueError("the last row of log_alpha is -inf throughout: an impossible sequence")
    with np.errstate(divide="ignore"):
        log_transition = np.log(transition)
    log_future = log_obs[1:] + log_beta[1:]
    log_joint = log_alpha[:-1, :, None] + log_transition + log_future[:, None, :]
    return np.exp(log_joint - log_likelihood)
    ### END SOLUTION


# %% [markdown] hints="transition_posteriors"
# 1. A step has four ingredients: everything up to $t$ in state $i$, the step itself, the observation
#    *at its end*, everything after. Which of the four has index $t$ and which $t + 1$?
# 2. Give each ingredient three axes (frame, from, to) with `None`: $\alpha$ lacks *to*, the transition
#    lacks *frame*, the future lacks *from*. Broadcasting does the rest.
# 3. `log_alpha[:-1, :, None] + np.log(transition) + (log_obs + log_beta)[1:, None, :]`, minus the
#    log-likelihood `log_sum_exp(log_alpha[-1])`, then `np.exp`.

# %% [markdown]
# ## Part 11: from symbols to sounds
#
# Speech does not come as *quiet* or *loud* but as vectors: cepstra, 13 numbers per frame, from the lab
# before. A table with a column for each possible vector is impossible. So let each state have a
# typical vector (its mean) and a tolerance in each dimension (its variance): a **Gaussian**.
#
# **A number first.** One dimension, mean 0, variance 1, observed 1. The density is
# $e^{-1/2} / \sqrt{2\pi} = 0.242$, its logarithm $-1.419$. With variance 4 the same observation is
# only half a standard deviation off, but the bell is twice as wide and half as high:
# $-1/8 - \ln 2 - 0.919 = -1.737$. A wide bell is punished for its width.
#
# The dimensions are taken as independent (cepstra nearly are: that is what the DCT was for), so their
# logarithms add up:
#
# $$\ln b_j(o) = -\tfrac12 \sum_{d=1}^{D}
# \left( \ln 2\pi\sigma^2_{jd} + \frac{(o_d - \mu_{jd})^2}{\sigma^2_{jd}} \right)$$


# %% part="gaussian_log_obs" points=3 difficulty=2 minutes=15 forbids="hmmlearn"
def gaussian_log_obs(
    observations: Float[np.ndarray, "frames dimensions"],
    means: Float[np.ndarray, "states dimensions"],
    variances: Float[np.ndarray, "states dimensions"],
) -> Float[np.ndarray, "frames states"]:
    """Log-density of every frame under each state's Gaussian with diagonal covariance.

    Args:
        observations: one feature vector per frame.
        means: one mean vector per state, in the unit of the features.
        variances: one variance per state and dimension, the square of that unit.
    Returns:
        Natural logarithms. Densities may be greater than 1, so these may be positive.
    Raises:
        ValueError: if a variance is not positive.
    Source: Rabiner 1989, section IV.A, with one mixture component.
    Example:
        >>> means, variances = np.array([[0.0], [0.0]]), np.array([[1.0], [4.0]])
        >>> gaussian_log_obs(np.array([[1.0]]), means, variances).round(3).tolist()
        [[-1.419, -1.737]]
    """
    ### BEGIN SOLUTION
    if np.any(variances <= 0):
        raise ValueError(f"variances hold {variances.min()}, expected only positive numbers")
    log_obs = np.empty((len(observations), len(means)))
    # one state at a time: all at once, [frames, states, dimensions], would fill the cache and more
    for state in range(len(means)):
        constant = -0.5 * np.log(2 * np.pi * variances[state]).sum()
        log_obs[:, state] = constant + np.square(observations - means[state]) @ (-0.5 / variances[state])
    return log_obs
    ### END SOLUTION


# %% [markdown] hints="gaussian_log_obs"
# 1. Take the formula apart: what depends on the observation, and what only on the state?
# 2. Never compute the density itself: in 39 dimensions it underflows. Write down its logarithm, and
#    sum over the dimensions, not over the frames.
# 3. `-0.5 * (np.log(2 * np.pi * variances) + (observations[:, None] - means) ** 2 / variances)`, summed
#    over the last axis. A loop over states needs less memory.

# %% [markdown]
# ## Part 12: a model that only goes forward
#
# Words do not run backwards. A **left-to-right** model starts in state 0, and from each state it can
# only stay or go on to the next. The last state keeps what is left of the word.
#
# With a probability of 0.8 to stay, a state is left after 1 frame with probability 0.2, after 2 with
# $0.8 \cdot 0.2$, and so on. On average it lasts $1 / (1 - 0.8) = 5$ frames: 50 ms at a hop of 10 ms,
# about as long as a short sound. Any other length is possible, too. This is where the elasticity is.


# %% part="left_to_right" points=2 difficulty=1 minutes=5
def left_to_right(
    n_states: int, self_loop: float = 0.8
) -> tuple[Float[np.ndarray, "states"], Float[np.ndarray, "states states"]]:
    """Initial and transition probabilities of a left-to-right model without skips.

    Args:
        n_states: number of states.
        self_loop: probability of staying in a state, for all states but the last.
    Returns:
        initial: the model starts in state 0.
        transition: stay, or go on to the next state. The last state is never left.
    Raises:
        ValueError: if `n_states` is less than 1, or `self_loop` is not in [0, 1).
    Source: Rabiner 1989, section IV, the left-right (Bakis) model.
    Example:
        >>> left_to_right(3, self_loop=0.75)[1].tolist()
        [[0.75, 0.25, 0.0], [0.0, 0.75, 0.25], [0.0, 0.0, 1.0]]
    """
    ### BEGIN SOLUTION
    if n_states < 1:
        raise ValueError(f"n_states is {n_states}, expected at least 1")
    if not 0 <= self_loop < 1:
        raise ValueError(f"self_loop is {self_loop}, expected at least 0 and less than 1")
    initial = np.zeros(n_states)
    initial[0] = 1.0
    transition = self_loop * np.eye(n_states) + (1 - self_loop) * np.eye(n_states, k=1)
    transition[-1, -1] = 1.0
    return initial, transition
    ### END SOLUTION


# %% [markdown] hints="left_to_right"
# 1. Draw it for three states. Which entries of the matrix are not zero? What does each row sum to?
# 2. Two diagonals: the main one, and the one just above it. The last row has nowhere to go on to.
# 3. `np.eye(n)` and `np.eye(n, k=1)`, weighted by `self_loop` and `1 - self_loop`; then set the last
#    diagonal entry to 1.

# %% [markdown]
# ## Part 13: from phonemes to words
#
# Ten digits could have ten models, learnt from recordings of ten words. For fifty thousand words
# nobody has the recordings. So large systems model **phonemes**, the sounds of a language (English
# has about 40), each by a left-to-right model of three states: how the sound begins, how it holds, how
# it ends. A word is then a chain of phonemes, and a dictionary tells which. *Seven* is s, eh, v, ah,
# n: five phonemes, fifteen states.
#
# To join two models, open the end of the first. Its last state was never left; now it stays with
# probability `stay`, and with what remains it goes wherever the next model begins. Two models of one
# state each, with `stay` = 0.8: rows (0.8, 0.2) and (0, 1).


# %% part="join_models" points=3 difficulty=3 minutes=20
def join_models(
    models: list[tuple[Float[np.ndarray, "_"], Float[np.ndarray, "_ _"]]], stay: float = 0.8
) -> tuple[Float[np.ndarray, "states"], Float[np.ndarray, "states states"]]:
    """One long model out of several, run through one after the other.

    The states are numbered through: those of the first model, then those of the second, and so on.

    Args:
        models: (initial, transition) of each model, in order. The last state of each is never left.
        stay: probability of staying in the last state of a model that another one follows. With
            probability 1 - stay the chain enters the next model, in a state drawn from that model's
            initial probabilities.
    Returns:
        initial: the chain starts as the first model does.
        transition: of all states together. The last state of the last model is never left.
    Raises:
        ValueError: if `models` is empty, `stay` is not in [0, 1), or the last state of a model can be
            left (its probability of staying is not 1).
    Source: Young et al., The HTK Book 3.4 (2006), section 1.5 (composite models).
    Example:
        >>> initial, transition = join_models([left_to_right(2, 0.5), left_to_right(1)], stay=0.75)
        >>> transition.tolist()
        [[0.5, 0.5, 0.0], [0.0, 0.75, 0.25], [0.0, 0.0, 1.0]]
    """
    ### BEGIN SOLUTION
    if not models:
        raise ValueError("models is empty, expected at least one (initial, transition)")
    if not 0 <= stay < 1:
        raise ValueError(f"stay is {stay}, expected at least 0 and less than 1")
    sizes = [len(own_initial) for own_initial, _ in models]
    starts = np.cumsum([0, *sizes])
    initial = np.zeros(sum(sizes))
    initial[: sizes[0]] = models[0][0]
    transition = np.zeros((sum(sizes), sum(sizes)))
    for number, (own_initial, own_transition) in enumerate(models):
        if own_transition[-1, -1] != 1:
            raise ValueError(
                f"model {number} stays in its last state with {own_transition[-1, -1]}, expected 1"
            )
        own = slice(starts[number], starts[number + 1])
        transition[own, own] = own_transition
        if number > 0:
            before = starts[number] - 1
            transition[before, before] = stay
            transition[before, own] = (1 - stay) * own_initial
    return initial, transition
    ### END SOLUTION


# %% [markdown] hints="join_models"
# 1. The matrices stand as blocks along the diagonal of a large one. Only one row of each block
#    changes. Which?
# 2. Keep a running number: how many states came before this model? The last state of the model before
#    has that number minus 1.
# 3. For each model but the first: `transition[before, before] = stay`, and
#    `transition[before, start:start + size] = (1 - stay) * own_initial`.

# %% [markdown]
# ## Part 14: learning by counting
#
# If the states were visible, learning would be counting: the mean of a state is the average of its
# frames. They are not, but $\gamma$ says how much of each frame belongs to each state. Count with
# those weights.
#
# **A number first.** Three frames, 1, 2 and 6. State 0 holds them with weights 1, 0.5 and 0. Its share
# is 1.5 frames; its mean is $(1 \cdot 1 + 0.5 \cdot 2 + 0 \cdot 6) / 1.5 = 1.333$. Its variance is the
# weighted average of the squared distances from *this new* mean:
# $(1 \cdot 0.111 + 0.5 \cdot 0.444 + 0) / 1.5 = 0.222$.
#
# $$\hat\mu_j = \frac{\sum_t \gamma_t(j)\, o_t}{\sum_t \gamma_t(j)}, \quad
# \hat\sigma^2_j = \frac{\sum_t \gamma_t(j)\, (o_t - \hat\mu_j)^2}{\sum_t \gamma_t(j)}, \quad
# \hat a_{ij} = \frac{\sum_t \xi_t(i, j)}{\sum_{k}\sum_t \xi_t(i, k)}, \quad \hat\pi_j = \gamma_1(j)$$
#
# New parameters give new weights, and so on. This is **Baum-Welch**, an instance of expectation
# maximisation (EM). Every round makes the data at least as likely as before. That is a theorem, and a
# test: if your log-likelihood ever falls, there is an error in your code.
#
# Two practical matters. With several recordings, all sums run over all of them before anything is
# divided. And a state that catches a single frame would get variance 0 and likelihood $\infty$: a
# **variance floor** forbids it.


# %% part="baum_welch_step" points=8 difficulty=4 minutes=40 forbids="hmmlearn"
def baum_welch_step(
    sequences: list[Float[np.ndarray, "_ dimensions"]],
    initial: Float[np.ndarray, "states"],
    transition: Float[np.ndarray, "states states"],
    means: Float[np.ndarray, "states dimensions"],
    variances: Float[np.ndarray, "states dimensions"],
    variance_floor: float = 1e-3,
) -> tuple[
    Float[np.ndarray, "states"],
    Float[np.ndarray, "states states"],
    Float[np.ndarray, "states dimensions"],
    Float[np.ndarray, "states dimensions"],
    float,
]:
    """One round of Baum-Welch for an HMM with one diagonal Gaussian per state.

    Args:
        sequences: feature matrices, one per recording; they may differ in length.
        initial: probabilities of the first state.
        transition: transition[i, j] is the probability of going from state i to state j.
        means: one mean vector per state.
        variances: one variance per state and dimension.
        variance_floor: no new variance is lower, in the squared unit of the features.
    Returns:
        The new initial, transition, means and variances, and the log-likelihood of all sequences
        together under the *old* parameters, the ones passed in. A state that no frame belongs to
        keeps its mean and variance (raised to the floor); a state that is never left again within
        the data, because it is seen in last frames only or not at all, keeps its row of `transition`.
    Raises:
        ValueError: if `sequences` is empty, or one of them is impossible under the model.
    Source: Rabiner 1989, equations 40, 53 and 54, and section V.B for several sequences.
    Example:
        >>> frames = [np.array([[1.0], [2.0], [3.0]])]
        >>> one = np.ones((1, 1))
        >>> new = baum_welch_step(frames, np.ones(1), one, 0 * one, one)
        >>> new[2].round(3).tolist(), new[3].round(3).tolist(), round(new[4], 3)
        ([[2.0]], [[0.667]], -9.757)
    """
    ### BEGIN SOLUTION
    if not sequences:
        raise ValueError("sequences is empty, expected at least one feature matrix")
    first = np.zeros_like(initial)
    steps = np.zeros_like(transition)
    gammas = []
    log_likelihood = 0.0
    for observations in sequences:
        log_obs = gaussian_log_obs(observations, means, variances)
        log_alpha = forward(initial, transition, log_obs)
        log_beta = backward(transition, log_obs)
        gammas.append(state_posteriors(log_alpha, log_beta))
        first += gammas[-1][0]
        steps += transition_posteriors(log_alpha, log_beta, transition, log_obs).sum(axis=0)
        log_likelihood += float(log_sum_exp(log_alpha[-1]))

    gamma = np.concatenate(gammas)
    frames = np.concatenate(sequences)
    new_transition, new_means, new_variances = transition.copy(), means.copy(), variances.copy()
    for state in range(len(initial)):
        weights = gamma[:, state]
        if weights.sum() > 0:
            new_means[state] = weights @ frames / weights.sum()
            new_variances[state] = weights @ np.square(frames - new_means[state]) / weights.sum()
        if steps[state].sum() > 0:
            new_transition[state] = steps[state] / steps[state].sum()
    new_variances = np.maximum(new_variances, variance_floor)
    return first / len(sequences), new_transition, new_means, new_variances, log_likelihood
    ### END SOLUTION


# %% [markdown] hints="baum_welch_step"
# 1. Two stages: first go through all recordings and *only collect* (weights, steps, first frames,
#    log-likelihood). Then divide, once.
# 2. You have every ingredient already: `gaussian_log_obs`, `forward`, `backward`, `state_posteriors`,
#    `transition_posteriors`. With all gammas and all frames concatenated, the mean of a state is one
#    matrix product divided by the sum of its weights.
# 3. Means: `gamma.T @ frames / gamma.sum(axis=0)[:, None]`. Variances: the same with
#    `(frames - new_mean) ** 2`, then `np.maximum` with the floor. Transitions: the summed `xi`, each row
#    divided by its own sum. Initial: the average of the first rows of gamma.

# %% [markdown]
# ## Put it together: inside a spoken *seven*
#
# Features first. Each clip becomes 13 cepstra every 10 ms, with their slopes and the slopes' slopes:
# 39 numbers per frame, all from the lab before. Some speakers were recorded ten times more quietly
# than others. Cepstrum 0 is the level, so it is measured from the loudest frame of its own clip.

# %%
FRAME_LENGTH = 200  # samples: 25 ms at 8 kHz
HOP_LENGTH = 80  # samples: 10 ms
HOP_SECONDS = HOP_LENGTH / 8000
VARIANCE_FLOOR = 1e-2  # cepstra of speech vary by 0.1 to 10, so this only stops a collapse


def clip_features(clip):
    """Cepstra, slopes and slopes of slopes of one clip: [frames, 39]."""
    cepstra = mel_features.mfcc(
        clip.samples,
        clip.sample_rate,
        n_mfcc=13,
        n_mels=26,
        n_fft=256,
        frame_length=FRAME_LENGTH,
        hop_length=HOP_LENGTH,
    )
    cepstra[:, 0] -= cepstra[:, 0].max()
    slopes = mel_features.delta(cepstra)
    return np.hstack([cepstra, slopes, mel_features.delta(slopes)])


def equal_slices(sequences, n_states):
    """A first guess: cut every recording into n_states equal pieces; one Gaussian per piece."""
    frames = np.concatenate(sequences)
    piece = np.concatenate([np.arange(len(s)) * n_states // len(s) for s in sequences])
    means = np.stack([frames[piece == state].mean(axis=0) for state in range(n_states)])
    variances = np.stack([frames[piece == state].var(axis=0) for state in range(n_states)])
    return means, np.maximum(variances, VARIANCE_FLOOR)


def train(sequences, n_states, n_rounds):
    """A left-to-right model of the sequences, and the log-likelihood per frame of every round."""
    model = (*left_to_right(n_states), *equal_slices(sequences, n_states))
    history = []
    for _ in range(n_rounds):
        *model, log_likelihood = baum_welch_step(sequences, *model, VARIANCE_FLOOR)
        history.append(log_likelihood / sum(map(len, sequences)))
    return tuple(model), history


def score(features, model):
    """Log-likelihood of one recording under a model: question 1."""
    initial, transition, means, variances = model
    return log_sum_exp(forward(initial, transition, gaussian_log_obs(features, means, variances))[-1])


def align(features, model):
    """State of every frame: question 2."""
    initial, transition, means, variances = model
    return viterbi(initial, transition, gaussian_log_obs(features, means, variances))[0]


# %% [markdown]
# Learn *seven* from the training recordings: five phonemes of three states each. The model never hears
# where a sound begins. It starts from equal slices and finds out.

# %%
EVERY = 15 if fast_mode() else 1  # use every n-th recording
ROUNDS = 3 if fast_mode() else 8
PHONEMES = {
    "zero": "z ih r ow",
    "one": "w ah n",
    "two": "t uw",
    "three": "th r iy",
    "four": "f ao r",
    "five": "f ay v",
    "six": "s ih k s",
    "seven": "s eh v ah n",
    "eight": "ey t",
    "nine": "n ay n",
}
training_clips = {word: digits.split("train").filter(text=word)[::EVERY] for word in PHONEMES}
training = {word: [clip_features(clip) for clip in clips] for word, clips in training_clips.items()}
speaker_of = {word: np.array([clip.speaker for clip in clips]) for word, clips in training_clips.items()}
seven, history = train(training["seven"], n_states=15, n_rounds=ROUNDS + 4)
plot.lines(
    {"seven": (np.arange(1, len(history) + 1), np.array(history))},
    x_label="round of Baum-Welch",
    y_label="log-likelihood per frame [nat]",
    title=f"Every round explains {len(training['seven'])} recordings of “seven” better",
)

# %% [markdown]
# Now a recording from the test set, which the model has never heard. Viterbi says which state each
# frame belongs to. Lines mark where the state changes: look how they fall on the edges in the
# features.

# %%
clip = digits.split("test").clip("seven", speaker=0)
features = clip_features(clip)
path = align(features, seven)
plot.state_path(
    path,
    n_states=15,
    features=features[:, 1:13],  # without the level, whose range would drown the rest
    hop_seconds=HOP_SECONDS,
    title=f"“seven”, {clip.speaker}, test set: cepstra 1 to 12 and the best path",
)

# %% [markdown]
# Cut the recording where the path enters a new phoneme, and listen to the pieces.

# %%
edges = np.searchsorted(path // 3, np.arange(5)) * HOP_LENGTH
edges = np.append(edges, len(clip.samples))
pieces = zip(PHONEMES["seven"].split(), edges[:-1], edges[1:], strict=True)
cuts = {name: clip.samples[start:end] for name, start, end in pieces if end > start}
play({"the whole word": clip.samples, **cuts}, clip.sample_rate)

# %% [markdown]
# The **trellis**: one column per frame, one row per state, colour is probability. First what the
# forward algorithm believes at each frame, knowing only the past. Then $\gamma$, knowing the whole
# word. Compare the places where one state hands over to the next: the future corrects the past.

# %%
log_obs = gaussian_log_obs(features, *seven[2:])
log_alpha, log_beta = forward(*seven[:2], log_obs), backward(seven[1], log_obs)
past_only = np.exp(log_alpha - log_sum_exp(log_alpha, axis=1)[:, None])
gamma = state_posteriors(log_alpha, log_beta)
names = [name for phoneme in PHONEMES["seven"].split() for name in ("", phoneme, "")]  # three states each
plot.matrix(past_only.T, x_label="frame", y_label="phoneme", title="“seven”, past only", y_ticks=names)
plot.matrix(gamma.T, x_label="frame", y_label="phoneme", title="“seven”, past and future", y_ticks=names)

# %% [markdown]
# ## Phonemes: the same sounds in new words
#
# A model per word cannot share what it learns. A model per phoneme can: the *n* of *seven* helps the *n*
# of *nine*. The recipe is the classical one:
#
# 1. Train a model of each word, three states per phoneme, and let Viterbi cut the recordings.
# 2. Collect the pieces by phoneme over all words, and train one model of three states on each
#    collection.
# 3. Chain the phoneme models into words with `join_models`.
#
# The harder question: can it recognise a word that it has **never heard**? Leave out all recordings
# of *five*, and put it together from the *f* of *four*, the *ay* of *nine* and the *v* of *seven*.

# %%
testing = [(clip, clip_features(clip)) for clip in digits.split("test")[:: 5 if fast_mode() else 1]]


def recognise(features, models):
    """The word whose model explains the features best."""
    return max(models, key=lambda word: score(features, models[word]))


def cut_into_phonemes(n_rounds):
    """Pieces of the training recordings: {(phoneme, word it was cut from): list of feature matrices}."""
    pieces = {}
    for word, phonemes in PHONEMES.items():
        sequences = training[word][:: 1 if fast_mode() else 4]
        model, _ = train(sequences, 3 * len(phonemes.split()), n_rounds)
        for sequence in sequences:
            phoneme_of_frame = align(sequence, model) // 3
            for number, name in enumerate(phonemes.split()):
                piece = sequence[phoneme_of_frame == number]
                if len(piece) >= 3:  # one frame for each state, or equal slices would be empty
                    pieces.setdefault((name, word), []).append(piece)
    return pieces


def word_models(pieces, n_rounds, without=None):
    """Models of all words, chained from phoneme models that never saw the word `without`."""
    phoneme_models = {}
    for name in {name for name, word in pieces if word != without}:
        examples = [piece for key in pieces if key[0] == name and key[1] != without for piece in pieces[key]]
        phoneme_models[name], _ = train(examples, 3, n_rounds)
    words = {}
    for word, phonemes in PHONEMES.items():
        chain = [phoneme_models[name] for name in phonemes.split()]
        means, variances = (np.concatenate([model[k] for model in chain]) for k in (2, 3))
        words[word] = (*join_models([model[:2] for model in chain]), means, variances)
    return words


pieces = cut_into_phonemes(ROUNDS // 2 + 1)
shared = word_models(pieces, ROUNDS // 2 + 1)
right = np.mean([recognise(features, shared) == clip.text for clip, features in testing])
rows = [{"words": "all ten", "heard in training": "yes", "right": right}]
for left_out in ("five",) if fast_mode() else ("five", "nine"):
    unheard = word_models(pieces, ROUNDS // 2 + 1, without=left_out)
    of_word = [features for clip, features in testing if clip.text == left_out]
    for heard_it, models in (("yes", shared), ("no", unheard)):
        right = np.mean([recognise(features, models) == left_out for features in of_word])
        rows.append({"words": left_out, "heard in training": heard_it, "right": right})
n_phonemes = len({name for name, _ in pieces})
table(
    [row | {"right": f"{row['right']:.1%}"} for row in rows],
    title=f"Ten words from {n_phonemes} phoneme models ({digits.name}, test set)",
)

# %% [markdown]
# Nineteen small models make ten words, and could make thousands. But a word that was never heard is
# hardly ever recognised. Its phonemes were heard, only next to other sounds: the *ay* of *nine* is
# spoken through the nose, the *ay* of *five* is not. A sound depends on its neighbours, and four
# neighbours are not enough to learn what they have in common. Large systems model each phoneme *in its
# context*: the **triphone** n-ay-n is another model than f-ay-v.

# %% [markdown]
# ## Practice: recognise spoken digits
#
# Ten models of ten states, one per word. A new recording belongs to the word whose model gives it the
# highest likelihood. The test recordings are those that the corpus itself sets aside.
#
# **Target: at least 95 %** of the test recordings right, on the Free Spoken Digit Dataset. (The cell
# says which data you have. On synthetic digits the number is another one and means less.)
#
# Then improve it. What do fewer states do? More rounds? No slopes? A higher variance floor?

# %%
N_STATES = 10
TARGET = 0.95
models = {word: train(training[word], N_STATES, ROUNDS)[0] for word in progress(PHONEMES, "training")}
answers = [recognise(features, models) for _, features in progress(testing, "testing")]
words = list(PHONEMES)
counts = np.zeros((10, 10), dtype=int)
for (clip, _), answer in zip(testing, answers, strict=True):
    counts[words.index(clip.text), words.index(answer)] += 1
accuracy = np.trace(counts) / counts.sum()
print(f"{digits.name}: {np.trace(counts)} of {counts.sum()} test recordings right, {accuracy:.1%}")
if fast_mode():
    print("Fast mode trains on few of the recordings: the target does not apply.")
elif not digits.real:
    print(f"These are synthetic voices. The target of {TARGET:.0%} is meant for recordings of people.")
else:
    print(f"Target {TARGET:.0%}: {'reached' if accuracy >= TARGET else 'missed'}.")
plot.confusion(counts, words, title=f"{accuracy:.1%} right, {digits.name}, test set")

# %% [markdown]
# Listen to what went wrong. Would you have known?

# %%
wrong = [(clip, answer) for (clip, _), answer in zip(testing, answers, strict=True) if clip.text != answer]
if wrong:
    players = {
        f"{clip.text} by {clip.speaker}, taken for {answer}": clip.samples for clip, answer in wrong[:4]
    }
    play(players, digits.sample_rate)

# %% [markdown]
# ## Against the library
#
# hmmlearn is the HMM library of the scikit-learn family; its inner loops are written in C++. First the
# numbers: the same model, the same recording.

# %%
from hmmlearn.hmm import GaussianHMM


def in_hmmlearn(model, implementation="log"):
    """The same model as an object of hmmlearn."""
    initial, transition, means, variances = model
    other = GaussianHMM(len(initial), "diag", implementation=implementation, init_params="")
    other.startprob_, other.transmat_, other.means_, other.covars_ = initial, transition, means, variances
    other.n_features = means.shape[1]
    return other


its = in_hmmlearn(seven)
its_log_prob, its_path = its.decode(features)
likelihood, (_, log_prob) = score(features, seven), viterbi(*seven[:2], log_obs)
table(
    [
        {"": "log-likelihood", "yours": f"{likelihood:.9f}", "hmmlearn": f"{its.score(features):.9f}"},
        {"": "best path", "yours": f"{log_prob:.9f}", "hmmlearn": f"{its_log_prob:.9f}"},
    ],
    title=f"One recording of “seven”: {np.mean(path == its_path):.0%} of the frames in the same state",
)

# %% [markdown]
# Now speed, on 1000 frames and a model of 50 states in which every transition is possible.

# %%
rng = np.random.default_rng(0)
large = (
    rng.dirichlet(np.ones(50)),
    rng.dirichlet(np.ones(50), size=50),
    rng.normal(size=(50, 39)),
    rng.uniform(0.5, 2, size=(50, 39)),
)
many_frames = rng.normal(size=(1000, 39))
score_time, decode_time = stopwatch(score, many_frames, large), stopwatch(align, many_frames, large)
rows = [{"what": "likelihood", "yours [ms]": score_time}, {"what": "best path", "yours [ms]": decode_time}]
for implementation in ("log", "scaling"):
    other = in_hmmlearn(large, implementation)
    rows[0][f"hmmlearn, {implementation} [ms]"] = stopwatch(other.score, many_frames)
    rows[1][f"hmmlearn, {implementation} [ms]"] = stopwatch(other.decode, many_frames)
table(
    [{key: f"{1000 * value:.1f}" if key != "what" else value for key, value in row.items()} for row in rows],
    title="Gaussian HMM, 50 states, 1000 frames of 39 dimensions",
)

# %% [markdown]
# Working with whole rows lets Python keep up with C++. hmmlearn's "scaling" is the other way out of
# underflow: leave the logarithm, and bring every frame's probabilities back to sum 1. It saves the
# exponentials, but a state that falls $10^{-308}$ behind the best one is lost.

# %% [markdown]
# ## Where it breaks
#
# **Lengths.** A state that stays with probability $a$ lasts $d$ frames with probability
# $a^{d-1}(1 - a)$. The shorter, the likelier, whatever $a$ is. Real sounds have a typical length. Here
# is the *eh* of *seven* in the training recordings, beside what its three states believe.

# %%
middle = slice(3, 6)  # the states of eh
lengths = np.array([np.sum(align(sequence, seven) // 3 == 1) for sequence in training["seven"]])
frames = np.arange(1, 41)
stay = np.diag(seven[1])[middle]
believed = np.zeros(41)
believed[0] = 1.0
for a in stay:  # the length of three states in a row: each adds its own geometric length
    believed = np.convolve(believed, np.append(0, (1 - a) * a ** np.arange(40)))[:41]
plot.lines(
    {
        "measured": (frames, np.array([np.mean(lengths == length) for length in frames])),
        "believed by three states": (frames, believed[1:]),
        "one state of the same mean": (frames, (1 - 1 / lengths.mean()) ** (frames - 1) / lengths.mean()),
    },
    x_label="length of “eh” [frames of 10 ms]",
    y_label="probability",
    title="How long is a vowel?",
)

# %% [markdown]
# Three states in a row help: their sum has a peak. That is one reason for three states per phoneme.
#
# **Voices.** In the recordings, the same six people speak in training and in the test. Leave one of them
# out of training entirely, and ask the models about that voice. (The synthetic test voices are never in
# training.)

# %%
speakers = sorted({clip.speaker for clip, _ in testing})[: 1 if fast_mode() else 6]
left_out_accuracy = {}
for speaker in progress(speakers, "speakers"):
    without = {}
    for word in PHONEMES:
        others = np.flatnonzero(speaker_of[word] != speaker)[:: 3 if fast_mode() else 8]
        without[word], _ = train([training[word][k] for k in others], N_STATES, ROUNDS // 2 + 1)
    own = [(clip, features) for clip, features in testing if clip.speaker == speaker]
    right = [recognise(features, without) == clip.text for clip, features in own]
    left_out_accuracy[speaker] = np.mean(right)
plot.bars(
    {name: 100 * value for name, value in left_out_accuracy.items()},
    y_label="right [%]",
    title=f"A voice that was never heard: {np.mean(list(left_out_accuracy.values())):.0%} on average",
)

# %% [markdown]
# Look into one state. Every speaker says the middle of *eh* in their own way, and the state has to cover
# them all with a single bell. Where the voices bunch, the bell is too low; between them, too high.

# %%
STATE = 4  # the middle of eh
sevens = training["seven"]
voices = np.repeat(speaker_of["seven"], [len(features) for features in sevens])
values = np.concatenate(sevens)
in_state = np.concatenate([align(features, seven) for features in sevens]) == STATE
means_by_voice = {v: values[in_state & (voices == v)].mean(axis=0) for v in set(voices[in_state])}
spread = np.var(list(means_by_voice.values()), axis=0) / seven[3][STATE]
coefficient = int(np.argmax(spread[:13]))  # where the voices differ most, for their size
grid = np.linspace(*np.percentile(values[in_state, coefficient], [0.5, 99.5]), 40)
centres = (grid[1:] + grid[:-1]) / 2
measured, _ = np.histogram(values[in_state, coefficient], bins=grid, density=True)
mean, variance = (table_of_states[STATE, coefficient].reshape(1, 1) for table_of_states in seven[2:])
bell = np.exp(gaussian_log_obs(centres[:, None], mean, variance))[:, 0]
plot.lines(
    {"measured": (centres, measured), "the state's Gaussian": (centres, bell)},
    x_label=f"cepstral coefficient {coefficient}, middle of “eh”",
    y_label="density",
    title=f"{len(means_by_voice)} voices, one bell",
)

# %% [markdown]
# The remedy is several bells per state: a Gaussian *mixture*. The next lab replaces
# `gaussian_log_obs` by one, and nothing else in your HMM has to change.
#
# ## Read on
#
# - L. R. Rabiner, *A tutorial on hidden Markov models and selected applications in speech
#   recognition*, Proceedings of the IEEE 77(2), 1989. Sections II and III are this lab; section V is
#   underflow and several sequences.
# - L. E. Baum, T. Petrie, G. Soules, N. Weiss, *A maximization technique occurring in the statistical
#   analysis of probabilistic functions of Markov chains*, Annals of Mathematical Statistics 41(1),
#   1970: why the likelihood never falls.
# - A. J. Viterbi, *Error bounds for convolutional codes and an asymptotically optimum decoding
#   algorithm*, IEEE Transactions on Information Theory 13(2), 1967.
# - D. Jurafsky, J. H. Martin, *Speech and Language Processing*, 3rd edition draft, appendix A.
# - M. McAuliffe et al., *Montreal Forced Aligner: trainable text-speech alignment using Kaldi*,
#   Interspeech 2017: phoneme models at work today.
