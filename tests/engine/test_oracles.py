"""What oracles and drawings have answered is remembered: the same answers, asked for once."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest

from autograder import illustrate
from autograder.checking import oracle, oracles
from autograder.checking.proxy import Call
from autograder.digest import digest
from labkit import plot


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(oracles, "_known", {})
    monkeypatch.setattr(oracles, "_used", 0)
    monkeypatch.setattr(illustrate, "_pictures", {})


def counting(function):
    """The function as an oracle, and the list of the arguments that it was really asked with."""
    asked = []

    def noted(*args, **kwargs):
        asked.append((args, kwargs))
        return function(*args, **kwargs)

    return oracle(noted), asked


# --- names for data --------------------------------------------------------------------------------

DIFFERENT = [
    (None,),
    (0,),
    (False,),
    (0.0,),
    (-0.0,),
    ("0",),
    (b"0",),
    (np.zeros(2),),
    (np.zeros(2, np.float32),),
    (np.zeros((2, 1)),),
    (np.zeros((1, 2)),),
    ([0, 0],),
    ((0, 0),),
    (0, 0),
    ({"a": 0},),
    ({"b": 0},),
    (np.float64(0),),
    (np.array([0.0, -0.0]),),
    (np.array([np.nan, 0.0]),),
]


def test_different_data_have_different_names():
    names = [digest(*values) for values in DIFFERENT]
    assert None not in names and len(set(names)) == len(DIFFERENT)


def test_equal_data_have_the_same_name():
    table = np.arange(12.0).reshape(3, 4)
    assert digest(table) == digest(table.copy()) == digest(np.repeat(table, 2, axis=0)[::2])
    assert digest([1, {"a": (2.5, "x")}]) == digest([1, {"a": (2.5, "x")}])


def test_what_is_no_data_has_no_name():
    assert digest(len) is None and digest([object()]) is None and digest(x for x in "ab") is None


# --- oracles ---------------------------------------------------------------------------------------


def test_the_same_question_is_asked_once():
    double, asked = counting(lambda values, times=2: values * times)
    for _ in range(3):
        np.testing.assert_array_equal(double(np.arange(3.0)), [0, 2, 4])
    assert len(asked) == 1
    np.testing.assert_array_equal(double(np.arange(3.0), times=3), [0, 3, 6])
    np.testing.assert_array_equal(double(np.arange(4.0)), [0, 2, 4, 6])
    assert len(asked) == 3


def test_who_writes_into_an_answer_or_an_argument_changes_nothing_for_the_next():
    both, asked = counting(lambda values: {"twice": 2 * values, "parts": [values.copy(), (values.sum(),)]})
    values = np.arange(3.0)
    for _ in range(2):
        found = both(values)
        found["twice"][:] = -1
        found["parts"][0][:] = -1
        found["parts"].append("more")
        del found
    found = both(values)
    np.testing.assert_array_equal(found["twice"], [0, 2, 4])
    assert [len(found["parts"]), found["parts"][1]] == [2, (3.0,)] and len(asked) == 1
    values[0] = 5
    np.testing.assert_array_equal(both(values)["twice"], [10, 2, 4])


def test_two_oracles_do_not_answer_for_each_other():
    first, second = oracle(lambda x: x + 1), oracle(lambda x: x + 2)
    assert [first(1), second(1), first(1), second(1)] == [2, 3, 2, 3]


def test_keys_of_nested_tuples_are_data_here():
    relation, asked = counting(lambda n: {(("a",) * k, ()): float(k) for k in range(n)})
    assert relation(3) == relation(3) == {((), ()): 0.0, (("a",), ()): 1.0, (("a", "a"), ()): 2.0}
    assert len(asked) == 1


def test_an_error_is_raised_each_time():
    root, asked = counting(lambda x: 1 / x)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            root(0)
    assert len(asked) == 2


@pytest.mark.parametrize("argument", [len, Fraction(1, 2), iter("ab")], ids=["function", "object", "other"])
def test_what_is_asked_with_no_data_is_worked_out_each_time(argument):
    ask, asked = counting(lambda x: str(type(x)))
    assert ask(argument) == ask(argument) == str(type(argument)) and len(asked) == 2


def test_an_answer_that_is_no_data_is_worked_out_each_time():
    half, asked = counting(lambda x: [Fraction(x, 2)])
    assert half(1) == half(1) == [Fraction(1, 2)] and len(asked) == 2
    objects, asked = counting(lambda x: np.array([x, None]))
    assert objects(1)[0] == objects(1)[0] == 1 and len(asked) == 2


def test_tensors_are_remembered():
    torch = pytest.importorskip("torch")
    double, asked = counting(lambda x: x * 2)
    first = double(torch.ones(2))
    first += 1
    assert double(torch.ones(2)).tolist() == [2, 2] and len(asked) == 1
    assert double(torch.ones(2, dtype=torch.float64)).dtype == torch.float64 and len(asked) == 2


def test_a_large_answer_is_not_kept_and_the_room_is_never_overstepped(monkeypatch):
    zeros, asked = counting(np.zeros)
    zeros(oracles.LARGEST // 8 + 1)
    assert not oracles._known
    monkeypatch.setattr(oracles, "ROOM", 50_000)
    for n in range(100):
        zeros(1000 + n)
        assert sum(answer.nbytes for answer in oracles._known.values()) <= oracles._used <= 50_000
    assert oracles._known
    assert zeros(1000).shape == (1000,) and len(asked) == 102


def test_an_oracle_keeps_its_name_and_what_it_says_of_itself():
    @oracle
    def by_definition(x):
        """Written out."""
        return x

    assert by_definition.__name__ == "by_definition" and by_definition.__doc__ == "Written out."


# --- pictures --------------------------------------------------------------------------------------


def drawing():
    drawn = []

    def draw(output, *args, **kwargs):
        drawn.append(output)
        return plot.lines({"yours": output})

    return draw, drawn


def test_the_same_answer_to_the_same_question_is_drawn_once():
    draw, drawn = drawing()
    call = Call("rms", (np.arange(3.0),), {}, np.arange(4.0))
    first = illustrate._picture(draw, call)
    again = illustrate._picture(draw, Call("rms", (np.arange(3.0),), {}, np.arange(4.0)))
    assert first == again and first.startswith(b"\x89PNG") and len(drawn) == 1
    assert illustrate._picture(draw, Call("rms", (np.arange(3.0),), {}, np.arange(4.0) + 1)) != first
    illustrate._picture(draw, Call("rms", (np.arange(2.0),), {}, np.arange(4.0)))
    illustrate._picture(draw, Call("rms", (np.arange(3.0),), {"n": 1}, np.arange(4.0)))
    assert len(drawn) == 4


def test_another_drawing_of_the_same_answer_is_another_picture():
    call = Call("rms", (), {}, np.arange(4.0))
    plain = illustrate._picture(None, call)
    assert illustrate._picture(lambda output: plot.lines({"a": output}, title="other"), call) != plain
    assert illustrate._picture(None, Call("peak", (), {}, np.arange(4.0))) != plain  # in the title


def test_what_was_drawn_for_lack_of_memory_is_not_kept():
    def draw(output):
        raise MemoryError

    illustrate._picture(draw, Call("rms", (), {}, np.arange(4.0)))
    assert not illustrate._pictures


def test_room_for_pictures_is_never_overstepped(monkeypatch):
    monkeypatch.setattr(illustrate, "ROOM", 60_000)
    for n in range(4):
        illustrate._picture(None, Call("rms", (), {}, np.arange(4.0) + n))
        assert sum(map(len, illustrate._pictures.values())) <= 60_000


def test_a_picture_of_labkit_is_the_one_that_matplotlib_saves():
    """It is drawn in one go instead of two; nothing else may be different, and the figure stays as it was."""
    for make in (
        lambda: plot.lines({"a": [1, 3, 2], "b": [2, 1, 4]}, title="two curves"),
        lambda: plot.matrix(np.arange(12.0).reshape(3, 4), x_label="time", y_label="bins"),
    ):
        from labkit.plot import style

        figure, other = make(), make()
        before = figure.dpi, figure.canvas, figure.get_layout_engine()
        buffer = io.BytesIO()
        with style.styled():
            dpi = style.SCREEN_DPI * style.PIXELS_PER_POINT
            other.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        assert plot.png(figure) == buffer.getvalue()
        assert (figure.dpi, figure.canvas, figure.get_layout_engine()) == before
