"""Wrong variants of the parts on training."""

import numpy as np

from autograder.checking import lab_beside, mistake
from labkit.parts import p02_backpropagation as backpropagation

reference = lab_beside(__file__)  # the reference parts, for building variants


def rest(array):
    """How many numbers an example has."""
    return array.size // max(len(array), 1)


# --- mse_loss ------------------------------------------------------------------------------------------


@mistake("mse_loss", "The 2 is missing in the gradient: the slope of a square is twice what is squared.")
def mse_two_missing(prediction, target):
    loss, gradient = reference.mse_loss(prediction, target)
    return loss, gradient / 2


@mistake("mse_loss", "The sign of the gradient is wrong: the error is prediction minus target.")
def mse_sign(prediction, target):
    loss, gradient = reference.mse_loss(prediction, target)
    return loss, -gradient


@mistake("mse_loss", "You took the sum of the squares. The mean over all numbers is asked for.")
def mse_summed(prediction, target):
    loss, gradient = reference.mse_loss(prediction, target)
    return loss * gradient.size, gradient * gradient.size


@mistake("mse_loss", "The loss is a mean, so its gradient has to be divided by the number of predictions.")
def mse_gradient_not_divided(prediction, target):
    loss, gradient = reference.mse_loss(prediction, target)
    return loss, gradient * gradient.size


@mistake("mse_loss", "You divided the gradient by the number of rows. The mean runs over all numbers.")
def mse_divided_by_rows(prediction, target):
    loss, gradient = reference.mse_loss(prediction, target)
    return loss, gradient * rest(gradient)


@mistake("mse_loss", "You took the root of the mean. The mean of the squares itself is asked for.")
def mse_root(prediction, target):
    loss, gradient = reference.mse_loss(prediction, target)
    return float(np.sqrt(loss)), gradient


@mistake("mse_loss", "Shapes that differ were broadcast. They must raise a ValueError.")
def mse_broadcast(prediction, target):
    try:
        error = prediction - target
    except ValueError:
        error = prediction - np.resize(target, prediction.shape)
    return float(np.mean(error**2)), 2 * error / error.size


# --- l1_loss -------------------------------------------------------------------------------------------


@mistake("l1_loss", "The sign of the gradient is wrong: the error is prediction minus target.")
def l1_sign(prediction, target):
    loss, gradient = reference.l1_loss(prediction, target)
    return loss, -gradient


@mistake(
    "l1_loss", "Your gradient grows with the error. The absolute value pulls with the same force everywhere."
)
def l1_gradient_of_the_error(prediction, target):
    loss, gradient = reference.l1_loss(prediction, target)
    return loss, (prediction - target) / gradient.size


@mistake("l1_loss", "The loss is a mean, so its gradient has to be divided by the number of predictions.")
def l1_not_divided(prediction, target):
    loss, gradient = reference.l1_loss(prediction, target)
    return loss, gradient * gradient.size


@mistake("l1_loss", "A prediction that is exactly right is pulled as well. Its gradient is 0.")
def l1_pull_at_zero(prediction, target):
    loss, gradient = reference.l1_loss(prediction, target)
    return loss, np.where(prediction >= target, 1.0, -1.0) / gradient.size


@mistake("l1_loss", "You took the absolute value of the mean. First the absolute values, then the mean.")
def l1_mean_first(prediction, target):
    _, gradient = reference.l1_loss(prediction, target)
    return float(abs(np.mean(prediction - target))), gradient


@mistake("l1_loss", "You divided by the number of rows. The mean runs over all numbers.")
def l1_divided_by_rows(prediction, target):
    loss, gradient = reference.l1_loss(prediction, target)
    return loss, gradient * rest(gradient)


@mistake("l1_loss", "Shapes that differ were broadcast. They must raise a ValueError.")
def l1_broadcast(prediction, target):
    try:
        error = prediction - target
    except ValueError:
        error = prediction - np.resize(target, prediction.shape)
    return float(np.mean(np.abs(error))), np.sign(error) / error.size


# --- cross_entropy -------------------------------------------------------------------------------------


@mistake("cross_entropy", "You summed over the batch. The mean is asked for, of loss and gradient.")
def summed_over_the_batch(scores, labels):
    loss, gradient = reference.cross_entropy(scores, labels)
    return loss * len(scores), gradient * len(scores)


@mistake("cross_entropy", "The loss is a mean, so its gradient has to be divided by the number of examples.")
def entropy_gradient_not_divided(scores, labels):
    loss, gradient = reference.cross_entropy(scores, labels)
    return loss, gradient * len(scores)


@mistake("cross_entropy", "You divided by rows and classes. The mean runs over the examples alone.")
def divided_by_classes(scores, labels):
    loss, gradient = reference.cross_entropy(scores, labels)
    return loss / scores.shape[1], gradient / scores.shape[1]


@mistake(
    "cross_entropy", "You took the logarithm of the softmax: a probability that rounds to 0 costs infinity."
)
def logarithm_of_the_softmax(scores, labels):
    _, gradient = reference.cross_entropy(scores, labels)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    right = (powers / powers.sum(axis=1, keepdims=True))[np.arange(len(scores)), labels]
    with np.errstate(divide="ignore"):
        return float(-np.log(right).mean()), gradient


@mistake("cross_entropy", "Large scores overflow. Subtract each row's largest score before the exponential.")
def entropy_overflow(scores, labels):
    reference.cross_entropy(scores, labels)
    with np.errstate(all="ignore"):
        powers = np.exp(scores)
        logs = scores - np.log(powers.sum(axis=1, keepdims=True))
        gradient = powers / powers.sum(axis=1, keepdims=True)
    gradient[np.arange(len(scores)), labels] -= 1
    return float(-logs[np.arange(len(scores)), labels].mean()), gradient / len(scores)


@mistake(
    "cross_entropy", "The sign of the gradient is wrong: p minus 1 at the right class, plain p elsewhere."
)
def entropy_sign(scores, labels):
    loss, gradient = reference.cross_entropy(scores, labels)
    return loss, -gradient


@mistake("cross_entropy", "Your gradient is the probabilities alone. At the right class, 1 is subtracted.")
def probabilities_alone(scores, labels):
    loss, gradient = reference.cross_entropy(scores, labels)
    gradient = gradient * len(scores)
    gradient[np.arange(len(scores)), labels] += 1
    return loss, gradient / len(scores)


@mistake("cross_entropy", "You took the logarithm to base 10 or 2. The natural one is asked for.")
def other_logarithm(scores, labels):
    loss, gradient = reference.cross_entropy(scores, labels)
    return loss / np.log(10), gradient


@mistake("cross_entropy", "A negative label counts from the end in NumPy. It must raise a ValueError.")
def negative_labels(scores, labels):
    if labels.ndim == 1 and len(labels) == len(scores):
        labels = np.where(labels < 0, labels + scores.shape[1], labels)
    return reference.cross_entropy(scores, labels)


# --- sgd_step ------------------------------------------------------------------------------------------


@mistake("sgd_step", "You went uphill: the step is against the gradient.")
def uphill(parameter, gradient, learning_rate, weight_decay=0.0):
    return 2 * parameter - reference.sgd_step(parameter, gradient, learning_rate, weight_decay)


@mistake("sgd_step", "The weight decay is missing.")
def sgd_without_decay(parameter, gradient, learning_rate, weight_decay=0.0):
    return reference.sgd_step(parameter, gradient, learning_rate)


@mistake("sgd_step", "The decay is not multiplied by the learning rate. It is part of the gradient.")
def sgd_decay_beside(parameter, gradient, learning_rate, weight_decay=0.0):
    return parameter - learning_rate * gradient - weight_decay * parameter


@mistake("sgd_step", "Your weights grow: the decay has the wrong sign. It pulls them towards 0.")
def sgd_growth(parameter, gradient, learning_rate, weight_decay=0.0):
    return reference.sgd_step(parameter, gradient, learning_rate, -weight_decay)


@mistake("sgd_step", "You decayed by the sign of the weights (L1). Here it is in proportion to their size.")
def sgd_sign_decay(parameter, gradient, learning_rate, weight_decay=0.0):
    return parameter - learning_rate * (gradient + weight_decay * np.sign(parameter))


# --- momentum_step -------------------------------------------------------------------------------------


@mistake("momentum_step", "You stepped with the old velocity. First renew it, then step.")
def old_velocity(parameter, gradient, velocity, learning_rate, momentum=0.9, weight_decay=0.0):
    new = momentum * velocity + gradient + weight_decay * parameter
    return parameter - learning_rate * velocity, new


@mistake(
    "momentum_step",
    "You took a mean, with 1 − momentum before the gradient. The velocity is a sum of whole gradients.",
)
def damped(parameter, gradient, velocity, learning_rate, momentum=0.9, weight_decay=0.0):
    velocity = momentum * velocity + (1 - momentum) * (gradient + weight_decay * parameter)
    return parameter - learning_rate * velocity, velocity


@mistake(
    "momentum_step", "That is Nesterov's momentum, which looks one step ahead. The plain one is asked for."
)
def nesterov(parameter, gradient, velocity, learning_rate, momentum=0.9, weight_decay=0.0):
    gradient = gradient + weight_decay * parameter
    velocity = momentum * velocity + gradient
    return parameter - learning_rate * (gradient + momentum * velocity), velocity


@mistake("momentum_step", "The learning rate is inside your velocity. It multiplies the velocity at the end.")
def rate_inside(parameter, gradient, velocity, learning_rate, momentum=0.9, weight_decay=0.0):
    velocity = momentum * velocity + learning_rate * (gradient + weight_decay * parameter)
    return parameter - velocity, velocity


@mistake("momentum_step", "The weight decay is missing.")
def momentum_without_decay(parameter, gradient, velocity, learning_rate, momentum=0.9, weight_decay=0.0):
    return reference.momentum_step(parameter, gradient, velocity, learning_rate, momentum)


@mistake(
    "momentum_step", "The decay stands outside the velocity. It is part of the gradient, so it is remembered."
)
def decay_outside(parameter, gradient, velocity, learning_rate, momentum=0.9, weight_decay=0.0):
    moved, velocity = reference.momentum_step(parameter, gradient, velocity, learning_rate, momentum)
    return moved - learning_rate * weight_decay * parameter, velocity


@mistake("momentum_step", "The velocity is not kept: you handed back the gradient.")
def forgotten(parameter, gradient, velocity, learning_rate, momentum=0.9, weight_decay=0.0):
    moved, _ = reference.momentum_step(parameter, gradient, velocity, learning_rate, momentum, weight_decay)
    return moved, gradient + weight_decay * parameter


# --- adam_step -----------------------------------------------------------------------------------------


def adam_variant(
    parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay,
    correct=(True, True), inside=False, root=True, keep_corrected=False, shift=0, gain=1.0,
):  # fmt: skip
    """Adam with one thing changed."""
    reference.adam_step(parameter, gradient, mean, square, step)  # refuses a bad step
    gradient = gradient + weight_decay * parameter
    mean = beta1 * mean + (1 - beta1) * gradient * gain
    square = beta2 * square + (1 - beta2) * gradient**2
    number = step + shift
    full_mean = mean / (1 - beta1**number) if correct[0] else mean
    full_square = square / (1 - beta2**number) if correct[1] else square
    if inside:
        pace = np.sqrt(full_square + epsilon)
    else:
        pace = (np.sqrt(full_square) if root else full_square) + epsilon
    moved = parameter - learning_rate * full_mean / pace
    return (moved, full_mean, full_square) if keep_corrected else (moved, mean, square)


@mistake(
    "adam_step", "The correction for the start is missing: both means begin at 0 and are too small at first."
)
def without_correction(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    return adam_variant(
        parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay,
        correct=(False, False),
    )  # fmt: skip


@mistake("adam_step", "Only the mean is corrected for its start. The squares begin at 0 as well.")
def squares_not_corrected(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    return adam_variant(
        parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay,
        correct=(True, False),
    )  # fmt: skip


@mistake("adam_step", "Epsilon stands inside the root. It is added after the root.")
def epsilon_inside(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    return adam_variant(
        parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay,
        inside=True,
    )  # fmt: skip


@mistake("adam_step", "The root is missing: you divided by the mean of the squares.")
def root_missing(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    return adam_variant(
        parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay,
        root=False,
    )  # fmt: skip


@mistake("adam_step", "You handed back the corrected means. Then the next step corrects them a second time.")
def corrected_kept(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    return adam_variant(
        parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay,
        keep_corrected=True,
    )  # fmt: skip


@mistake("adam_step", "You corrected with one step too many. The first step is number 1, and its power is 1.")
def one_step_ahead(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    return adam_variant(
        parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay, shift=1
    )  # fmt: skip


@mistake("adam_step", "The decay is taken from the parameter, as in AdamW. Here it is added to the gradient.")
def adam_decay_decoupled(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    decayed = parameter * (1 - learning_rate * weight_decay)
    return reference.adam_step(decayed, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon)


@mistake("adam_step", "β₁ and β₂ have changed places.")
def betas_swapped(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    return reference.adam_step(
        parameter, gradient, mean, square, step, learning_rate, beta2, beta1, epsilon, weight_decay
    )


@mistake("adam_step", "A step number below 1 must raise a ValueError; yours divides by 0 or less.")
def any_step(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    if step < 1:
        return parameter, mean, square
    return reference.adam_step(
        parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay
    )


# --- adamw_step ----------------------------------------------------------------------------------------


@mistake("adamw_step", "The decay went into the gradient, as in Adam. Take it from the parameter itself.")
def coupled(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01,
):  # fmt: skip
    return reference.adam_step(
        parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay
    )


@mistake("adamw_step", "The decay is not multiplied by the learning rate.")
def decay_without_rate(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01,
):  # fmt: skip
    return reference.adam_step(
        parameter * (1 - weight_decay), gradient, mean, square, step, learning_rate, beta1, beta2, epsilon
    )


@mistake(
    "adamw_step", "You shrank the parameter after the step, with the step in it. First shrink, then step."
)
def decay_after_the_step(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01,
):  # fmt: skip
    moved, mean, square = reference.adam_step(
        parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon
    )
    return moved * (1 - learning_rate * weight_decay), mean, square


@mistake("adamw_step", "The weight decay is missing.")
def adamw_without_decay(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01,
):  # fmt: skip
    return reference.adam_step(parameter, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon)


@mistake("adamw_step", "The decay is in twice: in the parameter and in the gradient.")
def decayed_twice(
    parameter, gradient, mean, square, step,
    learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01,
):  # fmt: skip
    decayed = parameter * (1 - learning_rate * weight_decay)
    return reference.adam_step(
        decayed, gradient, mean, square, step, learning_rate, beta1, beta2, epsilon, weight_decay
    )


# --- lion_step -----------------------------------------------------------------------------------------


@mistake(
    "lion_step", "You renewed the mean first and took the sign with the new one. The step sees the old mean."
)
def new_mean_in_the_step(
    parameter, gradient, mean, learning_rate=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0
):
    renewed = beta2 * mean + (1 - beta2) * gradient
    direction = np.sign(beta1 * renewed + (1 - beta1) * gradient)
    return parameter - learning_rate * (direction + weight_decay * parameter), renewed


@mistake("lion_step", "β₁ and β₂ have changed places: the step mixes with β₁, the memory fades with β₂.")
def lion_betas_swapped(
    parameter, gradient, mean, learning_rate=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0
):
    return reference.lion_step(parameter, gradient, mean, learning_rate, beta2, beta1, weight_decay)


@mistake(
    "lion_step", "The sign is missing: every number moves by the learning rate, however large the mixture."
)
def lion_without_sign(parameter, gradient, mean, learning_rate=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0):
    mixture = beta1 * mean + (1 - beta1) * gradient
    moved = parameter - learning_rate * (mixture + weight_decay * parameter)
    return moved, beta2 * mean + (1 - beta2) * gradient


@mistake("lion_step", "You took the sign of the gradient alone. The step looks at mean and gradient mixed.")
def sign_of_the_gradient(
    parameter, gradient, mean, learning_rate=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0
):
    moved = parameter - learning_rate * (np.sign(gradient) + weight_decay * parameter)
    return moved, beta2 * mean + (1 - beta2) * gradient


@mistake(
    "lion_step", "The decay went into the gradient, where the sign swallows it. It stands beside the sign."
)
def lion_decay_in_the_gradient(
    parameter, gradient, mean, learning_rate=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0
):
    return reference.lion_step(
        parameter, gradient + weight_decay * parameter, mean, learning_rate, beta1, beta2
    )


@mistake("lion_step", "You kept the mixture of the step as the mean. The memory fades by itself, with β₂.")
def mixture_kept(parameter, gradient, mean, learning_rate=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0):
    moved, _ = reference.lion_step(parameter, gradient, mean, learning_rate, beta1, beta2, weight_decay)
    return moved, beta1 * mean + (1 - beta1) * gradient


@mistake("lion_step", "The weight decay is missing.")
def lion_without_decay(
    parameter, gradient, mean, learning_rate=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0
):
    return reference.lion_step(parameter, gradient, mean, learning_rate, beta1, beta2)


# --- dropout -------------------------------------------------------------------------------------------


@mistake("dropout", "What is kept is not enlarged, so the mean shrinks.")
def not_enlarged(x, uniform, rate, training=True):
    output, slope = reference.dropout(x, uniform, rate, training)
    return (output * (1 - rate), slope * (1 - rate)) if training else (output, slope)


@mistake("dropout", "The rate is the share that is dropped. In yours it is the share that is kept.")
def rate_is_kept(x, uniform, rate, training=True):
    output, slope = reference.dropout(x, uniform, rate, training)
    if not training:
        return output, slope
    slope = (uniform < rate) / (rate if rate > 0 else 1.0)
    return x * slope, slope


@mistake("dropout", "You enlarged by the wrong factor: divide by the share that is kept, not by the rate.")
def divided_by_the_rate(x, uniform, rate, training=True):
    output, slope = reference.dropout(x, uniform, rate, training)
    if not training:
        return output, slope
    slope = (uniform >= rate) / (rate if rate > 0 else 1.0)
    return x * slope, slope


@mistake("dropout", "You enlarge the numbers outside training. There, everything stays as it is.")
def enlarged_outside_training(x, uniform, rate, training=True):
    reference.dropout(x, uniform, rate, training)
    slope = (uniform >= rate if training else np.ones(x.shape)) / (1 - rate)
    return x * slope, slope


@mistake("dropout", "You drop outside training, too.")
def always_dropped(x, uniform, rate, training=True):
    return reference.dropout(x, uniform, rate, True)


@mistake("dropout", "Your slope is only 1 or 0. What was enlarged hands its gradient back enlarged.")
def slope_of_ones(x, uniform, rate, training=True):
    output, slope = reference.dropout(x, uniform, rate, training)
    return output, (slope > 0).astype(np.float64)


@mistake("dropout", "You dropped where the random number is at least the rate: the other way round.")
def inverted(x, uniform, rate, training=True):
    output, slope = reference.dropout(x, uniform, rate, training)
    if not training:
        return output, slope
    slope = (uniform < rate) / (1 - rate)
    return x * slope, slope


@mistake("dropout", "A rate of 1 or more, or below 0, must raise a ValueError.")
def any_rate(x, uniform, rate, training=True):
    if 0 <= rate < 1:
        return reference.dropout(x, uniform, rate, training)
    return np.zeros(x.shape), np.zeros(x.shape)


# --- layer_norm ----------------------------------------------------------------------------------------


def normed(x, gain, bias, epsilon, axis=-1, ddof=0, inside=True, centre=True):
    mean = x.mean(axis=axis, keepdims=True)
    with np.errstate(all="ignore"):
        variance = x.var(axis=axis, keepdims=True, ddof=ddof)
        spread = np.sqrt(variance + epsilon) if inside else np.sqrt(variance) + epsilon
        return gain * ((x - mean) if centre else x) / spread + bias


@mistake(
    "layer_norm", "Your variance divides by one less than the number of features. Here it is the number."
)
def sample_variance(x, gain, bias, epsilon=1e-5):
    return normed(x, gain, bias, epsilon, ddof=1) if x.shape[-1] > 1 else x * np.nan


@mistake("layer_norm", "You normalized along the first axis: that is batch norm. Here each row is by itself.")
def along_the_batch(x, gain, bias, epsilon=1e-5):
    return normed(x, gain, bias, epsilon, axis=0)


@mistake("layer_norm", "Epsilon is added after the root. It belongs to the variance, before the root.")
def norm_epsilon_outside(x, gain, bias, epsilon=1e-5):
    return normed(x, gain, bias, epsilon, inside=False)


@mistake("layer_norm", "The mean is not subtracted.")
def not_centred(x, gain, bias, epsilon=1e-5):
    return normed(x, gain, bias, epsilon, centre=False)


@mistake("layer_norm", "You divided by the variance. Divide by its root, the standard deviation.")
def divided_by_the_variance(x, gain, bias, epsilon=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return gain * (x - mean) / (variance + epsilon) + bias


@mistake("layer_norm", "Gain and bias are missing after the normalization.")
def without_gain(x, gain, bias, epsilon=1e-5):
    return normed(x, np.ones(len(gain)), np.zeros(len(bias)), epsilon)


@mistake("layer_norm", "The gain multiplies the bias as well. First the factor, then the bias is added.")
def gain_times_bias(x, gain, bias, epsilon=1e-5):
    return normed(x, gain, gain * bias, epsilon)


# --- layer_norm_backward -------------------------------------------------------------------------------


def norm_backward(
    gradient, x, gain, epsilon, mean_term=True, variance_term=True, with_gain=True, spread=True
):
    """Layer norm's way back with something left out."""
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    normalized = (x - x.mean(axis=-1, keepdims=True)) / deviation
    arriving = gradient * gain if with_gain else gradient
    by_x = arriving
    if mean_term:
        by_x = by_x - arriving.mean(axis=-1, keepdims=True)
    if variance_term:
        by_x = by_x - normalized * (arriving * normalized).mean(axis=-1, keepdims=True)
    rows = tuple(range(x.ndim - 1))
    by_gain, by_bias = (gradient * normalized).sum(axis=rows), gradient.sum(axis=rows)
    return by_x / deviation if spread else by_x, by_gain, by_bias


@mistake("layer_norm_backward", "You treated mean and variance as constants. Each x moves both of its row.")
def both_constant(gradient, x, gain, epsilon=1e-5):
    return norm_backward(gradient, x, gain, epsilon, mean_term=False, variance_term=False)


@mistake("layer_norm_backward", "The way through the variance is missing: the part along the normalized row.")
def variance_constant(gradient, x, gain, epsilon=1e-5):
    return norm_backward(gradient, x, gain, epsilon, variance_term=False)


@mistake("layer_norm_backward", "The way through the mean is missing: each row of the result must sum to 0.")
def mean_constant(gradient, x, gain, epsilon=1e-5):
    return norm_backward(gradient, x, gain, epsilon, mean_term=False)


@mistake(
    "layer_norm_backward", "On the way to x the gradient passes the gain. Multiply before taking the means."
)
def gain_forgotten(gradient, x, gain, epsilon=1e-5):
    return norm_backward(gradient, x, gain, epsilon, with_gain=False)


@mistake(
    "layer_norm_backward", "You multiplied by the gain at the end. It must be in before the means are taken."
)
def gain_at_the_end(gradient, x, gain, epsilon=1e-5):
    by_x, by_gain, by_bias = norm_backward(gradient, x, gain, epsilon, with_gain=False)
    return by_x * gain, by_gain, by_bias


@mistake("layer_norm_backward", "The division by the standard deviation is missing in the gradient by x.")
def spread_forgotten(gradient, x, gain, epsilon=1e-5):
    return norm_backward(gradient, x, gain, epsilon, spread=False)


@mistake(
    "layer_norm_backward",
    "The gain's gradient has the gain in it. It is the gradient times the normalized row.",
)
def gain_in_its_own_gradient(gradient, x, gain, epsilon=1e-5):
    by_x, by_gain, by_bias = norm_backward(gradient, x, gain, epsilon)
    return by_x, by_gain * gain, by_bias


@mistake(
    "layer_norm_backward", "The gain's gradient uses x as it is. The gain multiplied the normalized row."
)
def gain_met_the_raw_input(gradient, x, gain, epsilon=1e-5):
    by_x, _, by_bias = norm_backward(gradient, x, gain, epsilon)
    return by_x, (gradient * x).sum(axis=tuple(range(x.ndim - 1))), by_bias


@mistake("layer_norm_backward", "The gradients by gain and bias are means over the rows. They are sums.")
def averaged_over_rows(gradient, x, gain, epsilon=1e-5):
    by_x, by_gain, by_bias = norm_backward(gradient, x, gain, epsilon)
    rows = x.size // x.shape[-1]
    return by_x, by_gain / rows, by_bias / rows


# --- batch_norm ----------------------------------------------------------------------------------------


def batch_variant(
    x, gain, bias, running_mean, running_variance, training, momentum, epsilon,
    batch_ddof=0, running_ddof=1, use_running=False, flip=False, renew_always=False,
):  # fmt: skip
    """Batch norm with one thing changed."""
    reference.batch_norm(x, gain, bias, running_mean, running_variance, training)
    mean, variance = running_mean, running_variance
    with np.errstate(all="ignore"):
        if training or renew_always:
            share = 1 - momentum if flip else momentum
            batch_mean = x.mean(axis=0)
            unbiased = x.var(axis=0, ddof=running_ddof) if len(x) > running_ddof else x.var(axis=0)
            if training and not use_running:
                mean, variance = batch_mean, x.var(axis=0, ddof=batch_ddof)
            running_mean = (1 - share) * running_mean + share * batch_mean
            running_variance = (1 - share) * running_variance + share * unbiased
        output = gain * (x - mean) / np.sqrt(variance + epsilon) + bias
    return output, running_mean, running_variance


@mistake("batch_norm", "The running variance divides by n. To estimate that of all data it divides by n − 1.")
def running_variance_over_n(
    x, gain, bias, running_mean, running_variance, training, momentum=0.1, epsilon=1e-5
):
    return batch_variant(
        x, gain, bias, running_mean, running_variance, training, momentum, epsilon, running_ddof=0
    )


@mistake(
    "batch_norm",
    "You normalized the batch with the variance over n − 1. That one is for the running variance.",
)
def batch_variance_over_less(
    x, gain, bias, running_mean, running_variance, training, momentum=0.1, epsilon=1e-5
):
    return batch_variant(
        x, gain, bias, running_mean, running_variance, training, momentum, epsilon, batch_ddof=1
    )


@mistake("batch_norm", "The momentum is the share that is replaced. In yours it is the share that is kept.")
def momentum_the_other_way(
    x, gain, bias, running_mean, running_variance, training, momentum=0.1, epsilon=1e-5
):
    return batch_variant(
        x, gain, bias, running_mean, running_variance, training, momentum, epsilon, flip=True
    )


@mistake("batch_norm", "In training you normalized with the running numbers. Use those of this batch.")
def running_in_training(x, gain, bias, running_mean, running_variance, training, momentum=0.1, epsilon=1e-5):
    return batch_variant(
        x, gain, bias, running_mean, running_variance, training, momentum, epsilon, use_running=True
    )


@mistake("batch_norm", "Outside training you normalized with the batch. Use the running numbers there.")
def batch_outside_training(
    x, gain, bias, running_mean, running_variance, training, momentum=0.1, epsilon=1e-5
):
    reference.batch_norm(x, gain, bias, running_mean, running_variance, training)
    mean, variance = x.mean(axis=0), x.var(axis=0)
    output = gain * (x - mean) / np.sqrt(variance + epsilon) + bias
    if training:
        return reference.batch_norm(
            x, gain, bias, running_mean, running_variance, training, momentum, epsilon
        )
    return output, running_mean, running_variance


@mistake("batch_norm", "The running numbers are renewed outside training, too. There they stay.")
def renewed_outside_training(
    x, gain, bias, running_mean, running_variance, training, momentum=0.1, epsilon=1e-5
):
    return batch_variant(
        x, gain, bias, running_mean, running_variance, training, momentum, epsilon, renew_always=True
    )


@mistake("batch_norm", "You normalized each row: that is layer norm. Batch norm works down the columns.")
def along_the_rows(x, gain, bias, running_mean, running_variance, training, momentum=0.1, epsilon=1e-5):
    output, mean, variance = reference.batch_norm(
        x, gain, bias, running_mean, running_variance, training, momentum, epsilon
    )
    return (reference.layer_norm(x, gain, bias, epsilon) if training else output), mean, variance


@mistake("batch_norm", "A batch of one example must raise a ValueError in training: it has no variance.")
def batch_of_one(x, gain, bias, running_mean, running_variance, training, momentum=0.1, epsilon=1e-5):
    if training and len(x) < 2:
        return np.zeros(x.shape) + bias, running_mean, running_variance
    return reference.batch_norm(x, gain, bias, running_mean, running_variance, training, momentum, epsilon)


# --- batch_norm_backward -------------------------------------------------------------------------------


def columns_backward(gradient, x, gain, epsilon, mean_term=True, variance_term=True, ddof=0):
    """Batch norm's way back with something left out."""
    spread = np.sqrt(x.var(axis=0, ddof=ddof) + epsilon)
    normalized = (x - x.mean(axis=0)) / spread
    by_x = gradient
    if mean_term:
        by_x = by_x - gradient.mean(axis=0)
    if variance_term:
        by_x = by_x - normalized * (gradient * normalized).mean(axis=0)
    return gain * by_x / spread, (gradient * normalized).sum(axis=0), gradient.sum(axis=0)


@mistake("batch_norm_backward", "You treated mean and variance as constants. Each example moves both.")
def batch_both_constant(gradient, x, gain, epsilon=1e-5):
    return columns_backward(gradient, x, gain, epsilon, mean_term=False, variance_term=False)


@mistake(
    "batch_norm_backward", "The way through the variance is missing: the part along the normalized column."
)
def batch_variance_constant(gradient, x, gain, epsilon=1e-5):
    return columns_backward(gradient, x, gain, epsilon, variance_term=False)


@mistake(
    "batch_norm_backward", "The way through the mean is missing: each column of the result must sum to 0."
)
def batch_mean_constant(gradient, x, gain, epsilon=1e-5):
    return columns_backward(gradient, x, gain, epsilon, mean_term=False)


@mistake(
    "batch_norm_backward", "Your means run along the rows, as in layer norm. Here they run down the columns."
)
def batch_along_the_rows(gradient, x, gain, epsilon=1e-5):
    by_x, _, _ = reference.layer_norm_backward(gradient, x, gain, epsilon)
    _, by_gain, by_bias = columns_backward(gradient, x, gain, epsilon)
    return by_x, by_gain, by_bias


@mistake("batch_norm_backward", "The gain is missing in the gradient by x.")
def batch_gain_forgotten(gradient, x, gain, epsilon=1e-5):
    return columns_backward(gradient, x, np.ones(len(gain)), epsilon)[0], *columns_backward(
        gradient, x, gain, epsilon
    )[1:]


@mistake(
    "batch_norm_backward", "Your variance divides by n − 1. The batch was normalized with the one over n."
)
def batch_sample_variance(gradient, x, gain, epsilon=1e-5):
    return columns_backward(gradient, x, gain, epsilon, ddof=1)


@mistake("batch_norm_backward", "The gradients by gain and bias are means over the batch. They are sums.")
def batch_averaged(gradient, x, gain, epsilon=1e-5):
    by_x, by_gain, by_bias = columns_backward(gradient, x, gain, epsilon)
    return by_x, by_gain / len(x), by_bias / len(x)


# --- classifier_gradients ------------------------------------------------------------------------------


def classifier(
    x, labels, parameters, uniform, rate,
    forward_drop=True, drop_slope=True, bend_slope=True, norm_back=True, second_input="kept",
    norm_input="hidden", order="usual", gradient_scale=1.0,
):  # fmt: skip
    """The reference's classifier with one thing changed."""
    p = parameters
    hidden = backpropagation.linear(x, p["weight1"], p["bias1"])
    normalized = reference.layer_norm(hidden, p["gain"], p["shift"])
    active, bend = backpropagation.gelu(normalized)
    kept, drop = reference.dropout(active, uniform, rate)
    if not forward_drop:
        kept = active
    loss, arriving = reference.cross_entropy(backpropagation.linear(kept, p["weight2"], p["bias2"]), labels)
    into_second = {"kept": kept, "active": active}[second_input]
    found = {}
    arriving, found["weight2"], found["bias2"] = backpropagation.linear_backward(
        arriving * gradient_scale, into_second, p["weight2"]
    )
    if drop_slope:
        arriving = arriving * drop
    if bend_slope:
        arriving = arriving * bend
    into_norm = {"hidden": hidden, "normalized": normalized}[norm_input]
    by_norm, found["gain"], found["shift"] = reference.layer_norm_backward(arriving, into_norm, p["gain"])
    _, found["weight1"], found["bias1"] = backpropagation.linear_backward(
        by_norm if norm_back else arriving * p["gain"], x, p["weight1"]
    )
    return loss, found


@mistake("classifier_gradients", "On the way back you passed the dropout without its slope.")
def drop_slope_forgotten(x, labels, parameters, uniform, rate):
    return classifier(x, labels, parameters, uniform, rate, drop_slope=False)


@mistake("classifier_gradients", "On the way back you passed GELU without its slope.")
def bend_slope_forgotten(x, labels, parameters, uniform, rate):
    return classifier(x, labels, parameters, uniform, rate, bend_slope=False)


@mistake("classifier_gradients", "The dropout is missing on the way forward.")
def no_dropout_forward(x, labels, parameters, uniform, rate):
    return classifier(x, labels, parameters, uniform, rate, forward_drop=False)


@mistake(
    "classifier_gradients", "The second layer's weight gradient needs what went into it: the kept numbers."
)
def before_the_dropout(x, labels, parameters, uniform, rate):
    return classifier(x, labels, parameters, uniform, rate, second_input="active")


@mistake(
    "classifier_gradients", "Layer norm's way back wants what went into it, the numbers before the norm."
)
def after_the_norm(x, labels, parameters, uniform, rate):
    return classifier(x, labels, parameters, uniform, rate, norm_input="normalized")


@mistake("classifier_gradients", "Layer norm was passed as a mere factor. Use its backward function.")
def norm_passed_as_a_factor(x, labels, parameters, uniform, rate):
    return classifier(x, labels, parameters, uniform, rate, norm_back=False)


@mistake(
    "classifier_gradients", "You divided by the number of examples twice: cross_entropy has done it already."
)
def divided_twice(x, labels, parameters, uniform, rate):
    return classifier(x, labels, parameters, uniform, rate, gradient_scale=1 / len(x))


@mistake("classifier_gradients", "The layer norm is missing.")
def without_norm(x, labels, parameters, uniform, rate):
    p = parameters
    hidden = backpropagation.linear(x, p["weight1"], p["bias1"])
    active, bend = backpropagation.gelu(hidden * p["gain"] + p["shift"])
    kept, drop = reference.dropout(active, uniform, rate)
    loss, arriving = reference.cross_entropy(backpropagation.linear(kept, p["weight2"], p["bias2"]), labels)
    found = {}
    arriving, found["weight2"], found["bias2"] = backpropagation.linear_backward(arriving, kept, p["weight2"])
    arriving = arriving * drop * bend
    found["gain"], found["shift"] = (arriving * hidden).sum(axis=0), arriving.sum(axis=0)
    _, found["weight1"], found["bias1"] = backpropagation.linear_backward(
        arriving * p["gain"], x, p["weight1"]
    )
    return loss, found
