"""Hidden checks of the lab on backpropagation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, picture

parts = lab_beside(__file__)  # only to compose: a part that builds on others is fed with the reference's

# Everything is asked in float64. Two orders of summation of some hundred terms differ by 1e-14 of their
# size, and no function here enlarges that.
EXACT = {"rtol": 1e-10, "atol": 1e-12}

SEEDS = st.integers(0, 2**32 - 1)
BINARY, UNARY = ("add", "subtract", "multiply", "divide"), ("exp", "log", "tanh", "relu")
BINARIES, UNARIES = st.sampled_from(BINARY), st.sampled_from(UNARY)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def close(actual, expected, rtol=1e-10, atol=1e-12):
    """Same shape, and equal up to rounding."""
    assert np.shape(actual) == np.shape(expected)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def on_torch(operation, inputs):
    """One operation on tensors."""
    import torch

    a = inputs[0]
    if operation == "relu":
        return torch.relu(a)
    if operation in UNARY:
        return getattr(torch, operation)(a)
    b = inputs[1]
    return {"add": a + b, "subtract": a - b, "multiply": a * b}.get(operation, a / b)


def by_autograd(function, *arrays):
    """Value of a function of tensors (summed up), and torch's gradients by each array."""
    import torch

    tensors = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]
    output = function(*tensors)
    output.sum().backward()
    return output.detach().numpy(), [tensor.grad.numpy() for tensor in tensors]


def random_graph(rng, n_leaves=4, n_steps=9):
    """A graph in scrambled order whose last result uses many of the names, some of them repeatedly."""
    names = [f"leaf{n}" for n in range(n_leaves)]
    leaves = {name: float(rng.uniform(0.5, 2.0)) for name in names}
    steps = {}
    for n in range(n_steps):
        # what is divided by, or taken the logarithm of, is a leaf: positive and away from 0
        operation = str(rng.choice(["add", "subtract", "multiply", "divide", "tanh", "relu", "log"]))
        recent = names[-4:]
        first = str(rng.choice(recent))
        leaf = f"leaf{rng.integers(n_leaves)}"
        inputs = {
            **{"divide": [first, leaf], "multiply": [first, leaf]},  # so that nothing overflows
            **{"log": [leaf], "tanh": [first], "relu": [first]},
        }
        steps[f"step{n}"] = (operation, *inputs.get(operation, [first, str(rng.choice(recent))]))
        names.append(f"step{n}")
    steps["sum"] = ("add", names[-1], names[-2])
    steps["end"] = ("multiply", "sum", "sum")
    scrambled = [str(name) for name in rng.permutation(list(steps))]
    return {name: steps[name] for name in scrambled}, leaves


def graph_on_torch(graph, leaves, output):
    """Every value and every gradient of a graph by torch's autograd."""
    import torch

    tensors = {name: torch.tensor(v, dtype=torch.float64, requires_grad=True) for name, v in leaves.items()}

    def tensor(name):
        if name not in tensors:
            operation, *inputs = graph[name]
            tensors[name] = on_torch(operation, [tensor(needed) for needed in inputs])
            tensors[name].retain_grad()
        return tensors[name]

    tensor(output).backward()
    values = {name: t.item() for name, t in tensors.items()}
    gradients = {name: (0.0 if t.grad is None else t.grad.item()) for name, t in tensors.items()}
    return values, gradients


def needed_by(graph, output):
    """Every name that a result depends on."""
    found, waiting = set(), [output]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += graph.get(name, ("",))[1:]
    return found


# --- finite_difference_gradient ----------------------------------------------------------------------


@checks("finite_difference_gradient", visible=True)
def test_slope_of_a_product_is_the_other_factor(lab):
    gradient = lab.finite_difference_gradient(lambda x: float(x[0] * x[1]), np.array([3.0, 5.0]))
    # x·y is exact in the step; 1e-16 · 15 is divided by 2e-5, which leaves some 1e-10
    close(gradient, [5.0, 3.0], rtol=1e-8)


@checks("finite_difference_gradient")
@given(seed=SEEDS, step=st.floats(0.01, 0.5))
def test_differences_are_central_and_as_wide_as_the_step(lab, seed, step):
    """On x³ a central difference with step h must give 3x² + h², exactly: no other difference does."""
    point = normal(seed, 3)
    gradient = lab.finite_difference_gradient(lambda x: float(np.sum(x**3)), point, step)
    close(gradient, 3 * point**2 + step**2, rtol=1e-9, atol=1e-10)  # 1e-16 / 0.01 of rounding


@checks("finite_difference_gradient")
def test_agrees_with_autograd_on_a_matrix(lab, rng):
    import torch

    point, mix = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    _, (expected,) = by_autograd(lambda x: torch.sin(x @ torch.from_numpy(mix)).exp(), point)
    gradient = lab.finite_difference_gradient(lambda x: float(np.exp(np.sin(x @ mix)).sum()), point)
    # h² times a third derivative of order 10 is 1e-9; rounding 1e-15 / 1e-5 is smaller
    close(gradient, expected, rtol=1e-6, atol=1e-7)


@checks("finite_difference_gradient")
@pytest.mark.parametrize("shape", [(), (1,), (2, 1, 3), (0,)], ids=["no axes", "one", "three axes", "empty"])
def test_gradient_has_the_shape_of_the_point(lab, rng, shape):
    point = rng.normal(size=shape)
    close(
        lab.finite_difference_gradient(lambda x: float(np.sum(2 * x)), point), np.full(shape, 2.0), rtol=1e-8
    )


@checks("finite_difference_gradient")
def test_integers_are_moved_by_fractions(lab):
    """A point of integers must be moved by fractions too: a step of 0.00001 must not be lost."""
    close(
        lab.finite_difference_gradient(lambda x: float(np.sum(x * x)), np.array([2, -3])),
        [4.0, -6.0],
        rtol=1e-7,
    )


@checks("finite_difference_gradient")
def test_one_number_moves_at_a_time(lab, rng):
    """In each call all numbers but one must stand where they stood."""
    point, calls = rng.normal(size=4), []

    def function(x):
        calls.append(np.array(x))
        return float(np.sum(x))

    lab.finite_difference_gradient(function, point, 0.25)
    assert calls
    for called in calls:
        assert np.count_nonzero(np.abs(called - point) > 1e-12) <= 1


@checks("finite_difference_gradient")
def test_default_step_is_small_and_not_too_small(lab):
    """Without a step given, the slope of a smooth function must be right to eight digits."""
    # h = 1e-5: h²/6 · |f'''| = 2e-11 and rounding 1e-16/1e-5 = 1e-11 relative to 1
    gradient = lab.finite_difference_gradient(lambda x: math.exp(math.sin(x[0])), np.array([1.0]))
    close(gradient, [math.exp(math.sin(1)) * math.cos(1)], rtol=1e-8)
    close(lab.finite_difference_gradient(lambda x: float(x[0] ** 3), np.array([0.0])), [1e-10], rtol=1e-3)


@checks("finite_difference_gradient")
@pytest.mark.parametrize("step", [0.0, -1e-3, math.nan], ids=["zero", "negative", "not a number"])
def test_step_that_is_not_positive_is_refused(lab, step):
    with pytest.raises(ValueError):
        lab.finite_difference_gradient(lambda x: 0.0, np.ones(2), step)


# --- local_gradients ---------------------------------------------------------------------------------


@checks("local_gradients", visible=True)
def test_slope_by_one_factor_is_the_other_factor(lab):
    assert list(lab.local_gradients("multiply", [3.0, 5.0])) == [5.0, 3.0]


@checks("local_gradients")
@given(operation=BINARIES, a=st.floats(-5, 5), b=st.floats(0.2, 5), negative=st.booleans())
def test_two_inputs_agree_with_autograd(lab, operation, a, b, negative):
    """The slopes of add, subtract, multiply and divide must be those of torch's autograd, in order."""
    b = -b if negative else b
    _, expected = by_autograd(lambda x, y: on_torch(operation, [x, y]), a, b)
    close(lab.local_gradients(operation, [a, b]), expected)


@checks("local_gradients")
@given(operation=UNARIES, a=st.floats(0.1, 4), negative=st.booleans())
def test_one_input_agrees_with_autograd(lab, operation, a, negative):
    """The slopes of exp, log, tanh and relu must be those of torch's autograd."""
    a = -a if negative and operation != "log" else a
    _, expected = by_autograd(lambda x: on_torch(operation, [x]), a)
    close(lab.local_gradients(operation, [a]), expected)


@checks("local_gradients")
@pytest.mark.parametrize("operation", [*BINARY, *UNARY])
def test_every_slope_is_what_trial_finds(lab, rng, operation):
    """Each slope must be the one that moving this input alone shows."""
    inputs = rng.uniform(0.5, 2.0, size=2 if operation in BINARY else 1)
    by_trial = parts.finite_difference_gradient(lambda x: parts.apply(operation, list(x)), inputs)
    # h² / 6 times a third derivative below 100, and rounding of 1e-10
    close(lab.local_gradients(operation, [float(v) for v in inputs]), by_trial, rtol=1e-7, atol=1e-8)


@checks("local_gradients")
def test_slope_of_relu_at_zero_is_zero(lab):
    assert list(lab.local_gradients("relu", [0.0])) == [0.0]


@checks("local_gradients")
@pytest.mark.parametrize("operation", ["power", "", "Add"], ids=["power", "nothing", "capital letter"])
def test_unknown_operation_is_refused(lab, operation):
    with pytest.raises(ValueError):
        lab.local_gradients(operation, [1.0, 2.0])


# --- topological_order -------------------------------------------------------------------------------


def assert_is_order(order, graph, output):
    assert len(order) == len(set(order))
    assert set(order) == needed_by(graph, output)
    place = {name: n for n, name in enumerate(order)}
    for name in order:
        assert all(place[needed] < place[name] for needed in graph.get(name, ("",))[1:])
    assert order[-1] == output


@checks("topological_order", visible=True)
def test_inputs_stand_before_what_is_made_of_them(lab):
    graph = {"loss": ("multiply", "e", "e"), "e": ("subtract", "p", "y"), "p": ("multiply", "w", "x")}
    assert_is_order(lab.topological_order(graph, "loss"), graph, "loss")


@checks("topological_order")
@given(seed=SEEDS)
def test_any_graph_is_put_in_order(lab, seed):
    """On random graphs: every name once, after all of its inputs, and nothing that is not needed."""
    graph, _ = random_graph(np.random.default_rng(seed))
    assert_is_order(lab.topological_order(graph, "end"), graph, "end")


@checks("topological_order")
@given(seed=SEEDS)
def test_pythons_own_sorter_accepts_the_order(lab, seed):
    """Taken in your order, each name must be ready by graphlib's book: all of its inputs are done."""
    from graphlib import TopologicalSorter

    graph, _ = random_graph(np.random.default_rng(seed), n_steps=6)
    needed = needed_by(graph, "end")
    sorter = TopologicalSorter({name: set(graph.get(name, ("",))[1:]) for name in needed})
    sorter.prepare()
    ready = set(sorter.get_ready())
    for name in lab.topological_order(graph, "end"):
        assert name in ready
        ready.discard(name)
        sorter.done(name)
        ready |= set(sorter.get_ready())
    assert not sorter.is_active()


@checks("topological_order")
def test_what_is_not_needed_is_left_out(lab):
    graph = {"p": ("multiply", "w", "x"), "q": ("exp", "p"), "r": ("log", "z")}
    assert set(lab.topological_order(graph, "p")) == {"w", "x", "p"}


@checks("topological_order")
def test_name_that_is_used_twice_stands_once(lab):
    graph = {"d": ("add", "b", "c"), "b": ("exp", "a"), "c": ("tanh", "a")}
    order = lab.topological_order(graph, "d")
    assert sorted(order) == ["a", "b", "c", "d"]


@checks("topological_order")
def test_leaf_alone_is_its_own_order(lab):
    """If the wanted result is a leaf, the order must be this leaf alone."""
    assert lab.topological_order({"p": ("exp", "w")}, "w") == ["w"]
    assert lab.topological_order({}, "w") == ["w"]


@checks("topological_order")
@pytest.mark.parametrize(
    "graph",
    [
        {"a": ("add", "a", "x")},
        {"a": ("exp", "b"), "b": ("exp", "a")},
        {"a": ("add", "x", "b"), "b": ("exp", "c"), "c": ("multiply", "x", "b")},
    ],
    ids=["itself", "in a ring of two", "a ring further down"],
)
def test_name_that_depends_on_itself_is_refused(lab, graph):
    with pytest.raises(ValueError):
        lab.topological_order(graph, "a")


# --- evaluate ----------------------------------------------------------------------------------------


@checks("evaluate", visible=True)
def test_every_number_on_the_way_is_kept(lab):
    graph = {"loss": ("multiply", "e", "e"), "e": ("subtract", "p", "y"), "p": ("multiply", "w", "x")}
    values = lab.evaluate(graph, {"w": 2.0, "x": 3.0, "y": 1.0}, "loss")
    assert values == {"w": 2.0, "x": 3.0, "y": 1.0, "p": 6.0, "e": 5.0, "loss": 25.0}


@checks("evaluate")
@given(seed=SEEDS)
def test_any_graph_agrees_with_torch(lab, seed):
    """On random graphs in scrambled order, every number must be that of the same graph in torch."""
    graph, leaves = random_graph(np.random.default_rng(seed))
    expected, _ = graph_on_torch(graph, leaves, "end")
    values = lab.evaluate(graph, leaves, "end")
    assert set(values) == needed_by(graph, "end")
    for name, value in values.items():
        close(value, expected[name])


@checks("evaluate")
def test_only_what_is_needed_is_computed(lab):
    """A step that the result does not depend on must not run: here it would divide by zero."""
    graph = {"p": ("multiply", "w", "x"), "bad": ("divide", "w", "zero"), "q": ("exp", "p")}
    values = lab.evaluate(graph, {"w": 2.0, "x": 3.0, "zero": 0.0, "spare": 7.0}, "p")
    assert values == {"w": 2.0, "x": 3.0, "p": 6.0}


@checks("evaluate")
def test_order_of_the_inputs_counts(lab, rng):
    """7 − 2 is not 2 − 7: inputs go into their operation in the order in which they are named."""
    a, b = rng.uniform(1, 5, size=2).tolist()
    values = lab.evaluate({"d": ("subtract", "b", "a"), "r": ("divide", "d", "a")}, {"a": a, "b": b}, "r")
    close(values["r"], (b - a) / a)


@checks("evaluate")
def test_leaf_without_a_number_is_refused(lab):
    with pytest.raises(ValueError):
        lab.evaluate({"p": ("multiply", "w", "x")}, {"w": 2.0}, "p")


@checks("evaluate")
def test_ring_and_unknown_operation_are_refused_on_the_way_forward(lab):
    """A graph that goes in a ring, or names an operation that does not exist, must give a ValueError."""
    with pytest.raises(ValueError):
        lab.evaluate({"a": ("exp", "b"), "b": ("exp", "a")}, {}, "a")
    with pytest.raises(ValueError):
        lab.evaluate({"a": ("power", "x")}, {"x": 1.0}, "a")


# --- backpropagate -----------------------------------------------------------------------------------


@checks("backpropagate", visible=True)
def test_worked_numbers_of_the_page_come_out(lab):
    graph = {"loss": ("multiply", "e", "e"), "e": ("subtract", "p", "y"), "p": ("multiply", "w", "x")}
    values = {"w": 2.0, "x": 3.0, "y": 1.0, "p": 6.0, "e": 5.0, "loss": 25.0}
    gradients = lab.backpropagate(graph, values, "loss")
    assert gradients == {"loss": 1.0, "e": 10.0, "p": 10.0, "y": -10.0, "w": 30.0, "x": 20.0}


@checks("backpropagate")
@given(seed=SEEDS)
def test_every_gradient_agrees_with_autograd(lab, reference, seed):
    """On random graphs, the gradient of every name must be that of torch's autograd."""
    graph, leaves = random_graph(np.random.default_rng(seed))
    _, expected = graph_on_torch(graph, leaves, "end")
    gradients = lab.backpropagate(graph, reference.evaluate(graph, leaves, "end"), "end")
    assert set(gradients) == needed_by(graph, "end")
    largest = max(abs(g) for g in expected.values())  # small gradients are differences of large ones
    for name, gradient in gradients.items():
        close(gradient, expected[name], atol=1e-12 * (1 + largest))


@checks("backpropagate")
def test_gradients_of_leaves_are_what_trial_finds(lab, reference, rng):
    """Each leaf's gradient must be the slope that moving this leaf alone shows."""
    graph = {
        "z": ("tanh", "s"),
        "s": ("add", "p", "b"),
        "p": ("multiply", "w", "x"),
        "r": ("divide", "z", "x"),
        "loss": ("exp", "r"),
    }
    leaves = {name: float(rng.uniform(0.3, 1.0)) for name in "wxb"}
    gradients = lab.backpropagate(graph, reference.evaluate(graph, leaves, "loss"), "loss")
    for leaf in "wxb":
        by_trial = parts.finite_difference_gradient(
            lambda v, leaf=leaf: reference.evaluate(graph, {**leaves, leaf: float(v[0])}, "loss")["loss"],
            np.array([leaves[leaf]]),
        )
        close(gradients[leaf], by_trial[0], rtol=1e-6, atol=1e-8)  # the central difference's own error


@checks("backpropagate")
@given(count=st.integers(2, 8), value=st.floats(0.5, 1.5))
def test_ways_that_meet_are_added(lab, count, value):
    """x + x + … must have the slope n, and x · x · … the slope n·xⁿ⁻¹: one way for each use."""
    for operation, slope in (("add", float(count)), ("multiply", count * value ** (count - 1))):
        graph, values, last = {}, {"x": value}, "x"
        for n in range(1, count):
            graph[f"s{n}"] = (operation, last, "x")
            values[f"s{n}"] = (n + 1) * value if operation == "add" else value ** (n + 1)
            last = f"s{n}"
        close(lab.backpropagate(graph, values, last)["x"], slope)


@checks("backpropagate")
def test_gradient_waits_until_all_has_arrived(lab, reference):
    """A name that is used near the end and far from it must hand on the sum, not its first part."""
    # e reaches the loss directly and through two more steps; the dict's order is of no help
    graph = {
        "e": ("multiply", "w", "w"),
        "loss": ("add", "far", "e"),
        "far": ("tanh", "near"),
        "near": ("multiply", "e", "k"),
    }
    values = reference.evaluate(graph, {"w": 0.8, "k": 0.7}, "loss")
    slope = 2 * 0.8 * (1 + 0.7 * (1 - math.tanh(0.7 * 0.64) ** 2))
    close(lab.backpropagate(graph, values, "loss")["w"], slope)


@checks("backpropagate")
def test_what_the_result_does_not_depend_on_has_no_gradient(lab):
    graph = {"p": ("multiply", "w", "x"), "q": ("exp", "p")}
    assert lab.backpropagate(graph, {"w": 2.0, "x": 3.0, "p": 6.0}, "p") == {"p": 1.0, "w": 3.0, "x": 2.0}
    assert lab.backpropagate(graph, {"w": 2.0}, "w") == {"w": 1.0}


# --- linear ------------------------------------------------------------------------------------------


@checks("linear", visible=True)
def test_each_output_is_a_weighted_sum_and_a_bias(lab):
    output = lab.linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]), np.array([5.0, 0.0]))
    close(output, [[16.0, 2.0]])


@checks("linear")
@given(seed=SEEDS, batch=st.integers(1, 5), inputs=st.integers(1, 6), outputs=st.integers(1, 6))
def test_linear_layer_of_torch_gives_the_same(lab, seed, batch, inputs, outputs):
    import torch

    x, weight, bias = (
        normal(seed, batch, inputs),
        normal(seed + 1, outputs, inputs),
        normal(seed + 2, outputs),
    )
    expected = torch.nn.functional.linear(*(torch.from_numpy(array) for array in (x, weight, bias)))
    close(lab.linear(x, weight, bias), expected.numpy())


@checks("linear")
def test_layer_is_linear_in_its_input(lab, rng):
    """Without a bias, the output for 2x + 3y must be twice that for x plus three times that for y."""
    x, y, weight = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    both = lab.linear(2 * x + 3 * y, weight, np.zeros(5))
    close(both, 2 * (x @ weight.T) + 3 * (y @ weight.T))


@checks("linear")
@pytest.mark.parametrize(
    ("weight", "bias"),
    [((4, 2), 4), ((4, 3), 3), ((4, 3), 1), ((3, 4), 4)],
    ids=["too narrow", "too few biases", "one bias for all", "transposed"],
)
def test_sizes_that_do_not_fit_are_refused(lab, weight, bias):
    with pytest.raises(ValueError):
        lab.linear(np.ones((2, 3)), np.ones(weight), np.ones(bias))


# --- linear_backward ---------------------------------------------------------------------------------


@checks("linear_backward", visible=True)
def test_one_example_gives_the_numbers_of_the_page(lab):
    by_x, by_weight, by_bias = lab.linear_backward(
        np.array([[10.0]]), np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
    )
    close(by_x, [[30.0, 40.0]])
    close(by_weight, [[10.0, 20.0]])
    close(by_bias, [10.0])


@checks("linear_backward")
@given(seed=SEEDS, batch=st.integers(1, 5), inputs=st.integers(1, 5), outputs=st.integers(1, 5))
def test_all_three_gradients_agree_with_autograd(lab, seed, batch, inputs, outputs):
    import torch

    x, weight, bias = (
        normal(seed, batch, inputs),
        normal(seed + 1, outputs, inputs),
        normal(seed + 2, outputs),
    )
    gradient = normal(seed + 3, batch, outputs)
    _, expected = by_autograd(
        lambda x, w, b: torch.nn.functional.linear(x, w, b) * torch.from_numpy(gradient), x, weight, bias
    )
    found = lab.linear_backward(gradient, x, weight)
    assert len(found) == 3
    for ours, theirs in zip(found, expected, strict=True):
        close(ours, theirs)


@checks("linear_backward")
def test_gradients_are_what_trial_finds(lab, rng):
    """The gradients by input, weight and bias must be the slopes that trial shows."""
    x, weight, gradient = rng.normal(size=(3, 4)), rng.normal(size=(2, 4)), rng.normal(size=(3, 2))
    by_x, by_weight, by_bias = lab.linear_backward(gradient, x, weight)
    # the loss is linear in each, so the central difference is exact up to rounding: 1e-15 / 1e-5
    trial = parts.finite_difference_gradient
    close(by_x, trial(lambda v: float((gradient * (v @ weight.T)).sum()), x), rtol=1e-7, atol=1e-8)
    close(by_weight, trial(lambda v: float((gradient * (x @ v.T)).sum()), weight), rtol=1e-7, atol=1e-8)
    close(by_bias, trial(lambda v: float((gradient * v).sum()), np.zeros(2)), rtol=1e-7, atol=1e-8)


@checks("linear_backward")
def test_batch_twice_as_long_gives_twice_the_weight_gradient(lab, rng):
    """The same examples twice: weight and bias gradients must double, input gradients stay."""
    x, weight, gradient = rng.normal(size=(3, 4)), rng.normal(size=(2, 4)), rng.normal(size=(3, 2))
    by_x, by_weight, by_bias = lab.linear_backward(np.tile(gradient, (2, 1)), np.tile(x, (2, 1)), weight)
    close(by_x, np.tile(gradient @ weight, (2, 1)))
    close(by_weight, 2 * np.einsum("no,ni->oi", gradient, x))
    close(by_bias, 2 * np.einsum("no->o", gradient))


# --- gradient_error ----------------------------------------------------------------------------------


@checks("gradient_error", visible=True)
def test_right_gradient_has_hardly_any_error(lab):
    error = lab.gradient_error(np.sin, lambda g: g * np.cos(np.arange(3.0)), np.arange(3.0), np.ones(3))
    assert 0 <= error < 1e-8  # the central difference's own error, some 1e-11


@checks("gradient_error")
@given(seed=SEEDS, factor=st.sampled_from([-1.0, 0.0, 0.5, 0.9, 1.1, 3.0]))
def test_gradient_that_is_wrong_by_a_factor_has_the_error_of_the_formula(lab, seed, factor):
    """If the claimed gradient is k times the right one, the error must be |k − 1| / max(|k|, 1)."""
    x, direction = normal(seed, 4), normal(seed + 1, 4)
    error = lab.gradient_error(np.tanh, lambda g: factor * g * (1 - np.tanh(x) ** 2), x, direction)
    close(error, abs(factor - 1) / max(abs(factor), 1), rtol=1e-6)  # the central difference's own error


@checks("gradient_error")
def test_lengths_are_over_all_numbers_of_a_matrix(lab, rng):
    """The lengths must be roots of sums of squares over all numbers, not row by row or the largest."""
    x, mix, wrong = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=(3, 4))
    direction = rng.normal(size=(3, 2))
    right = direction @ mix.T  # closed form of the gradient of sum(direction · (x mix))
    expected = np.sqrt(np.sum(wrong**2)) / max(
        np.sqrt(np.sum((right + wrong) ** 2)), np.sqrt(np.sum(right**2))
    )
    error = lab.gradient_error(lambda v: v @ mix, lambda g: g @ mix.T + wrong, x, direction)
    close(error, expected, rtol=1e-6)


@checks("gradient_error")
def test_backward_is_asked_with_the_direction(lab, rng):
    """What `backward` is given must be the direction itself, in the shape of the output."""
    direction, given_to_it = rng.normal(size=(2, 3)), []

    def backward(gradient):
        given_to_it.append(np.array(gradient))
        return np.array([gradient.sum()])

    error = lab.gradient_error(lambda x: x * np.ones((2, 3)), backward, np.ones(1), direction)
    assert error < 1e-8
    close(given_to_it[0], direction)


@checks("gradient_error")
def test_backward_that_forgets_the_direction_is_caught(lab, rng):
    """A backward pass that ignores the gradient it is given must show a large error."""
    x, direction = rng.normal(size=5), rng.uniform(1, 2, size=5) * [1, -1, 1, -1, 1]
    error = lab.gradient_error(lambda v: v**2, lambda g: 2 * x, x, direction)
    right = 2 * x * direction
    expected = np.linalg.norm(2 * x - right) / max(np.linalg.norm(2 * x), np.linalg.norm(right))
    close(error, expected, rtol=1e-6)


@checks("gradient_error")
def test_two_gradients_of_zero_agree(lab):
    """If the function stands still and the claimed gradient is zero, the error must be 0."""
    assert lab.gradient_error(lambda x: np.ones(2), lambda g: np.zeros(3), np.ones(3), np.ones(2)) == 0.0


@checks("gradient_error")
@pytest.mark.parametrize("shape", [(3,), (2, 1), (1,)], ids=["too long", "another axis", "too short"])
def test_gradient_of_another_shape_is_refused(lab, shape):
    with pytest.raises(ValueError):
        lab.gradient_error(lambda x: 2 * x, lambda g: np.ones(shape), np.ones(2), np.ones(2))


# --- relu, sigmoid, gelu -----------------------------------------------------------------------------


def assert_bend(answer, name, x, **tolerance):
    """Output and slope are torch's; the slope is taken one number at a time."""
    import torch

    bend = {
        "relu": torch.nn.functional.relu,
        "sigmoid": torch.sigmoid,
        "gelu": torch.nn.functional.gelu,
    }[name]
    expected, (slope,) = by_autograd(bend, x)
    assert len(answer) == 2
    close(answer[0], expected, **tolerance)
    close(answer[1], slope, **tolerance)


@checks("relu", visible=True)
def test_negative_numbers_become_zero(lab):
    output, slope = lab.relu(np.array([-2.0, 0.0, 3.0]))
    close(output, [0.0, 0.0, 3.0])
    close(slope, [0.0, 0.0, 1.0])


@checks("relu")
@given(seed=SEEDS)
def test_relu_of_torch_gives_the_same_output_and_slope(lab, seed):
    x = normal(seed, 3, 2, 4)
    assert_bend(lab.relu(x), "relu", x)


@checks("relu")
def test_relu_hands_back_floats(lab):
    """Output and slope must be floats, even of integers; True and False are no slopes."""
    output, slope = lab.relu(np.array([[-2, 0, 3]]))
    assert np.asarray(output).dtype.kind == np.asarray(slope).dtype.kind == "f"
    close(output, [[0.0, 0.0, 3.0]])
    close(slope, [[0.0, 0.0, 1.0]])


@checks("relu")
def test_relu_output_is_its_input_times_its_slope(lab, rng):
    """For every number, output = slope · input: ReLU is a straight line on each side of 0."""
    x = rng.normal(size=50)
    output, slope = lab.relu(x)
    close(output, np.asarray(slope) * x)
    close(np.asarray(output) - np.asarray(lab.relu(-x)[0]), x)


@checks("sigmoid", visible=True)
def test_sigmoid_of_zero_is_a_half_with_the_slope_of_a_quarter(lab):
    output, slope = lab.sigmoid(np.array([0.0]))
    close(output, [0.5])
    close(slope, [0.25])


@checks("sigmoid")
@given(seed=SEEDS, size=st.floats(0.1, 8))
def test_sigmoid_of_torch_gives_the_same_output_and_slope(lab, seed, size):
    x = size * normal(seed, 2, 3, 4)
    assert_bend(lab.sigmoid(x), "sigmoid", x)


@checks("sigmoid")
def test_sigmoid_is_point_symmetric(lab, rng):
    """σ(−x) must be 1 − σ(x), and the slope must be the same on both sides."""
    x = rng.normal(size=40) * 3
    output, slope = lab.sigmoid(x)
    mirrored, same_slope = lab.sigmoid(-x)
    close(mirrored, 1 - np.asarray(output))
    close(same_slope, slope)
    close(slope, 0.25 / np.cosh(x / 2) ** 2)  # the derivative in another closed form


@checks("sigmoid")
def test_sigmoid_of_huge_numbers_is_zero_or_one(lab):
    """For ±1000 and beyond: 0 or 1 with the slope 0, and never "not a number"."""
    x = np.array([[-1e6, -1000.0, -800.0], [800.0, 1000.0, 1e6]])
    output, slope = lab.sigmoid(x)
    close(output, [[0.0] * 3, [1.0] * 3])
    close(slope, np.zeros((2, 3)))


@checks("gelu", visible=True)
def test_gelu_at_one_is_the_share_of_the_bell_below_one(lab):
    output, slope = lab.gelu(np.array([0.0, 1.0]))
    below = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    close(output, [0.0, below])
    close(slope, [0.5, below + math.exp(-0.5) / math.sqrt(2 * math.pi)])


@checks("gelu")
@given(seed=SEEDS, size=st.floats(0.1, 6))
def test_gelu_of_torch_gives_the_same_output_and_slope(lab, seed, size):
    x = size * normal(seed, 2, 3, 4)
    assert_bend(lab.gelu(x), "gelu", x)


@checks("gelu")
def test_gelu_slope_is_what_trial_finds(lab, rng):
    """The slope must belong to the output, by central differences of the exact GELU."""
    x = rng.normal(size=8) * 2
    _, slope = lab.gelu(x)
    by_trial = parts.finite_difference_gradient(
        lambda v: float(sum(n * 0.5 * math.erfc(-n / math.sqrt(2)) for n in v)), x
    )
    close(slope, by_trial, rtol=1e-7, atol=1e-8)  # the central difference's own error


@checks("gelu")
def test_gelu_and_its_mirror_image_add_up_to_the_input(lab, rng):
    """gelu(x) − gelu(−x) must be x, since the shares below x and below −x add up to 1."""
    x = rng.normal(size=(5, 6)) * 3
    output, slope = lab.gelu(x)
    mirrored, mirrored_slope = lab.gelu(-x)
    close(np.asarray(output) - np.asarray(mirrored), x)
    close(np.asarray(slope) + np.asarray(mirrored_slope), np.ones((5, 6)))


def _drawn(name):
    def draw(output, x, *args, **options):
        from labkit import plot

        order = np.argsort(np.ravel(x))
        place = np.ravel(x)[order]
        return plot.lines(
            {
                "your output": (place, np.ravel(output[0])[order]),
                "your slope": (place, np.ravel(output[1])[order]),
            },
            x_label="input",
            y_label="value",
            title=f"your {name}",
        )

    return draw


relu_drawn = picture("relu")(_drawn("relu"))
sigmoid_drawn = picture("sigmoid")(_drawn("sigmoid"))
gelu_drawn = picture("gelu")(_drawn("gelu"))


# --- softmax -----------------------------------------------------------------------------------------


@checks("softmax", visible=True)
def test_probabilities_are_positive_and_sum_to_one(lab, rng):
    probabilities = np.asarray(lab.softmax(rng.normal(size=(4, 6)) * 5))
    assert probabilities.shape == (4, 6)
    assert (probabilities > 0).all()
    close(probabilities.sum(axis=1), np.ones(4))


@checks("softmax")
@given(seed=SEEDS, classes=st.integers(1, 7))
def test_softmax_of_torch_gives_the_same(lab, seed, classes):
    """Along the last axis, with any number of axes in front, the probabilities must be torch's."""
    import torch

    for shape in [(classes,), (3, classes), (2, 3, classes)]:
        scores = 3 * normal(seed, *shape)
        close(lab.softmax(scores), torch.softmax(torch.from_numpy(scores), dim=-1).numpy())


@checks("softmax")
def test_only_differences_of_scores_count(lab, rng):
    """Adding any number to all scores of a row must change nothing, however large it is."""
    scores = np.round(rng.normal(size=(4, 5)), 3)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    for shift in (0.0, 1000.0, -1000.0):
        # 1000 + 0.001 is exact to 1e-13, and so is the exponential
        close(lab.softmax(scores + shift), expected, rtol=1e-11)
    rows = np.array([[1000.0], [0.0], [-1000.0], [3.0]])
    close(lab.softmax(scores + rows), expected, rtol=1e-11)


@checks("softmax")
def test_a_score_far_ahead_takes_everything(lab):
    """With one score ahead by 1000, its probability must be 1 and all others 0, without "not a number"."""
    close(lab.softmax(np.array([[1000.0, 0.0, 0.0], [0.0, -1000.0, 0.0]])), [[1, 0, 0], [0.5, 0, 0.5]])


@checks("softmax_backward", visible=True)
def test_page_numbers_of_the_softmax_gradient(lab):
    """Probabilities (0.5, 0.3, 0.2) and the gradient (1, 0, 0): the worked numbers of the page."""
    close(lab.softmax_backward(np.array([[1.0, 0, 0]]), np.array([[0.5, 0.3, 0.2]])), [[0.25, -0.15, -0.1]])


@checks("softmax_backward")
@given(seed=SEEDS, classes=st.integers(1, 6))
def test_softmax_gradient_agrees_with_autograd(lab, seed, classes):
    """With any number of axes in front, the gradient by the scores must be that of torch's autograd."""
    import torch

    for shape in [(classes,), (3, classes), (2, 3, classes)]:
        scores, gradient = normal(seed, *shape), normal(seed + 1, *shape)
        probabilities, (expected,) = by_autograd(
            lambda s, g=gradient: torch.softmax(s, dim=-1) * torch.from_numpy(g), scores
        )
        probabilities = torch.softmax(torch.from_numpy(scores), dim=-1).numpy()
        close(lab.softmax_backward(gradient, probabilities), expected)


@checks("softmax_backward")
def test_softmax_gradient_is_the_jacobian_times_the_gradient(lab, rng):
    """Each row must be the gradient times the whole table of slopes pᵢ(δᵢⱼ − pⱼ)."""
    probabilities = rng.dirichlet(np.ones(5), size=3)
    gradient = rng.normal(size=(3, 5))
    expected = [g @ (np.diag(p) - np.outer(p, p)) for g, p in zip(gradient, probabilities, strict=True)]
    close(lab.softmax_backward(gradient, probabilities), expected)


@checks("softmax_backward")
def test_raising_all_scores_together_changes_nothing(lab, rng):
    """Each row of the result must sum to 0; a gradient that is equal everywhere must give 0."""
    probabilities = rng.dirichlet(np.ones(6), size=4)
    result = np.asarray(lab.softmax_backward(rng.normal(size=(4, 6)), probabilities))
    close(result.sum(axis=1), np.zeros(4))
    close(lab.softmax_backward(np.full((4, 6), 7.0), probabilities), np.zeros((4, 6)))
    assert np.abs(result).max() > 1e-3


# --- network_gradients -------------------------------------------------------------------------------

NAMES = ("weight1", "bias1", "weight2", "bias2")


def some_network(rng, batch=5, inputs=3, hidden=4, outputs=2):
    parameters = {
        "weight1": rng.normal(size=(hidden, inputs)),
        "bias1": rng.normal(size=hidden),
        "weight2": rng.normal(size=(outputs, hidden)),
        "bias2": rng.normal(size=outputs),
    }
    return rng.normal(size=(batch, inputs)), rng.normal(size=(batch, outputs)), parameters


@checks("network_gradients")
@given(seed=SEEDS, batch=st.integers(1, 5), outputs=st.integers(1, 3))
def test_loss_and_all_gradients_agree_with_autograd(lab, seed, batch, outputs):
    """Loss and gradients must be those of the same network in torch, with F.gelu and F.mse_loss."""
    import torch
    import torch.nn.functional as F

    x, target, parameters = some_network(np.random.default_rng(seed), batch=batch, outputs=outputs)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    active = F.gelu(F.linear(torch.from_numpy(x), tensors["weight1"], tensors["bias1"]))
    expected = F.mse_loss(F.linear(active, tensors["weight2"], tensors["bias2"]), torch.from_numpy(target))
    expected.backward()
    loss, gradients = lab.network_gradients(x, target, parameters)
    close(loss, expected.item())
    assert set(gradients) == set(NAMES)
    for name in NAMES:
        close(gradients[name], tensors[name].grad.numpy())


@checks("network_gradients")
def test_gradients_of_the_network_are_what_trial_finds(lab, rng):
    """Each gradient must be the slope that trial shows, on a network written number by number."""
    x, target, parameters = some_network(rng, batch=2, inputs=2, hidden=2, outputs=1)

    def loss_by_hand(p):
        total = 0.0
        for row, wanted in zip(x, target, strict=True):
            before = [sum(w * v for w, v in zip(ws, row, strict=True)) for ws in p["weight1"]]
            before = [h + b for h, b in zip(before, p["bias1"], strict=True)]
            active = [h * 0.5 * math.erfc(-h / math.sqrt(2)) for h in before]
            said = sum(w * a for w, a in zip(p["weight2"][0], active, strict=True)) + p["bias2"][0]
            total += (said - wanted[0]) ** 2
        return float(total / len(x))

    loss, gradients = lab.network_gradients(x, target, parameters)
    close(loss, loss_by_hand(parameters))
    for name in NAMES:
        by_trial = parts.finite_difference_gradient(
            lambda v, name=name: loss_by_hand({**parameters, name: v}), parameters[name]
        )
        close(gradients[name], by_trial, rtol=1e-5, atol=1e-7)  # the central difference's own error


@checks("network_gradients")
def test_network_without_error_has_no_gradient(lab, rng):
    """If the target is what the network says, loss and gradients must be 0."""
    x, _, p = some_network(rng)
    hidden = x @ p["weight1"].T + p["bias1"]
    said = hidden * 0.5 * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2))) @ p["weight2"].T + p["bias2"]
    loss, gradients = lab.network_gradients(x, said, p)
    assert abs(loss) < 1e-24  # the square of a rounding
    for name in NAMES:
        close(gradients[name], np.zeros(p[name].shape))


@checks("network_gradients")
def test_step_against_the_gradient_lowers_the_loss(lab, rng):
    """After a small step against all gradients the loss must fall, by as much as the gradients say."""
    x, target, parameters = some_network(rng)
    loss, gradients = lab.network_gradients(x, target, parameters)
    step = 1e-5
    moved = {name: parameters[name] - step * np.asarray(gradients[name]) for name in NAMES}
    after, _ = lab.network_gradients(x, target, moved)
    promised = step * sum(float(np.sum(np.asarray(gradients[name]) ** 2)) for name in NAMES)
    close(loss - after, promised, rtol=0.02)  # the second order is smaller by the step times the curvature


@checks("network_gradients")
@pytest.mark.parametrize("shape", [(5,), (5, 1), (4, 2), (1, 2)], ids=["flat", "narrow", "short", "one row"])
def test_target_of_another_shape_is_refused(lab, rng, shape):
    """A target that would only fit by broadcasting must raise a ValueError."""
    x, _, parameters = some_network(rng)
    with pytest.raises(ValueError):
        lab.network_gradients(x, np.zeros(shape), parameters)
