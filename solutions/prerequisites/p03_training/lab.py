# ---
# jupyter:
#   lab:
#     title: Training
#     topic: 0
#     minutes: 220
#     difficulty: 3
#     needs: [p02_backpropagation]
#     libraries: [numpy, scipy]
#     covers:
#       "Loss functions (Cross-entropy, CTC, MSE, L1)": cross_entropy
#       "Optimizers (SGD, Adam, AdamW, Lion)": adam_step
#       "Regularization (Dropout, BatchNorm, LayerNorm, Weight Decay)": dropout
#       "Sequence modeling fundamentals": "passage: Sequence modeling fundamentals"
# ---

# %% [markdown]
# # Training
#
# A word was sent nine times over a bad line. Each copy has loud clicks, at other places each time. Two
# machines try to restore it. Both look for the sound that is *closest to all nine copies*. Press play.

# %%
import itertools
import math

import numpy as np
from jaxtyping import Float, Int

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table
from labkit.parts import p02_backpropagation as backpropagation

digits = corpora.digits()
sample_rate = digits.sample_rate
word = digits.clip("seven", speaker=1).samples.astype(np.float64)
word *= 0.1 / np.sqrt(np.mean(word**2))

rng = np.random.default_rng(0)
copies = np.tile(word, (9, 1))
clicks = rng.random(copies.shape) < 0.01  # one sample in a hundred
copies[clicks] = rng.choice([-0.9, 0.9], size=clicks.sum())
first_machine, second_machine = copies.mean(axis=0), np.median(copies, axis=0)
play(
    {"one of nine copies": copies[0], "first machine": first_machine, "second machine": second_machine},
    sample_rate,
)
plot.lines(
    {
        "first machine": (1000 * np.arange(320) / sample_rate, first_machine[1900:2220]),
        "second machine": (1000 * np.arange(320) / sample_rate, second_machine[1900:2220]),
    },
    x_label="time [ms]",
    y_label="amplitude",
    title="40 ms of the two answers",
)

# %% [markdown]
# The first still crackles, the second is clean. Yet neither made an error: both found the best answer. They
# differ in what **best** means. The first minimises the *squared* distance to the copies, the second the
# *absolute* distance. That choice is called a **loss function**, and you just heard what it decides.

# %% [markdown]
# ## What you will build
#
# In the lab on backpropagation, a network learned to draw. You had the gradient, and went downhill with
# small steps. Real training needs three things more, and you write all of them:
#
# | parts | what | question |
# |---|---|---|
# | 1 to 3 | **losses**: MSE, L1, cross-entropy | What is good? |
# | 4 to 8 | **optimizers**: SGD, momentum, Adam, AdamW, Lion | How far to step, for each knob? |
# | 9 to 13 | **regularization**: dropout, layer norm, batch norm | How to learn the rule, not the examples? |
# | 14 | a classifier that uses them | Which word was said? |
#
# Then the classifier learns to recognise spoken digits.
#
# **Who uses this?** Whisper was trained with cross-entropy, AdamW, weight decay and layer norm: parts 3, 7
# and 10 of this page. FastSpeech 2 learns mel spectrograms with the absolute error, pitch and loudness with
# the squared one: parts 2 and 1.
#
# The line above says whether the clips are recordings or synthetic speech.

# %% [markdown]
# ## The idea
#
# **A number first.** Five listeners guess how long a sound was, in seconds: 1, 2, 3, 4 and 100. (One of them
# misread the question.) Which single number $c$ is the best summary?
#
# | answer | squared distances | sum | absolute distances | sum |
# |---|---|---|---|---|
# | $c = 3$, the median | 4, 1, 0, 1, 9409 | 9415 | 2, 1, 0, 1, 97 | **101** |
# | $c = 22$, the mean | 441, 400, 361, 324, 6084 | **7610** | 21, 20, 19, 18, 78 | 156 |
#
# Squares fear nothing more than one large error, so the 100 drags the answer to 22. Absolute values count
# every error by its size, and the answer stays among the four that agree. It was the same with the clicks.
#
# Training is always this: a **loss** says in one number how wrong we are, the **gradient** says which way
# each knob must turn, an **optimizer** decides how far. In formulas, with all knobs in $\theta$:
#
# $$\theta \leftarrow \theta - \text{step}\big(\nabla_\theta\, L(\theta)\big)$$
#
# So every loss that you write returns two things: the number, and its gradient by the predictions. The rest
# of the way back is done by the layers.

# %% [markdown]
# ## Part 1: mean squared error
#
# $$L = \frac1N \sum_i (p_i - t_i)^2, \qquad \frac{\partial L}{\partial p_i} = \frac{2\,(p_i - t_i)}{N}$$
#
# $N$ counts *all* predicted numbers, whatever the shape.
#
# **A number first.** Predictions $(3, 5)$, targets $(1, 5)$: the loss is $(4 + 0)/2 = 2$, the gradient
# $(2 \cdot 2/2,\ 0) = (2, 0)$.


# %% part="mse_loss" points=1 difficulty=1 minutes=5 forbids="torch.nn sklearn.metrics"
def mse_loss(
    prediction: Float[np.ndarray, "*shape"], target: Float[np.ndarray, "*shape"]
) -> tuple[float, Float[np.ndarray, "*shape"]]:
    """Mean squared error and its gradient.

    Args:
        prediction: what the network says, any shape.
        target: what it should say, in the same shape.
    Returns:
        (loss, gradient): the mean over all numbers, and its derivative by each prediction.
    Raises:
        ValueError: if the shapes differ, even where they would broadcast.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 5.1.4.
    Example:
        >>> loss, gradient = mse_loss(np.array([3.0, 5.0]), np.array([1.0, 5.0]))
        >>> loss, gradient.tolist()
        (2.0, [2.0, 0.0])
    """
    ### BEGIN SOLUTION
    if prediction.shape != target.shape:
        raise ValueError(f"prediction has shape {prediction.shape} and target {target.shape}")
    error = prediction - target
    return float(np.mean(error**2)), 2 * error / error.size
    ### END SOLUTION


# %% [markdown] hints="mse_loss"
# 1. Compute the error once; both answers are made of it.
# 2. `error.size` counts all numbers of an array, `len(error)` only its rows.
# 3. `error = prediction - target`, then `float(np.mean(error**2))` and `2 * error / error.size`.

# %% [markdown]
# ## Part 2: absolute error
#
# $$L = \frac1N \sum_i |p_i - t_i|, \qquad
# \frac{\partial L}{\partial p_i} = \frac{\text{sign}(p_i - t_i)}{N}$$
#
# **A number first.** Predictions $(3, 5)$, targets $(1, 5)$: the loss is $(2 + 0)/2 = 1$. The gradient is
# $(½, 0)$: the first must come down, the second is where it should be. However far off a prediction is, it
# is pulled with the same force. That is why one wild target cannot drag the answer away.


# %% part="l1_loss" points=1 difficulty=1 minutes=5 forbids="torch.nn sklearn.metrics"
def l1_loss(
    prediction: Float[np.ndarray, "*shape"], target: Float[np.ndarray, "*shape"]
) -> tuple[float, Float[np.ndarray, "*shape"]]:
    """Mean absolute error and its gradient.

    Args:
        prediction: what the network says, any shape.
        target: what it should say, in the same shape.
    Returns:
        (loss, gradient): the mean over all numbers, and its derivative by each prediction; 0 where a
        prediction is exactly right.
    Raises:
        ValueError: if the shapes differ, even where they would broadcast.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.2.1.2.
    Example:
        >>> loss, gradient = l1_loss(np.array([3.0, 5.0]), np.array([1.0, 5.0]))
        >>> loss, gradient.tolist()
        (1.0, [0.5, 0.0])
    """
    ### BEGIN SOLUTION
    if prediction.shape != target.shape:
        raise ValueError(f"prediction has shape {prediction.shape} and target {target.shape}")
    error = prediction - target
    return float(np.mean(np.abs(error))), np.sign(error) / error.size
    ### END SOLUTION


# %% [markdown] hints="l1_loss"
# 1. It is part 1 with another function of the error, and its slope.
# 2. `np.sign` is −1, 0 or 1.
# 3. `float(np.mean(np.abs(error)))` and `np.sign(error) / error.size`.

# %% [markdown]
# The five listeners again, now by gradient descent: one number $c$ goes downhill under each loss. It needs
# to know nothing of means and medians.

# %%
guesses = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
ways = {}
for name, loss_function in {"MSE": mse_loss, "L1": l1_loss}.items():
    c, way = 10.0, []
    for _ in range(120):
        way.append(c)
        c -= 0.2 * loss_function(np.full(5, c), guesses)[1].sum()
    ways[name] = np.array(way)
plot.lines(
    ways,
    x_label="step",
    y_label="c [s]",
    title="Two losses, two answers",
    hlines={"mean, 22": guesses.mean(), "median, 3": np.median(guesses)},
)

# %% [markdown]
# ## Part 3: cross-entropy
#
# A recogniser does not predict an amplitude, it *chooses*: one word of ten. It gives a **score** to each,
# and the softmax of the lab on backpropagation turns scores into probabilities $p$. The loss asks one thing:
# **how probable did you think the right answer was?**
#
# $$L = -\ln p_\text{right}$$
#
# Sure and right, $p = 1$: loss 0. Undecided among ten, $p = 0.1$: loss 2.3. Sure and wrong, $p = 0.001$:
# loss 6.9. For a batch, take the mean.
#
# **A number first.** Scores $(2, 0, 1)$, the right class is number 2. The probabilities are
# $(0.665, 0.090, 0.245)$, so the loss is $-\ln 0.245 = 1.41$.
#
# **The gradient** looks frightening: a logarithm of a quotient of exponentials. But the logarithm cancels
# the exponential, and what is left is the simplest formula of this course:
#
# $$\frac{\partial L}{\partial s_j} = p_j - [\,j \text{ is right}\,]$$
#
# Here $(0.665, 0.090, 0.245 - 1) = (0.665, 0.090, -0.755)$. Each score is pulled by exactly how wrong its
# probability is. With a mean over a batch, divide by the number of examples.
#
# **Beware.** $\ln p$ of a probability that rounded to 0 is $-\infty$. So never compute $\ln$ of the softmax;
# compute $\ln p_j = s_j - \ln\sum_k e^{s_k}$ directly, with the row's largest score subtracted first.


# %% part="cross_entropy" points=4 difficulty=2 minutes=15 forbids="torch.nn scipy.special sklearn.metrics"
def cross_entropy(
    scores: Float[np.ndarray, "batch classes"], labels: Int[np.ndarray, "batch"]
) -> tuple[float, Float[np.ndarray, "batch classes"]]:
    """Mean cross-entropy of softmax probabilities, and its gradient by the scores.

    Args:
        scores: one example per row, real numbers of any size.
        labels: the right class of each example, counted from 0.
    Returns:
        (loss, gradient): the mean of −ln p(right class) over the batch, and its derivative by each score.
    Raises:
        ValueError: if there are not as many labels as rows, or a label is no class.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.2.2.3.
    Example:
        >>> loss, gradient = cross_entropy(np.array([[2.0, 0.0, 1.0]]), np.array([2]))
        >>> round(loss, 3), gradient.round(3).tolist()
        (1.408, [[0.665, 0.09, -0.755]])
    """
    ### BEGIN SOLUTION
    rows, classes = scores.shape
    if labels.shape != (rows,):
        raise ValueError(f"labels has shape {labels.shape}, expected one for each of {rows} rows")
    if np.any((labels < 0) | (labels >= classes)):
        raise ValueError(f"labels go from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}")
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    right = np.arange(rows), labels
    gradient = np.exp(log_probabilities)
    gradient[right] -= 1
    return float(-log_probabilities[right].mean()), gradient / rows
    ### END SOLUTION


# %% [markdown] hints="cross_entropy"
# 1. First the logarithms of all probabilities, one row per example. Then pick one number from each row.
#    NumPy counts a label of −1 from the end without a word, so test the labels before.
# 2. `array[np.arange(rows), labels]` picks from each row the column that its label names. The gradient is
#    the probabilities, with 1 subtracted at exactly these places.
# 3. `shifted = scores - scores.max(axis=1, keepdims=True)`;
#    `log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))`; the loss is
#    `-log_p[np.arange(rows), labels].mean()`; `gradient = np.exp(log_p)`, minus 1 at the right places,
#    divided by `rows`.

# %% [markdown]
# ## Part 4: stochastic gradient descent
#
# Now the knobs. One step downhill:
#
# $$\theta \leftarrow \theta - \eta\, g$$
#
# with the gradient $g$ and the **learning rate** $\eta$. "Stochastic" means by chance: the gradient comes
# from a small random batch of examples, not from all of them. It is a little wrong each time, and right on
# average, and a hundred times cheaper.
#
# **Weight decay.** A network with large weights bends sharply, and can bend to every single example. To keep
# weights small, pull each towards 0, in proportion to its size. The simplest way is to add it to the
# gradient: $g + \lambda\theta$. (That is the gradient of $L + \frac{\lambda}{2}\theta^2$, and it is also
# called *L2 regularization*.)
#
# **A number first.** $\theta = 1$, $g = 0.5$, $\eta = 0.1$: the new $\theta$ is 0.95. With $\lambda = 0.2$
# the gradient is $0.5 + 0.2 = 0.7$, and the new $\theta$ is 0.93.
#
# All optimizers here are functions without memory: parameter and gradient go in, the *new* parameter comes
# out, and the arrays that went in stay as they are.


# %% part="sgd_step" points=1 difficulty=1 minutes=5 forbids="torch.optim"
def sgd_step(
    parameter: Float[np.ndarray, "*shape"],
    gradient: Float[np.ndarray, "*shape"],
    learning_rate: float,
    weight_decay: float = 0.0,
) -> Float[np.ndarray, "*shape"]:
    """One step of stochastic gradient descent.

    Args:
        parameter: the weights before the step; left as they are.
        gradient: of the loss, by each of them; left as it is.
        learning_rate: length of the step per unit of gradient.
        weight_decay: share of the parameter that is added to the gradient.
    Returns:
        The parameter after the step, as torch.optim.SGD makes it.
    Source: Robbins & Monro 1951; Goodfellow, Bengio & Courville 2016, algorithm 8.1.
    Example:
        >>> sgd_step(np.array([1.0]), np.array([0.5]), 0.1, weight_decay=0.2).round(6).tolist()
        [0.93]
    """
    ### BEGIN SOLUTION
    return parameter - learning_rate * (gradient + weight_decay * parameter)
    ### END SOLUTION


# %% [markdown] hints="sgd_step"
# 1. First the gradient with the decay in it, then the step.
# 2. `parameter -= …` would change the array that was given to you. Compute a new one.
# 3. `return parameter - learning_rate * (gradient + weight_decay * parameter)`.

# %% [markdown]
# ## Part 5: momentum
#
# Imagine a ball that rolls in a narrow valley. Across the valley the slope is steep and changes its sign at
# each step: the ball bounces from wall to wall. Along the valley the slope is gentle, but always the same
# way. So remember the past: keep a **velocity**, a sum of all gradients so far, of which old ones fade.
#
# $$v \leftarrow \mu\, v + g, \qquad \theta \leftarrow \theta - \eta\, v$$
#
# What alternates cancels, what stays adds up.
#
# **A number first.** $\mu = 0.9$ and the gradient is always 1. The velocity is 1, then 1.9, then 2.71, and
# goes towards 10: ten times as fast as without. With gradients $1, -1, 1, -1$ it is 1, −0.1, 0.91, …, around
# half.
#
# The velocity starts at zeros. Weight decay goes into the gradient, as in part 4.


# %% part="momentum_step" points=2 difficulty=1 minutes=10 forbids="torch.optim"
def momentum_step(
    parameter: Float[np.ndarray, "*shape"],
    gradient: Float[np.ndarray, "*shape"],
    velocity: Float[np.ndarray, "*shape"],
    learning_rate: float,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """One step of gradient descent with momentum.

    Args:
        parameter: the weights before the step; left as they are.
        gradient: of the loss, by each of them.
        velocity: what the last step returned; zeros at the start.
        learning_rate: length of the step per unit of velocity.
        momentum: share of the velocity that is kept.
        weight_decay: share of the parameter that is added to the gradient.
    Returns:
        (parameter, velocity) after the step, as torch.optim.SGD(momentum=…) makes them.
    Source: Polyak 1964; Sutskever et al. 2013, On the importance of initialization and momentum, section 2.
    Example:
        >>> parameter, velocity = momentum_step(np.array([1.0]), np.array([1.0]), np.array([1.0]), 0.1)
        >>> parameter.round(6).tolist(), velocity.tolist()
        ([0.81], [1.9])
    """
    ### BEGIN SOLUTION
    velocity = momentum * velocity + gradient + weight_decay * parameter
    return parameter - learning_rate * velocity, velocity
    ### END SOLUTION


# %% [markdown] hints="momentum_step"
# 1. Two lines: the new velocity, then the step with the *new* velocity.
# 2. The learning rate multiplies the whole velocity, at the end. (Some books put it inside the sum; then old
#    velocities keep old learning rates.)
# 3. `velocity = momentum * velocity + gradient + weight_decay * parameter`, then
#    `return parameter - learning_rate * velocity, velocity`.

# %% [markdown]
# ## Part 6: Adam
#
# One learning rate for all knobs is not fair. The gradients of some are a thousand times those of others.
# Adam gives every number its own pace. It keeps two running means, of the gradient and of its *square*:
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\, g, \qquad s \leftarrow \beta_2 s + (1-\beta_2)\, g^2$$
#
# and steps by the one divided by the root of the other:
#
# $$\theta \leftarrow \theta - \eta\, \frac{\hat m}{\sqrt{\hat s} + \varepsilon}, \qquad
# \hat m = \frac{m}{1-\beta_1^t}, \quad \hat s = \frac{s}{1-\beta_2^t}$$
#
# **Why the hats?** Both means start at 0, so at first they are far too small. After the first step, with
# $\beta_1 = 0.9$, $m = 0.1\,g$. The division by $1 - 0.9^1 = 0.1$ repairs that exactly. $t$ counts the steps
# from 1.
#
# **A number first.** The first gradient is 1000. $\hat m = 1000$, $\sqrt{\hat s} = 1000$, the quotient is 1:
# the knob moves by $\eta$. The first gradient is 0.001: the quotient is 1 again. *The size of the gradient
# does not matter, only how steadily it points one way.* If the sign changes at every step, $\hat m$ is near
# 0 and $\sqrt{\hat s}$ is not: small steps.
#
# $\varepsilon$ keeps the division from 0/0. It stands *outside* the root. Weight decay goes into the
# gradient, as in part 4.


# %% part="adam_step" points=4 difficulty=2 minutes=15 forbids="torch.optim"
def adam_step(
    parameter: Float[np.ndarray, "*shape"],
    gradient: Float[np.ndarray, "*shape"],
    mean: Float[np.ndarray, "*shape"],
    square: Float[np.ndarray, "*shape"],
    step: int,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """One step of Adam.

    Args:
        parameter: the weights before the step; left as they are.
        gradient: of the loss, by each of them.
        mean: running mean of the gradients, as the last step returned it; zeros at the start.
        square: running mean of their squares; zeros at the start.
        step: number of this step, counted from 1.
        learning_rate: length of a step where all gradients agree.
        beta1: share of the mean that is kept.
        beta2: share of the squares that is kept.
        epsilon: added to the root of the squares.
        weight_decay: share of the parameter that is added to the gradient.
    Returns:
        (parameter, mean, square) after the step, as torch.optim.Adam makes them. The means are returned
        without the correction for their start.
    Raises:
        ValueError: if `step` is less than 1.
    Source: Kingma & Ba 2015, Adam: a method for stochastic optimization, algorithm 1.
    Example:
        >>> zero, gradient = np.zeros(2), np.array([1000.0, -0.001])
        >>> adam_step(zero, gradient, zero, zero, step=1, learning_rate=0.1)[0].round(4).tolist()
        [-0.1, 0.1]
    """
    ### BEGIN SOLUTION
    if step < 1:
        raise ValueError(f"step is {step}, expected at least 1: the first step is number 1")
    gradient = gradient + weight_decay * parameter
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    pace = np.sqrt(square / (1 - beta2**step)) + epsilon
    return parameter - learning_rate * mean / (1 - beta1**step) / pace, mean, square
    ### END SOLUTION


# %% [markdown] hints="adam_step"
# 1. Follow the formulas from top to bottom. Which version of the means is kept for the next step, with or
#    without hats?
# 2. The hats divide by `1 - beta1**step` and `1 - beta2**step`. Return the means *without* hats: the next
#    step corrects them anew.
# 3. `gradient = gradient + weight_decay * parameter`; the two means;
#    `pace = np.sqrt(square / (1 - beta2**step)) + epsilon`; then
#    `parameter - learning_rate * mean / (1 - beta1**step) / pace`.

# %% [markdown]
# ## Part 7: AdamW
#
# Adam and weight decay do not go together. The decay was put into the gradient, so Adam divides it by
# $\sqrt{\hat s}$ as well. A weight with large gradients hardly decays at all.
#
# **A number first.** $\theta = 10$, $g = 100$, $\lambda = 0.1$, $\eta = 0.01$, first step. Adam sees the
# gradient $100 + 1 = 101$, and steps by 0.01, as it would have done for 100. *The decay has vanished.*
#
# AdamW takes it out of the gradient, and shrinks the parameter itself *first*:
#
# $$\theta \leftarrow (1 - \eta\lambda)\, \theta, \qquad \text{then Adam's step with the plain gradient.}$$
#
# Now $\theta$ shrinks to 9.99, then steps to 9.98. Every weight decays at the same rate. This is what nearly
# all Transformers are trained with.


# %% part="adamw_step" points=2 difficulty=2 minutes=10 forbids="torch.optim"
def adamw_step(
    parameter: Float[np.ndarray, "*shape"],
    gradient: Float[np.ndarray, "*shape"],
    mean: Float[np.ndarray, "*shape"],
    square: Float[np.ndarray, "*shape"],
    step: int,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """One step of AdamW: Adam with decoupled weight decay.

    Args:
        parameter: the weights before the step; left as they are.
        gradient: of the loss, by each of them.
        mean, square: as in `adam_step`.
        step: number of this step, counted from 1.
        learning_rate, beta1, beta2, epsilon: as in `adam_step`.
        weight_decay: share of the parameter that is taken away per unit of learning rate, before the step.
    Returns:
        (parameter, mean, square) after the step, as torch.optim.AdamW makes them.
    Raises:
        ValueError: if `step` is less than 1.
    Source: Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2.
    Example:
        >>> start = np.array([10.0]), np.array([100.0]), np.zeros(1), np.zeros(1)
        >>> adamw_step(*start, step=1, learning_rate=0.01, weight_decay=0.1)[0].round(6).tolist()
        [9.98]
    """
    ### BEGIN SOLUTION
    decayed = parameter * (1 - learning_rate * weight_decay)
    return adam_step(decayed, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon)
    ### END SOLUTION


# %% [markdown] hints="adamw_step"
# 1. You have Adam already. What does it get for its parameter, and what for its weight decay?
# 2. The decay multiplies the parameter by $1 - \eta\lambda$. The learning rate belongs into it.
# 3. `decayed = parameter * (1 - learning_rate * weight_decay)`, then `adam_step(decayed, gradient, …)` with
#    all the other arguments and without weight decay.

# %% [markdown]
# ## Part 8: Lion
#
# In 2023 a computer searched through programs for a better optimizer, and found a shorter one. **Lion**
# keeps one mean and uses only its **sign**: every knob moves by exactly $\eta$, up or down.
#
# $$u = \text{sign}\big(\beta_1 m + (1-\beta_1)\,g\big), \qquad
# \theta \leftarrow \theta - \eta\,(u + \lambda\theta), \qquad
# m \leftarrow \beta_2 m + (1-\beta_2)\,g$$
#
# Mind the two different β: the step looks at a mixture in which the new gradient counts a tenth ($1 - 0.9$);
# what is remembered changes by a hundredth only ($1 - 0.99$).
#
# **A number first.** $m = 0.5$, $g = -1$: the mixture is $0.45 - 0.1 = 0.35$, positive. So $\theta$ goes
# down by $\eta$, although this gradient says up. Then $m = 0.495 - 0.01 = 0.485$.
#
# Half the memory of Adam, which matters when the knobs fill a graphics card. As every step has full length,
# its learning rate should be three to ten times smaller than Adam's.


# %% part="lion_step" points=3 difficulty=2 minutes=10 forbids="torch.optim"
def lion_step(
    parameter: Float[np.ndarray, "*shape"],
    gradient: Float[np.ndarray, "*shape"],
    mean: Float[np.ndarray, "*shape"],
    learning_rate: float = 1e-4,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """One step of Lion.

    Args:
        parameter: the weights before the step; left as they are.
        gradient: of the loss, by each of them.
        mean: running mean of the gradients, as the last step returned it; zeros at the start.
        learning_rate: how far every number moves.
        beta1: weight of the mean in the mixture whose sign is taken.
        beta2: share of the mean that is kept.
        weight_decay: share of the parameter that is taken away per unit of learning rate.
    Returns:
        (parameter, mean) after the step. A mixture of exactly 0 moves nothing.
    Source: Chen et al. 2023, Symbolic discovery of optimization algorithms, algorithm 2.
    Example:
        >>> parameter, mean = lion_step(np.array([1.0]), np.array([-1.0]), np.array([0.5]), learning_rate=0.1)
        >>> parameter.tolist(), mean.round(6).tolist()
        ([0.9], [0.485])
    """
    ### BEGIN SOLUTION
    direction = np.sign(beta1 * mean + (1 - beta1) * gradient)
    moved = parameter - learning_rate * (direction + weight_decay * parameter)
    return moved, beta2 * mean + (1 - beta2) * gradient
    ### END SOLUTION


# %% [markdown] hints="lion_step"
# 1. Three formulas, three lines. Which mean does the first one see, the old or the new?
# 2. `np.sign` of the mixture, made with the *old* mean and `beta1`. Only afterwards the mean is renewed,
#    with `beta2`.
# 3. `direction = np.sign(beta1 * mean + (1 - beta1) * gradient)`, then
#    `parameter - learning_rate * (direction + weight_decay * parameter)` and
#    `beta2 * mean + (1 - beta2) * gradient`.

# %% [markdown]
# ### Five ways down the same valley
#
# The valley is $L = \frac12 (a^2 + 50\,b^2)$: fifty times as steep across as along. All five start at the
# same place, each with a learning rate that suits it. The class keeps each rule's memory from step to step;
# you will use it for the digits, too.

# %%
RULES = ("SGD", "momentum", "Adam", "AdamW", "Lion")


class Optimizer:
    """One of your update rules, with its memory for every parameter of a network.

    Args:
        rule: one of RULES.
        learning_rate: as the rule understands it.
        weight_decay: as the rule understands it; none by default.
    """

    def __init__(self, rule: str, learning_rate: float, weight_decay: float = 0.0) -> None:
        self.rule, self.learning_rate, self.weight_decay = rule, learning_rate, weight_decay
        self.step = 0
        self.memory: dict[str, list[np.ndarray]] = {}

    def update(
        self, parameters: dict[str, np.ndarray], gradients: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The parameters after one step."""
        self.step += 1
        return {name: self._moved(name, parameters[name], gradients[name]) for name in parameters}

    def _moved(self, name: str, parameter: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        options = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        zeros = np.zeros(parameter.shape)
        if self.rule == "SGD":
            return sgd_step(parameter, gradient, **options)
        if self.rule in ("momentum", "Lion"):
            rule = momentum_step if self.rule == "momentum" else lion_step
            (kept,) = self.memory.get(name, [zeros])
            moved, *self.memory[name] = rule(parameter, gradient, kept, **options)
            return moved
        rule = adam_step if self.rule == "Adam" else adamw_step
        mean, square = self.memory.get(name, [zeros, zeros])
        moved, *self.memory[name] = rule(parameter, gradient, mean, square, self.step, **options)
        return moved


STEEPNESS = np.array([1.0, 50.0])
rates = {"SGD": 0.035, "momentum": 0.01, "Adam": 0.2, "Lion": 0.1}
paths, heights = {}, {}
for rule, rate in rates.items():
    optimizer, place = Optimizer(rule, rate), {"place": np.array([-4.03, 1.02])}
    walked = []
    for _ in range(120):
        walked.append(place["place"])
        place = optimizer.update(place, {"place": STEEPNESS * place["place"]})
    walked = np.array(walked)
    paths[rule], heights[rule] = (walked[:30, 0], walked[:30, 1]), 0.5 * (walked**2) @ STEEPNESS
plot.lines(
    paths, x_label="a, along the valley", y_label="b, across", title="The first 30 steps; the goal is (0, 0)"
)
plot.lines(heights, x_label="step", y_label="height above the bottom", title="How low they are", log_y=True)

# %% [markdown]
# SGD jumps from wall to wall, then creeps along the valley. Momentum rolls through. Adam walks at nearly the
# same pace in both directions, as if the valley were round. Lion takes steps of one length only. It is near
# the goal as soon as the others, but it cannot stop: it jumps around the goal and rolls past it. That is why
# learning rates are *lowered* towards the end of a training, with Lion above all. (AdamW is Adam here: there
# is no decay.)

# %% [markdown]
# ## Part 9: dropout
#
# A network that has seen each example fifty times can know them by heart. Dropout prevents that in a rude
# way: at each step, **a random share of the numbers is set to 0.** No number can rely on another one being
# there, so the knowledge must be spread.
#
# What is kept is enlarged by $1/(1 - \text{rate})$, so that the mean stays the same. Then nothing needs to
# change when training is over: outside training dropout does nothing at all.
#
# **A number first.** $x = (1, 2, 3, 4)$, rate ½, and the random numbers $(0.7, 0.2, 0.9, 0.4)$. Keep where
# the random number is at least the rate: the first and the third. Twice as large: $(2, 0, 6, 0)$.
#
# It is an elementwise function, so return (output, slope) as in the lab on backpropagation. The way back is
# `gradient * slope`: what was dropped learns nothing from this step.
#
# The random numbers come as an argument, evenly distributed from 0 to 1. So you can test it.


# %% part="dropout" points=2 difficulty=1 minutes=10 forbids="torch.nn"
def dropout(
    x: Float[np.ndarray, "*shape"],
    uniform: Float[np.ndarray, "*shape"],
    rate: float,
    training: bool = True,
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """Inverted dropout, with its slope.

    Args:
        x: any shape.
        uniform: random numbers from 0 to 1 (1 excluded), in the same shape.
        rate: share that is dropped, from 0 to below 1.
        training: False: nothing is dropped.
    Returns:
        (output, slope): x · slope, and 1 / (1 − rate) where `uniform` is at least the rate, else 0.
    Raises:
        ValueError: if `rate` is below 0, or 1 or more.
    Source: Srivastava et al. 2014, Dropout, sections 4 and 10.
    Example:
        >>> output, slope = dropout(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.7, 0.2, 0.9, 0.4]), 0.5)
        >>> output.tolist(), slope.tolist()
        ([2.0, 0.0, 6.0, 0.0], [2.0, 0.0, 2.0, 0.0])
    """
    ### BEGIN SOLUTION
    if not 0 <= rate < 1:
        raise ValueError(f"rate is {rate}, expected from 0 to below 1")
    slope = (uniform >= rate) / (1 - rate) if training else np.ones(x.shape)
    return x * slope, slope
    ### END SOLUTION


# %% [markdown] hints="dropout"
# 1. Make the slope first. What is it outside training?
# 2. `uniform >= rate` is True where a number is kept; True counts as 1. With a rate of 0.2, four fifths are
#    kept, so each must become 1/0.8 = 1.25 times as large.
# 3. `slope = (uniform >= rate) / (1 - rate)` in training, else `np.ones(x.shape)`;
#    `return x * slope, slope`.

# %% [markdown]
# ## Part 10: layer norm
#
# From layer to layer, numbers drift: they grow, or shrink, or move away from 0. Then the next layer's
# learning rate is wrong. **Layer norm** puts each example back: it subtracts the mean of the *row* and
# divides by its standard deviation.
#
# $$\hat x = \frac{x - \text{mean}}{\sqrt{\text{variance} + \varepsilon}}, \qquad
# y = \text{gain} \cdot \hat x + \text{bias}$$
#
# Gain and bias are learnt, one of each per feature: if the network wants another scale, it may have it.
#
# **A number first.** The row $(2, 4, 9)$. Mean 5, deviations $(-3, -1, 4)$, variance
# $(9 + 1 + 16)/3 = 8.67$, its root 2.94. So $\hat x = (-1.02, -0.34, 1.36)$. The row $(20, 40, 90)$ gives
# the same: size does not matter any more.
#
# The variance divides by the number of features, not by one less.


# %% part="layer_norm" points=2 difficulty=1 minutes=10 forbids="torch.nn"
def layer_norm(
    x: Float[np.ndarray, "*batch features"],
    gain: Float[np.ndarray, "features"],
    bias: Float[np.ndarray, "features"],
    epsilon: float = 1e-5,
) -> Float[np.ndarray, "*batch features"]:
    """Layer normalization over the last axis.

    Args:
        x: one example per row; any number of axes in front.
        gain: factor per feature, after the normalization.
        bias: added per feature, after the factor.
        epsilon: added to the variance.
    Returns:
        gain · (x − mean) / √(variance + epsilon) + bias, with mean and variance of each row.
    Source: Ba, Kiros & Hinton 2016, Layer normalization, section 3.
    Example:
        >>> layer_norm(np.array([[2.0, 4.0, 9.0]]), np.ones(3), np.zeros(3)).round(2).tolist()
        [[-1.02, -0.34, 1.36]]
    """
    ### BEGIN SOLUTION
    mean = x.mean(axis=-1, keepdims=True)
    variance = x.var(axis=-1, keepdims=True)
    return gain * (x - mean) / np.sqrt(variance + epsilon) + bias
    ### END SOLUTION


# %% [markdown] hints="layer_norm"
# 1. Two numbers per row: its mean and its variance.
# 2. `x.mean(axis=-1, keepdims=True)` keeps an axis of size 1, so that it can be subtracted from every row.
#    `x.var` divides by the number of features, as asked. ε is added *before* the root.
# 3. `gain * (x - mean) / np.sqrt(variance + epsilon) + bias`.

# %% [markdown]
# ## Part 11: layer norm, backward
#
# The hardest gradient of this page, and a beautiful one. Gain and bias are easy:
# $y = \text{gain} \cdot \hat x + \text{bias}$ is a line, so by the rules of the linear layer
#
# $$\frac{\partial L}{\partial\,\text{gain}} = \sum_\text{rows} G \cdot \hat x, \qquad
# \frac{\partial L}{\partial\,\text{bias}} = \sum_\text{rows} G .$$
#
# For $x$, let $h = G \cdot \text{gain}$ be what arrives at $\hat x$. Without mean and variance, the answer
# would be $h / \sigma$, with $\sigma = \sqrt{\text{variance} + \varepsilon}$. But each $x_i$ also moves the
# mean and the variance of its row, and by them *every* output. Think of what layer norm cannot see:
#
# - Add the same number to the whole row: the output stays. So the gradient must have no part in this
#   direction: **subtract the mean of $h$.**
# - Multiply the whole row by a factor: the output stays. That moves the row along $\hat x$, so **subtract
#   the part of $h$ that lies along $\hat x$**, which is $\hat x$ times the mean of $h \cdot \hat x$.
#
# $$\frac{\partial L}{\partial x} =
# \frac{1}{\sigma}\Big(h - \text{mean}(h) - \hat x \cdot \text{mean}(h \cdot \hat x)\Big)$$
#
# with means over each row. (Work it out with the chain rule, and ε included, and you get exactly this.)
#
# **A number first.** The row $(2, 4, 9)$ with $\hat x = (-1.02, -0.34, 1.36)$ and $\sigma = 2.94$, gain 1,
# and $G = (1, 0, 0)$. Then mean$(h) = 0.333$ and mean$(h\hat x) = -0.340$. First feature:
# $(1 - 0.333 - 1.02 \cdot 0.340)/2.94 = 0.109$. All three: $(0.109, -0.152, 0.044)$. Their sum is 0, as it
# must be.


# %% part="layer_norm_backward" points=5 difficulty=4 minutes=25 forbids="torch.nn torch.autograd"
def layer_norm_backward(
    gradient: Float[np.ndarray, "*batch features"],
    x: Float[np.ndarray, "*batch features"],
    gain: Float[np.ndarray, "features"],
    epsilon: float = 1e-5,
) -> tuple[
    Float[np.ndarray, "*batch features"], Float[np.ndarray, "features"], Float[np.ndarray, "features"]
]:
    """Layer normalization, backward.

    Args:
        gradient: derivative of the loss by each output.
        x: the input on the way forward.
        gain: factor per feature.
        epsilon: as on the way forward.
    Returns:
        (gradient by x, gradient by the gain, gradient by the bias); the latter two are sums over all rows.
    Source: Ba, Kiros & Hinton 2016, Layer normalization, section 3, differentiated.
    Example:
        >>> found = layer_norm_backward(np.array([[1.0, 0.0, 0.0]]), np.array([[2.0, 4.0, 9.0]]), np.ones(3))
        >>> found[0].round(3).tolist()
        [[0.109, -0.152, 0.044]]
    """
    ### BEGIN SOLUTION
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    normalized = (x - x.mean(axis=-1, keepdims=True)) / spread
    arriving = gradient * gain
    along = normalized * (arriving * normalized).mean(axis=-1, keepdims=True)
    by_x = (arriving - arriving.mean(axis=-1, keepdims=True) - along) / spread
    rows = tuple(range(x.ndim - 1))
    return by_x, (gradient * normalized).sum(axis=rows), gradient.sum(axis=rows)
    ### END SOLUTION


# %% [markdown] hints="layer_norm_backward"
# 1. Compute $\sigma$ and $\hat x$ again, as on the way forward. Then the three answers are one formula each.
# 2. Means run along the last axis, with `keepdims=True`. The sums for gain and bias run over *all other*
#    axes: `axis=tuple(range(x.ndim - 1))`.
# 3. `h = gradient * gain`, then
#    `(h - h.mean(-1, keepdims=True) - xhat * (h * xhat).mean(-1, keepdims=True)) / spread`; by the gain:
#    `(gradient * xhat).sum(axis=rows)`; by the bias: `gradient.sum(axis=rows)`.

# %% [markdown]
# ## Part 12: batch norm
#
# **Batch norm** came first, and turns the table by 90 degrees: mean and variance of each *feature*, over the
# examples of the batch. In a table with examples in rows: layer norm works along rows, batch norm along
# columns.
#
# That raises a question. Later, the recogniser hears *one* clip. There is no batch. So during training batch
# norm keeps **running means** of what it saw, and uses those when training is over:
#
# $$\text{running} \leftarrow (1 - 0.1) \cdot \text{running} + 0.1 \cdot \text{of this batch}$$
#
# **A number first.** One feature, a batch of two: 1 and 3. Mean 2, variance 1, so the outputs are −1 and 1.
# The running mean was 0, and becomes 0.2. For the running *variance* there is a trap: it is to estimate the
# variance of all data, so there the sum is divided by $n - 1$: $(1 + 1)/1 = 2$. It was 1, and becomes
# $0.9 + 0.2 = 1.1$.
#
# A batch of one has no variance: refuse it in training.


# %% part="batch_norm" points=3 difficulty=2 minutes=15 forbids="torch.nn"
def batch_norm(
    x: Float[np.ndarray, "batch features"],
    gain: Float[np.ndarray, "features"],
    bias: Float[np.ndarray, "features"],
    running_mean: Float[np.ndarray, "features"],
    running_variance: Float[np.ndarray, "features"],
    training: bool,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
) -> tuple[Float[np.ndarray, "batch features"], Float[np.ndarray, "features"], Float[np.ndarray, "features"]]:
    """Batch normalization.

    Args:
        x: one example per row.
        gain, bias: factor and summand per feature, after the normalization.
        running_mean, running_variance: of all batches so far; left as they are.
        training: True: normalize with mean and variance of this batch, and renew the running ones.
            False: normalize with the running ones.
        momentum: share of the running numbers that is replaced.
        epsilon: added to the variance.
    Returns:
        (output, running mean, running variance), as torch.nn.BatchNorm1d makes them: the batch is normalized
        with its variance over n, the running variance is renewed with the one over n − 1.
    Raises:
        ValueError: if `training` and the batch has fewer than two examples.
    Source: Ioffe & Szegedy 2015, Batch normalization, algorithms 1 and 2.
    Example:
        >>> one, zero = np.ones(1), np.zeros(1)
        >>> output, mean, variance = batch_norm(np.array([[1.0], [3.0]]), one, zero, zero, one, training=True)
        >>> output.round(3).tolist(), mean.tolist(), variance.tolist()
        ([[-1.0], [1.0]], [0.2], [1.1])
    """
    ### BEGIN SOLUTION
    mean, variance = running_mean, running_variance
    if training:
        if len(x) < 2:
            raise ValueError(f"the batch has {len(x)} examples, expected at least 2 in training")
        mean, variance = x.mean(axis=0), x.var(axis=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_variance = (1 - momentum) * running_variance + momentum * x.var(axis=0, ddof=1)
    return gain * (x - mean) / np.sqrt(variance + epsilon) + bias, running_mean, running_variance
    ### END SOLUTION


# %% [markdown] hints="batch_norm"
# 1. Two cases, one formula: first decide which mean and variance are used, then normalize.
# 2. Along columns is `axis=0`. `x.var(axis=0)` divides by n, `x.var(axis=0, ddof=1)` by n − 1. Outside
#    training the running numbers are returned as they came.
# 3. In training: `mean, variance = x.mean(axis=0), x.var(axis=0)` and
#    `running_mean = (1 - momentum) * running_mean + momentum * mean`, the same for the variance with
#    `ddof=1`. Then `gain * (x - mean) / np.sqrt(variance + epsilon) + bias`.

# %% [markdown]
# ## Part 13: batch norm, backward
#
# In training, the way back is that of layer norm, turned by 90 degrees: the means run down the *columns*.
# Everything else stays:
#
# $$\frac{\partial L}{\partial x} =
# \frac{\text{gain}}{\sigma}\Big(G - \text{mean}(G) - \hat x \cdot \text{mean}(G \cdot \hat x)\Big)$$
#
# (Gain is the same for a whole column, so it can stand in front.) Note what this means: *the gradient of one
# example depends on the other examples of its batch.* Layer norm has no such ties, and that is why speech
# models, whose examples differ in length and come in small batches, mostly use layer norm.


# %% part="batch_norm_backward" points=3 difficulty=3 minutes=15 forbids="torch.nn torch.autograd"
def batch_norm_backward(
    gradient: Float[np.ndarray, "batch features"],
    x: Float[np.ndarray, "batch features"],
    gain: Float[np.ndarray, "features"],
    epsilon: float = 1e-5,
) -> tuple[Float[np.ndarray, "batch features"], Float[np.ndarray, "features"], Float[np.ndarray, "features"]]:
    """Batch normalization in training, backward.

    Args:
        gradient: derivative of the loss by each output.
        x: the input on the way forward.
        gain: factor per feature.
        epsilon: as on the way forward.
    Returns:
        (gradient by x, gradient by the gain, gradient by the bias).
    Source: Ioffe & Szegedy 2015, Batch normalization, section 3.
    Example:
        >>> x = np.array([[2.0], [4.0], [9.0]])
        >>> batch_norm_backward(np.array([[1.0], [0.0], [0.0]]), x, np.ones(1))[0].round(3).ravel().tolist()
        [0.109, -0.152, 0.044]
    """
    ### BEGIN SOLUTION
    spread = np.sqrt(x.var(axis=0) + epsilon)
    normalized = (x - x.mean(axis=0)) / spread
    by_gain, by_bias = (gradient * normalized).sum(axis=0), gradient.sum(axis=0)
    by_x = gain / spread * (gradient - (by_bias + normalized * by_gain) / len(x))
    return by_x, by_gain, by_bias
    ### END SOLUTION


# %% [markdown] hints="batch_norm_backward"
# 1. Write part 11 again with `axis=0`. Which `keepdims` do you still need?
# 2. None: a row of column means is subtracted from every row by itself. The two means of the formula are the
#    gradients by bias and gain, divided by the number of examples.
# 3. `by_gain = (gradient * xhat).sum(axis=0)`, `by_bias = gradient.sum(axis=0)`, then
#    `gain / spread * (gradient - by_bias / n - xhat * by_gain / n)`.

# %% [markdown]
# What does normalization do? Send random numbers through 30 layers whose weights are a little too small or a
# little too large, and look at the size of what comes out.

# %%
sizes = {}
for label, factor in {"weights too small": 0.8, "weights too large": 1.25}.items():
    for norm in (False, True):
        rng, curve = np.random.default_rng(0), []
        x = rng.normal(size=(32, 64))
        for _ in range(30):
            weight = factor * rng.normal(size=(64, 64)) * math.sqrt(2 / 64)
            x = backpropagation.linear(x, weight, np.zeros(64))
            if norm:
                x = layer_norm(x, np.ones(64), np.zeros(64))
            x = backpropagation.relu(x)[0]
            curve.append(float(x.std()))
        sizes[f"{label}, {'layer norm' if norm else 'no norm'}"] = np.array(curve)
plot.lines(sizes, x_label="layer", y_label="standard deviation", title="Size of the numbers", log_y=True)

# %% [markdown]
# ## Part 14: the classifier
#
# All together now, with the layers from the lab on backpropagation (yours, where you passed them):
#
# | forward | keep for the way back |
# |---|---|
# | `linear` with weight1, bias1 | its input $x$ |
# | `layer_norm` with gain, shift | its input |
# | `gelu` | the slope |
# | `dropout` | the slope |
# | `linear` with weight2, bias2 | its input |
# | `cross_entropy` with the labels | it returns its gradient at once |
#
# The way back goes up the table. `backpropagation.linear`, `backpropagation.gelu` and
# `backpropagation.linear_backward` are there; the latter returns (by input, by weight, by bias).


# %% part="classifier_gradients" points=5 difficulty=3 minutes=25 forbids="torch.nn torch.autograd"
def classifier_gradients(
    x: Float[np.ndarray, "batch inputs"],
    labels: Int[np.ndarray, "batch"],
    parameters: dict[str, Float[np.ndarray, "..."]],
    uniform: Float[np.ndarray, "batch hidden"],
    rate: float,
) -> tuple[float, dict[str, Float[np.ndarray, "..."]]]:
    """Loss of a classifier in training, and its gradient by every parameter.

    Args:
        x: one example per row.
        labels: the right class of each, counted from 0.
        parameters: of linear → layer norm → GELU → dropout → linear: "weight1" [hidden, inputs],
            "bias1", "gain" and "shift" [hidden], "weight2" [classes, hidden] and "bias2" [classes].
        uniform: random numbers from 0 to 1 for the dropout.
        rate: share of the hidden numbers that is dropped.
    Returns:
        (loss, gradients): the mean cross-entropy, and its gradient by each parameter, under the same names.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, algorithms 6.3 and 6.4.
    Example:
        >>> p = {"weight1": np.eye(2), "bias1": np.zeros(2), "gain": np.ones(2), "shift": np.zeros(2)}
        >>> p |= {"weight2": np.zeros((2, 2)), "bias2": np.zeros(2)}
        >>> x, kept = np.array([[1.0, 3.0]]), np.ones((1, 2))
        >>> loss, gradients = classifier_gradients(x, np.array([1]), p, kept, 0.0)
        >>> round(loss, 4), gradients["bias2"].tolist()
        (0.6931, [0.5, -0.5])
    """
    ### BEGIN SOLUTION
    hidden = backpropagation.linear(x, parameters["weight1"], parameters["bias1"])
    normalized = layer_norm(hidden, parameters["gain"], parameters["shift"])
    active, bend_slope = backpropagation.gelu(normalized)
    kept, drop_slope = dropout(active, uniform, rate)
    scores = backpropagation.linear(kept, parameters["weight2"], parameters["bias2"])
    loss, arriving = cross_entropy(scores, labels)

    found = {}
    arriving, found["weight2"], found["bias2"] = backpropagation.linear_backward(
        arriving, kept, parameters["weight2"]
    )
    arriving, found["gain"], found["shift"] = layer_norm_backward(
        arriving * drop_slope * bend_slope, hidden, parameters["gain"]
    )
    _, found["weight1"], found["bias1"] = backpropagation.linear_backward(arriving, x, parameters["weight1"])
    return loss, found
    ### END SOLUTION


# %% [markdown] hints="classifier_gradients"
# 1. Six lines forward, and each gives its result a name of its own: the way back needs them.
# 2. Each backward function wants what arrived at *its output*, and what *it* had as input: the second linear
#    layer had the numbers after dropout, layer norm had those before the norm. GELU and dropout are passed
#    by multiplying with their slopes.
# 3. `arriving, w2, b2 = linear_backward(arriving, kept, weight2)`;
#    `arriving, gain, shift = layer_norm_backward(arriving * drop_slope * bend_slope, hidden, gain)`;
#    `_, w1, b1 = linear_backward(arriving, x, weight1)`.

# %% [markdown]
# ## Put it together
#
# ### Words as numbers
#
# The network wants the same number of inputs for every clip. So place 16 windows evenly over the clip, short
# or long, and measure in each how much energy lies in 24 bands of frequency, narrow ones at low and wide
# ones at high frequencies. That is $16 \cdot 24 = 384$ numbers. (How to do this well is the subject of the
# lab on mel features.)

# %%
WINDOWS, BANDS, N_FFT = 16, 24, 256


def band_weights(sample_rate: int) -> Float[np.ndarray, "bands bins"]:
    """Triangles over the bins of the spectrum, wider and wider, from 60 Hz to half the sample rate."""
    ends = 2595 * np.log10(1 + np.array([60.0, sample_rate / 2]) / 700)
    corners = 700 * (10 ** (np.linspace(*ends, BANDS + 2) / 2595) - 1)
    bins = np.arange(N_FFT // 2 + 1) * sample_rate / N_FFT
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    return np.maximum(0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))


def word_picture(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "windows bands"]:
    """Logarithmic band energies in windows evenly spaced over a clip; mean 0, variance 1 in each clip."""
    samples = np.pad(samples.astype(np.float64), (0, max(0, N_FFT - len(samples))))
    starts = np.linspace(0, len(samples) - N_FFT, WINDOWS).astype(int)
    frames = samples[starts[:, None] + np.arange(N_FFT)] * np.hanning(N_FFT)
    energies = np.log(np.abs(np.fft.rfft(frames)) ** 2 @ band_weights(sample_rate).T + 1e-8)
    return (energies - energies.mean()) / energies.std()


def drawn(clips: list, count: int, seed: int = 0) -> list:
    """At most `count` of the clips, drawn without replacement."""
    return [clips[n] for n in np.random.default_rng(seed).permutation(len(clips))[:count]]


training_clips = drawn(list(digits.split("train")), 600 if fast_mode() else 10_000)
test_clips = list(digits.split("test"))
pictures = {
    name: np.stack([word_picture(clip.samples) for clip in progress(clips, f"{name} pictures")])
    for name, clips in {"training": training_clips, "test": test_clips}.items()
}
train_y = np.array([clip.label for clip in training_clips])
test_y = np.array([clip.label for clip in test_clips])
plot.compare(
    {
        f"“{word}”, {digits.speakers[n]}": word_picture(digits.clip(word, speaker=n).samples)
        for word, n in (("seven", 0), ("seven", 1), ("two", 1))
    },
    label="band",
    title="What the network sees",
)

# %% [markdown]
# One more piece of hygiene: subtract from each of the 384 numbers its mean over the *training* clips, and
# divide by its standard deviation there. The test clips get the same numbers subtracted. They must not take
# part in choosing anything.
#
# Then the loop that every training in this course has: **shuffle, take a batch, loss and gradients,
# update.** One round through all clips is an **epoch**.

# %%
HIDDEN = 64


def flat(pictures: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> Float[np.ndarray, "clips inputs"]:
    """One row per clip, in the scale of the training clips."""
    return ((pictures - centre) / spread).reshape(len(pictures), -1)


def start_parameters(inputs: int, hidden: int, classes: int, seed: int) -> dict[str, np.ndarray]:
    """Random weights of a size that keeps numbers at their size, no bias, no change by the norm."""
    rng = np.random.default_rng(seed)
    return {
        "weight1": rng.normal(size=(hidden, inputs)) / math.sqrt(inputs),
        "bias1": np.zeros(hidden),
        "gain": np.ones(hidden),
        "shift": np.zeros(hidden),
        "weight2": rng.normal(size=(classes, hidden)) / math.sqrt(hidden),
        "bias2": np.zeros(classes),
    }


def scores_of(x: np.ndarray, parameters: dict[str, np.ndarray]) -> Float[np.ndarray, "clips classes"]:
    """The trained classifier: without dropout."""
    hidden = backpropagation.linear(x, parameters["weight1"], parameters["bias1"])
    active, _ = backpropagation.gelu(layer_norm(hidden, parameters["gain"], parameters["shift"]))
    return backpropagation.linear(active, parameters["weight2"], parameters["bias2"])


def accuracy(x: np.ndarray, labels: np.ndarray, parameters: dict[str, np.ndarray]) -> float:
    """Share of clips whose best score is the right word's."""
    return float(np.mean(scores_of(x, parameters).argmax(axis=1) == labels))


def train(
    x: np.ndarray,
    labels: np.ndarray,
    optimizer: Optimizer,
    epochs: int,
    rate: float = 0.0,
    seed: int = 0,
    hidden: int = HIDDEN,
    batch_size: int = 50,
    after_epoch=None,
) -> tuple[dict[str, np.ndarray], list[float]]:
    """A classifier trained from random weights, and the loss of every batch.

    Args:
        rate: of the dropout.
        after_epoch: called with the parameters after each epoch, to measure what you like.
    """
    rng = np.random.default_rng(seed)
    parameters, losses = start_parameters(x.shape[1], hidden, 10, seed), []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            uniform = rng.random((len(batch), hidden))
            loss, gradients = classifier_gradients(x[batch], labels[batch], parameters, uniform, rate)
            parameters = optimizer.update(parameters, gradients)
            losses.append(loss)
        if after_epoch:
            after_epoch(parameters)
    return parameters, losses


centre, spread = pictures["training"].mean(axis=0), pictures["training"].std(axis=0)
train_x, test_x = flat(pictures["training"], centre, spread), flat(pictures["test"], centre, spread)
EPOCHS = 8 if fast_mode() else 15

curve = {"training clips": [accuracy(train_x, train_y, start_parameters(384, HIDDEN, 10, 0))]}
curve["test clips"] = [accuracy(test_x, test_y, start_parameters(384, HIDDEN, 10, 0))]


def measure(parameters: dict[str, np.ndarray]) -> None:
    curve["training clips"].append(accuracy(train_x, train_y, parameters))
    curve["test clips"].append(accuracy(test_x, test_y, parameters))


recogniser, losses = train(
    train_x, train_y, Optimizer("AdamW", 2e-3, 0.01), EPOCHS, rate=0.3, after_epoch=measure
)
plot.lines(
    {"loss of each batch": losses},
    x_label="step",
    y_label="cross-entropy",
    log_y=True,
    title="Learning to hear",
)
plot.lines(
    {name: 100 * np.array(values) for name, values in curve.items()},
    x_label="epoch",
    y_label="right words [%]",
    title=f"{len(train_x)} training clips, {len(test_x)} test clips, {digits.name}",
    hlines={"guessing": 10},
)

# %% [markdown]
# The first loss is near $\ln 10 = 2.3$: undecided among ten. That is a good check of any classifier before
# you wait for hours.

# %% [markdown]
# ## Practice: recognise spoken digits
#
# Train your classifier and measure it on test clips that took no part in training. One run could be luck, so
# run it from three different beginnings, and report all three.
#
# **Target:** at least 94 % right words in the worst of three runs. (In fast mode, with fewer clips and
# epochs, at least 85 %.)
#
# If the clips are recordings, training and test clips are by the same six people. If they are synthetic, the
# test voices are new ones, but synthetic voices are more alike than people.

# %%
runs = []
for seed in progress(range(3), "three beginnings"):
    trained, its_losses = train(train_x, train_y, Optimizer("AdamW", 2e-3, 0.01), EPOCHS, rate=0.3, seed=seed)
    runs.append(
        {
            "beginning": seed,
            "last training loss": np.mean(its_losses[-20:]),
            "right in training [%]": 100 * accuracy(train_x, train_y, trained),
            "right in test [%]": 100 * accuracy(test_x, test_y, trained),
        }
    )
worst = min(run["right in test [%]"] for run in runs)
# three runs gave 97.0 to 97.7 % on recordings and 97.5 to 98.6 % on synthetic speech; fast: at least 91.7 %
target = 85 if fast_mode() else 94
table(runs, title=f"Spoken digits, {digits.name}: at worst {worst:.1f} % right, target {target} %")
assert worst >= target

said = scores_of(test_x, recogniser).argmax(axis=1)
counts = np.zeros((10, 10), dtype=int)
np.add.at(counts, (test_y, said), 1)
plot.confusion(counts, digits.words, title="What was heard")
wrong = np.flatnonzero(said != test_y)[:4]
if len(wrong):
    play(
        {
            f"said “{digits.words[test_y[n]]}”, heard “{digits.words[said[n]]}”": test_clips[n].samples
            for n in wrong
        },
        sample_rate,
    )

# %% [markdown]
# Listen to the errors. Would you have known?
#
# ### Five optimizers, the same task
#
# Each with a learning rate that suits it, the same beginnings, and no dropout. AdamW alone has a decay, or
# it would be Adam. The columns in the middle are the question of optimizers: how fast does the loss fall?
# The last one is the question that matters.

# %%
suited = {"SGD": 0.05, "momentum": 0.01, "Adam": 2e-3, "AdamW": 2e-3, "Lion": 3e-4}
rows, curves = [], {}
for rule in progress(RULES, "five optimizers"):
    results = []
    for seed in range(1 if fast_mode() else 3):
        decay = 0.1 if rule == "AdamW" else 0.0
        trained, its_losses = train(
            train_x, train_y, Optimizer(rule, suited[rule], decay), EPOCHS // 2 + 1, seed=seed
        )
        results.append(
            (np.mean(its_losses[:50]), np.mean(its_losses[-20:]), 100 * accuracy(test_x, test_y, trained))
        )
    early, late, right = np.mean(results, axis=0)
    rows.append(
        {
            "optimizer": rule,
            "learning rate": suited[rule],
            "loss, first 50 steps": early,
            "loss, last 20 steps": late,
            "right in test [%]": right,
        }
    )
    kernel = np.ones(10) / 10
    curves[rule] = np.convolve(its_losses, kernel, "valid")
table(rows, title="The same network, five optimizers (mean over the beginnings; AdamW with a decay of 0.1)")
plot.lines(curves, x_label="step", y_label="loss, mean of 10 steps", log_y=True, title="How fast they learn")

# %% [markdown]
# How much does a difference in the last column mean? With 300 test clips of which 97 % are right, luck alone
# makes the figure swing by $\sqrt{0.97 \cdot 0.03 / 300} = 1\,\%$. So look at the curves instead: they show
# who is fast. On a network this small, all five end in the same place.
#
# ## Against the library
#
# PyTorch has all of this in `torch.nn` and `torch.optim`. The same network there, with the same first
# weights, the same batches and the same dropped numbers, in double precision. After hundreds of steps, are
# the two still equal?

# %%
LIBRARY_STEPS = 60 if fast_mode() else 400


def library_batches() -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of the training clips, and random numbers for the dropout, for every step."""
    rng = np.random.default_rng(1)
    return [(rng.integers(0, len(train_x), 50), rng.random((50, HIDDEN))) for _ in range(LIBRARY_STEPS)]


def train_here() -> tuple[dict[str, np.ndarray], list[float]]:
    optimizer, parameters = Optimizer("AdamW", 2e-3, 0.01), start_parameters(384, HIDDEN, 10, 0)
    losses = []
    for batch, uniform in library_batches():
        loss, gradients = classifier_gradients(train_x[batch], train_y[batch], parameters, uniform, 0.3)
        parameters = optimizer.update(parameters, gradients)
        losses.append(loss)
    return parameters, losses


def train_in_torch() -> tuple[dict[str, np.ndarray], list[float]]:
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(1)
    tensors = {
        name: torch.tensor(value, requires_grad=True)
        for name, value in start_parameters(384, HIDDEN, 10, 0).items()
    }
    optimizer = torch.optim.AdamW(tensors.values(), lr=2e-3, weight_decay=0.01)
    losses = []
    for batch, uniform in library_batches():
        hidden = F.linear(torch.from_numpy(train_x[batch]), tensors["weight1"], tensors["bias1"])
        active = F.gelu(F.layer_norm(hidden, (HIDDEN,), tensors["gain"], tensors["shift"]))
        kept = active * torch.from_numpy((uniform >= 0.3) / 0.7)
        scores = F.linear(kept, tensors["weight2"], tensors["bias2"])
        loss = F.cross_entropy(scores, torch.from_numpy(train_y[batch]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}, losses


(mine, my_losses), (theirs, their_losses) = train_here(), train_in_torch()
table(
    [
        {"step": step, "your loss": my_losses[step - 1], "PyTorch's loss": their_losses[step - 1]}
        for step in (1, 10, LIBRARY_STEPS)
    ]
)
apart = max(np.abs(mine[name] - theirs[name]).max() for name in theirs)
print(f"after {LIBRARY_STEPS} steps the weights differ by at most {apart:.1e}")
assert apart < 1e-8
my_seconds, their_seconds = stopwatch(train_here, repeat=3), stopwatch(train_in_torch, repeat=3)
table(
    [
        {"who": "yours, NumPy", "ms per step": 1000 * my_seconds / LIBRARY_STEPS},
        {"who": "PyTorch", "ms per step": 1000 * their_seconds / LIBRARY_STEPS},
    ],
    title=f"Yours takes {my_seconds / their_seconds:.2f} times as long as PyTorch",
)

# %% [markdown]
# Two programs written by different people agree to many digits, after hundreds of steps of which each builds
# on the last. They would not if one formula on either side were wrong.

# %% [markdown]
# ## Where it breaks
#
# ### Learning by heart
#
# Give a network 200 clips with the *right* labels, and then the same clips with labels drawn by lot, which
# mean nothing. Watch what it learns, without and with regularization.

# %%
few = np.random.default_rng(5).permutation(len(train_x))[:200]
lot = np.random.default_rng(6).integers(0, 10, 200)
settings = {
    "nothing": (0.0, 0.0),
    "dropout 0.5": (0.5, 0.0),
    "weight decay 1": (0.0, 1.0),
    "both": (0.5, 1.0),
}
rows = []
for name, (rate, decay) in progress(settings.items(), "learning by heart"):
    row = {"regularization": name}
    for labels_name, few_labels in {"right labels": train_y[few], "labels by lot": lot}.items():
        results = []
        for seed in range(1 if fast_mode() else 3):
            trained, _ = train(
                train_x[few],
                few_labels,
                Optimizer("AdamW", 2e-3, decay),
                20 if fast_mode() else 40,
                rate=rate,
                seed=seed,
                hidden=256,
            )
            results.append((accuracy(train_x[few], few_labels, trained), accuracy(test_x, test_y, trained)))
        row[f"{labels_name}: training [%]"], row[f"{labels_name}: test [%]"] = 100 * np.mean(results, axis=0)
    rows.append(row)
table(rows, title=f"200 training clips, 256 hidden numbers, {digits.name}")

# %% [markdown]
# With labels by lot the network still gets (nearly) all training clips right. There is no rule in
# such labels, so it has learnt each clip by heart, and on the test clips it guesses. **Right answers in
# training prove nothing.** Only clips that took no part do.
#
# And regularization? Read the test column for the right labels. On this task, with one hidden layer, it
# changes a percent or two, hardly more than luck. That is what was measured, and not what a textbook
# promises. Dropout and decay earn their keep in networks a thousand times larger. More clips of
# different people help more: on recordings, compare with *Practice*, where all the clips were used.
#
# ### A voice never heard
#
# Our test clips were by voices that the network knows, if they are recordings. Take all clips of one voice
# out of training, and test on that voice alone.

# %%
speakers = np.array([clip.speaker for clip in [*training_clips, *test_clips]])
everything = np.concatenate([pictures["training"], pictures["test"]])
every_y = np.concatenate([train_y, test_y])
unheard = {}
for speaker in progress(digits.speakers[: 2 if fast_mode() else 6], "leaving one voice out"):
    known = speakers != speaker
    its_centre, its_spread = everything[known].mean(axis=0), everything[known].std(axis=0)
    trained, _ = train(
        flat(everything[known], its_centre, its_spread),
        every_y[known],
        Optimizer("AdamW", 2e-3, 0.01),
        EPOCHS // 2,
        rate=0.3,
    )
    right = accuracy(flat(everything[~known], its_centre, its_spread), every_y[~known], trained)
    unheard[speaker] = 100 * right
plot.bars(unheard, y_label="right words [%]", title="Tested on a voice that was not in training")

# %% [markdown]
# Compare with the figure in *Practice*. A number without a word about *who* is in the test set says little.
# From now on, labs will tell you.
#
# ### Sequence modeling fundamentals
#
# There is a deeper limit. We squeezed every word into 16 windows. Speech is a **sequence**: things happen
# one after the other, and it is as long as it is. See first how much the *order* carries. One network gets
# the windows in order, the other only the mean over the windows, 24 numbers. Then both hear the test words
# **backwards**.


# %%
def means(pictures: np.ndarray) -> np.ndarray:
    """One window that is the mean of all."""
    return pictures.mean(axis=1, keepdims=True)


backwards = np.stack([word_picture(clip.samples[::-1]) for clip in test_clips])
rows = []
for name, view in {"16 windows in order": lambda p: p, "mean of the windows": means}.items():
    seen = view(pictures["training"])
    scale = seen.mean(axis=0), seen.std(axis=0)
    trained, _ = train(flat(seen, *scale), train_y, Optimizer("AdamW", 2e-3, 0.01), EPOCHS, rate=0.3)
    rows.append(
        {
            "network sees": name,
            "numbers": seen[0].size,
            "right [%]": 100 * accuracy(flat(view(pictures["test"]), *scale), test_y, trained),
            "right, played backwards [%]": 100 * accuracy(flat(view(backwards), *scale), test_y, trained),
        }
    )
table(rows, title=f"Does order matter? {len(test_clips)} test clips, {digits.name}")
nine = digits.clip("nine", speaker=1).samples
play({"nine": nine, "backwards": nine[::-1]}, sample_rate)

# %% [markdown]
# Look at the second row first. The mean alone tells many of the ten words apart, because they differ in
# *which* sounds they hold. But forwards or backwards is the same to it. It could never tell "tap" from
# "pat", and a language has thousands of such words. The first network did hear the order: backwards it is
# lost.
#
# Yet it heard the order in a poor way. Its 16 windows fit one word, not a sentence. Three ideas make
# networks for sequences, and most labs of this course are about one of them.
#
# **1. The same weights at every moment.** A sound is the same sound whenever it comes. So do not learn
# weights for "band 3 in window 7", but for "band 3, one window ago", and slide them along. Any length is
# then possible. That is a *convolution*.
#
# **2. A memory.** Read the sequence step by step, and carry a **state** along that sums up what was heard:
# $h_t = f(h_{t-1}, x_t)$. That is a *recurrent network*. Or look at all steps at once and choose:
# *attention*.
#
# **3. The probability of a sequence, one step at a time.** By the chain rule of probability,
#
# $$p(x_1, x_2, x_3) = p(x_1)\; p(x_2 \mid x_1)\; p(x_3 \mid x_1, x_2) .$$
#
# **A number first.** "to be or": $p(\text{to}) = 0.03$, $p(\text{be} \mid \text{to}) = 0.1$,
# $p(\text{or} \mid \text{to be}) = 0.2$. Together 0.0006. So *one* network that predicts the next item,
# trained with your cross-entropy at each step, is a model of whole sequences. All language models are that.
#
# And what comes out? One label for the whole sequence (this lab). One label for every moment. Or, as in
# speech recognition, **another sequence of another length**: two hundred windows in, five letters out.
# Nobody tells which window belongs to which letter. Then even the loss needs an idea.
#
# ### CTC: a loss for sequences
#
# *Connectionist temporal classification* is the fourth loss of the roadmap's list. The network gives, at
# each window, probabilities of the letters and of one more sign, the **blank** "–", which means *nothing
# new*. A path is one sign per window. To read it, join equal neighbours and drop the blanks: `a a – b` and
# `– a b b` both read "ab". The loss is
#
# $$L = -\ln \sum_{\text{paths that read as the text}} p(\text{path}) .$$
#
# **A number first.** Two windows, the text is "a". The probability of *a* is 0.6 in the first window and 0.5
# in the second; the rest is blank. Which paths read "a"?

# %%
SIGNS = {"a": (0.6, 0.5), "–": (0.4, 0.5)}


def read(path: tuple[str, ...]) -> str:
    """Join equal neighbours, then drop the blanks."""
    return "".join(sign for sign, _ in itertools.groupby(path) if sign != "–")


rows = [
    {
        "path": " ".join(path),
        "reads": read(path) or "(nothing)",
        "probability": math.prod(SIGNS[sign][window] for window, sign in enumerate(path)),
    }
    for path in itertools.product(SIGNS, repeat=2)
]
total = sum(row["probability"] for row in rows if row["reads"] == "a")
table(rows, title=f"p(“a”) = {total:.2f}, so the CTC loss is {-math.log(total):.3f}")

# %% [markdown]
# With two windows there are four paths. With 200 windows and 30 signs there are $30^{200}$. The **lab on
# CTC** (topic 13) sums over all of them with two walks through a small table, and finds the gradient by the
# way. What arrives at the network is again $p$ minus what it should have been, as in part 3.

# %% [markdown]
# ## Read on
#
# - Kingma and Ba, *Adam: a method for stochastic optimization*, ICLR 2015: algorithm 1 and section 3, on the
#   correction of the start.
# - Loshchilov and Hutter, *Decoupled weight decay regularization*, ICLR 2019: section 2, why Adam and L2 do
#   not go together.
# - Chen et al., *Symbolic discovery of optimization algorithms*, 2023: section 3, Lion and how it was found.
# - Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*, JMLR 15, 2014:
#   sections 1 and 4.
# - Ioffe and Szegedy, *Batch normalization*, ICML 2015, section 3; Ba, Kiros and Hinton, *Layer
#   normalization*, 2016, section 3.
# - Zhang et al., *Understanding deep learning requires rethinking generalization*, ICLR 2017: section 2,
#   labels by lot.
# - Graves et al., *Connectionist temporal classification*, ICML 2006: sections 3 and 4.
