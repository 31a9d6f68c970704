"""Synthetic speech by eSpeak NG."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from labkit.corpora.errors import CorpusError, CorpusNotFound

_WORKER = Path(__file__).with_name("espeak_worker.py")


def package_version() -> str:
    """Version of the package that brings eSpeak NG; part of the key of everything made with it.

    Raises:
        CorpusNotFound: if it is not installed.
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise CorpusNotFound(
            "synthetic speech needs the package espeakng-loader: `pip install espeakng-loader`"
        )
    return importlib.metadata.version("espeakng-loader")


def synthesize(jobs: Sequence[Mapping[str, object]], seed: int) -> Iterator[tuple[np.ndarray, int]]:
    """Say things, one after another, in a fresh process; the same jobs and seed give the same bytes.

    Args:
        jobs: each with "text", "voice" (such as "en-us+f2"), "rate" (words per minute) and "pitch"
            (0 to 99; 50 is the voice's own).
        seed: of the noise in breathy voices.
    Yields:
        For every job, samples (int16, shape [time]) and sample rate in Hz.
    Raises:
        CorpusNotFound: if the package espeakng-loader is not installed.
        CorpusError: if eSpeak NG does not start, lacks a voice, or dies.
    """
    package_version()
    with tempfile.TemporaryFile() as questions, tempfile.TemporaryFile() as complaints:
        questions.write(json.dumps({"seed": seed, "jobs": list(jobs)}).encode())
        questions.seek(0)
        worker = subprocess.Popen(
            # -P: the folder of the script is not searched for modules
            [sys.executable, "-P", str(_WORKER)],
            stdin=questions,
            stdout=subprocess.PIPE,
            stderr=complaints,
        )
        assert worker.stdout is not None  # it is a pipe
        try:
            head = worker.stdout.readline()
            rate = json.loads(head)["sample_rate"] if head else 0
            for _ in jobs:
                size = worker.stdout.read(4)
                pcm = worker.stdout.read(struct.unpack("<I", size)[0]) if len(size) == 4 else b""
                if len(size) < 4 or len(pcm) < struct.unpack("<I", size)[0]:
                    worker.wait()
                    complaints.seek(0)
                    reason = complaints.read().decode(errors="replace").strip().splitlines()
                    raise CorpusError(
                        reason[-1] if reason else f"eSpeak NG ended with code {worker.returncode}"
                    )
                yield np.frombuffer(pcm, dtype="<i2").astype(np.int16), rate
        finally:
            worker.stdout.close()
            if worker.poll() is None:
                worker.kill()
            worker.wait()
