"""Learner's code in its own process: values, faults, gradients."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.definitions import Code
from autograder.sandbox.client import Submission
from autograder.sandbox.peer import Gone

torch = pytest.importorskip("torch")


def submission(
    source: str, provided=(), reference=None, limit: float = 5.0, libraries=("numpy",), part="part"
):
    cells = [Code("import numpy as np"), Code(source, part)]
    return Submission(cells, part, list(provided), reference or {}.get, libraries, call_seconds=limit)


@pytest.fixture
def ask():
    opened = []

    def ask(source: str, *args, part="part", **kwargs):
        opened.append(submission(source, **kwargs))
        return opened[-1].call(part, args, {})

    yield ask
    for each in opened:
        each.close()


VALUES = [
    None,
    True,
    -(2**80),
    0.1,
    1 + 2j,
    "naïve\n",
    b"\x00\xff",
    [1, [2, (3, "x")], {"a": np.arange(3)}],
    (),
    {},
    np.float32(0.5),
    np.zeros((0, 3)),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(6, dtype=">i2")[::2],
    np.array(["ab", "c"]),
    np.array([True, False]),
    np.array(3.5),
    np.ones((2, 3, 4), dtype=np.complex64),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_as_they_went(ask, value):
    back = ask("def part(x):\n    return x", value)
    np.testing.assert_equal(back, value)
    assert type(back) is type(value)
    if isinstance(value, np.ndarray):
        assert back.dtype == value.dtype and back.shape == value.shape


def test_tensors_keep_dtype_and_shape(ask):
    for value in (
        torch.arange(6).reshape(2, 3),
        torch.zeros(2, 0),
        torch.tensor(True),
        torch.ones(2, dtype=torch.float64),
    ):
        back = ask("def part(x):\n    return x", value, libraries=("torch",))
        assert torch.equal(back, value) and back.dtype == value.dtype


def test_functions_cross_as_callbacks(ask):
    assert ask("def part(f):\n    return f(20) + 1", lambda x: 2 * x) == 41


def test_a_function_that_is_given_twice_is_one_function(ask):
    source = "def part(f):\n    return f[0] is f[1], f[0] is f[2], sum(g(2) for g in dict.fromkeys(f))"

    def double(x):
        return 2 * x

    def square_more(x):
        return x * x + 1

    assert ask(source, [double, double, square_more]) == (True, False, 9)


def test_an_argument_changed_in_place_stays_as_it_was(ask):
    mine = np.zeros(3)
    ask("def part(x):\n    x += 1\n    return x", mine)
    assert not mine.any()


@pytest.mark.parametrize(
    "source, kind, text",
    [
        ("def part():\n    raise ValueError('too short')", ValueError, "too short"),
        ("class Own(KeyError): pass\ndef part():\n    raise Own('x')", KeyError, "x"),
        ("def part():\n    return np.linalg.inv(np.zeros((2, 2)))", ValueError, "Singular"),
        ("def part():\n    return object", TypeError, "returned"),
        ("def part():\n    return np.array([object()])", TypeError, "dtype object"),
        ("def part():\n    x = []\n    x.append(x)\n    return x", TypeError, "nested"),
        ("def part(:\n    pass", SyntaxError, "invalid syntax"),
        ("def part():\n    return missing", NameError, "missing"),
        ("other = 1", NameError, "defines no 'part'"),
        ("def part():\n    return part()", RecursionError, "recursion"),
    ],
)
def test_errors_arrive_as_the_nearest_builtin(ask, source, kind, text):
    if text == "returned":
        source = "class C: pass\ndef part():\n    return {C(): 1}"
        text = "expected data"
    with pytest.raises(kind, match=text) as caught:
        ask(source)
    assert caught.value.remote_type


def test_error_names_the_line_of_the_cell(ask):
    with pytest.raises(ValueError) as caught:
        ask("def part():\n    x = 1\n    raise ValueError")
    assert caught.value.remote_lines == [[3, "part", "raise ValueError"]]


@pytest.mark.parametrize(
    "leave", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.close(3)\n    os.closerange(3, 99)"]
)
def test_a_worker_that_ends_is_told_so(ask, leave):
    with pytest.raises(Gone, match="ended"):
        ask(f"import os\ndef part():\n    {leave}\n    return 1")


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt", "GeneratorExit"])
def test_leaving_by_exception_is_an_error_of_the_part(ask, error):
    with pytest.raises(Exception) as caught:
        ask(f"def part():\n    raise {error}")
    assert caught.value.remote_type == error


def test_endless_loops_end_and_the_worker_is_gone():
    for source in ("def part():\n    while True: pass", "while True: pass"):
        worker = submission(source, limit=0.3)
        with pytest.raises(Gone, match="no answer within"):
            worker.call("part", (), {})
        with pytest.raises(Gone):
            worker.call("part", (), {})
        assert worker.fault


def test_output_and_warnings_change_nothing(ask, capfd):
    source = (
        "import sys, warnings\ndef part():\n"
        "    print('x'); print('y', file=sys.stderr); warnings.warn('z')\n    return 3"
    )
    assert ask(source) == 3
    assert capfd.readouterr() == ("", "")


def test_other_parts_are_answered_by_the_reference(ask):
    back = ask(
        "def other(x):\n    return 'mine'\ndef part(x):\n    return other(x)",
        np.arange(3.0),
        provided=["other"],
        reference=lambda name: {"other": lambda x: x.sum()}[name],
    )
    assert back == 3.0


def test_nothing_but_the_provided_parts_can_be_asked_for(ask):
    source = (
        "import gc\nfrom autograder.sandbox.peer import Peer\n"
        "def part():\n    peer = [o for o in gc.get_objects() if isinstance(o, Peer)][0]\n"
        "    return peer.ask('secret', '__call__', (), {})"
    )
    with pytest.raises(LookupError):
        ask(source, reference=lambda name: lambda: "answer", provided=["other"])


def test_earlier_labs_are_answered_by_the_reference(ask):
    back = ask(
        "from labkit.parts import t99_other as other\ndef part(x):\n    return other.double(x)",
        4,
        reference=lambda name: {"t99_other.double": lambda x: 2 * x}[name],
    )
    assert back == 8


MODULE = """
import torch
from torch import nn
class part(nn.Module):
    size: int = 0
    def __init__(self, size):
        super().__init__()
        self.size = size
        self.linear = nn.Linear(size, 1, bias=False)
        self.drop = nn.Dropout(0.5)
    def forward(self, x):
        return self.drop(self.linear(x)), helper(x)
"""


@pytest.fixture
def module():
    worker = submission(
        MODULE, provided=["helper"], reference=lambda n: lambda x: (x**2).sum(), libraries=("torch",)
    )
    yield worker.call("part", (3,), {})
    worker.close()


def test_modules_stay_behind_a_handle(module):
    weights = {"linear.weight": torch.tensor([[1.0, 2.0, 3.0]])}
    module.load_state_dict(weights)
    assert torch.equal(module.state_dict()["linear.weight"], weights["linear.weight"])
    assert module.size == 3
    module.eval()
    out, _ = module(torch.ones(2, 3))
    assert out.tolist() == [[6.0], [6.0]]
    with pytest.raises(AttributeError):
        _ = module.nothing


def test_gradients_cross_the_pipe_in_both_directions(module):
    module.load_state_dict({"linear.weight": torch.tensor([[1.0, 2.0, 3.0]])})
    module.eval()
    x = torch.tensor([[1.0, 0.0, -1.0]], requires_grad=True)
    out, squares = module(x)
    (out.sum() + squares).backward()
    # d(w·x)/dx = w, and the helper, which the trusted side computes, adds 2x
    assert x.grad.tolist() == [[1.0 + 2.0, 2.0, 3.0 - 2.0]]
    assert module.gradients()["linear.weight"].tolist() == [[1.0, 0.0, -1.0]]
    module.zero_grad()
    assert module.gradients()["linear.weight"] is None


def test_results_need_gradients_when_only_parameters_do(module):
    out, _ = module(torch.ones(1, 3))
    assert out.requires_grad
    out.sum().backward()
    assert module.gradients()["linear.weight"] is not None


def test_a_seed_makes_the_learners_random_numbers_repeatable():
    values = []
    for _ in range(2):
        worker = submission("def part():\n    return np.random.rand()")
        worker.seed(5)
        values.append(worker.call("part", (), {}))
        worker.close()
    assert values[0] == values[1]
