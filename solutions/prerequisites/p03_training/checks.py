"""Hidden checks of the lab on training."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, oracle, picture

# Everything is asked in float64. Two orders of summation of some hundred terms differ by 1e-14 of their
# size; a few hundred steps of an optimizer add such errors up to some 1e-12.
SEEDS = st.integers(0, 2**32 - 1)
MANY = 200  # steps that an optimizer is followed for


def close(actual, expected, rtol=1e-9, atol=1e-11):
    """Same shape, and equal up to rounding."""
    assert np.shape(actual) == np.shape(expected)
    if not np.allclose(actual, expected, rtol=rtol, atol=atol):  # far quicker than what tells why
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def by_autograd(function, *arrays):
    """Output of a function of tensors, and torch's gradients of its sum by each array."""
    import torch

    tensors = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]
    output = function(*tensors)
    output.sum().backward()
    return output.detach().numpy(), [tensor.grad.numpy() for tensor in tensors]


def by_trial(function, point, step=1e-5):
    """Gradient by central differences, one number at a time."""
    gradient = np.empty(point.shape)
    for index in np.ndindex(point.shape):
        above, below = point.copy(), point.copy()
        above[index] += step
        below[index] -= step
        gradient[index] = (function(above) - function(below)) / (2 * step)
    return gradient


# h² / 6 times a third derivative of order 10 is 1e-9, rounding of 1e-15 / 1e-5 is smaller
TRIAL = {"rtol": 1e-6, "atol": 1e-7}


# --- mse_loss and l1_loss ------------------------------------------------------------------------------


@checks("mse_loss", visible=True)
def test_squared_error_of_the_page(lab):
    """Predictions (3, 5) and targets (1, 5): the worked numbers of the page."""
    loss, gradient = lab.mse_loss(np.array([3.0, 5.0]), np.array([1.0, 5.0]))
    close(loss, 2.0)
    close(gradient, [2.0, 0.0])


@checks("mse_loss")
@given(seed=SEEDS, rows=st.integers(1, 5), columns=st.integers(1, 4))
def test_squared_error_of_torch_is_the_same(lab, seed, rows, columns):
    """Loss and gradient must be torch's, for one, two and three axes."""
    import torch.nn.functional as F

    rng = np.random.default_rng(seed)
    for shape in [(rows,), (rows, columns), (2, rows, columns)]:
        prediction, target = rng.normal(size=shape), rng.normal(size=shape)
        loss, gradient = lab.mse_loss(prediction, target)
        expected, (by_prediction, _) = by_autograd(F.mse_loss, prediction, target)
        close(loss, float(expected))
        close(gradient, by_prediction)


@checks("mse_loss")
def test_constant_that_fits_best_is_the_mean(lab, rng):
    """For one constant prediction, the gradients must cancel at the mean of the targets."""
    target = rng.normal(size=9) * 10
    _, gradient = lab.mse_loss(np.full(9, target.mean()), target)
    close(np.sum(gradient), 0.0)
    _, gradient = lab.mse_loss(np.full(9, target.mean() + 1.0), target)
    close(np.sum(gradient), 2.0)  # the derivative of (c − mean)² at a distance of 1


@checks("mse_loss")
@pytest.mark.parametrize("shape", [(3,), (1, 2), (3, 1), ()], ids=["flat", "one row", "one column", "number"])
def test_squared_error_refuses_shapes_that_differ(lab, shape):
    with pytest.raises(ValueError):
        lab.mse_loss(np.ones((3, 2)), np.ones(shape))


@checks("l1_loss", visible=True)
def test_absolute_error_of_the_page(lab):
    """Predictions (3, 5) and targets (1, 5): the worked numbers of the page."""
    loss, gradient = lab.l1_loss(np.array([3.0, 5.0]), np.array([1.0, 5.0]))
    close(loss, 1.0)
    close(gradient, [0.5, 0.0])


@checks("l1_loss")
@given(seed=SEEDS, rows=st.integers(1, 5), columns=st.integers(1, 4))
def test_absolute_error_of_torch_is_the_same(lab, seed, rows, columns):
    """Loss and gradient must be torch's, for one, two and three axes, with some predictions exactly right."""
    import torch.nn.functional as F

    rng = np.random.default_rng(seed)
    for shape in [(rows,), (rows, columns), (2, rows, columns)]:
        prediction, target = rng.normal(size=shape), rng.normal(size=shape)
        target = np.where(rng.random(shape) < 0.2, prediction, target)
        loss, gradient = lab.l1_loss(prediction, target)
        expected, (by_prediction, _) = by_autograd(F.l1_loss, prediction, target)
        close(loss, float(expected))
        close(gradient, by_prediction)


@checks("l1_loss")
def test_constant_that_fits_best_is_the_median(lab, rng):
    """For one constant prediction, the gradients must cancel at the median, however wild one target is."""
    target = np.append(rng.normal(size=8), 1000.0)
    _, gradient = lab.l1_loss(np.full(9, np.median(target)), target)
    close(np.sum(gradient), 0.0)
    _, gradient = lab.l1_loss(np.full(9, 2000.0), target)
    close(gradient, np.full(9, 1 / 9))


@checks("l1_loss")
@pytest.mark.parametrize("shape", [(3,), (1, 2), (3, 1), ()], ids=["flat", "one row", "one column", "number"])
def test_absolute_error_refuses_shapes_that_differ(lab, shape):
    with pytest.raises(ValueError):
        lab.l1_loss(np.ones((3, 2)), np.ones(shape))


# --- cross_entropy -------------------------------------------------------------------------------------


@checks("cross_entropy", visible=True)
def test_cross_entropy_of_the_page(lab):
    """Scores (2, 0, 1) with the right class 2: minus the logarithm of its probability."""
    loss, gradient = lab.cross_entropy(np.array([[2.0, 0.0, 1.0]]), np.array([2]))
    powers = np.exp([2.0, 0.0, 1.0])
    close(loss, -math.log(powers[2] / powers.sum()))
    close(gradient, [powers / powers.sum() - [0, 0, 1]])


@checks("cross_entropy")
@given(seed=SEEDS, rows=st.integers(1, 6), classes=st.integers(1, 5), size=st.floats(0.1, 5))
def test_cross_entropy_of_torch_is_the_same(lab, seed, rows, classes, size):
    """Loss and gradient must be those of torch's cross_entropy, for any batch and number of classes."""
    import torch
    import torch.nn.functional as F

    rng = np.random.default_rng(seed)
    scores, labels = size * rng.normal(size=(rows, classes)), rng.integers(0, classes, rows)
    loss, gradient = lab.cross_entropy(scores, labels)
    expected, (by_scores,) = by_autograd(lambda s: F.cross_entropy(s, torch.from_numpy(labels)), scores)
    close(loss, float(expected))
    close(gradient, by_scores)


@checks("cross_entropy")
def test_cross_entropy_gradient_is_what_trial_finds(lab, rng):
    """The gradient must be the slope of −ln p, written as a sum, that trial shows."""
    scores, labels = rng.normal(size=(3, 4)), rng.integers(0, 4, 3)

    def by_hand(s):
        rows = [math.log(sum(math.exp(v) for v in row)) - row[k] for row, k in zip(s, labels, strict=True)]
        return sum(rows) / 3

    loss, gradient = lab.cross_entropy(scores, labels)
    close(loss, by_hand(scores))
    close(gradient, by_trial(by_hand, scores), **TRIAL)


@checks("cross_entropy")
def test_huge_scores_give_finite_losses(lab):
    """With scores of ±1000 the loss must be their difference, neither infinite nor "not a number"."""
    scores = np.array([[1000.0, 0.0, 0.0], [0.0, 1000.0, -1000.0], [-1000.0, -1000.0, -1001.0]])
    loss, gradient = lab.cross_entropy(scores, np.array([0, 2, 2]))
    last = 1 + math.log(2 + math.exp(-1))
    close(loss, (0 + 2000 + last) / 3)
    rest = math.exp(-1) / (2 + math.exp(-1))
    close(gradient, np.array([[0, 0, 0], [0, 1, -1], [(1 - rest) / 2, (1 - rest) / 2, rest - 1]]) / 3)


@checks("cross_entropy")
def test_undecided_among_ten_costs_the_logarithm_of_ten(lab, rng):
    loss, gradient = lab.cross_entropy(np.full((4, 10), 3.0), rng.integers(0, 10, 4))
    close(loss, math.log(10))
    close(np.sum(gradient, axis=1), np.zeros(4))


@checks("cross_entropy")
@pytest.mark.parametrize(
    "labels",
    [[0, 3], [-1, 0], [0], [0, 1, 2], [[0, 1]]],
    ids=["too large", "negative", "too few", "too many", "two axes"],
)
def test_labels_that_are_no_classes_are_refused(lab, labels):
    """A label below 0 or beyond the last class, or another number of labels than rows: a ValueError."""
    with pytest.raises(ValueError):
        lab.cross_entropy(np.zeros((2, 3)), np.array(labels))


# --- optimizers ----------------------------------------------------------------------------------------


@oracle
def path_of_torch(name, options, start, steepness, bottom, noise):
    """Where torch.optim's optimizer of that name goes in a noisy bowl: [steps, ...]."""
    import torch

    parameter = torch.tensor(start, requires_grad=True)
    optimizer = getattr(torch.optim, name)([parameter], **options)
    path = []
    for push in noise:
        parameter.grad = torch.from_numpy(steepness * (parameter.detach().numpy() - bottom) + push)
        optimizer.step()
        path.append(parameter.detach().numpy().copy())
    return np.stack(path)


def follow(name, options, step_here, rng, steps=MANY, shape=(3, 2)):
    """Both optimizers in the same noisy bowl, where each gradient depends on where the last step led."""
    start, steepness = rng.normal(size=shape), np.exp(rng.uniform(-3, 3, size=shape))
    bottom, noise = rng.normal(size=shape), rng.normal(size=(steps, *shape)) * 0.3
    ours = start.copy()
    for number, theirs in enumerate(path_of_torch(name, options, start, steepness, bottom, noise), 1):
        gradient = steepness * (ours - bottom) + noise[number - 1]
        ours = np.asarray(step_here(ours, gradient, number))
        # the bowl's steepness times the rate stays below 1, so that rounding errors do not grow
        close(ours, theirs, rtol=1e-8, atol=1e-9)


@checks("sgd_step", visible=True)
def test_one_step_of_the_page(lab):
    """θ = 1, g = 0.5, rate 0.1: the worked numbers of the page, without and with decay."""
    close(lab.sgd_step(np.array([1.0]), np.array([0.5]), 0.1), [0.95])
    close(lab.sgd_step(np.array([1.0]), np.array([0.5]), 0.1, 0.2), [0.93])


@checks("sgd_step")
@pytest.mark.parametrize("decay", [0.0, 0.3], ids=["without decay", "with decay"])
def test_sgd_follows_torch_step_for_step(lab, rng, decay):
    """Over hundreds of steps the parameters must stay those of torch.optim.SGD."""

    follow(
        "SGD",
        {"lr": 0.002, "weight_decay": decay},
        lambda parameter, gradient, _: lab.sgd_step(parameter, gradient, 0.002, weight_decay=decay),
        rng,
    )


@checks("sgd_step")
@given(seed=SEEDS, rate=st.floats(1e-4, 0.5), decay=st.floats(0, 1))
def test_sgd_on_a_parabola_shrinks_by_a_fixed_factor(lab, seed, rate, decay):
    """On θ²/2, whose gradient is θ, each step must multiply θ by 1 − rate · (1 + decay)."""
    parameter = np.random.default_rng(seed).normal(size=(2, 3))
    close(lab.sgd_step(parameter, parameter, rate, decay), (1 - rate * (1 + decay)) * parameter)


@checks("sgd_step")
def test_sgd_without_gradient_only_decays(lab, rng):
    """With a gradient of 0, nothing moves without decay, and with it all shrinks in proportion."""
    parameter = rng.normal(size=5)
    close(lab.sgd_step(parameter, np.zeros(5), 0.1), parameter)
    close(lab.sgd_step(parameter, np.zeros(5), 0.1, weight_decay=0.5), 0.95 * parameter)


@checks("momentum_step", visible=True)
def test_velocity_gathers_speed(lab):
    """With the gradient 1 throughout, the velocity must be 1, 1.9, 2.71 …"""
    parameter, velocity = np.array([0.0]), np.zeros(1)
    speeds = []
    for _ in range(3):
        parameter, velocity = lab.momentum_step(parameter, np.ones(1), velocity, 0.1)
        speeds.append(float(velocity[0]))
    close(speeds, [1.0, 1.9, 2.71])
    close(parameter, [-0.561])


@checks("momentum_step")
@pytest.mark.parametrize("decay", [0.0, 0.3], ids=["without decay", "with decay"])
def test_momentum_follows_torch_step_for_step(lab, rng, decay):
    """Over hundreds of steps the parameters must stay those of torch.optim.SGD with momentum."""

    velocity = np.zeros((3, 2))

    def step(parameter, gradient, _):
        nonlocal velocity
        parameter, velocity = lab.momentum_step(
            parameter, gradient, velocity, 0.001, momentum=0.8, weight_decay=decay
        )
        return parameter

    follow("SGD", {"lr": 0.001, "momentum": 0.8, "weight_decay": decay}, step, rng)


@checks("momentum_step")
@given(seed=SEEDS, momentum=st.floats(0, 0.99), steps=st.integers(1, 12))
def test_velocity_is_a_sum_of_fading_gradients(lab, seed, momentum, steps):
    """After some steps, the velocity must be the sum of all gradients, each faded by its age."""
    gradients = np.random.default_rng(seed).normal(size=(steps, 2))
    parameter, velocity = np.zeros(2), np.zeros(2)
    for gradient in gradients:
        parameter, velocity = lab.momentum_step(parameter, gradient, velocity, 0.5, momentum=momentum)
    ages = np.arange(steps)[::-1]
    close(velocity, (momentum**ages) @ gradients)
    # each gradient moved the parameter once, and then by its faded part in every later step
    moved = [sum(momentum**k for k in range(age + 1)) for age in ages]
    close(parameter, -0.5 * (np.array(moved) @ gradients))


@checks("momentum_step")
def test_without_momentum_it_is_plain_descent(lab, rng):
    parameter, gradient, velocity = rng.normal(size=4), rng.normal(size=4), rng.normal(size=4)
    moved, speed = lab.momentum_step(parameter, gradient, velocity, 0.1, momentum=0.0)
    close(moved, parameter - 0.1 * gradient)
    close(speed, gradient)


@checks("momentum_step")
def test_a_tenth_of_the_velocity_fades_by_default(lab, rng):
    """Without being told, nine tenths of the velocity must be kept, and nothing decays."""
    parameter, gradient, velocity = rng.normal(size=4), rng.normal(size=4), rng.normal(size=4)
    moved, speed = lab.momentum_step(parameter, gradient, velocity, 0.1)
    close(speed, 0.9 * velocity + gradient)
    close(moved, parameter - 0.1 * (0.9 * velocity + gradient))


def adam_run(step_function, **options):
    """A step function for `follow` that keeps Adam's two means."""
    kept = [np.zeros((3, 2)), np.zeros((3, 2))]

    def step(parameter, gradient, number):
        parameter, kept[0], kept[1] = step_function(parameter, gradient, *kept, number, **options)
        return parameter

    return step


@checks("adam_step", visible=True)
def test_first_step_has_the_same_length_for_any_gradient(lab):
    zero = np.zeros(3)
    moved, _, _ = lab.adam_step(zero, np.array([1000.0, -0.5, 0.001]), zero, zero, 1, learning_rate=0.1)
    # epsilon of 1e-8 beside 0.001 shortens the step by a hundred-thousandth
    close(moved, [-0.1, 0.1, -0.1], rtol=1e-4)


@checks("adam_step")
@pytest.mark.parametrize("decay", [0.0, 0.3], ids=["without decay", "with decay"])
def test_adam_follows_torch_step_for_step(lab, rng, decay):
    """Over hundreds of steps the parameters must stay those of torch.optim.Adam."""

    follow(
        "Adam",
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": decay},
        adam_run(lab.adam_step, learning_rate=0.02, beta1=0.8, beta2=0.95, epsilon=1e-3, weight_decay=decay),
        rng,
    )


@checks("adam_step")
def test_adam_follows_torch_with_all_defaults(lab, rng):
    """Without any option, learning rate, both betas, epsilon and decay must be torch's own."""

    follow("Adam", {}, adam_run(lab.adam_step), rng, steps=60)
    tiny = 1e-8  # as small as epsilon, so that epsilon shows
    moved, _, _ = lab.adam_step(np.zeros(1), np.full(1, tiny), np.zeros(1), np.zeros(1), 1)
    close(moved, [-1e-3 / 2], rtol=1e-6)


@checks("adam_step")
@given(seed=SEEDS, steps=st.integers(1, 10), beta1=st.floats(0.1, 0.99), beta2=st.floats(0.1, 0.999))
def test_adams_means_are_handed_back_uncorrected(lab, seed, steps, beta1, beta2):
    """The two means must be those of the formulas, without the correction for their start."""
    gradients = np.random.default_rng(seed).normal(size=(steps, 3))
    mean = square = parameter = np.zeros(3)
    for number, gradient in enumerate(gradients, 1):
        parameter, mean, square = lab.adam_step(
            parameter, gradient, mean, square, number, beta1=beta1, beta2=beta2
        )
    ages = np.arange(steps)[::-1]
    close(mean, (1 - beta1) * (beta1**ages) @ gradients)
    close(square, (1 - beta2) * (beta2**ages) @ gradients**2)


@checks("adam_step")
def test_gradient_of_zero_moves_nothing(lab):
    """From the start, a gradient of 0 must move nothing: epsilon keeps 0/0 away."""
    moved, _, _ = lab.adam_step(np.array([2.0, -3.0]), np.zeros(2), np.zeros(2), np.zeros(2), 1)
    close(moved, [2.0, -3.0])


@checks("adam_step")
@pytest.mark.parametrize("step", [0, -3], ids=["zero", "negative"])
def test_steps_are_counted_from_one(lab, step):
    """A step number below 1 must raise a ValueError."""
    with pytest.raises(ValueError):
        lab.adam_step(np.ones(2), np.ones(2), np.zeros(2), np.zeros(2), step)


@checks("adamw_step", visible=True)
def test_decay_and_step_of_the_page(lab):
    """θ = 10, g = 100, rate 0.01, decay 0.1, first step: the worked numbers of the page."""
    start = np.array([10.0]), np.array([100.0]), np.zeros(1), np.zeros(1)
    close(lab.adamw_step(*start, 1, learning_rate=0.01, weight_decay=0.1)[0], [9.98], rtol=1e-9)


@checks("adamw_step")
@pytest.mark.parametrize("decay", [0.0, 0.5], ids=["without decay", "with decay"])
def test_adamw_follows_torch_step_for_step(lab, rng, decay):
    """Over hundreds of steps the parameters must stay those of torch.optim.AdamW."""

    follow(
        "AdamW",
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": decay},
        adam_run(lab.adamw_step, learning_rate=0.02, beta1=0.8, beta2=0.95, epsilon=1e-3, weight_decay=decay),
        rng,
    )


@checks("adamw_step")
def test_adamw_follows_torch_with_all_defaults(lab, rng):
    """Without any option, learning rate, betas, epsilon and the decay of 0.01 must be torch's own."""

    follow("AdamW", {}, adam_run(lab.adamw_step), rng, steps=60)
    tiny = np.full(1, 1e-8)  # as small as epsilon, so that epsilon shows
    moved, _, _ = lab.adamw_step(np.array([5.0]), tiny, np.zeros(1), np.zeros(1), 1)
    close(moved, [5.0 * (1 - 1e-5) - 1e-3 / 2], rtol=1e-9)


@checks("adamw_step")
@given(seed=SEEDS, size=st.floats(0.01, 1e4), rate=st.floats(1e-4, 0.1), decay=st.floats(0, 1))
def test_decay_does_not_depend_on_the_gradients_size(lab, seed, size, rate, decay):
    """However large the gradients are, the same share of each parameter must be taken away."""
    rng = np.random.default_rng(seed)
    parameter, gradient, zero = rng.normal(size=4), size * rng.choice([-1.0, 1.0], 4), np.zeros(4)
    with_decay, mean, square = lab.adamw_step(
        parameter, gradient, zero, zero, 1, learning_rate=rate, weight_decay=decay
    )
    # on the first step Adam's quotient is the gradient over (its size + epsilon)
    step = rate * gradient / (np.abs(gradient) + 1e-8)
    close(with_decay, parameter * (1 - rate * decay) - step)
    close(mean, 0.1 * gradient)
    close(square, 0.001 * gradient**2)


@checks("adamw_step")
def test_adamw_counts_its_steps_from_one(lab):
    """A step number below 1 must raise a ValueError."""
    for step in (0, -1):
        with pytest.raises(ValueError):
            lab.adamw_step(np.ones(2), np.ones(2), np.zeros(2), np.zeros(2), step)


def lion_by_the_program(weight, gradient, momentum, rate, decay, beta1, beta2):
    """Program 1 of the paper, one number at a time: interpolate, sign, decay, scale, renew."""
    update = gradient * (1 - beta1) + momentum * beta1
    update = 0.0 if update == 0 else math.copysign(1.0, update)
    momentum = gradient * (1 - beta2) + momentum * beta2
    update = update + weight * decay
    return weight - update * rate, momentum


@checks("lion_step", visible=True)
def test_lion_step_of_the_page(lab):
    """m = 0.5, g = −1: down by the learning rate, and m becomes 0.485."""
    moved, mean = lab.lion_step(np.array([1.0]), np.array([-1.0]), np.array([0.5]), 0.1)
    close(moved, [0.9])
    close(mean, [0.485])


@checks("lion_step")
@given(
    seed=SEEDS,
    rate=st.floats(1e-4, 0.1),
    decay=st.floats(0, 1),
    beta1=st.floats(0.5, 0.99),
    beta2=st.floats(0.5, 0.999),
)
def test_lion_follows_the_papers_program(lab, seed, rate, decay, beta1, beta2):
    """Over many steps, parameters and means must be those of the published program, number by number."""
    rng = np.random.default_rng(seed)
    parameter, mean = rng.normal(size=3), np.zeros(3)
    expected = [(float(value), 0.0) for value in parameter]
    for gradient in rng.normal(size=(20, 3)) + [0.5, 0.0, -2.0]:
        parameter, mean = lab.lion_step(parameter, gradient, mean, rate, beta1, beta2, decay)
        expected = [
            lion_by_the_program(weight, float(g), momentum, rate, decay, beta1, beta2)
            for (weight, momentum), g in zip(expected, gradient, strict=True)
        ]
    close(parameter, [weight for weight, _ in expected])
    close(mean, [momentum for _, momentum in expected])


@checks("lion_step")
def test_table_worked_by_hand_is_met(lab):
    """Four steps, worked out by hand with β₁ = 0.9, β₂ = 0.99 and a rate of 0.0001, must come out."""
    # the mixtures are 0.2, −0.082, 0.10882 and −0.0822682
    parameter, mean = np.array([1.0]), np.zeros(1)
    gradients, wanted = [2.0, -1.0, 1.0, -1.0], [0.9999, 1.0, 0.9999, 1.0]
    means = [0.02, 0.0098, 0.019702, 0.00950498]
    for gradient, place, kept in zip(gradients, wanted, means, strict=True):
        parameter, mean = lab.lion_step(parameter, np.array([gradient]), mean)
        close(parameter, [place])
        close(mean, [kept])


@checks("lion_step")
def test_every_number_moves_by_the_learning_rate(lab, rng):
    """Without decay, each number must move by exactly the rate, whatever its gradient; 0 moves nothing."""
    gradient = np.array([1e6, -1e-6, 3.0, 0.0])
    parameter = rng.normal(size=4)
    moved, _ = lab.lion_step(parameter, gradient, np.zeros(4), learning_rate=0.25)
    close(np.asarray(moved) - parameter, [-0.25, 0.25, -0.25, 0.0])


@checks("lion_step")
def test_lions_decay_is_taken_from_the_parameter(lab):
    """With a gradient of 0 from the start, only the decay is left: θ · (1 − rate · decay)."""
    moved, mean = lab.lion_step(np.array([10.0, -4.0]), np.zeros(2), np.zeros(2), 0.1, weight_decay=0.5)
    close(moved, [9.5, -3.8])
    close(mean, [0.0, 0.0])


# --- dropout -------------------------------------------------------------------------------------------


@checks("dropout", visible=True)
def test_kept_numbers_are_enlarged(lab):
    output, slope = lab.dropout(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.7, 0.2, 0.9, 0.4]), 0.5)
    close(output, [2.0, 0.0, 6.0, 0.0])
    close(slope, [2.0, 0.0, 2.0, 0.0])


@checks("dropout")
@given(seed=SEEDS, rate=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8]))
def test_dropout_of_torch_gives_the_same(lab, seed, rate):
    """Where torch keeps and drops, the output and its gradient must be torch's."""
    import torch
    import torch.nn.functional as F

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4, 5)) + 10  # nowhere 0, so that a 0 tells what was dropped
    torch.manual_seed(seed % 2**31)
    expected, (by_x,) = by_autograd(lambda t: F.dropout(t, rate), x)
    kept = expected != 0
    # random numbers that lead to the same choice
    uniform = np.where(kept, rate + (1 - rate) * rng.random(x.shape), rate * rng.random(x.shape))
    output, slope = lab.dropout(x, uniform, rate)
    close(output, expected)
    close(slope, by_x)


@checks("dropout")
def test_share_that_is_dropped_is_the_rate_and_the_mean_stays(lab, rng):
    """Of many numbers the share of the rate must be dropped, and the mean must stay what it was."""
    x, uniform = np.ones((200, 500)), rng.random((200, 500))
    output, slope = lab.dropout(x, uniform, 0.2)
    # 100 000 draws: the share has a standard deviation of 0.0013, and the bound is eight of them
    assert abs(np.mean(np.asarray(output) == 0) - 0.2) < 0.01
    assert abs(np.mean(output) - 1) < 0.0127
    close(slope, output)


@checks("dropout")
def test_random_number_equal_to_the_rate_is_kept(lab):
    close(lab.dropout(np.ones(3), np.array([0.25, 0.2499, 0.2501]), 0.25)[0], [4 / 3, 0.0, 4 / 3])


@checks("dropout")
def test_outside_training_nothing_is_dropped(lab, rng):
    x = rng.normal(size=(3, 4))
    output, slope = lab.dropout(x, rng.random((3, 4)), 0.5, training=False)
    close(output, x)
    close(slope, np.ones((3, 4)))


@checks("dropout")
@pytest.mark.parametrize("training", [True, False], ids=["in training", "outside training"])
@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5], ids=["negative", "one", "above one"])
def test_rates_that_are_no_share_are_refused(lab, rate, training):
    with pytest.raises(ValueError):
        lab.dropout(np.ones(2), np.full(2, 0.5), rate, training)


@picture("dropout")
def dropped(output, x, uniform, rate, *args, **options):
    from labkit import plot

    flat = np.ravel(output[0])[:200]
    return plot.lines(
        {"input": np.ravel(x)[:200], "your output": flat},
        x_label="position",
        y_label="value",
        title=f"your dropout at a rate of {rate}",
    )


# --- layer_norm ----------------------------------------------------------------------------------------


@checks("layer_norm", visible=True)
def test_each_row_has_mean_zero_and_variance_one(lab, rng):
    output = np.asarray(lab.layer_norm(rng.normal(size=(6, 50)) * 30 + 7, np.ones(50), np.zeros(50)))
    close(output.mean(axis=1), np.zeros(6))
    close(output.var(axis=1), np.ones(6), rtol=1e-6)  # epsilon is 1e-5 beside a variance of about 900


@checks("layer_norm")
@given(seed=SEEDS, features=st.integers(1, 6), epsilon=st.sampled_from([1e-5, 1e-3, 0.5]))
def test_layer_norm_of_torch_gives_the_same(lab, seed, features, epsilon):
    """With any number of axes in front, and any epsilon, the output must be torch's."""
    import torch
    import torch.nn.functional as F

    rng = np.random.default_rng(seed)
    gain, bias = rng.normal(size=features), rng.normal(size=features)
    for shape in [(features,), (3, features), (2, 3, features)]:
        x = rng.normal(size=shape)
        expected = F.layer_norm(
            *(torch.from_numpy(x),), (features,), *map(torch.from_numpy, (gain, bias)), epsilon
        )
        close(lab.layer_norm(x, gain, bias, epsilon), expected.numpy())


@checks("layer_norm")
def test_default_epsilon_is_that_of_torch(lab):
    """Without an epsilon given, it must be 0.00001: it shows on rows of tiny numbers."""
    x = np.array([[0.001, -0.001]])
    close(lab.layer_norm(x, np.ones(2), np.zeros(2)), x / math.sqrt(1e-6 + 1e-5))


@checks("layer_norm")
def test_rows_do_not_know_of_each_other(lab, rng):
    """A row's result must be the same alone and in company, and must not change with its size or offset."""
    x, gain, bias = rng.normal(size=(4, 5)), rng.normal(size=5), rng.normal(size=5)
    together = np.asarray(lab.layer_norm(x, gain, bias, 0.0))
    for row in range(4):
        close(lab.layer_norm(x[row : row + 1], gain, bias, 0.0), together[row : row + 1])
    close(lab.layer_norm(7 * x + 3, gain, bias, 0.0), together)


@checks("layer_norm_backward", visible=True)
def test_layer_norm_gradient_of_the_page(lab):
    """The row (2, 4, 9) with the gradient (1, 0, 0): the worked numbers of the page."""
    found = lab.layer_norm_backward(np.array([[1.0, 0, 0]]), np.array([[2.0, 4.0, 9.0]]), np.ones(3))
    close(np.round(found[0], 3), [[0.109, -0.152, 0.044]])


@checks("layer_norm_backward")
@given(seed=SEEDS, features=st.integers(1, 6), epsilon=st.sampled_from([1e-5, 1e-3, 0.5]))
def test_layer_norm_gradients_agree_with_autograd(lab, seed, features, epsilon):
    """With any number of axes in front, and any epsilon, all three gradients must be torch's."""
    import torch
    import torch.nn.functional as F

    rng = np.random.default_rng(seed)
    gain, bias = rng.normal(size=features), rng.normal(size=features)
    for shape in [(features,), (3, features), (2, 3, features)]:
        x, gradient = rng.normal(size=shape), rng.normal(size=shape)
        _, expected = by_autograd(
            lambda x, g, b, d=gradient: F.layer_norm(x, (features,), g, b, epsilon) * torch.from_numpy(d),
            *(x, gain, bias),
        )
        found = lab.layer_norm_backward(gradient, x, gain, epsilon)
        assert len(found) == 3
        for ours, theirs in zip(found, expected, strict=True):
            # a row of one or two features is nearly all of its own mean: differences of large numbers
            close(ours, theirs, atol=1e-8)


@checks("layer_norm_backward")
def test_layer_norm_gradients_are_what_trial_finds(lab, rng):
    """All three gradients must be the slopes that trial shows."""
    x, gain, bias, gradient = (rng.normal(size=shape) for shape in [(2, 4), (4,), (4,), (2, 4)])

    def loss(x, gain, bias):
        mean = x.mean(axis=1, keepdims=True)
        spread = np.sqrt(((x - mean) ** 2).mean(axis=1, keepdims=True) + 1e-5)
        return float((gradient * ((x - mean) / spread * gain + bias)).sum())

    by_x, by_gain, by_bias = lab.layer_norm_backward(gradient, x, gain)
    close(by_x, by_trial(lambda v: loss(v, gain, bias), x), rtol=1e-5, atol=1e-6)
    close(by_gain, by_trial(lambda v: loss(x, v, bias), gain), **TRIAL)
    close(by_bias, by_trial(lambda v: loss(x, gain, v), bias), **TRIAL)


@checks("layer_norm_backward")
def test_gradient_has_no_part_that_the_norm_cannot_see(lab, rng):
    """Along a constant, and along the row itself, each row of the gradient by x must be 0."""
    x, gain, gradient = rng.normal(size=(5, 8)), rng.normal(size=8), rng.normal(size=(5, 8))
    by_x = np.asarray(lab.layer_norm_backward(gradient, x, gain, 0.0)[0])
    close(by_x.sum(axis=1), np.zeros(5))
    close((by_x * x).sum(axis=1), np.zeros(5))
    assert np.abs(by_x).max() > 1e-3


# --- batch_norm ----------------------------------------------------------------------------------------


@checks("batch_norm", visible=True)
def test_batch_norm_of_the_page(lab):
    """A batch of 1 and 3: outputs −1 and 1, running mean 0.2, running variance 1.1."""
    one, zero = np.ones(1), np.zeros(1)
    output, mean, variance = lab.batch_norm(np.array([[1.0], [3.0]]), one, zero, zero, one, True, epsilon=0.0)
    close(output, [[-1.0], [1.0]])
    close(mean, [0.2])
    close(variance, [1.1])


@checks("batch_norm")
@given(seed=SEEDS, batch=st.integers(2, 6), features=st.integers(1, 4), momentum=st.floats(0.01, 1))
def test_batch_norm_follows_torch_through_a_training(lab, seed, batch, features, momentum):
    """Over several batches, outputs and running numbers must be torch's, and then outside training."""
    import torch

    rng = np.random.default_rng(seed)
    theirs = torch.nn.BatchNorm1d(features, eps=1e-3, momentum=momentum).double()
    gain, bias = rng.normal(size=features), rng.normal(size=features)
    theirs.load_state_dict(
        {**theirs.state_dict(), "weight": torch.from_numpy(gain), "bias": torch.from_numpy(bias)}
    )
    mean, variance = np.zeros(features), np.ones(features)
    options = {"momentum": momentum, "epsilon": 1e-3}
    for training in (True, True, True, False, False):
        theirs.train(training)
        x = rng.normal(size=(batch, features)) * 2 + 1
        output, mean, variance = lab.batch_norm(x, gain, bias, mean, variance, training, **options)
        close(output, theirs(torch.from_numpy(x)).detach().numpy(), atol=1e-8)
        close(mean, theirs.running_mean.numpy())
        close(variance, theirs.running_var.numpy())


@checks("batch_norm")
def test_defaults_of_batch_norm_are_those_of_torch(lab, rng):
    """Without options, momentum and epsilon must be those of torch.nn.BatchNorm1d."""
    import torch

    theirs = torch.nn.BatchNorm1d(3).double()
    x = rng.normal(size=(5, 3)) * 0.01  # so small that epsilon shows
    output, mean, variance = lab.batch_norm(x, np.ones(3), np.zeros(3), np.zeros(3), np.ones(3), True)
    close(output, theirs(torch.from_numpy(x)).detach().numpy())
    close(mean, theirs.running_mean.numpy())
    close(variance, theirs.running_var.numpy())


@checks("batch_norm")
def test_each_column_has_mean_zero_and_variance_one(lab, rng):
    x = rng.normal(size=(40, 3)) * [1, 10, 100] + [5, 0, -5]
    output = np.asarray(lab.batch_norm(x, np.ones(3), np.zeros(3), np.zeros(3), np.ones(3), True)[0])
    close(output.mean(axis=0), np.zeros(3))
    close(output.var(axis=0), np.ones(3), rtol=1e-4)  # epsilon is 1e-5 beside a variance of about 1


@checks("batch_norm")
def test_outside_training_a_single_example_is_welcome(lab, rng):
    """Outside training the running numbers normalize, come back unchanged, and one example is enough."""
    x, mean, variance = rng.normal(size=(1, 3)), rng.normal(size=3), rng.uniform(1, 2, 3)
    output, new_mean, new_variance = lab.batch_norm(x, np.ones(3), np.zeros(3), mean, variance, False)
    close(output, (x - mean) / np.sqrt(variance + 1e-5))
    close(new_mean, mean)
    close(new_variance, variance)


@checks("batch_norm")
def test_training_on_one_example_is_refused(lab):
    for rows in (0, 1):
        with pytest.raises(ValueError):
            lab.batch_norm(np.ones((rows, 3)), np.ones(3), np.zeros(3), np.zeros(3), np.ones(3), True)


@checks("batch_norm_backward", visible=True)
def test_batch_norm_gradient_of_the_page(lab):
    """The column (2, 4, 9) with the gradient (1, 0, 0): the numbers of part 11, as a column."""
    found = lab.batch_norm_backward(np.array([[1.0], [0], [0]]), np.array([[2.0], [4.0], [9.0]]), np.ones(1))
    close(np.round(found[0], 3), [[0.109], [-0.152], [0.044]])


@checks("batch_norm_backward")
@given(
    seed=SEEDS,
    batch=st.integers(2, 6),
    features=st.integers(1, 4),
    epsilon=st.sampled_from([1e-5, 1e-3, 0.5]),
)
def test_batch_norm_gradients_agree_with_autograd(lab, seed, batch, features, epsilon):
    """All three gradients must be torch's, in training."""
    import torch
    import torch.nn.functional as F

    rng = np.random.default_rng(seed)
    x, gradient = rng.normal(size=(batch, features)), rng.normal(size=(batch, features))
    gain, bias = rng.normal(size=features), rng.normal(size=features)
    _, expected = by_autograd(
        lambda x, g, b: (
            F.batch_norm(x, None, None, g, b, training=True, eps=epsilon) * torch.from_numpy(gradient)
        ),
        *(x, gain, bias),
    )
    found = lab.batch_norm_backward(gradient, x, gain, epsilon)
    assert len(found) == 3
    for ours, theirs in zip(found, expected, strict=True):
        # two examples that are nearly equal: differences of large numbers, divided by a small one
        close(ours, theirs, atol=1e-7)


@checks("batch_norm_backward")
def test_batch_norm_gradients_are_what_trial_finds(lab, rng):
    """All three gradients must be the slopes that trial shows, through mean and variance of the batch."""
    x, gain, bias, gradient = (rng.normal(size=shape) for shape in [(4, 2), (2,), (2,), (4, 2)])

    def loss(x, gain, bias):
        mean = x.mean(axis=0)
        spread = np.sqrt(((x - mean) ** 2).mean(axis=0) + 1e-5)
        return float((gradient * ((x - mean) / spread * gain + bias)).sum())

    by_x, by_gain, by_bias = lab.batch_norm_backward(gradient, x, gain)
    close(by_x, by_trial(lambda v: loss(v, gain, bias), x), rtol=1e-5, atol=1e-6)
    close(by_gain, by_trial(lambda v: loss(x, v, bias), gain), **TRIAL)
    close(by_bias, by_trial(lambda v: loss(x, gain, v), bias), **TRIAL)


@checks("batch_norm_backward")
def test_columns_have_no_part_that_the_norm_cannot_see(lab, rng):
    """Along a constant, and along the column itself, each column of the gradient by x must be 0."""
    x, gain, gradient = rng.normal(size=(9, 4)), rng.normal(size=4), rng.normal(size=(9, 4))
    by_x = np.asarray(lab.batch_norm_backward(gradient, x, gain, 0.0)[0])
    close(by_x.sum(axis=0), np.zeros(4))
    close((by_x * x).sum(axis=0), np.zeros(4))
    assert np.abs(by_x).max() > 1e-3


# --- classifier_gradients ------------------------------------------------------------------------------

SHAPES = {"weight1": "hi", "bias1": "h", "gain": "h", "shift": "h", "weight2": "ch", "bias2": "c"}


def some_classifier(rng, inputs=4, hidden=5, classes=3):
    sizes = {"i": inputs, "h": hidden, "c": classes}
    return {name: rng.normal(size=[sizes[axis] for axis in axes]) for name, axes in SHAPES.items()}


def classifier_in_torch(x, labels, parameters, uniform, rate):
    import torch
    import torch.nn.functional as F

    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    hidden = F.linear(torch.from_numpy(x), tensors["weight1"], tensors["bias1"])
    active = F.gelu(F.layer_norm(hidden, hidden.shape[1:], tensors["gain"], tensors["shift"]))
    kept = active * torch.from_numpy((uniform >= rate) / (1 - rate))
    loss = F.cross_entropy(F.linear(kept, tensors["weight2"], tensors["bias2"]), torch.from_numpy(labels))
    loss.backward()
    return loss.item(), {name: tensor.grad.numpy() for name, tensor in tensors.items()}


@checks("classifier_gradients")
@given(seed=SEEDS, batch=st.integers(1, 5), rate=st.sampled_from([0.0, 0.3, 0.6]))
def test_classifier_of_torch_has_the_same_loss_and_gradients(lab, seed, batch, rate):
    """Loss and all six gradients must be those of the same network in torch, with the same dropout."""
    rng = np.random.default_rng(seed)
    x, labels, parameters = rng.normal(size=(batch, 4)), rng.integers(0, 3, batch), some_classifier(rng)
    uniform = rng.random((batch, 5))
    loss, gradients = lab.classifier_gradients(x, labels, parameters, uniform, rate)
    expected, wanted = classifier_in_torch(x, labels, parameters, uniform, rate)
    close(loss, expected)
    assert set(gradients) == set(SHAPES)
    for name, gradient in gradients.items():
        close(gradient, wanted[name])


@checks("classifier_gradients")
def test_classifier_gradients_are_what_trial_finds(lab, rng):
    """Each gradient must be the slope that the loss shows by trial."""
    x, labels, parameters = rng.normal(size=(3, 4)), rng.integers(0, 3, 3), some_classifier(rng, hidden=4)
    uniform = np.array([[0.9, 0.1, 0.9, 0.9], [0.9, 0.9, 0.9, 0.1], [0.1, 0.9, 0.9, 0.9]])

    def by_hand(p):
        hidden = x @ p["weight1"].T + p["bias1"]
        spread = np.sqrt(hidden.var(axis=1, keepdims=True) + 1e-5)
        normed = p["gain"] * (hidden - hidden.mean(axis=1, keepdims=True)) / spread + p["shift"]
        active = normed * 0.5 * np.vectorize(math.erfc)(-normed / math.sqrt(2))
        scores = (active * (uniform >= 0.5) * 2) @ p["weight2"].T + p["bias2"]
        return float((np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(3), labels]).mean())

    loss, gradients = lab.classifier_gradients(x, labels, parameters, uniform, 0.5)
    close(loss, by_hand(parameters))
    for name in SHAPES:
        expected = by_trial(lambda v, name=name: by_hand({**parameters, name: v}), parameters[name])
        close(gradients[name], expected, rtol=1e-4, atol=1e-6)


@checks("classifier_gradients")
def test_dropped_numbers_teach_the_second_layer_nothing(lab, rng):
    """A hidden number that is dropped in every example must leave its weights without a gradient."""
    x, labels, parameters = rng.normal(size=(6, 4)), rng.integers(0, 3, 6), some_classifier(rng)
    uniform = np.full((6, 5), 0.9)
    uniform[:, 2] = 0.1
    loss, gradients = lab.classifier_gradients(x, labels, parameters, uniform, 0.5)
    close(np.asarray(gradients["weight2"])[:, 2], np.zeros(3))
    close(np.asarray(gradients["gain"])[2], 0.0)
    assert np.abs(np.asarray(gradients["weight2"])[:, 1]).max() > 1e-6
    assert loss > 0


@checks("classifier_gradients")
def test_a_hundred_steps_learn_a_simple_rule(lab, rng):
    """Trained with your gradients on two clouds of points, the loss must fall well below guessing."""
    labels = np.arange(40) % 2
    x = rng.normal(size=(40, 4)) + 3 * np.where(labels[:, None] == 0, 1, -1)
    parameters = {name: 0.5 * value for name, value in some_classifier(rng, classes=2).items()}
    parameters["gain"], parameters["shift"] = np.ones(5), np.zeros(5)
    losses = []
    for _ in range(100):
        loss, gradients = lab.classifier_gradients(x, labels, parameters, rng.random((40, 5)), 0.1)
        parameters = {name: value - 0.3 * np.asarray(gradients[name]) for name, value in parameters.items()}
        losses.append(loss)
    # guessing costs ln 2 = 0.69; over 1000 seeds the mean of the last ten losses was 0.08 at the most
    assert np.mean(losses[-10:]) < 0.3
