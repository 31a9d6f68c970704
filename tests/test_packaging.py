"""The files that say what speechlab needs agree with each other and with what the code imports."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent


def tool(name: str) -> ModuleType:
    """A script of tools/ as a module; the folder is no package, and its names are too common for sys.path."""
    spec = importlib.util.spec_from_file_location(f"speechlab_{name}", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


installer = tool("install")
locker = tool("lock")

# Packages that conda-forge calls otherwise than the Python Package Index.
CONDA_NAMES = {"pytorch": "torch", "pysoundfile": "soundfile"}
# The interpreter and its installer: part of a conda environment, no dependency of a Python project.
CONDA_ONLY = {"python", "pip"}
NAMED_IN_THE_ROADMAP = {
    *("numpy", "scipy", "librosa", "matplotlib", "pytorch", "torchaudio", "jupyterlab", "nbgrader"),
    *("pytest", "openai-whisper", "coqui-tts", "hmmlearn", "jiwer"),
}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def declared(*extras: str) -> list[Requirement]:
    """The requirements of pyproject.toml: those of everybody, and of the extras named."""
    lines = list(project()["dependencies"])
    for extra in extras:
        lines += project()["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def project_requirements() -> dict[str, Requirement]:
    """Every requirement of pyproject.toml, extras included, by canonical name."""
    requirements = declared(*project()["optional-dependencies"])
    assert len({canonicalize_name(r.name) for r in requirements}) == len(requirements), (
        "a package stands twice"
    )
    return {canonicalize_name(r.name): r for r in requirements}


def only_if_possible() -> list[Requirement]:
    """What may need a compiler, and nothing but some tests asks for."""
    lists = [project()["optional-dependencies"][extra] for extra in installer.IF_POSSIBLE]
    return [Requirement(line) for lines in lists for line in lines]


def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text())


def conda_requirements() -> dict[str, SpecifierSet]:
    """Every package of environment.yml, its pip section included, by its name in conda."""
    found = {}
    for entry in environment()["dependencies"]:
        lines = entry["pip"] if isinstance(entry, dict) else [entry]
        for line in lines:
            if line == "-e .":
                continue
            name, version = re.fullmatch(r"([A-Za-z0-9_.-]+) ?([^ ]*)(?: [^ ]+)?", line).groups()
            assert name not in found, f"{name} stands twice"
            found[name] = SpecifierSet(f"=={version[1:]}.*" if re.match(r"=\d", version) else version)
    return found


def locked() -> dict[str, Version]:
    pins = installer.read_lock(ROOT / "requirements.lock")
    return {canonicalize_name(name): Version(version) for name, version in pins.items()}


# --- the three files agree -------------------------------------------------------------------------


def test_conda_and_pip_name_the_same_packages():
    conda = {CONDA_NAMES.get(name, name) for name in conda_requirements() if name not in CONDA_ONLY}
    pip = set(project_requirements()) - {canonicalize_name(r.name) for r in only_if_possible()}
    assert {canonicalize_name(name) for name in conda} == pip


def test_conda_and_pip_allow_the_same_versions():
    pip = project_requirements()
    differing = {
        name: (str(versions), str(pip[canonicalize_name(CONDA_NAMES.get(name, name))].specifier))
        for name, versions in conda_requirements().items()
        if name not in CONDA_ONLY
        and versions != pip[canonicalize_name(CONDA_NAMES.get(name, name))].specifier
    }
    assert not differing, f"environment.yml and pyproject.toml differ: {differing}"


def test_environment_is_conda_forge_with_the_promised_python_and_packages():
    assert environment()["name"] == "speechlab"
    assert environment()["channels"][0] == "conda-forge"
    assert Version("3.11.9") in conda_requirements()["python"]
    assert Version("3.12.0") not in conda_requirements()["python"]
    assert Version("3.11.9") in SpecifierSet(project()["requires-python"])
    assert Version("3.12.0") not in SpecifierSet(project()["requires-python"])
    assert set(conda_requirements()) >= NAMED_IN_THE_ROADMAP


def test_conda_takes_the_cpu_build_of_pytorch():
    assert any(re.fullmatch(r"pytorch [^ ]+ cpu_\*", str(line)) for line in environment()["dependencies"])


def test_every_direct_dependency_is_locked_within_its_range():
    for name, requirement in project_requirements().items():
        assert name in locked(), f"{name} is not in requirements.lock; run `make lock`"
        assert locked()[name] in requirement.specifier, f"{name} {locked()[name]} is outside {requirement}"


def test_numpy_is_version_2_everywhere():
    assert project_requirements()["numpy"].specifier == SpecifierSet(">=2,<3")
    assert locked()["numpy"].major == 2


def test_the_lock_holds_exact_public_versions_and_the_installers_tools():
    lines = [
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")
    ]
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.!]*", line), f"not an exact public version: {line!r}"
    names = [line.split("==")[0] for line in lines]
    assert names == sorted(set(names))
    assert set(locker.TOOLS) <= set(locked())


def test_the_lock_is_closed_under_what_the_installed_packages_need():
    """Each requirement of each locked package that is installed here is locked too, in a fitting version."""
    pins, open_ends = locked(), []
    for name in pins:
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed
        for need in map(Requirement, needs):
            if need.marker and not need.marker.evaluate({"extra": ""}):
                continue
            version = pins.get(canonicalize_name(need.name))
            if version is None or not need.specifier.contains(version, prereleases=True):
                open_ends.append(f"{name} needs {need}; locked: {version}")
    assert not open_ends


def test_the_locked_packages_run_on_every_python_that_is_promised():
    """A package may ask for Python 3.11.5, and Debian 12 ships 3.11.2."""
    assert locker.OLDEST_PYTHON in SpecifierSet(project()["requires-python"])
    too_new = []
    for name, version in locked().items():
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed
        asks = metadata.get("Requires-Python", "")
        locked_one = metadata["Version"].split("+")[0] == str(version)
        if locked_one and locker.OLDEST_PYTHON not in SpecifierSet(asks):
            too_new.append(f"{name} {version} asks for Python {asks}")
    assert not too_new


def test_the_demo_does_not_need_the_large_systems_of_others():
    core = {canonicalize_name(requirement.name) for requirement in declared()}
    assert not core & {"openai-whisper", "coqui-tts", "torchcodec"}
    assert set(project()["optional-dependencies"]) == {"peers", "dev", "cluster", "oracles"}
    assert "peers" not in installer.ALWAYS


# --- ... and the code with them --------------------------------------------------------------------


def imported_modules(folder: str) -> dict[str, str]:
    """Top-level modules that the Python files of a folder import, each with one file that does."""
    found = {}
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            found |= {name.split(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return found


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("autograder", ("cluster",)),
        ("labkit", ()),
        ("capstone", ()),
        ("solutions", ("oracles",)),
        ("datasets", ()),
        ("benchmarks", ("peers", "oracles")),
        ("tests", ("dev", "cluster", "oracles")),
    ],
)
def test_every_import_is_declared(folder, extras):
    """A package that the code imports is a direct dependency, not somebody else's by accident."""
    allowed = {canonicalize_name(requirement.name) for requirement in declared(*extras)}
    ours = {
        path.stem for path in [*ROOT.iterdir(), *(ROOT / "tools").iterdir(), *(ROOT / folder).rglob("*.py")]
    }
    # a wheel that does not list its modules
    sources = importlib.metadata.packages_distributions() | {"parselmouth": ["praat-parselmouth"]}
    undeclared = {
        f"{module} (in {path})"
        for module, path in imported_modules(folder).items()
        if module not in sys.stdlib_module_names
        and module not in ours
        # a module that is not installed here belongs to an extra: its package is known by name only
        and not {canonicalize_name(name) for name in sources.get(module, [module])} & allowed
    }
    assert not undeclared, f"imported, but not declared in pyproject.toml: {sorted(undeclared)}"


def test_the_command_and_the_parts_entry_point_are_kept():
    assert project()["scripts"] == {"speechlab": "autograder.cli:main"}
    assert project()["entry-points"] == {
        "labkit.parts": {"course": "autograder.parts:provider"},
        "speechlab.commands": {"capstone": "capstone.cli:capstone"},
    }


# --- the installer ---------------------------------------------------------------------------------

CPU_WHEEL = ["filelock", "typing-extensions>=4.10.0", 'optree>=0.13.0; extra == "optree"']
CUDA_WHEEL = [
    "filelock",
    'nvidia-cublas-cu12==12.8.4.1; platform_system == "Linux" and platform_machine == "x86_64"',
]


def report(*needs: str, version: str = "2.13.0") -> dict:
    return {"install": [{"metadata": {"name": "torch", "version": version, "requires_dist": list(needs)}}]}


@pytest.mark.parametrize(
    ("needs", "answer"),
    [
        (CPU_WHEEL, False),
        (CUDA_WHEEL, True),
        (["cuda-toolkit==13.0.2; platform_system == 'Linux'"], True),
        (["cuda-bindings>=13"], True),
        (["triton==3.5.0; platform_system == 'Linux'"], True),
        (['nvidia-cublas; extra == "cuda"'], False),  # offered, not asked for
        (["nvidialike"], False),
        ([], False),
    ],
)
def test_a_build_is_known_by_what_it_asks_for(needs, answer):
    assert installer.needs_cuda(report(*needs)) is answer


def test_a_report_without_requirements_is_a_cpu_build():
    assert installer.needs_cuda({"install": [{"metadata": {"name": "torch", "version": "2.13.0"}}]}) is False


def test_an_empty_report_is_said():
    with pytest.raises(installer.Stop, match="no build of torch"):
        installer.needs_cuda({"install": []})


@pytest.fixture
def commands(monkeypatch):
    """The installer's commands, recorded instead of run; `torch_needs` is what the fake index offers."""
    record = type("Record", (), {"lines": [], "torch_needs": CPU_WHEEL, "installed": {}})()

    def run(command, capture=False):
        record.lines.append(" ".join(command[1:]))
        return json.dumps(report(*record.torch_needs)) if capture else ""

    monkeypatch.setattr(installer, "run", run)
    monkeypatch.setattr(installer, "installed_version", lambda python, package: record.installed.get(package))
    return record


LOCK = {"torch": "2.13.0", "uv": "0.13.9", "pip": "26.3"}


def test_where_pip_offers_a_cuda_build_uv_installs_the_cpu_build(commands, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    commands.torch_needs = CUDA_WHEEL
    installer.install_torch(Path("python"), LOCK)
    assert "--dry-run --no-deps --ignore-installed --report - torch==2.13.0" in commands.lines[0]
    assert "install uv==0.13.9" in commands.lines[1]
    assert commands.lines[2].startswith("-m uv pip install --python python --no-deps torch==2.13.0")
    assert commands.lines[2].endswith("--torch-backend=cpu")
    assert len(commands.lines) == 3


def test_where_pip_offers_a_cpu_build_pip_installs_it(commands, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    installer.install_torch(Path("python"), LOCK)
    assert not any(" uv" in line for line in commands.lines)
    assert "torch==2.13.0" in commands.lines[-1]


def test_other_systems_are_not_asked(commands, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    commands.torch_needs = CUDA_WHEEL
    installer.install_torch(Path("python"), LOCK)
    assert len(commands.lines) == 1
    assert "--dry-run" not in commands.lines[0]


@pytest.mark.parametrize("build", ["2.13.0", "2.13.0+cpu", "2.13.0+cu130"])
def test_the_right_torch_is_left_alone_in_any_build(commands, build):
    commands.installed["torch"] = build
    installer.install_torch(Path("python"), LOCK)
    assert commands.lines == []


def test_another_torch_is_replaced(commands, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    commands.installed["torch"] = "2.12.0+cpu"
    installer.install_torch(Path("python"), LOCK)
    assert "torch==2.13.0" in commands.lines[-1]


@pytest.fixture
def fake_venv(tmp_path, commands, monkeypatch):
    """A folder that passes for a working environment; pip is recorded."""
    venv = tmp_path / "venv"
    installer.venv_python(venv).parent.mkdir(parents=True)
    installer.venv_python(venv).touch()
    monkeypatch.setattr(installer, "works", lambda python: python.exists())
    commands.installed = installer.read_lock(ROOT / "requirements.lock")
    return venv


def project_line(commands) -> str:
    """The command that installs the project itself."""
    (line,) = (line for line in commands.lines if "--editable" in line)
    return line


def test_what_cannot_be_built_stops_nothing(fake_venv, commands, monkeypatch, capsys):
    run = installer.run

    def no_compiler(command, capture=False):
        if any("kenlm" in word for word in command):
            raise installer.Stop("no compiler")
        return run(command, capture)

    monkeypatch.setattr(installer, "run", no_compiler)
    installer.install(fake_venv, ["dev"])
    assert "kenlm could not be installed: tests that compare with it are skipped" in capsys.readouterr().out
    tried = " ".join(commands.lines)
    assert all(requirement.name in tried for requirement in only_if_possible() if requirement.name != "kenlm")
    commands.lines.clear()
    installer.install(fake_venv, ["dev"])
    assert commands.lines == []  # it is not tried again and again


def test_the_project_is_installed_with_the_lock_as_constraint(fake_venv, commands):
    installer.install(fake_venv, ["dev"])
    assert project_line(commands).startswith(
        f"-m pip --disable-pip-version-check install --constraint {ROOT / 'requirements.lock'} "
        f"--editable {ROOT}[dev]"
    )


def test_a_second_run_does_nothing(fake_venv, commands):
    installer.install(fake_venv, ["dev"])
    commands.lines.clear()
    installer.install(fake_venv, ["dev"])
    assert commands.lines == []


def test_a_changed_lock_installs_again_and_keeps_the_extras(fake_venv, commands, monkeypatch):
    installer.install(fake_venv, ["dev", "peers"])
    commands.lines.clear()
    installer.install(fake_venv, ["dev"])  # peers are there: nothing is missing
    assert commands.lines == []
    monkeypatch.setattr(installer, "fingerprint", lambda venv: "of a changed lock")
    installer.install(fake_venv, ["dev"])
    assert "[dev,peers]" in project_line(commands)


def test_an_interrupted_run_is_not_taken_for_complete(fake_venv, commands, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    installer.install(fake_venv, ["dev"])
    with monkeypatch.context() as patch:
        patch.setattr(installer, "fingerprint", lambda venv: "of a changed lock")
        patch.setattr(installer, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            installer.install(fake_venv, ["dev"])
    commands.lines.clear()
    installer.install(fake_venv, ["dev"])
    assert commands.lines, "the environment is half changed, and the next run did nothing"


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"'])
def test_a_damaged_stamp_counts_as_none(tmp_path, content):
    (tmp_path / "stamp.json").write_text(content)
    assert installer.read_stamp(tmp_path / "stamp.json") == {}


@pytest.mark.parametrize("version", [(3, 9), (3, 12), (2, 7)])
def test_a_wrong_python_is_named_with_the_way_out(version):
    with pytest.raises(installer.Stop, match=r"(?s)needs Python 3\.11.*make PYTHON=") as stopped:
        installer.check_version(version)
    assert ".".join(map(str, version)) in str(stopped.value)


def test_a_folder_of_another_kind_is_not_cleared(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(installer.Stop, match="no virtual environment"):
        installer.make_venv(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    "words",
    [
        "NewConnectionError: [Errno -2] Name or service not known",
        "ERROR: Could not find a version that satisfies the requirement numpy (from versions: none)",
        "cause: client error (Connect)",
    ],
)
def test_no_network_is_said_in_a_sentence(words, capfd):
    with pytest.raises(installer.Stop, match="does not answer"):
        installer.run([sys.executable, "-c", "import sys; sys.exit(sys.argv[1])", words])
    assert words in capfd.readouterr().err, "the installer's own words must not be hidden"


def test_another_failure_is_not_called_a_missing_network():
    with pytest.raises(installer.Stop, match=r"failed\. The reason stands above"):
        installer.run([sys.executable, "-c", "import sys; sys.exit('No space left on device')"])


def test_the_lock_drops_local_labels_and_the_project_itself():
    found = locker.pins(
        {
            "install": [
                {"metadata": {"name": "torch", "version": "2.13.0+cpu"}},
                {"metadata": {"name": "speechlab", "version": "0.1.0"}},
                {"metadata": {"name": "Jupyter_Client", "version": "8.6.0"}},
            ]
        }
    )
    assert found == {"jupyter-client": "8.6.0", "torch": "2.13.0"}


def test_the_lock_steps_back_from_a_version_that_needs_a_newer_python(monkeypatch, tmp_path):
    index = {
        "soup_sieve": [("4.1", ">=3.11.5"), ("4.0", ">=3.11.1"), ("2.10", ">=3.9")],
        "wheel": [("1", None)],
    }
    asked = []

    def dry_run(constraints):
        asked.append(dict(constraints))
        install = []
        for name, versions in index.items():
            constraint = constraints.get(locker._normalized(name), name)
            fitting = (pair for pair in versions if pair[0] in Requirement(constraint).specifier)
            version, python = next(fitting)
            item = {"name": name, "version": version}
            install.append({"metadata": item if python is None else {**item, "requires_python": python}})
        return {"install": install}

    (tmp_path / "requirements.lock").write_text("# made by a tool\nsoup-sieve==4.1\nwheel==1\n")
    monkeypatch.setattr(locker, "LOCK", tmp_path / "requirements.lock")
    monkeypatch.setattr(locker, "_dry_run", dry_run)
    assert locker.resolve(upgrade=False) == {"soup-sieve": "2.10", "wheel": "1"}
    assert asked[0] == {"soup-sieve": "soup-sieve==4.1", "wheel": "wheel==1"}
    assert locker.resolve(upgrade=True) == {"soup-sieve": "2.10", "wheel": "1"}
    assert asked[3] == {}


# --- the Makefile and continuous integration -------------------------------------------------------


def bare_environment() -> dict[str, str]:
    """This process's variables without what an outer make or continuous integration has set."""
    outer = {"CI", "SPEECHLAB_MIRROR", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKE_TERMOUT", "MAKE_TERMERR"}
    return {name: value for name, value in os.environ.items() if name not in outer}


def make(*targets: str, cwd: Path = ROOT) -> str:
    command = ["make", *targets]
    done = subprocess.run(
        command, cwd=cwd, env=bare_environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
class TestMake:
    def test_make_alone_lists_every_target(self):
        listed = set(re.findall(r"^  make (\S+)", make(), re.MULTILINE))
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        assert listed == targets

    def test_every_target_that_runs_the_project_installs_it_first(self):
        for target in ("demo", "test", "test-fast", "test-all", "lint", "bench"):
            assert "tools/install.py" in make("--dry-run", target), target

    def test_clean_leaves_every_piece_of_work(self, tmp_path):
        work = ["phases/p/lab.ipynb", "submitted/ann/p/lab.ipynb", ".speechlab/progress.json", "gradebook.db"]
        work += ["source/p/lab.ipynb", "autograded/ann/p/lab.ipynb", "feedback/ann/p/lab.html", "mine.ipynb"]
        made = ["demo/index.html", ".pytest_cache/x", "labkit/__pycache__/x.pyc"]
        for name in work + made:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        shutil.copy(ROOT / "Makefile", tmp_path)
        make("clean", cwd=tmp_path)
        assert [name for name in work if not (tmp_path / name).exists()] == []
        assert [name for name in made if (tmp_path / name).exists()] == []


@pytest.mark.parametrize("beside, expected", [(True, "{beside}"), (False, "")])
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_ci_runs_make_test_with_the_recordings_beside_the_checkout(tmp_path, beside, expected):
    checkout = tmp_path / "checkout"
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", checkout / ".ci" / "run")
    (checkout / "Makefile").write_text('test:\n\t@echo "tested [$$SPEECHLAB_MIRROR] $$CI"\n')
    recordings = tmp_path / "shared" / "speech_data"
    if beside:
        recordings.mkdir(parents=True)
    variables = bare_environment()
    command = ["bash", str(checkout / ".ci" / "run")]
    output = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout
    assert output == f"tested [{expected.format(beside=recordings)}] true\n"
    variables["SPEECHLAB_MIRROR"] = "chosen"
    output = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout
    assert output == "tested [chosen] true\n", "a mirror that somebody chose must be kept"


def test_ci_fails_when_a_test_fails(tmp_path):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "Makefile").write_text("test:\n\t@exit 3\n")
    done = subprocess.run(["bash", str(tmp_path / ".ci" / "run")], check=False, capture_output=True)
    assert done.returncode != 0


# --- what holds for every test ----------------------------------------------------------------------


def test_a_connection_to_another_machine_is_refused():
    import socket

    with pytest.raises(OSError, match="tests use no network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)  # TEST-NET-1: belongs to nobody
