"""What a student is told about a failed check, and what the instructor sees.

Hidden checks ask with inputs that the student must not get to know, and the code that they ask is the
student's own: whatever it says in words can be a hidden input. So of what a worker sends, a student is
shown no text at all:

- An exception is told by its type, if that is one of Python's or a library's own. The name of a class
  of the learner's own could be made of the input.
- The line is looked up in the submitted notebook by the number that the worker names. Function names
  and texts of lines from the worker only help to find it.
- What ended a worker is told in our words, with our numbers.

`PartResult.detail` holds all of it for the instructor. On the learner's own machine, and for checks
that are shipped to students, the text is shown (`reveal`).

What still gets out is small, and known: which checks fail, the type, the number of one line, counts and
shapes in a difference. A program made for it can say some dozen bits a run in that way. They are of no
use in the next run, whose inputs are drawn afresh from a seed that nobody can guess. A picture and
the sounds show what the learner's code returned, and that can be its input; they too are worth nothing
for the next run. What a check asks with the same input each time should therefore be no secret:
only its expected value is, and that never leaves this process.
"""

from __future__ import annotations

import builtins
import re
import traceback
from collections.abc import Sequence

from autograder import forbidden
from autograder.checking.limits import AnswerLimit, TimeLimit
from autograder.checking.runner import CheckResult
from autograder.definitions import Code, bound_names, parse, read_tree, too_long
from autograder.sandbox.peer import Gone

MAX_LINES = 1000  # of a cell; the number of a line in a longer one would say more than it should
DETAILED = 8  # failed checks
DETAIL_TEXT = 2000

_BUILTIN = {
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}
_LIBRARIES = {  # as they are called in numpy and torch → as a learner knows them
    "LinAlgError": "LinAlgError",
    "AxisError": "AxisError",
    "UFuncTypeError": "UFuncTypeError",
    "_UFuncNoLoopError": "UFuncTypeError",
    "_UFuncBinaryResolutionError": "UFuncTypeError",
    "_UFuncOutputCastingError": "UFuncTypeError",
    "_ArrayMemoryError": "MemoryError",
    "OutOfMemoryError": "OutOfMemoryError",
}
_MEANS = {
    "AssertionError": "an `assert` of your own does not hold",
    "AttributeError": "a value has no attribute or method of that name",
    "ImportError": "something cannot be imported here",
    "IndexError": "an index is outside of the array or list",
    "KeyError": "a dict has no such key",
    "LinAlgError": "a matrix is not as the operation needs it",
    "MemoryError": "an array or a list is larger than the memory that there is",
    "ModuleNotFoundError": "this library is not installed here",
    "NameError": "a name is used that is not defined",
    "OverflowError": "a number is too large",
    "RecursionError": "a function calls itself without an end",
    "SystemExit": "the code leaves the program",
    "TypeError": "a value has a type or a number of arguments that does not fit",
    "UnboundLocalError": "a variable is used before it has a value",
    "ValueError": "a value, or the shape of an array, does not fit",
    "ZeroDivisionError": "something is divided by zero",
}
_OWN_WORDS = re.compile(  # what the trusted side says in words and numbers of its own
    r"(loading your notebook )?(gave no answer within [\d.e+]+ s|ended without an answer)"
    r"|took more than [\d.e+]+ s for all its checks|no answer within [\d.e+]+ s|was interrupted"
)
_NO_ANSWER = "sent something that is no answer"

Trace = list[tuple[int, str, str]]


def type_name(error: BaseException) -> str:
    """The type of a learner's exception as a student may see it."""
    name = getattr(error, "remote_type", type(error).__name__)
    if name in _BUILTIN or name in _LIBRARIES:
        return _LIBRARIES.get(name, name)
    base = type(error).__name__
    like = f" (its base is {base})" if base in _BUILTIN else ""
    return f"an exception of your own{like}"


def error_sentence(part: str, error: BaseException, cells: Sequence[Code], forbids: Sequence[str]) -> str:
    """What a student is told about an exception of their code: no word of it is the code's own."""
    remote = getattr(error, "remote_type", "")
    if forbids and remote == forbidden.NAME:
        return forbidden.describe(part, forbids)
    if remote == "BadResult":
        return (
            f"{part} returned something that is no plain data, or far too much of it: "
            "expected numbers, text, lists, tuples, dicts, arrays or tensors."
        )
    if isinstance(error, NameError) and _never_defines(part, cells):
        return f"The cell of {part} defines no {part}: was it renamed or removed?"
    name = type_name(error)
    place = own_line(error, part, cells)
    where = f" in line {place[0][0]} of {'the cell' if place[0][1] else 'another cell'}" if place else ""
    meaning = f": {_MEANS[name]}" if name in _MEANS else ""
    return f"{part} raised {name}{where}{meaning}."


def _never_defines(part: str, cells: Sequence[Code]) -> bool:
    """Whether the part's own cell can be read and gives no value to the part's name."""
    for cell in cells:
        tree = read_tree(cell.source) if cell.part == part else None
        if tree is not None:
            return not any(part in bound_names(node) for node in tree.body)
    return False


def syntax_error(part: str, cells: Sequence[Code]) -> SyntaxError | None:
    """What is wrong with the Python of a part's cell, found by reading it here."""
    for cell in cells:
        if cell.part == part and not too_long(cell.source):
            try:
                parse(cell)
            except SyntaxError as error:
                return error
            except (ValueError, RecursionError, MemoryError):
                return None
    return None


def own_line(error: BaseException, part: str, cells: Sequence[Code]) -> Trace:
    """The line of the learner's own that raised, as it stands in the notebook; empty if none is found.

    What the worker says of it chooses among the lines of the notebook, no more.
    """
    claimed = getattr(error, "remote_lines", None) or ()
    own_first = sorted(cells, key=lambda cell: cell.part != part)
    for number, text in reversed([(line[0], line[2]) for line in claimed if len(line) == 3]):
        for cell in own_first:
            lines = cell.source.splitlines()
            if type(number) is int and 0 < number <= len(lines) <= MAX_LINES:
                found = lines[number - 1].strip()
                if found and found == str(text).strip():
                    return [(number, part if cell.part == part else "", found)]
    return []


def fault_words(error: BaseException) -> str:
    """What ended the worker, or stopped the check, as a student may read it."""
    if isinstance(error, AnswerLimit):
        return "answered with something that takes too long to look at"
    if isinstance(error, MemoryError):
        return "answered with something too large to look at"
    text = str(error)
    return text if _OWN_WORDS.fullmatch(text) else _NO_ANSWER


def fault_sentence(part: str, words: str) -> str:
    """The same as a sentence with a way to look."""
    if "too l" in words:
        return f"{part} {words}. Is it far more than was asked for?"
    if "no answer within" in words or "took more than" in words:
        return f"{part}: {words}. Is there a loop that never ends?"
    if words == _NO_ANSWER:
        return (
            f"{part}: the process that ran your code {words}. Does the code write into what it did not open?"
        )
    return f"{part}: the process that ran your code {words}. Does the code exit, crash or use all memory?"


def is_fault(error: BaseException | None, by_learner: bool) -> bool:
    """Whether a check has no verdict on an answer, because the worker ended or the answer was too much."""
    return isinstance(error, Gone | TimeLimit) or (isinstance(error, MemoryError) and not by_learner)


def revealed(results: Sequence[CheckResult], first: CheckResult) -> bool:
    """Whether a check's exception can hold nothing hidden: no hidden check was asked up to it."""
    return all(result.visible for result in results[: list(results).index(first) + 1])


def detail(results: Sequence[CheckResult]) -> str:
    """For the instructor: every failed check with its exception in full."""
    failed = [result for result in results if not result.passed]
    pieces = []
    for result in failed[:DETAILED]:
        kind = "visible" if result.visible else "hidden"
        lines = [f"{result.full_title} ({result.name}, {kind})"]
        if result.error is not None:
            lines.append(f"  {in_full(result.error, result.by_learner)}")
        pieces.append("\n".join(lines))
    if len(failed) > DETAILED:
        pieces.append(f"and {len(failed) - DETAILED} more failed checks")
    return "\n".join(pieces)


def in_full(error: BaseException, by_learner: bool = False) -> str:
    """An exception with its text, and the learner's lines or the check's own line."""
    try:
        text = str(error)
    except Exception as problem:  # a text made of what the learner returned
        text = f"(its text cannot be made: {type(problem).__name__})"
    name = str(getattr(error, "remote_type", type(error).__name__))
    said = f"{'the learner’s code raised ' if by_learner else ''}{name[:200]}: {text[:DETAIL_TEXT]}"
    claimed = getattr(error, "remote_lines", None) or ()
    rows = [f"    line {line[0]}, in {str(line[1])[:80]}: {str(line[2])[:200]}" for line in claimed[-8:]]
    if not by_learner:
        asking = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith("checks.py")]
        rows += [f"    checks.py, line {f.lineno}: {f.line}" for f in asking[-1:]]
    return "\n".join([said, *rows])
