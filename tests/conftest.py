"""What holds for every test: its tier, its threads, and no network.

Tiers: a plain test takes about two seconds at most; `slow` marks the rest of what `make test` runs.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import tempfile

import pytest

# Two test processes share two cores: numerical libraries must not start threads of their own. Set
# before anything imports numpy or torch, and inherited by every process that a test starts.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# What the person who runs the tests has done in the labs must not count, nor be changed.
_state = tempfile.mkdtemp(prefix="speechlab-tests-")
atexit.register(shutil.rmtree, _state, ignore_errors=True)
os.environ["SPEECHLAB_STATE"] = os.path.join(_state, "state")
os.environ["SPEECHLAB_NOTEBOOKS"] = os.path.join(_state, "notebooks")
# The outcome of a test must not depend on how the person who runs it has set up Jupyter.
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to another machine is an error at once, on every machine alike."""
    connect = socket.socket.connect

    def only_here(self: socket.socket, address, *rest):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise OSError(f"tests use no network, but this one connects to {address[0]}")
        return connect(self, address, *rest)

    monkeypatch.setattr(socket.socket, "connect", only_here)


def _is_local(host: str) -> bool:
    return host == "localhost" or host == "::1" or host.startswith("127.")


# Files that take minutes: begun first, so that no process is left alone with one at the end.
LONG = (
    "tests/engine/test_crash.py",
    "tests/engine/test_equality.py",
    "tests/attacks/",
    "tests/test_gates.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((n for n, name in enumerate(LONG) if item.nodeid.startswith(name)), 9))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """One process takes a file, as with `--dist loadfile`; of the gates, which are one file, a lab."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFileOrLab(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, test = nodeid.partition("::")
            return f"{file}{test.partition('[')[2]}" if file.endswith("test_gates.py") else file

    config.option.loadscopereorder = False  # by the number of tests: says nothing about how long they take
    return ByFileOrLab(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many attacks did not run, since this machine lets no outer guard be set up around them."""
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if "no outer guard" in str(r.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} attacks were skipped: {skipped[0].longrepr[-1]}")
