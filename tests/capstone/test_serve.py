"""`speechlab capstone serve`: what it answers, to whom, and what it says when something is wrong."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from serving import RATE, PretendedRecognizer, ask, models, post, result, running, tone

from capstone import live_models, serve
from capstone.cli import capstone
from capstone.connected import train
from capstone.errors import CapstoneError
from labkit.corpora import generated_noises
from labkit.players import wav_bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="module")
def server(folder: Path):
    with running(models(folder)) as address:
        yield address


def wav_file(samples: np.ndarray | None = None) -> bytes:
    return wav_bytes(tone() if samples is None else samples, RATE)


# --- what it answers ---------------------------------------------------------------------------------


def test_status_tells_what_is_loaded_and_the_limits(server):
    status = ask(server, "/api/status").json
    assert status["recognizer"] == {"about": {"corpus": "tones", "real": False}}
    assert status["voices"]["names"] == serve.voice_names() and len(status["voices"]["names"]) == 3
    assert status["problems"] == [] and [part["by"] for part in status["parts"]] == ["yours", "reference"]
    assert status["largest_bytes"] == live_models.LARGEST_RECORDING and status["longest_text"] > 0


def test_sentences_are_to_be_picked(server):
    found = ask(server, "/api/sentences").json
    assert len(found["sentences"]) >= 3 and all(isinstance(s, str) for s in found["sentences"])


def test_text_becomes_a_wav_file(server):
    answer = post(server, "/api/speak", {"text": "42", "voice": "units"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(answer.body)) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE, len(tone()))


def test_text_becomes_json_with_the_phones_where_that_is_asked_for(server):
    answer = post(server, "/api/speak", {"text": "4 2", "voice": "hmm"}, Accept="application/json")
    found = answer.json
    assert base64.b64decode(found["wav"])[:4] == b"RIFF"
    assert found["words"] == ["4", "2"] and found["phones"][0] == {"phone": "ɹ", "start": 0.0, "end": 0.5}
    assert found["seconds"] == pytest.approx(1.2) and found["sample_rate"] == RATE


def test_a_recording_becomes_words_with_times(server):
    found = post(server, "/api/transcribe", wav_file()).json
    assert found["text"] == "four two" and found["words"][1] == {"word": "two", "start": 0.6, "end": 1.0}
    assert found["seconds"] == pytest.approx(1.2)
    assert (found["real"], found["corpus"]) == (False, "tones") and "file" not in found


def test_recordings_are_listed_and_played(server, folder):
    (entry,) = ask(server, "/api/recordings").json
    assert entry == {"id": "string-0-<ann>", "name": "<ann>: four two", "said": "four two"}
    answer = ask(server, "/api/recordings/string-0-%3Cann%3E")
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.body == (folder / "string-0-<ann>.wav").read_bytes()
    assert ask(server, "/api/recordings/none").error == "there is no such recording"


def test_own_page_and_its_sounds_are_served(server):
    page = ask(server, "/")
    assert page.status == 200 and b"<h1>speechlab: the capstone</h1>" in page.body
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    sound = ask(server, "/voice-0-hmm.wav", Range="bytes=0-3")
    assert (sound.status, sound.body) == (206, b"RIFF")  # a player seeks


# --- what it refuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"42"', b"\xff\xfe", b'{"text": "42"}', b'{"text": 42, "voice": "units"}', b"null"],
)
def test_requests_that_are_no_text_and_voice_are_refused(server, body):
    answer = post(server, "/api/speak", body)
    assert answer.status == 400 and "expected" in answer.error


@pytest.mark.parametrize(
    ("text", "voice", "sentence"), [("100 %", "units", "“%” cannot be said"), ("1", "x", "no voice 'x'")]
)
def test_what_cannot_be_said_is_a_sentence(server, text, voice, sentence):
    answer = post(server, "/api/speak", {"text": text, "voice": voice})
    assert answer.status == 400 and sentence in answer.error


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the recording is an empty file (0 bytes)"),
        (b"no sound at all", "the recording is not a readable WAV, FLAC, MP3 or OGG file"),
        (wav_file(np.zeros(4000)), "the recording is silent"),
        (wav_file()[:20], "the recording is not a readable"),
    ],
)
def test_recordings_that_cannot_be_used_are_a_sentence_that_names_no_file(server, data, sentence):
    answer = post(server, "/api/transcribe", data)
    assert answer.status == 400 and answer.error.startswith(sentence)
    assert tempfile.gettempdir() not in answer.error


def flac_of_silence(seconds: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(seconds * RATE, np.int16), RATE, format="FLAC")
    return buffer.getvalue()


def test_a_small_file_that_unpacks_to_hours_is_refused(server):
    bomb = flac_of_silence(3600)
    assert len(bomb) < 2**20
    assert "lasts longer than 60 s" in post(server, "/api/transcribe", bomb).error


def test_a_rate_that_no_sound_has_is_refused(server):
    data = bytearray(wav_file())
    struct.pack_into("<I", data, 24, 2_000_000_000)
    assert "2000000000 samples a second" in post(server, "/api/transcribe", bytes(data)).error


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_a_sentence(server, chunked):
    size = live_models.LARGEST_RECORDING + 1
    body = iter([b"x" * 2**20] * 16 + [b"x"]) if chunked else b"x" * size
    answer = post(server, "/api/transcribe", body)
    assert answer.status == 413
    assert answer.error == f"the recording has {size} bytes, expected at most 16 MB"
    text = {"text": "1" * serve.LARGEST_TEXT, "voice": "units"}
    answer = post(server, "/api/speak", text)
    assert answer.status == 413 and "the request has" in answer.error
    assert post(server, "/api/transcribe", wav_file()).json["text"] == "four two"  # and goes on


@pytest.mark.parametrize(
    ("host", "own", "allowed"),
    [
        ("127.0.0.1:8765", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("LOCALHOST:1", "127.0.0.1", True),
        ("[::1]:8765", "127.0.0.1", True),
        ("192.168.1.7:8765", "0.0.0.0", True),
        ("lab.example:80", "lab.example", True),
        ("lab.example:80", "0.0.0.0", False),
        ("evil.example", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("[::1", "127.0.0.1", False),
    ],
)
def test_a_name_that_somebody_else_points_here_is_not_answered(host, own, allowed):
    assert serve.may_ask(host, own) is allowed


@pytest.mark.parametrize("path", ["/", "/api/status", "/voice-0-hmm.wav", "/nothing"])
def test_every_address_asks_for_the_host(server, path):
    assert ask(server, path, Host="evil.example").status == 403


def test_another_page_may_not_ask_for_work(server):
    asked = {"text": "42", "voice": "units"}
    for origin in ("http://evil.example", "null", server.replace("127.0.0.1", "localhost").rstrip("/")):
        answer = post(server, "/api/speak", asked, Origin=origin)
        assert answer.status == 403 and answer.error == "Another page may not ask"
    assert post(server, "/api/speak", asked, Origin=server.rstrip("/")).status == 200


@pytest.mark.parametrize("path", ["/api/nothing", "/none.wav", "/connected.npz", "/classical.json", "/.."])
def test_nothing_but_the_page_is_handed_out(server, folder, path):
    for name in ("connected.npz", "classical.json"):
        (folder / name).write_text("secret")
    answer = ask(server, path)
    assert answer.status in (403, 404) and answer.error


def test_only_pages_sounds_and_pictures_inside_the_demo_s_folder_are_served(tmp_path):
    demo = tmp_path / "demo"
    made = demo / live_models.DEMO_FOLDER
    loaded = models(made)
    (demo / "index.html").write_text("<h1>the demo</h1>")
    (demo / "course").mkdir()
    (demo / "course" / "gradebook.db").write_text("marks")
    (demo / "course" / "page.html").write_text("feedback")
    (tmp_path / "secret.html").write_text("secret")
    (demo / "course" / "link.html").symlink_to(tmp_path / "secret.html")
    (demo / "course" / "out").symlink_to(tmp_path, target_is_directory=True)
    with running(loaded, demo / "index.html") as address:
        page = ask(address, "/")
        assert page.body == b"<h1>the demo</h1>" and "Content-Security-Policy" in page.headers
        assert ask(address, "/course/page.html").body == b"feedback"
        assert ask(address, "/capstone/classical/voice-0-hmm.wav").body[:4] == b"RIFF"
        assert ask(address, "/api/status").status == 200
        for path in (
            *("course/gradebook.db", "course/link.html", "course/out/secret.html", "course", "course/"),
            *("../secret.html", "%2e%2e/secret.html", "/etc/hostname", "capstone/classical/x.npz"),
        ):
            assert ask(address, f"/{path}").status in (403, 404), path


def test_other_methods_are_refused(server):
    for path in ("/api/speak", "/api/transcribe"):
        assert ask(server, path).status == 405
    assert ask(server, "/api/status", "DELETE").error == "Method Not Allowed"


# --- work ----------------------------------------------------------------------------------------------


class Patient(PretendedRecognizer):
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def transcribe(self, path: Path) -> dict:
        self.begun.set()
        assert self.go_on.wait(60)
        return super().transcribe(path)


def test_the_server_answers_while_work_is_done(tmp_path):
    patient = Patient()
    answers = []
    with running(models(tmp_path, recognizer=patient)) as address:
        asking = threading.Thread(
            target=lambda: answers.append(post(address, "/api/transcribe", wav_file()).json)
        )
        asking.start()
        try:
            assert patient.begun.wait(60)
            assert ask(address, "/api/status").status == 200
            assert answers == []
        finally:
            patient.go_on.set()
            asking.join()
    assert answers[0]["text"] == "four two"


class Broken(PretendedRecognizer):
    def transcribe(self, path: Path) -> dict:
        raise RuntimeError("secret detail")


@pytest.mark.filterwarnings("ignore")
def test_a_bug_is_an_answer_without_details_and_the_server_lives(tmp_path, caplog):
    with running(models(tmp_path, recognizer=Broken())) as address:
        answer = post(address, "/api/transcribe", wav_file())
        assert (answer.status, answer.error) == (500, "Internal Server Error")
        assert ask(address, "/api/status").status == 200
    assert "secret detail" in caplog.text  # in the terminal, where it belongs


def test_what_is_missing_is_told_where_it_is_asked_for(tmp_path):
    loaded = models(tmp_path, recognizer=None, problems=["connected.npz does not exist: make it"])
    with running(loaded) as address:
        assert ask(address, "/api/status").json["recognizer"] is None
        answer = post(address, "/api/transcribe", wav_file())
        assert answer.status == 400 and "speechlab capstone demo --stage classical" in answer.error
        assert post(address, "/api/speak", {"text": "1", "voice": "hmm"}).status == 200
    with running(models(tmp_path, voices=None)) as address:
        assert "voices.npz does not exist" in post(address, "/api/speak", {"text": "1", "voice": "hmm"}).error


# --- before it starts -----------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_a_sentence_and_the_default_moves_on(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CapstoneError, match=f"port {port} of 127.0.0.1 is taken: choose another one"):
            serve.listen("127.0.0.1", port)
        monkeypatch.setattr(serve, "PORT", port)
        monkeypatch.setattr(serve, "PORTS_TRIED", 1)
        with serve.listen("127.0.0.1", None) as found:
            assert found.getsockname()[1] != port
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", serve.address(found))


def test_a_host_that_is_none_of_this_machine_s_is_a_sentence():
    with pytest.raises(CapstoneError, match="port 0 of 192.0.2.1 cannot be used"):
        serve.listen("192.0.2.1", 0)


def test_without_models_there_is_a_sentence_with_the_command(tmp_path):
    with pytest.raises(CapstoneError, match="holds no models .*speechlab capstone demo --stage classical"):
        live_models.load(tmp_path)
    with pytest.raises(CapstoneError, match="nowhere does not exist: `make demo`"):
        live_models.find_page(tmp_path / "nowhere")
    (tmp_path / "index.html").touch()
    assert live_models.find_page(tmp_path) == (tmp_path / "index.html", tmp_path / "capstone" / "classical")
    done = CliRunner().invoke(capstone, ["serve", "--folder", str(tmp_path), "--port", "0"])
    assert done.exit_code == 1 and "holds no models" in done.output and "Traceback" not in done.output


def test_the_command_passes_on_what_it_is_told(monkeypatch):
    asked = []
    monkeypatch.setattr(serve, "serve", lambda *arguments: asked.append((*arguments[:3], arguments[4])))
    for options in ([], ["--host", "::1", "--port", "9000", "--folder", "demo"]):
        done = CliRunner().invoke(capstone, ["serve", *options])
        assert done.exit_code == 0, done.output
    assert asked == [
        (Path(".speechlab/capstone"), "127.0.0.1", None, "speechlab capstone serve"),
        (Path("demo"), "::1", 9000, "speechlab capstone serve --folder demo"),
    ]
    assert CliRunner().invoke(capstone, ["serve", "--port", "65536"]).exit_code == 2


def test_a_free_port_is_found_in_the_newer_protocol_too():
    try:
        bound = serve.listen("::1", 0)
    except CapstoneError:
        pytest.skip("this machine has no IPv6")
    with bound:
        assert serve.address(bound).startswith("http://[::1]:")


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_damaged_results_are_a_sentence(tmp_path, text):
    (tmp_path / live_models.RESULT).write_text(text)
    with pytest.raises(CapstoneError, match=r"classical.json .*speechlab capstone demo --stage classical"):
        live_models.read_result(tmp_path)


# --- the real recogniser, the real command ------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory) -> Path:
    """A folder with a recogniser of whistled strings and a recording."""
    place = tmp_path_factory.mktemp("trained")
    train(corpus, progress=False, processes=1, noises=generated_noises(RATE)).save(place / "connected.npz")
    (place / "classical.json").write_text(json.dumps(result(place)), encoding="utf-8")
    return place


class Lines:
    def __init__(self) -> None:
        self.text = ""

    def print(self, text: str, **_options: object) -> None:
        self.text += text + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_whistled_strings_are_read_in_every_format(trained, whistle, kind):
    loaded = live_models.load(trained, Lines())
    assert [Path(problem.split()[0]).name for problem in loaded.problems] == ["voices.npz"]
    assert {part["by"] for part in loaded.parts} == {"reference"}
    said = ["zero", "one", "zero"]
    samples = np.concatenate([whistle(word, "ann", 30 + k) for k, word in enumerate(said)])
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format=kind)
    with running(loaded) as address:
        found = post(address, "/api/transcribe", buffer.getvalue()).json
    assert found["text"].split() == said
    assert all(0 <= word["start"] < word["end"] <= found["seconds"] for word in found["words"])


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_command_serves_until_it_is_stopped(trained, name):
    program = "import sys; from autograder.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "capstone", "serve", "--folder", str(trained), "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    ) as process:
        text = ""
        try:
            while not (found := re.search(r"http://127\.0\.0\.1:\d+/", text)):
                assert select.select([process.stdout], [], [], 120)[0], f"it says nothing more than {text!r}"
                # not readline, which may keep back lines that select then knows nothing of
                data = os.read(process.stdout.fileno(), 1 << 16)
                assert data, process.stderr.read()
                text += data.decode()
            assert "voices.npz does not exist" in text
            assert ask(found[0], "/api/status").json["recognizer"]["about"]["corpus"] == "whistles"
            process.send_signal(getattr(signal, name))
            rest, problems = process.communicate(timeout=60)
        except BaseException:
            process.kill()
            raise
    assert process.returncode == 0 and rest.strip() == "Stopped."
    assert "Traceback" not in problems
