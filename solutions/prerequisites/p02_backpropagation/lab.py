# ---
# jupyter:
#   lab:
#     title: Backpropagation
#     topic: 0
#     minutes: 230
#     difficulty: 3
#     needs: []
#     libraries: [numpy, scipy]
#     covers:
#       "Calculus: Derivatives, gradients, chain rule, partial derivatives": local_gradients
#       "Why: Backpropagation relies on chain rule": backpropagate
#       "Forward & backward propagation": backpropagate
#       "Activation functions (ReLU, GELU, Sigmoid, Softmax)": "passage: Activation functions"
# ---

# %% [markdown]
# # Backpropagation
#
# Press play. The first clip is the vowel of a voice: one single swing of it, cut out of a spoken “nine” and
# repeated at a gliding pitch. The second clip is a small network of 321 random numbers that is
# asked to draw the same swing.

# %%
import itertools
import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.special import erf

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table

digits = corpora.digits()
sample_rate = digits.sample_rate


def one_swing(samples: Float[np.ndarray, "time"], sample_rate: int) -> Float[np.ndarray, "points"]:
    """One period of the voice at the loudest place of a clip, with mean 0 and variance 1."""
    length = int(0.04 * sample_rate)
    loudest = np.convolve(samples**2, np.ones(length), "valid").argmax()
    piece = samples[loudest : loudest + 2 * length].astype(np.float64)
    piece -= piece.mean()
    likeness = np.correlate(piece, piece, "full")[len(piece) - 1 :]  # with itself, some samples later
    shortest, longest = sample_rate // 320, sample_rate // 70
    period = shortest + int(likeness[shortest:longest].argmax())
    start = len(piece) // 2 - period // 2
    swing = piece[start : start + period]
    return (swing - swing.mean()) / swing.std()


def sing(swing: Float[np.ndarray, "points"], seconds: float = 1.5) -> Float[np.ndarray, "time"]:
    """The swing repeated, from 100 up to 160 times a second and down again."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    pitch = 130 - 30 * np.cos(2 * np.pi * time / seconds)
    phase = np.cumsum(pitch) / sample_rate % 1
    closed = np.append(swing, swing[0])  # the end meets the beginning
    sound = np.interp(phase, np.linspace(0, 1, len(closed)), closed)
    fade = np.minimum(1, 20 * np.minimum(time, time[::-1]))
    return 0.12 * fade * sound / sound.std()


swing = one_swing(digits.clip("nine", speaker=2).samples, sample_rate)
numbers = np.random.default_rng(0).normal(size=321)
angles = 2 * np.pi * np.outer(np.linspace(0, 1, 200, endpoint=False), np.arange(1, 5))
waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
untrained = np.tanh(waves @ numbers[:256].reshape(8, 32) + numbers[256:288]) @ numbers[288:320] + numbers[320]
play({"the voice": sing(swing), "321 random numbers": sing(untrained - untrained.mean())}, sample_rate)
plot.lines(
    {
        "the voice": (np.linspace(0, 1, len(swing), endpoint=False), swing),
        "321 random numbers": (np.linspace(0, 1, 200, endpoint=False), untrained / untrained.std()),
    },
    x_label="time [swings]",
    y_label="amplitude",
    title="One swing",
)

# %% [markdown]
# Think of 321 knobs. At the end of this lab they are turned so that the second clip sounds like the
# first. Nobody sets them by hand. So how does a machine know **which knob to turn which way?**
#
# It could try: turn one knob a little, listen, turn it back, take the next. That is 321 trials for one
# small improvement. A speech recogniser has a hundred million knobs.
#
# There is a way to get all the answers in *one* walk backward through the computation. It is called
# **backpropagation**, and every neural network in this course learns by it.

# %% [markdown]
# ## What you will build
#
# | parts | what they make |
# |---|---|
# | 1 | slopes by trial: slow, but hard to get wrong. It will test all the rest |
# | 2 to 5 | an engine that finds the slope of *any* computation with numbers |
# | 6 to 8 | a layer of a network, forward and backward, on whole arrays, and the test for it |
# | 9 to 13 | the bends between the layers: ReLU, sigmoid, GELU and softmax |
# | 14 | a network, forward and backward |
#
# Only NumPy does the arithmetic, and SciPy lends one function. PyTorch appears at the end, to compare.
#
# **Who uses this?** Parts 2 to 5 are PyTorch's `autograd` in miniature. Whisper's 1550 million knobs were
# turned this way, all of them at each step.
#
# The line above says whether the voices on this page are recordings or synthetic.

# %% [markdown]
# ## The idea
#
# **A number first.** One knob, $w$. The machine multiplies it by 3, subtracts 1, and squares:
#
# | | $w$ | $3w$ | $e = 3w - 1$ | $e^2$ |
# |---|---|---|---|---|
# | now | 2 | 6 | 5 | 25 |
# | knob turned by 0.01 | 2.01 | 6.03 | 5.03 | 25.3009 |
#
# The knob moved by 0.01, the result by 0.3009. The ratio is 30.09, and the smaller the turn, the closer
# to **30**. This limit is the **derivative**: how many times as much the result moves as the knob.
#
# $$\frac{df}{dw} = \lim_{h \to 0} \frac{f(w+h) - f(w)}{h}$$
#
# **The chain rule.** Look at the steps one by one. From $w$ to $e$: the knob moved by 0.01, $e$ by 0.03.
# Slope 3. From $e$ to $e^2$: 0.03 became 0.3009. Slope 10. And $3 \cdot 10 = 30$. *Slopes along a chain
# multiply.* That is all:
#
# $$\frac{df}{dw} = \frac{df}{de} \cdot \frac{de}{dw}$$
#
# **Many knobs.** Let the machine be $(w \cdot x - y)^2$. There are three numbers to turn, and each has its
# own slope while the others stand still: a **partial derivative**, written with a round ∂. All of them
# together, in the order of the knobs, are the **gradient**. At $w = 2$, $x = 3$, $y = 1$ it is
# $(30, 20, -10)$.
#
# **Why do we want it?** If the result is an *error*, a positive slope says: turn this knob down. Take a
# small step against the gradient, and the error falls. Do it again, a thousand times. That is learning.
# It is called **gradient descent**:
#
# $$w \leftarrow w - \text{learning rate} \cdot \frac{\partial\,\text{error}}{\partial w}$$

# %% [markdown]
# ## Part 1: slopes by trial
#
# Turn a knob a bit up, and a bit down, and see how far the result moved. That is a **central
# difference**:
#
# $$\frac{\partial f}{\partial x_i} \approx \frac{f(x_i + h) - f(x_i - h)}{2h}$$
#
# **A number first.** $f(w) = w^3$ at $w = 2$, where the slope is 12. With $h = 0.1$:
# $(2.1^3 - 1.9^3) / 0.2 = (9.261 - 6.859) / 0.2 = 12.01$. One-sided, $(9.261 - 8) / 0.1 = 12.61$. The error
# of the central one shrinks with $h^2$, of the one-sided one only with $h$.
#
# The point may be an array of any shape. Each of its numbers is a knob; the others stand still meanwhile.
# (The lab on linear algebra and probability does the same for vectors.)


# %% part="finite_difference_gradient" points=3 difficulty=2 minutes=15 forbids="scipy.optimize np.gradient"
def finite_difference_gradient(
    function: Callable[[Float[np.ndarray, "*shape"]], float],
    point: Float[np.ndarray, "*shape"],
    step: float = 1e-5,
) -> Float[np.ndarray, "*shape"]:
    """Gradient by central differences: one number is moved at a time.

    Args:
        function: takes an array of the point's shape and gives one number.
        point: where the gradient is wanted, any shape; it is left as it is. Integers are welcome.
        step: how far each number is moved, up and down.
    Returns:
        The partial derivative by each number of `point`, float64, in the point's shape.
    Raises:
        ValueError: if `step` is not greater than 0.
    Source: Nocedal & Wright, Numerical Optimization (2nd edition), section 8.1.
    Example:
        >>> finite_difference_gradient(lambda x: x[0] * x[1], np.array([3.0, 5.0])).round(6).tolist()
        [5.0, 3.0]
    """
    ### BEGIN SOLUTION
    if not step > 0:
        raise ValueError(f"step is {step}, expected more than 0")
    point = np.asarray(point, dtype=np.float64)
    gradient = np.empty_like(point)
    for index in np.ndindex(point.shape):
        above, below = point.copy(), point.copy()
        above[index] += step
        below[index] -= step
        gradient[index] = (function(above) - function(below)) / (2 * step)
    return gradient
    ### END SOLUTION


# %% [markdown] hints="finite_difference_gradient"
# 1. Which numbers move while you measure the slope of one knob? Only that one. What must have happened to
#    it before you take the next?
# 2. `for index in np.ndindex(point.shape)` walks over all positions of an array of any shape, and
#    `array[index]` is the number there. Work on copies, in float64: 0.00001 added to an integer array is
#    lost.
# 3. In the loop: `above, below = point.copy(), point.copy()`, then `above[index] += step` and
#    `below[index] -= step`, then `gradient[index] = (function(above) - function(below)) / (2 * step)`.

# %% [markdown]
# Should the step be as small as possible? Try it, on the slope of $e^{\sin x}$ at 1.

# %%
exact_slope = math.exp(math.sin(1)) * math.cos(1)
exponents = np.arange(-13, 0.5, 0.5)
errors = {"one-sided": [], "central, yours": []}


def wavy(x: Float[np.ndarray, "1"]) -> float:
    return math.exp(math.sin(x[0]))


for exponent in exponents:
    h = 10.0**exponent
    errors["one-sided"].append(abs((wavy([1 + h]) - wavy([1.0])) / h - exact_slope))
    errors["central, yours"].append(
        abs(finite_difference_gradient(wavy, np.array([1.0]), h)[0] - exact_slope)
    )
plot.lines(
    {name: (exponents, np.array(values)) for name, values in errors.items()},
    x_label="step [power of ten]",
    y_label="error of the slope",
    title="Too large is inexact, too small is worse",
    log_y=True,
)

# %% [markdown]
# To the right the step is too coarse. To the left something else happens: $f(x+h)$ and $f(x-h)$ agree in
# nearly all of their 16 digits, and the difference keeps only what is left. Around $10^{-5}$ the central
# difference is right to ten digits. That is why $10^{-5}$ is the default.
#
# Now you have a judge. It is slow (two runs per knob), but it needs to know nothing about the function.

# %% [markdown]
# ## Part 2: the slopes of single steps
#
# Every computation is made of small steps. Here are eight, and what each does to its inputs $a$ and $b$.
# The page gives you the way forward:

# %%
OPERATIONS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "exp": math.exp,
    "log": math.log,
    "tanh": math.tanh,
    "relu": lambda a: max(a, 0.0),
}


def apply(operation: str, inputs: list[float]) -> float:
    """The result of one operation.

    Raises:
        ValueError: if there is no such operation.
    """
    if operation not in OPERATIONS:
        raise ValueError(f"operation is {operation!r}, expected one of {', '.join(OPERATIONS)}")
    return float(OPERATIONS[operation](*inputs))


table(
    [
        {"operation": name, "inputs": inputs, "result": apply(name, inputs)}
        for name, inputs in [("multiply", [3.0, 5.0]), ("divide", [3.0, 5.0]), ("relu", [-2.0])]
    ]
)

# %% [markdown]
# You write the slopes: for each input, how much the result moves when *this* input moves and the other
# stands still.
#
# **A number first.** $3 \cdot 5 = 15$. Turn the 3 up by 0.01: $3.01 \cdot 5 = 15.05$. The result moved five
# times as far, so the slope by the first input is 5: *the other factor*. By the second input it is 3.
#
# The rules of school:
#
# | step | slope by $a$ | slope by $b$ |
# |---|---|---|
# | $a + b$ | 1 | 1 |
# | $a - b$ | 1 | $-1$ |
# | $a \cdot b$ | $b$ | $a$ |
# | $a / b$ | $1/b$ | $-a/b^2$ |
# | $e^a$ | $e^a$ | |
# | $\ln a$ | $1/a$ | |
# | $\tanh a$ | $1 - \tanh^2 a$ | |
# | $\text{relu}(a) = \max(a, 0)$ | 1 if $a > 0$, else 0 | |


# %% part="local_gradients" points=3 difficulty=1 minutes=15 forbids="torch.autograd sympy"
def local_gradients(operation: str, inputs: list[float]) -> list[float]:
    """Partial derivatives of one operation by each of its inputs.

    Args:
        operation: "add", "subtract", "multiply", "divide" (two inputs), "exp", "log", "tanh" or "relu"
            (one input).
        inputs: the numbers that go in, one or two.
    Returns:
        One slope per input, in their order. The slope of relu at exactly 0 is 0.
    Raises:
        ValueError: if there is no such operation.
    Source: Baydin et al. 2018, Automatic differentiation in machine learning: a survey, section 3.
    Example:
        >>> local_gradients("multiply", [3.0, 5.0])
        [5.0, 3.0]
    """
    ### BEGIN SOLUTION
    a, b = inputs[0], inputs[-1]  # the same number where there is one input
    match operation:
        case "add":
            return [1.0, 1.0]
        case "subtract":
            return [1.0, -1.0]
        case "multiply":
            return [b, a]
        case "divide":
            return [1 / b, -a / (b * b)]
        case "exp":
            return [math.exp(a)]
        case "log":
            return [1 / a]
        case "tanh":
            return [1 - math.tanh(a) ** 2]
        case "relu":
            return [1.0 if a > 0 else 0.0]
    raise ValueError(f"operation is {operation!r}, expected one of {', '.join(OPERATIONS)}")
    ### END SOLUTION


# %% [markdown] hints="local_gradients"
# 1. The table above *is* the answer; it only has to become code. One slope per input: two for the first
#    four operations, one for the others.
# 2. An `if … elif …` over the eight words, or `match operation:`. The slope of tanh needs the *result* of
#    tanh. `math.exp` and `math.tanh` take single numbers.
# 3. For example `if operation == "multiply": return [inputs[1], inputs[0]]` and
#    `if operation == "tanh": return [1 - math.tanh(inputs[0]) ** 2]`; at the end
#    `raise ValueError(...)` for a word that none of them is.

# %% [markdown]
# ## Part 3: which step comes first?
#
# We write a computation down as a **graph**: a dict from the name of each result to its operation and the
# names of its inputs. This is $(w \cdot x - y)^2$, with the square written as a product:

# %%
graph = {
    "loss": ("multiply", "e", "e"),
    "e": ("subtract", "p", "y"),
    "p": ("multiply", "w", "x"),
}

# %% [markdown]
# ```
#     w ──┐
#         multiply ── p ──┐
#     x ──┘               subtract ── e ══ multiply ── loss
#                     y ──┘
# ```
#
# Names that appear only as inputs ($w$, $x$, $y$) are **leaves**: numbers that are given, not computed.
#
# The dict may be in any order. Before we compute, we need an order in which **every name comes after all
# of its inputs**. It is called a *topological order*. For this graph, `w x p y e loss` is one, and
# `y w x p e loss` another. `loss e p …` is none: `e` would be needed before it is there.
#
# Walk backward from the result: *before I can stand in the list, all of my inputs must stand in it.* And
# each name stands in the list once, even if two steps use it. If a name needs itself, by whatever way
# round, there is no order.


# %% part="topological_order" points=3 difficulty=3 minutes=20 forbids="graphlib networkx"
def topological_order(graph: dict[str, tuple[str, ...]], output: str) -> list[str]:
    """The names that a result depends on, each after all of its inputs.

    Args:
        graph: name of a result → (operation, name of input, …). Names that are no key are leaves.
        output: the result that is wanted.
    Returns:
        Every name that `output` depends on, leaves included, once; `output` itself is the last.
        Names that it does not depend on are left out.
    Raises:
        ValueError: if a name depends on itself, directly or through others.
    Source: Cormen et al., Introduction to Algorithms (3rd edition), section 22.4.
    Example:
        >>> topological_order({"loss": ("multiply", "e", "e"), "e": ("subtract", "p", "y")}, "loss")
        ['p', 'y', 'e', 'loss']
    """
    ### BEGIN SOLUTION
    order: list[str] = []
    being_visited: set[str] = set()

    def visit(name: str) -> None:
        if name in order:
            return
        if name in being_visited:
            raise ValueError(f"{name} depends on itself")
        being_visited.add(name)
        for needed in graph.get(name, ())[1:]:
            visit(needed)
        order.append(name)

    visit(output)
    return order
    ### END SOLUTION


# %% [markdown] hints="topological_order"
# 1. Write a function `visit(name)` that puts a name into the list. What has to be in the list before it?
#    Who takes care of that?
# 2. `visit` first calls itself for every input of the name, then appends the name. Two things stop it: a
#    name that is already in the list is done; a name whose visit has begun and not ended has met itself.
#    `graph.get(name, ())[1:]` are the inputs; of a leaf there are none.
# 3. `def visit(name):` return if the name is in `order`; raise ValueError if it is in the set
#    `being_visited`, else add it there; `for needed in graph.get(name, ())[1:]: visit(needed)`;
#    `order.append(name)`. Then `visit(output)` and `return order`.

# %% [markdown]
# ## Part 4: forward
#
# Now compute. Walk along the order. A leaf's number is given; every other name is `apply` of its operation
# to numbers that are already there. **Keep them all**: the way back needs them.
#
# **A number first.** With $w = 2$, $x = 3$, $y = 1$: $p = 6$, $e = 5$, loss $= 25$.


# %% part="evaluate" points=2 difficulty=1 minutes=10
def evaluate(graph: dict[str, tuple[str, ...]], leaves: dict[str, float], output: str) -> dict[str, float]:
    """Forward propagation: every number on the way to a result.

    Args:
        graph: name of a result → (operation, name of input, …).
        leaves: the given numbers by name; there may be more than are needed.
        output: the result that is wanted.
    Returns:
        The number of every name that `output` depends on, leaves and `output` included.
    Raises:
        ValueError: if a leaf that is needed has no number, or as `topological_order` and `apply` raise.
    Source: Baydin et al. 2018, section 3.1, the primal trace of table 2.
    Example:
        >>> evaluate({"p": ("multiply", "w", "x")}, {"w": 2.0, "x": 3.0}, "p")
        {'w': 2.0, 'x': 3.0, 'p': 6.0}
    """
    ### BEGIN SOLUTION
    values: dict[str, float] = {}
    for name in topological_order(graph, output):
        if name in graph:
            operation, *inputs = graph[name]
            values[name] = apply(operation, [values[needed] for needed in inputs])
        elif name in leaves:
            values[name] = leaves[name]
        else:
            raise ValueError(f"the leaf {name} has no number")
    return values
    ### END SOLUTION


# %% [markdown] hints="evaluate"
# 1. In the order of part 3, whatever a step needs is already computed when its turn comes.
# 2. Three cases for a name: it is a key of `graph` (compute it), it is a leaf with a number (copy it), or
#    neither (ValueError). `operation, *inputs = graph[name]` takes the entry apart.
# 3. `for name in topological_order(graph, output):` and in it
#    `values[name] = apply(operation, [values[needed] for needed in inputs])`, or `leaves[name]`.

# %%
values = evaluate(graph, {"w": 2.0, "x": 3.0, "y": 1.0}, "loss")
table([{"name": name, "made by": graph.get(name, ("leaf",))[0], "value": v} for name, v in values.items()])

# %% [markdown]
# ## Part 5: backward
#
# Now the heart of it. We walk the same order **from the end to the beginning**, and ask at each name: *how
# much does the loss move, when this number moves?*
#
# **A number first.** $w = 2$, $x = 3$, $y = 1$, so $p = 6$, $e = 5$, loss $= 25$.
#
# | at | its gradient | hands on to its inputs: gradient · slope of the step |
# |---|---|---|
# | loss | 1 (it moves as far as itself) | $1 \cdot 5$ to $e$, and again $1 \cdot 5$ to $e$ |
# | $e$ | $5 + 5 = 10$ | $10 \cdot 1$ to $p$, $10 \cdot (-1)$ to $y$ |
# | $p$ | 10 | $10 \cdot x = 30$ to $w$, $10 \cdot w = 20$ to $x$ |
#
# The gradient is $(30, 20, -10)$, as before. All of it in one walk.
#
# Two rules, nothing else:
#
# 1. **Along a way, multiply**: what a name hands to an input is its own gradient times the slope of the
#    step. That is the chain rule.
# 2. **Where ways meet, add**: $e$ is used twice. Move it, and the loss moves by both ways. So what arrives
#    is *added up*, and a name hands on only when everything has arrived. That is why the order matters.


# %% part="backpropagate" points=5 difficulty=3 minutes=20 forbids="torch.autograd"
def backpropagate(
    graph: dict[str, tuple[str, ...]], values: dict[str, float], output: str
) -> dict[str, float]:
    """Backward propagation: the derivative of a result by every number that it depends on.

    Args:
        graph: name of a result → (operation, name of input, …).
        values: number of every name, as from `evaluate`.
        output: the result whose derivatives are wanted.
    Returns:
        d output / d name, for every name that `output` depends on; 1.0 for `output` itself.
    Source: Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors;
        Baydin et al. 2018, section 3.2, table 3.
    Example:
        >>> graph = {"e": ("subtract", "p", "y"), "loss": ("multiply", "e", "e")}
        >>> gradients = backpropagate(graph, {"p": 6.0, "y": 1.0, "e": 5.0, "loss": 25.0}, "loss")
        >>> gradients["e"], gradients["p"], gradients["y"]
        (10.0, 10.0, -10.0)
    """
    ### BEGIN SOLUTION
    order = topological_order(graph, output)
    gradients = dict.fromkeys(order, 0.0)
    gradients[output] = 1.0
    for name in reversed(order):
        if name in graph:
            operation, *inputs = graph[name]
            slopes = local_gradients(operation, [values[needed] for needed in inputs])
            for needed, slope in zip(inputs, slopes, strict=True):
                gradients[needed] += gradients[name] * slope
    return gradients
    ### END SOLUTION


# %% [markdown] hints="backpropagate"
# 1. Follow the table above with your finger. Where does the walk begin, and with which gradient? What does
#    every other name start with, before anything has arrived?
# 2. Walk `reversed(topological_order(graph, output))`. `local_gradients` gives the slopes of one step, in
#    the order of its inputs. If a name is there twice among the inputs, it receives twice: `+=`, never `=`.
# 3. `gradients = dict.fromkeys(order, 0.0)`, `gradients[output] = 1.0`; for every name in reversed order
#    that is in the graph: `for needed, slope in zip(inputs, slopes):`
#    `gradients[needed] += gradients[name] * slope`.

# %%
gradients = backpropagate(graph, values, "loss")
by_trial = {}
for leaf in ("w", "x", "y"):

    def loss_of(point: Float[np.ndarray, "1"], leaf: str = leaf) -> float:
        return evaluate(graph, {"w": 2.0, "x": 3.0, "y": 1.0, leaf: point[0]}, "loss")["loss"]

    by_trial[leaf] = finite_difference_gradient(loss_of, np.array([values[leaf]]))[0]
table(
    [
        {
            "name": name,
            "value": values[name],
            "gradient": gradients[name],
            "by trial (part 1)": by_trial.get(name),
        }
        for name in values
    ],
    title="(w·x − y)² at w = 2, x = 3, y = 1",
)

# %% [markdown]
# ### An engine with a friendly face
#
# Nobody wants to write graphs as dicts. The class below writes them for you: a `Value` is a number that
# remembers how it was made. You compute with it as with any number, and `backward()` hands the graph to
# *your* `backpropagate`. PyTorch's tensors do the same.

# %%
NAMES = itertools.count()


class Value:
    """A number that remembers how it was made.

    Attributes:
        number: the number itself.
        gradient: derivative of the result by this number, after the result's `backward()`.
    """

    def __init__(self, number: float, operation: str = "", inputs: tuple = ()) -> None:
        self.number, self.operation, self.inputs = float(number), operation, inputs
        self.name, self.gradient = f"v{next(NAMES)}", 0.0

    def _made(self, operation: str, *others: "Value | float") -> "Value":
        inputs = (self, *(other if isinstance(other, Value) else Value(other) for other in others))
        return Value(apply(operation, [value.number for value in inputs]), operation, inputs)

    def __add__(self, other):
        return self._made("add", other)

    def __sub__(self, other):
        return self._made("subtract", other)

    def __mul__(self, other):
        return self._made("multiply", other)

    def __truediv__(self, other):
        return self._made("divide", other)

    def tanh(self):
        return self._made("tanh")

    def backward(self) -> None:
        """Set the gradient of every number that this one was made of."""
        known, graph, waiting = {}, {}, [self]
        while waiting:
            value = waiting.pop()
            if value.name not in known:
                known[value.name] = value
                waiting += value.inputs
                if value.operation:
                    graph[value.name] = (value.operation, *(needed.name for needed in value.inputs))
        numbers = {name: value.number for name, value in known.items()}
        for name, gradient in backpropagate(graph, numbers, self.name).items():
            known[name].gradient = gradient


w, x, y = Value(2), Value(3), Value(1)
e = w * x - y
loss = e * e
loss.backward()
print("loss", loss.number, "and its gradient", (w.gradient, x.gradient, y.gradient))

# %% [markdown]
# Now it can learn. The task is a classic: say $+1$ if exactly one of two inputs is $+1$, else $-1$
# ("exclusive or"). No straight line separates the two cases, so it needs a hidden layer. This network has
# three hidden numbers and 13 knobs, all of them `Value`s. Each step: forward, backward, turn.

# %%
CASES = [((-1, -1), -1), ((-1, 1), 1), ((1, -1), 1), ((1, 1), -1)]


def xor_network(knobs: list, a: float, b: float):
    """Three hidden numbers, each tanh(w₁a + w₂b + w₃), and a weighted sum of them."""
    hidden = [(knobs[3 * h] * a + knobs[3 * h + 1] * b + knobs[3 * h + 2]).tanh() for h in range(3)]
    return knobs[9] * hidden[0] + knobs[10] * hidden[1] + knobs[11] * hidden[2] + knobs[12]


rng = np.random.default_rng(2)
knobs = [Value(number) for number in rng.normal(size=13)]
losses = []
for _ in progress(range(100 if fast_mode() else 300), "learning exclusive or"):
    loss = Value(0)
    for (a, b), wanted in CASES:
        error = xor_network(knobs, a, b) - wanted
        loss = loss + error * error * 0.25
    loss.backward()
    for knob in knobs:
        knob.number -= 0.2 * knob.gradient
    losses.append(loss.number)
plot.lines({"mean squared error": losses}, x_label="step", y_label="error", log_y=True, title="Exclusive or")
table(
    [{"a": a, "b": b, "wanted": c, "network says": xor_network(knobs, a, b).number} for (a, b), c in CASES],
    title="After learning",
)

# %% [markdown]
# It learns, and you wrote every step of it. It is also slow: for each single multiplication Python makes
# an object, a name and a dict entry. A network for speech multiplies millions of numbers at each step.
#
# The cure is to keep the idea and enlarge the steps. From now on, one step is a whole **layer**, and its
# numbers are arrays. Only the slopes have to be worked out again, once per kind of layer.

# %% [markdown]
# ## Part 6: a linear layer
#
# A layer with `in` inputs and `out` outputs has a **weight** for each pair, and a **bias** for each output:
#
# $$y_{o} = \sum_i W_{oi}\, x_i + b_o$$
#
# **A number first.** Inputs $(1, 2)$. Output 0 has the weights $(3, 4)$ and the bias 5:
# $3 \cdot 1 + 4 \cdot 2 + 5 = 16$.
#
# We always compute many examples at once, one per row: a **batch**. And as in PyTorch, row $o$ of the
# weight holds the weights of output $o$. So the whole layer is one product of matrices, $Y = X W^\top + b$.


# %% part="linear" points=1 difficulty=1 minutes=5 forbids="torch.nn"
def linear(
    x: Float[np.ndarray, "batch inputs"],
    weight: Float[np.ndarray, "outputs inputs"],
    bias: Float[np.ndarray, "outputs"],
) -> Float[np.ndarray, "batch outputs"]:
    """A linear layer, forward.

    Args:
        x: one example per row.
        weight: one output per row, as in torch.nn.Linear.
        bias: one number per output.
    Returns:
        x Wᵀ + b.
    Raises:
        ValueError: if the weight's columns are not as many as the inputs, or its rows as the biases.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, algorithm 6.3.
    Example:
        >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]), np.array([5.0, 0.0])).tolist()
        [[16.0, 2.0]]
    """
    ### BEGIN SOLUTION
    if weight.shape != (len(bias), x.shape[1]):
        raise ValueError(f"weight has shape {weight.shape}, expected {(len(bias), x.shape[1])}")
    return x @ weight.T + bias
    ### END SOLUTION


# %% [markdown] hints="linear"
# 1. Write down the shapes: `[batch, inputs]` times what gives `[batch, outputs]`?
# 2. `weight.T` swaps the axes of the weight. A bias `[outputs]` is added to every row by itself. A bias of
#    length 1 would be, too, without a word: compare the shapes first.
# 3. Test `weight.shape != (len(bias), x.shape[1])`, then `return x @ weight.T + bias`.

# %% [markdown]
# ## Part 7: a linear layer, backward
#
# From behind arrives the gradient of the loss by each *output* of the layer, $G$, in the shape of $Y$. Three
# things are asked: the gradient by the weight and by the bias (to learn) and by the input (to hand on to
# the layer before).
#
# **A number first.** One example, $x = (1, 2)$, one output, weights $(3, 4)$. Say $G = 10$: if the output
# rises by 1, the loss rises by 10.
#
# - The weight 3 was multiplied by the input 1, so its slope is 1, and its gradient $10 \cdot 1 = 10$. The
#   weight 4 met the input 2: $10 \cdot 2 = 20$.
# - The bias is added as it is: 10.
# - The input 1 was multiplied by the weight 3: $10 \cdot 3 = 30$. The input 2: $10 \cdot 4 = 40$.
#
# That is the multiplication rule of part 2: *the slope by one factor is the other factor*. And where ways
# meet, add:
#
# - A weight is used by **every example** of the batch. Its gradient is a sum over the batch.
# - An input is used by **every output**. Its gradient is a sum over the outputs.
#
# $$\frac{\partial L}{\partial W_{oi}} = \sum_{n} G_{no}\, x_{ni}, \qquad
# \frac{\partial L}{\partial b_o} = \sum_n G_{no}, \qquad
# \frac{\partial L}{\partial x_{ni}} = \sum_o G_{no}\, W_{oi}$$
#
# Each sum is a product of matrices. A good way to find which: a gradient has the shape of what it belongs
# to, and there is only one product of the two matrices at hand that has this shape.


# %% part="linear_backward" points=4 difficulty=3 minutes=20 forbids="torch.nn"
def linear_backward(
    gradient: Float[np.ndarray, "batch outputs"],
    x: Float[np.ndarray, "batch inputs"],
    weight: Float[np.ndarray, "outputs inputs"],
) -> tuple[
    Float[np.ndarray, "batch inputs"], Float[np.ndarray, "outputs inputs"], Float[np.ndarray, "outputs"]
]:
    """A linear layer, backward.

    Args:
        gradient: derivative of the loss by each output of the layer.
        x: the input that the layer had on the way forward.
        weight: its weight.
    Returns:
        (gradient by x, gradient by the weight, gradient by the bias), each in the shape of what it
        belongs to. The latter two are sums over the batch.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, algorithm 6.4.
    Example:
        >>> one = linear_backward(np.array([[10.0]]), np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
        >>> [array.tolist() for array in one]
        [[[30.0, 40.0]], [[10.0, 20.0]], [10.0]]
    """
    ### BEGIN SOLUTION
    return gradient @ weight, gradient.T @ x, gradient.sum(axis=0)
    ### END SOLUTION


# %% [markdown] hints="linear_backward"
# 1. Which of the three is a sum over the batch, which over the outputs? A product of matrices sums over the
#    axis that disappears.
# 2. Shapes: `[batch, inputs]` from `[batch, outputs]` and `[outputs, inputs]`; `[outputs, inputs]` from
#    `[batch, outputs]` and `[batch, inputs]`; `[outputs]` from `[batch, outputs]`.
# 3. `gradient @ weight`, `gradient.T @ x`, `gradient.sum(axis=0)`.

# %% [markdown]
# ## Part 8: the gradient check
#
# A wrong gradient is a nasty bug. Nothing crashes. The network learns, only worse, and you look for the
# reason in the data. So every backward pass is tested against trial, once.
#
# Your `finite_difference_gradient` wants a function with *one* number as result, and a layer returns an
# array. The trick: take a **direction** $D$, any array in the output's shape, and call
#
# $$L(x) = \sum D \cdot \text{forward}(x)$$
#
# the loss. That is one number, and the gradient of $L$ by the output is just $D$. So `backward(D)` must be
# what `finite_difference_gradient` finds for $L$. With a random direction, a wrong entry has nowhere to hide.
#
# How close is close? Gradients can be tiny or huge, so we ask for the *relative* error, with $\|\cdot\|$ the
# root of the sum of squares:
#
# $$\text{error} = \frac{\|a - n\|}{\max(\|a\|, \|n\|)}$$
#
# where $a$ is the claimed gradient and $n$ the one by trial.
#
# **A number first.** Claimed $(3, 4)$, by trial $(3, 4.5)$: the difference has length 0.5, the longer of
# the two 5.41, so the error is 0.092. Rounding alone leaves some $10^{-9}$. Above $10^{-4}$ there is a bug.


# %% part="gradient_error" points=3 difficulty=2 minutes=15 forbids="scipy.optimize torch.autograd"
def gradient_error(
    forward: Callable[[Float[np.ndarray, "*inputs"]], Float[np.ndarray, "*outputs"]],
    backward: Callable[[Float[np.ndarray, "*outputs"]], Float[np.ndarray, "*inputs"]],
    x: Float[np.ndarray, "*inputs"],
    direction: Float[np.ndarray, "*outputs"],
) -> float:
    """Relative error of a backward pass, measured against central differences.

    Args:
        forward: from an input to the output.
        backward: from the gradient of a loss by the output to its gradient by the input at `x`.
        x: where the gradient is checked.
        direction: gradient of the loss by the output; the loss is the sum of direction · forward(x).
    Returns:
        ‖claimed − by trial‖ / max(‖claimed‖, ‖by trial‖), with the step of `finite_difference_gradient`;
        0.0 if both are zero.
    Raises:
        ValueError: if what `backward` gives has not the shape of `x`.
    Source: PyTorch documentation, Gradcheck mechanics, fast mode; Baydin et al. 2018, section 2.1.
    Example:
        >>> double = lambda x: 2 * x
        >>> error = gradient_error(double, lambda gradient: 3 * gradient, np.ones(2), np.ones(2))
        >>> round(error, 6)
        0.333333
    """
    ### BEGIN SOLUTION
    claimed = np.asarray(backward(direction))
    if claimed.shape != np.shape(x):
        raise ValueError(f"the gradient has shape {claimed.shape}, expected that of x, {np.shape(x)}")
    by_trial = finite_difference_gradient(lambda point: float(np.sum(direction * forward(point))), x)
    largest = max(np.linalg.norm(claimed), np.linalg.norm(by_trial))
    return float(np.linalg.norm(claimed - by_trial) / largest) if largest > 0 else 0.0
    ### END SOLUTION


# %% [markdown] hints="gradient_error"
# 1. You need two arrays in the shape of `x`: one claimed, one by trial. Which function gives each?
# 2. The function for the trial takes a point and returns one number:
#    `lambda point: float(np.sum(direction * forward(point)))`. `np.linalg.norm(array)` is the root
#    of the sum of squares, whatever the shape. What if both lengths are 0?
# 3. `claimed = np.asarray(backward(direction))`; test its shape;
#    `by_trial = finite_difference_gradient(…, x)`;
#    `largest = max(norm(claimed), norm(by_trial))`; return the norm of the difference divided by it.

# %% [markdown]
# Your layer on the judge's bench. The third row is a layer with a bug that is easily made: the bias
# gradient is averaged over the batch, not summed.

# %%
rng = np.random.default_rng(0)
batch, weight, bias, direction = (rng.normal(size=shape) for shape in [(5, 4), (3, 4), (3,), (5, 3)])
rows = [
    {
        "gradient": "by the input",
        "relative error": gradient_error(
            lambda x: linear(x, weight, bias),
            lambda g: linear_backward(g, batch, weight)[0],
            batch,
            direction,
        ),
    },
    {
        "gradient": "by the weight",
        "relative error": gradient_error(
            lambda w: linear(batch, w, bias),
            lambda g: linear_backward(g, batch, weight)[1],
            weight,
            direction,
        ),
    },
    {
        "gradient": "by the bias, averaged",
        "relative error": gradient_error(
            lambda b: linear(batch, weight, b), lambda g: g.mean(axis=0), bias, direction
        ),
    },
]
table(rows, title="Gradient check of a linear layer")

# %% [markdown]
# ## Part 9: ReLU
#
# ### Activation functions
#
# Two linear layers in a row are one linear layer: $W_2 (W_1 x) = (W_2 W_1) x$. A hundred of them can draw
# nothing but straight lines. So between the layers something must *bend*: an **activation function**, applied
# to each number by itself.
#
# Its way back is easy. Each output depends on one input only, so there is one slope per number, and the
# gradient is handed on as `gradient * slope`. We write such functions so that they return both: the
# **output** for the way forward, and the **slope**, to be kept for the way back.
#
# The simplest bend is the *rectified linear unit*: negative numbers become 0.
#
# **A number first.** $(-2, 0, 3)$ becomes $(0, 0, 3)$, with the slopes $(0, 0, 1)$. At exactly 0 there is a
# corner and no slope at all; everyone takes 0.


# %% part="relu" points=1 difficulty=1 minutes=5 forbids="torch.nn"
def relu(x: Float[np.ndarray, "*shape"]) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """Rectified linear unit, with its slope.

    Args:
        x: any shape; it is left as it is.
    Returns:
        (output, slope): max(x, 0), and 1 where x > 0, else 0, as floats.
    Source: Glorot, Bordes & Bengio 2011, Deep sparse rectifier neural networks, section 3.
    Example:
        >>> output, slope = relu(np.array([-2.0, 0.0, 3.0]))
        >>> output.tolist(), slope.tolist()
        ([0.0, 0.0, 3.0], [0.0, 0.0, 1.0])
    """
    ### BEGIN SOLUTION
    return np.maximum(x, 0.0), (x > 0).astype(np.float64)
    ### END SOLUTION


# %% [markdown] hints="relu"
# 1. Which numbers stay, which become 0? The slope says the same thing in ones and zeros.
# 2. `x > 0` is an array of True and False; `.astype(np.float64)` makes 1.0 and 0.0 of it.
# 3. `return np.maximum(x, 0.0), (x > 0).astype(np.float64)`.

# %% [markdown]
# ## Part 10: sigmoid
#
# The sigmoid squeezes any number between 0 and 1, so that it can be read as a probability, or as a door
# that is more or less open. LSTMs, some labs from here, are made of such doors.
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}}, \qquad \sigma'(x) = \sigma(x)\,(1 - \sigma(x))$$
#
# **A number first.** $\sigma(0) = ½$ with the slope ¼: the steepest place. $\sigma(4) = 0.982$ with the slope
# 0.018: nearly flat. Remember this ¼. It comes back at the end of the page.
#
# Beware of $e^{1000}$: it is larger than any float. Some ways to write $\sigma$ then compute ∞/∞.


# %% part="sigmoid" points=2 difficulty=1 minutes=10 forbids="scipy.special.expit scipy.stats torch.nn"
def sigmoid(
    x: Float[np.ndarray, "*shape"],
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """Logistic sigmoid, with its slope.

    Args:
        x: any shape, numbers of any size.
    Returns:
        (output, slope): 1 / (1 + exp(−x)) and its derivative; finite for every x.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 3.10.
    Example:
        >>> output, slope = sigmoid(np.array([0.0, 1000.0]))
        >>> output.tolist(), slope.tolist()
        ([0.5, 1.0], [0.25, 0.0])
    """
    ### BEGIN SOLUTION
    small = np.exp(-np.abs(x))  # never above 1
    output = np.where(x >= 0, 1.0, small) / (1 + small)
    return output, output * (1 - output)
    ### END SOLUTION


# %% [markdown] hints="sigmoid"
# 1. The slope needs only the output, not x again.
# 2. `1 / (1 + np.exp(-x))` is right for every x, with a warning for very negative ones. Without the warning:
#    $e^{-|x|}$ is never above 1. Write $\sigma$ with it, once for $x \ge 0$ and once for $x < 0$.
# 3. `small = np.exp(-np.abs(x))`, `output = np.where(x >= 0, 1.0, small) / (1 + small)`,
#    `return output, output * (1 - output)`.

# %% [markdown]
# ## Part 11: GELU
#
# The *Gaussian error linear unit* is a ReLU with a soft corner. Whisper, BERT and GPT use it. It multiplies
# $x$ by the share of a standard normal distribution that lies below $x$:
#
# $$\text{gelu}(x) = x \cdot \Phi(x), \qquad
# \Phi(x) = \tfrac12\left(1 + \text{erf}\frac{x}{\sqrt2}\right)$$
#
# **A number first.** $\Phi(1) = 0.841$, so gelu(1) = 0.841. $\Phi(-1) = 0.159$, so gelu(−1) = −0.159:
# small, but not 0, and so a negative input still learns.
#
# The slope is up to you. GELU is a *product* of two things that both depend on $x$, so by the product rule
# its slope has two terms. The slope of $\Phi$ is the bell curve $\varphi(x) = e^{-x^2/2} / \sqrt{2\pi}$.
# `erf` from `scipy.special` is imported.


# %% part="gelu" points=3 difficulty=2 minutes=15 forbids="scipy.stats torch.nn"
def gelu(x: Float[np.ndarray, "*shape"]) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """Gaussian error linear unit in its exact form, with its slope.

    Args:
        x: any shape.
    Returns:
        (output, slope): x Φ(x) with Φ the standard normal distribution function, and its derivative.
    Source: Hendrycks & Gimpel 2016, Gaussian error linear units, section 2.
    Example:
        >>> output, slope = gelu(np.array([0.0, 1.0, -1.0]))
        >>> output.round(4).tolist(), slope.round(4).tolist()
        ([0.0, 0.8413, -0.1587], [0.5, 1.0833, -0.0833])
    """
    ### BEGIN SOLUTION
    share_below = 0.5 * (1 + erf(x / math.sqrt(2)))
    bell = np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return x * share_below, share_below + x * bell
    ### END SOLUTION


# %% [markdown] hints="gelu"
# 1. The product rule: the slope of $u \cdot v$ is $u' v + u v'$. Here $u = x$ and $v = \Phi(x)$.
# 2. The slope of $x$ is 1 and the slope of $\Phi$ is $\varphi$. So the whole slope is
#    $\Phi(x) + x\,\varphi(x)$.
# 3. `share_below = 0.5 * (1 + erf(x / math.sqrt(2)))`,
#    `bell = np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)`, then
#    `return x * share_below, share_below + x * bell`.

# %%
ruler = np.linspace(-4, 4, 161)
plot.lines(
    {"ReLU": (ruler, relu(ruler)[0]), "sigmoid": (ruler, sigmoid(ruler)[0]), "GELU": (ruler, gelu(ruler)[0])},
    x_label="input",
    y_label="output",
    title="Three bends …",
)
plot.lines(
    {"ReLU": (ruler, relu(ruler)[1]), "sigmoid": (ruler, sigmoid(ruler)[1]), "GELU": (ruler, gelu(ruler)[1])},
    x_label="input",
    y_label="slope",
    title="… and their slopes: the sigmoid's is never above ¼",
)

# %% [markdown]
# ## Part 12: softmax
#
# A recogniser ends with one number per word: a **score**, any real number. The softmax makes
# probabilities of them, positive and with the sum 1:
#
# $$p_i = \frac{e^{s_i}}{\sum_j e^{s_j}}$$
#
# **A number first.** Scores $(2, 0, 1)$: the exponentials are 7.39, 1 and 2.72, their sum 11.11, so the
# probabilities are 0.67, 0.09 and 0.24.
#
# Scores of 1000 would overflow. But only *differences* of scores count: $(2, 0, 1)$ and $(0, -2, -1)$ give
# the same. So subtract the largest score of each row first. Then no exponential is above 1.


# %% part="softmax" points=2 difficulty=1 minutes=10 forbids="scipy.special.softmax torch.nn"
def softmax(scores: Float[np.ndarray, "*batch classes"]) -> Float[np.ndarray, "*batch classes"]:
    """Probabilities from scores, along the last axis.

    Args:
        scores: real numbers of any size; any number of axes in front.
    Returns:
        exp(score) / sum of exp(scores) of the row; each row sums to 1.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.2.2.3, equations 6.29 and 6.33.
    Example:
        >>> softmax(np.array([[2.0, 0.0, 1.0], [1000.0, 1000.0, -1000.0]])).round(2).tolist()
        [[0.67, 0.09, 0.24], [0.5, 0.5, 0.0]]
    """
    ### BEGIN SOLUTION
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
    ### END SOLUTION


# %% [markdown] hints="softmax"
# 1. Two steps along the last axis: make everything positive, then divide by the sum.
# 2. `keepdims=True` keeps the summed axis with size 1, so that row sums can be divided into rows. Subtract
#    each row's own maximum before the exponential.
# 3. `powers = np.exp(scores - scores.max(axis=-1, keepdims=True))`, then
#    `powers / powers.sum(axis=-1, keepdims=True)`.

# %% [markdown]
# ## Part 13: softmax, backward
#
# Here one slope per number is not enough: raise one score, and *all* probabilities of the row move, one up
# and the others down, because their sum stays 1. The slope of $p_i$ by $s_j$ is
#
# $$\frac{\partial p_i}{\partial s_j} = p_i\,(\delta_{ij} - p_j),
# \qquad \delta_{ij} = 1 \text{ if } i = j \text{ else } 0 .$$
#
# A whole table of slopes like this is called a **Jacobian**. Where ways meet, add:
#
# $$\frac{\partial L}{\partial s_j} = \sum_i g_i\, p_i\,(\delta_{ij} - p_j)
# = p_j \Big( g_j - \sum_i g_i\, p_i \Big).$$
#
# The right side needs no table. Read it: $\sum g_i p_i$ is the *mean* of the gradient under the
# probabilities. Each score gets how far its own gradient is from that mean, in proportion to $p_j$.
#
# **A number first.** Probabilities $(0.5, 0.3, 0.2)$, gradient $(1, 0, 0)$. The mean is 0.5. So the scores
# get $0.5 \cdot (1 - 0.5) = 0.25$, then $0.3 \cdot (0 - 0.5) = -0.15$ and $0.2 \cdot (-0.5) = -0.1$. The sum
# is 0: raising all scores together changes nothing.


# %% part="softmax_backward" points=3 difficulty=3 minutes=20 forbids="torch.nn"
def softmax_backward(
    gradient: Float[np.ndarray, "*batch classes"], probabilities: Float[np.ndarray, "*batch classes"]
) -> Float[np.ndarray, "*batch classes"]:
    """Softmax, backward.

    Args:
        gradient: derivative of the loss by each probability.
        probabilities: what the softmax returned on the way forward.
    Returns:
        Derivative of the loss by each score; each row sums to 0.
    Source: Bridle 1990, Probabilistic interpretation of feedforward classification network outputs.
    Example:
        >>> softmax_backward(np.array([[1.0, 0.0, 0.0]]), np.array([[0.5, 0.3, 0.2]])).round(6).tolist()
        [[0.25, -0.15, -0.1]]
    """
    ### BEGIN SOLUTION
    mean = (gradient * probabilities).sum(axis=-1, keepdims=True)
    return probabilities * (gradient - mean)
    ### END SOLUTION


# %% [markdown] hints="softmax_backward"
# 1. Follow the worked number: a mean for each row, a difference, a product.
# 2. The mean is weighted by the probabilities: `(gradient * probabilities).sum(axis=-1, keepdims=True)`.
# 3. With `mean` as in the second hint: `return probabilities * (gradient - mean)`.

# %% [markdown]
# ## Part 14: a network
#
# All pieces are here. The network: a linear layer, GELU, another linear layer. The loss: the **mean squared
# error**, the mean of $(\text{prediction} - \text{target})^2$ over *all* numbers of the batch.
#
# | forward | keep | backward, from bottom to top |
# |---|---|---|
# | $h = \text{linear}(x, W_1, b_1)$ | $x$ | gradients by $W_1$ and $b_1$ |
# | $a = \text{gelu}(h)$ | the slope | gradient · slope |
# | $y = \text{linear}(a, W_2, b_2)$ | $a$ | gradients by $W_2$, $b_2$ and by $a$ |
# | $L = \text{mean}\,(y - t)^2$ | $y - t$ | $2\,(y - t) / N$, with $N$ the number of predicted numbers |
#
# **A number first**, for the loss alone: predictions $(3, 5)$, targets $(1, 5)$. The loss is
# $(4 + 0)/2 = 2$, the gradient $(2 \cdot 2 / 2,\ 0) = (2, 0)$.
#
# Then it is your `backpropagate` again, with layers for steps: start at the loss, and let each layer hand
# on to the one before.


# %% part="network_gradients" points=5 difficulty=3 minutes=25 forbids="torch.autograd torch.nn"
def network_gradients(
    x: Float[np.ndarray, "batch inputs"],
    target: Float[np.ndarray, "batch outputs"],
    parameters: dict[str, Float[np.ndarray, "..."]],
) -> tuple[float, dict[str, Float[np.ndarray, "..."]]]:
    """Loss of a two-layer network, and its gradient by every parameter.

    Args:
        x: one example per row.
        target: what the network should say to each.
        parameters: "weight1" [hidden, inputs], "bias1" [hidden], "weight2" [outputs, hidden] and
            "bias2" [outputs] of linear → GELU → linear; they are left as they are.
    Returns:
        (loss, gradients): the mean squared error over all numbers of the batch, and its gradient by each
        parameter, under the same four names.
    Raises:
        ValueError: if the target has not the shape of the prediction.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, algorithms 6.3 and 6.4.
    Example:
        >>> parameters = {"weight1": np.ones((1, 1)), "bias1": np.zeros(1)}
        >>> parameters |= {"weight2": np.ones((1, 1)), "bias2": np.ones(1)}
        >>> loss, gradients = network_gradients(np.zeros((1, 1)), np.array([[3.0]]), parameters)
        >>> loss, gradients["bias2"].tolist(), gradients["bias1"].tolist()
        (4.0, [-4.0], [-2.0])
    """
    ### BEGIN SOLUTION
    hidden = linear(x, parameters["weight1"], parameters["bias1"])
    active, slope = gelu(hidden)
    prediction = linear(active, parameters["weight2"], parameters["bias2"])
    if prediction.shape != target.shape:
        raise ValueError(f"target has shape {target.shape}, expected {prediction.shape}")
    error = prediction - target

    gradients = {}
    arriving, gradients["weight2"], gradients["bias2"] = linear_backward(
        2 * error / error.size, active, parameters["weight2"]
    )
    _, gradients["weight1"], gradients["bias1"] = linear_backward(arriving * slope, x, parameters["weight1"])
    return float(np.mean(error**2)), gradients
    ### END SOLUTION


# %% [markdown] hints="network_gradients"
# 1. Write the way forward first, four lines, and keep what the table says. Then go up the table.
# 2. Each `linear_backward` wants the gradient by *its output* and the input that *it* had: the second layer
#    had `active`, the first had `x`. Between the two stands the multiplication by GELU's slope.
# 3. `arriving, weight2, bias2 = linear_backward(2 * error / error.size, active, parameters["weight2"])`, then
#    `_, weight1, bias1 = linear_backward(arriving * slope, x, parameters["weight1"])`.

# %% [markdown]
# ## Put it together
#
# The network that draws a swing of the voice: it gets a moment of the swing, and answers with the amplitude
# there. The moment is an angle, and the network sees it through eight slow waves, the cosine and sine of 1,
# 2, 3 and 4 turns. (With only those eight and no hidden layer it could draw nothing finer than four turns.)
# It has 32 hidden numbers: $8 \cdot 32 + 32 + 32 + 1 = 321$ knobs.


# %%
def moments(count: int) -> Float[np.ndarray, "count 8"]:
    """What the network sees at `count` moments, evenly spaced over one swing."""
    angles = 2 * np.pi * np.outer(np.arange(count) / count, np.arange(1, 5))
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def random_parameters(inputs: int, hidden: int, outputs: int, seed: int) -> dict[str, np.ndarray]:
    """Weights so small that numbers keep their size from layer to layer; biases 0."""
    rng = np.random.default_rng(seed)
    return {
        "weight1": rng.normal(size=(hidden, inputs)) * math.sqrt(2 / inputs),
        "bias1": np.zeros(hidden),
        "weight2": rng.normal(size=(outputs, hidden)) / math.sqrt(hidden),
        "bias2": np.zeros(outputs),
    }


def draw(parameters: dict[str, np.ndarray], count: int = 200) -> Float[np.ndarray, "count"]:
    """What the network draws, at `count` moments."""
    hidden = linear(moments(count), parameters["weight1"], parameters["bias1"])
    return linear(gelu(hidden)[0], parameters["weight2"], parameters["bias2"])[:, 0]


parameters = random_parameters(8, 32, 1, seed=0)
see, want = moments(len(swing)), swing[:, None]
loss, gradients = network_gradients(see, want, parameters)
rows = []
for name, value in parameters.items():

    def loss_at(candidate: np.ndarray, name: str = name) -> float:
        return network_gradients(see, want, {**parameters, name: candidate})[0]

    by_trial = finite_difference_gradient(loss_at, value)
    largest = max(np.linalg.norm(by_trial), np.linalg.norm(gradients[name]))
    rows.append(
        {
            "parameter": name,
            "knobs": value.size,
            "relative error": np.linalg.norm(by_trial - gradients[name]) / largest,
        }
    )
table(rows, title="Gradient check of the whole network, at 321 knobs")

# %% [markdown]
# All 321 slopes are right. So learn: 10 steps, 300 steps, and a few thousand. Listen after each.


# %%
def learn(
    see: np.ndarray,
    want: np.ndarray,
    parameters: dict[str, np.ndarray],
    steps: int,
    learning_rate: float = 0.05,
) -> tuple[dict[str, np.ndarray], list[float]]:
    """Gradient descent; returns the learnt parameters and the loss before each step."""
    parameters, losses = dict(parameters), []
    for _ in range(steps):
        loss, gradients = network_gradients(see, want, parameters)
        losses.append(loss)
        for name, gradient in gradients.items():
            parameters[name] = parameters[name] - learning_rate * gradient
    return parameters, losses


STEPS = 6000 if fast_mode() else 20_000
drawings, losses, done = {"the voice": swing}, [], 0
learnt = parameters
for steps in progress((10, 300, STEPS), "learning to draw"):
    learnt, more = learn(see, want, learnt, steps - done)
    losses, done = losses + more, steps
    drawings[f"after {steps} steps"] = draw(learnt)
play({name: sing(drawing) for name, drawing in drawings.items()}, sample_rate)
plot.lines(
    {name: (np.arange(len(drawing)) / len(drawing), drawing) for name, drawing in drawings.items()},
    x_label="time [swings]",
    y_label="amplitude",
    title="What the network draws",
)
plot.lines({"loss": losses}, x_label="step", y_label="mean squared error", log_y=True, title="Learning")

# %% [markdown]
# The slow swings come first, the fine wiggles last: networks learn the coarse shape before the detail. And
# as the network can be asked at *any* moment, it is an instrument that sings at any pitch.

# %% [markdown]
# ## Practice: other voices
#
# One voice could be luck, and so could one choice of random numbers to begin with. Let networks draw the
# swing of three different voices, each from three different beginnings, and measure how much of the swing's
# power the drawing explains: $1 - \text{mean squared error}$, since every swing has variance 1.
#
# **Target:** more than 95 % in every case.

# %%
rows, shares = [], []
for speaker in progress(range(3), "drawing the voices"):
    clip = digits.clip("nine", speaker=speaker)
    voice = one_swing(clip.samples, sample_rate)
    for seed in range(1 if fast_mode() else 3):
        start = random_parameters(8, 32, 1, seed)
        trained, _ = learn(moments(len(voice)), voice[:, None], start, STEPS)
        share = 1 - np.mean((draw(trained, len(voice)) - voice) ** 2)
        shares.append(share)
        rows.append(
            {"speaker": clip.speaker, "beginning": seed, "points": len(voice), "explained [%]": 100 * share}
        )
table(rows, title=f"Power of the swing that the drawing explains, {digits.name}; target: more than 95 %")
# 99.1 % at the least after 20 000 steps (three people and three synthetic voices, three beginnings each)
assert min(shares) > 0.95

# %% [markdown]
# ## Against the library
#
# PyTorch's `autograd` records the graph as your `Value` does, and walks it backward as your `backpropagate`
# does, with arrays as yours from part 6 on. The same network, the same numbers: are the gradients equal, and
# who is faster? For scale, the table also has the gradient by trial.


# %%
def torch_gradients(see: np.ndarray, want: np.ndarray, parameters: dict[str, np.ndarray]):
    """The same loss and gradients by PyTorch's autograd, in float64."""
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(1)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    hidden = F.gelu(F.linear(torch.from_numpy(see), tensors["weight1"], tensors["bias1"]))
    prediction = F.linear(hidden, tensors["weight2"], tensors["bias2"])
    loss = F.mse_loss(prediction, torch.from_numpy(want))
    loss.backward()
    return loss.item(), {name: tensor.grad.numpy() for name, tensor in tensors.items()}


def gradients_by_trial() -> None:
    for name, value in parameters.items():
        finite_difference_gradient(
            lambda candidate, name=name: network_gradients(see, want, {**parameters, name: candidate})[0],
            value,
        )


theirs_loss, theirs = torch_gradients(see, want, parameters)
difference = max(np.abs(gradients[name] - theirs[name]).max() for name in theirs)
print(
    f"loss: yours {loss:.15f}, PyTorch {theirs_loss:.15f}; largest difference of a gradient {difference:.1e}"
)
assert difference < 1e-12
mine = stopwatch(network_gradients, see, want, parameters, repeat=50)
table(
    [
        {"who": "yours", "ms per gradient": 1000 * mine},
        {
            "who": "PyTorch's autograd",
            "ms per gradient": 1000 * stopwatch(torch_gradients, see, want, parameters, repeat=50),
        },
        {"who": "by trial", "ms per gradient": 1000 * stopwatch(gradients_by_trial, repeat=3)},
    ],
    title=f"321 gradients of one network, {len(swing)} examples at once",
)

# %% [markdown]
# Equal to the last digits. On a network this small, yours is even quicker, since PyTorch spends its time on
# recording the graph; on large ones its multiplications win. By trial it takes hundreds of times as long,
# and that factor is the number of knobs: the larger the network, the worse.

# %% [markdown]
# ## Where it breaks
#
# ### Slopes that vanish
#
# Slopes along a chain multiply. The slope of the sigmoid is never above ¼. So what arrives after ten
# sigmoids, if each takes ¼ or less? The cell builds deep networks, sends a gradient of length 1 in from the
# end, and measures its length in front of the first layer.

# %%
WIDTH = 64


def gradient_left(bend: Callable, depth: int, gain: float, seed: int = 0) -> float:
    """Length of the gradient in front of `depth` layers, if it has length 1 behind them."""
    rng = np.random.default_rng(seed)
    x, kept = rng.normal(size=(16, WIDTH)), []
    for _ in range(depth):
        weight = rng.normal(size=(WIDTH, WIDTH)) * math.sqrt(gain / WIDTH)
        output, slope = bend(linear(x, weight, np.zeros(WIDTH)))
        kept.append((x, weight, slope))
        x = output
    gradient = rng.normal(size=x.shape)
    gradient /= np.linalg.norm(gradient)
    for x, weight, slope in reversed(kept):
        gradient = linear_backward(gradient * slope, x, weight)[0]
    return float(np.linalg.norm(gradient))


depths = list(range(1, 31))
left = {
    "sigmoid": [gradient_left(sigmoid, depth, gain=1.0) for depth in depths],
    "GELU": [gradient_left(gelu, depth, gain=2.0) for depth in depths],
    "ReLU": [gradient_left(relu, depth, gain=2.0) for depth in depths],
}
plot.lines(
    {name: (np.array(depths), np.array(lengths)) for name, lengths in left.items()},
    x_label="depth [layers]",
    y_label="length of the gradient",
    title="What is left of the gradient in front of the first layer",
    log_y=True,
)
table(
    [
        {"bend": name, "after 10 layers": lengths[9], "after 30 layers": lengths[29]}
        for name, lengths in left.items()
    ]
)

# %% [markdown]
# Behind thirty sigmoids, the first layer is told nothing. It stays random for ever. This is the **vanishing
# gradient**, and it kept deep networks from learning for twenty years. A ReLU's slope is 1 or 0, and with
# weights of the right size (variance $2/\text{inputs}$) the gradient lives. You will meet the problem again
# in the lab on recurrent networks, where *time* makes the chain long.
#
# ### Steps of the wrong size
#
# The gradient says which way, not *how far*. Three learning rates, the same network, the same start:

# %%
curves = {}
for rate in (0.003, 0.05, 0.8):
    with np.errstate(all="ignore"):  # too large a rate leads to infinity
        curves[f"learning rate {rate}"] = np.array(learn(see, want, parameters, 200, rate)[1])
plot.lines(
    {name: np.where(values < 1e3, values, np.nan) for name, values in curves.items()},
    x_label="step",
    y_label="mean squared error",
    title="Too small, good, too large",
    log_y=True,
)

# %% [markdown]
# Too small a step wastes your time. Too large a step jumps over the valley and lands higher than before. And
# even the good one needed thousands of steps for the fine wiggles, because one learning rate serves all
# 321 knobs. **The next lab** builds the optimizers that give each knob its own pace, the losses for other
# tasks than drawing, and what keeps a network from learning by heart. Then it learns to hear.

# %% [markdown]
# ## Read on
#
# - Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors*, Nature 323, 1986:
#   four pages that started it all.
# - Baydin, Pearlmutter, Radul and Siskind, *Automatic differentiation in machine learning: a survey*,
#   JMLR 18, 2018: sections 2 and 3.
# - Goodfellow, Bengio and Courville, *Deep Learning*, 2016: section 6.5, with the algorithms of parts 5 to 7.
# - Hendrycks and Gimpel, *Gaussian error linear units*, 2016: two pages of idea, and comparisons.
# - Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010:
#   sections 3 and 4, on sigmoids that vanish.
# - Andrej Karpathy's *micrograd* on GitHub: an engine like that of part 5, in a hundred lines.
