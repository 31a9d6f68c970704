from __future__ import annotations

import importlib.util
import subprocess

from labkit import corpora


def test_list_shows_every_corpus_with_its_licence(desk):
    result = desk.run("data", "list")
    assert result.exit_code == 0
    for entry in corpora.list_corpora():
        assert entry.name in result.output
    assert "CC BY-SA 4.0" in result.output


def test_info_tells_licence_and_how_to_get_it(desk):
    result = desk.run("data", "info", "fsdd")
    assert result.exit_code == 0
    assert "CC BY-SA 4.0" in result.output and "speechlab data get fsdd" in result.output


def test_unknown_corpora_are_refused(desk):
    for command in ("info", "get"):
        result = desk.run("data", command, "nope")
        assert result.exit_code == 2
        assert "there is no corpus 'nope'" in result.stderr


def test_what_cannot_be_got_is_said_in_a_sentence(desk, monkeypatch, tmp_path):
    def offline(name: str, progress: bool = True) -> None:
        raise corpora.DownloadFailed("github.com does not answer; nothing is lost, run it again")

    monkeypatch.setattr(corpora, "get", offline)
    result = desk.run("data", "get", "fsdd")
    assert result.exit_code == 1
    assert "does not answer" in result.stderr
    assert "Licence: CC BY-SA 4.0" in result.output


def test_lab_starts_jupyter_on_the_notebook(desk, monkeypatch):
    seen: list[list[str]] = []

    class Server:
        def __init__(self, command, **options):
            seen.append(command)

        def wait(self):
            return 0

    monkeypatch.setattr(subprocess, "Popen", Server)
    assert desk.run("lab", "t00", "--no-browser", "--port", "8899").exit_code == 0
    (command,) = seen
    assert f"--ServerApp.root_dir={desk.root}" in command
    assert "--LabApp.default_url=/lab/tree/phases/phase0_signal_processing/t00_decibels.ipynb" in command
    assert "--no-browser" in command and "--port=8899" in command


def test_lab_without_jupyterlab_or_notebook_is_a_sentence(desk, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "jupyterlab" else real(name)
    )
    result = desk.run("lab", "t00")
    assert result.exit_code == 1
    assert "JupyterLab is not installed" in result.stderr
    desk.notebook.unlink()
    result = desk.run("lab", "t00")
    assert result.exit_code == 2
    assert "speechlab reset t00_decibels" in result.stderr
    assert not desk.notebook.exists()
