"""`speechlab lab`: JupyterLab on the notebook of a lab."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import click

from autograder.cli import NOT_PASSED, screen, where
from autograder.errors import NotebookError


@click.command(
    epilog="""\b
Examples:
  speechlab lab                    the lab you are in
  speechlab lab t03
  speechlab lab t03 --no-browser   print the address instead of opening a browser"""
)
@click.argument("lab", required=False)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to serve on.")
def lab(lab: str | None, no_browser: bool, port: int | None) -> int:
    """Open the notebook of LAB in JupyterLab. Ctrl-C twice in this terminal ends it."""
    course = where.course_here()
    found = course.lab(lab) if lab else where.current_lab(course)
    path = course.notebook(found).resolve()
    if not path.is_file():
        how = f"speechlab reset {found.name}"
        raise NotebookError(f"{path}: is not there; `{how}` makes it")
    if importlib.util.find_spec("jupyterlab") is None:
        click.echo(
            f"speechlab: JupyterLab is not installed here; open {path} in an editor for notebooks", err=True
        )
        return NOT_PASSED
    folder = course.root if path.is_relative_to(course.root) else path.parents[1]
    page = path.relative_to(folder).as_posix()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{page}",
    ]
    command += ["--no-browser"] if no_browser else []
    command += [f"--port={port}"] if port else []
    screen.console().print(f"Opening {where.shown(course, path)} (Ctrl-C ends JupyterLab)", markup=False)
    # notebooks outside the course's folder must still find it
    environment = {**os.environ, "SPEECHLAB_COURSE": str(course.root)}
    server = subprocess.Popen(command, cwd=folder, env=environment)
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:
            continue  # JupyterLab has got it too, asks, and ends by itself
