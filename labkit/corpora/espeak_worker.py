"""The process in which eSpeak NG runs: jobs come in as JSON, sound goes out as bytes.

Run as a script, with nothing of ours imported: eSpeak carries state from one call to the next, and
gives the same bytes again only for the same calls, from the same random seed, in a fresh process.

stdin:  JSON, {"seed", "jobs", "answer"}; jobs is a list of {"text", "voice", "rate", "pitch"};
        answer is "sound", "events" or "phonemes"
stdout: JSON line {"version", "sample_rate"}; then for every job blocks, each of four bytes (little-endian
        number of bytes that follow) and the bytes themselves:
        "sound": the 16-bit samples
        "events": the samples, then JSON, a list of [kind, position in the text, sample, string]
        "phonemes": JSON, the phonemes of every clause in IPA, "_" between phonemes, a space between words
"""

import ctypes
import json
import struct
import sys

import espeakng_loader

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: hand the samples to a callback before espeak_Synth returns
DONT_EXIT = 0x8000  # espeak_Initialize: report missing data as an error code, do not end the process
PHONEME_EVENTS, PHONEMES_IN_IPA = 1, 2  # espeak_Initialize: phoneme events, their names in IPA
RATE, PITCH = 1, 3  # espeak_PARAMETER
CHARS_UTF8 = 1
PHONEMES_WITH_TIES = 0x02 | ord("_") << 8  # espeak_TextToPhonemes: IPA, "_" between phonemes
LIST_TERMINATED = 0  # espeak_EVENT_TYPE
KINDS = {1: "word", 7: "phoneme"}
OK = 0


class Event(ctypes.Structure):
    """espeak_EVENT, as speak_lib.h declares it."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # in characters, counted from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # in milliseconds
        ("sample", ctypes.c_int),  # the same instant in samples
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),  # a union: the phoneme's name where the event is a phoneme
    ]


def main() -> None:
    task = json.load(sys.stdin)
    answer = task.get("answer", "sound")
    options = DONT_EXIT | (PHONEME_EVENTS | PHONEMES_IN_IPA if answer == "events" else 0)
    engine = ctypes.CDLL(espeakng_loader.get_library_path())
    sample_rate = engine.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), options)
    if sample_rate <= 0:
        sys.exit(f"eSpeak NG did not start (code {sample_rate}); its data: {espeakng_loader.get_data_path()}")
    # the noise in breathy voices is drawn from a generator that starts from the clock unless told otherwise
    engine.espeak_ng_SetRandSeed(ctypes.c_long(task["seed"]))
    engine.espeak_Info.restype = ctypes.c_char_p
    version = engine.espeak_Info(None).decode()

    chunks: list[bytes] = []
    events: list[tuple[str, int, int, str]] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))
    def collect(samples, count, heard):
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        position = 0
        while answer == "events" and heard and heard[position].type != LIST_TERMINATED:
            event = heard[position]
            if event.type in KINDS:
                # only a phoneme's event has a name; a word's has a number in its place
                name = event.string.decode("utf-8", "ignore") if event.type == 7 else ""
                events.append((KINDS[event.type], event.text_position, event.sample, name))
            position += 1
        return 0

    engine.espeak_SetSynthCallback(collect)
    output = sys.stdout.buffer

    def send(block: bytes) -> None:
        output.write(struct.pack("<I", len(block)) + block)

    output.write(json.dumps({"version": version, "sample_rate": sample_rate}).encode() + b"\n")
    for job in task["jobs"]:
        if engine.espeak_SetVoiceByName(job["voice"].encode()) != OK:
            sys.exit(f"eSpeak NG has no voice {job['voice']!r}")
        text = job["text"].encode() + b"\0"
        if answer == "phonemes":
            send(json.dumps(phonemes_of(engine, text)).encode())
            continue
        # after the voice, which brings its own settings
        engine.espeak_SetParameter(RATE, job["rate"], 0)
        engine.espeak_SetParameter(PITCH, job["pitch"], 0)
        chunks.clear()
        events.clear()
        if engine.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, CHARS_UTF8, None, None) != OK:
            sys.exit(f"eSpeak NG could not say {job['text']!r} with voice {job['voice']!r}")
        engine.espeak_Synchronize()
        send(b"".join(chunks))
        if answer == "events":
            send(json.dumps(events).encode())
    output.flush()


def phonemes_of(engine: ctypes.CDLL, text: bytes) -> list[str]:
    """The phonemes of every clause of a text, without saying it."""
    engine.espeak_TextToPhonemes.restype = ctypes.c_char_p
    buffer = ctypes.create_string_buffer(text)
    rest = ctypes.c_void_p(ctypes.addressof(buffer))
    clauses = []
    while rest.value:
        clauses.append(engine.espeak_TextToPhonemes(ctypes.byref(rest), CHARS_UTF8, PHONEMES_WITH_TIES))
    return [clause.decode() for clause in clauses if clause]


if __name__ == "__main__":
    main()
