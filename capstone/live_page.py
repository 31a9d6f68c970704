"""The classical stage on a page: figures, examples to hear, and controls for what is made on the spot.

The same section stands in the page of `make demo` and in the own page of `speechlab capstone serve`, which
answers the controls. What was made beforehand is heard and drawn from `file://` too; the controls then say
how to make them work.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from capstone import markup
from capstone.connected_evaluation import TARGET_SNRS
from capstone.markup import parts_list, player, table, text, verdict

STYLE = Path(__file__).with_name("live.css")
SCRIPT = Path(__file__).with_name("live.js")
COLUMNS = 400  # of a drawn waveform
BAR = 144  # width of a drawn rate; the table's largest fills it


def style() -> str:
    """What the section looks like, after `markup.STYLE`."""
    return STYLE.read_text(encoding="utf-8")


def script() -> str:
    """What makes the section move, to stand at the end of the page."""
    return f"<script>\n{SCRIPT.read_text(encoding='utf-8')}</script>"


def peaks(file: Path, columns: int = COLUMNS) -> tuple[list[float], float]:
    """The outline of a sound file, in [0, 1] of its largest value, and its length in seconds.

    Raises:
        UnreadableAudio: if it cannot be read.
    """
    from labkit.corpora import read_audio

    samples, sample_rate = read_audio(file)
    pieces = np.array_split(np.abs(samples), min(columns, len(samples)))
    largest = np.array([piece.max() for piece in pieces])
    return [round(float(p), 2) for p in largest / max(largest.max(), 1e-9)], len(samples) / sample_rate


# --- what was measured and made beforehand -------------------------------------------------------------


def classical_section(result: dict[str, Any], page_folder: Path, place: str, live: str) -> str:
    """The whole classical stage.

    Args:
        result: what `capstone.classical.demo` returned.
        page_folder: where the page will lie.
        place: folder of the result's sounds and plots, as seen from the page, such as "capstone/classical".
        live: the section of controls, from `live_section`.
    """
    return f"""
<h2 id="classical">The classical stage: words in noise become text, text becomes speech</h2>
<p>No neural network works here. Mixtures of Gaussians, hidden Markov models, n-grams and transducers
recognise strings of words; stored pieces of speech, rules about formants, and hidden Markov models with
the vocoder WORLD speak.</p>
{live}
{recogniser_section(result, page_folder, place)}
{voices_section(result["voices"], place)}
"""


def recogniser_section(result: dict[str, Any], page_folder: Path, place: str) -> str:
    """Word error rates in noise, strings to hear with what was heard and when, and whose parts."""
    fast = "<p>This was the fast mode: a part of the data, so the errors are more.</p>"
    ratios = ", ".join(f"{snr:g}" for snr in TARGET_SNRS)
    target, noisy = result["target"], result["noisy"]
    low, high = noisy["interval"]
    reached = noisy["rate"] <= (target or 0)
    aim = f"target of at most {target:.0%} {'reached' if reached else 'missed'}" if target else ""
    rows = [(f"{ratios} dB together", "", noisy)]
    rows += [(name, "", errors) for name, errors in result["by_condition"].items()]
    rows += [(f"white noise, {name}", "", errors) for name, errors in result["in_white"].items()]
    strings = "".join(string_item(clip, page_folder, place) for clip in result["clips"])
    return f"""
<h3 id="connected">A recogniser of connected words</h3>
<p><strong>Data: {text(result["corpus"])}, {text(result["kind"])}.</strong> Recordings that training had not
heard were joined to strings of one to seven digits and mixed with noises that it had not heard either.</p>
{fast if result["fast"] else ""}
<p>At {ratios} dB together, {noisy["rate"]:.1%} of {noisy["words"]} words are wrong (95 % interval
{low:.1%} to {high:.1%}). {verdict(reached, aim) if target else ""}
Decoding takes {result["real_time_factor"]:.2f} s for a second of speech.</p>
{errors_table("words to noise", rows, "Word error rate by noise level", target)}
<p>The recorded noises rumble: most of their power lies below 500 Hz. White noise is the harder test.</p>
{whose(result["parts"])}
<h4>Strings to hear</h4>
<p>One of each speaker. Press a word to hear it alone, as the recogniser cut it.</p>
<ul class="strings">{strings}</ul>
"""


def whose(parts: Sequence[dict[str, str]]) -> str:
    """How many parts are the learner's, and which, folded."""
    yours = sum(entry["by"] == "yours" for entry in parts)
    return (
        f'<details class="whose"><summary>Whose parts: {yours} of {len(parts)} yours</summary>'
        f"{parts_list(parts)}</details>"
    )


def errors_table(
    first: str, rows: Sequence[tuple[str, str, dict[str, Any]]], caption: str, target: float | None = None
) -> str:
    """Word error rates with their intervals, drawn and in numbers.

    Args:
        rows: (name, what is to be known about it, {"rate", "interval", "words", and the errors as one
            number or by kind}).
        target: drawn as a dashed line.
    """
    end = max([target or 0.0, *(found["interval"][1] for _, _, found in rows), 1e-9])
    cells = []
    for name, note, found in rows:
        low, high = found["interval"]
        kinds = [found[kind] for kind in ("substitutions", "deletions", "insertions") if kind in found]
        errors = sum(kinds) if kinds else found["errors"]
        cells.append(
            [
                text(name) + (f"<br><small>{text(note)}</small>" if note else ""),
                f"{found['rate']:.1%}",
                rate_bar(found["rate"] / end, low / end, high / end, target and target / end),
                f"{low:.1%} to {high:.1%}",
                f"{errors} of {found['words']}",
            ]
        )
    drawn = "drawn" if target is None else f"drawn, the target dashed at {target:.0%}"
    head = [text(first), "word error rate", drawn, "95 % interval", "errors of words"]
    return table(head, cells, caption, [1, 3, 4])


def rate_bar(rate: float, low: float, high: float, target: float | None) -> str:
    """A bar with its interval, in shares of the width; for a screen reader the numbers stand beside it."""

    def at(value: float) -> float:
        return round(value * BAR, 1)

    dashed = f'<line class="aim" x1="{at(target)}" x2="{at(target)}" y1="-2" y2="15"/>' if target else ""
    return (
        f'<svg class="rate" viewBox="0 0 {BAR} 13" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="share" width="{at(rate)}" height="13"/>'
        f'<line class="range" x1="{at(low)}" x2="{at(high)}" y1="6.5" y2="6.5"/>{dashed}</svg>'
    )


def string_item(clip: dict[str, Any], page_folder: Path, place: str) -> str:
    """One string: player, said and heard, and the words over the waveform."""
    outline, seconds = peaks(page_folder / place / clip["wav"])
    spans = [{"label": w["word"], "start": w["start"], "end": w["end"]} for w in clip["words"]]
    data = json.dumps({"seconds": seconds, "peaks": outline, "spans": spans}, separators=(",", ":"))
    times = "".join(f"<li>{text(w['word'])} {w['start']:.2f} to {w['end']:.2f} s</li>" for w in clip["words"])
    sound = player(f"{place}/{clip['wav']}", f"{clip['said']}, said by {clip['speaker']}")
    noise = "no noise" if clip["snr_db"] is None else f"{clip['snr_db']:g} dB over {clip['noise']}"
    judged = verdict(clip["right"], "right" if clip["right"] else "not all right")
    heard = f"<strong>{text(clip['heard'] or 'no word')}</strong> {judged}"
    alt = f"Waveform and spectrogram of “{clip['said']}”, with the words that were heard"
    shown = markup.figure(place, clip["plot"], alt)
    return (
        f'<li><p class="said">said by {text(clip["speaker"])}, {text(noise)}: '
        f"<strong>{text(clip['said'])}</strong><br>heard: {heard}</p>{sound}"
        f'<div class="heard" data-heard="{text(data)}"><ol class="times">{times}</ol></div>'
        f"<details><summary>Spectrogram</summary>{shown}</details></li>"
    )


def voices_section(voices: dict[str, Any], place: str) -> str:
    """How well three voices are understood, and their sentences to hear.

    Args:
        voices: "voices" of what `capstone.classical.demo` returned.
    """
    heard, plain = voices["intelligibility"], voices["as_recorded"]
    rows = [(e["name"], manner(e), {**e, "rate": e["word_error_rate"]}) for e in heard]
    rows += [(e["name"], "as recorded", {**e, "rate": e["word_error_rate"]}) for e in plain]
    by_text: dict[str, list[dict[str, Any]]] = {}
    for example in voices["examples"]:
        by_text.setdefault(example["text"], []).append(example)
    items = []
    for said, examples in by_text.items():
        players = "".join(voice_item(example, place) for example in examples)
        items.append(
            f'<li><p class="said"><strong>{text(said)}</strong></p><ul class="players">{players}</ul></li>'
        )
    about = voices["about"]
    fast = "<p>This was the fast mode: voices learnt from fewer sentences.</p>" if about["fast"] else ""
    return f"""
<h3 id="voices">Three voices</h3>
<p><strong>Data: {text(about["corpus"])}, {about["sentences"]} sentences of
{"a person" if about["real"] else "a synthetic voice, not of a person"}.</strong> Unit selection joins stored
pieces of them; formant rules compute speech from a table of phones, without any recording; a hidden Markov
model says how long each state of each phone lasts and which spectrum it has, and WORLD makes a sound of
it.</p>
{fast}
<p>How well they are understood: the recogniser above, which was not trained on any of these voices, hears
the same strings of digits from each of them, without noise. eSpeak is the voice of the stored sentences:
what was cut from it or learnt from it is not expected to be clearer. Where the pitch and the formants of a
voice were lowered for this listener, other strings than these decided by how much, and the voice as
recorded stands below.</p>
{errors_table("who speaks", rows, "Word error rate of the recogniser on each voice")}
{_in_noise(heard)}
{whose(about["parts"])}
<h4>Sentences to hear</h4>
<ul class="says">{"".join(items)}</ul>
"""


def manner(entry: dict[str, Any]) -> str:
    """How a voice was changed for the listener, in words; nothing if it was not."""
    changes = [(entry["formants"], "pitch and formants"), (entry["speed"], "speed")]
    return ", ".join(f"{what} × {factor:g}" for factor, what in changes if factor != 1)


def _in_noise(heard: Sequence[dict[str, Any]]) -> str:
    """Word error rates of all who speak, at all noise levels that all were heard at."""
    conditions = [name for name in heard[0]["by_condition"] if all(name in e["by_condition"] for e in heard)]
    if len(conditions) < 2:
        return ""
    rows = [
        [text(e["name"]), *(f"{e['by_condition'][name]['word_error_rate']:.1%}" for name in conditions)]
        for e in heard
    ]
    columns = range(1, len(conditions) + 1)
    shown = table(
        ["word error rate in noise", *map(text, conditions)], rows, "Word error rate by noise level", columns
    )
    return f"<details><summary>The same strings in noise</summary>{shown}</details>"


def voice_item(example: dict[str, Any], place: str) -> str:
    """One sentence of one voice: player and picture."""
    name, sound = (
        text(example["name"]),
        player(f"{place}/{example['wav']}", f"{example['text']}, {example['name']}"),
    )
    alt = f"Waveform and spectrogram of “{example['text']}”, {example['name']}"
    shown = markup.figure(place, example["plot"], alt)
    return (
        f'<li><p class="said">{name}</p>{sound}<details><summary>Spectrogram</summary>{shown}</details></li>'
    )


# --- the controls --------------------------------------------------------------------------------------


def live_section(command: str) -> str:
    """Controls that work when `speechlab capstone serve` serves the page.

    Args:
        command: the one that makes them work; shown where the page is opened as a file.
    """
    return f"""
<section class="live" data-live="off" aria-labelledby="live">
<h3 id="live">Try it</h3>
<p class="notice" data-part="notice" role="status">These controls need the local server. Run
<code>{text(command)}</code> in a terminal and open the address that it prints. The examples below play
without it.</p>
<p data-part="whose"></p>
<form data-part="speak"><fieldset disabled>
<legend>Text in, speech out</legend>
<div class="row"><div class="grow"><label for="live-text">A number or a sentence</label>
<input type="text" id="live-text" name="text" value="42" autocomplete="off" spellcheck="false"></div>
<div class="grow"><label for="live-sentence">or pick a sentence</label>
<select id="live-sentence" name="sentence"><option value="">…</option></select></div>
<button type="submit" class="main">Say it</button></div>
</fieldset></form>
<p class="status" data-part="speak-status" role="status" aria-live="polite"></p>
<ul class="players" data-part="voices"></ul>
<form data-part="hear"><fieldset disabled>
<legend>A recording in, words out</legend>
<p>The recogniser knows the ten English digits, said one after the other.</p>
<div class="row"><div class="grow"><label for="live-recording">Pick a recording</label>
<select id="live-recording" name="recording"></select></div>
<button type="submit" class="main">Recognise</button></div>
<div class="row"><div class="grow"><label for="live-file">or choose a file (WAV, FLAC, MP3, OGG)</label>
<input type="file" id="live-file" name="file" accept="audio/*,.wav,.flac,.mp3,.ogg"></div>
<button type="button" name="record">Record</button></div>
</fieldset></form>
<p class="status" data-part="hear-status" role="status" aria-live="polite"></p>
<div data-part="result"></div>
</section>
"""


def own_page(result: dict[str, Any] | None, folder: Path, command: str) -> str:
    """The server's page where there is no page of `make demo`.

    Args:
        result: what `capstone.classical.demo` returned; None if it is not known.
        folder: of the result's sounds and plots; they are served beside the page.
        command: that serves this page.
    """
    controls = live_section(command)
    body = (
        f'<h2 id="classical">The classical stage</h2>{controls}'
        if result is None
        else classical_section(result, folder, ".", controls)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>speechlab: the capstone</title>
<link rel="icon" href="data:,">
<style>
{markup.STYLE.read_text(encoding="utf-8")}{style()}</style>
</head>
<body>
<main>
<h1>speechlab: the capstone</h1>
<p class="lead">Made of your own parts. A part that you have not passed yet is the reference's, and the lists
say so.</p>
{body}
</main>
{script()}
</body>
</html>
"""
