"""Wrong variants of the parts on backpropagation."""

import math

import numpy as np
from scipy.special import erf

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)  # the reference parts, for building variants


# --- finite_difference_gradient ----------------------------------------------------------------------


def differences(function, point, step, above=1.0, below=1.0, divide=2.0):
    """Differences between a point moved up and one moved down, one number at a time."""
    reference.finite_difference_gradient(lambda x: 0.0, np.zeros(0), step)  # refuses a bad step
    point = np.asarray(point, dtype=np.float64)
    gradient = np.empty_like(point)
    for index in np.ndindex(point.shape):
        up, down = point.copy(), point.copy()
        up[index] += above * step
        down[index] -= below * step
        gradient[index] = (function(up) - function(down)) / (divide * step)
    return gradient


@mistake(
    "finite_difference_gradient",
    "You compared the moved point with the point itself. A central difference moves down as well as up.",
)
def one_sided(function, point, step=1e-5):
    return differences(function, point, step, below=0.0, divide=1.0)


@mistake(
    "finite_difference_gradient", "The two points are 2 steps apart, and you divided by one: twice too steep."
)
def divided_by_one_step(function, point, step=1e-5):
    return differences(function, point, step, divide=1.0)


@mistake(
    "finite_difference_gradient",
    "You moved by half a step each way. The step is how far each number is moved, up and down.",
)
def half_steps(function, point, step=1e-5):
    return differences(function, point, step, above=0.5, below=0.5, divide=1.0)


@mistake("finite_difference_gradient", "The sign is wrong: you took the lower point minus the upper one.")
def downward(function, point, step=1e-5):
    return -differences(function, point, step)


@mistake(
    "finite_difference_gradient",
    "You moved all numbers at once and gave everyone the same slope. Only one may move, the others stand.",
)
def all_at_once(function, point, step=1e-5):
    reference.finite_difference_gradient(lambda x: 0.0, np.zeros(0), step)
    point = np.asarray(point, dtype=np.float64)
    slope = (function(point + step) - function(point - step)) / (2 * step)
    return np.full(point.shape, slope)


@mistake(
    "finite_difference_gradient", "A number that you moved was not put back before the next one was moved."
)
def not_put_back(function, point, step=1e-5):
    reference.finite_difference_gradient(lambda x: 0.0, np.zeros(0), step)
    up, down = np.array(point, dtype=np.float64), np.array(point, dtype=np.float64)
    gradient = np.empty_like(up)
    for index in np.ndindex(up.shape):
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


@mistake(
    "finite_difference_gradient",
    "The points stay integers, so a small step is rounded away. Make the point float64 before you move it.",
)
def integers_kept(function, point, step=1e-5):
    reference.finite_difference_gradient(lambda x: 0.0, np.zeros(0), step)
    point = np.asarray(point)
    gradient = np.empty(point.shape)
    for index in np.ndindex(point.shape):
        up, down = point.copy(), point.copy()
        up[index] = up[index] + step
        down[index] = down[index] - step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


# --- local_gradients ---------------------------------------------------------------------------------


@mistake("local_gradients", "By its own factor: the slope of a product by one factor is the other factor.")
def own_factor(operation, inputs):
    slopes = reference.local_gradients(operation, inputs)
    return slopes[::-1] if operation == "multiply" else slopes


@mistake(
    "local_gradients",
    "What is subtracted pulls the result down: the slope of a − b by its second input is negative.",
)
def subtraction_like_addition(operation, inputs):
    return [abs(s) for s in reference.local_gradients(operation, inputs)] if operation == "subtract" else (
        reference.local_gradients(operation, inputs)
    )  # fmt: skip


@mistake(
    "local_gradients", "The slope of a / b by b is wrong in its sign: a larger divisor, a smaller result."
)
def divisor_with_the_wrong_sign(operation, inputs):
    slopes = reference.local_gradients(operation, inputs)
    return [slopes[0], -slopes[1]] if operation == "divide" else slopes


@mistake("local_gradients", "The slope of a / b by b has b squared below the line.")
def divisor_not_squared(operation, inputs):
    slopes = reference.local_gradients(operation, inputs)
    return [slopes[0], slopes[1] * inputs[1]] if operation == "divide" else slopes


@mistake("local_gradients", "The slope of tanh is 1 minus its square, and yours is 1 minus tanh itself.")
def tanh_not_squared(operation, inputs):
    return [1 - math.tanh(inputs[0])] if operation == "tanh" else reference.local_gradients(operation, inputs)


@mistake(
    "local_gradients", "You took 1 − a² with the input of tanh. The rule wants the result of tanh there."
)
def tanh_of_the_input(operation, inputs):
    return [1 - inputs[0] ** 2] if operation == "tanh" else reference.local_gradients(operation, inputs)


@mistake("local_gradients", "That is the slope of a power, a·eᵃ⁻¹. The exponential is its own slope.")
def exponential_like_a_power(operation, inputs):
    if operation == "exp":
        return [inputs[0] * math.exp(inputs[0] - 1)]
    return reference.local_gradients(operation, inputs)


@mistake("local_gradients", "You handed back ReLU's output as its slope. The slope is 1 or 0.")
def relu_output(operation, inputs):
    return [max(inputs[0], 0.0)] if operation == "relu" else reference.local_gradients(operation, inputs)


@mistake("local_gradients", "At exactly 0 your ReLU has the slope 1. There it counts as 0.")
def relu_corner(operation, inputs):
    if operation == "relu":
        return [1.0 if inputs[0] >= 0 else 0.0]
    return reference.local_gradients(operation, inputs)


@mistake("local_gradients", "An operation that does not exist must raise a ValueError.")
def unknown_is_nothing(operation, inputs):
    return reference.local_gradients(operation, inputs) if operation in reference.OPERATIONS else []


# --- topological_order -------------------------------------------------------------------------------


@mistake("topological_order", "The order is the wrong way round: a name stands before what it is made of.")
def result_first(graph, output):
    return reference.topological_order(graph, output)[::-1]


@mistake("topological_order", "The leaves are missing. They are needed too, and they come first.")
def without_leaves(graph, output):
    return [name for name in reference.topological_order(graph, output) if name in graph]


@mistake("topological_order", "A name that is used twice stands in your list twice. Ask whether it is there.")
def repeated(graph, output):
    reference.topological_order(graph, output)  # refuses a ring

    def visit(name):
        order = []
        for needed in graph.get(name, ("",))[1:]:
            order += visit(needed)
        return [*order, name]

    return visit(output)


@mistake(
    "topological_order",
    "You appended a name before its inputs were visited. First all of its inputs, then the name itself.",
)
def before_its_inputs(graph, output):
    reference.topological_order(graph, output)
    order = []

    def visit(name):
        if name not in order:
            order.append(name)
            for needed in graph.get(name, ("",))[1:]:
                visit(needed)

    visit(output)
    return order


@mistake(
    "topological_order",
    "You went level by level and turned the list round. What is used near and far then comes too late.",
)
def level_by_level(graph, output):
    reference.topological_order(graph, output)
    order, waiting = [], [output]
    while waiting:
        name = waiting.pop(0)
        if name not in order:
            order.append(name)
            waiting += graph.get(name, ("",))[1:]
    return order[::-1]


@mistake("topological_order", "The wanted result itself is missing at the end of your list.")
def without_the_result(graph, output):
    return reference.topological_order(graph, output)[:-1]


@mistake(
    "topological_order", "You listed the whole graph. Only what the wanted result depends on is asked for."
)
def whole_graph(graph, output):
    order = reference.topological_order(graph, output)
    for name in graph:
        order = [n for n in reference.topological_order(graph, name) if n not in order] + order
    return order


@mistake("topological_order", "A name that depends on itself must raise a ValueError; yours leaves it out.")
def rings_ignored(graph, output):
    order, begun = [], set()

    def visit(name):
        if name not in begun:
            begun.add(name)
            for needed in graph.get(name, ("",))[1:]:
                visit(needed)
            order.append(name)

    visit(output)
    return order


# --- evaluate ----------------------------------------------------------------------------------------


@mistake("evaluate", "You handed back the result alone. Every number on the way is asked for, by name.")
def result_alone(graph, leaves, output):
    return {output: reference.evaluate(graph, leaves, output)[output]}


@mistake("evaluate", "The leaves are missing among your numbers. The way back needs them.")
def leaves_left_out(graph, leaves, output):
    values = reference.evaluate(graph, leaves, output)
    return {name: value for name, value in values.items() if name in graph}


@mistake("evaluate", "You kept all leaves, even those that the result does not depend on.")
def all_leaves(graph, leaves, output):
    return {**leaves, **reference.evaluate(graph, leaves, output)}


@mistake("evaluate", "You computed the whole graph. Steps that the result does not depend on must not run.")
def everything_computed(graph, leaves, output):
    values = reference.evaluate(graph, leaves, output)
    for name in graph:
        values.update(reference.evaluate(graph, leaves, name))
    return values


@mistake("evaluate", "The inputs of a step are in the wrong order: 7 − 2 is not 2 − 7.")
def inputs_swapped(graph, leaves, output):
    swapped = {name: (operation, *inputs[::-1]) for name, (operation, *inputs) in graph.items()}
    return reference.evaluate(swapped, leaves, output)


@mistake("evaluate", "A leaf without a number must raise a ValueError; yours counts it as 0.")
def missing_is_zero(graph, leaves, output):
    zeros = dict.fromkeys(reference.topological_order(graph, output), 0.0)
    return reference.evaluate(graph, {**zeros, **leaves}, output)


# --- backpropagate -----------------------------------------------------------------------------------


def backward_walk(graph, values, output, order, add=True, chain=True, start=1.0, slopes_at=None):
    """The walk back, with one of its rules broken."""
    gradients = dict.fromkeys(reference.topological_order(graph, output), 0.0)
    gradients[output] = start
    for name in order:
        if name in graph:
            operation, *inputs = graph[name]
            slopes = reference.local_gradients(operation, [values[needed] for needed in inputs])
            for needed, slope in zip(inputs, slopes, strict=True):
                arriving = (gradients[name] if chain else 1.0) * slope
                gradients[needed] = gradients[needed] + arriving if add else arriving
    return gradients


@mistake(
    "backpropagate",
    "A gradient that arrives replaces what arrived before. Where ways meet, gradients add up.",
)
def replaced(graph, values, output):
    return backward_walk(graph, values, output, reference.topological_order(graph, output)[::-1], add=False)


@mistake(
    "backpropagate", "You handed on the slope of the step alone. Multiply it by the name's own gradient."
)
def slope_alone(graph, values, output):
    return backward_walk(graph, values, output, reference.topological_order(graph, output)[::-1], chain=False)


@mistake("backpropagate", "You walked forward. Start at the result and go towards the leaves.")
def walked_forward(graph, values, output):
    return backward_walk(graph, values, output, reference.topological_order(graph, output))


@mistake(
    "backpropagate",
    "The walk starts with the result's own value. A result moves exactly as far as itself: start with 1.",
)
def starts_with_the_value(graph, values, output):
    order = reference.topological_order(graph, output)[::-1]
    return backward_walk(graph, values, output, order, start=values[output])


@mistake(
    "backpropagate",
    "A name hands on before everything has arrived. Hand on only when all that use it have had their turn.",
)
def handed_on_too_early(graph, values, output):
    order, waiting = [], [output]
    while waiting:
        name = waiting.pop(0)
        if name not in order:
            order.append(name)
            waiting += graph.get(name, ("",))[1:]
    return backward_walk(graph, values, output, order)


@mistake("backpropagate", "Only the leaves are there. The gradient of every name on the way is asked for.")
def leaves_alone(graph, values, output):
    found = reference.backpropagate(graph, values, output)
    return {name: gradient for name, gradient in found.items() if name not in graph}


@mistake(
    "backpropagate",
    "The slopes of a step go to the wrong inputs: the first slope belongs to the first input.",
)
def slopes_swapped(graph, values, output):
    gradients = dict.fromkeys(reference.topological_order(graph, output), 0.0)
    gradients[output] = 1.0
    for name in reversed(gradients):
        if name in graph:
            operation, *inputs = graph[name]
            slopes = reference.local_gradients(operation, [values[needed] for needed in inputs])
            for needed, slope in zip(inputs, reversed(slopes), strict=True):
                gradients[needed] += gradients[name] * slope
    return gradients


# --- linear ------------------------------------------------------------------------------------------


@mistake("linear", "The bias is missing.")
def without_bias(x, weight, bias):
    return reference.linear(x, weight, np.zeros(len(bias))) + 0 * bias


@mistake("linear", "You subtracted the bias.")
def bias_subtracted(x, weight, bias):
    return reference.linear(x, weight, -bias)


@mistake("linear", "Outputs stand in rows in yours. Each row is one example.")
def outputs_in_rows(x, weight, bias):
    return reference.linear(x, weight, bias).T


@mistake("linear", "Sizes that do not fit must raise a ValueError; a single bias was given to every output.")
def one_bias_for_all(x, weight, bias):
    if weight.shape[1] != x.shape[1] or len(bias) not in (1, len(weight)):
        raise ValueError("sizes")
    return x @ weight.T + bias


@mistake("linear", "You took the weight with one output per column. Its rows are the outputs, as in PyTorch.")
def outputs_in_columns(x, weight, bias):
    if weight.shape[0] != x.shape[1] or weight.shape[1] != len(bias):
        raise ValueError("sizes")
    return x @ weight + bias


# --- linear_backward ---------------------------------------------------------------------------------


@mistake("linear_backward", "You averaged over the batch. Every example's share is added: take the sum.")
def averaged(gradient, x, weight):
    by_x, by_weight, by_bias = reference.linear_backward(gradient, x, weight)
    return by_x, by_weight / len(x), by_bias / len(x)


@mistake("linear_backward", "The weight's gradient is transposed: it has the shape of the weight.")
def weight_gradient_transposed(gradient, x, weight):
    by_x, by_weight, by_bias = reference.linear_backward(gradient, x, weight)
    return by_x, by_weight.T, by_bias


@mistake("linear_backward", "The bias gradient still has one row per example. Add them up over the batch.")
def bias_not_summed(gradient, x, weight):
    by_x, by_weight, _ = reference.linear_backward(gradient, x, weight)
    return by_x, by_weight, np.array(gradient)


@mistake("linear_backward", "You added the bias gradient up over the outputs. The sum runs over the batch.")
def bias_summed_over_outputs(gradient, x, weight):
    by_x, by_weight, _ = reference.linear_backward(gradient, x, weight)
    return by_x, by_weight, gradient.sum(axis=1)


@mistake(
    "linear_backward", "The three gradients are in another order: first by x, then by weight, then by bias."
)
def weight_first(gradient, x, weight):
    by_x, by_weight, by_bias = reference.linear_backward(gradient, x, weight)
    return by_weight, by_bias, by_x


@mistake(
    "linear_backward",
    "The input's gradient ignores what arrives: each weight counts as much as any. Weigh with the gradient.",
)
def input_gradient_of_ones(gradient, x, weight):
    by_x, by_weight, by_bias = reference.linear_backward(gradient, x, weight)
    return np.ones_like(gradient) @ weight, by_weight, by_bias


@mistake(
    "linear_backward", "The bias has the slope 1 whatever arrives, in yours. It gets the gradient, added up."
)
def bias_of_ones(gradient, x, weight):
    by_x, by_weight, by_bias = reference.linear_backward(gradient, x, weight)
    return by_x, by_weight, np.full(by_bias.shape, float(len(x)))


# --- gradient_error ----------------------------------------------------------------------------------


def compared(forward, backward, x, direction, measure, use_direction=True, claimed_with=None):
    """A gradient check with another measure, refusing a wrong shape as the reference does."""
    claimed = np.asarray(backward(direction if claimed_with is None else claimed_with))
    if claimed.shape != np.shape(x):
        raise ValueError("shape")
    weight = direction if use_direction else np.ones(np.shape(direction))
    by_trial = reference.finite_difference_gradient(lambda v: float(np.sum(weight * forward(v))), x)
    return float(measure(claimed, by_trial))


@mistake("gradient_error", "That is the absolute error. Divide by the longer of the two gradients.")
def absolute(forward, backward, x, direction):
    return compared(forward, backward, x, direction, lambda a, n: np.linalg.norm(a - n))


@mistake("gradient_error", "You divided by the sum of both lengths. The longer one alone is asked for.")
def by_the_sum(forward, backward, x, direction):
    def measure(a, n):
        total = np.linalg.norm(a) + np.linalg.norm(n)
        return np.linalg.norm(a - n) / total if total > 0 else 0.0

    return compared(forward, backward, x, direction, measure)


@mistake("gradient_error", "You divided by the shorter of the two gradients. Divide by the longer one.")
def by_the_shorter(forward, backward, x, direction):
    def measure(a, n):
        longest = max(np.linalg.norm(a), np.linalg.norm(n))
        shortest = min(np.linalg.norm(a), np.linalg.norm(n))
        return 0.0 if longest == 0 else np.inf if shortest == 0 else np.linalg.norm(a - n) / shortest

    return compared(forward, backward, x, direction, measure)


@mistake("gradient_error", "You compared the lengths of the gradients. Take the length of their difference.")
def difference_of_lengths(forward, backward, x, direction):
    def measure(a, n):
        longest = max(np.linalg.norm(a), np.linalg.norm(n))
        return abs(np.linalg.norm(a) - np.linalg.norm(n)) / longest if longest > 0 else 0.0

    return compared(forward, backward, x, direction, measure)


@mistake("gradient_error", "You took the largest single difference. Lengths are asked for: over all numbers.")
def largest_difference(forward, backward, x, direction):
    def measure(a, n):
        longest = max(np.abs(a).max(), np.abs(n).max())
        return np.abs(a - n).max() / longest if longest > 0 else 0.0

    return compared(forward, backward, x, direction, measure)


@mistake("gradient_error", "Your loss ignores the direction: it sums the output as it is. Weigh it first.")
def direction_left_out_of_the_loss(forward, backward, x, direction):
    def measure(a, n):
        longest = max(np.linalg.norm(a), np.linalg.norm(n))
        return np.linalg.norm(a - n) / longest if longest > 0 else 0.0

    return compared(forward, backward, x, direction, measure, use_direction=False)


@mistake(
    "gradient_error", "With both gradients zero you divide 0 by 0. Two gradients of zero agree: error 0."
)
def zero_by_zero(forward, backward, x, direction):
    def measure(a, n):
        with np.errstate(invalid="ignore"):
            return np.linalg.norm(a - n) / max(np.linalg.norm(a), np.linalg.norm(n))

    return compared(forward, backward, x, direction, measure)


@mistake(
    "gradient_error",
    "A gradient whose shape is not that of x must raise a ValueError, even if it broadcasts.",
)
def any_shape(forward, backward, x, direction):
    def claimed(gradient):
        found = np.asarray(backward(gradient))
        return np.resize(found, np.shape(x)) if found.shape != np.shape(x) else found

    return reference.gradient_error(forward, claimed, x, direction)


# --- relu --------------------------------------------------------------------------------------------


@mistake("relu", "Negative numbers turned positive in yours: that is the absolute value. They become 0.")
def absolute_value(x):
    return np.abs(x).astype(np.float64), np.sign(x).astype(np.float64)


@mistake("relu", "You let a little of the negative numbers through: a leaky ReLU. They become exactly 0.")
def leaky(x):
    return np.where(x > 0, x, 0.01 * x), np.where(x > 0, 1.0, 0.01)


@mistake("relu", "At exactly 0 your slope is 1. There it counts as 0.")
def corner_with_slope(x):
    return reference.relu(x)[0], (x >= 0).astype(np.float64)


@mistake("relu", "Your slope is True and False. Make it floats, so that it can be multiplied.")
def slope_of_truths(x):
    return reference.relu(x)[0], x > 0


@mistake("relu", "You handed back the output as its slope. The slope is 1 or 0.")
def output_for_slope(x):
    output, _ = reference.relu(x)
    return output, output.copy()


# --- sigmoid -----------------------------------------------------------------------------------------


@mistake("sigmoid", "exp(x) / (1 + exp(x)) is ∞ / ∞ for large x. Only exponentials below 1 are safe.")
def overflowing(x):
    with np.errstate(all="ignore"):
        output = np.exp(x) / (1 + np.exp(x))
    return output, output * (1 - output)


@mistake("sigmoid", "The sign in the exponent is wrong: your sigmoid falls.")
def falling(x):
    output, slope = reference.sigmoid(-x)
    return output, -slope


@mistake("sigmoid", "You took the slope at the output, σ(σ(x)): use the output itself in σ·(1 − σ).")
def sigmoid_twice(x):
    output, _ = reference.sigmoid(x)
    return output, reference.sigmoid(output)[1]


@mistake("sigmoid", "The slope is that of tanh, 1 − output². The sigmoid's is output · (1 − output).")
def slope_of_tanh(x):
    output, _ = reference.sigmoid(x)
    return output, 1 - output**2


@mistake("sigmoid", "You put x itself into x · (1 − x). The slope needs the output.")
def slope_from_the_input(x):
    return reference.sigmoid(x)[0], x * (1 - x)


@mistake("sigmoid", "The 1 − is missing in the slope: it is output · (1 − output).")
def slope_is_squared(x):
    output, _ = reference.sigmoid(x)
    return output, output**2


# --- gelu --------------------------------------------------------------------------------------------


@mistake("gelu", "That is the tanh approximation, as in GPT-2. The exact form with erf is asked for.")
def tanh_approximation(x):
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    bent = np.tanh(inner)
    inner_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return 0.5 * x * (1 + bent), 0.5 * (1 + bent) + 0.5 * x * (1 - bent**2) * inner_slope


@mistake("gelu", "That is the approximation x · σ(1.702 x). The exact form with erf is asked for.")
def sigmoid_approximation(x):
    gate, gate_slope = reference.sigmoid(1.702 * x)
    return x * gate, gate + 1.702 * x * gate_slope


@mistake("gelu", "Your slope has only Φ(x). By the product rule there is a second term.")
def product_rule_half(x):
    return reference.gelu(x)[0], 0.5 * (1 + erf(x / math.sqrt(2)))


@mistake("gelu", "The x is missing in the second term of the slope: it is u·v′, and u is x.")
def second_term_without_x(x):
    bell = np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return reference.gelu(x)[0], 0.5 * (1 + erf(x / math.sqrt(2))) + bell


@mistake("gelu", "The √2 is missing inside erf: Φ(x) is half of 1 + erf(x / √2).")
def without_root_of_two(x):
    bell = np.exp(-(x**2)) / math.sqrt(math.pi)
    share = 0.5 * (1 + erf(x))
    return x * share, share + x * bell


@mistake("gelu", "The bell curve is not scaled: divide it by √(2π).")
def bell_not_scaled(x):
    return reference.gelu(x)[0], 0.5 * (1 + erf(x / math.sqrt(2))) + x * np.exp(-0.5 * x**2)


@mistake("gelu", "You handed back Φ(x) alone, the share below x. GELU multiplies it by x.")
def share_alone(x):
    share = 0.5 * (1 + erf(x / math.sqrt(2)))
    return share, np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)


# --- softmax -----------------------------------------------------------------------------------------


@mistake("softmax", "Large scores overflow to “not a number”. Subtract each row's largest score first.")
def overflow(scores):
    with np.errstate(all="ignore"):
        powers = np.exp(scores)
        return powers / powers.sum(axis=-1, keepdims=True)


@mistake(
    "softmax",
    "You subtracted the largest score of the whole array. A row far below becomes 0 / 0: go row by row.",
)
def largest_of_all(scores):
    with np.errstate(all="ignore"):
        powers = np.exp(scores - scores.max())
        return powers / powers.sum(axis=-1, keepdims=True)


@mistake("softmax", "You divided by the sum over everything. Each row sums to 1 by itself.")
def sum_of_all(scores):
    rows = reference.softmax(scores)
    flat = reference.softmax(np.ravel(scores)).reshape(np.shape(scores))
    return flat if np.ndim(scores) > 1 else rows


@mistake("softmax", "You worked along the first axis. Probabilities are shared out along the last one.")
def along_the_first_axis(scores):
    return np.ascontiguousarray(np.moveaxis(reference.softmax(np.moveaxis(scores, 0, -1)), -1, 0))


@mistake("softmax", "You handed back logarithms of probabilities.")
def logarithms(scores):
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@mistake("softmax", "You divided the scores by their sum. Only exponentials are positive: take them first.")
def without_exponential(scores):
    with np.errstate(all="ignore"):
        return scores / scores.sum(axis=-1, keepdims=True)


# --- softmax_backward --------------------------------------------------------------------------------


@mistake(
    "softmax_backward",
    "You used one slope per number, p(1 − p). But raising one score lowers all other probabilities.",
)
def diagonal_alone(gradient, probabilities):
    return gradient * probabilities * (1 - probabilities)


@mistake("softmax_backward", "The mean is not weighted by the probabilities.")
def plain_mean(gradient, probabilities):
    return probabilities * (gradient - gradient.mean(axis=-1, keepdims=True))


@mistake("softmax_backward", "You forgot to multiply by the probabilities after subtracting the mean.")
def not_multiplied(gradient, probabilities):
    return gradient - (gradient * probabilities).sum(axis=-1, keepdims=True)


@mistake("softmax_backward", "The mean was taken over everything. Each row has its own.")
def mean_of_all(gradient, probabilities):
    return probabilities * (gradient - (gradient * probabilities).sum())


@mistake(
    "softmax_backward", "The sign is wrong: a score whose probability should rise gets a negative gradient."
)
def wrong_sign(gradient, probabilities):
    return -reference.softmax_backward(gradient, probabilities)


@mistake("softmax_backward", "You added the mean. What counts is how far each gradient is from it.")
def mean_added(gradient, probabilities):
    return probabilities * (gradient + (gradient * probabilities).sum(axis=-1, keepdims=True))


@mistake("softmax_backward", "You took the mean along the first axis. Each row is one softmax.")
def mean_of_columns(gradient, probabilities):
    return probabilities * (gradient - (gradient * probabilities).sum(axis=0, keepdims=True))


# --- network_gradients -------------------------------------------------------------------------------


def network(
    x,
    target,
    parameters,
    scale=None,
    use_slope=True,
    bend_the_output=False,
    second_input="active",
    error_sign=1.0,
    factor=2.0,
):
    """The reference's network with one thing changed."""
    hidden = reference.linear(x, parameters["weight1"], parameters["bias1"])
    active, slope = reference.gelu(hidden)
    prediction = reference.linear(active, parameters["weight2"], parameters["bias2"])
    if bend_the_output:
        prediction, output_slope = reference.gelu(prediction)
    if prediction.shape != target.shape:
        raise ValueError("shape")
    error = prediction - target
    gradient = error_sign * factor * error / (error.size if scale is None else scale(error))
    if bend_the_output:
        gradient = gradient * output_slope
    into_second = active if second_input == "active" else hidden
    arriving, weight2, bias2 = reference.linear_backward(gradient, into_second, parameters["weight2"])
    _, weight1, bias1 = reference.linear_backward(
        arriving * slope if use_slope else arriving, x, parameters["weight1"]
    )
    found = {"weight1": weight1, "bias1": bias1, "weight2": weight2, "bias2": bias2}
    return float(np.mean(error**2)), found


@mistake("network_gradients", "On the way back you passed GELU without its slope.")
def slope_forgotten(x, target, parameters):
    return network(x, target, parameters, use_slope=False)


@mistake("network_gradients", "The 2 is missing in the gradient of the squared error.")
def two_forgotten(x, target, parameters):
    return network(x, target, parameters, factor=1.0)


@mistake(
    "network_gradients",
    "You divided the error's gradient by the number of examples. The mean runs over all predicted numbers.",
)
def divided_by_the_batch(x, target, parameters):
    return network(x, target, parameters, scale=len)


@mistake("network_gradients", "The loss is a mean, so its gradient is divided by the number of predictions.")
def not_divided(x, target, parameters):
    return network(x, target, parameters, scale=lambda error: 1.0)


@mistake(
    "network_gradients",
    "The second layer's weight gradient needs what went into that layer: the numbers after GELU, not before.",
)
def before_the_bend(x, target, parameters):
    return network(x, target, parameters, second_input="hidden")


@mistake("network_gradients", "All gradients have the wrong sign: the error is prediction minus target.")
def sign_flipped(x, target, parameters):
    return network(x, target, parameters, error_sign=-1.0)


@mistake("network_gradients", "There is a GELU behind the second layer in yours. The output stays as it is.")
def output_bent(x, target, parameters):
    return network(x, target, parameters, bend_the_output=True)


@mistake("network_gradients", "A target of another shape was broadcast. It must raise a ValueError.")
def target_broadcast(x, target, parameters):
    hidden = reference.linear(x, parameters["weight1"], parameters["bias1"])
    said = reference.linear(reference.gelu(hidden)[0], parameters["weight2"], parameters["bias2"])
    if said.shape != target.shape:
        target = np.resize(target, said.shape)
    return reference.network_gradients(x, target, parameters)
