"""The back ends: each wall holds, and a wall that is missing is noticed before any learner's code runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from autograder.definitions import Code
from autograder.errors import CourseError, GradingError
from autograder.sandbox import client, forkserver, isolation
from autograder.sandbox.client import Submission
from autograder.sandbox.confine import Policy
from autograder.sandbox.forkserver import ForkServer
from autograder.sandbox.isolation import Backend, Unavailable
from autograder.sandbox.peer import Gone

ISOLATING = ["bubblewrap", "landlock"]


def available(name: str) -> Backend:
    try:
        return isolation.BACKENDS[name]()
    except Unavailable as reason:
        pytest.skip(f"{name}: {reason}")


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[str], ForkServer]]:
    """A server by the name of its back end, one for all tests."""
    made: dict[str, ForkServer] = {}

    def find(name: str) -> ForkServer:
        if name not in made:
            try:
                made[name] = ForkServer((), available(name))
            except Unavailable as reason:
                pytest.skip(f"{name}: {reason}")
        return made[name]

    yield find
    for server in made.values():
        server.close()


@pytest.fixture(params=ISOLATING)
def server(request: pytest.FixtureRequest, servers) -> ForkServer:
    return servers(request.param)


@pytest.fixture(params=[*ISOLATING, "subprocess"])
def any_server(request: pytest.FixtureRequest, servers) -> ForkServer:
    return servers(request.param)


class Worker:
    """`def part(*args)` with a body, in a worker of a server."""

    def __init__(
        self, server: ForkServer, body: str, monkeypatch: pytest.MonkeyPatch, seconds: float
    ) -> None:
        monkeypatch.setattr(client, "shared_server", lambda _: server)
        source = "def part(*args):\n" + "\n".join("    " + line for line in body.strip().split("\n"))
        self.submission = Submission(
            [Code(source, "part")], "part", [], lambda name: None, (), call_seconds=seconds
        )

    def __call__(self, *args: object) -> object:
        return self.submission.call("part", args, {})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    made: list[Worker] = []

    def start(server: ForkServer, body: str, *args: object, seconds: float = 10) -> object:
        made.append(Worker(server, body, monkeypatch, seconds))
        return made[-1](*args)

    start.made = made  # type: ignore[attr-defined]
    yield start
    for worker in made:
        worker.submission.close()


# -- the walls, from a learner's function ------------------------------------------------------------


def denied(server, run, body: str) -> str:
    """Name of the error that a body raised."""
    text = "try:\n" + "\n".join("    " + line for line in body.split("\n"))
    text += "\nexcept BaseException as error:\n    return type(error).__name__\nreturn 'possible'"
    return run(server, text)


def test_a_worker_that_follows_another_at_once_is_not_taken_for_it(any_server):
    # its connection often gets the number of the one that is just being closed
    for _ in range(150):
        connection, _number = any_server.worker()
        connection.close()


@pytest.mark.parametrize(
    "body",
    [
        "import socket; socket.socket()",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import os; os.fork()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true') and 1/0",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.memfd_create('x')",
        "import multiprocessing.shared_memory as m; m.SharedMemory(create=True, size=4096)",
        "open('/etc/passwd').read()",
        "open('/etc/shadow').read()",
        "open('/proc/self/environ').read()",
        "open('/proc/1/cmdline').read()",
        "open('/usr/hole', 'w')",
        "open('/dev/shm/hole', 'w')",
        "import os; os.chroot('/')",
        "import os; os.setuid(0)",
        "import os, numpy; open(os.path.dirname(numpy.__file__) + '/hole.py', 'w')",
        "import resource as r; r.setrlimit(r.RLIMIT_AS, (r.RLIM_INFINITY, r.RLIM_INFINITY))",
        "import numpy as np; np.ones(3 << 27)",
        f"import os; os.listdir({str(Path(__file__).parent)!r})",
        f"open({__file__!r}).read()",
    ],
)
def test_it_is_denied(server, run, body):
    answer = denied(server, run, body)
    if body.startswith("import os; os.system"):
        assert answer == "ZeroDivisionError"  # system() answers an error code instead of raising
    else:
        assert answer != "possible"


def test_the_environment_holds_nothing_of_ours(server, run, monkeypatch):
    os.environ["SPEECHLAB_TEST_SECRET"] = "x"
    try:
        names = run(server, "import os\nreturn sorted(os.environ)")
    finally:
        del os.environ["SPEECHLAB_TEST_SECRET"]
    assert set(names) <= {*isolation.environment(""), "LC_CTYPE", "PWD"}


def test_temporary_files_are_private_bounded_or_absent(server, run):
    body = """
import os, tempfile
try:
    folder = tempfile.gettempdir()
    with open(folder + '/big', 'wb') as file:
        for _ in range(200):
            file.write(bytes(1 << 20))
    return 'wrote 200 MiB'
except OSError as error:
    return 'denied'
"""
    assert run(server, body) == "denied"
    # and what one worker writes the next does not find
    if server.backend.policy.namespaces:
        run(server, "import os\nopen(os.environ['TMPDIR'] + '/left', 'w').write('x')")
    assert run(server, "import os\nreturn os.path.exists(os.environ['TMPDIR'] + '/left')") is False


def test_many_files_are_bounded_too(servers, run):
    server = servers("bubblewrap")  # landlock leaves nowhere to write
    body = """
import os
try:
    for number in range(10000):
        open(os.environ['TMPDIR'] + '/' + str(number), 'w').close()
except OSError:
    return number
return 'no bound'
"""
    assert run(server, body) < 5000


def test_threads_are_bounded_and_possible(server, run):
    body = """
import threading, time
started = []
try:
    for _ in range(400):
        thread = threading.Thread(target=time.sleep, args=(5,), daemon=True)
        thread.start()
        started.append(thread)
except RuntimeError:
    pass
return len(started)
"""
    assert 4 <= run(server, body) < 400


def test_libraries_work_inside(server, run):
    body = """
import numpy as np, scipy.signal, scipy.linalg
x = np.random.default_rng(0).standard_normal(4096)
return [float(np.linalg.norm(scipy.linalg.solve(np.eye(3), np.ones(3)))), len(scipy.signal.stft(x)[0]) > 0]
"""
    assert run(server, body) == [3**0.5, True]


# -- ends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("import os; os._exit(3)", "exit code 3"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        (
            (
                "import sys\nsys.setrecursionlimit(10**9)\n"
                "class A:\n    def __repr__(self): return repr(self)\n"
                "return repr(A())"
            ),
            "SIGSEGV",
        ),
    ],
)
def test_how_a_worker_ended_is_known(any_server, run, body, how):
    with pytest.raises(Gone):
        run(any_server, body)
    assert how in run.made[0].submission.death
    assert run(any_server, "return 1") == 1  # the next one is well


def test_a_signal_to_itself_ends_the_worker(server, run):
    with pytest.raises(Gone):
        run(server, "import os, signal; os.kill(os.getpid(), signal.SIGUSR1); return 'lives'")
    assert "SIGSYS" in run.made[0].submission.death


def test_an_endless_worker_is_killed(any_server, run):
    before = descendants(any_server)
    with pytest.raises(Gone, match="no answer within"):
        run(any_server, "while True: pass", seconds=0.5)
    wait_until(lambda: descendants(any_server) <= before)


def test_a_worker_is_killed_with_its_children(servers, run):
    any_server = servers("subprocess")  # elsewhere nothing can be started
    body = """
import subprocess, sys
return [subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=new).pid
        for new in (False, True)]
"""
    pids = run(any_server, body)
    assert all(psutil.pid_exists(pid) for pid in pids)
    run.made[0].submission.close()
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_hanging_up_ends_a_worker_that_sleeps(any_server):
    before = descendants(any_server)
    connection, _ = any_server.worker()
    wait_until(lambda: len(descendants(any_server)) > len(before))
    connection.close()
    wait_until(lambda: descendants(any_server) <= before)


def test_nothing_outlives_a_trusted_process_that_is_killed(tmp_path):
    """kill -9 of the grader: its fork server and workers go too."""
    program = tmp_path / "grader.py"
    program.write_text(
        "import os, time\n"
        "from autograder.sandbox.forkserver import shared_server\n"
        "server = shared_server(())\n"
        "connection, _ = server.worker()\n"
        "print(server._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    started = psutil.Process(int(process.stdout.readline()))
    family = [started, *started.children(recursive=True)]
    assert len(family) >= 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(one.is_running() and one.status() != "zombie" for one in family))


# --- a server forked from a server --------------------------------------------------------------------


@pytest.fixture
def branch(any_server) -> Iterator[ForkServer]:
    made = any_server.branch()
    yield made
    made.close()


def test_a_branch_gives_fresh_workers_one_after_the_other(branch, run):
    body = "import sys; before = 'mark' in sys.modules; sys.modules['mark'] = sys; return before"
    assert [run(branch, body) for _ in range(3)] == [False] * 3


def test_how_a_worker_of_a_branch_ended_is_known(branch, run):
    with pytest.raises(Gone):
        run(branch, "import os; os._exit(3)")
    assert run.made[0].submission.death == "exit code 3"


def test_the_walls_hold_in_workers_of_a_branch(any_server, branch, monkeypatch):
    monkeypatch.setattr(branch, "_question", any_server._question, raising=False)
    branch._test()
    monkeypatch.setattr(branch, "_question", lambda: any_server._question() | {"hidden": [sys.prefix]})
    if any_server.backend.isolates:
        with pytest.raises(Unavailable, match="does not hold"):
            branch._test()


def test_hanging_up_ends_a_branch_and_its_workers(any_server):
    before = descendants(any_server)
    branch = any_server.branch()
    connections = [branch.worker()[0] for _ in range(2)]
    wait_until(lambda: len(descendants(any_server) - before) >= 3)
    branch.close()
    wait_until(lambda: descendants(any_server) <= before)
    for connection in connections:
        assert connection.recv(1) == b""
        connection.close()


def test_hanging_up_ends_a_worker_though_a_branch_was_made_meanwhile(any_server):
    before = descendants(any_server)
    connection, _ = any_server.worker()
    (worker,) = descendants(any_server) - before
    branch = any_server.branch()
    try:
        branch.worker()[0].close()
        connection.close()
        wait_until(lambda: worker not in descendants(any_server))
        assert branch.alive()
    finally:
        branch.close()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system ties no process to a core")
def test_workers_of_a_branch_keep_to_its_core(any_server, run):
    core = max(os.sched_getaffinity(0))
    branch = any_server.branch(core)
    try:
        assert run(branch, "import os; return sorted(os.sched_getaffinity(0))") == [core]
    finally:
        branch.close()
    assert run(any_server, "import os; return len(os.sched_getaffinity(0))") == len(os.sched_getaffinity(0))


def test_a_branch_that_was_killed_is_replaced_by_a_server(monkeypatch):
    monkeypatch.setattr(forkserver, "_servers", {})
    monkeypatch.setattr(forkserver, "_backend", None)
    server = ForkServer((), isolation.plain())
    try:
        wait_until(lambda: not descendants(server))  # the canaries have ended
        forkserver.attach((), server.address, server.backend.name, branch=True)
        branch = forkserver.shared_server(())
        assert isinstance(branch, forkserver.Branch) and branch.alive()
        wait_until(lambda: descendants(server))
        (pid,) = descendants(server)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not branch.alive())
        with pytest.raises(OSError):
            branch.worker()
        other = forkserver.shared_server(())
        try:
            assert other is not branch and other.alive()
        finally:
            other.close()
    finally:
        server.close()


def descendants(server: ForkServer) -> set[int]:
    """Processes of a server, but for those that have ended and are waited for."""
    found = psutil.Process(server._process.pid).children(recursive=True)
    return {one.pid for one in found if one.is_running()}


def wait_until(condition, seconds: float = 10) -> None:
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, "still not so"
        time.sleep(0.02)


def test_a_server_that_dies_is_never_a_learners_fault(run):
    server = ForkServer((), isolation.plain())
    try:
        assert run(server, "return 1") == 1
        worker = run.made[0]
        os.kill(server._process.pid, signal.SIGKILL)
        server._process.wait()
        with pytest.raises(GradingError, match="process that starts workers ended"):
            worker()
    finally:
        server.close()


# -- canaries ----------------------------------------------------------------------------------------

WEAKER = [
    ("bubblewrap", {"seccomp": False}, "filter of system calls"),
    ("bubblewrap", {"namespaces": False}, "capabilities|processes|mounts|limits|disk|read-only"),
    ("bubblewrap", {"temporary": 1 << 30}, "disk"),
    ("bubblewrap", {"memory": 1 << 36}, "memory"),
    ("bubblewrap", {"cpu_seconds": 10**6}, "limits"),
    ("landlock", {"seccomp": False}, "filter of system calls"),
    ("landlock", {"landlock": None}, "read-only system|disk|files|processes"),
    ("landlock", {"landlock": ["/"]}, "files"),
    ("landlock", {"open_files": 4096}, "limits"),
]


@pytest.mark.parametrize(("name", "changes", "wall"), WEAKER)
def test_a_wall_that_is_missing_rules_the_back_end_out(name, changes, wall, monkeypatch):
    """The worker is confined less than the trusted side believes."""
    backend = available(name)
    weaker = replace(backend.policy, **changes)
    monkeypatch.setattr(forkserver, "asdict", lambda _: asdict(weaker))
    with pytest.raises(Unavailable, match=wall):
        ForkServer((), backend)


def bubblewrap_with(*options: str) -> Backend:
    backend = available("bubblewrap")

    def command(python: list[str], place: Path) -> list[str]:
        found = backend.command(python, place)
        place_of = found.index("--remount-ro")
        return [*found[:place_of], *options, *found[place_of:]]

    return replace(backend, command=command)


def test_a_variable_too_much_in_the_environment_is_noticed():
    with pytest.raises(Unavailable, match="environment"):
        ForkServer((), bubblewrap_with("--setenv", "SECRET", "1"))


def test_solutions_that_can_be_read_are_noticed():
    """The course lies in a folder that is shown to the worker."""
    solutions = str(Path(__file__).parents[2] / "solutions")
    with pytest.raises(Unavailable, match="files"):
        ForkServer((), bubblewrap_with("--ro-bind", solutions, solutions))


def test_a_root_that_stays_root_is_noticed(monkeypatch):
    if os.getuid() != 0:
        pytest.skip("not started as root")
    for name in ISOLATING:
        backend = available(name)
        monkeypatch.setattr(
            forkserver, "asdict", lambda policy: asdict(replace(policy, nobody=False, keeps_reading=False))
        )
        with pytest.raises(Unavailable, match="user|did not start"):
            ForkServer((), backend)


def test_a_canary_that_says_nothing_counts_as_a_hole(monkeypatch):
    backend = available("landlock")
    from autograder.sandbox import canaries

    names = canaries.names
    monkeypatch.setattr(canaries, "names", lambda policy: [*names(policy), "one more"])
    with pytest.raises(Unavailable, match="'one more' does not hold: was not tried"):
        ForkServer((), backend)


# -- choice ------------------------------------------------------------------------------------------


@pytest.fixture
def unchosen(monkeypatch):
    """As in a fresh process."""
    monkeypatch.setattr(forkserver, "_backend", None)
    monkeypatch.setattr(forkserver, "_servers", {})
    monkeypatch.setattr(forkserver, "_refused", {})
    monkeypatch.delenv(isolation.CHOICE, raising=False)
    monkeypatch.delenv(isolation.IMAGE, raising=False)


def unavailable() -> Backend:
    raise Unavailable("not here")


def test_the_best_one_that_works_is_taken(unchosen, monkeypatch):
    monkeypatch.setitem(isolation.BACKENDS, "bubblewrap", unavailable)
    monkeypatch.setitem(isolation.BACKENDS, "landlock", isolation.plain)
    assert isolation.in_force().startswith("subprocess")
    assert forkserver.refusals() == {"bubblewrap": "not here"}


def test_strangers_are_refused_without_isolation(unchosen, monkeypatch):
    for name in ("bubblewrap", "landlock", "container"):
        monkeypatch.setitem(isolation.BACKENDS, name, unavailable)
    with pytest.raises(CourseError, match=r"bubblewrap: not here.*--unsafe-no-isolation"):
        isolation.require()
    assert "NOT isolated" in isolation.require(unsafe=True)


def test_a_back_end_that_is_named_is_not_replaced(unchosen, monkeypatch):
    monkeypatch.setenv(isolation.CHOICE, "bubblewrap")
    monkeypatch.setitem(isolation.BACKENDS, "bubblewrap", unavailable)
    with pytest.raises(GradingError, match="bubblewrap: not here"):
        isolation.in_force()


def test_an_unknown_name_is_told(unchosen, monkeypatch):
    monkeypatch.setenv(isolation.CHOICE, "magic")
    with pytest.raises(GradingError, match="magic.*expected one of bubblewrap"):
        isolation.in_force()


# -- container ---------------------------------------------------------------------------------------

ENGINE = """\
#!{python}
# Stands for docker: checks the contract, then runs the program without a container.
import os, sys
arguments = sys.argv[1:]
assert arguments[:3] == ["run", "--rm", "--interactive"], arguments
for pair in (["--network", "none"], ["--cap-drop", "ALL"], ["--security-opt", "no-new-privileges"]):
    assert any(arguments[i : i + 2] == pair for i in range(len(arguments))), pair
assert "--read-only" in arguments
volumes = [arguments[i + 1].split(":") for i, a in enumerate(arguments) if a == "--volume"]
shared = next(v[0] for v in volumes if v[1] == "/run/speechlab")
python = arguments[arguments.index("course-image") + 1 :]
assert python[0] == "python3", python
text = python[4].replace("/opt/speechlab", os.path.dirname(next(v[0] for v in volumes if "labkit" in v[0])))
setup = python[5].replace("/run/speechlab", shared).replace('"/opt", "/opt/speechlab"', {readable!r})
environment = {{k: v for k, v in os.environ.items() if k in {names!r}}}
os.execve({python!r}, [{python!r}, *python[1:4], text, setup], environment)
"""


def test_a_container_is_run_by_its_contract(tmp_path, monkeypatch):
    """No engine is needed: a stand-in takes docker's place and looks at what it is asked."""
    if not hasattr(socket, "AF_UNIX") or not available("landlock"):
        pytest.skip("the stand-in confines by Landlock")
    readable = [*isolation.python_folders(), *map(str, isolation.packages())]
    stand_in = tmp_path / "docker"
    stand_in.write_text(
        ENGINE.format(
            python=sys.executable,
            readable=", ".join(f'"{folder}"' for folder in readable),
            names=sorted(isolation.environment("")),
        )
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv(isolation.IMAGE, "course-image")
    backend = isolation.container()
    assert "course-image" in str(backend)
    server = ForkServer((), backend)
    try:
        monkeypatch.setattr(client, "shared_server", lambda _: server)
        worker = Submission([Code("def part(x): return x + 1", "part")], "part", [], lambda name: None, ())
        assert worker.call("part", (1,), {}) == 2
        worker.close()
    finally:
        server.close()


def test_a_policy_says_what_is_kept():
    assert Policy().capabilities == 0
    assert Policy(keeps_reading=True).capabilities != 0
