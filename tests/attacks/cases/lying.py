# ruff: noqa: E501  (attacks are texts; a row of a table is one line)
"""Values that are not what they say. A check must never see one."""

from tests.attacks.case import Case, rms_that

WRONG = r"another number|returned an? [^.]*, expected|checks failed"
GUARD = "if type(samples) is np.ndarray and samples.size == 0:\n    raise ValueError('empty')\n"


def case(name: str, does: str, body: str, prelude: str = "", told: str = WRONG, **options) -> Case:
    """An attack that refuses empty input as it should, so that only the value itself can be the reason."""
    cells = rms_that(GUARD + body, prelude)
    return Case(name, "lying values", does, cells, told=told, harmless=True, **options)


YES = (
    "class Yes{base}:\n"
    "    def __eq__(self, other): return True\n"
    "    def __ne__(self, other): return False\n"
    "    __lt__ = __le__ = __gt__ = __ge__ = __eq__\n"
    "    def __hash__(self): return 0\n"
)

CASES = [
    case("always_equal", "returns an object that equals everything", "return Yes()", YES.format(base="")),
    case(
        "float_that_equals",
        "returns a float that equals everything",
        "return Yes(0.0)",
        YES.format(base="(float)"),
    ),
    case(
        "float_that_converts",
        "returns a float whose arithmetic follows its partner",
        "return Liar(0.0)",
        "class Liar(float):\n"
        "    def __sub__(self, other): return 0.0\n    __rsub__ = __sub__\n"
        "    def __abs__(self): return 0.0\n    def __float__(self): return 2.5\n"
        "    def __eq__(self, other): return True\n    __hash__ = float.__hash__\n",
    ),
    case(
        "text_that_equals", "returns text that equals everything", "return Yes('x')", YES.format(base="(str)")
    ),
    case(
        "dict_that_lies",
        "returns a dict that has every key and equals everything",
        "return Liar()",
        "class Liar(dict):\n    def __getitem__(self, key): return 2.5\n    def __eq__(self, o): return True\n"
        "    def __float__(self): return 2.5\n    def keys(self): return ['a']\n    __hash__ = None\n",
    ),
    case(
        "array_protocol",
        "returns an object with __array__ that gives numpy another answer every time",
        "return Liar()",
        "class Liar:\n    count = 0\n    def __array__(self, *a, **k):\n"
        "        Liar.count += 1\n        return np.full(3, float(Liar.count))\n"
        "    def __float__(self): return 2.5\n    def __eq__(self, other): return True\n",
    ),
    case(
        "array_that_answers_for_numpy",
        "returns an array whose __array_ufunc__ and __array_function__ make every comparison true",
        "return np.zeros(()).view(Liar)",
        "class Liar(np.ndarray):\n"
        "    def __array_ufunc__(self, ufunc, method, *inputs, **options): return np.True_\n"
        "    def __array_function__(self, function, types, args, kwargs): return True\n"
        "    def __eq__(self, other): return np.True_\n    __hash__ = None\n",
    ),
    case(
        "array_with_another_shape",
        "returns an array subclass that says another shape, type and size",
        "return np.zeros(1).view(Liar)",
        "class Liar(np.ndarray):\n    shape = ()\n    ndim = 0\n    size = 1\n    dtype = np.dtype('f8')\n"
        "    def item(self): return 2.5\n    def __float__(self): return 2.5\n",
        told=rf"{WRONG}|TypeError|expected|shape",
    ),
    case(
        "masked_array",
        "returns a masked array, whose comparisons are masked too",
        "return np.ma.masked_all((1,))",
        told=rf"{WRONG}|shape|NaN",
    ),
    case(
        "matrix",
        "returns a numpy matrix, whose products are others",
        "return np.matrix([[0.0]])",
        told=rf"{WRONG}|shape",
    ),
    case(
        "lying_class",
        "returns an object that says that its __class__ is float",
        "return Liar()",
        "class Liar:\n    @property\n    def __class__(self): return float\n"
        "    def __float__(self): return 2.5\n    def __eq__(self, other): return True\n    __hash__ = None\n",
    ),
    case(
        "lazy_object",
        "returns a generator",
        "return (value for value in [2.5])",
    ),
    case(
        "callable_answer",
        "returns a function that would compare itself",
        "return lambda *args, **kwargs: 2.5",
    ),
    case("a_class_as_answer", "returns a class", "return Yes", YES.format(base="")),
    case("a_module_as_answer", "returns the module numpy", "return np"),
    case(
        "mock",
        "returns unittest.mock.ANY, which equals everything",
        "return ANY",
        "from unittest.mock import ANY",
    ),
    case(
        "approximation",
        "returns a wrong number wrapped in pytest.approx with an endless tolerance",
        "import pytest\nreturn pytest.approx(0.0, abs=float('inf'))",
        told=rf"{WRONG}|ModuleNotFoundError|ImportError",
    ),
    case(
        "empty_array",
        "returns an empty array: every comparison of none of its values holds",
        "return np.array([])",
        told=rf"{WRONG}|shape",
    ),
    case("empty_list", "returns an empty list", "return []", told=rf"{WRONG}|a list"),
    case(
        "array_of_the_right_number",
        "returns the right number a thousand times over where one is asked for",
        "return np.full(1000, np.sqrt(np.mean(samples.astype(float) ** 2)))",
        told=rf"{WRONG}|shape",
    ),
    case("nan", "returns NaN, which no comparison finds different", "return float('nan')", told="NaN"),
    case("infinity", "returns infinity", "return float('inf')", told=rf"infinity|{WRONG}"),
    case("truth", "returns True", "return True"),
    case("complex_answer", "returns a complex number", "return 2.5j", told=rf"complex|{WRONG}"),
    case(
        "object_array",
        "returns an array of objects that equal everything",
        "return np.array([Yes()], dtype=object)",
        YES.format(base=""),
        told=r"dtype object|expected",
    ),
    case(
        "structured_array",
        "returns an array of a structured dtype",
        "return np.zeros(1, dtype=[('a', 'f8'), ('b', 'O')])",
        told=r"dtype|expected",
    ),
    case(
        "dates",
        "returns a date that is no date and a time of the largest unit",
        "return np.array(['NaT'], dtype='datetime64[as]')",
        told=rf"{WRONG}|another value",
    ),
    case(
        "changes_its_mind",
        "returns an object that changes while it is being read",
        "return Liar([1.0, 2.0])",
        "class Liar(list):\n"
        "    def __len__(self): return 10 ** 9\n"
        "    def __iter__(self):\n        while True:\n            yield 2.5\n"
        "    def __getitem__(self, key): return 2.5\n",
        told=rf"{WRONG}|a list",
    ),
    case(
        "changes_the_question",
        "writes zeros into the array that it was given, so that the right answer becomes its own",
        "samples[...] = 0\nreturn 0.0",
        told=rf"{WRONG}|read-only",
    ),
]
