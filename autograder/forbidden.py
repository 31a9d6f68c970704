"""Library functions that a part asks the learner to write themselves.

`uses` reads the syntax tree for them, before anything runs: what it finds is told to a person and
changes no marks. `absent` takes them away from the learner's code in the worker; the libraries
themselves keep them. Neither is a wall: who wants to get round them can, in lines that stand out when
somebody reads the answer.

The worker imports this module too: nothing here may need more than Python itself.
"""

from __future__ import annotations

import ast
import importlib.util
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any

from autograder.definitions import Code, bound_names, defining, read_tree, too_long, used_names, walked

SHOWN = 5
LEARNERS = ("submission", "__main__")  # modules whose code is the learner's
_HIDING = ("eval", "exec", "compile")
_ASKED = "which this part asks you to do without"
_HIDDEN = "which can hide a call"


class ForbiddenFunction(RuntimeError):
    """The learner's code used what the part asks them to write themselves."""


NAME = ForbiddenFunction.__name__  # how the worker's exceptions are known by


def describe(part: str, forbids: Sequence[str]) -> str:
    """What to tell a learner whose code called one of these."""
    return f"{part} calls what this part asks you to write yourself. It does without {', '.join(forbids)}."


# -- reading -------------------------------------------------------------------------------------


def uses(cells: Sequence[Code], part: str, forbids: Sequence[str], provided: Iterable[str] = ()) -> list[str]:
    """One sentence for each forbidden name that a part's code uses, or may use in hiding.

    Args:
        cells: the code cells of the notebook.
        forbids: full names of functions or modules.
        provided: names that the reference answers, whatever the notebook says.
    """
    if not forbids:
        return []
    if any(cell.part == part and too_long(cell.source) for cell in cells):
        return [f"The cell of {part} is too long for a program to read; your instructor will look at it."]
    pieces, aliases = _reachable(cells, part, set(provided))
    names = _Names(aliases, tuple(forbids))
    sentences: dict[str, str] = {}
    for piece, is_own in pieces:
        for (what, why), line in names.found_in(piece):
            where = f"line {line}" if is_own else f"line {line} of another cell"
            sentences.setdefault(what, f"{part} {what} ({where}), {why}; your instructor will look at it.")
    # of `tool = np.fft; tool.rfft(x)` the longer name tells all
    told = [text for what, text in sentences.items() if not any(w.startswith(f"{what}.") for w in sentences)]
    return told[:SHOWN]


def _reachable(
    cells: Sequence[Code], part: str, provided: set[str]
) -> tuple[list[tuple[ast.AST, bool]], list[ast.AST]]:
    """The statements that a part's code consists of (and whether they are in its own cell), and all
    statements that may give names to modules."""
    own: list[ast.stmt] = []
    others: dict[str, list[ast.stmt]] = {}
    imports: list[ast.AST] = []
    for cell in cells:
        tree = read_tree(cell.source)
        if tree is None:
            continue
        if cell.part == part:
            own += tree.body
            continue
        for node in filter(defining, tree.body):
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports.append(node)
            for name in bound_names(node) - provided:
                others.setdefault(name, []).append(node)
    pieces: list[tuple[ast.AST, bool]] = [(node, True) for node in own]
    seen: set[int] = set()
    waiting: list[ast.AST] = list(own)
    while waiting:
        for name in used_names(waiting.pop()):
            for node in others.get(name, ()):
                if id(node) not in seen and not isinstance(node, ast.Import | ast.ImportFrom):
                    seen.add(id(node))
                    pieces.append((node, False))
                    waiting.append(node)
    return pieces, [*imports, *(node for node, _ in pieces)]


class _Names:
    """What names and expressions stand for, as far as reading tells."""

    def __init__(self, pieces: Sequence[ast.AST], forbids: tuple[str, ...]) -> None:
        self._forbids = forbids
        self._aliases: dict[str, str] = {}
        assigned: list[tuple[str, ast.expr]] = []
        for piece in pieces:
            for node in walked(piece):
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        first = alias.name.split(".")[0]
                        self._aliases[alias.asname or first] = alias.name if alias.asname else first
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    for alias in node.names:
                        self._from(node.module, alias)
                elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                    if isinstance(node.targets[0], ast.Name):
                        assigned.append((node.targets[0].id, node.value))
                elif (
                    isinstance(node, ast.NamedExpr | ast.AnnAssign)
                    and isinstance(node.target, ast.Name)
                    and node.value is not None
                ):
                    assigned.append((node.target.id, node.value))
        for _ in range(3):  # f = np.fft; g = f.rfft: a few steps are followed, in whatever order
            for name, value in assigned:
                stands_for = self.dotted(value)
                if stands_for and stands_for != name:
                    self._aliases.setdefault(name, stands_for)

    def _from(self, module: str, alias: ast.alias) -> None:
        if alias.name != "*":
            self._aliases[alias.asname or alias.name] = f"{module}.{alias.name}"
            return
        for forbidden in self._forbids:
            parent, _, leaf = forbidden.rpartition(".")
            if parent == module:
                self._aliases[leaf] = forbidden

    def dotted(self, node: ast.AST, depth: int = 0) -> str:
        """The full name that an expression stands for; empty if reading does not tell."""
        if depth > 50:
            return ""
        if isinstance(node, ast.Name):
            return self._aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value, depth + 1)
            return f"{base}.{node.attr}" if base else ""
        if isinstance(node, ast.Subscript):
            key = _text(node.slice)
            base = self.dotted(node.value, depth + 1)
            if base == "sys.modules":
                return key
            return f"{base.removesuffix('.__dict__')}.{key}" if key and base.endswith(".__dict__") else ""
        if isinstance(node, ast.Call):
            return self._called(node, depth)
        return ""

    def _called(self, node: ast.Call, depth: int) -> str:
        name = self.dotted(node.func, depth + 1).removeprefix("builtins.")
        first = _text(node.args[0]) if node.args else ""
        if name == "__import__":
            return first.split(".")[0]
        if name == "importlib.import_module":
            return first
        if name == "vars" and node.args:
            return self.dotted(node.args[0], depth + 1) + ".__dict__"
        if name == "getattr" and len(node.args) > 1:
            base, key = self.dotted(node.args[0], depth + 1), _text(node.args[1])
            return f"{base}.{key}" if base and key else ""
        return ""

    def found_in(self, piece: ast.AST) -> Iterator[tuple[tuple[str, str], int]]:
        """(("uses numpy.fft.rfft", why that matters), line) of what is found, in the order of the lines."""
        found: dict[tuple[int, int], tuple[str, str]] = {}
        for node in walked(piece):
            if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
                continue
            said = self._says(node)
            # np.fft and np.fft.rfft begin at the same place: the longer one tells more
            place = node.lineno, node.col_offset
            if said and len(said[0]) > len(found.get(place, ("", ""))[0]):
                found[place] = said
        for place in sorted(found):
            yield found[place], place[0]

    def _says(self, node: ast.expr) -> tuple[str, str] | None:
        name = self.dotted(node)
        for forbidden in self._forbids:
            if name == forbidden or name.startswith(forbidden + "."):
                extra = name.removeprefix(forbidden).split(".")[1:2]
                return f"uses {'.'.join([forbidden, *(word[:40] for word in extra)])}", _ASKED
        if isinstance(node, ast.Name | ast.Attribute) and name.removeprefix("builtins.") in _HIDING:
            return f"uses {name}", _HIDDEN
        if isinstance(node, ast.Call):
            called = self.dotted(node.func).removeprefix("builtins.")
            if called in ("__import__", "importlib.import_module") and not _text(
                node.args[0] if node.args else None
            ):
                return "imports by a name that only shows when it runs", _HIDDEN
            if called == "getattr" and len(node.args) > 1 and not _text(node.args[1]):
                base = self.dotted(node.args[0])
                if base and any(forbidden.startswith(base + ".") for forbidden in self._forbids):
                    return f"reads a name of {base[:40]} that only shows when it runs", _HIDDEN
        return None


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


# -- taking away ---------------------------------------------------------------------------------

_hidden: dict[str, set[str] | None] = {}  # module → attributes that are taken away; None: all of them


def absent(names: Sequence[str]) -> None:
    """Take library functions away from the learner's code in this process, for good.

    What the learner's code reads from a module under such a name raises `ForbiddenFunction` when it is
    called. What a library reads is the real thing, so that the rest of it works. Nothing is imported
    for it: modules that are loaded later are watched for.

    Args:
        names: full names of functions, classes or modules.
    """
    for name in names:
        parent, _, leaf = name.rpartition(".")
        is_module = _is_module(name, parent)
        siblings = _hidden.get(parent, set())
        if not is_module and siblings is not None:
            _hidden[parent] = siblings | {leaf}
        if is_module or parent not in sys.modules:
            _hidden[name] = None
    for name in _loaded():
        _guard(name, sys.modules.get(name))
    if names and not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch())


_noted = ""  # names of modules, one a line, in the order of loading


def note_modules() -> None:
    """Remember which modules are loaded, for processes that are forked from this one.

    There, looking at each of some thousand modules would copy a page of memory for nearly every one.
    """
    global _noted
    _noted = "\n".join(sys.modules)


def _loaded() -> list[str]:
    """The modules that are loaded and may lose something, in any order."""
    last = _noted.rpartition("\n")[2]
    later = list(itertools.takewhile(lambda name: name != last, reversed(sys.modules)))
    wanted = [re.escape(name) + (r"(?:\..*)?" if taken is None else "") for name, taken in _hidden.items()]
    known = re.findall(f"^(?:{'|'.join(wanted)})$", _noted, re.M) if wanted else []
    return [*known, *later]


def _is_module(name: str, parent: str) -> bool:
    if name in sys.modules or not parent:
        return True
    if parent not in sys.modules:
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # the parent is no package
        return False


def _taken_from(module: str) -> set[str] | None:
    """The attributes of a module that are taken away, or None for all."""
    if any(hidden is None and f"{module}.".startswith(f"{name}.") for name, hidden in _hidden.items()):
        return None
    return _hidden.get(module) or set()


def _guard(name: str, module: Any) -> None:
    taken = _taken_from(name)
    kind = type(module)
    if taken == set() or not isinstance(module, ModuleType) or issubclass(kind, _Guarded):
        return
    guarded = type(kind.__name__, (_Guarded, kind), {"_speechlab_kind": kind, "_speechlab_name": name})
    # the module's own dict stays as it is: what its functions look up there is real. Past the module's own
    # __setattr__: PyTorch's modules of settings refuse names that are no setting
    object.__setattr__(module, "__class__", guarded)


class _Guarded(ModuleType):
    """A module whose forbidden attributes are stand-ins for the learner's code alone."""

    _speechlab_kind: Any = ModuleType
    _speechlab_name = ""

    def __getattribute__(self, attribute: str) -> Any:
        kind = type(self)
        value: Any = kind._speechlab_kind.__getattribute__(self, attribute)
        taken = _taken_from(kind._speechlab_name)
        if taken is None:
            concerned = not attribute.startswith("__") or attribute == "__dict__"
        else:
            concerned = attribute in taken
        if concerned and _is_learners(sys._getframe(1)):
            return _stand_in(f"{kind._speechlab_name}.{attribute}", value)
        return value


def _is_learners(frame: FrameType) -> bool:
    """Whether the code that runs in a frame is not a library's: no imported module holds its globals."""
    names = frame.f_globals
    name = names.get("__name__")
    if not isinstance(name, str) or name in LEARNERS:
        return True
    module = sys.modules.get(name)
    return module is None or ModuleType.__getattribute__(module, "__dict__") is not names


def _stand_in(name: str, value: Any) -> Any:
    if isinstance(value, ModuleType) or (isinstance(value, type) and issubclass(value, BaseException)):
        return value
    if isinstance(value, type):
        return _AbsentClass(value.__name__, (), {"_speechlab": (name, value)})
    if callable(value) or name.endswith(".__dict__"):
        return _Absent(name)
    return value


def _refuse(name: str) -> Any:
    raise ForbiddenFunction(f"this part asks for your own: it does without {name}")


class _Absent:
    """Stands where a function was."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _refuse(self.__name__)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return _refuse(self.__name__)

    def __getitem__(self, key: Any) -> Any:
        return _refuse(self.__name__)


class _AbsentClass(type):
    """Stands where a class was: asking whether something is one of its objects is still answered."""

    _speechlab: tuple[str, type]

    def __new__(cls, name: str, bases: tuple[Any, ...], namespace: dict[str, Any]) -> Any:
        return _refuse(bases[0]._speechlab[0]) if bases else super().__new__(cls, name, bases, namespace)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        _refuse(cls._speechlab[0])

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls._speechlab[1])


class _Watch(MetaPathFinder):
    """Guards modules that are imported later."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if _taken_from(fullname) == set():
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(fullname, path, target) if find and finder is not self else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _ThenGuard(spec.loader)
                return spec
        return None


class _ThenGuard(Loader):
    """Loads a module as its own loader does, and guards it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _guard(module.__name__, module)
