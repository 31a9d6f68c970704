"""The process in which eSpeak NG runs: jobs come in as JSON, sound goes out as bytes.

Run as a script, with nothing of ours imported: eSpeak carries state from one call to the next, and
gives the same bytes again only for the same calls, from the same random seed, in a fresh process.

stdin:  JSON, {"seed", "jobs"}; jobs is a list of {"text", "voice", "rate", "pitch"}
stdout: JSON line {"version", "sample_rate"}; then for every job four bytes (little-endian number of
        bytes that follow) and the 16-bit samples
"""

import ctypes
import json
import struct
import sys

import espeakng_loader

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: hand the samples to a callback before espeak_Synth returns
DONT_EXIT = 0x8000  # espeak_Initialize: report missing data as an error code, do not end the process
RATE, VOLUME, PITCH, RANGE = 1, 2, 3, 4  # espeak_PARAMETER
CHARS_UTF8 = 1
OK = 0


def main() -> None:
    task = json.load(sys.stdin)
    engine = ctypes.CDLL(espeakng_loader.get_library_path())
    sample_rate = engine.espeak_Initialize(
        SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), DONT_EXIT
    )
    if sample_rate <= 0:
        sys.exit(f"eSpeak NG did not start (code {sample_rate}); its data: {espeakng_loader.get_data_path()}")
    # the noise in breathy voices is drawn from a generator that starts from the clock unless told otherwise
    engine.espeak_ng_SetRandSeed(ctypes.c_long(task["seed"]))
    engine.espeak_Info.restype = ctypes.c_char_p
    version = engine.espeak_Info(None).decode()

    chunks: list[bytes] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def collect(samples, count, events):
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    engine.espeak_SetSynthCallback(collect)
    output = sys.stdout.buffer
    output.write(json.dumps({"version": version, "sample_rate": sample_rate}).encode() + b"\n")
    for job in task["jobs"]:
        if engine.espeak_SetVoiceByName(job["voice"].encode()) != OK:
            sys.exit(f"eSpeak NG has no voice {job['voice']!r}")
        # after the voice, which brings its own settings
        engine.espeak_SetParameter(RATE, job["rate"], 0)
        engine.espeak_SetParameter(PITCH, job["pitch"], 0)
        chunks.clear()
        text = job["text"].encode() + b"\0"
        if engine.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, CHARS_UTF8, None, None) != OK:
            sys.exit(f"eSpeak NG could not say {job['text']!r} with voice {job['voice']!r}")
        engine.espeak_Synchronize()
        pcm = b"".join(chunks)
        output.write(struct.pack("<I", len(pcm)) + pcm)
    output.flush()


if __name__ == "__main__":
    main()
